/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/capabilities.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "qemu_fixture.h"

struct asked {
    unsigned count;
    const struct qemu_capabilities *caps;
    struct error err;
};

static void
caps_came(void *owner, const struct qemu_capabilities *caps,
          const struct error *err)
{
    struct asked *asked = owner;

    assert_true(!caps == !!err);
    asked->count++;
    asked->caps = caps;
    error_clear(&asked->err);
    if (err) {
        error_copy(&asked->err, err);
    }
}

/* Of the only file of the cache; caller frees. */
static char *
cache_file(struct fixture *f)
{
    DIR *entries = opendir(f->folder);
    struct dirent *entry;
    char *path = NULL;

    while ((entry = readdir(entries))) {
        if (strstr(entry->d_name, ".json")) {
            assert_null(path);
            path = xasprintf("%s/%s", f->folder, entry->d_name);
        }
    }
    closedir(entries);
    return path;
}

static void
real_qemu_tells_what_it_can_do(void **state)
{
    const char *qemu = real_qemu();
    struct qemu_capabilities_cache *cache;
    struct asked asked = {0};
    struct fixture *f;

    (void)state;
    if (!qemu) {
        skip();
    }
    f = fixture_new();
    cache = qemu_capabilities_cache_new(f->loop, NULL);
    assert_null(qemu_capabilities_known(cache, qemu));
    qemu_capabilities_get(cache, qemu, caps_came, &asked);
    run_until(f, &asked.count, 1);
    if (asked.err.message) {
        fail_msg("%s", asked.err.message);
    }
    assert_true(qemu_capabilities_version(asked.caps) >= 5000000);
    assert_string_equal(asked.caps->arch, "x86_64");
    assert_string_equal(asked.caps->binary, qemu);
    assert_memory_equal(qemu_capabilities_machine(asked.caps, "pc"),
                        "pc-i440fx-", 10);
    assert_string_equal(
        qemu_capabilities_machine(asked.caps,
                                  qemu_capabilities_machine(asked.caps, "q35")),
        qemu_capabilities_machine(asked.caps, "q35"));
    assert_null(qemu_capabilities_machine(asked.caps, "pdp-11"));
    assert_non_null(qemu_capabilities_find_machine(asked.caps, NULL));
    assert_string_equal(
        qemu_capabilities_find_machine(asked.caps, "pc")->default_cpu,
        "qemu64");
    assert_true(qemu_capabilities_find_machine(asked.caps, "pc")->max_cpus >
                100);
    /* Whether others are depends on the processor, also without KVM. */
    assert_non_null(qemu_capabilities_find_cpu_model(asked.caps, "qemu64"));
    assert_true(qemu_capabilities_find_cpu_model(asked.caps, "max")->is_usable);
    assert_null(qemu_capabilities_find_cpu_model(asked.caps, "z80"));
    assert_true(asked.caps->migration_capabilities & QMP_CAPABILITY_EVENTS);
    assert_ptr_equal(qemu_capabilities_known(cache, qemu), asked.caps);
    qemu_capabilities_cache_free(cache);
    fixture_free(f);
}

/* A QEMU that counts how often it is started. */
static char *
counting_qemu(struct fixture *f, const char *qemu)
{
    AUTO_FREE char *text =
        xasprintf("echo x >> %s/count\nexec %s \"$@\"", f->folder, qemu);

    return write_script(f, text);
}

static int64_t
starts(struct fixture *f)
{
    AUTO_FREE char *path = xasprintf("%s/count", f->folder);
    struct stat status;

    return stat(path, &status) < 0 ? 0 : status.st_size / 2;
}

static void
binary_is_asked_once_until_it_changes(void **state)
{
    const char *qemu = real_qemu();
    struct qemu_capabilities_cache *cache;
    struct asked asked = {0};
    struct fixture *f;
    const struct qemu_capabilities *first;
    struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    (void)state;
    if (!qemu) {
        skip();
    }
    f = fixture_new();
    AUTO_FREE char *binary = counting_qemu(f, qemu);
    cache = qemu_capabilities_cache_new(f->loop, f->folder);
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    run_until(f, &asked.count, 2);
    assert_non_null(asked.caps);
    assert_int_equal(starts(f), 1);
    first = asked.caps;

    /* From memory. */
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    assert_int_equal(asked.count, 2);
    run_until(f, &asked.count, 3);
    assert_ptr_equal(asked.caps, first);
    qemu_capabilities_cache_free(cache);

    /* From the disk. */
    cache = qemu_capabilities_cache_new(f->loop, f->folder);
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    run_until(f, &asked.count, 4);
    assert_int_equal(starts(f), 1);
    assert_non_null(qemu_capabilities_machine(asked.caps, "pc"));
    first = asked.caps;

    /* An update; what was given out stays. */
    assert_int_equal(utimensat(AT_FDCWD, binary, times, 0), 0);
    assert_null(qemu_capabilities_known(cache, binary));
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    run_until(f, &asked.count, 5);
    assert_int_equal(starts(f), 2);
    assert_ptr_not_equal(asked.caps, first);
    assert_non_null(qemu_capabilities_machine(first, "pc"));
    qemu_capabilities_cache_free(cache);
    fixture_free(f);
}

