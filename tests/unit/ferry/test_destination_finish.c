/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A destination whose client calls Finish: the guest runs, stays paused, is
 * defined, or is given up. */

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

static bool
has_definition(struct crossing *c)
{
    AUTO_FREE char *path =
        xasprintf("%s/definitions/" BEAT_UUID ".xml", c->there.folders[1]);

    return access(path, F_OK) == 0;
}

static void
settle_by_confirm(struct crossing *c)
{
    confirm(c);
    assert_free(find_beat(&c->there));
}

/* ---------------------------------------------------------------- Finish */

static void
finish_cancelled_is_answered_after_qemu_is_dead(void **state)
{
    struct crossing *c = *state;
    pid_t pid;

    begin(c);
    prepare(c);
    pid = pid_there(c);
    start_finish(c, 1);
    assert_int_equal(c->finished.result.count, 0);
    wait_answer(c, &c->finished);
    assert_int_equal(c->finished.result.err.code, ERROR_MIGRATE_FINISH_OK);
    assert_true(is_dead(pid));
    assert_null(find_beat(&c->there));
    go_back(c);
}

static void
a_hung_destination_is_killed_before_finish_is_answered(void **state)
{
    struct crossing *c = *state;
    pid_t pid;

    begin(c);
    prepare(c);
    pid = pid_there(c);
    kill(pid, SIGSTOP);
    start_finish(c, 1);
    wait_answer(c, &c->finished);
    assert_true(is_dead(pid));
    go_back(c);
}

static void
a_destination_whose_qemu_exits_while_loading_gives_its_last_words(void **state)
{
    struct crossing *c = *state;

    prepare_scripted(c, "at:active exit 1 Size mismatch: pc.ram");
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_failed(&c->performed.result, "job 'migration out' failed");
    wait_over(c, &c->there);
    start_finish(c, 1);
    assert_failed(&c->finished.result, "Size mismatch: pc.ram");
    assert_int_equal(c->finished.result.err.code, ERROR_INTERNAL);
    assert_int_equal(c->finished.result.err.origin, ERROR_FROM_QEMU);
    assert_events(&c->there, "2/1 5/5 ");
    assert_stayed(c);
    /* Once. */
    start_finish(c, 1);
    assert_failed(&c->finished.result, "no domain with matching name 'beat'");
}

static void
a_destination_that_dies_before_finish_gives_its_last_words(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    perform(c);
    kill(pid_there(c), SIGKILL);
    wait_over(c, &c->there);
    assert_finish_fails(c, "killed by signal 9");
}

static void
a_destination_that_dies_of_cont_gives_its_last_words(void **state)
{
    struct crossing *c = *state;

    prepare_scripted(c, "cont exit 1 Failed to get \"write\" lock");
    perform(c);
    assert_finish_fails(c, "Failed to get \"write\" lock");
    assert_events(&c->there, "2/1 5/5 ");
}

static void
a_guest_that_can_t_be_started_goes_on_at_home(void **state)
{
    struct crossing *c = *state;

    prepare_scripted(c, "cont error Could not reopen the image");
    perform(c);
    assert_finish_fails(c, "Could not reopen the image");
}

static void
a_monitor_that_is_lost_in_finish_ends_the_guest_there(void **state)
{
    struct crossing *c = *state;
    pid_t pid;

    prepare_scripted(c, "cont close");
    pid = pid_there(c);
    perform(c);
    start_finish(c, 0);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, "monitor of QEMU is lost");
    assert_true(is_dead(pid));
    go_back(c);
}

static void
a_finish_that_comes_before_the_guest_waits_for_it(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    start_perform(c);
    start_finish(c, 0); /* It has no cookie yet. */
    wait_destination(c, DESTINATION_STATE_WAITING);
    wait_answer(c, &c->performed);
    wait_answer(c, &c->finished);
    assert_succeeded(&c->finished.result);
    assert_state(find_beat(&c->there), VIR_DOMAIN_RUNNING,
                 VIR_DOMAIN_RUNNING_MIGRATED);
    settle_by_confirm(c);
}

