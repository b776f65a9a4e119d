/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registrations for events. */

#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/event.h"
#include "daemon/wire.h"

void
handle_connect_domain_event_callback_register_any(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_domain_event_callback_register_any_args *args)
{
    struct remote_connect_domain_event_callback_register_any_ret ret;
    struct uuid uuid;
    AUTO_ERROR err = {0};

    if (args->dom) {
        memcpy(uuid.bytes, args->dom->uuid, sizeof uuid.bytes);
    }
    ret.callbackID =
        event_register(client, args->eventID, args->dom ? &uuid : NULL, &err);
    if (ret.callbackID < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    rpc_call_reply(call, &ret);
}

void
handle_connect_domain_event_callback_deregister_any(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_domain_event_callback_deregister_any_args *args)
{
    AUTO_ERROR err = {0};

    event_deregister(client, args->callbackID, &err);
    wire_finish(call, &err);
}