static void
damaged_file_is_as_good_as_none(void **state)
{
    static const char *const contents[] = {
        "", "{", "[]", "{\"version\":2}", "{\"version\":1,\"binary\":7}",
    };
    const char *qemu = real_qemu();
    struct asked asked = {0};
    struct fixture *f;

    (void)state;
    if (!qemu) {
        skip();
    }
    f = fixture_new();
    AUTO_FREE char *binary = counting_qemu(f, qemu);
    for (unsigned i = 0; i < ARRAY_COUNT(contents); i++) {
        struct qemu_capabilities_cache *cache =
            qemu_capabilities_cache_new(f->loop, f->folder);

        qemu_capabilities_get(cache, binary, caps_came, &asked);
        run_until(f, &asked.count, i + 1);
        assert_non_null(asked.caps);
        assert_int_equal(starts(f), i + 1);
        qemu_capabilities_cache_free(cache);

        AUTO_FREE char *path = cache_file(f);
        int fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, contents[i], strlen(contents[i])),
                         strlen(contents[i]));
        close(fd);
    }
    fixture_free(f);
}

static void
failing_binary_says_why_and_is_asked_again(void **state)
{
    struct fixture *f = fixture_new();
    struct qemu_capabilities_cache *cache =
        qemu_capabilities_cache_new(f->loop, f->folder);
    AUTO_FREE char *binary =
        write_script(f, "echo x >> \"${0%/*}/count\"\n"
                        "echo 'qemu: no library' >&2; exit 127");
    struct asked asked = {0};

    (void)state;
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    run_until(f, &asked.count, 1);
    assert_non_null(
        strstr(asked.err.message, "it exited with status 127: no library"));
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    run_until(f, &asked.count, 2);
    assert_int_equal(starts(f), 2);

    qemu_capabilities_get(cache, "/nowhere/qemu", caps_came, &asked);
    assert_int_equal(asked.count, 2);
    run_until(f, &asked.count, 3);
    assert_non_null(
        strstr(asked.err.message, "/nowhere/qemu: No such file or directory"));
    error_clear(&asked.err);
    qemu_capabilities_cache_free(cache);
    fixture_free(f);
}

static void
binary_that_talks_nonsense_is_an_error(void **state)
{
    struct fixture *f = fixture_new();
    struct qemu_capabilities_cache *cache =
        qemu_capabilities_cache_new(f->loop, f->folder);
    AUTO_FREE char *binary = write_script(f, "echo hello >&3; exec sleep 1000");
    struct asked asked = {0};

    (void)state;
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    run_until(f, &asked.count, 1);
    assert_non_null(strstr(asked.err.message, "not a JSON object"));
    error_clear(&asked.err);
    qemu_capabilities_cache_free(cache);
    fixture_free(f);
}

static void
forgotten_and_abandoned_requests_are_not_answered(void **state)
{
    struct fixture *f = fixture_new();
    struct qemu_capabilities_cache *cache =
        qemu_capabilities_cache_new(f->loop, f->folder);
    AUTO_FREE char *binary = write_script(f, "exit 1");
    AUTO_FREE char *slow = NULL;
    struct asked asked = {0};
    struct asked other = {0};

    (void)state;
    qemu_capabilities_get(cache, binary, caps_came, &other);
    qemu_capabilities_get(cache, binary, caps_came, &asked);
    qemu_capabilities_forget(cache, &other);
    run_until(f, &asked.count, 1);
    assert_int_equal(other.count, 0);
    error_clear(&asked.err);

    slow = write_script(f, "exec sleep 1000");
    qemu_capabilities_get(cache, slow, caps_came, &other);
    qemu_capabilities_cache_free(cache);
    assert_int_equal(other.count, 0);
    fixture_free(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_qemu_tells_what_it_can_do),
        cmocka_unit_test(binary_is_asked_once_until_it_changes),
        cmocka_unit_test(damaged_file_is_as_good_as_none),
        cmocka_unit_test(failing_binary_says_why_and_is_asked_again),
        cmocka_unit_test(binary_that_talks_nonsense_is_an_error),
        cmocka_unit_test(forgotten_and_abandoned_requests_are_not_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
