/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registrations for events. */

#include <libvirt/libvirt.h>
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

/* The old way: one registration for each event of a connection, and the first
 * two calls for lifecycle events alone. */

static void
reply_registered(struct rpc_call *call, int result, const struct error *err)
{
    struct remote_connect_domain_event_register_ret ret = {
        .cb_registered = 1,
    };

    if (result < 0) {
        rpc_call_fail(call, err);
    } else {
        rpc_call_reply(call, &ret);
    }
}

void
handle_connect_domain_event_register(struct client *client,
                                     struct rpc_call *call,
                                     const struct remote_nothing *args)
{
    AUTO_ERROR err = {0};

    (void)args;
    reply_registered(
        call,
        event_register_legacy(client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &err),
        &err);
}

void
handle_connect_domain_event_deregister(struct client *client,
                                       struct rpc_call *call,
                                       const struct remote_nothing *args)
{
    AUTO_ERROR err = {0};

    (void)args;
    reply_registered(
        call,
        event_deregister_legacy(client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &err),
        &err);
}

void
handle_connect_domain_event_register_any(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_domain_event_register_any_args *args)
{
    AUTO_ERROR err = {0};

    event_register_legacy(client, args->eventID, &err);
    wire_finish(call, &err);
}

void
handle_connect_domain_event_deregister_any(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_domain_event_deregister_any_args *args)
{
    AUTO_ERROR err = {0};

    event_deregister_legacy(client, args->eventID, &err);
    wire_finish(call, &err);
}
