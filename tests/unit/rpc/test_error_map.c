/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "frames.h"
#include "rpc/error_map.h"

/* What a client would get of 'err'. */
static struct remote_error *
over_the_wire(const struct error *err, size_t *size)
{
    struct rpc_header header = {.type = RPC_REPLY, .status = RPC_ERROR};
    AUTO_MESSAGE message = {0};
    AUTO_ERROR failure = {0};
    struct remote_error wire;
    void *got;

    rpc_error_encode(err, &wire);
    assert_int_equal(rpc_message_format(&message, &header, &rpc_error_coder,
                                        &wire, &failure),
                     0);
    rpc_error_done(&wire);
    got = rpc_value_decode(&rpc_error_coder, message.data + RPC_HEADER_SIZE,
                           message.size - RPC_HEADER_SIZE, &failure);
    assert_non_null(got);
    *size = message.size;
    return got;
}

static void
a_missing_domain_is_told_as_libvirtd_does(void **state)
{
    AUTO_ERROR err = {0};
    struct remote_error *wire;
    size_t size;

    (void)state;
    error_set(&err, ERROR_NO_DOMAIN,
              "no domain with matching uuid "
              "'c0ffee05-1234-4abc-8def-0123456789ab' (spicy)");
    wire = over_the_wire(&err, &size);
    assert_int_equal(size, 276);
    assert_int_equal(wire->code, 42);
    assert_int_equal(wire->domain, 10);
    assert_int_equal(wire->level, 2);
    assert_null(wire->dom);
    assert_null(wire->net);
    assert_null(wire->str3);
    assert_string_equal(*wire->message,
                        "Domain not found: no domain with matching uuid "
                        "'c0ffee05-1234-4abc-8def-0123456789ab' (spicy)");
    assert_string_equal(*wire->str1, "Domain not found: %s");
    assert_string_equal(*wire->str2, err.message);
    assert_int_equal(wire->int1, -1);
    assert_int_equal(wire->int2, -1);
    rpc_value_free(&rpc_error_coder, wire);
}

static void
the_systems_errors_carry_their_errno_and_no_prefix(void **state)
{
    AUTO_ERROR err = {0};
    struct remote_error *wire;
    size_t size;

    (void)state;
    error_set_errno(&err, 111, "unable to connect to server at '%s'",
                    "127.0.0.2:49315");
    err.origin = ERROR_FROM_RPC;
    wire = over_the_wire(&err, &size);
    assert_int_equal(size, 224);
    assert_int_equal(wire->code, 38);
    assert_int_equal(wire->domain, 7);
    assert_int_equal(wire->int1, 111);
    assert_string_equal(*wire->message, err.message);
    assert_string_equal(*wire->str1, "%s");
    rpc_value_free(&rpc_error_coder, wire);
}

static void
the_normal_answer_to_a_cancelled_finish_is_bare(void **state)
{
    AUTO_ERROR err = {0};
    struct remote_error *wire;
    size_t size;

    (void)state;
    error_set(&err, ERROR_MIGRATE_FINISH_OK, "cancelled");
    wire = over_the_wire(&err, &size);
    assert_int_equal(size, 144);
    assert_int_equal(wire->code, 93);
    assert_string_equal(*wire->message, "migration successfully aborted");
    assert_string_equal(*wire->str1, "migration successfully aborted");
    assert_null(wire->str2);
    rpc_value_free(&rpc_error_coder, wire);
}

static void
every_code_comes_back_as_itself(void **state)
{
    static const enum error_code all[] = {
#define X(name) ERROR_##name,
        ERROR_CODES(X)
#undef X
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        AUTO_ERROR err = {0}, back = {0};
        struct remote_error *wire;
        size_t size;

        if (all[i] == ERROR_NONE || all[i] == ERROR_PEER_LOST ||
            all[i] == ERROR_INVALID_FLAGS) {
            continue;
        }
        error_set_from(&err, ERROR_FROM_DOMAIN, all[i], "a: %s", "b");
        wire = over_the_wire(&err, &size);
        rpc_error_decode(wire, &back);
        assert_int_equal(back.code, all[i]);
        assert_int_equal(back.origin, ERROR_FROM_DOMAIN);
        assert_int_equal(back.foreign_code, 0);
        if (all[i] != ERROR_MIGRATE_FINISH_OK) {
            assert_string_equal(back.message, "a: b");
        }
        rpc_value_free(&rpc_error_coder, wire);
    }
}

