/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the files behind connection.h share: connection.c (bytes to messages,
 * beginning and end), call.c (a server's side), request.c (a client's side),
 * flow.c, keepalive.c.  For nobody else but the tests. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "io/loop.h"
#include "io/stream.h"
#include "rpc/connection.h"
#include "rpc/flow.h"

enum {
    /* A server reads no further calls while more replies than this wait for
     * their client to read them.  Bytes, as the next two. */
    RPC_OUTPUT_PAUSE = 1 << 20,
    /* Beyond this the other end gets no pongs: what is queued will do. */
    RPC_OUTPUT_PONG = 1 << 20,
    /* Beyond this a client that doesn't read its events is disconnected. */
    RPC_OUTPUT_EVENTS = 64 << 20,
    /* How long rpc_connection_finish() waits for the other end to read. */
    RPC_FINISH_MS = 5000,
};

struct rpc_connection {
    struct loop *loop;     /* Borrowed; outlives us. */
    struct stream *stream; /* Owned. NULL once closed. */
    struct rpc_callbacks callbacks;
    void *owner; /* Borrowed. */

    unsigned depth;         /* Functions of ours further up in the stack. */
    bool is_freed;          /* rpc_connection_free() was called in one. */
    bool is_finishing;      /* Only queued output is of interest. */
    struct error close_why; /* Set: to be closed, from the loop. */
    struct deferral later;  /* For close_why, 'refused' and finishing. */
    struct timer finish;
    size_t partial; /* Bytes of a message that isn't complete yet. */
    bool is_paused; /* Input, by us. */

    struct list flows; /* Of struct rpc_flow, owned by others. */
    unsigned held;     /* Those that want no more input now. */

    /* Server: */
    struct list calls; /* Of struct rpc_call, owned by others. */
    unsigned call_count;
    unsigned calls_max;

    /* Client: */
    struct list pending; /* Of struct rpc_pending, owned: sent. */
    struct list refused; /* Of struct rpc_pending, owned: not sent. */
    uint32_t serial;     /* Of the next request. */

    /* Keepalive: */
    struct timer keepalive;
    int64_t interval_ms;
    int64_t received_ms; /* When something came last, monotonic. */
    unsigned ping_count; /* Pings sent since then. */
    unsigned ping_max;
};

/* Around whatever may call the owner, who may free the connection. */
void rpc_enter(struct rpc_connection *connection);
void rpc_leave(struct rpc_connection *connection);
/* Closes now: requests fail, the owner hears of it. */
void rpc_close(struct rpc_connection *connection, const struct error *why);
/* The same with an ERROR_RPC: the other end does not speak the protocol. */
void rpc_close_broken(struct rpc_connection *connection, const char *format,
                      ...) __attribute__((format(printf, 2, 3)));
/* The same as rpc_close(), later and from the loop. */
void rpc_close_later(struct rpc_connection *connection, enum error_code code,
                     const char *text);
/* Queues a message.  Fails where the value doesn't fit into the protocol. */
int rpc_send(struct rpc_connection *connection, const struct rpc_header *header,
             const struct rpc_coder *coder, const void *value,
             struct error *err);
/* The same for an error, whose type and status 'header' has. */
void rpc_send_error(struct rpc_connection *connection,
                    const struct rpc_header *header, const struct error *err);
/* The same for bytes that are no XDR. */
void rpc_send_bytes(struct rpc_connection *connection,
                    struct rpc_header *header, const uint8_t *data,
                    size_t size);
/* Stops or starts reading, as the state of the connection asks. */
void rpc_update_pause(struct rpc_connection *connection);
/* Has connection.c's deferral run. */
void rpc_later(struct rpc_connection *connection);

/* call.c */
void rpc_receive_call(struct rpc_connection *connection,
                      const struct rpc_header *header, const uint8_t *payload);
void rpc_detach_calls(struct rpc_connection *connection);
const struct rpc_header *rpc_call_header(const struct rpc_call *call);

/* request.c */
void rpc_receive_reply(struct rpc_connection *connection,
                       const struct rpc_header *header, const uint8_t *payload);
void rpc_receive_event(struct rpc_connection *connection,
                       const struct rpc_header *header, const uint8_t *payload);
/* Tells those in 'list' that they failed. */
void rpc_fail_requests(struct rpc_connection *connection, struct list *list,
                       const struct error *why);
void rpc_drop_requests(struct rpc_connection *connection);
/* What its packets begin with; the connection, NULL where it was not sent. */
struct rpc_connection *rpc_pending_header(const struct rpc_pending *pending,
                                          struct rpc_header *header);

/* flow.c */
void rpc_receive_flow(struct rpc_connection *connection,
                      const struct rpc_header *header, const uint8_t *payload);
/* There is room for output. */
void rpc_flows_drained(struct rpc_connection *connection);
void rpc_fail_flows(struct rpc_connection *connection, const struct error *why);

/* keepalive.c */
void rpc_receive_keepalive(struct rpc_connection *connection,
                           const struct rpc_header *header);
/* Something came. */
void rpc_keepalive_reset(struct rpc_connection *connection);
void rpc_keepalive_start_ms(struct rpc_connection *connection,
                            int64_t interval_ms, unsigned count);
