/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/log_tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"

static void
check(const char *log, const char *expected)
{
    AUTO_FREE char *tail = qemu_log_shorten(log, strlen(log));

    assert_string_equal(tail, expected);
}

static void
time_and_name_are_taken_off(void **state)
{
    (void)state;
    check("2024-01-31T10:00:00.123456Z qemu-system-x86_64: bad\n", "bad");
    check("qemu-system-x86_64: -device x: bad\r\n", "-device x: bad");
    check("2024 qemu: bad", "2024 qemu: bad");
    check("qemu is not a name: x", "qemu is not a name: x");
    check("qemu:x", "qemu:x");
    check("qemu:", "qemu:");
}

static void
warnings_are_left_out_where_there_is_an_error(void **state)
{
    (void)state;
    check("qemu: warning: a\nbad\nqemu: warning: b\nworse", "bad; worse");
    check("qemu: warning: a\n\nqemu: warning: b\n", "warning: a; warning: b");
    check("", "");
}

static void
only_the_last_lines_are_kept(void **state)
{
    AUTO_TEXT log = {0};

    (void)state;
    for (int i = 1; i <= 100; i++) {
        text_addf(&log, "line %d\n", i);
    }
    check(log.data, "line 91; line 92; line 93; line 94; line 95; line 96; "
                    "line 97; line 98; line 99; line 100");
}

static void
rubbish_becomes_printable(void **state)
{
    (void)state;
    check("a\x1b[31m\tb\xff\xfe", "a [31m b??");
    check("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
}

static void
huge_log_is_read_from_its_end(void **state)
{
    AUTO_CLOSE int fd = memfd_create("log", MFD_CLOEXEC);
    AUTO_FREE char *tail = NULL;

    (void)state;
    assert_int_equal(ftruncate(fd, 100 * 1024 * 1024), 0);
    assert_int_equal(pwrite(fd, "\nthe end\n", 9, 100 * 1024 * 1024), 9);
    tail = qemu_log_tail(fd, 0);
    assert_true(strlen(tail) < 1000);
    assert_non_null(strstr(tail, "the end"));
}

static void
offset_behind_the_end_gives_nothing(void **state)
{
    AUTO_CLOSE int fd = memfd_create("log", MFD_CLOEXEC);
    AUTO_FREE char *tail = NULL;

    (void)state;
    assert_int_equal(pwrite(fd, "x\n", 2, 0), 2);
    tail = qemu_log_tail(fd, 1000);
    assert_string_equal(tail, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_and_name_are_taken_off),
        cmocka_unit_test(warnings_are_left_out_where_there_is_an_error),
        cmocka_unit_test(only_the_last_lines_are_kept),
        cmocka_unit_test(rubbish_becomes_printable),
        cmocka_unit_test(huge_log_is_read_from_its_end),
        cmocka_unit_test(offset_behind_the_end_gives_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
