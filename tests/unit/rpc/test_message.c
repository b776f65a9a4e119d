/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "frames.h"
#include "rpc/error_map.h"
#include "rpc/message.h"

/* "demo", running as 1. */
static char demo_name[] = "demo";
#define DEMO                                                                   \
    {                                                                          \
        .name = demo_name, .id = 1                                             \
    }

static void *
decode(const struct rpc_coder *coder, const struct rpc_message *frame)
{
    AUTO_ERROR err = {0};

    return rpc_value_decode(coder, frame->data + RPC_HEADER_SIZE,
                            frame->size - RPC_HEADER_SIZE, &err);
}

/* Decodes the payload, which must work. */
static void *
decode_args(enum remote_procedure number, const struct rpc_message *frame)
{
    void *value = decode(rpc_procedure_find(number)->args, frame);

    assert_non_null(value);
    return value;
}

static bool
is_refused(enum remote_procedure number, struct rpc_message frame)
{
    const struct rpc_coder *coder = rpc_procedure_find(number)->args;
    void *value = decode(coder, &frame);
    bool is_refused = !value;

    rpc_value_free(coder, value);
    rpc_message_done(&frame);
    return is_refused;
}

static size_t
size_of(enum remote_procedure number, enum rpc_type type, const void *value)
{
    AUTO_MESSAGE message = message_of(number, type, 0, value);

    return message.size;
}

static void
captured_messages_survive_decoding_and_encoding(void **state)
{
    static const char *const names[] = {"auth_list_call",
                                        "auth_list_reply",
                                        "supports_feature_call",
                                        "supports_feature_reply",
                                        "open_call",
                                        "open_reply",
                                        "lookup_by_name_call",
                                        "lookup_by_name_reply"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        AUTO_MESSAGE frame = golden(names[i]);
        AUTO_MESSAGE again = {0};
        AUTO_ERROR err = {0};
        struct rpc_header header;
        const struct rpc_procedure *row;
        const struct rpc_coder *coder;
        void *value;

        rpc_header_parse(frame.data, &header);
        row = rpc_procedure_find(header.procedure);
        coder = header.type == RPC_CALL ? row->args : row->ret;
        value = decode(coder, &frame);
        assert_non_null(value);
        assert_int_equal(
            rpc_message_format(&again, &header, coder, value, &err), 0);
        assert_int_equal(again.size, frame.size);
        assert_memory_equal(again.data, frame.data, frame.size);
        rpc_value_free(coder, value);
    }
}

static void
captured_arguments_are_what_virsh_was_asked(void **state)
{
    AUTO_MESSAGE open = golden("open_call");
    AUTO_MESSAGE lookup = golden("lookup_by_name_reply");
    struct remote_connect_open_args *args =
        decode_args(REMOTE_PROC_CONNECT_OPEN, &open);
    const struct rpc_coder *coder =
        rpc_procedure_find(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME)->ret;
    struct remote_domain_lookup_by_name_ret *ret = decode(coder, &lookup);
    static const uint8_t uuid[] = {0xc0, 0xff, 0xee, 0x03, 0x12, 0x34,
                                   0x4a, 0xbc, 0x8d, 0xef, 0x01, 0x23,
                                   0x45, 0x67, 0x89, 0xab};

    (void)state;
    assert_string_equal(*args->name, "qemu:///session");
    assert_int_equal(args->flags, 0);
    assert_non_null(ret);
    assert_string_equal(ret->dom.name, "dirty");
    assert_memory_equal(ret->dom.uuid, uuid, sizeof(uuid));
    assert_int_equal(ret->dom.id, -1);
    rpc_value_free(rpc_procedure_find(REMOTE_PROC_CONNECT_OPEN)->args, args);
    rpc_value_free(coder, ret);
}

