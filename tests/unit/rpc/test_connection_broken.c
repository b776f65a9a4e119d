/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A server's connection against bytes of any kind: what is answered with an
 * error, and what closes it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "rpc/error_map.h"
#include "server.h"

static void
an_unknown_procedure_is_answered_in_libvirtds_words(void **state)
{
    struct server *server = *state;

    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 1, 9999, 0, 5, 0));
    client_reads_error(server, 5, "unknown procedure: 9999");
    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 1, UINT32_MAX, 0, 6, 0));
    client_reads_error(server, 6, "unknown procedure: -1");
    assert_true(rpc_connection_is_open(server->connection));
}

static void
a_procedure_not_served_is_named_as_not_supported(void **state)
{
    struct server *server = *state;

    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 1,
                               REMOTE_PROC_DOMAIN_MIGRATE_START_POST_COPY, 0, 5,
                               0, 0, 0, 0, 0, 0, 0, 0));
    client_reads_code(server, 5, 3,
                      "this function is not supported by the connection "
                      "driver: virDomainMigrateStartPostCopy");
    /* An event is no procedure. */
    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 1, 318, 0, 6, 0));
    client_reads_error(server, 6, "unknown procedure: 318");
    assert_int_equal(server->call_count, 0);
}

static void
an_unknown_program_or_version_is_echoed(void **state)
{
    struct server *server = *state;
    struct rpc_header header;

    client_sends(server, FRAME(0, 0x20008088, 1, 1, 0, 5, 0));
    client_reads_error(server, 5, "Cannot find program 536903816 version 1");
    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 2, 1, 0, 6, 0));
    client_reads_error(server, 6, "Cannot find program 536903814 version 2");
    client_sends(server, FRAME(0, 0x20008087, 3, 44, 0, 7, 0));
    AUTO_MESSAGE message = client_reads(server, &header);
    assert_int_equal(header.program, 0x20008087);
    assert_int_equal(header.version, 3);
    assert_int_equal(header.procedure, 44);
}

static void
arguments_that_can_not_be_decoded_are_answered(void **state)
{
    struct server *server = *state;

    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 1,
                               REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, 0, 5, 0,
                               UINT32_MAX, 0x61626364));
    client_reads_error(server, 5, "Unable to decode message payload");
    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 1,
                               REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, 0, 6, 0));
    client_reads_error(server, 6, "Unable to decode message payload");
    assert_int_equal(server->call_count, 0);
    assert_true(rpc_connection_is_open(server->connection));
}

static void
a_message_shorter_than_a_header_closes(void **state)
{
    struct server *server = *state;
    struct rpc_message message = FRAME(0, RPC_PROGRAM_REMOTE);

    assert_closes_as_broken(server, message);
}

static void
a_message_beyond_the_limit_closes(void **state)
{
    struct server *server = *state;
    struct rpc_message message = FRAME(0);

    memcpy(message.data, "GET ", 4);
    assert_closes_as_broken(server, message);
}

static void
calls_with_a_status_close(void **state)
{
    assert_closes_as_broken(
        *state, FRAME(0, RPC_PROGRAM_REMOTE, 1, 59, 0, 1, RPC_ERROR));
}

static void
replies_to_a_server_close(void **state)
{
    assert_closes_as_broken(
        *state, FRAME(0, RPC_PROGRAM_REMOTE, 1, 59, RPC_REPLY, 1, 0, 0));
}

static void
file_descriptors_close(void **state)
{
    assert_closes_as_broken(*state, golden("create_with_files_call"));
}

static void
unknown_message_types_close(void **state)
{
    assert_closes_as_broken(*state,
                            FRAME(0, RPC_PROGRAM_REMOTE, 1, 59, 7, 1, 0));
}

static void
negative_message_types_close(void **state)
{
    assert_closes_as_broken(
        *state, FRAME(0, RPC_PROGRAM_REMOTE, 1, 59, UINT32_MAX, 1, 0));
}

static void
what_comes_after_a_broken_message_is_not_looked_at(void **state)
{
    struct server *server = *state;
    AUTO_MESSAGE call = golden("open_call");
    struct rpc_message both = FRAME(0, 0, 0, 0, 7, 0, 0);

    both.data = xrealloc(both.data, both.size + call.size, 1);
    memcpy(both.data + both.size, call.data, call.size);
    both.size += call.size;
    assert_closes_as_broken(server, both);
}

static void
stray_streams_and_messages_are_ignored(void **state)
{
    struct server *server = *state;
    struct rpc_header header;

    server->answers = true;
    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 1, 215, RPC_STREAM, 1,
                               RPC_CONTINUE, 0x61626364));
    client_sends(server, FRAME(0, RPC_PROGRAM_REMOTE, 1, 215, RPC_STREAM_HOLE,
                               1, RPC_CONTINUE, 0, 0, 0));
    client_sends(server,
                 FRAME(0, RPC_PROGRAM_REMOTE, 1, 318, RPC_MESSAGE, 1, 0, 0));
    client_sends(server,
                 FRAME(0, RPC_PROGRAM_KEEPALIVE, 1, 3, RPC_MESSAGE, 0, 0));
    client_sends(server,
                 FRAME(0, RPC_PROGRAM_KEEPALIVE, 9, 1, RPC_MESSAGE, 0, 0));
    client_calls(server, 2);
    AUTO_MESSAGE reply = client_reads(server, &header);
    assert_int_equal(header.serial, 2);
    assert_int_equal(header.procedure, 59);
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_procedure_is_answered_in_libvirtds_words),
        TEST(a_procedure_not_served_is_named_as_not_supported),
        TEST(an_unknown_program_or_version_is_echoed),
        TEST(arguments_that_can_not_be_decoded_are_answered),
        TEST(a_message_shorter_than_a_header_closes),
        TEST(a_message_beyond_the_limit_closes),
        TEST(calls_with_a_status_close),
        TEST(replies_to_a_server_close),
        TEST(file_descriptors_close),
        TEST(unknown_message_types_close),
        TEST(negative_message_types_close),
        TEST(what_comes_after_a_broken_message_is_not_looked_at),
        TEST(stray_streams_and_messages_are_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
