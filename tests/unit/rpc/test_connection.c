/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A server's connection to a client that keeps to the protocol: calls, pings,
 * events, limits, ends.  One that does not is in test_connection_broken.c; what
 * a client makes of its server, in test_request.c. */

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
captured_calls_get_the_captured_replies(void **state)
{
    struct server *server = *state;
    enum remote_auth_type none = REMOTE_AUTH_NONE;
    struct remote_auth_list_ret auth = {
        .types = {.types_len = 1, .types_val = &none}
    };
    struct remote_connect_supports_feature_ret yes = {.supported = 1};
    const struct remote_connect_open_args *open;

    client_sends(server, golden("auth_list_call"));
    client_sends(server, golden("supports_feature_call"));
    client_sends(server, golden("open_call"));
    run_all(server->loop);
    assert_int_equal(server->call_count, 3);
    assert_int_equal(rpc_connection_calls(server->connection), 3);
    assert_int_equal(rpc_call_procedure(server->calls[2]),
                     REMOTE_PROC_CONNECT_OPEN);
    open = rpc_call_args(server->calls[2]);
    assert_string_equal(*open->name, "qemu:///session");
    rpc_call_reply(server->calls[0], &auth);
    rpc_call_reply(server->calls[1], &yes);
    rpc_call_reply(server->calls[2], NULL);
    server->call_count = 0;
    assert_int_equal(rpc_connection_calls(server->connection), 0);
    client_reads_golden(server, "auth_list_reply");
    client_reads_golden(server, "supports_feature_reply");
    client_reads_golden(server, "open_reply");
}

static void
a_call_that_comes_byte_by_byte_is_a_call(void **state)
{
    struct server *server = *state;
    AUTO_MESSAGE call = golden("open_call");

    for (size_t i = 0; i < call.size; i++) {
        assert_int_equal(server->call_count, 0);
        assert_int_equal(send(server->client, call.data + i, 1, 0), 1);
        run_all(server->loop);
    }
    assert_int_equal(server->call_count, 1);
}

static void
replies_go_out_in_the_order_of_the_answers(void **state)
{
    struct server *server = *state;
    char name[] = "host-a";
    struct remote_connect_get_hostname_ret ret = {.hostname = name};
    struct rpc_header header;

    client_calls(server, 7);
    client_calls(server, 8);
    run_all(server->loop);
    assert_int_equal(server->call_count, 2);
    rpc_call_reply(server->calls[1], &ret);
    rpc_call_reply(server->calls[0], &ret);
    server->call_count = 0;
    AUTO_MESSAGE first = client_reads(server, &header);
    assert_int_equal(header.serial, 8);
    AUTO_MESSAGE second = client_reads(server, &header);
    assert_int_equal(header.serial, 7);
}

static void
pings_are_answered_while_calls_wait(void **state)
{
    struct server *server = *state;

    client_calls(server, 1);
    client_sends(server, golden("keepalive_ping"));
    client_reads_golden(server, "keepalive_pong");
    client_sends(server, golden("keepalive_ping"));
    client_reads_golden(server, "keepalive_pong");
    assert_int_equal(server->call_count, 1);
}

/* Ten MiB of pings to a server whose pongs nobody reads. */
static void
a_flood_of_pings_does_not_pile_up(void **state)
{
    struct server *server = *state;
    AUTO_MESSAGE ping = golden("keepalive_ping");
    AUTO_FREE uint8_t *flood = xcalloc(10000, ping.size);
    AUTO_ERROR err = {0};
    size_t sent_total = 0;
    int idle = 0;

    for (size_t i = 0; i < 10000; i++) {
        memcpy(flood + i * ping.size, ping.data, ping.size);
    }
    while (sent_total < 10 << 20 && idle < 20) {
        size_t offset = sent_total % (10000 * ping.size);
        ssize_t sent =
            send(server->client, flood + offset, 10000 * ping.size - offset,
                 MSG_DONTWAIT | MSG_NOSIGNAL);

        idle = sent > 0 ? 0 : idle + 1;
        sent_total += sent > 0 ? (size_t)sent : 0;
        assert_int_equal(loop_step(server->loop, 0, &err), 0);
    }
    /* It stopped listening rather than to keep all those pongs. */
    assert_true(sent_total < 10 << 20);
    assert_false(server->is_closed);
}

