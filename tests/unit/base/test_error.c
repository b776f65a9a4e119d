/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void
an_error_that_was_set_has_a_code_and_a_message(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    assert_false(error_is_set(&err));
    assert_int_equal(error_set(&err, ERROR_NO_DOMAIN, "no '%s'", "web1"), -1);
    assert_true(error_is_set(&err));
    assert_int_equal(err.code, ERROR_NO_DOMAIN);
    assert_int_equal(err.origin, ERROR_FROM_QEMU);
    assert_int_equal(err.errnum, 0);
    assert_string_equal(err.message, "no 'web1'");
}

static void
an_error_may_say_who_says_so(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    error_set_from(&err, ERROR_FROM_RPC, ERROR_RPC, "bad header");
    assert_int_equal(err.origin, ERROR_FROM_RPC);
}

static void
the_systems_errors_keep_their_number(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(error_set_errno(&err, ENOENT, "opening %s", "x"), -1);
    assert_int_equal(err.code, ERROR_SYSTEM);
    assert_int_equal(err.errnum, ENOENT);
    assert_string_equal(err.message, "opening x: No such file or directory");
}

static void
wrapping_puts_the_context_first_and_keeps_the_rest(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    error_set_errno(&err, EACCES, "opening 100%% of it");
    assert_int_equal(error_wrap(&err, "starting '%s'", "web1"), -1);
    error_wrap(&err, "migrating");
    assert_string_equal(
        err.message,
        "migrating: starting 'web1': opening 100% of it: Permission denied");
    assert_int_equal(err.errnum, EACCES);
    assert_int_equal(err.code, ERROR_SYSTEM);
}

static void
a_copy_is_independent_and_a_move_leaves_nothing(void **state)
{
    AUTO_ERROR first = {0};
    AUTO_ERROR second = {0};
    AUTO_ERROR third = {0};
    AUTO_ERROR empty = {0};

    (void)state;
    error_set(&first, ERROR_INTERNAL, "one");
    error_copy(&second, &first);
    error_clear(&first);
    error_clear(&first);
    assert_false(error_is_set(&first));
    assert_string_equal(second.message, "one");
    error_move(&third, &second);
    assert_false(error_is_set(&second));
    assert_null(second.message);
    assert_string_equal(third.message, "one");
    error_copy(&first, &empty);
    assert_false(error_is_set(&first));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_that_was_set_has_a_code_and_a_message),
        cmocka_unit_test(an_error_may_say_who_says_so),
        cmocka_unit_test(the_systems_errors_keep_their_number),
        cmocka_unit_test(wrapping_puts_the_context_first_and_keeps_the_rest),
        cmocka_unit_test(a_copy_is_independent_and_a_move_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
