/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A source whose client, guest, QEMU, disk or daemon goes in the middle. */

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

/* In the way of the guest's record. */
static void
fill_disk(struct crossing *c, bool is_full)
{
    AUTO_FREE char *folder = xasprintf("%s/domains", c->here.folders[0]);
    AUTO_FREE char *away = xasprintf("%s/elsewhere", c->here.folders[0]);

    assert_int_equal(is_full ? rename(folder, away) : rename(away, folder), 0);
}

/* ------------------------------------------------------ the client goes */

static void
a_client_that_goes_after_begin_releases_the_guest(void **state)
{
    struct crossing *c = *state;

    begin(c);
    ferry_client_gone(&c->here.host, CLIENT + 1);
    assert_int_equal(job_lock_async(&c->domain->jobs), VIR_JOB_MIGRATION_OUT);
    ferry_client_gone(&c->here.host, CLIENT);
    assert_stayed(c);
}

static void
a_client_that_goes_while_copying_takes_nothing_along(void **state)
{
    struct crossing *c = *state;

    scripted(state, slow);
    go_as_far_as_copying(c);
    ferry_client_gone(&c->here.host, CLIENT);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_stayed(c);
    assert_failed(&c->performed.result, "closed its connection");
    assert_events(&c->here, "");
}

static void
a_client_that_goes_after_perform_leaves_the_guest_paused(void **state)
{
    struct crossing *c = *state;
    struct result result = {0};

    begin(c);
    prepare(c);
    perform(c);
    ferry_client_gone(&c->here.host, CLIENT);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_free(c->domain);
    assert_state(c->domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
    assert_noted(&c->here, "look there first");
    /* Nobody may move it before somebody has decided. */
    start_begin(c);
    assert_failed(&c->begun.result, "resume or destroy it first");
    domain_resume(c->domain, result_came, &result);
    lab_wait(&c->lab, &result.count, 1);
    assert_succeeded(&result);
    assert_stayed(c);
}

struct impatient {
    struct job_request request;
    struct domain *domain;
    struct result result;
};

static void
impatient_granted(struct job_request *request)
{
    struct impatient *who = container_of(request, struct impatient, request);

    domain_resume(who->domain, result_came, &who->result);
    job_lock_end(&who->domain->jobs, monotonic_ms());
}

static void
impatient_refused(struct job_request *request, const struct error *err)
{
    struct impatient *who = container_of(request, struct impatient, request);

    result_came(&who->result, err);
}

static void
a_resume_that_waited_for_the_job_may_come_as_it_ends(void **state)
{
    struct crossing *c = *state;
    struct impatient who = {
        .request = {.job = JOB_MODIFY,
                    .api = "resume",
                    .granted = impatient_granted,
                    .refused = impatient_refused},
        .domain = c->domain,
    };

    begin(c);
    prepare(c);
    perform(c);
    job_lock_ask(&c->domain->jobs, &who.request, 20000, monotonic_ms());
    assert_int_equal(who.result.count, 0);
    ferry_client_gone(&c->here.host, CLIENT);
    lab_wait(&c->lab, &who.result.count, 1);
    assert_succeeded(&who.result);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_stayed(c);
}

static void
a_client_that_goes_while_begin_waits_never_gets_the_job(void **state)
{
    struct crossing *c = *state;
    struct answer first;

    begin(c);
    first = c->begun;
    c->begun = (struct answer){0};
    /* Without change protection a second one waits. */
    c->flags &= ~(unsigned)VIR_MIGRATE_CHANGE_PROTECTION;
    start_begin(c);
    assert_int_equal(c->begun.result.count, 0);
    assert_int_equal(job_lock_waiting(&c->domain->jobs), 1);
    ferry_client_gone(&c->here.host, CLIENT);
    assert_failed(&c->begun.result, "closed its connection");
    assert_stayed(c);
    free(first.cookie);
    free(first.xml);
}

static void
a_client_that_goes_while_begin_asks_qemu_leaves_no_job(void **state)
{
    struct crossing *c = *state;

    scripted(state, "query-migrate delay 50");
    start_begin(c);
    assert_int_equal(c->begun.result.count, 0);
    ferry_client_gone(&c->here.host, CLIENT);
    wait_answer(c, &c->begun);
    assert_failed(&c->begun.result, "closed its connection");
    assert_stayed(c);
}

/* ------------------------------------------------------ QEMU, the guest */

static void
a_source_that_dies_while_begin_asks_it_is_answered(void **state)
{
    struct crossing *c = *state;

    scripted(state, "query-migrate kill");
    start_begin(c);
    wait_answer(c, &c->begun);
    assert_true(error_is_set(&c->begun.result.err));
    wait_off(&c->here);
    assert_free(c->domain);
    assert_state(c->domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED);
    assert_events(&c->here, "5/5 ");
}

static void
a_source_that_dies_while_copying_ends_perform(void **state)
{
    struct crossing *c = *state;

    scripted(state, slow);
    go_as_far_as_copying(c);
    kill(qemu_process_pid(c->domain->qemu), SIGKILL);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "domain is not running");
    assert_int_equal(c->performed.result.err.origin, ERROR_FROM_DOMAIN);
    wait_off(&c->here);
    assert_free(c->domain);
    assert_events(&c->here, "5/5 ");
    wait_over(c, &c->there);
    start_finish(c, 1);
    assert_failed(&c->finished.result, "incoming domain 'beat'");
}

