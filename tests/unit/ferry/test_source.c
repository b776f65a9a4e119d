/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A source as its client drives it: what is answered, told and refused.  Who
 * dies meanwhile is in test_source_losses.c. */

#include "crossing.h"

#include <libvirt/libvirt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "qmp/commands.h"

/* ------------------------------------------------------------ it succeeds */

static void
a_guest_moves_and_both_hosts_tell_of_it_as_libvirt_does(void **state)
{
    struct crossing *c = *state;

    begin(c);
    assert_events(&c->here, "");
    prepare(c);
    assert_events(&c->there, "2/1 ");
    perform(c);
    assert_events(&c->here, "3/1 ");
    assert_events(&c->there, "");
    finish(c);
    assert_events(&c->there, "4/1 ");
    assert_state(c->finished.domain, VIR_DOMAIN_RUNNING,
                 VIR_DOMAIN_RUNNING_MIGRATED);
    assert_free(c->finished.domain);
    assert_state(c->domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
    confirm(c);
    assert_events(&c->here, "5/3 ");
    assert_state(c->domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED);
    assert_free(c->domain);
    assert_true(c->domain->has_completed);
    assert_non_null(c->domain->definition);
}

static void
begin_keeps_the_job_until_confirm(void **state)
{
    struct crossing *c = *state;

    begin(c);
    assert_int_equal(job_lock_async(&c->domain->jobs), VIR_JOB_MIGRATION_OUT);
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
    assert_stayed(c);
}

static void
begin_without_change_protection_keeps_nothing(void **state)
{
    struct crossing *c = *state;

    c->flags &= ~(unsigned)VIR_MIGRATE_CHANGE_PROTECTION;
    begin(c);
    assert_free(c->domain);
    assert_null(c->domain->migration);
    assert_non_null(strstr(c->begun.xml, "<name>beat</name>"));
}

static void
a_guest_moves_without_change_protection(void **state)
{
    struct crossing *c = *state;

    c->flags &= ~(unsigned)VIR_MIGRATE_CHANGE_PROTECTION;
    begin(c);
    prepare(c);
    perform(c);
    assert_int_equal(job_lock_async(&c->domain->jobs), VIR_JOB_MIGRATION_OUT);
    finish(c);
    confirm(c);
    assert_free(c->domain);
}

static void
undefine_source_forgets_the_definition_at_confirm(void **state)
{
    struct crossing *c = *state;

    c->flags |= VIR_MIGRATE_UNDEFINE_SOURCE;
    begin(c);
    prepare(c);
    perform(c);
    finish(c);
    assert_non_null(find_beat(&c->here));
    confirm(c);
    assert_null(find_beat(&c->here));
    assert_events(&c->here, "3/1 5/3 1/0 ");
}

static void
a_guest_that_is_not_live_is_stopped_first(void **state)
{
    struct crossing *c = *state;

    c->flags &= ~(unsigned)VIR_MIGRATE_LIVE;
    begin(c);
    prepare(c);
    perform(c);
    finish(c);
    confirm(c);
    assert_events(&c->here, "3/1 5/3 ");
}

/* ------------------------------------------------------- it is given up */

static void
abort_while_copying_leaves_the_guest_running(void **state)
{
    struct crossing *c = *state;
    AUTO_ERROR err = {0};

    scripted(state, slow);
    go_as_far_as_copying(c);
    assert_int_equal(ferry_abort(c->domain, "an operator", &err), 0);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result,
                  "job 'migration out' canceled by client");
    assert_int_equal(c->performed.result.err.code, ERROR_OPERATION_ABORTED);
    assert_state(c->domain, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    cancel_finish(c);
    assert_stayed(c);
    assert_events(&c->here, "");
    assert_false(c->domain->has_completed);
}

static void
abort_after_perform_comes_too_late(void **state)
{
    struct crossing *c = *state;
    AUTO_ERROR err = {0};

    begin(c);
    prepare(c);
    perform(c);
    assert_int_equal(ferry_abort(c->domain, "an operator", &err), -1);
    assert_non_null(strstr(err.message, "has been handed over"));
    finish(c);
    confirm(c);
}

static void
a_cancelled_confirm_resumes_the_guest(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    perform(c);
    cancel_finish(c);
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
    assert_stayed(c);
    assert_events(&c->here, "3/1 4/1 ");
    assert_state(c->domain, VIR_DOMAIN_RUNNING,
                 VIR_DOMAIN_RUNNING_MIGRATION_CANCELED);
}

static void
a_guest_that_qemu_fails_to_send_goes_on_and_the_reason_is_told(void **state)
{
    struct crossing *c = *state;

    scripted(state, "at:active fail Broken pipe");
    begin(c);
    prepare(c);
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result,
                  "job 'migration out' failed: Broken pipe");
    assert_int_equal(c->performed.result.err.code, ERROR_OPERATION_FAILED);
    assert_int_equal(c->performed.result.err.origin, ERROR_FROM_QEMU);
    wait_over(c, &c->there);
    assert_stayed(c);
}

