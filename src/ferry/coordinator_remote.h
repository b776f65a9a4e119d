/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An end of a migration that is a daemon behind a connection: turns the
 * coordinator's calls into libvirt's procedures: those of v3, with typed
 * parameters or without, or those of v2.
 *
 * Does not make connections and does not watch them: who owns the connection
 * tells the coordinator when it closes. */

#pragma once

#include "ferry/coordinator.h"
#include "rpc/connection.h"

struct tunnel;

struct coordinator_remote {
    /* Caller sets. */
    struct loop *loop;                 /* Borrowed. */
    struct rpc_connection *connection; /* Borrowed. */
    struct remote_dom domain;          /* Borrowed. As the source knows it. */
    bool has_parameters;               /* v3: feature 13. */
    bool has_migratable_xml;           /* v2, the source: feature 11. */
    /* What goes into a tunnelled migration; NULL: there can be none. */
    struct tunnel *tunnel;
    /* Connects to the destination once more, to ask again; 'opened' gets a
     * connection, which stays its maker's, or NULL.  NULL: there is no way. */
    void (*reopen)(void *owner,
                   void (*opened)(struct coordinator_remote *remote,
                                  struct rpc_connection *connection),
                   struct coordinator_remote *remote);
    void *reopen_owner;
    /* Private: the call under way, or NULL; */
    struct rpc_pending *pending;
    coordinator_answered *answered;
    void *owner;
    /* an abort, which may run beside it; */
    struct rpc_pending *pending_abort;
    coordinator_answered *abort_answered;
    void *abort_owner;
    /* asking again. */
    struct timer retry;
    coordinator_answered *again_answered;
    void *again_owner;
    enum coordinator_protocol again_protocol;
    unsigned again_flags;
    struct parameters again_parameters;
    int64_t again_until_ms;
};

/* The ends' 'void *' is a struct coordinator_remote, all zeros but for what the
 * caller sets. */
extern const struct coordinator_end_operations coordinator_remote_operations;
/* After coordinator_free(). */
void coordinator_remote_done(struct coordinator_remote *remote);

/* One of the operations, in a file of its own: a Finish was sent and its answer
 * is lost.  Connects again and, in v3, sends one that cancels, which a
 * destination that has not started the guest answers for good; and else looks
 * whether the guest runs there.  Tries for about 20 seconds. */
void coordinator_remote_ask_again(void *end,
                                  const struct coordinator_request *request,
                                  coordinator_answered *answered, void *owner);
