/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/parameters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

/* One of each type. */
static void
fill(struct parameters *list)
{
    parameters_add_int(list, "i", INT32_MIN);
    parameters_add_uint(list, "ui", UINT32_MAX);
    parameters_add_llong(list, "l", INT64_MIN);
    parameters_add_ullong(list, "ul", UINT64_MAX);
    parameters_add_double(list, "d", 0.5);
    parameters_add_boolean(list, "b", true);
    parameters_add_string(list, "s", "text");
}

static void
assert_filled(const struct parameters *list)
{
    assert_int_equal(list->count, 7);
    assert_int_equal(parameters_find(list, "i")->value.i, INT32_MIN);
    assert_int_equal(parameters_find(list, "ui")->value.ui, UINT32_MAX);
    assert_true(parameters_find(list, "l")->value.l == INT64_MIN);
    assert_true(parameters_find(list, "ul")->value.ul == UINT64_MAX);
    assert_true(parameters_find(list, "d")->value.d == 0.5);
    assert_true(parameters_find(list, "b")->value.b);
    assert_string_equal(parameters_find_string(list, "s"), "text");
    assert_int_equal(parameters_find(list, "s")->type, PARAMETER_STRING);
}

static void
every_type_is_kept(void **state)
{
    AUTO_PARAMETERS list = {0};

    (void)state;
    fill(&list);
    assert_filled(&list);
}

static void
a_copy_replaces_and_is_independent(void **state)
{
    AUTO_PARAMETERS first = {0};
    AUTO_PARAMETERS second = {0};

    (void)state;
    fill(&first);
    parameters_add_string(&second, "old", "old");
    parameters_copy(&second, &first);
    parameters_done(&first);
    parameters_done(&first);
    assert_filled(&second);
}

static void
a_list_may_be_copied_onto_itself(void **state)
{
    AUTO_PARAMETERS list = {0};

    (void)state;
    fill(&list);
    parameters_copy(&list, &list);
    assert_filled(&list);
}

static void
the_first_of_a_name_is_found_and_all_are_removed(void **state)
{
    AUTO_PARAMETERS list = {0};

    (void)state;
    parameters_add_string(&list, "disk", "vda");
    parameters_add_int(&list, "other", 1);
    parameters_add_string(&list, "disk", "vdb");
    assert_string_equal(parameters_find_string(&list, "disk"), "vda");
    assert_null(parameters_find(&list, "missing"));
    assert_null(parameters_find_string(&list, "other"));
    /* By the name inside of the list itself. */
    parameters_remove(&list, list.items[0].name);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].name, "other");
}

static void
an_item_may_be_added_from_the_same_list(void **state)
{
    AUTO_PARAMETERS list = {0};

    (void)state;
    parameters_add_string(&list, "name", "value");
    /* Past several moves of the array. */
    for (int i = 0; i < 100; i++) {
        parameters_add(&list, &list.items[0]);
        parameters_add_string(&list, list.items[0].name, list.items[0].value.s);
    }
    assert_int_equal(list.count, 201);
    assert_string_equal(list.items[200].name, "name");
    assert_string_equal(list.items[200].value.s, "value");
    assert_true(list.items[200].value.s != list.items[0].value.s);
}

static void
types_have_the_names_of_libvirt(void **state)
{
    static const char *const names[] = {
        "unknown", "int",     "uint",   "llong",   "ullong",
        "double",  "boolean", "string", "unknown",
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        assert_string_equal(parameter_type_name((enum parameter_type)i),
                            names[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_kept),
        cmocka_unit_test(a_copy_replaces_and_is_independent),
        cmocka_unit_test(a_list_may_be_copied_onto_itself),
        cmocka_unit_test(the_first_of_a_name_is_found_and_all_are_removed),
        cmocka_unit_test(an_item_may_be_added_from_the_same_list),
        cmocka_unit_test(types_have_the_names_of_libvirt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