static void
a_finish_with_a_broken_cookie_ends_the_guest_there(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    perform(c);
    c->performed.cookie_size--;
    assert_finish_fails(c, "not NULL terminated");
}

static void
a_finish_of_a_guest_that_is_being_killed_waits_for_its_end(void **state)
{
    struct crossing *c = *state;
    pid_t pid;

    c->there.host.settings.incoming_timeout_ms = 20;
    begin(c);
    prepare(c);
    pid = pid_there(c);
    kill(pid, SIGSTOP);
    wait_destination(c, DESTINATION_STATE_KILLING);
    start_finish(c, 0);
    assert_int_equal(c->finished.result.count, 0);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, "nothing has happened in time");
    assert_true(is_dead(pid));
    go_back(c);
}

static void
a_source_that_never_comes_is_not_waited_for(void **state)
{
    struct crossing *c = *state;

    c->there.host.settings.incoming_timeout_ms = 20;
    begin(c);
    prepare(c);
    wait_over(c, &c->there);
    assert_null(find_beat(&c->there));
    start_finish(c, 1);
    assert_failed(&c->finished.result, "nothing has happened in time");
    go_back(c);
}

static void
a_guest_that_halts_as_it_arrives_is_shut_off(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    perform(c);
    start_finish(c, 0);
    wait_destination(c, DESTINATION_STATE_RESUMING);
    qmp_system_powerdown(qemu_process_monitor(find_beat(&c->there)->qemu), NULL,
                         NULL);
    wait_answer(c, &c->finished);
    assert_succeeded(&c->finished.result);
    wait_off(&c->there);
    assert_null(find_beat(&c->there));
    assert_events(&c->there, "2/1 4/1 6/1 5/0 ");
    confirm(c);
}

/* ------------------------------------------- what stays, names, paused */

static void
a_persistent_guest_is_defined_before_it_runs(void **state)
{
    struct crossing *c = *state;

    c->flags |= VIR_MIGRATE_PERSIST_DEST;
    begin(c);
    prepare(c);
    perform(c);
    assert_false(has_definition(c));
    finish(c);
    assert_events(&c->there, "2/1 0/0 4/1 ");
    assert_true(has_definition(c));
    assert_non_null(find_beat(&c->there)->definition);
    settle_by_confirm(c);
}

static void
a_persistent_guest_that_can_t_run_is_not_defined(void **state)
{
    struct crossing *c = *state;

    c->flags |= VIR_MIGRATE_PERSIST_DEST;
    prepare_scripted(c, "cont error No");
    perform(c);
    assert_finish_fails(c, "No");
    assert_false(has_definition(c));
    assert_events(&c->there, "2/1 0/0 1/0 5/5 ");
}

static void
a_guest_that_can_t_run_leaves_the_old_definition(void **state)
{
    static const char title[] = "<description>the old one</description>";
    struct crossing *c = *state;
    AUTO_FREE char *xml = NULL;

    add_defined(&c->there, title);
    c->flags |= VIR_MIGRATE_PERSIST_DEST;
    prepare_scripted(c, "cont error No");
    perform(c);
    start_finish(c, 0);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, "No");
    assert_events(&c->there, "2/1 0/1 0/1 5/5 ");
    xml = domain_format(find_beat(&c->there), 0);
    assert_non_null(strstr(xml, "the old one"));
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
}

static void
a_guest_may_have_another_name_there(void **state)
{
    struct crossing *c = *state;

    c->flags |= VIR_MIGRATE_PERSIST_DEST;
    c->parameters.destination_name = xstrdup("drum");
    begin(c);
    prepare(c);
    assert_string_equal(find_beat(&c->there)->name, "drum");
    perform(c);
    finish(c);
    assert_string_equal(c->finished.domain->name, "drum");
    assert_string_equal(find_beat(&c->there)->definition->name, "drum");
    settle_by_confirm(c);
}