static void
messages_are_as_long_as_libvirts(void **state)
{
    struct remote_domain_lookup_by_name_ret lookup = {.dom = DEMO};
    struct remote_domain_get_state_args get_state = {.dom = DEMO};
    struct remote_domain_get_state_ret state_ret = {0};
    struct remote_domain_get_info_ret info = {0};
    struct remote_domain_get_job_info_args job = {.dom = DEMO};
    struct remote_domain_get_job_info_ret job_ret = {0};
    struct remote_node_get_info_ret node = {0};
    struct remote_domain_get_control_info_ret control = {0};
    struct remote_domain_migrate_begin3_params_args begin = {.dom = DEMO};
    struct remote_domain_migrate_begin3_args begin3 = {.dom = DEMO};
    struct remote_domain_event_callback_lifecycle_msg event = {
        .msg = {.dom = DEMO}};

    (void)state;
    assert_int_equal(
        size_of(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, RPC_REPLY, &lookup), 56);
    assert_int_equal(
        size_of(REMOTE_PROC_DOMAIN_GET_STATE, RPC_CALL, &get_state), 60);
    assert_int_equal(
        size_of(REMOTE_PROC_DOMAIN_GET_STATE, RPC_REPLY, &state_ret), 36);
    assert_int_equal(size_of(REMOTE_PROC_DOMAIN_GET_INFO, RPC_REPLY, &info),
                     60);
    assert_int_equal(size_of(REMOTE_PROC_DOMAIN_GET_JOB_INFO, RPC_CALL, &job),
                     56);
    assert_int_equal(
        size_of(REMOTE_PROC_DOMAIN_GET_JOB_INFO, RPC_REPLY, &job_ret), 120);
    assert_int_equal(size_of(REMOTE_PROC_NODE_GET_INFO, RPC_REPLY, &node), 188);
    assert_int_equal(
        size_of(REMOTE_PROC_DOMAIN_GET_CONTROL_INFO, RPC_REPLY, &control), 44);
    assert_int_equal(
        size_of(REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3_PARAMS, RPC_CALL, &begin),
        64);
    assert_int_equal(
        size_of(REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3, RPC_CALL, &begin3), 80);
    assert_int_equal(size_of(REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE,
                             RPC_MESSAGE, &event),
                     68);
}

static void
every_row_is_found_by_its_number(void **state)
{
    size_t count = 0;

    (void)state;
    for (const struct rpc_procedure *row; (row = rpc_procedure_each(count));
         count++) {
        assert_ptr_equal(rpc_procedure_find(row->number), row);
        assert_non_null(row->args);
        assert_true(row->is_event == !row->ret);
    }
    assert_true(count > 200);
    assert_null(rpc_procedure_find(0));
    assert_null(rpc_procedure_find(-1));
    assert_null(rpc_procedure_find(440));
    assert_null(rpc_procedure_find(INT32_MAX));
    assert_string_equal(rpc_procedure_name(216), "DOMAIN_MIGRATE_PERFORM3");
    assert_string_equal(rpc_procedure_name(9999), "?");
}

static void
every_call_has_libvirts_name_of_it(void **state)
{
    const struct rpc_procedure *row;

    (void)state;
    for (size_t i = 0; (row = rpc_procedure_each(i)); i++) {
        bool has_name = rpc_api_name(row->number);

        assert_true(row->is_event || has_name ||
                    row->access == RPC_ACCESS_AUTH ||
                    (int)row->number > RPC_QEMU_FIRST);
        assert_false(row->is_event && has_name);
    }
    assert_string_equal(rpc_api_name(1), "virConnectOpen");
    assert_string_equal(rpc_api_name(214), "virDomainMigratePrepare3");
    assert_string_equal(rpc_api_name(443), "virDomainFDAssociate");
    assert_null(rpc_api_name(444));
    assert_null(rpc_api_name(0));
    assert_null(rpc_api_name(-1));
}

static void
the_programs_procedures_are_kept_apart(void **state)
{
    struct rpc_header header = {0};

    (void)state;
    rpc_header_set_procedure(&header, REMOTE_PROC_QEMU_DOMAIN_AGENT_COMMAND);
    assert_int_equal(header.program, 0x20008087);
    assert_int_equal(header.procedure, 3);
    assert_int_equal(rpc_procedure_of(&header)->number,
                     REMOTE_PROC_QEMU_DOMAIN_AGENT_COMMAND);
    header.program = RPC_PROGRAM_REMOTE;
    assert_string_equal(rpc_procedure_of(&header)->name, "CONNECT_GET_TYPE");
    header.procedure = REMOTE_PROC_QEMU_DOMAIN_AGENT_COMMAND;
    assert_null(rpc_procedure_of(&header));
    header.procedure = -1;
    assert_null(rpc_procedure_of(&header));
    header.program = RPC_PROGRAM_QEMU;
    header.procedure = INT32_MAX;
    assert_null(rpc_procedure_of(&header));
    header.procedure = 3;
    header.version = 2;
    assert_null(rpc_procedure_of(&header));
}

