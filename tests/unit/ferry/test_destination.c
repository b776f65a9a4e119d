/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A destination whose client calls Prepare.  What Finish makes of it is in
 * test_destination_finish.c, who dies meanwhile in test_destination_losses.c.
 */

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

static void
assert_prepare_fails(struct crossing *c, const char *why)
{
    start_prepare(c);
    wait_answer(c, &c->prepared);
    assert_failed(&c->prepared.result, why);
    assert_null(find_beat(&c->there));
    assert_events(&c->there, "");
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

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, crossing_set_up, crossing_tear_down)
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
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