static void
a_guest_that_stays_paused_does_not_run(void **state)
{
    struct crossing *c = *state;

    c->flags |= VIR_MIGRATE_PAUSED;
    begin(c);
    prepare(c);
    perform(c);
    finish(c);
    assert_events(&c->there, "2/1 3/0 ");
    assert_state(find_beat(&c->there), VIR_DOMAIN_PAUSED,
                 VIR_DOMAIN_PAUSED_USER);
    settle_by_confirm(c);
}

static int
set_up_with_disk(void **state)
{
    static const char disk[] =
        "<devices><disk type='file' device='disk'>"
        "<driver name='qemu' type='raw' cache='none'/>"
        "<source file='/dev/null'/><target dev='vda' bus='virtio'/>"
        "</disk></devices>";

    *state = crossing_new(disk);
    return 0;
}

static void
the_disks_of_a_guest_that_stays_paused_are_activated(void **state)
{
    struct crossing *c = *state;

    c->flags |= VIR_MIGRATE_PAUSED;
    prepare_scripted(c, "block-export-add error it was asked for");
    perform(c);
    assert_finish_fails(c, "it was asked for");
}

static void
a_paused_guest_with_a_disk_arrives_and_can_be_resumed(void **state)
{
    struct crossing *c = *state;
    struct result result = {0};

    c->flags |= VIR_MIGRATE_PAUSED;
    begin(c);
    prepare(c);
    perform(c);
    finish(c);
    settle_by_confirm(c);
    domain_resume(find_beat(&c->there), result_came, &result);
    lab_wait(&c->lab, &result.count, 1);
    assert_succeeded(&result);
    assert_state(find_beat(&c->there), VIR_DOMAIN_RUNNING,
                 VIR_DOMAIN_RUNNING_UNPAUSED);
}

static void
a_paused_guest_is_not_kept_without_a_record_of_it(void **state)
{
    struct crossing *c = *state;
    AUTO_FREE char *folder = xasprintf("%s/domains", c->there.folders[0]);
    AUTO_FREE char *away = xasprintf("%s/elsewhere", c->there.folders[0]);

    c->flags |= VIR_MIGRATE_PAUSED;
    prepare_scripted(c, "block-export-add delay 100");
    perform(c);
    start_finish(c, 0);
    wait_destination(c, DESTINATION_STATE_SETTLING);
    assert_int_equal(rename(folder, away), 0);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, "saving the record");
    assert_int_equal(rename(away, folder), 0);
    wait_over(c, &c->there);
    go_back(c);
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, crossing_set_up, crossing_tear_down)
#define TEST_WITH_DISK(name)                                                   \
    cmocka_unit_test_setup_teardown(name, set_up_with_disk, crossing_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(finish_cancelled_is_answered_after_qemu_is_dead),
        TEST(a_hung_destination_is_killed_before_finish_is_answered),
        TEST(a_destination_whose_qemu_exits_while_loading_gives_its_last_words),
        TEST(a_destination_that_dies_before_finish_gives_its_last_words),
        TEST(a_destination_that_dies_of_cont_gives_its_last_words),
        TEST(a_guest_that_can_t_be_started_goes_on_at_home),
        TEST(a_monitor_that_is_lost_in_finish_ends_the_guest_there),
        TEST(a_finish_that_comes_before_the_guest_waits_for_it),
        TEST(a_finish_with_a_broken_cookie_ends_the_guest_there),
        TEST(a_finish_of_a_guest_that_is_being_killed_waits_for_its_end),
        TEST(a_source_that_never_comes_is_not_waited_for),
        TEST(a_guest_that_halts_as_it_arrives_is_shut_off),
        TEST(a_persistent_guest_is_defined_before_it_runs),
        TEST(a_persistent_guest_that_can_t_run_is_not_defined),
        TEST(a_guest_that_can_t_run_leaves_the_old_definition),
        TEST(a_guest_may_have_another_name_there),
        TEST(a_guest_that_stays_paused_does_not_run),
        TEST_WITH_DISK(the_disks_of_a_guest_that_stays_paused_are_activated),
        TEST_WITH_DISK(a_paused_guest_with_a_disk_arrives_and_can_be_resumed),
        TEST_WITH_DISK(a_paused_guest_is_not_kept_without_a_record_of_it),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