static void
confirm_succeeds_where_the_shell_died_after_perform(void **state)
{
    struct crossing *c = *state;

    c->flags |= VIR_MIGRATE_UNDEFINE_SOURCE;
    begin(c);
    prepare(c);
    perform(c);
    kill(qemu_process_pid(c->domain->qemu), SIGKILL);
    wait_source(c, SOURCE_STATE_SHELL_GONE);
    finish(c);
    confirm(c);
    assert_null(find_beat(&c->here));
    assert_events(&c->here, "3/1 5/3 1/0 ");
}

static void
a_shell_that_died_may_be_destroyed_before_confirm(void **state)
{
    struct crossing *c = *state;
    struct result result = {0};

    begin(c);
    prepare(c);
    perform(c);
    kill(qemu_process_pid(c->domain->qemu), SIGKILL);
    wait_source(c, SOURCE_STATE_SHELL_GONE);
    domain_destroy(c->domain, result_came, &result);
    lab_wait(&c->lab, &result.count, 1);
    assert_succeeded(&result);
    assert_free(c->domain);
    assert_state(c->domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED);
}

static void
a_destroyed_guest_ends_its_migration(void **state)
{
    struct crossing *c = *state;
    struct result result = {0};

    scripted(state, slow);
    go_as_far_as_copying(c);
    domain_destroy(c->domain, result_came, &result);
    lab_wait(&c->lab, &result.count, 1);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "it was destroyed");
    assert_free(c->domain);
    assert_events(&c->here, "6/2 5/1 ");
    wait_over(c, &c->there);
}

static void
a_guest_that_halts_on_the_way_is_shut_off(void **state)
{
    struct crossing *c = *state;

    scripted(state, slow);
    go_as_far_as_copying(c);
    qmp_system_powerdown(monitor_here(c), NULL, NULL);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "domain is not running");
    wait_off(&c->here);
    assert_free(c->domain);
    assert_state(c->domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SHUTDOWN);
    assert_events(&c->here, "6/1 5/0 ");
    wait_over(c, &c->there);
    assert_null(find_beat(&c->there));
}

static void
a_guest_that_is_reset_on_the_way_arrives(void **state)
{
    struct crossing *c = *state;

    scripted(state, "set migration-ms 200");
    go_as_far_as_copying(c);
    qmp_system_reset(monitor_here(c), NULL, NULL);
    wait_answer(c, &c->performed);
    assert_succeeded(&c->performed.result);
    finish(c);
    confirm(c);
}

static void
a_guest_that_is_suspended_on_the_way_stays_suspended_when_it_fails(void **state)
{
    struct crossing *c = *state;
    struct result result = {0};
    AUTO_ERROR err = {0};

    scripted(state, slow);
    go_as_far_as_copying(c);
    domain_suspend(c->domain, result_came, &result);
    lab_wait(&c->lab, &result.count, 1);
    assert_state(c->domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
    (void)ferry_abort(c->domain, NULL, &err);
    wait_answer(c, &c->performed);
    wait_over(c, &c->here);
    assert_int_equal(c->domain->state, DOMAIN_STATE_PAUSED);
    assert_events(&c->here, "3/1 ");
    cancel_finish(c);
}

static void
a_guest_that_was_paused_before_stays_paused_when_it_fails(void **state)
{
    struct crossing *c = *state;
    struct result result = {0};

    domain_suspend(c->domain, result_came, &result);
    lab_wait(&c->lab, &result.count, 1);
    c->flags |= VIR_MIGRATE_PAUSED;
    begin(c);
    prepare(c);
    perform(c);
    cancel_finish(c);
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
    wait_over(c, &c->here);
    assert_state(c->domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
    assert_events(&c->here, "3/0 ");
}

static void
a_monitor_that_is_lost_on_the_way_ends_perform(void **state)
{
    struct crossing *c = *state;

    scripted(state, "set migration-ms 5000\nat:active close");
    begin(c);
    prepare(c);
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "monitor of QEMU is lost");
    wait_over(c, &c->here);
    assert_true(domain_is_active(c->domain));
    cancel_finish(c);
    /* What is asked of it now is answered, too. */
    start_begin(c);
    wait_answer(c, &c->begun);
    assert_failed(&c->begun.result, "query-migrate");
    assert_free(c->domain);
}

/* ------------------------------------------- the disk is full, restarts */

static void
begin_is_not_answered_without_a_record(void **state)
{
    struct crossing *c = *state;

    fill_disk(c, true);
    start_begin(c);
    wait_answer(c, &c->begun);
    assert_failed(&c->begun.result, "saving the record");
    assert_stayed(c);
    fill_disk(c, false);
}

static void
perform_is_not_answered_without_a_record(void **state)
{
    struct crossing *c = *state;

    scripted(state, "migrate-continue delay 100");
    begin(c);
    prepare(c);
    start_perform(c);
    wait_source(c, SOURCE_STATE_HANDING);
    fill_disk(c, true);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "saving the record");
    fill_disk(c, false);
    assert_int_equal(c->domain->state, DOMAIN_STATE_RUNNING);
    cancel_finish(c);
    assert_stayed(c);
}

