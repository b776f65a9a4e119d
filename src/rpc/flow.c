/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/flow.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "rpc/connection_private.h"
#include "rpc/error_map.h"

struct rpc_flow {
    struct list link;                  /* In the connection's flows. */
    struct rpc_connection *connection; /* Borrowed. NULL: it has failed. */
    struct rpc_header header;          /* Of its packets. */
    struct rpc_flow_callbacks callbacks;
    void *owner; /* Borrowed. */
    bool is_server;
    bool is_over;      /* The other end has no more. */
    bool is_held;      /* Counted in connection->held. */
    bool is_drain_due; /* Its owner waits for room. */
};

static struct rpc_flow *add(struct rpc_connection *connection,
                            const struct rpc_header *header,
                            const struct rpc_flow_callbacks *callbacks,
                            void *owner);
static struct rpc_flow *find(struct rpc_connection *connection,
                             const struct rpc_header *header);
static void take_data(struct rpc_flow *flow, const struct rpc_header *header,
                      const uint8_t *payload);
static void take_end(struct rpc_flow *flow);
static void take_error(struct rpc_flow *flow, const struct rpc_header *header,
                       const uint8_t *payload);
static void take_rubbish(struct rpc_flow *flow, int status);
static void fail(struct rpc_flow *flow, const struct error *why);
static void detach(struct rpc_flow *flow);
static void send_status(struct rpc_flow *flow, enum rpc_status status,
                        const struct error *why);

struct rpc_flow *
rpc_flow_new(const struct rpc_call *call,
             const struct rpc_flow_callbacks *callbacks, void *owner)
{
    struct rpc_flow *flow =
        add(rpc_call_connection(call), rpc_call_header(call), callbacks, owner);

    flow->is_server = true;
    return flow;
}

struct rpc_flow *
rpc_flow_expect(const struct rpc_pending *pending,
                const struct rpc_flow_callbacks *callbacks, void *owner)
{
    struct rpc_header header;

    return add(rpc_pending_header(pending, &header), &header, callbacks, owner);
}

void
rpc_flow_free(struct rpc_flow *flow)
{
    if (flow) {
        detach(flow);
        free(flow);
    }
}

void
rpc_flow_send(struct rpc_flow *flow, const uint8_t *data, size_t size)
{
    while (flow->connection && size > 0) {
        size_t part = size < RPC_FLOW_PACKET_MAX ? size : RPC_FLOW_PACKET_MAX;
        struct rpc_header header = flow->header;

        header.status = RPC_CONTINUE;
        rpc_send_bytes(flow->connection, &header, data, part);
        data += part;
        size -= part;
    }
}

bool
rpc_flow_is_full(struct rpc_flow *flow)
{
    if (!flow->connection || !flow->connection->stream ||
        stream_pending(flow->connection->stream) == 0) {
        return false;
    }
    flow->is_drain_due = true;
    return true;
}

void
rpc_flow_finish(struct rpc_flow *flow)
{
    send_status(flow, RPC_OK, NULL);
}

void
rpc_flow_abort(struct rpc_flow *flow, const struct error *why)
{
    send_status(flow, RPC_ERROR, why);
    detach(flow);
}

void
rpc_flow_hold(struct rpc_flow *flow, bool is_held)
{
    if (!flow->connection || flow->is_held == is_held) {
        return;
    }
    flow->is_held = is_held;
    if (is_held) {
        flow->connection->held++;
    } else {
        flow->connection->held--;
    }
    rpc_update_pause(flow->connection);
}

void
rpc_receive_flow(struct rpc_connection *connection,
                 const struct rpc_header *header, const uint8_t *payload)
{
    struct rpc_flow *flow = find(connection, header);

    if (!flow) {
        return;
    }
    if (header->type == RPC_STREAM_HOLE) {
        rpc_close_broken(connection, "an unexpected stream hole");
        return;
    }
    switch (header->status) {
    case RPC_CONTINUE:
        take_data(flow, header, payload);
        return;
    case RPC_OK:
        take_end(flow);
        return;
    case RPC_ERROR:
        take_error(flow, header, payload);
        return;
    default:
        take_rubbish(flow, header->status);
    }
}

