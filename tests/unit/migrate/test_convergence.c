/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/convergence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static bool
pass(struct convergence *convergence, uint64_t number, uint64_t remaining)
{
    const struct convergence_counters counters = {number, remaining};

    return convergence_step(convergence, &counters);
}

/* Passes that get nowhere, up to 'last'; how often the limit grew. */
static unsigned
struggle(struct convergence *convergence, uint64_t first, uint64_t last)
{
    unsigned grew = 0;

    for (uint64_t number = first; number <= last; number++) {
        uint64_t before = convergence->limit_ms;

        grew += pass(convergence, number, 1000000);
        assert_true(convergence->limit_ms >= before);
        assert_true(convergence->limit_ms <= convergence->max_ms);
    }
    return grew;
}

static void
it_starts_low(void **state)
{
    struct convergence convergence;

    (void)state;
    convergence_init(&convergence, 0);
    assert_int_equal(convergence.limit_ms, 20);
    assert_int_equal(convergence.max_ms, 300);
    convergence_init(&convergence, 5);
    assert_int_equal(convergence.limit_ms, 5);
}

static void
a_guest_that_converges_keeps_the_low_limit(void **state)
{
    struct convergence convergence;
    uint64_t remaining = UINT64_C(1) << 40;

    (void)state;
    convergence_init(&convergence, 0);
    for (uint64_t number = 1; number < 100; number++) {
        assert_false(pass(&convergence, number, remaining));
        remaining = remaining / 2;
    }
    assert_int_equal(convergence.limit_ms, 20);
}

static void
it_grows_by_half_after_some_passes_that_get_nowhere(void **state)
{
    struct convergence convergence;

    (void)state;
    convergence_init(&convergence, 0);
    assert_int_equal(struggle(&convergence, 1, 3), 0);
    assert_true(pass(&convergence, 4, 1000000));
    assert_int_equal(convergence.limit_ms, 30);
    assert_int_equal(struggle(&convergence, 5, 6), 0);
    assert_true(pass(&convergence, 7, 1000000));
    assert_int_equal(convergence.limit_ms, 45);
}

static void
it_never_exceeds_what_the_user_allows(void **state)
{
    struct convergence convergence;

    (void)state;
    convergence_init(&convergence, 100);
    struggle(&convergence, 1, 1000);
    assert_int_equal(convergence.limit_ms, 100);
    convergence_init(&convergence, UINT64_MAX);
    struggle(&convergence, 1, 1000);
    assert_int_equal(convergence.limit_ms, UINT64_MAX);
}

static void
the_same_pass_counts_once(void **state)
{
    struct convergence convergence;

    (void)state;
    convergence_init(&convergence, 0);
    struggle(&convergence, 1, 3);
    for (unsigned i = 0; i < 100; i++) {
        assert_false(pass(&convergence, 3, 1000000));
    }
    assert_int_equal(convergence.limit_ms, 20);
}

static void
the_user_may_change_his_mind(void **state)
{
    struct convergence convergence;

    (void)state;
    convergence_init(&convergence, 1000);
    struggle(&convergence, 1, 1000);
    assert_int_equal(convergence.limit_ms, 1000);
    assert_false(convergence_set_max(&convergence, 2000));
    assert_int_equal(convergence.limit_ms, 1000);
    assert_true(convergence_set_max(&convergence, 50));
    assert_int_equal(convergence.limit_ms, 50);
    assert_int_equal(struggle(&convergence, 1001, 2000), 0);
}

static void
a_limit_of_one_millisecond_can_grow(void **state)
{
    struct convergence convergence;

    (void)state;
    convergence_init(&convergence, 1);
    convergence_set_max(&convergence, 300);
    struggle(&convergence, 1, 1000);
    assert_int_equal(convergence.limit_ms, 300);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_low),
        cmocka_unit_test(a_guest_that_converges_keeps_the_low_limit),
        cmocka_unit_test(it_grows_by_half_after_some_passes_that_get_nowhere),
        cmocka_unit_test(it_never_exceeds_what_the_user_allows),
        cmocka_unit_test(the_same_pass_counts_once),
        cmocka_unit_test(the_user_may_change_his_mind),
        cmocka_unit_test(a_limit_of_one_millisecond_can_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
