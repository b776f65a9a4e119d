/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection of libvirt's protocol, at either end.
 *
 * Calls overlap: any number of requests may be under way, and their replies
 * come in any order.  A server's connection has a 'called' callback, a
 * client's has none.  What is wrong with a single call (unknown program,
 * version or procedure, arguments that can't be decoded) is answered here and
 * never seen by the owner.  What makes the following bytes untrustworthy
 * (impossible lengths, message types that have no business here, replies to
 * what was not asked) closes the connection.
 *
 * What follows some calls as a stream of bytes is in rpc/flow.h.
 *
 * Nothing here knows what a procedure does, who may call it, or domains. */

#pragma once

#include <stdbool.h>

#include "io/loop.h"
#include "rpc/message.h"

struct rpc_connection;
struct rpc_call;
struct rpc_pending;

struct rpc_callbacks {
    /* Server only: a call came, with its arguments decoded.  The callee owns
     * it until it gives it to rpc_call_reply() or rpc_call_fail(), now or
     * later. */
    void (*called)(void *owner, struct rpc_call *call);
    /* Client only: an event came; 'args' is its struct, borrowed.  May be NULL:
     * events are then ignored. */
    void (*event)(void *owner, enum remote_procedure procedure,
                  const void *args);
    /* The other end closed (NULL), the connection was lost, or the other end
     * does not speak the protocol.  Called once, and nothing after it.  The
     * connection still has to be freed, which may be done here. */
    void (*closed)(void *owner, const struct error *why);
};

/* Takes 'fd', a connected stream socket.  'callbacks' are borrowed, and usually
 * static.  Any callback may free the connection. */
struct rpc_connection *rpc_connection_new(struct loop *loop, int fd,
                                          const struct rpc_callbacks *callbacks,
                                          void *owner);
/* Closes.  Calls still unanswered stay valid: replying to them does nothing but
 * free them.  Pending requests are dropped without a call of their 'done'. */
void rpc_connection_free(struct rpc_connection *connection);
/* Hands the connection over to another owner. */
void rpc_connection_set_owner(struct rpc_connection *connection,
                              const struct rpc_callbacks *callbacks,
                              void *owner);
/* False once 'closed' was called or is about to be. */
bool rpc_connection_is_open(const struct rpc_connection *connection);
/* The socket, for socket_peer_name() and SO_PEERCRED. */
int rpc_connection_fd(const struct rpc_connection *connection);
/* Closes after what is queued has been sent: 'closed' (with NULL) is called
 * then.  What comes in meanwhile is ignored. */
void rpc_connection_finish(struct rpc_connection *connection);

/* Server: */

enum remote_procedure rpc_call_procedure(const struct rpc_call *call);
/* The procedure's struct remote_..._args, or struct remote_nothing. */
const void *rpc_call_args(const struct rpc_call *call);
/* NULL when it is gone. */
struct rpc_connection *rpc_call_connection(const struct rpc_call *call);
/* Takes 'call'.  'result' is the procedure's struct remote_..._ret, borrowed;
 * NULL for a procedure that has none.  A result that is too large for the
 * protocol becomes an error for the client. */
void rpc_call_reply(struct rpc_call *call, const void *result);
/* Takes 'call'. */
void rpc_call_fail(struct rpc_call *call, const struct error *err);
/* 'args' is the event's struct remote_..._msg.  A client that reads too slowly
 * for its events is disconnected. */
void rpc_send_event(struct rpc_connection *connection,
                    enum remote_procedure procedure, const void *args);
/* Calls that wait for their replies. */
unsigned rpc_connection_calls(const struct rpc_connection *connection);
/* As many calls as this may wait; then reading stops until one is answered. */
enum { RPC_CALLS_MAX = 64 };
void rpc_connection_set_calls_max(struct rpc_connection *connection,
                                  unsigned count);

/* Client: */

/* Calls a procedure.  'args' is borrowed; NULL for a procedure that takes none.
 * 'done' is called once, from the loop, with the decoded result (borrowed; for
 * a procedure that gives none, not NULL either) or an error: the server's, or
 * ERROR_RPC where its answer makes no sense, or ERROR_PEER_LOST where the
 * connection is lost, before 'closed' is.  By then the rpc_pending is gone. */
struct rpc_pending *rpc_request(struct rpc_connection *connection,
                                enum remote_procedure procedure,
                                const void *args,
                                void (*done)(void *owner, const void *result,
                                             const struct error *err),
                                void *owner);
/* 'done' is not called.  The server goes on with the call nevertheless. */
void rpc_pending_cancel(struct rpc_pending *pending);

/* Both: */

/* Sends a ping after each 'interval_s' seconds in which nothing came, and gives
 * up (ERROR_PEER_LOST) where 'count' pings bring nothing back.  The other end
 * must have agreed (feature 10).  0 as interval stops.  The other end's pings
 * are always answered, also without this. */
void rpc_keepalive_start(struct rpc_connection *connection, int interval_s,
                         unsigned count);