static void
the_switchover_is_not_begun_without_a_record(void **state)
{
    struct crossing *c = *state;

    scripted(state, "set migration-ms 200");
    go_as_far_as_copying(c);
    fill_disk(c, true);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "saving the record");
    fill_disk(c, false);
    cancel_finish(c);
    assert_stayed(c);
}

/* The guest, found again. */
static void
restart(struct crossing *c)
{
    domain_put(c->domain);
    test_host_restart(&c->here);
    c->domain = domain_get(find_beat(&c->here));
}

static void
a_restart_after_begin_forgets_the_job(void **state)
{
    struct crossing *c = *state;

    begin(c);
    restart(c);
    assert_stayed(c);
}

static void
a_restart_while_copying_cancels(void **state)
{
    struct crossing *c = *state;

    scripted(state, slow);
    go_as_far_as_copying(c);
    restart(c);
    assert_failed(&c->performed.result, "the daemon stops");
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_stayed(c);
    assert_state(c->domain, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
}

static void
a_restart_at_the_switchover_cancels(void **state)
{
    struct crossing *c = *state;

    scripted(state, "migrate-continue never");
    begin(c);
    prepare(c);
    start_perform(c);
    wait_source(c, SOURCE_STATE_HANDING);
    restart(c);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_stayed(c);
}

static void
a_restart_after_perform_leaves_the_guest_paused(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    perform(c);
    restart(c);
    assert_free(c->domain);
    assert_state(c->domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
    assert_noted(&c->here, "the daemon was restarted");
    /* Another one changes nothing. */
    restart(c);
    assert_state(c->domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
    start_confirm(c, 0);
    assert_failed(&c->confirmed.result, "is not being migrated");
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
}

static void
a_restart_while_the_shell_is_killed_ends_the_migration(void **state)
{
    struct crossing *c = *state;
    pid_t pid;

    c->flags |= VIR_MIGRATE_UNDEFINE_SOURCE;
    begin(c);
    prepare(c);
    perform(c);
    finish(c);
    pid = qemu_process_pid(c->domain->qemu);
    kill(pid, SIGSTOP);
    start_confirm(c, 0);
    domain_put(STEAL(c->domain));
    test_host_go(&c->here);
    kill(pid, SIGKILL);
    lab_idle(&c->lab, 50);
    test_host_come_back(&c->here);
    wait_off(&c->here);
    assert_null(find_beat(&c->here));
}

static void
a_hung_shell_is_killed_at_confirm(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    perform(c);
    finish(c);
    kill(qemu_process_pid(c->domain->qemu), SIGSTOP);
    confirm(c);
    assert_events(&c->here, "3/1 5/3 ");
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, crossing_set_up, crossing_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_client_that_goes_after_begin_releases_the_guest),
        TEST(a_client_that_goes_while_copying_takes_nothing_along),
        TEST(a_client_that_goes_after_perform_leaves_the_guest_paused),
        TEST(a_resume_that_waited_for_the_job_may_come_as_it_ends),
        TEST(a_client_that_goes_while_begin_waits_never_gets_the_job),
        TEST(a_client_that_goes_while_begin_asks_qemu_leaves_no_job),
        TEST(a_source_that_dies_while_begin_asks_it_is_answered),
        TEST(a_source_that_dies_while_copying_ends_perform),
        TEST(confirm_succeeds_where_the_shell_died_after_perform),
        TEST(a_shell_that_died_may_be_destroyed_before_confirm),
        TEST(a_destroyed_guest_ends_its_migration),
        TEST(a_guest_that_halts_on_the_way_is_shut_off),
        TEST(a_guest_that_is_reset_on_the_way_arrives),
        TEST(
            a_guest_that_is_suspended_on_the_way_stays_suspended_when_it_fails),
        TEST(a_guest_that_was_paused_before_stays_paused_when_it_fails),
        TEST(a_monitor_that_is_lost_on_the_way_ends_perform),
        TEST(begin_is_not_answered_without_a_record),
        TEST(perform_is_not_answered_without_a_record),
        TEST(the_switchover_is_not_begun_without_a_record),
        TEST(a_restart_after_begin_forgets_the_job),
        TEST(a_restart_while_copying_cancels),
        TEST(a_restart_at_the_switchover_cancels),
        TEST(a_restart_after_perform_leaves_the_guest_paused),
        TEST(a_restart_while_the_shell_is_killed_ends_the_migration),
        TEST(a_hung_shell_is_killed_at_confirm),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
