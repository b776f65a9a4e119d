/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "state/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"

static char folder[64];

static int
set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test-store-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static void
remove_found(void *owner, const char *name)
{
    AUTO_ERROR err = {0};

    (void)owner;
    assert_int_equal(store_remove(folder, name, &err), 0);
}

/* Fails where anything is left that store_each() does not show. */
static int
tear_down(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(store_each(folder, "", remove_found, NULL, &err), 0);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static void
save(const char *name, const char *text)
{
    AUTO_ERROR err = {0};

    if (store_save_text(folder, name, text, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

static void
assert_content(const char *name, const char *wanted)
{
    AUTO_ERROR err = {0};
    AUTO_FREE char *text = store_load_text(folder, name, 1000000, &err);

    if (!text) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(text, wanted);
}

static void
add_name(void *owner, const char *name)
{
    struct text *names = owner;

    text_add(names, name);
    text_add(names, " ");
}

static void
assert_names(const char *suffix, const char *wanted)
{
    AUTO_TEXT names = {0};
    AUTO_ERROR err = {0};

    text_add(&names, "");
    assert_int_equal(store_each(folder, suffix, add_name, &names, &err), 0);
    assert_string_equal(names.data, wanted);
}

static void
a_record_is_saved_and_loaded(void **state)
{
    AUTO(record) *record = record_new(2);
    AUTO(record) *loaded = NULL;
    AUTO_ERROR err = {0};

    (void)state;
    record_set_text(record, "x", "first");
    assert_int_equal(store_save(folder, "web1.json", record, &err), 0);
    record_set_text(record, "x", "second");
    assert_int_equal(store_save(folder, "web1.json", record, &err), 0);
    loaded = store_load(folder, "web1.json", &err);
    assert_non_null(loaded);
    assert_int_equal(record_version(loaded), 2);
    assert_string_equal(record_find_text(loaded, "x", ""), "second");
}

static void
files_are_private(void **state)
{
    AUTO_FREE char *path = xasprintf("%s/x.xml", folder);
    mode_t before = umask(0);
    struct stat file;

    (void)state;
    save("x.xml", "<domain/>");
    umask(before);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
}

static void
what_is_missing_is_told_apart_from_what_is_damaged(void **state)
{
    AUTO_ERROR err = {0};
    AUTO_FREE char *wanted =
        xasprintf("reading '%s/x': the record has no 'version'", folder);

    (void)state;
    assert_null(store_load(folder, "x", &err));
    assert_int_equal(err.code, ERROR_SYSTEM);
    assert_int_equal(err.errnum, ENOENT);
    error_clear(&err);
    save("x", "{}");
    assert_null(store_load(folder, "x", &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_string_equal(err.message, wanted);
}

static void
a_text_beyond_the_limit_is_refused(void **state)
{
    AUTO_ERROR err = {0};
    AUTO_FREE char *text = NULL;

    (void)state;
    save("x", "12345");
    assert_null(store_load_text(folder, "x", 4, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    error_clear(&err);
    text = store_load_text(folder, "x", 5, &err);
    assert_string_equal(text, "12345");
}

static void
a_text_with_a_nul_inside_is_refused(void **state)
{
    AUTO_FREE char *path = xasprintf("%s/x", folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(write(fd, "a\0b", 3), 3);
    close(fd);
    assert_null(store_load_text(folder, "x", 100, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
}

static void
what_is_no_regular_file_is_not_read(void **state)
{
    AUTO_FREE char *fifo = xasprintf("%s/fifo", folder);
    AUTO_FREE char *other = xasprintf("%s/link", folder);
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_null(store_load_text(folder, "fifo", 100, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    error_clear(&err);
    assert_int_equal(symlink("/etc/passwd", other), 0);
    assert_null(store_load_text(folder, "link", 100000, &err));
    assert_int_equal(err.errnum, ELOOP);
    assert_names("", "");
    unlink(fifo);
    unlink(other);
}

static void
a_name_cannot_leave_its_folder(void **state)
{
    static const char *const names[] = {"", ".", "..", "../x", "a/b", ".x"};
    char longest[202];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        AUTO_ERROR save_err = {0}, load_err = {0}, remove_err = {0},
                   aside_err = {0};

        assert_int_equal(store_save_text(folder, names[i], "", &save_err), -1);
        assert_null(store_load_text(folder, names[i], 1, &load_err));
        assert_int_equal(store_remove(folder, names[i], &remove_err), -1);
        assert_null(store_set_aside(folder, names[i], &aside_err));
        assert_int_equal(save_err.code, ERROR_INVALID_ARG);
        assert_int_equal(load_err.code, ERROR_INVALID_ARG);
        assert_int_equal(remove_err.code, ERROR_INVALID_ARG);
        assert_int_equal(aside_err.code, ERROR_INVALID_ARG);
    }
    memset(longest, 'x', 201);
    longest[201] = '\0';
    {
        AUTO_ERROR err = {0};

        assert_int_equal(store_save_text(folder, longest, "", &err), -1);
    }
    longest[200] = '\0';
    save(longest, "x");
}

/* RLIMIT_FSIZE stands in for a disk that is full in mid-write. */
static void
a_failed_save_leaves_the_old_file_and_nothing_else(void **state)
{
    struct rlimit before, small;
    AUTO_FREE char *large = xcalloc(100001, 1);
    AUTO_ERROR err = {0};

    (void)state;
    memset(large, 'x', 100000);
    save("x", "old");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(store_save_text(folder, "x", large, &err), -1);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(err.errnum, EFBIG);
    assert_content("x", "old");
    /* tear_down() sees that nothing hidden is left. */
}

static void
removing_what_is_not_there_is_no_error(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    save("x", "");
    assert_int_equal(store_remove(folder, "x", &err), 0);
    assert_int_equal(store_remove(folder, "x", &err), 0);
    assert_int_equal(store_remove("/nonexistent", "x", &err), 0);
    assert_names("", "");
}

static void
setting_aside_never_overwrites(void **state)
{
    (void)state;
    for (int i = 1; i <= 3; i++) {
        AUTO_FREE char *content = xasprintf("damaged %d", i);
        AUTO_FREE char *wanted = xasprintf("x.json.unreadable-%d", i);
        AUTO_FREE char *name = NULL;
        AUTO_ERROR err = {0};

        save("x.json", content);
        name = store_set_aside(folder, "x.json", &err);
        assert_non_null(name);
        assert_string_equal(name, wanted);
        assert_content(name, content);
    }
    assert_content("x.json.unreadable-1", "damaged 1");
    assert_names(".json", "");
}

static void
setting_aside_what_is_missing_is_an_error(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    assert_null(store_set_aside(folder, "x", &err));
    assert_int_equal(err.errnum, ENOENT);
}

static void
names_come_in_order_and_without_hidden_ones(void **state)
{
    AUTO_FREE char *hidden = xasprintf("%s/.writing-1-0", folder);
    AUTO_FREE char *inner = xasprintf("%s/folder.xml", folder);
    AUTO_ERROR err = {0};

    (void)state;
    save("b.xml", "");
    save("a.xml", "");
    save("c.json", "");
    close(open(hidden, O_WRONLY | O_CREAT, 0600));
    mkdir(inner, 0700);
    assert_names(".xml", "a.xml b.xml ");
    assert_names("", "a.xml b.xml c.json ");
    assert_int_equal(store_each("/nonexistent", "", add_name, NULL, &err), 0);
    assert_int_equal(store_clean(folder, &err), 0);
    assert_int_equal(access(hidden, F_OK), -1);
    assert_names("", "a.xml b.xml c.json ");
    rmdir(inner);
}

static void
a_left_over_temporary_file_does_not_stop_a_save(void **state)
{
    AUTO_FREE char *path = xasprintf("%s/.writing-%d-0", folder, (int)getpid());
    AUTO_ERROR err = {0};

    (void)state;
    close(open(path, O_WRONLY | O_CREAT, 0600));
    save("x", "text");
    assert_content("x", "text");
    assert_int_equal(store_clean(folder, &err), 0);
}

static void
folders_are_made_with_those_above(void **state)
{
    AUTO_FREE char *outer = xasprintf("%s/a", folder);
    AUTO_FREE char *inner = xasprintf("%s/a/b", folder);
    AUTO_FREE char *file = xasprintf("%s/file", folder);
    AUTO_ERROR err = {0};
    struct stat info;

    (void)state;
    assert_int_equal(store_make_folder(inner, &err), 0);
    assert_int_equal(store_make_folder(inner, &err), 0);
    assert_int_equal(stat(inner, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    save("file", "");
    assert_int_equal(store_make_folder(file, &err), -1);
    assert_int_equal(err.errnum, ENOTDIR);
    rmdir(inner);
    rmdir(outer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_saved_and_loaded),
        TEST(files_are_private),
        TEST(what_is_missing_is_told_apart_from_what_is_damaged),
        TEST(a_text_beyond_the_limit_is_refused),
        TEST(a_text_with_a_nul_inside_is_refused),
        TEST(what_is_no_regular_file_is_not_read),
        TEST(a_name_cannot_leave_its_folder),
        TEST(a_failed_save_leaves_the_old_file_and_nothing_else),
        TEST(removing_what_is_not_there_is_no_error),
        TEST(setting_aside_never_overwrites),
        TEST(setting_aside_what_is_missing_is_an_error),
        TEST(names_come_in_order_and_without_hidden_ones),
        TEST(a_left_over_temporary_file_does_not_stop_a_save),
        TEST(folders_are_made_with_those_above),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
