/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is certain about a guest whose migration's outcome was not heard: single
 * cases by their story, and what holds for every combination of evidence. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "migrate/resolve.h"

/* A source that has given its token away and can't hear what became of it. */
static const struct resolve_side unsure_source = {
    .is_known = true,
    .role = RESOLVE_SOURCE,
    .copy = RESOLVE_COPY_PAUSED,
    .token = RESOLVE_TOKEN_AWAY,
    .is_unsure = true,
};
/* A destination with all of the guest that nobody finishes. */
static const struct resolve_side unsure_destination = {
    .is_known = true,
    .role = RESOLVE_DESTINATION,
    .copy = RESOLVE_COPY_PAUSED,
    .token = RESOLVE_TOKEN_AWAY,
    .is_unsure = true,
};
static const struct resolve_side silent = {.is_known = false};

static void
assert_verdict(const struct resolve_side *here,
               const struct resolve_side *there,
               struct resolve_verdict expected)
{
    struct resolve_verdict verdict = resolve_decide(here, there);

    assert_string_equal(resolve_finding_text(verdict.finding),
                        resolve_finding_text(expected.finding));
    assert_int_equal(verdict.deed, expected.deed);
    assert_int_equal(verdict.run, expected.run);
    assert_int_equal(verdict.discard, expected.discard);
}

static void
test_silent_peer_leaves_it_to_the_operator(void **state)
{
    const struct resolve_verdict expected = {
        RESOLVE_UNDECIDED, RESOLVE_LOOK, RESOLVE_RISK_TWICE, RESOLVE_RISK_LOSS};

    (void)state;
    assert_verdict(&unsure_source, &silent, expected);
    assert_verdict(&unsure_destination, &silent, expected);
}

/* The other daemon may be dead while its QEMU runs. */
static void
test_guest_whose_disks_are_written_elsewhere_is_not_run(void **state)
{
    const struct resolve_verdict expected = {
        RESOLVE_IN_USE, RESOLVE_LOOK, RESOLVE_RISK_NEVER, RESOLVE_RISK_LOSS};
    struct resolve_side here = unsure_source;
    struct resolve_side returned = {.is_known = true,
                                    .outcome = RESOLVE_OUTCOME_RETURNED};

    (void)state;
    here.is_in_use = true;
    assert_verdict(&here, &silent, expected);
    assert_verdict(&here, &returned, expected);
}

static void
test_guest_that_runs_there_is_discarded_here(void **state)
{
    struct resolve_side there = {.is_known = true,
                                 .copy = RESOLVE_COPY_RUNNING};
    const struct resolve_verdict expected = {
        RESOLVE_RUNS_THERE, RESOLVE_DISCARD, RESOLVE_RISK_NEVER,
        RESOLVE_RISK_NO};

    (void)state;
    assert_verdict(&unsure_source, &there, expected);
    assert_verdict(&unsure_destination, &there, expected);
}

static void
test_guest_that_was_taken_and_has_ended_is_discarded_here(void **state)
{
    struct resolve_side there = {.is_known = true,
                                 .outcome = RESOLVE_OUTCOME_TAKEN};
    const struct resolve_verdict expected = {
        RESOLVE_RUNS_THERE, RESOLVE_DISCARD, RESOLVE_RISK_NEVER,
        RESOLVE_RISK_NO};

    (void)state;
    assert_verdict(&unsure_source, &there, expected);
}

static void
test_guest_that_was_returned_runs_here(void **state)
{
    struct resolve_side there = {.is_known = true,
                                 .outcome = RESOLVE_OUTCOME_RETURNED};
    const struct resolve_verdict expected = {
        RESOLVE_GIVEN_BACK, RESOLVE_RUN, RESOLVE_RISK_NO, RESOLVE_RISK_LOSS};

    (void)state;
    assert_verdict(&unsure_source, &there, expected);
    assert_verdict(&unsure_destination, &there, expected);
}

static void
test_part_of_a_guest_never_runs(void **state)
{
    struct resolve_side here = unsure_destination;
    struct resolve_side there = {.is_known = true,
                                 .outcome = RESOLVE_OUTCOME_RETURNED};

    (void)state;
    here.copy = RESOLVE_COPY_PARTIAL;
    assert_verdict(&here, &there,
                   (struct resolve_verdict){.finding = RESOLVE_UNDECIDED,
                                            .discard = RESOLVE_RISK_LOSS});
    assert_verdict(&here, &silent,
                   (struct resolve_verdict){.finding = RESOLVE_UNDECIDED,
                                            .discard = RESOLVE_RISK_LOSS});
}

