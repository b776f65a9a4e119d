/* SPDX-License-Identifier: LGPL-2.1-or-later */

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

/* Prepares; the destination's QEMU follows 'script'. */
static void
prepare_scripted(struct crossing *c, const char *script)
{
    begin(c);
    lab_script(&c->lab, script);
    prepare(c);
}

static void
assert_prepare_fails(struct crossing *c, const char *why)
{
    start_prepare(c);
    wait_answer(c, &c->prepared);
    assert_failed(&c->prepared.result, why);
    assert_null(find_beat(&c->there));
    assert_events(&c->there, "");
}

/* As a client after a Finish that failed. */
static void
go_back(struct crossing *c)
{
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
    assert_stayed(c);
}

static void
assert_finish_fails(struct crossing *c, const char *why)
{
    start_finish(c, 0);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, why);
    assert_null(find_beat(&c->there));
    go_back(c);
}

static bool
is_dead(pid_t pid)
{
    return kill(pid, 0) < 0;
}

static pid_t
pid_there(struct crossing *c)
{
    return qemu_process_pid(find_beat(&c->there)->qemu);
}

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

/* --------------------------------------------------------------- Prepare */

static void
a_prepared_guest_is_paused_and_held(void **state)
{
    struct crossing *c = *state;

    begin(c);
    prepare(c);
    assert_state(find_beat(&c->there), VIR_DOMAIN_PAUSED,
                 VIR_DOMAIN_PAUSED_MIGRATION);
    assert_int_equal(job_lock_async(&find_beat(&c->there)->jobs),
                     VIR_JOB_MIGRATION_IN);
    assert_events(&c->there, "2/1 ");
    assert_null(c->prepared.uri);
    cancel_finish(c);
    assert_events(&c->there, "5/5 ");
    go_back(c);
}

static void
a_destination_that_may_choose_answers_where_it_listens(void **state)
{
    struct crossing *c = *state;

    free(STEAL(c->parameters.migrate_uri));
    begin(c);
    prepare(c);
    assert_non_null(c->prepared.uri);
    assert_memory_equal(c->prepared.uri, "tcp:127.0.0.1:42", 16);
    perform(c);
    finish(c);
    settle_by_confirm(c);
}

static void
a_port_that_somebody_took_is_passed_over(void **state)
{
    struct crossing *c = *state;

    free(STEAL(c->parameters.migrate_uri));
    prepare_scripted(c, "migrate-incoming #1 error Address already in use");
    perform(c);
    finish(c);
    settle_by_confirm(c);
}

static void
a_qemu_that_does_not_start_gives_its_last_words(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab, "start exit 1 no such cpu");
    assert_prepare_fails(c, "no such cpu");
    go_back(c);
}

static void
a_qemu_that_dies_while_it_is_armed_gives_its_last_words(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab, "migrate-incoming exit 1 cannot listen here");
    assert_prepare_fails(c, "cannot listen here");
    go_back(c);
}

static void
an_address_that_can_t_be_had_is_told(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab, "migrate-incoming error No such address");
    assert_prepare_fails(c, "No such address");
    go_back(c);
}

/* The fake's CPU as it is here, and one that has less or more there. */
static void
a_cpu_with_less_there_is_refused_with_what_is_missing(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab, "qom-get return [\"svm\",\"lahf-lm\"]");
    assert_prepare_fails(c, "the destination's QEMU can't give domain 'beat'"
                            " the CPU 'qemu64' that it sees now (host there,"
                            " QEMU ");
    assert_int_equal(c->prepared.result.err.code, ERROR_CPU_INCOMPATIBLE);
    assert_failed(&c->prepared.result, ": missing features: lahf-lm, svm");
    go_back(c);
}

static void
a_cpu_with_more_there_is_refused_with_what_is_new(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab,
               "query-cpu-model-expansion return {\"model\":{\"name\":\"base\","
               "\"props\":{\"avx\":true,\"vendor\":\"GenuineIntel\"}}}");
    assert_prepare_fails(c, "; extra features: avx; GenuineIntel/0/0 instead");
    assert_int_equal(c->prepared.result.err.code, ERROR_CPU_INCOMPATIBLE);
    go_back(c);
}

