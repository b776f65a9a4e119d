/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client's connection against a server of any kind, and keepalive. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "frames.h"
#include "rpc/connection.h"
#include "rpc/connection_private.h"
#include "rpc/error_map.h"

/* A client, and the server's bare socket. */
struct client {
    struct loop *loop;
    struct rpc_connection *connection;
    int server;
    int done_count; /* Requests that ended, one way or other. */
    int step;       /* Counts what happened, for its order. */
    bool frees_when_done;
    bool is_closed;
    int closed_step;
    struct error why;
    int event_count;
    int event_callback;
};

/* One request of it. */
struct request {
    struct client *client;
    bool is_done;
    int step;
    char *hostname;
    struct error err;
};

static void
event(void *owner, enum remote_procedure procedure, const void *args)
{
    struct client *client = owner;
    const struct remote_domain_event_callback_lifecycle_msg *message = args;

    assert_int_equal(procedure, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE);
    client->event_count++;
    client->event_callback = message->callbackID;
}

static void
closed(void *owner, const struct error *why)
{
    struct client *client = owner;

    assert_false(client->is_closed);
    client->is_closed = true;
    client->closed_step = ++client->step;
    if (why) {
        error_copy(&client->why, why);
    }
}

static void
done(void *owner, const void *result, const struct error *err)
{
    struct request *request = owner;
    struct client *client = request->client;
    const struct remote_connect_get_hostname_ret *ret = result;

    assert_false(request->is_done);
    assert_true(!result == !!err);
    request->is_done = true;
    request->step = ++client->step;
    client->done_count++;
    if (err) {
        error_copy(&request->err, err);
    } else {
        request->hostname = xstrdup(ret->hostname);
    }
    if (client->frees_when_done) {
        rpc_connection_free(STEAL(client->connection));
    }
}

static void
request_done(struct request *request)
{
    free(request->hostname);
    error_clear(&request->err);
}
#define REQUEST __attribute__((cleanup(request_done))) struct request

static const struct rpc_callbacks callbacks = {
    .event = event,
    .closed = closed,
};

