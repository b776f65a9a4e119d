/* SPDX-License-Identifier: LGPL-2.1-or-later */

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
called(void *owner, struct rpc_call *call)
{
    struct server *server = owner;
    char name[] = "host-a";
    struct remote_connect_get_hostname_ret ret = {.hostname = name};

    assert_true(server->call_count < CALLS_KEPT);
    if (server->answers) {
        server->call_count++;
        rpc_call_reply(call, &ret);
        server->call_count--;
        return;
    }
    server->calls[server->call_count++] = call;
    if (server->frees_on_call) {
        rpc_connection_free(STEAL(server->connection));
    }
}

static void
closed(void *owner, const struct error *why)
{
    struct server *server = owner;

    assert_false(server->is_closed);
    server->is_closed = true;
    if (why) {
        error_copy(&server->why, why);
    }
}

static const struct rpc_callbacks callbacks = {
    .called = called,
    .closed = closed,
};

int
set_up(void **state)
{
    struct server *server = xcalloc(1, sizeof(*server));
    AUTO_ERROR err = {0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    server->loop = loop_new(&err);
    assert_non_null(server->loop);
    server->client = fds[1];
    server->connection =
        rpc_connection_new(server->loop, fds[0], &callbacks, server);
    *state = server;
    return 0;
}

void
answer_all(struct server *server)
{
    char name[] = "host-a";
    struct remote_connect_get_hostname_ret ret = {.hostname = name};

    for (size_t i = 0; i < server->call_count; i++) {
        rpc_call_reply(server->calls[i], &ret);
    }
    server->call_count = 0;
}

int
tear_down(void **state)
{
    struct server *server = *state;

    rpc_connection_free(server->connection);
    answer_all(server);
    close_ref(&server->client);
    loop_free(server->loop);
    error_clear(&server->why);
    free(server);
    return 0;
}

void
client_sends(struct server *server, struct rpc_message message)
{
    assert_int_equal(
        send(server->client, message.data, message.size, MSG_NOSIGNAL),
        message.size);
    rpc_message_done(&message);
}

void
client_calls(struct server *server, uint32_t serial)
{
    client_sends(server, message_of(REMOTE_PROC_CONNECT_GET_HOSTNAME, RPC_CALL,
                                    serial, NULL));
}

struct rpc_message
client_reads(struct server *server, struct rpc_header *header)
{
    struct rpc_message message = {.data = xcalloc(1, 65536)};

    assert_int_equal(
        read_from(server->loop, server->client, message.data, RPC_HEADER_SIZE),
        RPC_HEADER_SIZE);
    rpc_header_parse(message.data, header);
    message.size = header->length;
    assert_true(message.size <= 65536);
    assert_int_equal(read_from(server->loop, server->client,
                               message.data + RPC_HEADER_SIZE,
                               message.size - RPC_HEADER_SIZE),
                     message.size - RPC_HEADER_SIZE);
    return message;
}

void
client_reads_golden(struct server *server, const char *name)
{
    AUTO_MESSAGE expected = golden(name);
    struct rpc_header header;
    AUTO_MESSAGE message = client_reads(server, &header);

    assert_int_equal(message.size, expected.size);
    assert_memory_equal(message.data, expected.data, expected.size);
}

void
client_reads_code(struct server *server, uint32_t serial, int code,
                  const char *text)
{
    struct rpc_header header;
    AUTO_MESSAGE message = client_reads(server, &header);
    AUTO_ERROR err = {0};
    struct remote_error *wire =
        rpc_value_decode(&rpc_error_coder, message.data + RPC_HEADER_SIZE,
                         message.size - RPC_HEADER_SIZE, &err);

    assert_non_null(wire);
    assert_int_equal(header.type, RPC_REPLY);
    assert_int_equal(header.status, RPC_ERROR);
    assert_int_equal(header.serial, serial);
    assert_int_equal(wire->code, code);
    assert_int_equal(wire->domain, code == 39 ? 7 : 20);
    assert_string_equal(*wire->message, text);
    rpc_value_free(&rpc_error_coder, wire);
}

void
client_reads_error(struct server *server, uint32_t serial, const char *text)
{
    client_reads_code(server, serial, 39, text);
}

void
assert_closes_as_broken(struct server *server, struct rpc_message message)
{
    client_sends(server, message);
    run_until(server->loop, &server->is_closed);
    assert_int_equal(server->why.code, ERROR_RPC);
    assert_true(is_closed_by_peer(server->loop, server->client));
    assert_int_equal(server->call_count, 0);
    assert_false(rpc_connection_is_open(server->connection));
}