static void
test_peer_without_a_copy_may_have_run_it(void **state)
{
    struct resolve_side there = {.is_known = true};

    (void)state;
    assert_verdict(&unsure_source, &there,
                   (struct resolve_verdict){RESOLVE_UNDECIDED, RESOLVE_LOOK,
                                            RESOLVE_RISK_AGED,
                                            RESOLVE_RISK_LOSS});
}

static void
test_hanging_qemu_there_has_to_end_first(void **state)
{
    struct resolve_side there = {.is_known = true, .copy = RESOLVE_COPY_UNSEEN};

    (void)state;
    assert_verdict(&unsure_source, &there,
                   (struct resolve_verdict){.finding = RESOLVE_UNDECIDED,
                                            .discard = RESOLVE_RISK_LOSS});
}

static void
test_two_that_keep_tokens_agree_by_themselves(void **state)
{
    (void)state;
    assert_verdict(&unsure_source, &unsure_destination,
                   (struct resolve_verdict){.finding = RESOLVE_GOES_ON,
                                            .discard = RESOLVE_RISK_LOSS});
    assert_verdict(&unsure_destination, &unsure_source,
                   (struct resolve_verdict){.finding = RESOLVE_GOES_ON,
                                            .discard = RESOLVE_RISK_LOSS});
}

static void
test_two_without_tokens_are_the_operators(void **state)
{
    struct resolve_side here = unsure_source;
    struct resolve_side there = {.is_known = true, .copy = RESOLVE_COPY_PAUSED};

    (void)state;
    here.token = RESOLVE_TOKEN_NONE;
    assert_verdict(&here, &there,
                   (struct resolve_verdict){RESOLVE_UNDECIDED, RESOLVE_LOOK,
                                            RESOLVE_RISK_TWICE,
                                            RESOLVE_RISK_LOSS});
}

static void
test_nothing_is_done_about_a_guest_that_nobody_doubts(void **state)
{
    struct resolve_side here = {.is_known = true, .copy = RESOLVE_COPY_PAUSED};

    (void)state;
    assert_verdict(&here, &silent,
                   (struct resolve_verdict){.finding = RESOLVE_SETTLED});
    here.copy = RESOLVE_COPY_NONE;
    assert_verdict(&here, &silent,
                   (struct resolve_verdict){.finding = RESOLVE_ABSENT});
    here.copy = RESOLVE_COPY_RUNNING;
    assert_verdict(&here, &silent,
                   (struct resolve_verdict){.finding = RESOLVE_RUNS_HERE});
    assert_verdict(&here, &here,
                   (struct resolve_verdict){.finding = RESOLVE_RUNS_TWICE});
}

/* Every combination of evidence, and what must hold for each. */
static void
for_each_side(void (*see)(const struct resolve_side *side, const void *other),
              const void *other)
{
    for (unsigned i = 0; i < 2u * 3 * RESOLVE_COPY_COUNT * RESOLVE_TOKEN_COUNT *
                                 RESOLVE_OUTCOME_COUNT * 4;
         i++) {
        unsigned rest = i;
        struct resolve_side side;

        side.is_known = rest % 2;
        rest /= 2;
        side.role = (enum resolve_role)(rest % 3);
        rest /= 3;
        side.copy = (enum resolve_copy)(rest % RESOLVE_COPY_COUNT);
        rest /= RESOLVE_COPY_COUNT;
        side.token = (enum resolve_token)(rest % RESOLVE_TOKEN_COUNT);
        rest /= RESOLVE_TOKEN_COUNT;
        side.outcome = (enum resolve_outcome)(rest % RESOLVE_OUTCOME_COUNT);
        rest /= RESOLVE_OUTCOME_COUNT;
        side.is_unsure = rest % 2;
        rest /= 2;
        side.is_in_use = rest % 2;
        see(&side, other);
    }
}