static int
set_up(void **state)
{
    struct client *client = xcalloc(1, sizeof(*client));
    AUTO_ERROR err = {0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    client->loop = loop_new(&err);
    assert_non_null(client->loop);
    client->server = fds[1];
    client->connection =
        rpc_connection_new(client->loop, fds[0], &callbacks, client);
    *state = client;
    return 0;
}

static int
tear_down(void **state)
{
    struct client *client = *state;

    rpc_connection_free(client->connection);
    close_ref(&client->server);
    loop_free(client->loop);
    error_clear(&client->why);
    free(client);
    return 0;
}

static struct rpc_pending *
ask(struct request *request)
{
    return rpc_request(request->client->connection,
                       REMOTE_PROC_CONNECT_GET_HOSTNAME, NULL, done, request);
}

/* Takes the message. */
static void
server_sends(struct client *client, struct rpc_message message)
{
    assert_int_equal(
        send(client->server, message.data, message.size, MSG_NOSIGNAL),
        message.size);
    rpc_message_done(&message);
}

static void
server_answers(struct client *client, uint32_t serial, const char *hostname)
{
    AUTO_FREE char *name = xstrdup(hostname);
    struct remote_connect_get_hostname_ret ret = {.hostname = name};

    server_sends(client, message_of(REMOTE_PROC_CONNECT_GET_HOSTNAME, RPC_REPLY,
                                    serial, &ret));
}

static void
server_reads_golden(struct client *client, const char *name)
{
    AUTO_MESSAGE expected = golden(name);
    uint8_t data[RPC_HEADER_SIZE];

    assert_int_equal(expected.size, sizeof(data));
    assert_int_equal(
        read_from(client->loop, client->server, data, sizeof(data)),
        sizeof(data));
    assert_memory_equal(data, expected.data, sizeof(data));
}

/* The message ends the connection, and the call that waited. */
static void
assert_closes_as_broken(struct client *client, struct rpc_message message)
{
    REQUEST request = {.client = client};

    ask(&request);
    server_sends(client, message);
    run_until(client->loop, &client->is_closed);
    assert_int_equal(client->why.code, ERROR_RPC);
    assert_int_equal(request.err.code, ERROR_PEER_LOST);
    assert_true(request.step < client->closed_step);
}

static void
the_first_request_is_as_virsh_sends_it(void **state)
{
    struct client *client = *state;
    struct request request = {.client = client};

    rpc_request(client->connection, REMOTE_PROC_AUTH_LIST, NULL, done,
                &request);
    server_reads_golden(client, "auth_list_call");
}

static void
replies_find_their_requests_in_any_order(void **state)
{
    struct client *client = *state;
    REQUEST first = {.client = client};
    REQUEST second = {.client = client};

    ask(&first);
    ask(&second);
    server_answers(client, 1, "b");
    run_until(client->loop, &second.is_done);
    assert_false(first.is_done);
    server_answers(client, 0, "a");
    run_until(client->loop, &first.is_done);
    assert_string_equal(first.hostname, "a");
    assert_string_equal(second.hostname, "b");
}

static void
an_error_reply_is_an_error(void **state)
{
    struct client *client = *state;
    REQUEST request = {.client = client};
    AUTO_ERROR err = {0}, failure = {0};
    struct rpc_header header = {.program = RPC_PROGRAM_REMOTE,
                                .version = RPC_VERSION,
                                .procedure = REMOTE_PROC_CONNECT_GET_HOSTNAME,
                                .type = RPC_REPLY,
                                .status = RPC_ERROR};
    struct remote_error wire;
    struct rpc_message message = {0};

    error_set(&err, ERROR_OPERATION_INVALID, "domain is not running");
    rpc_error_encode(&err, &wire);
    assert_int_equal(rpc_message_format(&message, &header, &rpc_error_coder,
                                        &wire, &failure),
                     0);
    rpc_error_done(&wire);
    ask(&request);
    server_sends(client, message);
    run_until(client->loop, &request.is_done);
    assert_int_equal(request.err.code, ERROR_OPERATION_INVALID);
    assert_string_equal(request.err.message, "domain is not running");
    assert_true(rpc_connection_is_open(client->connection));
}

static void
a_result_that_can_not_be_decoded_fails_its_request_only(void **state)
{
    struct client *client = *state;
    REQUEST request = {.client = client};
    REQUEST next = {.client = client};

    ask(&request);
    server_sends(client, FRAME(0, RPC_PROGRAM_REMOTE, 1, 59, RPC_REPLY, 0, 0,
                               UINT32_MAX));
    run_until(client->loop, &request.is_done);
    assert_int_equal(request.err.code, ERROR_RPC);
    ask(&next);
    server_sends(client, FRAME(0, RPC_PROGRAM_REMOTE, 1, 59, RPC_REPLY, 1,
                               RPC_ERROR, 5));
    run_until(client->loop, &next.is_done);
    assert_int_equal(next.err.code, ERROR_RPC);
    assert_true(rpc_connection_is_open(client->connection));
}

static void
a_reply_with_an_unknown_serial_closes(void **state)
{
    assert_closes_as_broken(*state, FRAME(0, RPC_PROGRAM_REMOTE, 1, 59,
                                          RPC_REPLY, 1, 0, 1, 0x61000000));
}

static void
a_reply_of_another_procedure_closes(void **state)
{
    assert_closes_as_broken(*state, FRAME(0, RPC_PROGRAM_REMOTE, 1, 60,
                                          RPC_REPLY, 0, 0, 1, 0x61000000));
}

static void
a_reply_of_another_program_closes(void **state)
{
    assert_closes_as_broken(*state, FRAME(0, RPC_PROGRAM_KEEPALIVE, 1, 59,
                                          RPC_REPLY, 0, 0, 1, 0x61000000));
}

static void
a_reply_with_a_streams_status_closes(void **state)
{
    assert_closes_as_broken(*state, FRAME(0, RPC_PROGRAM_REMOTE, 1, 59,
                                          RPC_REPLY, 0, RPC_CONTINUE));
}

static void
a_call_to_a_client_closes(void **state)
{
    assert_closes_as_broken(
        *state, FRAME(0, RPC_PROGRAM_REMOTE, 1, 59, RPC_CALL, 0, 0));
}

static void
an_event_that_can_not_be_decoded_closes(void **state)
{
    assert_closes_as_broken(
        *state, FRAME(0, RPC_PROGRAM_REMOTE, 1, 318, RPC_MESSAGE, 0, 0, 1));
}

static void
a_second_reply_to_one_request_closes(void **state)
{
    struct client *client = *state;
    REQUEST request = {.client = client};

    ask(&request);
    server_answers(client, 0, "a");
    server_answers(client, 0, "a");
    run_until(client->loop, &client->is_closed);
    assert_int_equal(client->done_count, 1);
    assert_int_equal(client->why.code, ERROR_RPC);
}

static void
events_are_handed_over_and_unknown_ones_ignored(void **state)
{
    struct client *client = *state;
    char name[] = "demo";
    struct remote_domain_event_callback_lifecycle_msg message = {
        .callbackID = 3, .msg = {.dom = {.name = name}}};
    REQUEST request = {.client = client};

    ask(&request);
    server_sends(client,
                 FRAME(0, RPC_PROGRAM_REMOTE, 1, 444, RPC_MESSAGE, 0, 0, 1));
    server_sends(client, FRAME(0, 0x20008087, 1, 6, RPC_MESSAGE, 0, 0, 1));
    /* libvirtd gives them the serial 1. */
    server_sends(client, message_of(REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE,
                                    RPC_MESSAGE, 1, &message));
    server_answers(client, 0, "a");
    run_until(client->loop, &request.is_done);
    assert_int_equal(client->event_count, 1);
    assert_int_equal(client->event_callback, 3);
}

static void
a_lost_connection_fails_the_requests_and_then_tells(void **state)
{
    struct client *client = *state;
    REQUEST first = {.client = client};
    REQUEST second = {.client = client};

    ask(&first);
    ask(&second);
    run_all(client->loop);
    close(STEAL_FD(client->server));
    run_until(client->loop, &client->is_closed);
    assert_int_equal(first.err.code, ERROR_PEER_LOST);
    assert_int_equal(second.err.code, ERROR_PEER_LOST);
    assert_int_equal(client->closed_step, 3);
}

static void
a_request_on_a_closed_connection_fails_from_the_loop(void **state)
{
    struct client *client = *state;
    REQUEST request = {.client = client};

    close(STEAL_FD(client->server));
    run_until(client->loop, &client->is_closed);
    ask(&request);
    assert_false(request.is_done);
    run_until(client->loop, &request.is_done);
    assert_int_equal(request.err.code, ERROR_PEER_LOST);
}

static void
a_request_that_is_too_long_fails_alone(void **state)
{
    struct client *client = *state;
    AUTO_FREE char *name = xcalloc(1, REMOTE_STRING_MAX + 2);
    struct remote_domain_lookup_by_name_args args = {.name = name};
    REQUEST request = {.client = client};
    REQUEST next = {.client = client};

    memset(name, 'n', REMOTE_STRING_MAX + 1);
    rpc_request(client->connection, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, &args,
                done, &request);
    ask(&next);
    server_answers(client, 0, "a");
    run_until(client->loop, &next.is_done);
    assert_true(request.is_done);
    assert_int_equal(request.err.code, ERROR_RPC);
    assert_string_equal(next.hostname, "a");
}

static void
a_cancelled_request_is_not_heard_of_again(void **state)
{
    struct client *client = *state;
    REQUEST first = {.client = client};
    REQUEST second = {.client = client};
    AUTO_FREE char *name = xcalloc(1, REMOTE_STRING_MAX + 2);
    struct remote_domain_lookup_by_name_args args = {.name = name};

    rpc_pending_cancel(ask(&first));
    memset(name, 'n', REMOTE_STRING_MAX + 1);
    rpc_pending_cancel(rpc_request(client->connection,
                                   REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, &args,
                                   done, &first));
    ask(&second);
    server_answers(client, 0, "a");
    server_answers(client, 1, "b");
    run_until(client->loop, &second.is_done);
    assert_false(first.is_done);
    assert_true(rpc_connection_is_open(client->connection));
}

static void
freeing_drops_requests_without_a_word(void **state)
{
    struct client *client = *state;
    REQUEST request = {.client = client};

    ask(&request);
    rpc_connection_free(STEAL(client->connection));
    run_all(client->loop);
    assert_false(request.is_done);
    assert_false(client->is_closed);
}

static void
whoever_hears_of_a_loss_may_free_the_connection(void **state)
{
    struct client *client = *state;
    REQUEST first = {.client = client};
    REQUEST second = {.client = client};

    ask(&first);
    ask(&second);
    run_all(client->loop);
    client->frees_when_done = true;
    close(STEAL_FD(client->server));
    run_until(client->loop, &first.is_done);
    run_all(client->loop);
    assert_int_equal(client->done_count, 1);
    assert_false(client->is_closed);
}

static void
silence_is_asked_about_and_then_ends_the_connection(void **state)
{
    struct client *client = *state;
    int64_t start = monotonic_ms();

    rpc_keepalive_start_ms(client->connection, 20, 2);
    run_until(client->loop, &client->is_closed);
    /* interval x (count + 1) */
    assert_true(monotonic_ms() - start >= 60);
    assert_int_equal(client->why.code, ERROR_PEER_LOST);
    server_reads_golden(client, "keepalive_ping");
    server_reads_golden(client, "keepalive_ping");
    assert_true(is_closed_by_peer(client->loop, client->server));
}

/* Ten times the time in which silence would end it. */
static void
any_message_counts_as_an_answer(void **state)
{
    struct client *client = *state;
    int64_t end = monotonic_ms() + 600;

    rpc_keepalive_start_ms(client->connection, 30, 1);
    while (monotonic_ms() < end) {
        uint8_t ping[RPC_HEADER_SIZE];

        if (read_from(client->loop, client->server, ping, sizeof(ping)) ==
            sizeof(ping)) {
            server_sends(client, FRAME(0, RPC_PROGRAM_REMOTE, 1, 444,
                                       RPC_MESSAGE, 0, 0));
        }
        assert_false(client->is_closed);
    }
}

static void
pings_are_answered_without_pinging(void **state)
{
    struct client *client = *state;

    server_sends(client, golden("keepalive_ping"));
    server_reads_golden(client, "keepalive_pong");
    /* A pong that nobody asked for is no harm. */
    server_sends(client, golden("keepalive_pong"));
    server_sends(client, golden("keepalive_ping"));
    server_reads_golden(client, "keepalive_pong");
}

static void
keepalive_can_be_stopped(void **state)
{
    struct client *client = *state;

    rpc_keepalive_start_ms(client->connection, 1, 0);
    rpc_keepalive_start(client->connection, 0, 0);
    assert_false(timer_is_running(&client->connection->keepalive));
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_request_is_as_virsh_sends_it),
        TEST(replies_find_their_requests_in_any_order),
        TEST(an_error_reply_is_an_error),
        TEST(a_result_that_can_not_be_decoded_fails_its_request_only),
        TEST(a_reply_with_an_unknown_serial_closes),
        TEST(a_reply_of_another_procedure_closes),
        TEST(a_reply_of_another_program_closes),
        TEST(a_reply_with_a_streams_status_closes),
        TEST(a_call_to_a_client_closes),
        TEST(an_event_that_can_not_be_decoded_closes),
        TEST(a_second_reply_to_one_request_closes),
        TEST(events_are_handed_over_and_unknown_ones_ignored),
        TEST(a_lost_connection_fails_the_requests_and_then_tells),
        TEST(a_request_on_a_closed_connection_fails_from_the_loop),
        TEST(a_request_that_is_too_long_fails_alone),
        TEST(a_cancelled_request_is_not_heard_of_again),
        TEST(freeing_drops_requests_without_a_word),
        TEST(whoever_hears_of_a_loss_may_free_the_connection),
        TEST(silence_is_asked_about_and_then_ends_the_connection),
        TEST(any_message_counts_as_an_answer),
        TEST(pings_are_answered_without_pinging),
        TEST(keepalive_can_be_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
