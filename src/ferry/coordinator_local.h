/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An end of a migration that is a domain of this daemon: the source of a
 * peer-to-peer migration.  Turns the coordinator's calls into those that a
 * client's would become (ferry/ferry.h), so that source.def knows no
 * difference.
 *
 * Answers come from the loop, never from within a call, as those of a daemon
 * behind a connection do: nothing is freed under its own feet. */

#pragma once

#include "domain/domain.h"
#include "ferry/coordinator.h"

struct local_call;

struct coordinator_local {
    /* Caller sets; all borrowed. */
    struct domain *domain;
    uint64_t client_id;      /* Who drives it: a number that no client has. */
    const char *client_name; /* For texts. */
    const char *api;         /* A constant: which call holds the job. */
    /* Why Perform is stopped; NULL: somebody wanted it. */
    const struct error *reason;
    /* Private: the call under way, or NULL. Owned. */
    struct local_call *call;
};

/* The end's 'void *' is a struct coordinator_local. */
extern const struct coordinator_end_operations coordinator_local_operations;
