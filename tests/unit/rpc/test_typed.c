/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "frames.h"
#include "rpc/typed.h"

static void
every_type_survives_the_wire(void **state)
{
    const struct rpc_coder *coder =
        rpc_procedure_find(REMOTE_PROC_DOMAIN_GET_JOB_STATS)->ret;
    struct remote_domain_get_job_stats_ret ret = {.type = 2};
    struct remote_domain_get_job_stats_ret *got;
    AUTO_PARAMETERS list = {0}, back = {0};
    AUTO_ERROR err = {0};

    (void)state;
    parameters_add_int(&list, "a", -5);
    parameters_add_uint(&list, "b", UINT32_MAX);
    parameters_add_llong(&list, "c", INT64_MIN);
    parameters_add_ullong(&list, "d", UINT64_MAX);
    parameters_add_double(&list, "e", 0.25);
    parameters_add_boolean(&list, "f", true);
    parameters_add_string(&list, "g", "text");
    parameters_add_string(&list, "g", "");
    assert_int_equal(rpc_params_encode(&list, REMOTE_JOB_STATS_MAX,
                                       &ret.params.params_val,
                                       &ret.params.params_len, &err),
                     0);
    AUTO_MESSAGE message =
        message_of(REMOTE_PROC_DOMAIN_GET_JOB_STATS, RPC_REPLY, 0, &ret);
    got = rpc_value_decode(coder, message.data + RPC_HEADER_SIZE,
                           message.size - RPC_HEADER_SIZE, &err);
    assert_non_null(got);
    assert_int_equal(rpc_params_decode(got->params.params_val,
                                       got->params.params_len, &back, &err),
                     0);
    assert_int_equal(back.count, 8);
    assert_int_equal(parameters_find(&back, "a")->value.i, -5);
    assert_int_equal(parameters_find(&back, "b")->value.ui, UINT32_MAX);
    assert_true(parameters_find(&back, "c")->value.l == INT64_MIN);
    assert_true(parameters_find(&back, "d")->value.ul == UINT64_MAX);
    assert_true(parameters_find(&back, "e")->value.d == 0.25);
    assert_true(parameters_find(&back, "f")->value.b);
    assert_string_equal(parameters_find_string(&back, "g"), "text");
    assert_string_equal(back.items[7].value.s, "");
    rpc_value_free(coder, got);
    rpc_params_free(ret.params.params_val, ret.params.params_len);
}

static void
more_than_the_message_may_have_are_refused(void **state)
{
    struct remote_tparam *items = NULL;
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};
    unsigned count = 7;

    (void)state;
    for (int i = 0; i < REMOTE_MIGRATE_PARAMS_MAX + 1; i++) {
        parameters_add_int(&list, "migrate_disks", i);
    }
    assert_int_equal(rpc_params_encode(&list, REMOTE_MIGRATE_PARAMS_MAX, &items,
                                       &count, &err),
                     -1);
    assert_int_equal(err.code, ERROR_RPC);
    assert_null(items);
    assert_int_equal(count, 7);
}

static void
a_name_longer_than_79_bytes_is_refused(void **state)
{
    struct remote_tparam *items = NULL;
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};
    char name[81] = {0};
    unsigned count;

    (void)state;
    memset(name, 'n', 79);
    parameters_add_int(&list, name, 1);
    assert_int_equal(rpc_params_encode(&list, 64, &items, &count, &err), 0);
    rpc_params_free(items, count);
    name[79] = 'n';
    parameters_add_int(&list, name, 1);
    assert_int_equal(rpc_params_encode(&list, 64, &items, &count, &err), -1);
}

static void
an_empty_list_is_an_empty_array(void **state)
{
    struct remote_tparam *items = NULL;
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};
    unsigned count = 7;

    (void)state;
    assert_int_equal(rpc_params_encode(&list, 64, &items, &count, &err), 0);
    assert_int_equal(count, 0);
    rpc_params_free(items, count);
}

static void
a_type_that_does_not_exist_is_refused(void **state)
{
    char field[] = "a";
    struct remote_tparam item = {.field = field, .value = {.type = 8}};
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(rpc_params_decode(&item, 1, &list, &err), -1);
    assert_int_equal(err.code, ERROR_RPC);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_survives_the_wire),
        cmocka_unit_test(more_than_the_message_may_have_are_refused),
        cmocka_unit_test(a_name_longer_than_79_bytes_is_refused),
        cmocka_unit_test(an_empty_list_is_an_empty_array),
        cmocka_unit_test(a_type_that_does_not_exist_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
