/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which migration protocol two hosts have in common, found out by asking both:
 * the same questions, in the same order, that libvirt's client asks. */

#pragma once

#include "lib/handle.h"

struct features {
    /* Caller sets; all borrowed. */
    struct rpc_connection *source;
    const char *source_name;
    struct rpc_connection *destination;
    const char *destination_name;
    bool is_offline;                     /* The guest does not run. */
    const struct parameters *parameters; /* The user's. */
    /* Caller may read. */
    bool has_parameters; /* Both take typed parameters (feature 13). */
    bool has_protection; /* The source locks from Begin on (feature 7). */
};

/* Fails where the two have no way to do what the user asks for. */
int features_ask(struct vmferry *handle, struct features *features,
                 struct error *err);
