/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client of the daemon: its connection, what it may do, and which events it
 * wants.  Lives until its connection is closed; calls that are still under way
 * then hold a reference and are answered to nobody. */

#pragma once

#include <stdint.h>

#include "base/list.h"
#include "base/uuid.h"
#include "daemon/daemon.h"
#include "rpc/connection.h"

/* A registration for events. */
struct event_callback {
    struct list link;
    int id;          /* What the client calls it by; 0: a legacy one. */
    int event;       /* virDomainEventID */
    bool is_legacy;  /* The payload has no callback id. */
    bool has_filter; /* Only for 'uuid'. */
    struct uuid uuid;
};

struct client {
    struct list link;                  /* In daemon->clients. */
    struct daemon *daemon;             /* Borrowed; outlives us. */
    struct rpc_connection *connection; /* Owned; NULL once it is closed. */
    uint64_t id;                       /* Never used twice. */
    char *name;   /* Owned. Who it is, for logs and refusals. */
    bool is_open; /* CONNECT_OPEN was called. */
    bool is_readonly;
    bool has_keepalive; /* It agreed to pings. */
    bool has_close_callback;
    bool has_phases;       /* It knows the phases among our statistics. */
    struct list callbacks; /* struct event_callback by .link */
    unsigned references;
};

/* Takes 'fd', a connection that was accepted. */
void client_new(struct daemon *daemon, int fd);
struct client *client_get(struct client *client);
void client_put(struct client *client);
/* Closes the connection, and cleans up after the client. */
void client_close(struct client *client);
/* Closes all connections without a clean-up: the daemon goes, and what its
 * clients drove is found again by its records. */
void clients_abandon(struct daemon *daemon);
