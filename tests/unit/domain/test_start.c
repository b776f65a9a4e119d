/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <libvirt/libvirt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "qmp/commands.h"

struct test {
    struct lab lab;
    struct test_host host;
    struct result result;
};

static int
set_up(void **state)
{
    struct test *t = xcalloc(1, sizeof *t);

    lab_init(&t->lab);
    test_host_init(&t->host, &t->lab, "host");
    *state = t;
    return 0;
}

static int
tear_down(void **state)
{
    struct test *t = *state;

    test_host_done(&t->host);
    lab_done(&t->lab);
    result_done(&t->result);
    free(t);
    return 0;
}

static void
start(struct test *t, struct domain *domain, bool is_paused)
{
    struct domain_start_options options = {.is_paused = is_paused};

    domain_start(domain, &options, result_came, &t->result);
    lab_wait(&t->lab, &t->result.count, 1);
}

/* The way in which all starts fail. */
static void
assert_nothing_left(struct test *t, const char *why)
{
    assert_failed(&t->result, why);
    assert_events(&t->host, "");
    assert_null(find_beat(&t->host));
}

static void
a_guest_that_starts_is_running_and_its_events_are_libvirts(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    start(t, domain, false);
    assert_succeeded(&t->result);
    assert_state(domain, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    assert_int_equal(domain->id, 1);
    assert_events(&t->host, "4/0 2/0 ");
    assert_non_null(guest_seen_cpu_find(domain->cpu, "lahf-lm"));
}

static void
a_guest_that_starts_paused_does_not_run(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    start(t, domain, true);
    assert_succeeded(&t->result);
    assert_state(domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
    assert_events(&t->host, "2/0 3/0 ");
}

static void
a_second_start_is_refused(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    start_guest(&t->host, domain);
    start(t, domain, false);
    assert_failed(&t->result, "domain is already running");
    assert_true(domain_is_active(domain));
}

static void
a_qemu_that_exits_gives_its_last_words(void **state)
{
    struct test *t = *state;

    lab_script(&t->lab, "start exit 1 no such machine");
    start(t, add_transient(&t->host, NULL), false);
    assert_int_equal(t->result.err.code, ERROR_INTERNAL);
    assert_non_null(
        strstr(t->result.err.message, "qemu unexpectedly closed the monitor"));
    assert_nothing_left(t, "no such machine");
}

static void
a_qemu_that_exits_under_a_command_gives_its_last_words_too(void **state)
{
    struct test *t = *state;

    lab_script(&t->lab, "cont exit 1 Failed to get \"write\" lock");
    start(t, add_transient(&t->host, NULL), false);
    assert_nothing_left(t, "Failed to get \"write\" lock");
}

static void
a_qemu_that_refuses_to_run_is_ended_and_the_refusal_told(void **state)
{
    struct test *t = *state;

    lab_script(&t->lab, "cont error Resetting is required");
    start(t, add_transient(&t->host, NULL), false);
    assert_nothing_left(t, "Resetting is required");
}

static void
a_guest_whose_cpu_qemu_can_t_tell_runs(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    lab_script(&t->lab, "query-cpu-model-expansion error no such model");
    start(t, domain, false);
    assert_succeeded(&t->result);
    assert_null(domain->cpu);
}

static void
a_qemu_that_says_nothing_is_given_up(void **state)
{
    struct test *t = *state;

    t->host.host.settings.qemu_timeout_ms = 50;
    lab_script(&t->lab, "greeting never");
    start(t, add_transient(&t->host, NULL), false);
    assert_nothing_left(t, "in time");
}

static void
a_qemu_that_closes_its_monitor_in_the_middle_is_given_up(void **state)
{
    struct test *t = *state;

    lab_script(&t->lab, "query-chardev close");
    start(t, add_transient(&t->host, NULL), false);
    /* Closed, or broken under the next command. */
    assert_nothing_left(t, "connection to");
}

static void
a_guest_whose_record_can_t_be_written_never_runs(void **state)
{
    struct test *t = *state;
    AUTO_FREE char *in_the_way =
        xasprintf("%s/domains/" BEAT_UUID ".record", t->host.folders[0]);

    assert_int_equal(mkdir(in_the_way, 0700), 0);
    start(t, add_transient(&t->host, NULL), false);
    assert_nothing_left(t, "saving the record");
    rmdir(in_the_way);
}

static void
a_defined_guest_that_fails_to_start_stays_defined(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    lab_script(&t->lab, "start exit 1 no memory");
    start(t, domain, false);
    assert_failed(&t->result, "no memory");
    assert_state(domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FAILED);
    assert_null(domain->live);

    lab_script(&t->lab, "");
    result_done(&t->result);
    start(t, domain, false);
    assert_succeeded(&t->result);
}

static void
a_guest_that_went_while_its_start_waited_is_no_domain_any_more(void **state)
{
    struct test *t = *state;
    struct domain *domain = domain_get(add_transient(&t->host, NULL));

    domain_drop_live(domain);
    assert_null(find_beat(&t->host));
    start(t, domain, false);
    assert_failed(&t->result, "no domain with matching name 'beat'");
    domain_put(domain);
}

static void
a_guest_that_nobody_began_to_start_is_dropped_and_a_started_one_not(
    void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    assert_ptr_equal(add_transient(&t->host, NULL), domain);
    domain_drop_live(domain);
    assert_null(domain->live);
    start_guest(&t->host, domain);
    domain_drop_live(domain);
    assert_non_null(domain->live);
}

static void
a_guest_that_halts_is_shut_off(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    start_guest(&t->host, domain);
    qmp_system_powerdown(qemu_process_monitor(domain->qemu), NULL, NULL);
    wait_off(&t->host);
    assert_state(domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SHUTDOWN);
    assert_events(&t->host, "6/1 5/0 ");
}

static bool
is_reset(void *owner)
{
    struct test *t = owner;
    const struct domain *domain = find_beat(&t->host);

    return t->host.events.data && strstr(t->host.events.data, "4/0") &&
           domain->state == DOMAIN_STATE_RUNNING;
}

static void
a_guest_that_is_to_restart_when_it_halts_does(void **state)
{
    struct test *t = *state;
    struct domain *domain =
        add_defined(&t->host, "<on_poweroff>restart</on_poweroff>");

    /* It takes a moment until QEMU has done it. */
    lab_script(&t->lab, "system_reset delay 20");
    start_guest(&t->host, domain);
    qmp_system_powerdown(qemu_process_monitor(domain->qemu), NULL, NULL);
    lab_wait_for(&t->lab, is_reset, t);
    assert_state(domain, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    assert_events(&t->host, "6/1 4/0 ");
}

static void
a_guest_whose_qemu_is_killed_has_crashed(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    start_guest(&t->host, domain);
    kill(qemu_process_pid(domain->qemu), SIGKILL);
    wait_off(&t->host);
    assert_state(domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED);
    assert_events(&t->host, "5/5 ");
}

static void
a_destroyed_guest_is_told_of_once_its_qemu_is_dead(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);
    pid_t pid;

    start_guest(&t->host, domain);
    pid = qemu_process_pid(domain->qemu);
    domain_destroy(domain, result_came, &t->result);
    lab_wait(&t->lab, &t->result.count, 1);
    assert_succeeded(&t->result);
    assert_int_equal(kill(pid, 0), -1);
    assert_state(domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED);
    assert_events(&t->host, "6/2 5/1 ");
}

static void
suspend_and_resume_are_told_by_their_events(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    start_guest(&t->host, domain);
    domain_suspend(domain, result_came, &t->result);
    lab_wait(&t->lab, &t->result.count, 1);
    assert_state(domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
    domain_resume(domain, result_came, &t->result);
    lab_wait(&t->lab, &t->result.count, 2);
    assert_state(domain, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
    assert_events(&t->host, "3/0 4/0 ");
}

static void
a_suspend_that_qemu_dies_of_is_answered(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);

    lab_script(&t->lab, "stop kill");
    start_guest(&t->host, domain);
    domain_suspend(domain, result_came, &t->result);
    lab_wait(&t->lab, &t->result.count, 1);
    assert_failed(&t->result, "suspending domain 'beat'");
    wait_off(&t->host);
}

static void
a_guest_whose_qemu_answers_nothing_can_be_destroyed(void **state)
{
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);
    struct result suspended = {0}, again = {0};

    lab_script(&t->lab, "stop hang");
    start_guest(&t->host, domain);
    domain_suspend(domain, result_came, &suspended);
    domain_destroy(domain, result_came, &t->result);
    domain_destroy(domain, result_came, &again);
    lab_wait(&t->lab, &t->result.count, 1);
    assert_succeeded(&t->result);
    assert_succeeded(&again);
    assert_failed(&suspended, "suspending domain 'beat'");
    assert_events(&t->host, "6/2 5/1 ");
    result_done(&suspended);
}

static void
a_guest_may_be_destroyed_while_it_starts(void **state)
{
    static const struct domain_start_options options;
    struct test *t = *state;
    struct domain *domain = add_defined(&t->host, NULL);
    struct result started = {0};

    lab_script(&t->lab, "greeting never");
    domain_start(domain, &options, result_came, &started);
    domain_destroy(domain, result_came, &t->result);
    lab_wait(&t->lab, &t->result.count, 1);
    assert_succeeded(&t->result);
    assert_int_equal(started.count, 1);
    assert_true(error_is_set(&started.err));
    assert_events(&t->host, "");
    result_done(&started);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_guest_that_starts_is_running_and_its_events_are_libvirts),
        TEST(a_guest_that_starts_paused_does_not_run),
        TEST(a_second_start_is_refused),
        TEST(a_qemu_that_exits_gives_its_last_words),
        TEST(a_qemu_that_exits_under_a_command_gives_its_last_words_too),
        TEST(a_qemu_that_refuses_to_run_is_ended_and_the_refusal_told),
        TEST(a_guest_whose_cpu_qemu_can_t_tell_runs),
        TEST(a_qemu_that_says_nothing_is_given_up),
        TEST(a_qemu_that_closes_its_monitor_in_the_middle_is_given_up),
        TEST(a_guest_whose_record_can_t_be_written_never_runs),
        TEST(a_defined_guest_that_fails_to_start_stays_defined),
        TEST(a_guest_that_went_while_its_start_waited_is_no_domain_any_more),
        TEST(
            a_guest_that_nobody_began_to_start_is_dropped_and_a_started_one_not),
        TEST(a_guest_that_halts_is_shut_off),
        TEST(a_guest_that_is_to_restart_when_it_halts_does),
        TEST(a_guest_whose_qemu_is_killed_has_crashed),
        TEST(a_destroyed_guest_is_told_of_once_its_qemu_is_dead),
        TEST(suspend_and_resume_are_told_by_their_events),
        TEST(a_suspend_that_qemu_dies_of_is_answered),
        TEST(a_guest_whose_qemu_answers_nothing_can_be_destroyed),
        TEST(a_guest_may_be_destroyed_while_it_starts),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
