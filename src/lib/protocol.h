/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which migration protocol two hosts have in common, found out by asking both:
 * the same questions, in the same order, that libvirt's client asks. */

#pragma once

#include "lib/handle.h"
#include "migrate/coordinator.h"

struct features {
    /* Caller sets; all borrowed. */
    struct rpc_connection *source;
    const char *source_name;
    struct rpc_connection *destination;
    const char *destination_name;
    bool is_offline;                     /* The guest does not run. */
    const struct parameters *parameters; /* The user's. */
    /* Caller may read. */
    enum coordinator_protocol protocol;
    bool has_parameters; /* v3: both take typed parameters (feature 13). */
    bool has_protection; /* v3: the source locks from Begin on (feature 7). */
    /* v2: the source leaves out of the XML what not every version reads
     * (feature 11). */
    bool has_migratable_xml;
    /* v3: the source's daemon goes on in the client's place, and the
     * destination takes it for what it was. */
    bool has_stand_in;
};

/* Fails where the two have no way to do what the user asks for. */
int features_ask(struct vmferry *handle, struct features *features,
                 struct error *err);