static void
zeros_are_a_value_of_every_struct(void **state)
{
    (void)state;
    for (size_t i = 0; rpc_procedure_each(i); i++) {
        const struct rpc_procedure *row = rpc_procedure_each(i);
        const struct rpc_coder *coder = row->ret ? row->ret : row->args;
        struct rpc_header header = {.procedure = (int32_t)row->number};
        uint8_t zeros[256] = {0};
        AUTO_MESSAGE frame = {0};
        AUTO_ERROR err = {0};
        void *value = rpc_value_decode(coder, zeros, sizeof(zeros), &err);

        assert_non_null(value);
        assert_int_equal(
            rpc_message_format(&frame, &header, coder, value, &err), 0);
        assert_true(frame.size <= RPC_HEADER_SIZE + sizeof(zeros));
        assert_memory_equal(frame.data + RPC_HEADER_SIZE, zeros,
                            frame.size - RPC_HEADER_SIZE);
        rpc_value_free(coder, value);
    }
}

static void
truncated_arguments_are_refused_at_every_length(void **state)
{
    AUTO_MESSAGE frame = golden("lookup_by_name_reply");
    const struct rpc_coder *coder =
        rpc_procedure_find(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME)->ret;

    (void)state;
    for (size_t i = RPC_HEADER_SIZE; i < frame.size; i++) {
        AUTO_ERROR err = {0};

        assert_null(rpc_value_decode(coder, frame.data + RPC_HEADER_SIZE,
                                     i - RPC_HEADER_SIZE, &err));
        assert_int_equal(err.code, ERROR_RPC);
        assert_int_equal(err.origin, ERROR_FROM_RPC);
        assert_string_equal(err.message, "Unable to decode message payload");
    }
}

static void
bytes_after_the_arguments_are_ignored(void **state)
{
    AUTO_MESSAGE frame = FRAME(0, RPC_PROGRAM_REMOTE, 1, 60, 0, 0, 0, 10, 99);
    struct remote_connect_supports_feature_args *args =
        decode_args(REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &frame);

    (void)state;
    assert_int_equal(args->feature, 10);
    free(args);
}

/* DOMAIN_LOOKUP_BY_NAME of a string whose count is a lie. */
static void
a_string_longer_than_its_bound_is_refused(void **state)
{
    (void)state;
    assert_true(is_refused(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME,
                           FRAME(0, 0, 0, 0, 0, 0, 0, 4194305, 0x61626364)));
    assert_true(is_refused(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME,
                           FRAME(0, 0, 0, 0, 0, 0, 0, 4194304, 0x61626364)));
    assert_true(is_refused(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME,
                           FRAME(0, 0, 0, 0, 0, 0, 0, UINT32_MAX, 0x61626364)));
    assert_false(is_refused(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME,
                            FRAME(0, 0, 0, 0, 0, 0, 0, 4, 0x61626364)));
}

static void
a_string_with_a_nul_inside_is_refused(void **state)
{
    (void)state;
    assert_true(
        is_refused(REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME,
                   FRAME(0, 0, 0, 0, 0, 0, 0, 8, 0x61620000, 0x61626364)));
}

static void
arrays_longer_than_their_bounds_are_refused(void **state)
{
    (void)state;
    /* LIST_DOMAINS has ids<16384> only in its result: GET_ALL_DOMAIN_STATS
     * takes domains, PREPARE3_PARAMS 64 parameters and a cookie of 4 MiB. */
    assert_true(is_refused(REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS,
                           FRAME(0, 0, 0, 0, 0, 0, 0, 16385, 0, 0, 0)));
    assert_true(is_refused(REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS,
                           FRAME(0, 0, 0, 0, 0, 0, 0, UINT32_MAX, 0, 0, 0)));
    assert_true(is_refused(REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS,
                           FRAME(0, 0, 0, 0, 0, 0, 0, 16384, 0, 0, 0)));
    assert_true(is_refused(REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS,
                           FRAME(0, 0, 0, 0, 0, 0, 0, 65, 0, 0)));
    assert_true(is_refused(REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS,
                           FRAME(0, 0, 0, 0, 0, 0, 0, 0, 4194305, 0)));
    assert_false(is_refused(REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS,
                            FRAME(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)));
}

