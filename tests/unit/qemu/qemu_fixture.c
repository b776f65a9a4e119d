/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"

enum { PATIENCE_MS = 20000 };

static void note(struct fixture *f, char letter);
static void process_started(void *owner);
static void process_event(void *owner, const struct qmp_event *event);
static void process_lost(void *owner, const struct error *why);
static void process_ended(void *owner, const struct error *why);
static void remove_folder(const char *folder);

const struct qemu_process_callbacks fixture_callbacks = {
    .started = process_started,
    .event = process_event,
    .monitor_lost = process_lost,
    .ended = process_ended,
};

const char *
real_qemu(void)
{
    static const char path[] = "/usr/bin/qemu-system-x86_64";

    if (access(path, X_OK) == 0) {
        return path;
    }
    print_message("# no %s: install qemu-system-x86\n", path);
    return NULL;
}

struct fixture *
fixture_new(void)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    AUTO_ERROR err = {0};

    f->loop = loop_new(&err);
    assert_non_null(f->loop);
    strcpy(f->folder, "/tmp/vmferry-qemu-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->log_path = xasprintf("%s/log", f->folder);
    f->monitor_path = xasprintf("%s/monitor", f->folder);
    return f;
}

void
fixture_free(struct fixture *f)
{
    if (f->process && qemu_process_state(f->process) != QEMU_PROCESS_ENDED) {
        qemu_process_kill(f->process);
        run_until(f, &f->ended_count, 1);
    }
    qemu_process_free(f->process);
    loop_free(f->loop);
    remove_folder(f->folder);
    error_clear(&f->why);
    error_clear(&f->failed);
    free(f->log_path);
    free(f->monitor_path);
    free(f);
}

struct qemu_process *
start(struct fixture *f, const char *binary, char *const *arguments,
      int64_t timeout_ms)
{
    char *argv[32] = {(char *)binary, QEMU_MONITOR_ARGUMENTS};
    size_t count = 5;
    struct qemu_process_options options = {
        .binary = binary,
        .argv = argv,
        .log_path = f->log_path,
        .monitor_path = f->monitor_path,
        .start_timeout_ms = timeout_ms,
    };

    for (size_t i = 0; arguments[i]; i++) {
        assert_true(count < ARRAY_COUNT(argv) - 1);
        argv[count++] = arguments[i];
    }
    error_clear(&f->failed);
    f->process = qemu_process_start(f->loop, &options, &fixture_callbacks, f,
                                    &f->failed);
    return f->process;
}

char *
write_script(struct fixture *f, const char *text)
{
    char *path = xasprintf("%s/script", f->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

    assert_true(fd >= 0);
    assert_true(dprintf(fd, "#!/bin/sh\n%s\n", text) > 0);
    close(fd);
    return path;
}

void
run_until(struct fixture *f, const unsigned *number, unsigned wanted)
{
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};

    while (*number < wanted) {
        assert_true(monotonic_ms() < deadline);
        assert_int_equal(loop_step(f->loop, 100, &err), 0);
    }
}

void
status_came(void *owner, const struct qmp_status *status,
            const struct error *err)
{
    struct fixture *f = owner;

    done_came(owner, err);
    if (status) {
        f->run_state = status->state;
    }
}

void
done_came(void *owner, const struct error *err)
{
    struct fixture *f = owner;

    f->reply_count++;
    note(f, 'd');
    error_clear(&f->failed);
    if (err) {
        error_copy(&f->failed, err);
    }
}

static void
note(struct fixture *f, char letter)
{
    size_t length = strlen(f->order);

    if (length < sizeof(f->order) - 1) {
        f->order[length] = letter;
    }
}

static void
process_started(void *owner)
{
    struct fixture *f = owner;

    f->started_count++;
    note(f, 's');
}

static void
process_event(void *owner, const struct qmp_event *event)
{
    struct fixture *f = owner;

    f->event_count++;
    f->last_event = event->type;
    note(f, 'v');
}

static void
process_lost(void *owner, const struct error *why)
{
    struct fixture *f = owner;

    f->lost_count++;
    note(f, 'l');
    error_clear(&f->why);
    error_copy(&f->why, why);
}

static void
process_ended(void *owner, const struct error *why)
{
    struct fixture *f = owner;

    f->ended_count++;
    note(f, 'e');
    error_clear(&f->why);
    error_copy(&f->why, why);
}

/* Flat. */
static void
remove_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        unlinkat(dirfd(entries), entry->d_name, 0);
    }
    if (entries) {
        closedir(entries);
    }
    rmdir(folder);
}
