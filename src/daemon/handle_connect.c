/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The connection itself: authentication, opening, features, close callbacks. */

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "daemon/config.h"
#include "daemon/dispatch.h"
#include "daemon/protocols.h"
#include "daemon/wire.h"
#include "rpc/client.h"

/* libvirtd's defaults. */
enum { KEEPALIVE_INTERVAL_S = 5, KEEPALIVE_COUNT = 5 };

static int check_name(const struct client *client, const char *name,
                      struct error *err);

void
handle_auth_list(struct client *client, struct rpc_call *call,
                 const struct remote_nothing *args)
{
    static remote_auth_type none[] = {REMOTE_AUTH_NONE};
    struct remote_auth_list_ret ret = {
        .types = {ARRAY_COUNT(none), none}
    };

    (void)client;
    (void)args;
    rpc_call_reply(call, &ret);
}

void
handle_connect_supports_feature(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_supports_feature_args *args)
{
    struct remote_connect_supports_feature_ret ret = {0};

    switch (args->feature) {
    case RPC_FEATURE_KEEPALIVE:
        /* Asking is agreeing to our pings. */
        rpc_keepalive_start(client->connection, KEEPALIVE_INTERVAL_S,
                            KEEPALIVE_COUNT);
        ret.supported = 1;
        break;
    case RPC_FEATURE_PHASES:
        client->has_phases = true;
        ret.supported = 1;
        break;
    case RPC_FEATURE_HANDOVER:
    case RPC_FEATURE_STAND_IN:
        ret.supported = 1;
        break;
    case RPC_FEATURE_MIGRATION_P2P:
    case RPC_FEATURE_MIGRATION_V2:
    case RPC_FEATURE_MIGRATION_V3:
    case RPC_FEATURE_CHANGE_PROTECTION:
    case RPC_FEATURE_TYPED_STRINGS:
    case RPC_FEATURE_XML_MIGRATABLE:
    case RPC_FEATURE_MIGRATION_PARAMS:
    case RPC_FEATURE_MIGRATION_OFFLINE:
    case RPC_FEATURE_EVENT_CALLBACK:
    case RPC_FEATURE_CLOSE_CALLBACK:
    case RPC_FEATURE_NETWORK_UPDATE_ORDER:
        ret.supported = protocols_have_feature(
            client->daemon->config->protocols, args->feature);
        break;
    default:
        break;
    }
    rpc_call_reply(call, &ret);
}

/* The bit for "read-only" is the only flag that means something here.  Others
 * are let pass, as libvirtd does: virsh of an ordinary user sets 4 on a unix
 * socket, which is a note to itself. */
void
handle_connect_open(struct client *client, struct rpc_call *call,
                    const struct remote_connect_open_args *args)
{
    AUTO_ERROR err = {0};

    if (client->is_open) {
        error_set_from(&err, ERROR_FROM_RPC, ERROR_INTERNAL,
                       "connection already open");
    } else if (check_name(client, args->name ? *args->name : NULL, &err) == 0) {
        client->is_open = true;
        client->is_readonly = args->flags & 1;
    }
    wire_finish(call, &err);
}

/* The client closes its end once it has the answer. */
void
handle_connect_close(struct client *client, struct rpc_call *call,
                     const struct remote_nothing *args)
{
    (void)client;
    (void)args;
    rpc_call_reply(call, NULL);
}

void
handle_connect_register_close_callback(struct client *client,
                                       struct rpc_call *call,
                                       const struct remote_nothing *args)
{
    AUTO_ERROR err = {0};

    (void)args;
    if (client->has_close_callback) {
        error_set_from(&err, ERROR_FROM_RPC, ERROR_INTERNAL,
                       "A close callback is already registered");
    }
    client->has_close_callback = true;
    wire_finish(call, &err);
}

void
handle_connect_unregister_close_callback(struct client *client,
                                         struct rpc_call *call,
                                         const struct remote_nothing *args)
{
    AUTO_ERROR err = {0};

    (void)args;
    if (!client->has_close_callback) {
        error_set_from(&err, ERROR_FROM_RPC, ERROR_INTERNAL,
                       "A different callback was requested");
    }
    client->has_close_callback = false;
    wire_finish(call, &err);
}

void
handle_connect_get_uri(struct client *client, struct rpc_call *call,
                       const struct remote_nothing *args)
{
    char system[] = "qemu:///system", session[] = "qemu:///session";
    struct remote_connect_get_uri_ret ret = {
        .uri = client->daemon->host.settings.is_privileged ? system : session,
    };

    (void)args;
    rpc_call_reply(call, &ret);
}

void
handle_connect_is_secure(struct client *client, struct rpc_call *call,
                         const struct remote_nothing *args)
{
    struct remote_connect_is_secure_ret ret = {
        .secure = has_prefix(client->name, "pid "),
    };

    (void)args;
    rpc_call_reply(call, &ret);
}

/* As libvirtd: root serves /system, everybody else /session. */
static int
check_name(const struct client *client, const char *name, struct error *err)
{
    const char *path =
        client->daemon->host.settings.is_privileged ? "/system" : "/session";
    const char *scheme_end = name ? strstr(name, "://") : NULL;
    const char *rest;

    if (!name || !*name) {
        return 0;
    }
    if (!scheme_end ||
        !(has_prefix(name, "qemu:") || has_prefix(name, "vmferry:"))) {
        return error_set(err, ERROR_INVALID_ARG,
                         "no connection driver available for %s", name);
    }
    rest = scheme_end + strlen("://");
    rest += strcspn(rest, "/");
    if (strncmp(rest, path, strlen(path)) != 0 ||
        (rest[strlen(path)] != '\0' && rest[strlen(path)] != '?')) {
        return error_set(err, ERROR_INTERNAL,
                         "unexpected qemu URI path '%s', try qemu://%s", rest,
                         path);
    }
    return 0;
}
