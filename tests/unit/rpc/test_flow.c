/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Flows at both ends of a connection, and what hostile ends make of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "frames.h"
#include "rpc/connection_private.h"
#include "rpc/error_map.h"
#include "rpc/flow.h"

#define PROCEDURE REMOTE_PROC_CONNECT_GET_HOSTNAME

/* One end of a flow, and what it has heard. */
struct end {
    struct rpc_flow *flow;
    uint8_t *data;
    size_t size;
    int finished_count;
    int drained_count;
    bool has_failed;
    bool holds_on_data;
    bool frees_when_failed;
    struct error why;
};

/* A server with a flow for its first call.  At the other end of its socket is
 * a client with a flow, or a bare descriptor. */
struct pair {
    struct loop *loop;
    struct rpc_connection *server;
    struct rpc_connection *client; /* NULL: 'raw' is used. */
    int raw;
    struct end here;  /* The server's. */
    struct end there; /* The client's. */
    int call_count;
    bool is_replied;
    bool is_closed;
};

static void
came(void *owner, const uint8_t *data, size_t size)
{
    struct end *end = owner;

    end->data = xrealloc(end->data, end->size + size, 1);
    memcpy(end->data + end->size, data, size);
    end->size += size;
    if (end->holds_on_data) {
        rpc_flow_hold(end->flow, true);
    }
}

static void
finished(void *owner)
{
    ((struct end *)owner)->finished_count++;
}

static void
failed(void *owner, const struct error *why)
{
    struct end *end = owner;

    assert_false(end->has_failed);
    end->has_failed = true;
    error_copy(&end->why, why);
    if (end->frees_when_failed) {
        rpc_flow_free(STEAL(end->flow));
    }
}

static void
drained(void *owner)
{
    ((struct end *)owner)->drained_count++;
}

static const struct rpc_flow_callbacks flow_callbacks = {
    .data = came,
    .finished = finished,
    .failed = failed,
    .drained = drained,
};

static void
reply(struct rpc_call *call)
{
    char name[] = "host-a";
    struct remote_connect_get_hostname_ret ret = {.hostname = name};

    rpc_call_reply(call, &ret);
}

static void
called(void *owner, struct rpc_call *call)
{
    struct pair *pair = owner;

    if (pair->call_count++ == 0) {
        pair->here.flow = rpc_flow_new(call, &flow_callbacks, &pair->here);
    }
    reply(call);
}

static void
closed(void *owner, const struct error *why)
{
    (void)why;
    ((struct pair *)owner)->is_closed = true;
}

static void
replied(void *owner, const void *result, const struct error *err)
{
    (void)result;
    ((struct pair *)owner)->is_replied = !err;
}

