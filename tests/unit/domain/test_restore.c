/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <libvirt/libvirt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"
#include "qmp/commands.h"
#include "state/store.h"

struct test {
    struct lab lab;
    struct test_host host;
    struct domain *domain;
    pid_t pid;
    char *folder; /* Owned. Of the records. */
};

static int
set_up(void **state)
{
    struct test *t = xcalloc(1, sizeof *t);

    lab_init(&t->lab);
    test_host_init(&t->host, &t->lab, "host");
    t->folder = xasprintf("%s/domains", t->host.folders[0]);
    *state = t;
    return 0;
}

static int
tear_down(void **state)
{
    struct test *t = *state;

    test_host_done(&t->host);
    lab_done(&t->lab);
    free(t->folder);
    free(t);
    return 0;
}

static void
run(struct test *t, struct domain *domain)
{
    start_guest(&t->host, domain);
    t->pid = qemu_process_pid(domain->qemu);
}

static bool
is_known_to_run(void *owner)
{
    return find_beat(owner)->state == DOMAIN_STATE_RUNNING;
}

static bool
has_halted(void *owner)
{
    return find_beat(owner)->state == DOMAIN_STATE_SHUTDOWN;
}

static struct record *
load(struct test *t)
{
    AUTO_ERROR err = {0};
    struct record *record = store_load(t->folder, BEAT_UUID ".record", &err);

    assert_non_null(record);
    return record;
}

static void
save(struct test *t, struct record *record)
{
    AUTO_ERROR err = {0};

    assert_int_equal(store_save(t->folder, BEAT_UUID ".record", record, &err),
                     0);
    record_free(record);
}

