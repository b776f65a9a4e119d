/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which migration protocols this daemon offers: the setting "protocols", the
 * features that clients choose by, and the calls that belong to each.  A
 * protocol that is not offered looks as if it did not exist. */

#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "rpc/message.h"

enum {
    PROTOCOL_V2 = 1 << 0,
    PROTOCOL_V3_PLAIN = 1 << 1,  /* v3 without typed parameters. */
    PROTOCOL_V3_PARAMS = 1 << 2, /* v3 with them. */
};

/* Reads a list such as "v3,v2": v3 (in both forms), v3-plain, v2. */
int protocols_parse(const char *text, unsigned *protocols, struct error *err);

/* Whether a feature of the connection is there, with these; true for those that
 * have nothing to do with protocols. */
bool protocols_have_feature(unsigned protocols, int feature);

/* Fails, as libvirt does where a driver does not have a call, for a procedure
 * of a protocol that is not among them. */
int protocols_check(unsigned protocols, enum remote_procedure procedure,
                    struct error *err);