static struct pair *
pair_new(bool has_client)
{
    static const struct rpc_callbacks server = {
        .called = called,
        .closed = closed,
    };
    static const struct rpc_callbacks client = {.closed = closed};
    struct pair *pair = xcalloc(1, sizeof *pair);
    AUTO_ERROR err = {0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    pair->loop = loop_new(&err);
    pair->server = rpc_connection_new(pair->loop, fds[0], &server, pair);
    pair->raw = -1;
    if (!has_client) {
        pair->raw = fds[1];
        return pair;
    }
    pair->client = rpc_connection_new(pair->loop, fds[1], &client, pair);
    pair->there.flow = rpc_flow_expect(
        rpc_request(pair->client, PROCEDURE, NULL, replied, pair),
        &flow_callbacks, &pair->there);
    run_until(pair->loop, &pair->is_replied);
    return pair;
}

static int
set_up(void **state)
{
    *state = pair_new(true);
    return 0;
}

static int
tear_down(void **state)
{
    struct pair *pair = *state;

    rpc_connection_free(pair->client);
    rpc_connection_free(pair->server);
    rpc_flow_free(pair->here.flow);
    rpc_flow_free(pair->there.flow);
    close_ref(&pair->raw);
    loop_free(pair->loop);
    error_clear(&pair->here.why);
    error_clear(&pair->there.why);
    free(pair->here.data);
    free(pair->there.data);
    free(pair);
    return 0;
}

/* A packet from a bare client. */
static void
raw_sends(struct pair *pair, enum rpc_type type, uint32_t serial,
          uint32_t status, const char *data)
{
    size_t size = strlen(data);
    struct rpc_header header = {
        .length = (uint32_t)(RPC_HEADER_SIZE + size),
        .program = RPC_PROGRAM_REMOTE,
        .version = RPC_VERSION,
        .procedure = PROCEDURE,
        .type = (int32_t)type,
        .serial = serial,
        .status = (int32_t)status,
    };
    uint8_t bytes[RPC_HEADER_SIZE + 64];

    assert_true(size <= 64);
    rpc_header_format(&header, bytes);
    memcpy(bytes + RPC_HEADER_SIZE, data, size);
    assert_int_equal(send(pair->raw, bytes, header.length, MSG_NOSIGNAL),
                     header.length);
    run_all(pair->loop);
}

/* The next message that it gets; its payload's first word. */
static uint32_t
raw_reads(struct pair *pair, struct rpc_header *header)
{
    uint8_t bytes[4096];
    uint32_t word = 0;

    assert_int_equal(read_from(pair->loop, pair->raw, bytes, RPC_HEADER_SIZE),
                     RPC_HEADER_SIZE);
    rpc_header_parse(bytes, header);
    assert_true(header->length <= sizeof bytes);
    read_from(pair->loop, pair->raw, bytes, header->length - RPC_HEADER_SIZE);
    if (header->length >= RPC_HEADER_SIZE + 4) {
        word = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
               (uint32_t)bytes[2] << 8 | bytes[3];
    }
    return word;
}

static int
set_up_raw(void **state)
{
    struct pair *pair = pair_new(false);
    struct rpc_header header;

    raw_sends(pair, RPC_CALL, 7, RPC_OK, "");
    raw_reads(pair, &header);
    assert_int_equal(header.type, RPC_REPLY);
    *state = pair;
    return 0;
}

static void
send_pattern(struct rpc_flow *flow, size_t from, size_t size)
{
    AUTO_FREE uint8_t *bytes = xcalloc(1, size);

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)((from + i) * 7);
    }
    rpc_flow_send(flow, bytes, size);
}

static void
assert_pattern(const struct end *end, size_t size)
{
    assert_int_equal(end->size, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(end->data[i], (uint8_t)(i * 7));
    }
}

static void
bytes_go_both_ways(void **state)
{
    struct pair *pair = *state;

    rpc_flow_send(pair->there.flow, (const uint8_t *)"to the server", 13);
    rpc_flow_send(pair->here.flow, (const uint8_t *)"to the client", 13);
    run_all(pair->loop);
    assert_int_equal(pair->here.size, 13);
    assert_memory_equal(pair->here.data, "to the server", 13);
    assert_int_equal(pair->there.size, 13);
    assert_memory_equal(pair->there.data, "to the client", 13);
}

static void
more_than_a_packet_arrives_in_order(void **state)
{
    struct pair *pair = *state;

    send_pattern(pair->there.flow, 0, 3 * RPC_FLOW_PACKET_MAX + 5);
    run_all(pair->loop);
    assert_pattern(&pair->here, 3 * RPC_FLOW_PACKET_MAX + 5);
}

static void
the_client_finishes_and_the_server_answers(void **state)
{
    struct pair *pair = *state;

    rpc_flow_finish(pair->there.flow);
    run_all(pair->loop);
    assert_int_equal(pair->here.finished_count, 1);
    assert_int_equal(pair->there.finished_count, 0);
    rpc_flow_finish(pair->here.flow);
    run_all(pair->loop);
    assert_int_equal(pair->there.finished_count, 1);
    assert_false(pair->there.has_failed);
}

static void
a_server_that_aborts_tells_why(void **state)
{
    struct pair *pair = *state;
    AUTO_ERROR why = {0};

    error_set(&why, ERROR_OPERATION_FAILED, "no room");
    rpc_flow_abort(pair->here.flow, &why);
    run_all(pair->loop);
    assert_true(pair->there.has_failed);
    assert_int_equal(pair->there.why.code, ERROR_OPERATION_FAILED);
    assert_string_equal(pair->there.why.message, "no room");
    assert_false(pair->here.has_failed);
}

