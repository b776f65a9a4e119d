/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/statistics.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"

static const struct migration_report report = {
    .counters =
        {
                   .memory_total = 118300672,
                   .memory_processed = 1247051,
                   .memory_bps = 8899649,
                   .has_memory_pages = true,
                   .memory_constant = 28645,
                   .memory_normal = 241,
                   .memory_normal_bytes = 987136,
                   .memory_iteration = 2,
                   .memory_page_size = 4096,
                   },
    .has_downtime = true,
    .downtime = 300,
    .has_setup_time = true,
    .setup_time = 4,
};

/* The course of the run that cookie tests have the cookies of. */
static void
run_source(struct migration_statistics *statistics)
{
    migration_statistics_start(statistics, 1795387168022);
    migration_statistics_update(statistics, &report, 1795387170000);
    migration_statistics_stopped(statistics, 1795387171609);
    migration_statistics_sent(statistics, 1795387171694);
}

static char *
format_list(const struct parameters *list)
{
    struct text text = {0};

    for (size_t i = 0; i < list->count; i++) {
        const struct parameter *item = &list->items[i];

        text_addf(&text, "%s %s ", item->name, parameter_type_name(item->type));
        if (item->type == PARAMETER_INT) {
            text_addf(&text, "%" PRId32 "\n", item->value.i);
        } else {
            text_addf(&text, "%" PRIu64 "\n", item->value.ul);
        }
    }
    return text_take(&text);
}

static void
assert_list(const struct migration_statistics *statistics,
            enum migration_operation operation, const char *expected)
{
    AUTO_PARAMETERS list = {0};
    AUTO_FREE char *text = NULL;

    migration_statistics_list(statistics, operation, &list);
    text = format_list(&list);
    assert_string_equal(text, expected);
}

static void
the_source_knows_its_own_times(void **state)
{
    struct migration_statistics statistics;

    (void)state;
    run_source(&statistics);
    assert_int_equal(statistics.time_elapsed, 3672);
    assert_true(statistics.has_downtime);
    assert_int_equal(statistics.downtime, 85);
    assert_false(statistics.has_delta);
}

static void
the_destination_uses_its_own_clock(void **state)
{
    struct migration_statistics statistics;

    (void)state;
    run_source(&statistics);
    migration_statistics_received(&statistics, 1795387171699);
    migration_statistics_resumed(&statistics, 1795387171714);
    assert_true(statistics.has_delta);
    assert_int_equal(statistics.delta, 5);
    assert_int_equal(statistics.time_elapsed, 3692);
    assert_int_equal(statistics.downtime, 105);
    assert_int_equal(statistics.sent, 1795387171694);
}

static void
a_clock_that_is_behind_gives_no_negative_times(void **state)
{
    struct migration_statistics statistics;
    AUTO_PARAMETERS list = {0};

    (void)state;
    run_source(&statistics);
    migration_statistics_received(&statistics, 1795387100000);
    migration_statistics_resumed(&statistics, 1795387100010);
    assert_int_equal(statistics.delta, -71694);
    assert_int_equal(statistics.time_elapsed, 0);
    assert_int_equal(statistics.downtime, 0);
    migration_statistics_list(&statistics, MIGRATION_OPERATION_IN, &list);
    assert_int_equal(parameters_find(&list, "downtime_net")->value.ul, 71694);
}