static void
a_refused_capability_is_told_and_the_guest_goes_on(void **state)
{
    struct crossing *c = *state;

    scripted(state, "migrate-set-capabilities error No such thing");
    begin(c);
    prepare(c);
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "No such thing");
    cancel_finish(c);
    assert_stayed(c);
}

static void
a_refused_migrate_is_told_and_the_guest_goes_on(void **state)
{
    struct crossing *c = *state;

    scripted(state, "migrate error Guest has a device that stays");
    begin(c);
    prepare(c);
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "a device that stays");
    cancel_finish(c);
    assert_stayed(c);
}

static void
a_guest_that_can_t_be_resumed_stays_paused_and_free(void **state)
{
    struct crossing *c = *state;

    scripted(state, "cont #2 error Lost my disk");
    begin(c);
    prepare(c);
    perform(c);
    cancel_finish(c);
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_failed(&c->confirmed.result, "Lost my disk");
    wait_over(c, &c->here);
    assert_int_equal(c->domain->state, DOMAIN_STATE_PAUSED);
    assert_noted(&c->here, "could not be resumed");
}

static void
a_blocked_guest_is_refused_by_begin(void **state)
{
    struct crossing *c = *state;

    scripted(state, "query-migrate return {\"blocked-reasons\":"
                    "[\"the device is hot\"]}");
    start_begin(c);
    wait_answer(c, &c->begun);
    assert_failed(&c->begun.result, "cannot migrate domain: the device is hot");
    assert_stayed(c);
}

static void
a_second_begin_is_refused_and_the_first_goes_on(void **state)
{
    struct crossing *c = *state;
    struct answer first;

    begin(c);
    first = c->begun;
    c->begun = (struct answer){0};
    start_begin(c);
    assert_failed(&c->begun.result, "another migration job is already running");
    result_done(&c->begun.result);
    c->begun = first; /* Its call was answered: it may move. */
    prepare(c);
    perform(c);
    finish(c);
    confirm(c);
}

static void
a_perform_with_a_broken_cookie_ends_the_job(void **state)
{
    struct crossing *c = *state;

    begin(c);
    c->prepared.cookie = xstrdup("<qemu-migration>");
    c->prepared.cookie_size = strlen(c->prepared.cookie) + 1;
    start_perform(c);
    assert_int_equal(c->performed.result.count, 1);
    assert_true(error_is_set(&c->performed.result.err));
    assert_stayed(c);
}

static void
a_perform_without_a_uri_is_refused_and_the_guest_goes_on(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    free(STEAL(c->parameters.migrate_uri));
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "has no URI to go to");
    cancel_finish(c);
    assert_stayed(c);
}

static void
silence_after_begin_ends_the_job(void **state)
{
    struct crossing *c = *state;

    c->here.host.settings.begin_timeout_ms = 20;
    begin(c);
    wait_over(c, &c->here);
    assert_stayed(c);
}

static void
a_destination_that_takes_nothing_is_given_up(void **state)
{
    struct crossing *c = *state;

    c->here.host.settings.switchover_timeout_ms = 50;
    scripted(state, "migrate-continue never");
    begin(c);
    prepare(c);
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "while the migration was HANDING");
    cancel_finish(c);
    assert_stayed(c);
    assert_events(&c->here, "3/1 4/1 ");
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, crossing_set_up, crossing_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_guest_moves_and_both_hosts_tell_of_it_as_libvirt_does),
        TEST(begin_keeps_the_job_until_confirm),
        TEST(begin_without_change_protection_keeps_nothing),
        TEST(a_guest_moves_without_change_protection),
        TEST(undefine_source_forgets_the_definition_at_confirm),
        TEST(a_guest_that_is_not_live_is_stopped_first),
        TEST(abort_while_copying_leaves_the_guest_running),
        TEST(abort_after_perform_comes_too_late),
        TEST(a_cancelled_confirm_resumes_the_guest),
        TEST(a_guest_that_qemu_fails_to_send_goes_on_and_the_reason_is_told),
        TEST(a_refused_capability_is_told_and_the_guest_goes_on),
        TEST(a_refused_migrate_is_told_and_the_guest_goes_on),
        TEST(a_guest_that_can_t_be_resumed_stays_paused_and_free),
        TEST(a_blocked_guest_is_refused_by_begin),
        TEST(a_second_begin_is_refused_and_the_first_goes_on),
        TEST(a_perform_with_a_broken_cookie_ends_the_job),
        TEST(a_perform_without_a_uri_is_refused_and_the_guest_goes_on),
        TEST(silence_after_begin_ends_the_job),
        TEST(a_destination_that_takes_nothing_is_given_up),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