static void
reading_stops_while_too_many_calls_wait(void **state)
{
    struct server *server = *state;

    for (uint32_t i = 0; i < RPC_CALLS_MAX + 10; i++) {
        client_calls(server, i);
    }
    run_all(server->loop);
    assert_int_equal(server->call_count, RPC_CALLS_MAX);
    assert_int_equal(rpc_connection_calls(server->connection), RPC_CALLS_MAX);
    rpc_call_reply(
        server->calls[--server->call_count],
        &(struct remote_connect_get_hostname_ret){.hostname = (char[]){"h"}});
    run_all(server->loop);
    assert_int_equal(server->call_count, RPC_CALLS_MAX);
    answer_all(server);
    run_all(server->loop);
    assert_int_equal(server->call_count, 9);
}

static void
a_lower_limit_of_calls_holds_at_once(void **state)
{
    struct server *server = *state;

    rpc_connection_set_calls_max(server->connection, 2);
    for (uint32_t i = 0; i < 3; i++) {
        client_calls(server, i);
    }
    run_all(server->loop);
    assert_int_equal(server->call_count, 2);
}

static void
a_client_that_does_not_read_its_replies_is_not_read(void **state)
{
    struct server *server = *state;
    AUTO_FREE char *xml = xcalloc(1, 300001);
    struct remote_connect_get_capabilities_ret ret = {.capabilities = xml};

    memset(xml, 'x', 300000);
    for (uint32_t i = 0; i < 5; i++) {
        client_sends(server, message_of(REMOTE_PROC_CONNECT_GET_CAPABILITIES,
                                        RPC_CALL, i, NULL));
    }
    run_all(server->loop);
    assert_int_equal(server->call_count, 5);
    for (size_t i = 0; i < 5; i++) {
        rpc_call_reply(server->calls[i], &ret);
    }
    server->call_count = 0;
    client_calls(server, 6);
    run_all(server->loop);
    assert_int_equal(server->call_count, 0);
    AUTO_FREE uint8_t *sink = xcalloc(5, 300032);
    assert_int_equal(read_from(server->loop, server->client, sink, 5 * 300032),
                     5 * 300032);
    run_all(server->loop);
    assert_int_equal(server->call_count, 1);
}

static void
a_client_that_reads_nothing_and_goes_is_noticed(void **state)
{
    struct server *server = *state;
    AUTO_FREE char *xml = xcalloc(1, 300001);
    struct remote_connect_get_capabilities_ret ret = {.capabilities = xml};

    memset(xml, 'x', 300000);
    for (uint32_t i = 0; i < 5; i++) {
        client_sends(server, message_of(REMOTE_PROC_CONNECT_GET_CAPABILITIES,
                                        RPC_CALL, i, NULL));
    }
    run_all(server->loop);
    for (size_t i = 0; i < server->call_count; i++) {
        rpc_call_reply(server->calls[i], &ret);
    }
    server->call_count = 0;
    close_ref(&server->client);
    run_until(server->loop, &server->is_closed);
}

static void
a_result_that_is_too_long_becomes_an_error(void **state)
{
    struct server *server = *state;
    AUTO_FREE char *xml = xcalloc(1, REMOTE_STRING_MAX + 2);
    struct remote_connect_get_hostname_ret ret = {.hostname = xml};

    memset(xml, 'x', REMOTE_STRING_MAX + 1);
    client_calls(server, 3);
    run_all(server->loop);
    assert_int_equal(server->call_count, 1);
    rpc_call_reply(server->calls[0], &ret);
    server->call_count = 0;
    client_reads_error(server, 3, "Unable to encode message payload");
}

static void
an_error_that_is_too_long_becomes_a_shorter_one(void **state)
{
    struct server *server = *state;
    AUTO_ERROR err = {0};

    client_calls(server, 3);
    run_all(server->loop);
    assert_int_equal(server->call_count, 1);
    error_set(&err, ERROR_INTERNAL, "%*d", REMOTE_STRING_MAX + 1, 1);
    rpc_call_fail(server->calls[0], &err);
    server->call_count = 0;
    client_reads_error(server, 3, "Unable to encode message payload");
}

static void
calls_outlive_their_connection(void **state)
{
    struct server *server = *state;
    AUTO_ERROR err = {0};

    client_calls(server, 1);
    client_calls(server, 2);
    run_all(server->loop);
    assert_int_equal(server->call_count, 2);
    assert_ptr_equal(rpc_call_connection(server->calls[0]), server->connection);
    rpc_connection_free(STEAL(server->connection));
    assert_null(rpc_call_connection(server->calls[0]));
    error_set(&err, ERROR_INTERNAL, "x");
    rpc_call_fail(server->calls[0], &err);
    server->calls[0] = server->calls[1];
    server->call_count = 1;
}

