/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"

struct element {
    int number;
    struct list link;
};

static int
sum_in_order(struct list *list)
{
    int result = 0;

    LIST_FOR_EACH (link, list) {
        result = result * 10 + container_of(link, struct element, link)->number;
    }
    return result;
}

static void
elements_come_in_the_order_in_which_they_were_added(void **state)
{
    struct element elements[] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct list list;

    (void)state;
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_int_equal(sum_in_order(&list), 0);
    for (size_t i = 0; i < ARRAY_COUNT(elements); i++) {
        list_add(&list, &elements[i].link);
    }
    assert_int_equal(sum_in_order(&list), 123);
    list_remove(&elements[1].link);
    list_remove(&elements[1].link);
    assert_int_equal(sum_in_order(&list), 13);
}

static void
the_current_element_may_be_removed_on_the_way(void **state)
{
    struct element elements[] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct list list;

    (void)state;
    list_init(&list);
    for (size_t i = 0; i < ARRAY_COUNT(elements); i++) {
        list_add(&list, &elements[i].link);
    }
    LIST_FOR_EACH (link, &list) {
        if (container_of(link, struct element, link)->number != 2) {
            list_remove(link);
        }
    }
    assert_int_equal(sum_in_order(&list), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_come_in_the_order_in_which_they_were_added),
        cmocka_unit_test(the_current_element_may_be_removed_on_the_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