static void
a_client_that_aborts_is_heard_and_the_connection_lives(void **state)
{
    struct pair *pair = *state;
    AUTO_ERROR why = {0};

    error_set(&why, ERROR_OPERATION_FAILED, "not told");
    pair->here.frees_when_failed = true;
    rpc_flow_abort(pair->there.flow, &why);
    run_all(pair->loop);
    assert_true(pair->here.has_failed);
    assert_string_equal(pair->here.why.message,
                        "stream aborted at client request");
    assert_false(pair->there.has_failed);
    pair->is_replied = false;
    rpc_request(pair->client, PROCEDURE, NULL, replied, pair);
    run_until(pair->loop, &pair->is_replied);
}

static void
a_lost_connection_fails_the_flow(void **state)
{
    struct pair *pair = *state;

    pair->here.frees_when_failed = true;
    rpc_connection_free(STEAL(pair->client));
    assert_true(pair->there.has_failed);
    run_until(pair->loop, &pair->here.has_failed);
    assert_int_equal(pair->here.why.code, ERROR_PEER_LOST);
    /* They do nothing any more. */
    rpc_flow_send(pair->there.flow, (const uint8_t *)"x", 1);
    rpc_flow_finish(pair->there.flow);
    rpc_flow_hold(pair->there.flow, true);
    assert_false(rpc_flow_is_full(pair->there.flow));
}

static void
a_slow_reader_makes_the_sender_wait(void **state)
{
    struct pair *pair = *state;
    size_t sent = 0;

    pair->here.holds_on_data = true;
    while (!rpc_flow_is_full(pair->there.flow)) {
        send_pattern(pair->there.flow, sent, 65536);
        sent += 65536;
        run_all(pair->loop);
        assert_true(sent < 8 << 20);
    }
    /* Nothing was lost, and nothing but one packet went on. */
    assert_pattern(&pair->here, 65536);
    assert_int_equal(pair->there.drained_count, 0);
    pair->here.holds_on_data = false;
    rpc_flow_hold(pair->here.flow, false);
    run_all(pair->loop);
    assert_pattern(&pair->here, sent);
    assert_int_equal(pair->there.drained_count, 1);
}

static void
a_flow_alone_never_stops_the_servers_calls(void **state)
{
    struct pair *pair = *state;

    pair->there.holds_on_data = true;
    while (!rpc_flow_is_full(pair->here.flow)) {
        send_pattern(pair->here.flow, 0, 65536);
        run_all(pair->loop);
    }
    assert_false(pair->server->is_paused);
    pair->call_count = 1;
    rpc_request(pair->client, PROCEDURE, NULL, replied, pair);
    run_all(pair->loop);
    assert_int_equal(pair->call_count, 2);
}

static void
whoever_is_held_up_says_that_it_lives(void **state)
{
    struct pair *pair = *state;
    struct rpc_header header;

    rpc_keepalive_start_ms(pair->server, 20, 1);
    rpc_flow_hold(pair->here.flow, true);
    /* The ping stands behind the data, and can't be seen. */
    raw_sends(pair, RPC_STREAM, 7, RPC_CONTINUE, "data");
    for (int i = 0; i < 3; i++) {
        raw_reads(pair, &header);
        assert_int_equal(header.program, RPC_PROGRAM_KEEPALIVE);
        assert_int_equal(header.procedure, RPC_PONG);
    }
    assert_false(pair->is_closed);
    assert_int_equal(pair->here.size, 0);
}

static void
the_other_ends_death_is_noticed_while_held(void **state)
{
    struct pair *pair = *state;

    pair->here.frees_when_failed = true;
    rpc_flow_hold(pair->here.flow, true);
    raw_sends(pair, RPC_STREAM, 7, RPC_CONTINUE, "data");
    close(STEAL_FD(pair->raw));
    run_until(pair->loop, &pair->is_closed);
    assert_true(pair->here.has_failed);
}

static void
letting_go_reads_on(void **state)
{
    struct pair *pair = *state;

    rpc_flow_hold(pair->here.flow, true);
    raw_sends(pair, RPC_STREAM, 7, RPC_CONTINUE, "data");
    assert_int_equal(pair->here.size, 0);
    rpc_flow_hold(pair->here.flow, false);
    run_all(pair->loop);
    assert_int_equal(pair->here.size, 4);
}

static void
a_flow_that_goes_lets_go(void **state)
{
    struct pair *pair = *state;

    rpc_flow_hold(pair->here.flow, true);
    rpc_flow_free(STEAL(pair->here.flow));
    raw_sends(pair, RPC_CALL, 8, RPC_OK, "");
    assert_int_equal(pair->call_count, 2);
}