static void
check_pair(const struct resolve_side *there, const void *other)
{
    const struct resolve_side *here = other;
    struct resolve_verdict verdict = resolve_decide(here, there);
    bool runs_there =
        there->is_known && (there->copy == RESOLVE_COPY_RUNNING ||
                            there->outcome == RESOLVE_OUTCOME_TAKEN);
    bool may_run_there =
        !there->is_known || runs_there || there->copy == RESOLVE_COPY_UNSEEN;

    /* What was evident to run there is never run here. */
    if (runs_there) {
        assert_int_equal(verdict.run, RESOLVE_RISK_NEVER);
        assert_int_not_equal(verdict.deed, RESOLVE_RUN);
    }
    /* It is run for certain only where it can't run there. */
    if (verdict.deed == RESOLVE_RUN || verdict.run == RESOLVE_RISK_NO) {
        assert_false(may_run_there);
        assert_int_equal(there->copy, RESOLVE_COPY_NONE);
        assert_int_equal(here->copy, RESOLVE_COPY_PAUSED);
    }
    /* It is ended for certain only where the other host has it. */
    if (verdict.deed == RESOLVE_DISCARD) {
        assert_true(runs_there);
    }
    /* What runs here, or is in no doubt, is nobody's to choose. */
    if (here->copy == RESOLVE_COPY_RUNNING || !here->is_unsure) {
        assert_int_equal(verdict.deed, RESOLVE_LOOK);
        assert_false(resolve_may(&verdict, RESOLVE_RUN));
        assert_false(resolve_may(&verdict, RESOLVE_DISCARD));
    }
    /* Whose disks another QEMU writes runs there. */
    if (here->is_in_use) {
        assert_int_not_equal(verdict.deed, RESOLVE_RUN);
        assert_false(resolve_may(&verdict, RESOLVE_RUN));
    }
    /* Only what is whole can be run. */
    if (here->copy != RESOLVE_COPY_PAUSED) {
        assert_false(resolve_may(&verdict, RESOLVE_RUN));
    }
    /* What is certain may be done. */
    assert_true(resolve_may(&verdict, verdict.deed));
    /* A host that could not be asked is no evidence, whatever it has. */
    if (!there->is_known) {
        const struct resolve_side nothing = {.is_known = false};
        struct resolve_verdict same = resolve_decide(here, &nothing);

        assert_memory_equal(&verdict, &same, sizeof same);
    }
}

static void
check_with_all(const struct resolve_side *here, const void *other)
{
    (void)other;
    if (here->is_known) {
        for_each_side(check_pair, here);
    }
}

static void
test_no_evidence_leads_to_two_guests_or_none(void **state)
{
    (void)state;
    for_each_side(check_with_all, NULL);
}

static void
test_names_are_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < RESOLVE_COPY_COUNT; i++) {
        assert_int_equal(
            resolve_copy_find(resolve_copy_name((enum resolve_copy)i)), i);
    }
    for (int i = 0; i < RESOLVE_TOKEN_COUNT; i++) {
        assert_int_equal(
            resolve_token_find(resolve_token_name((enum resolve_token)i)), i);
    }
    for (int i = 0; i < RESOLVE_OUTCOME_COUNT; i++) {
        assert_int_equal(
            resolve_outcome_find(resolve_outcome_name((enum resolve_outcome)i)),
            i);
    }
    assert_int_equal(resolve_copy_find("levitating"), RESOLVE_COPY_UNSEEN);
    assert_int_equal(resolve_copy_find(NULL), RESOLVE_COPY_UNSEEN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_peer_leaves_it_to_the_operator),
        cmocka_unit_test(
            test_guest_whose_disks_are_written_elsewhere_is_not_run),
        cmocka_unit_test(test_guest_that_runs_there_is_discarded_here),
        cmocka_unit_test(
            test_guest_that_was_taken_and_has_ended_is_discarded_here),
        cmocka_unit_test(test_guest_that_was_returned_runs_here),
        cmocka_unit_test(test_part_of_a_guest_never_runs),
        cmocka_unit_test(test_peer_without_a_copy_may_have_run_it),
        cmocka_unit_test(test_hanging_qemu_there_has_to_end_first),
        cmocka_unit_test(test_two_that_keep_tokens_agree_by_themselves),
        cmocka_unit_test(test_two_without_tokens_are_the_operators),
        cmocka_unit_test(test_nothing_is_done_about_a_guest_that_nobody_doubts),
        cmocka_unit_test(test_no_evidence_leads_to_two_guests_or_none),
        cmocka_unit_test(test_names_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
