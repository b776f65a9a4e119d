/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The calls of migration protocol v2, as struct moving, handed to ferry/; and
 * those of v1, which are answered as by a driver that does not have them.  No
 * rule of the migration is here.
 *
 * Cookies are never sent; one that comes with Perform is checked, and one that
 * comes with Finish is not read, since the guest may have no other place to be
 * by then. */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/moving.h"
#include "daemon/wire.h"

static bool take_arguments(struct moving *moving,
                           const struct migration_arguments *arguments);
static void refuse(struct rpc_call *call, const char *function);

static void
reply_prepare(struct moving *moving, const struct ferry_result *result)
{
    char *uri = (char *)(uintptr_t)result->uri;
    struct remote_domain_migrate_prepare2_ret ret = {
        .uri_out = uri ? &uri : NULL,
    };

    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_prepare2(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_prepare2_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PREPARE, args->flags);
    struct migration_arguments arguments = {
        .dname = moving_optional(args->dname),
        .uri = moving_optional(args->uri_in),
        .xml = args->dom_xml,
        .resource_mib = args->resource,
    };
    AUTO_ERROR err = {0};

    moving->reply = reply_prepare;
    if (!take_arguments(moving, &arguments)) {
        return;
    }
    if (moving_check_stream(moving, false, &err) < 0) {
        moving_fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(arguments.dname ? arguments.dname : "incoming");
    ferry_prepare2(&client->daemon->host, &moving->parameters, moving->flags,
                   &moving->ferry);
}

static void
reply_prepare_tunnel(struct moving *moving, const struct ferry_result *result)
{
    ferry_open_tunnel(result->incoming, moving->rpc);
    rpc_call_reply(moving->rpc, NULL);
}

void
handle_domain_migrate_prepare_tunnel(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_prepare_tunnel_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PREPARE, args->flags);
    struct migration_arguments arguments = {
        .dname = moving_optional(args->dname),
        .xml = args->dom_xml,
        .resource_mib = args->resource,
    };
    AUTO_ERROR err = {0};

    moving->reply = reply_prepare_tunnel;
    if (!take_arguments(moving, &arguments)) {
        return;
    }
    if (moving_check_stream(moving, true, &err) < 0) {
        moving_fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(arguments.dname ? arguments.dname : "incoming");
    ferry_prepare2(&client->daemon->host, &moving->parameters, moving->flags,
                   &moving->ferry);
}

static void
reply_perform(struct moving *moving, const struct ferry_result *result)
{
    (void)result;
    rpc_call_reply(moving->rpc, NULL);
}

/* Of a peer-to-peer migration the URI is that of the destination's daemon, and
 * there is no room for another one. */
void
handle_domain_migrate_perform(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_perform_args *args)
{
    bool is_peer_to_peer = args->flags & VIR_MIGRATE_PEER2PEER;
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PERFORM, args->flags);
    struct migration_arguments arguments = {
        .dname = moving_optional(args->dname),
        .uri = is_peer_to_peer ? NULL : args->uri,
        .resource_mib = args->resource,
    };
    struct domain *domain;
    AUTO_ERROR err = {0};

    moving->reply = reply_perform;
    moving_set_cookie(moving, args->cookie.cookie_val, args->cookie.cookie_len);
    if (!take_arguments(moving, &arguments)) {
        return;
    }
    domain = moving_find(moving, &args->dom, &err);
    if (domain && is_peer_to_peer && moving->cookie.size > 0) {
        error_set(&err, ERROR_OPERATION_INVALID,
                  "received unexpected cookie with P2P migration");
    }
    if (error_is_set(&err)) {
        moving_fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(domain->name);
    if (domain->live) {
        moving_warn_of_tcg(moving, domain->live);
    }
    if (is_peer_to_peer) {
        ferry_migrate_to_peer(domain, args->uri, &moving->parameters,
                              moving->flags, &moving->ferry);
        return;
    }
    ferry_perform2(domain, &moving->parameters, moving->cookie, moving->flags,
                   &moving->ferry);
}

static void
reply_finish(struct moving *moving, const struct ferry_result *result)
{
    struct remote_domain_migrate_finish2_ret ret = {0};

    wire_domain(result->domain, &ret.ddom);
    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_finish2(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_finish2_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_FINISH, args->flags);
    struct migration_arguments arguments = {.dname = args->dname};

    moving->reply = reply_finish;
    if (!take_arguments(moving, &arguments)) {
        return;
    }
    moving->domain = xstrdup(args->dname);
    ferry_finish2(&client->daemon->host, args->dname, moving->flags,
                  args->retcode, &moving->ferry);
}

/* What has no place in v2: it neither begins before QEMU runs nor tells the
 * other side about disks. */
static bool
take_arguments(struct moving *moving,
               const struct migration_arguments *arguments)
{
    static const unsigned only_v3[] = {
        VIR_MIGRATE_OFFLINE,
        VIR_MIGRATE_NON_SHARED_DISK,
        VIR_MIGRATE_NON_SHARED_INC,
        VIR_MIGRATE_POSTCOPY,
    };
    AUTO_ERROR err = {0};

    if (!moving_take_arguments(moving, arguments)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(only_v3); i++) {
        if (moving->flags & only_v3[i]) {
            error_set(&err, ERROR_OPERATION_UNSUPPORTED,
                      "%s needs version 3 of the migration protocol",
                      migration_flag_name(only_v3[i]));
            moving_fail(moving, &err);
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------- v1 */

void
handle_domain_migrate_prepare(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_prepare_args *args)
{
    (void)client;
    (void)args;
    refuse(call, "virDomainMigratePrepare");
}

void
handle_domain_migrate_finish(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_finish_args *args)
{
    (void)client;
    (void)args;
    refuse(call, "virDomainMigrateFinish");
}

static void
refuse(struct rpc_call *call, const char *function)
{
    AUTO_ERROR err = {0};

    error_set_from(&err, ERROR_FROM_DOMAIN, ERROR_NO_SUPPORT, "%s", function);
    rpc_call_fail(call, &err);
}