static void
a_lost_peer_is_a_failed_operation_to_others(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    error_set(&err, ERROR_PEER_LOST, "gone");
    assert_int_equal(rpc_error_number(&err), 9);
}

static void
a_prefix_is_taken_off_where_only_the_message_is_there(void **state)
{
    char text[] = "Requested operation is not valid: domain is not running";
    char *message = text;
    struct remote_error wire = {.code = 55, .domain = 20, .message = &message};
    AUTO_ERROR err = {0};

    (void)state;
    rpc_error_decode(&wire, &err);
    assert_int_equal(err.code, ERROR_OPERATION_INVALID);
    assert_int_equal(err.origin, ERROR_FROM_DOMAIN);
    assert_string_equal(err.message, "domain is not running");
}

static void
a_code_without_a_name_keeps_its_number_and_text(void **state)
{
    char text[] = "Guest agent is not responding: gone";
    char detail[] = "gone", format[] = "Guest agent is not responding: %s";
    char *message = text, *str1 = format, *str2 = detail;
    struct remote_error wire = {.code = 86,
                                .domain = 10,
                                .message = &message,
                                .str1 = &str1,
                                .str2 = &str2};
    AUTO_ERROR err = {0};
    struct remote_error *again;
    size_t size;

    (void)state;
    rpc_error_decode(&wire, &err);
    assert_int_equal(err.foreign_code, 86);
    assert_string_equal(err.message, text);
    again = over_the_wire(&err, &size);
    assert_int_equal(again->code, 86);
    assert_string_equal(*again->message, text);
    rpc_value_free(&rpc_error_coder, again);
}

static void
an_unknown_procedure_is_no_support(void **state)
{
    char text[] = "unknown procedure: 442";
    char *message = text;
    struct remote_error wire = {.code = 39, .domain = 7, .message = &message};
    AUTO_ERROR err = {0};

    (void)state;
    rpc_error_decode(&wire, &err);
    assert_int_equal(err.code, ERROR_NO_SUPPORT);
}

static void
an_error_without_anything_still_has_a_message(void **state)
{
    struct remote_error wire = {0};
    AUTO_ERROR err = {0};

    (void)state;
    rpc_error_decode(&wire, &err);
    assert_true(error_is_set(&err));
    assert_non_null(err.message);
}

static void
a_message_that_is_no_text_is_made_readable(void **state)
{
    AUTO_ERROR err = {0};
    struct remote_error *wire;
    size_t size;

    (void)state;
    error_set(&err, ERROR_NO_DOMAIN, "no \xc3\xa4 '%s'", "a\xff\xfez");
    wire = over_the_wire(&err, &size);
    assert_string_equal(*wire->message, "Domain not found: no ?? 'a??z'");
    assert_string_equal(*wire->str2, "no ?? 'a??z'");
    rpc_value_free(&rpc_error_coder, wire);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_domain_is_told_as_libvirtd_does),
        cmocka_unit_test(the_systems_errors_carry_their_errno_and_no_prefix),
        cmocka_unit_test(the_normal_answer_to_a_cancelled_finish_is_bare),
        cmocka_unit_test(every_code_comes_back_as_itself),
        cmocka_unit_test(a_lost_peer_is_a_failed_operation_to_others),
        cmocka_unit_test(a_prefix_is_taken_off_where_only_the_message_is_there),
        cmocka_unit_test(a_code_without_a_name_keeps_its_number_and_text),
        cmocka_unit_test(an_unknown_procedure_is_no_support),
        cmocka_unit_test(an_error_without_anything_still_has_a_message),
        cmocka_unit_test(a_message_that_is_no_text_is_made_readable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
