/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opens a connection to a daemon: connects, authenticates, asks for keepalive,
 * says CONNECT_OPEN and asks which kinds of events and close callbacks there
 * are.  The calls and their order are those of libvirt's own client.
 *
 * Used by libvmferry, and by the daemon where it migrates peer to peer. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "io/pool.h"
#include "rpc/connection.h"
#include "rpc/uri.h"

/* Numbers of CONNECT_SUPPORTS_FEATURE. */
enum rpc_feature {
    RPC_FEATURE_MIGRATION_V1 = 1,
    RPC_FEATURE_REMOTE = 2,
    RPC_FEATURE_MIGRATION_V2 = 3,
    RPC_FEATURE_MIGRATION_P2P = 4,
    RPC_FEATURE_MIGRATION_DIRECT = 5,
    RPC_FEATURE_MIGRATION_V3 = 6,
    RPC_FEATURE_CHANGE_PROTECTION = 7,
    RPC_FEATURE_FD_PASSING = 8,
    RPC_FEATURE_TYPED_STRINGS = 9,
    RPC_FEATURE_KEEPALIVE = 10,
    RPC_FEATURE_XML_MIGRATABLE = 11,
    RPC_FEATURE_MIGRATION_OFFLINE = 12,
    RPC_FEATURE_MIGRATION_PARAMS = 13,
    RPC_FEATURE_EVENT_CALLBACK = 14,
    RPC_FEATURE_CLOSE_CALLBACK = 15,
    RPC_FEATURE_NETWORK_UPDATE_ORDER = 16,
    /* Not libvirt's, which answers 0: statistics of a peer-to-peer migration
     * tell its phases, from then on. */
    RPC_FEATURE_PHASES = 0x766d6601,
    /* Nor this: it keeps the tokens of migrations between two of us. */
    RPC_FEATURE_HANDOVER = 0x766d6602,
    /* Nor this: it goes on with a migration in its client's place, and lets
     * another client wait for its end. */
    RPC_FEATURE_STAND_IN = 0x766d6603,
};

struct rpc_open_options {
    const struct rpc_uri *uri; /* Borrowed during rpc_open(). */
    unsigned flags;            /* Of CONNECT_OPEN: 1 read-only, 2 no aliases. */
    int64_t timeout_ms;        /* For the whole of it. */
    int keepalive_interval_s;  /* 0: none. Started where the daemon agrees. */
    unsigned keepalive_count;
    /* Of the connection, once it is open. Borrowed, outlive it. */
    const struct rpc_callbacks *callbacks;
    void *callbacks_owner;
};

/* What is known once it is open. */
struct rpc_opened {
    struct rpc_connection *connection; /* The callee takes it. */
    bool has_keepalive;
    bool has_event_callbacks; /* Events by callback number (316). */
    bool has_close_callbacks; /* CONNECT_REGISTER_CLOSE_CALLBACK. */
};

/* An opening under way. */
struct rpc_opening;

/* Calls 'done' once, from the loop, with the connection or with an error that
 * says whom it could not reach and why.  Freeing the opening before that
 * cancels it; afterwards it must be freed, too (also in 'done'). */
struct rpc_opening *rpc_open(struct loop *loop, struct pool *pool,
                             const struct rpc_open_options *options,
                             void (*done)(void *owner,
                                          const struct rpc_opened *opened,
                                          const struct error *err),
                             void *owner);
void rpc_opening_free(struct rpc_opening *opening);