static void
a_qemu_that_can_t_tell_its_cpu_is_refused(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab, "query-cpu-model-expansion error not this target");
    assert_prepare_fails(c, "it is not known what it would give: ");
    assert_int_equal(c->prepared.result.err.code, ERROR_CPU_INCOMPATIBLE);
    go_back(c);
}

static void
a_cpu_that_qemu_tells_by_another_name_is_found(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab,
               "query-cpus-fast return [{\"cpu-index\":0,\"thread-id\":1,"
               "\"qom-path\":\"/machine/cpu0\"}]\n"
               "qom-get #1 error no such object\n"
               "qom-get #2 return [\"svm\"]");
    assert_prepare_fails(c, ": missing features: svm");
    go_back(c);
}

static void
a_qemu_that_dies_while_its_cpu_is_asked_for_gives_its_last_words(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab, "query-cpu-model-expansion exit 1 no more CPUs");
    assert_prepare_fails(c, "no more CPUs");
    go_back(c);
}

static void
a_client_that_goes_while_the_cpu_is_asked_for_leaves_no_trace(void **state)
{
    struct crossing *c = *state;

    begin(c);
    lab_script(&c->lab, "query-cpu-model-expansion never");
    start_prepare(c);
    wait_destination(c, DESTINATION_STATE_ARMING);
    ferry_client_gone(&c->there.host, CLIENT);
    wait_over(c, &c->there);
    assert_null(find_beat(&c->there));
    assert_failed(&c->prepared.result, "closed its connection");
    go_back(c);
}

static void
a_guest_that_runs_there_already_is_refused(void **state)
{
    struct crossing *c = *state;
    struct domain *other = add_transient(&c->there, NULL);

    start_guest(&c->there, other);
    begin(c);
    start_prepare(c);
    assert_failed(&c->prepared.result, "domain 'beat' is already active");
    assert_state(other, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
}

static void
a_uri_that_makes_no_sense_leaves_nothing(void **state)
{
    struct crossing *c = *state;

    begin(c);
    free(c->parameters.migrate_uri);
    c->parameters.migrate_uri = xstrdup("foo://there");
    assert_prepare_fails(c, "unsupported scheme foo");
    go_back(c);
}

static void
a_guest_that_is_defined_there_is_used_and_kept(void **state)
{
    struct crossing *c = *state;
    struct domain *defined = add_defined(&c->there, NULL);

    begin(c);
    prepare(c);
    assert_ptr_equal(find_beat(&c->there), defined);
    start_finish(c, 1);
    wait_answer(c, &c->finished);
    assert_ptr_equal(find_beat(&c->there), defined);
    assert_false(domain_is_active(defined));
    assert_free(defined);
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
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
#define TEST_WITH_DISK(name)                                                   \
    cmocka_unit_test_setup_teardown(name, set_up_with_disk, crossing_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_prepared_guest_is_paused_and_held),
        TEST(a_destination_that_may_choose_answers_where_it_listens),
        TEST(a_port_that_somebody_took_is_passed_over),
        TEST(a_qemu_that_does_not_start_gives_its_last_words),
        TEST(a_qemu_that_dies_while_it_is_armed_gives_its_last_words),
        TEST(an_address_that_can_t_be_had_is_told),
        TEST(a_cpu_with_less_there_is_refused_with_what_is_missing),
        TEST(a_cpu_with_more_there_is_refused_with_what_is_new),
        TEST(a_qemu_that_can_t_tell_its_cpu_is_refused),
        TEST(a_cpu_that_qemu_tells_by_another_name_is_found),
        TEST(a_qemu_that_dies_while_its_cpu_is_asked_for_gives_its_last_words),
        TEST(a_client_that_goes_while_the_cpu_is_asked_for_leaves_no_trace),
        TEST(a_guest_that_runs_there_already_is_refused),
        TEST(a_uri_that_makes_no_sense_leaves_nothing),
        TEST(a_guest_that_is_defined_there_is_used_and_kept),
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
