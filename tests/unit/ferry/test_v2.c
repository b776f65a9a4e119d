/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Protocol v2 over the fake QEMU: what it does otherwise than v3. */

#include <libvirt/libvirt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crossing.h"

static int
set_up(void **state)
{
    struct crossing *c = crossing_new(NULL);

    c->is_v2 = true;
    c->flags &= ~(unsigned)VIR_MIGRATE_CHANGE_PROTECTION;
    *state = c;
    return 0;
}

static enum qemu_migration_phase
phase_of(struct test_host *host)
{
    return find_beat(host)->migration_job.facts.phase;
}

/* Nobody has lost it, and nobody runs it. */
static void
assert_kept(struct crossing *c)
{
    wait_over(c, &c->there);
    assert_non_null(find_beat(&c->there));
    assert_state(find_beat(&c->there), VIR_DOMAIN_PAUSED,
                 VIR_DOMAIN_PAUSED_MIGRATION);
}

static void
assert_left(struct crossing *c)
{
    assert_null(c->domain->migration);
    assert_null(c->domain->qemu);
    assert_state(c->domain, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED);
}

static void
guest_has_left_when_perform_is_answered(void **state)
{
    struct crossing *c = *state;

    prepare(c);
    assert_int_equal(phase_of(&c->there), QEMU_MIGRATION_PHASE_PREPARE);
    assert_free(c->domain);
    start_perform(c);
    wait_source(c, SOURCE_STATE_ARMING2);
    assert_int_equal(phase_of(&c->here), QEMU_MIGRATION_PHASE_PERFORM2);
    wait_answer(c, &c->performed);
    assert_succeeded(&c->performed.result);
    assert_left(c);
    assert_free(c->domain);
    assert_state(find_beat(&c->there), VIR_DOMAIN_PAUSED,
                 VIR_DOMAIN_PAUSED_MIGRATION);
    finish(c);
    assert_state(find_beat(&c->there), VIR_DOMAIN_RUNNING,
                 VIR_DOMAIN_RUNNING_MIGRATED);
    assert_free(find_beat(&c->there));
}

static void
guest_that_can_t_be_started_is_kept_paused(void **state)
{
    struct crossing *c = *state;

    prepare_scripted(c, "cont error Could not reopen the image");
    perform(c);
    start_finish(c, 0);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, "is kept, paused: ");
    assert_failed(&c->finished.result, "Could not reopen the image");
    assert_kept(c);
    assert_free(find_beat(&c->there));
}

static void
monitor_that_is_lost_in_finish_does_not_cost_the_guest(void **state)
{
    struct crossing *c = *state;

    prepare_scripted(c, "cont close");
    perform(c);
    start_finish(c, 0);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, "monitor of QEMU is lost");
    assert_non_null(find_beat(&c->there));
    assert_non_null(find_beat(&c->there)->qemu);
}

static void
guest_that_can_t_be_defined_runs_all_the_same(void **state)
{
    struct crossing *c = *state;
    AUTO_FREE char *folder = xasprintf("%s/definitions", c->there.folders[1]);
    AUTO_FREE char *moved = xasprintf("%s.away", folder);
    FILE *file;

    c->flags |= VIR_MIGRATE_PERSIST_DEST;
    prepare(c);
    perform(c);
    /* A file where the folder should be. */
    rename(folder, moved);
    file = fopen(folder, "we");
    assert_non_null(file);
    fclose(file);
    finish(c);
    assert_state(find_beat(&c->there), VIR_DOMAIN_RUNNING,
                 VIR_DOMAIN_RUNNING_MIGRATED);
    assert_null(find_beat(&c->there)->definition);
}

static void
persistent_guest_is_defined_there(void **state)
{
    struct crossing *c = *state;

    c->flags |= VIR_MIGRATE_PERSIST_DEST;
    prepare(c);
    perform(c);
    finish(c);
    assert_non_null(find_beat(&c->there)->definition);
}

static void
client_that_is_gone_after_perform_leaves_the_guest_kept(void **state)
{
    struct crossing *c = *state;

    prepare(c);
    perform(c);
    ferry_client_gone(&c->there.host, CLIENT);
    assert_kept(c);
    start_finish(c, 0);
    assert_failed(&c->finished.result, "not processing incoming migration");
    assert_kept(c);
}

static void
client_that_is_gone_before_perform_ends_the_guest_there(void **state)
{
    struct crossing *c = *state;

    prepare(c);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_null(find_beat(&c->there));
    assert_int_equal(c->domain->state, DOMAIN_STATE_RUNNING);
}

static void
restart_after_perform_keeps_the_guest(void **state)
{
    struct crossing *c = *state;

    prepare(c);
    perform(c);
    test_host_restart(&c->there);
    assert_kept(c);
}

static void
restart_in_finish_lets_the_guest_run(void **state)
{
    struct crossing *c = *state;

    /* The next cont is carried out. */
    prepare_scripted(c, "cont #1 never");
    c->flags |= VIR_MIGRATE_PERSIST_DEST;
    perform(c);
    start_finish(c, 0);
    wait_destination(c, DESTINATION_STATE_RESUMING2);
    assert_int_equal(phase_of(&c->there), QEMU_MIGRATION_PHASE_FINISH2);
    test_host_restart(&c->there);
    assert_failed(&c->finished.result, "the daemon stops");
    wait_over(c, &c->there);
    assert_state(find_beat(&c->there), VIR_DOMAIN_RUNNING,
                 VIR_DOMAIN_RUNNING_MIGRATED);
    assert_non_null(find_beat(&c->there)->definition);
}

static void
perform_that_fails_leaves_the_guest_running(void **state)
{
    struct crossing *c = *state;

    prepare(c);
    kill(qemu_process_pid(find_beat(&c->there)->qemu), SIGKILL);
    wait_over(c, &c->there);
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_true(error_is_set(&c->performed.result.err));
    cancel_finish(c);
    assert_stayed(c);
}

static void
finish_that_cancels_ends_what_is_whole(void **state)
{
    struct crossing *c = *state;

    prepare(c);
    perform(c);
    start_finish(c, 1);
    wait_answer(c, &c->finished);
    assert_int_equal(c->finished.result.err.code, ERROR_MIGRATE_FINISH_OK);
    assert_null(find_beat(&c->there));
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, set_up, crossing_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(guest_has_left_when_perform_is_answered),
        TEST(guest_that_can_t_be_started_is_kept_paused),
        TEST(monitor_that_is_lost_in_finish_does_not_cost_the_guest),
        TEST(guest_that_can_t_be_defined_runs_all_the_same),
        TEST(persistent_guest_is_defined_there),
        TEST(client_that_is_gone_after_perform_leaves_the_guest_kept),
        TEST(client_that_is_gone_before_perform_ends_the_guest_there),
        TEST(restart_after_perform_keeps_the_guest),
        TEST(restart_in_finish_lets_the_guest_run),
        TEST(perform_that_fails_leaves_the_guest_running),
        TEST(finish_that_cancels_ends_what_is_whole),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
