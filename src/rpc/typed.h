/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Typed parameters between the wire's form and ours.  What a name means and
 * which type it should have is for others to say. */

#pragma once

#include "base/error.h"
#include "base/parameters.h"
#include "rpc/remote.h"

/* Appends to 'list'.  The bounds were checked when the message was decoded;
 * a type that doesn't exist (ERROR_RPC) can't come from there. */
int rpc_params_decode(const struct remote_tparam *items, unsigned count,
                      struct parameters *list, struct error *err);

/* Makes the array for a message that may have 'max' of them (one of remote.x's
 * REMOTE_..._MAX); ERROR_RPC where there are more, or where a name is longer
 * than REMOTE_FIELD_MAX.  Freed with rpc_params_free(). */
int rpc_params_encode(const struct parameters *list, unsigned max,
                      struct remote_tparam **items, unsigned *count,
                      struct error *err);
void rpc_params_free(struct remote_tparam *items, unsigned count);
