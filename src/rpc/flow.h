/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Flows: what libvirt's protocol calls streams, bytes of any kind that follow a
 * call in packets with the call's own serial, beside all other calls of the
 * connection.  A console goes both ways, a tunnelled migration from the client
 * to the server.
 *
 *   client                          server
 *     CALL  ------------------------>          rpc_flow_expect(),
 * rpc_flow_new()
 *           <------------------------ REPLY
 *     STREAM/CONTINUE data --------->          any number, both ways
 *           <----------- STREAM/CONTINUE data
 *           <------------------ STREAM/OK      the server has no more (or never
 *     STREAM/OK  ------------------->          had any); the client has no more
 *           <------------------ STREAM/OK      and all of it was taken: the end
 *
 * Either end may break it off: STREAM/ERROR, which a server (as libvirtd does)
 * answers with STREAM/OK.  What comes for a flow that isn't there (any more) is
 * ignored: the other end can't know yet.
 *
 * Flow control.  The protocol has no credits; all that there is, is not to
 * read.
 *
 * Out: rpc_flow_send() always takes what it gets; its caller stops reading its
 * own source while rpc_flow_is_full(), which it is as soon as anything has to
 * wait for the socket, and goes on at 'drained'.  So what waits is no more than
 * was sent at once (the socket itself keeps the wire busy meanwhile; longer
 * queues were measured to cost four times the processor time).  A server stops
 * reading calls, and answering pings, at much more: a slow reader of a flow
 * delays its own replies, and nothing else.
 *
 * In: whoever can't pass on what came says rpc_flow_hold(), and the connection
 * reads nothing any more, neither of this flow nor of anything else, until it
 * lets go.  At most one packet comes after it.  Calls, pings and replies that
 * stand behind the flow's data wait, so:
 *  - who holds must need nothing from the same connection in order to go on,
 *    and must have a deadline: a call that would end the flow can't be heard;
 *  - pings are not seen, so a pong is sent unasked, at the interval of our own
 *    keepalive, and the other end's silence isn't held against it;
 *  - the other end's death is noticed all the same, and ends the connection;
 *  - output goes on: replies to calls that were read before, events, and what
 *    other flows send. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/connection.h"

enum {
    /* Of a packet that we send: what libvirt's do not exceed either.  Larger
     * ones are taken, up to the largest message. */
    RPC_FLOW_PACKET_MAX = 262120,
};

struct rpc_flow;

/* All are called from the loop, and may free the flow and the connection.  Each
 * but 'failed' may be NULL. */
struct rpc_flow_callbacks {
    /* Bytes came: all of them are taken. */
    void (*data)(void *owner, const uint8_t *data, size_t size);
    /* The other end has no more.  A server answers with rpc_flow_finish() once
     * it has taken all to where it belongs.  For a client that has finished
     * before, this is that answer. */
    void (*finished)(void *owner);
    /* The other end broke it off, or the connection is lost (ERROR_PEER_LOST).
     * Nothing is called after it; the flow still has to be freed. */
    void (*failed)(void *owner, const struct error *why);
    /* rpc_flow_is_full() was true, and there is room again. */
    void (*drained)(void *owner);
};

/* Server: the flow that belongs to a call; to be made before its reply.
 * 'callbacks' are borrowed, and usually static. */
struct rpc_flow *rpc_flow_new(const struct rpc_call *call,
                              const struct rpc_flow_callbacks *callbacks,
                              void *owner);
/* Client: the same for a request that was just made.  Where its answer is an
 * error, nothing will come: free it. */
struct rpc_flow *rpc_flow_expect(const struct rpc_pending *pending,
                                 const struct rpc_flow_callbacks *callbacks,
                                 void *owner);
/* Says nothing to the other end. */
void rpc_flow_free(struct rpc_flow *flow);

/* None of the following calls back.  They do nothing on a flow that failed. */

/* Sends a copy, in as many packets as it takes. */
void rpc_flow_send(struct rpc_flow *flow, const uint8_t *data, size_t size);
bool rpc_flow_is_full(struct rpc_flow *flow);
/* We have no more to send.  A server that has said so before the client did,
 * says it again as its answer. */
void rpc_flow_finish(struct rpc_flow *flow);
/* Breaks it off: as if it had failed, without 'failed'.  A server's client is
 * told why. */
void rpc_flow_abort(struct rpc_flow *flow, const struct error *why);
/* Stops and starts the connection's input; see above. */
void rpc_flow_hold(struct rpc_flow *flow, bool is_held);