static void
the_list_is_in_libvirts_order(void **state)
{
    struct migration_statistics statistics;

    (void)state;
    run_source(&statistics);
    migration_statistics_received(&statistics, 1795387171699);
    migration_statistics_resumed(&statistics, 1795387171714);
    statistics.counters.has_compression = true;
    statistics.counters.compression_cache = 64;
    statistics.counters.auto_converge_throttle = 20;
    statistics.counters.disk_total = 1000;
    statistics.counters.disk_bps = 7;
    assert_list(&statistics, MIGRATION_OPERATION_OUT,
                "operation int 5\n"
                "time_elapsed ullong 3692\n"
                "time_elapsed_net ullong 3687\n"
                "downtime ullong 105\n"
                "downtime_net ullong 100\n"
                "setup_time ullong 4\n"
                "data_total ullong 118301672\n"
                "data_processed ullong 1247051\n"
                "data_remaining ullong 0\n"
                "memory_total ullong 118300672\n"
                "memory_processed ullong 1247051\n"
                "memory_remaining ullong 0\n"
                "memory_bps ullong 8899649\n"
                "memory_constant ullong 28645\n"
                "memory_normal ullong 241\n"
                "memory_normal_bytes ullong 987136\n"
                "memory_dirty_rate ullong 0\n"
                "memory_iteration ullong 2\n"
                "memory_postcopy_requests ullong 0\n"
                "memory_page_size ullong 4096\n"
                "disk_total ullong 1000\n"
                "disk_processed ullong 0\n"
                "disk_remaining ullong 0\n"
                "disk_bps ullong 7\n"
                "compression_cache ullong 64\n"
                "compression_bytes ullong 0\n"
                "compression_pages ullong 0\n"
                "compression_cache_misses ullong 0\n"
                "compression_overflow ullong 0\n"
                "auto_converge_throttle int 20\n");
}

static void
what_is_not_known_is_not_listed(void **state)
{
    struct migration_statistics statistics;

    (void)state;
    migration_statistics_start(&statistics, 1000);
    assert_list(&statistics, MIGRATION_OPERATION_IN,
                "operation int 4\n"
                "time_elapsed ullong 0\n"
                "data_total ullong 0\n"
                "data_processed ullong 0\n"
                "data_remaining ullong 0\n"
                "memory_total ullong 0\n"
                "memory_processed ullong 0\n"
                "memory_remaining ullong 0\n"
                "memory_dirty_rate ullong 0\n"
                "memory_iteration ullong 0\n"
                "memory_postcopy_requests ullong 0\n"
                "disk_total ullong 0\n"
                "disk_processed ullong 0\n"
                "disk_remaining ullong 0\n");
}

static void
a_running_job_shows_the_expected_downtime(void **state)
{
    struct migration_statistics statistics;

    (void)state;
    migration_statistics_start(&statistics, 1000);
    migration_statistics_update(&statistics, &report, 1500);
    assert_int_equal(statistics.time_elapsed, 500);
    assert_int_equal(statistics.downtime, 300);
}

static void
the_first_stop_counts_until_it_is_undone(void **state)
{
    struct migration_statistics statistics;

    (void)state;
    migration_statistics_start(&statistics, 1000);
    migration_statistics_stopped(&statistics, 1100);
    migration_statistics_stopped(&statistics, 1200);
    assert_int_equal(statistics.stopped, 1100);
    migration_statistics_stopped(&statistics, 0);
    assert_int_equal(statistics.stopped, 0);
    migration_statistics_sent(&statistics, 1300);
    assert_false(statistics.has_downtime);
}

static void
the_twelve_numbers_add_up(void **state)
{
    struct migration_statistics statistics;
    struct migration_job_info info;

    (void)state;
    run_source(&statistics);
    statistics.counters.disk_total = 10;
    statistics.counters.disk_processed = 4;
    statistics.counters.disk_remaining = 6;
    migration_statistics_info(&statistics, MIGRATION_JOB_UNBOUNDED, &info);
    assert_int_equal(info.type, 2);
    assert_int_equal(info.time_elapsed, 3672);
    assert_int_equal(info.time_remaining, 0);
    assert_int_equal(info.data_total, 118300682);
    assert_int_equal(info.data_processed, 1247055);
    assert_int_equal(info.data_remaining, 6);
    assert_int_equal(info.memory_total, 118300672);
    assert_int_equal(info.file_processed, 4);
    migration_statistics_info(&statistics, MIGRATION_JOB_NONE, &info);
    assert_int_equal(info.type, 0);
    assert_int_equal(info.data_total, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_source_knows_its_own_times),
        cmocka_unit_test(the_destination_uses_its_own_clock),
        cmocka_unit_test(a_clock_that_is_behind_gives_no_negative_times),
        cmocka_unit_test(the_list_is_in_libvirts_order),
        cmocka_unit_test(what_is_not_known_is_not_listed),
        cmocka_unit_test(a_running_job_shows_the_expected_downtime),
        cmocka_unit_test(the_first_stop_counts_until_it_is_undone),
        cmocka_unit_test(the_twelve_numbers_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
