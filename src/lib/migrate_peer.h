/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration that the source's daemon drives, as data.  Shared by
 * migrate_peer.c and migrate_peer_calls.c, and by nobody else. */

#pragma once

#include "lib/course.h"

struct peer_migration {
    struct course *course;
    struct vmferry *handle;
    struct parameters parameters; /* Owned. The user's. */
    struct remote_dom domain;     /* Owned. */
    struct rpc_pending *performing;
    struct error error;         /* What that was answered. */
    struct rpc_pending *asking; /* For statistics. */
    struct rpc_pending *abortion;
    struct timer timer;
    int callback_id;     /* Of the event of a completed job; 0: none. */
    bool is_interrupted; /* And the source has not said that it is too late. */
    bool has_phases;     /* The source tells them. */
    bool has_times;      /* It has told how long they took. */
    bool is_attached;    /* Another client has begun it. */
};

/* migrate_peer_calls.c: asks the source what it can, and takes from that which
 * call it is. */
int peer_choose_call(struct peer_migration *migration,
                     enum remote_procedure *procedure, struct error *err);
/* What only one of ours can. */
int peer_ask_own(struct peer_migration *migration, struct error *err);
/* Starts the call that begins it all: 'performing' is set. */
int peer_perform(struct peer_migration *migration,
                 enum remote_procedure procedure, struct error *err);

/* migrate_peer.c: starts one that is answered at the end. */
void peer_start_call(struct peer_migration *migration,
                     enum remote_procedure procedure, const void *args);
