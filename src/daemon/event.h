/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events: what happens to domains, told to the clients that asked. */

#pragma once

#include "daemon/client.h"

/* For struct host; its owner is the struct daemon.  Also writes the log. */
extern const struct host_observer event_observer;

/* Registers for an event of one domain ('uuid') or of all (NULL).  Returns the
 * id by which the client calls it, or -1. */
int event_register(struct client *client, int event, const struct uuid *uuid,
                   struct error *err);
int event_deregister(struct client *client, int id, struct error *err);
/* The old way: one registration for each event, without ids. */
int event_register_legacy(struct client *client, int event, struct error *err);
int event_deregister_legacy(struct client *client, int event,
                            struct error *err);
