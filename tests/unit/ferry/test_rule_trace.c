/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/rule_trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "migrate/source.h"

static char path[] = "/tmp/vf-rule-trace-XXXXXX";

static int
make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    close(fd);
    setenv("VMFERRY_TRACE_RULES", path, 1);
    return fd < 0;
}

static int
remove_file(void **state)
{
    (void)state;
    unsetenv("VMFERRY_TRACE_RULES");
    return unlink(path);
}

/* The last line without our pid. */
static void
assert_last_line(const char *expected)
{
    FILE *file = fopen(path, "re");
    char line[256] = "";
    AUTO_FREE char *pid = xasprintf("%d\t", getpid());

    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        assert_memory_equal(line, pid, strlen(pid));
    }
    fclose(file);
    assert_string_equal(line + strlen(pid), expected);
}

static struct rule_step
step_of(enum source_state state, enum source_event event)
{
    return rule_step_of(&source_rules, state, event,
                        rules_find(&source_rules, state, event));
}

static void
a_step_is_a_line(void **state)
{
    struct rule_step step = step_of(SOURCE_STATE_IDLE, SOURCE_EVENT_BEGIN);
    uint64_t number = 7;

    (void)state;
    step.guest = "web1";
    step.host = "hosta";
    step.uuid = "u";
    rule_trace(&number, &step);
    assert_last_line("source\t7\tIDLE\tBEGIN\tBEGUN\tANSWER_BEGIN\thosta/u\n");
}

static void
a_variant_is_told_as_the_rule_that_was_taken(void **state)
{
    struct rule_step step = step_of(SOURCE_STATE_BEGUN, SOURCE_EVENT_ORPHANED);

    (void)state;
    assert_string_equal(step.on, "QEMU_GONE");
}

static void
what_no_rule_takes_leads_nowhere(void **state)
{
    struct rule_step step = step_of(SOURCE_STATE_IDLE, SOURCE_EVENT_ARMED);
    uint64_t number = 7;

    (void)state;
    step.guest = "web1";
    rule_trace(&number, &step);
    assert_last_line("source\t7\tIDLE\tARMED\t-\t-\t-/-\n");
}

static void
each_migration_has_a_number(void **state)
{
    struct rule_step step = step_of(SOURCE_STATE_IDLE, SOURCE_EVENT_BEGIN);
    uint64_t one = 0, other = 0, first;

    (void)state;
    step.guest = "web1";
    rule_trace(&one, &step);
    first = one;
    rule_trace(&one, &step);
    rule_trace(&other, &step);
    assert_int_not_equal(first, 0);
    assert_int_equal(one, first);
    assert_int_equal(other, first + 1);
}

static void
a_file_that_cannot_be_written_stops_nothing(void **state)
{
    struct rule_step step = step_of(SOURCE_STATE_IDLE, SOURCE_EVENT_BEGIN);
    uint64_t number = 7;

    (void)state;
    step.guest = "web1";
    setenv("VMFERRY_TRACE_RULES", "/nowhere/at/all", 1);
    rule_trace(&number, &step);
    assert_int_equal(number, 7);
    setenv("VMFERRY_TRACE_RULES", path, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_a_line),
        cmocka_unit_test(a_variant_is_told_as_the_rule_that_was_taken),
        cmocka_unit_test(what_no_rule_takes_leads_nowhere),
        cmocka_unit_test(each_migration_has_a_number),
        cmocka_unit_test(a_file_that_cannot_be_written_stops_nothing),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