static void
a_parameter_of_an_unknown_type_is_refused(void **state)
{
    /* One good parameter before it: freed, too. */
    (void)state;
    assert_true(is_refused(REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS,
                           FRAME(0, 0, 0, 0, 0, 0, 0, 2, 1, 0x61000000, 7, 1,
                                 0x62000000, 1, 0x63000000, 8, 0, 0, 0)));
    assert_false(is_refused(REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS,
                            FRAME(0, 0, 0, 0, 0, 0, 0, 2, 1, 0x61000000, 7, 1,
                                  0x62000000, 1, 0x63000000, 1, 0, 0, 0)));
}

static void
what_does_not_fit_is_not_encoded(void **state)
{
    struct remote_connect_get_uri_ret ret = {0};
    const struct rpc_procedure *row =
        rpc_procedure_find(REMOTE_PROC_CONNECT_GET_URI);
    struct rpc_header header = {.procedure = 110};
    AUTO_FREE char *uri = xcalloc(1, REMOTE_STRING_MAX + 2);
    AUTO_MESSAGE message = {0};
    AUTO_ERROR err = {0};

    (void)state;
    memset(uri, 'a', REMOTE_STRING_MAX + 1);
    ret.uri = uri;
    assert_int_equal(
        rpc_message_format(&message, &header, row->ret, &ret, &err), -1);
    assert_int_equal(err.code, ERROR_RPC);
    assert_null(message.data);
    uri[REMOTE_STRING_MAX] = '\0';
    error_clear(&err);
    assert_int_equal(
        rpc_message_format(&message, &header, row->ret, &ret, &err), 0);
    assert_int_equal(message.size, RPC_HEADER_SIZE + 4 + REMOTE_STRING_MAX);
}

static void
a_message_beyond_the_frame_is_not_encoded(void **state)
{
    /* Nine strings of 4 MiB are more than 32. */
    static char *names[9];
    struct remote_connect_list_defined_domains_ret ret = {
        .names = {.names_len = ARRAY_COUNT(names), .names_val = names}
    };
    const struct rpc_procedure *row =
        rpc_procedure_find(REMOTE_PROC_CONNECT_LIST_DEFINED_DOMAINS);
    struct rpc_header header = {.procedure = 21};
    AUTO_FREE char *name = xcalloc(1, REMOTE_STRING_MAX + 1);
    AUTO_MESSAGE message = {0};
    AUTO_ERROR err = {0};

    (void)state;
    memset(name, 'a', REMOTE_STRING_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        names[i] = name;
    }
    assert_int_equal(
        rpc_message_format(&message, &header, row->ret, &ret, &err), -1);
    assert_int_equal(err.code, ERROR_RPC);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_messages_survive_decoding_and_encoding),
        cmocka_unit_test(captured_arguments_are_what_virsh_was_asked),
        cmocka_unit_test(messages_are_as_long_as_libvirts),
        cmocka_unit_test(every_row_is_found_by_its_number),
        cmocka_unit_test(every_call_has_libvirts_name_of_it),
        cmocka_unit_test(the_programs_procedures_are_kept_apart),
        cmocka_unit_test(zeros_are_a_value_of_every_struct),
        cmocka_unit_test(truncated_arguments_are_refused_at_every_length),
        cmocka_unit_test(bytes_after_the_arguments_are_ignored),
        cmocka_unit_test(a_string_longer_than_its_bound_is_refused),
        cmocka_unit_test(a_string_with_a_nul_inside_is_refused),
        cmocka_unit_test(arrays_longer_than_their_bounds_are_refused),
        cmocka_unit_test(a_parameter_of_an_unknown_type_is_refused),
        cmocka_unit_test(what_does_not_fit_is_not_encoded),
        cmocka_unit_test(a_message_beyond_the_frame_is_not_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
