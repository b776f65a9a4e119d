/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a call to its handler, over rpc/procedures.def; whether the client may
 * make it at all is decided here.  One handler for each SERVED row:
 *
 *     void handle_domain_get_state(
 *         struct client *client, struct rpc_call *call,
 *         const struct remote_domain_get_state_args *args);
 *
 * A handler owns the call, and answers it with rpc_call_reply() or
 * rpc_call_fail(), at once or later (client_get() then). */

#pragma once

#include "daemon/client.h"

void dispatch(struct client *client, struct rpc_call *call);

/* What a call's arguments begin with, by the table's column. */
enum shape {
    SHAPE_NONE,
    SHAPE_ARGS, /* A struct of its own. */
    SHAPE_DOM,
    SHAPE_DOM_NAMED,
    SHAPE_NAMED,
    SHAPE_UUID,
};

/* For the rows EMPTY and REFUSED (handle_none.c). */
void answer_none(struct client *client, struct rpc_call *call,
                 enum shape takes);

#define HANDLER_SERVED(name, takes)                                            \
    void handle_##name(struct client *client, struct rpc_call *call,           \
                       const struct RPC_STRUCT_##takes(name) * args);
#define HANDLER_EMPTY(name, takes)
#define HANDLER_REFUSED(name, takes)
#define HANDLER_LATER(name, takes)
#define PROCEDURE(number, NAME, name, takes, gives, access, served)            \
    HANDLER_##served(name, takes)
#define EVENT(number, NAME, name)
#include "rpc/procedures.def"
#undef PROCEDURE
#undef EVENT
#undef HANDLER_SERVED
#undef HANDLER_EMPTY
#undef HANDLER_REFUSED
#undef HANDLER_LATER