static void
a_handler_may_free_the_connection(void **state)
{
    struct server *server = *state;

    server->frees_on_call = true;
    client_calls(server, 1);
    client_calls(server, 2);
    run_all(server->loop);
    assert_int_equal(server->call_count, 1);
    assert_true(is_closed_by_peer(server->loop, server->client));
}

static void
a_client_that_goes_in_the_middle_of_a_message_is_an_error(void **state)
{
    struct server *server = *state;
    AUTO_MESSAGE call = golden("open_call");

    assert_int_equal(send(server->client, call.data, call.size - 1, 0),
                     call.size - 1);
    run_all(server->loop);
    close(STEAL_FD(server->client));
    run_until(server->loop, &server->is_closed);
    assert_int_equal(server->why.code, ERROR_PEER_LOST);
}

static void
a_client_that_goes_between_messages_is_none(void **state)
{
    struct server *server = *state;

    client_calls(server, 1);
    run_all(server->loop);
    close(STEAL_FD(server->client));
    run_until(server->loop, &server->is_closed);
    assert_int_equal(server->why.code, ERROR_NONE);
}

static void
finishing_sends_what_is_queued_and_reads_no_more(void **state)
{
    struct server *server = *state;
    char name[] = "host-a";
    struct remote_connect_get_hostname_ret ret = {.hostname = name};
    struct rpc_header header;

    client_calls(server, 1);
    run_all(server->loop);
    assert_int_equal(server->call_count, 1);
    rpc_call_reply(server->calls[0], &ret);
    server->call_count = 0;
    client_calls(server, 2);
    rpc_connection_finish(server->connection);
    run_until(server->loop, &server->is_closed);
    assert_int_equal(server->why.code, ERROR_NONE);
    assert_int_equal(server->call_count, 0);
    AUTO_MESSAGE reply = client_reads(server, &header);
    assert_int_equal(header.serial, 1);
}

static void
an_event_is_a_message(void **state)
{
    struct server *server = *state;
    char name[] = "demo";
    struct remote_domain_event_callback_lifecycle_msg event = {
        .callbackID = 3,
        .msg = {.dom = {.name = name, .id = 1}, .event = 4, .detail = 1}
    };
    struct rpc_header header;

    rpc_send_event(server->connection,
                   REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE, &event);
    AUTO_MESSAGE message = client_reads(server, &header);
    assert_int_equal(header.length, 68);
    assert_int_equal(header.procedure, 318);
    assert_int_equal(header.type, RPC_MESSAGE);
    assert_int_equal(header.status, RPC_OK);
}

static void
a_client_that_does_not_read_its_events_is_disconnected(void **state)
{
    struct server *server = *state;
    AUTO_FREE char *name = xcalloc(1, REMOTE_STRING_MAX + 1);
    struct remote_domain_event_callback_lifecycle_msg event = {
        .msg = {.dom = {.name = name}}};

    memset(name, 'n', REMOTE_STRING_MAX);
    for (int i = 0; i < 20; i++) {
        rpc_send_event(server->connection,
                       REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE, &event);
    }
    assert_false(server->is_closed);
    run_until(server->loop, &server->is_closed);
    assert_int_equal(server->why.code, ERROR_RESOURCE_BUSY);
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(captured_calls_get_the_captured_replies),
        TEST(a_call_that_comes_byte_by_byte_is_a_call),
        TEST(replies_go_out_in_the_order_of_the_answers),
        TEST(pings_are_answered_while_calls_wait),
        TEST(a_flood_of_pings_does_not_pile_up),
        TEST(reading_stops_while_too_many_calls_wait),
        TEST(a_lower_limit_of_calls_holds_at_once),
        TEST(a_client_that_does_not_read_its_replies_is_not_read),
        TEST(a_client_that_reads_nothing_and_goes_is_noticed),
        TEST(a_result_that_is_too_long_becomes_an_error),
        TEST(an_error_that_is_too_long_becomes_a_shorter_one),
        TEST(calls_outlive_their_connection),
        TEST(a_handler_may_free_the_connection),
        TEST(a_client_that_goes_in_the_middle_of_a_message_is_an_error),
        TEST(a_client_that_goes_between_messages_is_none),
        TEST(finishing_sends_what_is_queued_and_reads_no_more),
        TEST(an_event_is_a_message),
        TEST(a_client_that_does_not_read_its_events_is_disconnected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
