/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A peer-to-peer migration: the source's daemon is the coordinator, and its
 * client only waits for the end.  Owned by the daemon, not by that client: when
 * the client goes, nothing happens.
 *
 *   ferry_migrate_to_peer (peer.c)
 *        |  peer_connect.c: connection, keepalive, features
 *        v
 *   coordinator over coordinator_local (here) and coordinator_remote (there)
 *        |
 *        v
 *   the client's call is answered; the connection is closed
 *
 * Shared by peer.c, peer_connect.c and those who ask whether there is one. */

#pragma once

#include "ferry/coordinator.h"
#include "ferry/coordinator_local.h"
#include "ferry/coordinator_remote.h"
#include "ferry/ferry.h"
#include "rpc/client.h"

struct peer {
    struct list link;        /* In host->peers. */
    struct domain *domain;   /* A reference. */
    struct ferry_call *call; /* The client's; NULL once it is answered. */
    bool is_client_gone;     /* Which nobody waits for any more. */
    char *client_name;       /* Owned. The client may go. */
    char *uri;               /* Owned. The destination's daemon, seen here. */
    unsigned flags;
    struct parameters parameters; /* Owned. The user's. */

    /* The connection. */
    struct rpc_opening *opening;       /* Owned; while it is made. */
    struct rpc_connection *connection; /* Owned. */
    struct rpc_pending *asking;        /* One of the questions before Begin. */
    bool has_close_callback;
    unsigned question; /* Which feature is asked for. */
    bool has_v3;
    bool has_parameters;
    bool has_handover; /* It keeps tokens (ferry/handover.h). */
    void (*reopened)(struct coordinator_remote *remote,
                     struct rpc_connection *connection);

    /* Its client drives the migration; this is what goes on in its place, and
     * nothing of it has begun (peer_stand_in.c). */
    bool stands_by;

    struct coordinator_local here;
    struct coordinator_remote there;
    struct coordinator *coordinator; /* Owned. NULL before and after it runs. */
    struct error lost;               /* Why the connection ended. */
    bool is_over;          /* Answered; the connection is being closed. */
    struct timer goodbye;  /* How long that may take. */
    struct timer patience; /* With a call of the destination's. */

    /* peer_rejoin.c */
    struct uuid handover; /* The migration's number, once Begin was called. */
    bool has_handover_id;
    struct timer rejoin; /* The next try. */
    int64_t rejoin_until_ms;
    int64_t rejoin_pause_ms;
    bool is_reopening; /* 'opening' is such a try. */
    struct rpc_pending *rejoin_asking;

    /* The clock: where it is, and since when. */
    enum coordinator_phase phase;
    int64_t phase_started_us;
    int64_t phase_us[COORDINATOR_PHASE_COUNT];
};

/* The one that moves this domain, or NULL. */
struct peer *peer_find(const struct domain *domain);

/* peer_stand_in.c */
/* The one that would, should the client go that does; or NULL. */
struct peer *peer_find_stand_in(const struct domain *domain);
/* Makes one for a source that 'call' begins, where its parameters ask for it;
 * fails where they make no sense. */
int peer_stand_in(struct domain *domain,
                  const struct migration_parameters *parameters, unsigned flags,
                  const struct ferry_call *call, struct error *err);
/* The destination's own word on where it can be reached. */
void peer_stand_in_learn(const struct domain *domain, const char *uri);
/* It is the coordinator from now on. */
void peer_take_over(struct domain *domain);
/* Another client may wait in its place. */
void peer_client_gone(struct host *host, uint64_t client_id);
/* The migration is over, and nobody has needed it. */
void peer_dismiss_stand_in(struct domain *domain);
/* What the domain is called over there. Borrowed. */
const char *peer_destination_name(const struct peer *peer);
/* Somebody's domjobabort.  False where it says nothing about it: the source
 * has to be asked. */
bool peer_interrupt(struct peer *peer, const struct error *why);

/* peer_connect.c: connects, and asks for what the other daemon can.  Calls
 * peer_connected() or peer_fail(), perhaps before it returns. */
void peer_connect(struct peer *peer);
/* For struct coordinator_remote: connects once more. */
void peer_reopen(void *owner,
                 void (*reopened)(struct coordinator_remote *remote,
                                  struct rpc_connection *connection),
                 struct coordinator_remote *remote);
/* Says goodbye, as libvirt does; peer_free() follows. */
void peer_disconnect(struct peer *peer);

/* Opens a connection to the daemon of the URI, as peer_connect() does. */
void peer_open(struct peer *peer, int64_t timeout_ms,
               void (*done)(void *owner, const struct rpc_opened *opened,
                            const struct error *err));

/* peer_rejoin.c: for struct coordinator_callbacks. */
void peer_rejoin(void *owner, enum coordinator_state state);
bool peer_stop_rejoining(struct peer *peer);
/* What must survive a restart of the daemon; and what is made of it: false
 * where the record tells of no migration that goes on. */
void peer_save(const struct peer *peer, struct record *record);
bool peer_restore(struct domain *domain, const struct record *record);
/* Then, once the source has heard that it is back. */
void peer_go_on(struct domain *domain);

/* peer.c, for the others */
struct peer *peer_make(struct domain *domain, const char *uri, unsigned flags,
                       const char *client_name);
void peer_make_coordinator(struct peer *peer);
void peer_connected(struct peer *peer);
void peer_lost(struct peer *peer, const struct error *why);
/* Before there is a coordinator: answers with 'why' and is gone. */
void peer_fail(struct peer *peer, const struct error *why);
void peer_free(struct peer *peer);
