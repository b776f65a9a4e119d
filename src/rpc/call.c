/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/connection.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "rpc/connection_private.h"
#include "rpc/error_map.h"

struct rpc_call {
    struct list link;                  /* In the connection's calls. */
    struct rpc_connection *connection; /* Borrowed. NULL: gone. */
    struct rpc_header header;
    const struct rpc_procedure *procedure;
    void *args; /* Owned. */
};

static void reply_error(struct rpc_connection *connection,
                        const struct rpc_header *header,
                        const struct error *err);
static void *decode_call(const struct rpc_header *header,
                         const uint8_t *payload,
                         const struct rpc_procedure **procedure,
                         struct error *err);
static void call_free(struct rpc_call *call);

enum remote_procedure
rpc_call_procedure(const struct rpc_call *call)
{
    return call->procedure->number;
}

const void *
rpc_call_args(const struct rpc_call *call)
{
    return call->args;
}

struct rpc_connection *
rpc_call_connection(const struct rpc_call *call)
{
    return call->connection;
}

void
rpc_call_reply(struct rpc_call *call, const void *result)
{
    const struct rpc_coder *coder = call->procedure->ret;
    struct rpc_header header = call->header;
    AUTO_ERROR err = {0};

    assert(result || coder == &rpc_nothing_coder);
    if (call->connection) {
        header.type = RPC_REPLY;
        header.status = RPC_OK;
        if (rpc_send(call->connection, &header, coder, result, &err) < 0) {
            reply_error(call->connection, &header, &err);
        }
    }
    call_free(call);
}

void
rpc_call_fail(struct rpc_call *call, const struct error *err)
{
    assert(error_is_set(err));
    if (call->connection) {
        reply_error(call->connection, &call->header, err);
    }
    call_free(call);
}

void
rpc_send_event(struct rpc_connection *connection,
               enum remote_procedure procedure, const void *args)
{
    const struct rpc_procedure *row = rpc_procedure_find(procedure);
    struct rpc_header header = {.type = RPC_MESSAGE, .status = RPC_OK};
    AUTO_ERROR err = {0};

    assert(row && row->is_event);
    rpc_header_set_procedure(&header, procedure);
    if (!rpc_connection_is_open(connection)) {
        return;
    }
    if (stream_pending(connection->stream) > RPC_OUTPUT_EVENTS) {
        rpc_close_later(connection, ERROR_RESOURCE_BUSY,
                        "the client does not read its events");
        return;
    }
    if (rpc_send(connection, &header, row->args, args, &err) < 0) {
        rpc_close_later(connection, err.code, err.message);
    }
}

unsigned
rpc_connection_calls(const struct rpc_connection *connection)
{
    return connection->call_count;
}

void
rpc_connection_set_calls_max(struct rpc_connection *connection, unsigned count)
{
    assert(count > 0);
    connection->calls_max = count;
    rpc_update_pause(connection);
}

void
rpc_receive_call(struct rpc_connection *connection,
                 const struct rpc_header *header, const uint8_t *payload)
{
    const struct rpc_procedure *procedure = NULL;
    AUTO_ERROR err = {0};
    struct rpc_call *call;
    void *args;

    if (!connection->callbacks.called || header->status != RPC_OK) {
        rpc_close_broken(connection, "an unexpected call (status %d)",
                         header->status);
        return;
    }
    args = decode_call(header, payload, &procedure, &err);
    if (!args) {
        reply_error(connection, header, &err);
        return;
    }
    call = xcalloc(1, sizeof(*call));
    call->connection = connection;
    call->header = *header;
    call->procedure = procedure;
    call->args = args;
    list_add(&connection->calls, &call->link);
    connection->call_count++;
    rpc_update_pause(connection);
    connection->callbacks.called(connection->owner, call);
}

void
rpc_detach_calls(struct rpc_connection *connection)
{
    LIST_FOR_EACH (link, &connection->calls) {
        container_of(link, struct rpc_call, link)->connection = NULL;
        list_remove(link);
    }
    connection->call_count = 0;
}

const struct rpc_header *
rpc_call_header(const struct rpc_call *call)
{
    return &call->header;
}

void
rpc_send_error(struct rpc_connection *connection,
               const struct rpc_header *header, const struct error *err)
{
    struct remote_error wire;
    AUTO_ERROR failure = {0};

    rpc_error_encode(err, &wire);
    if (rpc_send(connection, header, &rpc_error_coder, &wire, &failure) < 0) {
        /* Its message is longer than any string may be. */
        rpc_error_done(&wire);
        rpc_error_encode(&failure, &wire);
        error_clear(&failure);
        rpc_send(connection, header, &rpc_error_coder, &wire, &failure);
    }
    rpc_error_done(&wire);
}

static void
reply_error(struct rpc_connection *connection, const struct rpc_header *header,
            const struct error *err)
{
    struct rpc_header reply = *header;

    reply.type = RPC_REPLY;
    reply.status = RPC_ERROR;
    rpc_send_error(connection, &reply, err);
}

static void *
decode_call(const struct rpc_header *header, const uint8_t *payload,
            const struct rpc_procedure **procedure, struct error *err)
{
    const char *api = NULL;

    if ((header->program != RPC_PROGRAM_REMOTE &&
         header->program != RPC_PROGRAM_QEMU &&
         header->program != RPC_PROGRAM_OWN) ||
        header->version != RPC_VERSION) {
        error_set_from(err, ERROR_FROM_RPC, ERROR_RPC,
                       "Cannot find program %u version %u", header->program,
                       header->version);
        return NULL;
    }
    *procedure = rpc_procedure_of(header);
    if (!*procedure || !(*procedure)->is_served) {
        if (header->program == RPC_PROGRAM_REMOTE) {
            api = rpc_api_name(header->procedure);
        }
        if (api) {
            error_set_from(err, ERROR_FROM_DOMAIN, ERROR_NO_SUPPORT, "%s", api);
            return NULL;
        }
        error_set_from(err, ERROR_FROM_RPC, ERROR_RPC, "unknown procedure: %d",
                       header->procedure);
        return NULL;
    }
    return rpc_value_decode((*procedure)->args, payload,
                            header->length - RPC_HEADER_SIZE, err);
}

static void
call_free(struct rpc_call *call)
{
    struct rpc_connection *connection = call->connection;

    if (connection) {
        list_remove(&call->link);
        connection->call_count--;
        rpc_update_pause(connection);
    }
    rpc_value_free(call->procedure->args, call->args);
    free(call);
}