void
rpc_flows_drained(struct rpc_connection *connection)
{
    /* Any of them may free any other one: from the start each time. */
    for (bool is_done = false; !is_done && !connection->is_freed;) {
        is_done = true;
        LIST_FOR_EACH (link, &connection->flows) {
            struct rpc_flow *flow = container_of(link, struct rpc_flow, link);

            if (flow->is_drain_due && !rpc_flow_is_full(flow)) {
                flow->is_drain_due = false;
                is_done = false;
                /* Its turn comes again after the others'. */
                list_remove(&flow->link);
                list_add(&connection->flows, &flow->link);
                if (flow->callbacks.drained) {
                    flow->callbacks.drained(flow->owner);
                }
                break;
            }
        }
    }
}

void
rpc_fail_flows(struct rpc_connection *connection, const struct error *why)
{
    while (!list_is_empty(&connection->flows)) {
        fail(container_of(connection->flows.next, struct rpc_flow, link), why);
    }
}

static struct rpc_flow *
add(struct rpc_connection *connection, const struct rpc_header *header,
    const struct rpc_flow_callbacks *callbacks, void *owner)
{
    struct rpc_flow *flow = xcalloc(1, sizeof(*flow));

    list_init(&flow->link);
    flow->connection = connection;
    flow->header = *header;
    flow->header.type = RPC_STREAM;
    flow->callbacks = *callbacks;
    flow->owner = owner;
    if (connection) {
        list_add(&connection->flows, &flow->link);
    }
    return flow;
}

static struct rpc_flow *
find(struct rpc_connection *connection, const struct rpc_header *header)
{
    LIST_FOR_EACH (link, &connection->flows) {
        struct rpc_flow *flow = container_of(link, struct rpc_flow, link);

        if (flow->header.serial == header->serial &&
            flow->header.procedure == header->procedure &&
            flow->header.program == header->program &&
            flow->header.version == header->version) {
            return flow;
        }
    }
    return NULL;
}

static void
take_data(struct rpc_flow *flow, const struct rpc_header *header,
          const uint8_t *payload)
{
    size_t size = header->length - RPC_HEADER_SIZE;

    if (size > 0 && !flow->is_over && flow->callbacks.data) {
        flow->callbacks.data(flow->owner, payload, size);
    }
}

/* To a client this may come twice: the server's own end, and its answer to
 * ours. */
static void
take_end(struct rpc_flow *flow)
{
    if (flow->is_server && flow->is_over) {
        return;
    }
    flow->is_over = flow->is_server;
    if (flow->callbacks.finished) {
        flow->callbacks.finished(flow->owner);
    }
}

static void
take_error(struct rpc_flow *flow, const struct rpc_header *header,
           const uint8_t *payload)
{
    AUTO_ERROR why = {0};
    void *wire = NULL;

    if (flow->is_server) {
        error_set_from(&why, ERROR_FROM_STREAMS, ERROR_RPC,
                       "stream aborted at client request");
        send_status(flow, RPC_OK, NULL);
    } else {
        wire = rpc_value_decode(&rpc_error_coder, payload,
                                header->length - RPC_HEADER_SIZE, &why);
        if (wire) {
            rpc_error_decode(wire, &why);
            rpc_value_free(&rpc_error_coder, wire);
        }
    }
    fail(flow, &why);
}

/* A server ends the flow, as libvirtd does; a client has no use for a server
 * like that. */
static void
take_rubbish(struct rpc_flow *flow, int status)
{
    AUTO_ERROR why = {0};

    error_set_from(&why, ERROR_FROM_STREAMS, ERROR_RPC,
                   "stream aborted with unexpected status %d", status);
    if (!flow->is_server) {
        rpc_close(flow->connection, &why);
        return;
    }
    send_status(flow, RPC_ERROR, &why);
    fail(flow, &why);
}

static void
fail(struct rpc_flow *flow, const struct error *why)
{
    detach(flow);
    flow->callbacks.failed(flow->owner, why);
}

static void
detach(struct rpc_flow *flow)
{
    rpc_flow_hold(flow, false);
    list_remove(&flow->link);
    flow->connection = NULL;
}

static void
send_status(struct rpc_flow *flow, enum rpc_status status,
            const struct error *why)
{
    struct rpc_header header = flow->header;

    if (!flow->connection) {
        return;
    }
    header.status = (int32_t)status;
    if (status == RPC_ERROR && flow->is_server) {
        rpc_send_error(flow->connection, &header, why);
    } else {
        rpc_send_bytes(flow->connection, &header, NULL, 0);
    }
}
