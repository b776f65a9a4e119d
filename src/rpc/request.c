/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/connection.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "rpc/connection_private.h"
#include "rpc/error_map.h"

struct rpc_pending {
    struct list link;
    struct rpc_connection *connection; /* Borrowed. */
    const struct rpc_procedure *procedure;
    uint32_t serial;
    bool is_sent;
    struct error refusal; /* Why it could not be sent. */
    /* NULL once cancelled: then the reply is awaited, but dropped. */
    void (*done)(void *owner, const void *result, const struct error *err);
    void *owner; /* Borrowed. */
};

static struct rpc_pending *find(struct rpc_connection *connection,
                                const struct rpc_header *header);
static void answer(struct rpc_pending *pending, const struct rpc_header *header,
                   const uint8_t *payload);
static void finish(struct rpc_pending *pending, const void *result,
                   const struct error *err);
static void pending_free(struct rpc_pending *pending);

struct rpc_pending *
rpc_request(struct rpc_connection *connection, enum remote_procedure procedure,
            const void *args,
            void (*done)(void *owner, const void *result,
                         const struct error *err),
            void *owner)
{
    struct rpc_pending *pending = xcalloc(1, sizeof(*pending));
    struct rpc_header header = {
        .type = RPC_CALL,
        .serial = connection->serial,
        .status = RPC_OK,
    };

    rpc_header_set_procedure(&header, procedure);
    pending->connection = connection;
    pending->procedure = rpc_procedure_find(procedure);
    pending->serial = connection->serial;
    pending->done = done;
    pending->owner = owner;
    assert(pending->procedure && !pending->procedure->is_event);
    assert(args || pending->procedure->args == &rpc_nothing_coder);
    if (!rpc_connection_is_open(connection)) {
        error_set_from(&pending->refusal, ERROR_FROM_REMOTE, ERROR_PEER_LOST,
                       "the connection is closed");
    } else if (rpc_send(connection, &header, pending->procedure->args, args,
                        &pending->refusal) == 0) {
        pending->is_sent = true;
        connection->serial++;
        list_add(&connection->pending, &pending->link);
        return pending;
    }
    list_add(&connection->refused, &pending->link);
    rpc_later(connection);
    return pending;
}

void
rpc_pending_cancel(struct rpc_pending *pending)
{
    if (!pending) {
        return;
    }
    if (pending->is_sent) {
        pending->done = NULL;
    } else {
        pending_free(pending);
    }
}

void
rpc_receive_reply(struct rpc_connection *connection,
                  const struct rpc_header *header, const uint8_t *payload)
{
    struct rpc_pending *pending = find(connection, header);

    if (!pending) {
        rpc_close_broken(connection,
                         "a reply to call %u of procedure %d, which was not "
                         "made",
                         header->serial, header->procedure);
    } else if (header->status != RPC_OK && header->status != RPC_ERROR) {
        rpc_close_broken(connection, "a reply with the status %d",
                         header->status);
    } else {
        answer(pending, header, payload);
    }
}

void
rpc_receive_event(struct rpc_connection *connection,
                  const struct rpc_header *header, const uint8_t *payload)
{
    const struct rpc_procedure *row = rpc_procedure_of(header);
    AUTO_ERROR err = {0};
    void *args;

    /* A newer peer may have events that we don't know. */
    if (!row || !row->is_event || !connection->callbacks.event) {
        return;
    }
    args = rpc_value_decode(row->args, payload,
                            header->length - RPC_HEADER_SIZE, &err);
    if (!args || header->status != RPC_OK) {
        rpc_value_free(row->args, args);
        rpc_close_broken(connection, "an event %s that can't be decoded",
                         row->name);
        return;
    }
    connection->callbacks.event(connection->owner, row->number, args);
    rpc_value_free(row->args, args);
}

void
rpc_fail_requests(struct rpc_connection *connection, struct list *list,
                  const struct error *why)
{
    while (!connection->is_freed && !list_is_empty(list)) {
        struct rpc_pending *pending =
            container_of(list->next, struct rpc_pending, link);

        finish(pending, NULL, why);
    }
}

void
rpc_drop_requests(struct rpc_connection *connection)
{
    LIST_FOR_EACH (link, &connection->pending) {
        pending_free(container_of(link, struct rpc_pending, link));
    }
    LIST_FOR_EACH (link, &connection->refused) {
        pending_free(container_of(link, struct rpc_pending, link));
    }
}

struct rpc_connection *
rpc_pending_header(const struct rpc_pending *pending, struct rpc_header *header)
{
    *header = (struct rpc_header){
        .program = RPC_PROGRAM_REMOTE,
        .version = RPC_VERSION,
        .procedure = (int32_t)pending->procedure->number,
        .serial = pending->serial,
    };
    return pending->is_sent ? pending->connection : NULL;
}

static struct rpc_pending *
find(struct rpc_connection *connection, const struct rpc_header *header)
{
    const struct rpc_procedure *procedure = rpc_procedure_of(header);

    if (!procedure) {
        return NULL;
    }
    LIST_FOR_EACH (link, &connection->pending) {
        struct rpc_pending *pending =
            container_of(link, struct rpc_pending, link);

        if (pending->serial == header->serial &&
            pending->procedure == procedure) {
            return pending;
        }
    }
    return NULL;
}

static void
answer(struct rpc_pending *pending, const struct rpc_header *header,
       const uint8_t *payload)
{
    const struct rpc_procedure *procedure = pending->procedure;
    bool is_error = header->status == RPC_ERROR;
    const struct rpc_coder *coder =
        is_error ? &rpc_error_coder : procedure->ret;
    AUTO_ERROR err = {0};
    void *value = rpc_value_decode(coder, payload,
                                   header->length - RPC_HEADER_SIZE, &err);

    if (!value) {
        error_wrap(&err, "the reply to %s", procedure->name);
    } else if (is_error) {
        rpc_error_decode(value, &err);
    }
    finish(pending, error_is_set(&err) ? NULL : value,
           error_is_set(&err) ? &err : NULL);
    rpc_value_free(coder, value);
}

/* 'err' may be NULL for one that was refused: it has its own. */
static void
finish(struct rpc_pending *pending, const void *result, const struct error *err)
{
    void (*done)(void *, const void *, const struct error *) = pending->done;
    void *owner = pending->owner;
    AUTO_ERROR refusal = {0};

    if (!pending->is_sent) {
        error_move(&refusal, &pending->refusal);
        err = &refusal;
    }
    pending_free(pending);
    if (done) {
        done(owner, result, err);
    }
}

static void
pending_free(struct rpc_pending *pending)
{
    list_remove(&pending->link);
    error_clear(&pending->refusal);
    free(pending);
}