static void
data_after_the_end_is_ignored(void **state)
{
    struct pair *pair = *state;

    raw_sends(pair, RPC_STREAM, 7, RPC_OK, "");
    raw_sends(pair, RPC_STREAM, 7, RPC_CONTINUE, "late");
    raw_sends(pair, RPC_STREAM, 7, RPC_OK, "");
    assert_int_equal(pair->here.finished_count, 1);
    assert_int_equal(pair->here.size, 0);
    assert_false(pair->is_closed);
}

static void
packets_for_flows_that_are_not_there_are_ignored(void **state)
{
    struct pair *pair = *state;

    raw_sends(pair, RPC_STREAM, 6, RPC_CONTINUE, "other serial");
    raw_sends(pair, RPC_STREAM, 6, RPC_ERROR, "");
    raw_sends(pair, RPC_STREAM_HOLE, 6, RPC_CONTINUE, "");
    assert_int_equal(pair->here.size, 0);
    assert_false(pair->here.has_failed);
    assert_false(pair->is_closed);
}

static void
an_unknown_status_aborts_the_flow(void **state)
{
    struct pair *pair = *state;
    struct rpc_header header;

    raw_sends(pair, RPC_STREAM, 7, 9, "");
    assert_true(pair->here.has_failed);
    assert_string_equal(pair->here.why.message,
                        "stream aborted with unexpected status 9");
    assert_int_equal(raw_reads(pair, &header), 39);
    assert_int_equal(header.type, RPC_STREAM);
    assert_int_equal(header.status, RPC_ERROR);
    assert_int_equal(header.serial, 7);
    assert_false(pair->is_closed);
}

static void
a_client_that_aborts_is_answered(void **state)
{
    struct pair *pair = *state;
    struct rpc_header header;

    raw_sends(pair, RPC_STREAM, 7, RPC_ERROR, "");
    raw_reads(pair, &header);
    assert_int_equal(header.type, RPC_STREAM);
    assert_int_equal(header.status, RPC_OK);
    assert_true(pair->here.has_failed);
}

static void
a_hole_closes_the_connection(void **state)
{
    struct pair *pair = *state;

    raw_sends(pair, RPC_STREAM_HOLE, 7, RPC_CONTINUE, "");
    assert_true(pair->is_closed);
    assert_true(pair->here.has_failed);
}

static void
empty_packets_are_no_data(void **state)
{
    struct pair *pair = *state;

    raw_sends(pair, RPC_STREAM, 7, RPC_CONTINUE, "");
    assert_null(pair->here.data);
    assert_int_equal(pair->here.finished_count, 0);
}

static void
an_abort_without_a_reason_that_can_be_read_is_an_error(void **state)
{
    struct pair *pair = *state;
    struct rpc_header header = {
        .program = RPC_PROGRAM_REMOTE,
        .version = RPC_VERSION,
        .procedure = PROCEDURE,
        .type = RPC_STREAM,
        .status = RPC_ERROR,
    };

    rpc_send_bytes(pair->server, &header, (const uint8_t *)"??", 2);
    run_all(pair->loop);
    assert_true(pair->there.has_failed);
    assert_int_equal(pair->there.why.code, ERROR_RPC);
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define RAW(function)                                                          \
    cmocka_unit_test_setup_teardown(function, set_up_raw, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(bytes_go_both_ways),
        TEST(more_than_a_packet_arrives_in_order),
        TEST(the_client_finishes_and_the_server_answers),
        TEST(a_server_that_aborts_tells_why),
        TEST(a_client_that_aborts_is_heard_and_the_connection_lives),
        TEST(a_lost_connection_fails_the_flow),
        TEST(a_slow_reader_makes_the_sender_wait),
        TEST(a_flow_alone_never_stops_the_servers_calls),
        TEST(an_abort_without_a_reason_that_can_be_read_is_an_error),
        RAW(whoever_is_held_up_says_that_it_lives),
        RAW(the_other_ends_death_is_noticed_while_held),
        RAW(letting_go_reads_on),
        RAW(a_flow_that_goes_lets_go),
        RAW(data_after_the_end_is_ignored),
        RAW(packets_for_flows_that_are_not_there_are_ignored),
        RAW(an_unknown_status_aborts_the_flow),
        RAW(a_client_that_aborts_is_answered),
        RAW(a_hole_closes_the_connection),
        RAW(empty_packets_are_no_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
