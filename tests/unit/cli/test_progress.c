/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/output.h"

static void
add_number(struct vmferry_values *values, const char *name, uint64_t number)
{
    const struct vmferry_value value = {
        .name = name,
        .type = VMFERRY_TYPE_ULLONG,
        .u.ul = number,
    };

    vmferry_values_add(values, &value);
}

static const char *
line_of(const struct copy_numbers *numbers)
{
    static char text[PROGRESS_SIZE];

    return progress_line(numbers, text);
}

static void
line_shows_amount_rates_pass_blackout_and_time_left(void **state)
{
    const struct copy_numbers numbers = {
        .total_bytes = 4ull << 30,
        .remaining_bytes = 1ull << 30,
        .rate = 100 << 20,
        .dirty_rate = 50 << 20,
        .iteration = 3,
        .downtime_ms = 40,
    };

    (void)state;
    assert_string_equal(line_of(&numbers),
                        "perform  75%  3.0 GiB of 4.0 GiB  100 MiB/s  written "
                        "50.0 MiB/s  pass 3  blackout ~40 ms  20.48 s left");
}

static void
line_leaves_out_what_the_daemon_does_not_say(void **state)
{
    const struct copy_numbers nothing = {0};

    (void)state;
    assert_string_equal(line_of(&nothing), "perform");
}

static void
line_says_that_a_guest_writes_too_fast(void **state)
{
    const struct copy_numbers numbers = {
        .total_bytes = 1 << 30,
        .remaining_bytes = 1 << 20,
        .rate = 10 << 20,
        .dirty_rate = 10 << 20,
    };

    (void)state;
    assert_non_null(strstr(line_of(&numbers), "no end in sight"));
}

static void
line_survives_numbers_that_make_no_sense(void **state)
{
    const struct copy_numbers numbers = {
        .total_bytes = 1,
        .remaining_bytes = UINT64_MAX,
        .rate = UINT64_MAX,
        .dirty_rate = UINT64_MAX - 1,
        .iteration = UINT64_MAX,
        .downtime_ms = UINT64_MAX,
    };

    (void)state;
    assert_true(strlen(line_of(&numbers)) < PROGRESS_SIZE);
    assert_non_null(strstr(line_of(&numbers), "  0%"));
}

static void
numbers_are_read_by_libvirts_names(void **state)
{
    struct vmferry_values *values = vmferry_values_new();
    struct copy_numbers numbers;

    (void)state;
    add_number(values, "data_total", 100);
    add_number(values, "data_remaining", 40);
    add_number(values, "memory_bps", 7);
    add_number(values, "disk_bps", 3);
    add_number(values, "memory_dirty_rate", 2);
    add_number(values, "memory_page_size", 8192);
    add_number(values, "memory_iteration", 5);
    add_number(values, "downtime", 300);
    copy_numbers_read(values, &numbers);
    vmferry_values_free(values);
    assert_int_equal(numbers.total_bytes, 100);
    assert_int_equal(numbers.remaining_bytes, 40);
    assert_int_equal(numbers.rate, 10);
    assert_int_equal(numbers.dirty_rate, 16384);
    assert_int_equal(numbers.iteration, 5);
    assert_int_equal(numbers.downtime_ms, 300);
}

static void
times_and_amounts_have_the_unit_that_fits(void **state)
{
    char text[AMOUNT_SIZE];

    (void)state;
    assert_string_equal(format_time(1234, text), "1.2 ms");
    assert_string_equal(format_time(54321, text), "54 ms");
    assert_string_equal(format_time(1575000, text), "1.57 s");
    assert_string_equal(format_time(192000000, text), "3 min 12 s");
    assert_string_equal(format_time(7380000000, text), "2 h 3 min");
    assert_string_equal(format_bytes(0, text), "0 B");
    assert_string_equal(format_bytes(1023, text), "1023 B");
    assert_string_equal(format_bytes(1536, text), "1.5 KiB");
    assert_string_equal(format_bytes(UINT64_MAX, text), "16.0 EiB");
}

static void
report_has_every_phase_the_blackout_and_the_bytes(void **state)
{
    struct vmferry_report report = {
        .outcome = VMFERRY_MOVED,
        .total_us = 1575000,
        .phase_us = {4000, 3000, 312000, 1204000, 12000, 40000},
        .statistics = vmferry_values_new(),
        .name = (char *)"web1",
        .state = VMFERRY_STATE_RUNNING,
    };
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    (void)state;
    add_number(report.statistics, "downtime", 54);
    add_number(report.statistics, "data_processed", 101 << 20);
    add_number(report.statistics, "data_total", 128 << 20);
    add_number(report.statistics, "memory_iteration", 3);
    report_print(file, "qemu+tcp://hostb/system", &report);
    fclose(file);
    vmferry_values_free(report.statistics);
    assert_non_null(
        strstr(text, "web1 is now on qemu+tcp://hostb/system, running\n"));
    for (int i = 0; i < VMFERRY_PHASE_COUNT; i++) {
        assert_non_null(
            strstr(text, vmferry_phase_name((enum vmferry_phase)i)));
    }
    assert_non_null(strstr(text, "  prepare   312 ms "));
    assert_non_null(strstr(text, "  total     1.57 s\n"));
    assert_non_null(strstr(text, "  blackout  54 ms "));
    assert_non_null(strstr(text, "101 MiB    of 128 MiB in 3 passes\n"));
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_shows_amount_rates_pass_blackout_and_time_left),
        cmocka_unit_test(line_leaves_out_what_the_daemon_does_not_say),
        cmocka_unit_test(line_says_that_a_guest_writes_too_fast),
        cmocka_unit_test(line_survives_numbers_that_make_no_sense),
        cmocka_unit_test(numbers_are_read_by_libvirts_names),
        cmocka_unit_test(times_and_amounts_have_the_unit_that_fits),
        cmocka_unit_test(report_has_every_phase_the_blackout_and_the_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