static void
a_guest_that_runs_is_found_again(void **state)
{
    struct test *t = *state;
    struct domain *domain;

    run(t, add_defined(&t->host, NULL));
    test_host_restart(&t->host);
    domain = find_beat(&t->host);
    assert_int_equal(qemu_process_pid(domain->qemu), t->pid);
    assert_int_equal(domain->id, 1);
    assert_state(domain, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    assert_non_null(domain->definition);
    assert_non_null(guest_seen_cpu_find(domain->cpu, "lahf-lm"));
    assert_events(&t->host, "");
    /* Its monitor works. */
    struct result result = {0};
    domain_suspend(domain, result_came, &result);
    lab_wait(&t->lab, &result.count, 1);
    assert_succeeded(&result);
    assert_state(domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
}

static void
the_next_guest_gets_another_id(void **state)
{
    struct test *t = *state;

    run(t, add_defined(&t->host, NULL));
    test_host_restart(&t->host);
    assert_int_equal(t->host.host.last_id, 1);
}

static void
a_transient_guest_is_found_again(void **state)
{
    struct test *t = *state;

    run(t, add_transient(&t->host, NULL));
    test_host_restart(&t->host);
    assert_null(find_beat(&t->host)->definition);
    assert_true(domain_is_active(find_beat(&t->host)));
}

static void
a_guest_that_died_meanwhile_has_crashed(void **state)
{
    struct test *t = *state;

    run(t, add_defined(&t->host, NULL));
    test_host_go(&t->host);
    kill(t->pid, SIGKILL);
    lab_idle(&t->lab, 50);
    test_host_come_back(&t->host);
    wait_off(&t->host);
    assert_state(find_beat(&t->host), VIR_DOMAIN_SHUTOFF,
                 VIR_DOMAIN_SHUTOFF_CRASHED);
}

static void
a_transient_guest_that_died_meanwhile_is_forgotten(void **state)
{
    struct test *t = *state;
    AUTO_ERROR err = {0};

    run(t, add_transient(&t->host, NULL));
    test_host_go(&t->host);
    kill(t->pid, SIGKILL);
    lab_idle(&t->lab, 50);
    test_host_come_back(&t->host);
    wait_off(&t->host);
    assert_null(find_beat(&t->host));
    assert_null(store_load(t->folder, BEAT_UUID ".record", &err));
}

static void
a_guest_that_halted_meanwhile_is_known_to_have(void **state)
{
    struct test *t = *state;
    struct record *record;

    run(t, add_transient(&t->host, "<on_poweroff>preserve</on_poweroff>"));
    qmp_system_powerdown(qemu_process_monitor(find_beat(&t->host)->qemu), NULL,
                         NULL);
    lab_wait_for(&t->lab, has_halted, &t->host);
    test_host_go(&t->host);
    /* As if nobody had heard of it. */
    record = load(t);
    record_set_number(record, "state", VIR_DOMAIN_RUNNING);
    save(t, record);
    test_host_come_back(&t->host);
    assert_int_equal(find_beat(&t->host)->state, DOMAIN_STATE_RUNNING);
    lab_wait_for(&t->lab, has_halted, &t->host);
}

static void
a_guest_that_was_resumed_meanwhile_is_running(void **state)
{
    struct test *t = *state;
    struct record *record;

    run(t, add_defined(&t->host, NULL));
    test_host_go(&t->host);
    record = load(t);
    record_set_number(record, "state", VIR_DOMAIN_PAUSED);
    save(t, record);
    test_host_come_back(&t->host);
    lab_wait_for(&t->lab, is_known_to_run, &t->host);
}

static void
a_guest_that_never_ran_is_ended(void **state)
{
    static const struct domain_start_options options;
    struct test *t = *state;
    struct result result = {0};

    lab_script(&t->lab, "cont never");
    add_defined(&t->host, NULL);
    domain_start(find_beat(&t->host), &options, result_came, &result);
    while (!find_beat(&t->host)->qemu ||
           qemu_process_state(find_beat(&t->host)->qemu) !=
               QEMU_PROCESS_READY) {
        lab_idle(&t->lab, 1);
    }
    lab_idle(&t->lab, 20);
    test_host_restart(&t->host);
    result_done(&result); /* "The daemon stops." */
    wait_off(&t->host);
    assert_state(find_beat(&t->host), VIR_DOMAIN_SHUTOFF,
                 VIR_DOMAIN_SHUTOFF_FAILED);
}

static void
a_record_that_can_t_be_read_is_kept_and_its_qemu_left_alone(void **state)
{
    struct test *t = *state;
    AUTO_FREE char *kept =
        xasprintf("%s/" BEAT_UUID ".record.unreadable-1", t->folder);
    AUTO_ERROR err = {0};

    run(t, add_transient(&t->host, NULL));
    test_host_go(&t->host);
    assert_int_equal(store_save_text(t->folder, BEAT_UUID ".record",
                                     "{ \"version\": 1, ", &err),
                     0);
    test_host_come_back(&t->host);
    assert_null(find_beat(&t->host));
    assert_int_equal(access(kept, F_OK), 0);
    assert_noted(&t->host, "can't be read and is kept");
    lab_idle(&t->lab, 20);
    assert_int_equal(kill(t->pid, 0), 0);
    kill(t->pid, SIGKILL);
}

static void
a_record_without_a_process_is_kept(void **state)
{
    struct test *t = *state;
    struct record *record;
    struct record *less = record_new(1);
    const char *text;
    AUTO_ERROR err = {0};

    run(t, add_transient(&t->host, NULL));
    test_host_go(&t->host);
    record = load(t);
    assert_int_equal(record_get_text(record, "xml", &text, &err), 0);
    record_set_text(less, "xml", text);
    record_set_number(less, "id", 1);
    save(t, less);
    record_free(record);
    test_host_come_back(&t->host);
    assert_null(find_beat(&t->host));
    assert_noted(&t->host, "qemu-pid");
    assert_int_equal(kill(t->pid, 0), 0);
    kill(t->pid, SIGKILL);
}

static void
numbers_that_make_no_sense_are_not_believed(void **state)
{
    struct test *t = *state;
    struct record *record;

    run(t, add_transient(&t->host, NULL));
    test_host_go(&t->host);
    record = load(t);
    record_set_number(record, "state", 4711);
    record_set_number(record, "reason", -1);
    save(t, record);
    test_host_come_back(&t->host);
    lab_wait_for(&t->lab, is_known_to_run, &t->host);
}

static void
a_monitor_whose_socket_is_gone_stops_nobody(void **state)
{
    struct test *t = *state;
    AUTO_FREE char *path = xasprintf("%s/" BEAT_UUID ".monitor", t->folder);

    run(t, add_transient(&t->host, NULL));
    test_host_go(&t->host);
    assert_int_equal(unlink(path), 0);
    test_host_come_back(&t->host);
    lab_idle(&t->lab, 5);
    assert_true(domain_is_active(find_beat(&t->host)));
    assert_noted(&t->host, "monitor of the guest's QEMU is lost");
    /* And it can be ended. */
    kill(t->pid, SIGKILL);
    wait_off(&t->host);
    assert_null(find_beat(&t->host));
}

/* Its daemon was killed before the record was there, and QEMU never executed.
 */
static void
a_socket_that_nobody_listens_on_goes(void **state)
{
    struct test *t = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", t->folder,
             BEAT_UUID ".monitor");
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    test_host_restart(&t->host);
    assert_int_equal(access(address.sun_path, F_OK), 0);
    close(fd);
    test_host_restart(&t->host);
    assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void
a_job_without_its_migration_is_over(void **state)
{
    struct test *t = *state;
    struct record *record;

    run(t, add_transient(&t->host, NULL));
    test_host_go(&t->host);
    record = load(t);
    record_set_text(record, "job", "migration out");
    record_set_text(record, "job-phase", "perform3");
    record_set_text(record, "source-state", "IDLE");
    save(t, record);
    test_host_come_back(&t->host);
    assert_free(find_beat(&t->host));
    /* On disk, too. */
    record = load(t);
    assert_false(record_has(record, "job"));
    record_free(record);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_guest_that_runs_is_found_again),
        TEST(the_next_guest_gets_another_id),
        TEST(a_transient_guest_is_found_again),
        TEST(a_guest_that_died_meanwhile_has_crashed),
        TEST(a_transient_guest_that_died_meanwhile_is_forgotten),
        TEST(a_guest_that_halted_meanwhile_is_known_to_have),
        TEST(a_guest_that_was_resumed_meanwhile_is_running),
        TEST(a_guest_that_never_ran_is_ended),
        TEST(a_record_that_can_t_be_read_is_kept_and_its_qemu_left_alone),
        TEST(a_record_without_a_process_is_kept),
        TEST(numbers_that_make_no_sense_are_not_believed),
        TEST(a_monitor_whose_socket_is_gone_stops_nobody),
        TEST(a_socket_that_nobody_listens_on_goes),
        TEST(a_job_without_its_migration_is_over),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
