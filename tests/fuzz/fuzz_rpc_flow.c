/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes of a client as a server's connection gets them, with a flow for each
 * call: calls, packets of flows, pings and what is none of them, in any order.
 * The first byte of a flow's data says what its owner does with it. */

#include <assert.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "rpc/flow.h"

enum { FLOWS_MAX = 16, INPUT_MAX = 32768 };

struct server {
    struct rpc_connection *connection;
    struct rpc_flow *flows[FLOWS_MAX];
    int count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
came(void *owner, const uint8_t *data, size_t size)
{
    struct rpc_flow **flow = owner;
    AUTO_ERROR why = {0};

    error_set(&why, ERROR_OPERATION_FAILED, "x");
    switch (data[0] % 6) {
    case 0:
        rpc_flow_send(*flow, data, size);
        break;
    case 1:
        rpc_flow_hold(*flow, true);
        break;
    case 2:
        rpc_flow_abort(*flow, &why);
        break;
    case 3:
        rpc_flow_finish(*flow);
        break;
    case 4:
        rpc_flow_free(STEAL(*flow));
        break;
    default:
        break;
    }
}

static void
finished(void *owner)
{
    struct rpc_flow **flow = owner;

    rpc_flow_finish(*flow);
    rpc_flow_free(STEAL(*flow));
}

static void
failed(void *owner, const struct error *why)
{
    struct rpc_flow **flow = owner;

    assert(error_is_set(why));
    rpc_flow_free(STEAL(*flow));
}

static const struct rpc_flow_callbacks flow_callbacks = {
    .data = came,
    .finished = finished,
    .failed = failed,
};

static void
called(void *owner, struct rpc_call *call)
{
    struct server *server = owner;
    AUTO_ERROR why = {0};

    if (server->count < FLOWS_MAX) {
        struct rpc_flow **flow = &server->flows[server->count++];

        *flow = rpc_flow_new(call, &flow_callbacks, flow);
    }
    error_set(&why, ERROR_OPERATION_FAILED, "x");
    rpc_call_fail(call, &why);
}

static void
closed(void *owner, const struct error *why)
{
    (void)owner;
    (void)why;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rpc_callbacks callbacks = {
        .called = called,
        .closed = closed,
    };
    struct server server = {0};
    AUTO_ERROR err = {0};
    struct loop *loop = loop_new(&err);
    int fds[2];

    assert(loop &&
           socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    server.connection = rpc_connection_new(loop, fds[0], &callbacks, &server);
    if (size > INPUT_MAX) {
        size = INPUT_MAX;
    }
    assert(send(fds[1], data, size, MSG_DONTWAIT) == (ssize_t)size);
    for (int round = 0; round < 64; round++) {
        assert(loop_step(loop, 0, &err) >= 0);
    }
    rpc_connection_free(server.connection);
    for (int i = 0; i < server.count; i++) {
        rpc_flow_free(server.flows[i]);
    }
    close(fds[1]);
    loop_free(loop);
    return 0;
}
