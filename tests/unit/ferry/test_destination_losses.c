/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A destination whose client, domain or daemon goes in the middle. */

#include "crossing.h"

#include <libvirt/libvirt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/commands.h"
#include "state/store.h"

/* ----------------------------------- the client, an operator, restarts */

static void
a_client_that_goes_after_prepare_takes_the_guest_along(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_null(find_beat(&c->there));
    assert_events(&c->there, "2/1 6/2 5/1 ");
    ferry_client_gone(&c->here.host, CLIENT);
    assert_stayed(c);
}

static void
a_client_that_goes_while_qemu_starts_leaves_no_trace(void **state)
{
    struct crossing *c = *state;

    begin(c);
    start_prepare(c);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_null(find_beat(&c->there));
    assert_failed(&c->prepared.result, "closed its connection");
    assert_events(&c->there, "");
    go_back(c);
}

static void
a_client_that_goes_in_finish_leaves_the_guest_there(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    perform(c);
    start_finish(c, 0);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_answer(c, &c->finished);
    assert_succeeded(&c->finished.result);
    assert_state(find_beat(&c->there), VIR_DOMAIN_RUNNING,
                 VIR_DOMAIN_RUNNING_MIGRATED);
    confirm(c);
}

static void
a_guest_that_is_destroyed_there_stays_at_home(void **state)
{
    struct crossing *c = *state;
    struct result result = {0};

    begin(c);
    prepare(c);
    perform(c);
    domain_destroy(find_beat(&c->there), result_came, &result);
    lab_wait(&c->lab, &result.count, 1);
    assert_succeeded(&result);
    assert_events(&c->there, "2/1 6/2 5/1 ");
    assert_finish_fails(c, "the domain was destroyed");
}

static void
restart_and_go_back(struct crossing *c)
{
    pid_t pid = pid_there(c);

    test_host_restart(&c->there);
    wait_over(c, &c->there);
    assert_null(find_beat(&c->there));
    assert_true(is_dead(pid));
    start_finish(c, 1);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, "the daemon was restarted");
    if (source_find(c->domain)) {
        start_confirm(c, 1);
        wait_answer(c, &c->confirmed);
        assert_succeeded(&c->confirmed.result);
    }
    assert_stayed(c);
}

static void
a_restart_after_prepare_ends_the_guest_there(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    restart_and_go_back(c);
}

static void
a_restart_after_it_came_ends_the_guest_there(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    perform(c);
    restart_and_go_back(c);
}

static void
a_restart_while_cont_is_not_carried_out_ends_the_guest_there(void **state)
{
    struct crossing *c = *state;

    prepare_scripted(c, "cont never");
    perform(c);
    start_finish(c, 0);
    wait_destination(c, DESTINATION_STATE_RESUMING);
    test_host_restart(&c->there);
    assert_failed(&c->finished.result, "the daemon stops");
    wait_over(c, &c->there);
    assert_null(find_beat(&c->there));
    go_back(c);
}

static void
a_restart_once_the_guest_runs_leaves_it_there(void **state)
{
    struct crossing *c = *state;
    struct record *record;
    AUTO_FREE char *folder = xasprintf("%s/domains", c->there.folders[0]);
    AUTO_ERROR err = {0};

    begin(c);
    prepare(c);
    perform(c);
    finish(c);
    /* As if the daemon had ended before the answer to its cont. */
    test_host_go(&c->there);
    record = store_load(folder, BEAT_UUID ".record", &err);
    assert_non_null(record);
    record_set_text(record, "destination-state", "RESUMING");
    record_set_text(record, "job", "migration in");
    record_set_text(record, "job-phase", "finish3");
    assert_int_equal(store_save(folder, BEAT_UUID ".record", record, &err), 0);
    record_free(record);
    domain_put(STEAL(c->finished.domain));
    test_host_come_back(&c->there);
    wait_over(c, &c->there);
    assert_int_equal(find_beat(&c->there)->state, DOMAIN_STATE_RUNNING);
    confirm(c);
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, crossing_set_up, crossing_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_client_that_goes_after_prepare_takes_the_guest_along),
        TEST(a_client_that_goes_while_qemu_starts_leaves_no_trace),
        TEST(a_client_that_goes_in_finish_leaves_the_guest_there),
        TEST(a_guest_that_is_destroyed_there_stays_at_home),
        TEST(a_restart_after_prepare_ends_the_guest_there),
        TEST(a_restart_after_it_came_ends_the_guest_there),
        TEST(a_restart_while_cont_is_not_carried_out_ends_the_guest_there),
        TEST(a_restart_once_the_guest_runs_leaves_it_there),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
