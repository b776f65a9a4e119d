/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon as a whole: what its files share.  main.c makes it, and nothing
 * outside of this folder knows it. */

#pragma once

#include "base/list.h"
#include "domain/host.h"
#include "io/socket.h"

struct config;

struct daemon {
    struct loop *loop;           /* Owned. */
    struct pool *pool;           /* Owned. */
    const struct config *config; /* Borrowed from main(). */
    struct host host;
    struct listener *unix_listener; /* Owned; NULL while it is not open. */
    struct listener *tcp_listener;  /* The same. */
    struct list clients;            /* struct client by .link */
    struct list consoles;           /* Private to console.c: those in use. */
    uint64_t last_client_id;
    int last_callback_id; /* Of events; libvirtd counts them globally, too. */
};
