/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The calls of migration protocol v3, with typed parameters and without.  Both
 * forms become one struct moving, which is checked here and handed to ferry/.
 * No rule of the migration is here. */

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/moving.h"
#include "daemon/wire.h"

static void begin(struct moving *moving, const struct remote_dom *dom);
static void prepare(struct moving *moving, bool has_stream);
static void perform(struct moving *moving, const struct remote_dom *dom,
                    const char *peer_uri);
static void finish(struct moving *moving, const char *name, int cancelled);
static void confirm(struct moving *moving, const struct remote_dom *dom,
                    int cancelled);
static int check_peer(const struct moving *moving, const char *peer_uri,
                      struct error *err);

/* ---------------------------------------------------------------- Begin */

static void
reply_begin(struct moving *moving, const struct ferry_result *result)
{
    /* Both forms of the call have the same result. */
    struct remote_domain_migrate_begin3_params_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
        .xml = (char *)(uintptr_t)result->xml,
    };

    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_begin3_params(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_begin3_params_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_BEGIN, args->flags);

    moving->reply = reply_begin;
    if (moving_take_params(moving, args->params.params_val,
                           args->params.params_len)) {
        begin(moving, &args->dom);
    }
}

static void
reply_begin_plain(struct moving *moving, const struct ferry_result *result)
{
    struct remote_domain_migrate_begin3_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
        .xml = (char *)(uintptr_t)result->xml,
    };

    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_begin3(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_begin3_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_BEGIN, args->flags);
    struct migration_arguments arguments = {
        .dname = moving_optional(args->dname),
        .xml = moving_optional(args->xmlin),
        .resource_mib = args->resource,
    };

    moving->reply = reply_begin_plain;
    if (moving_take_arguments(moving, &arguments)) {
        begin(moving, &args->dom);
    }
}

static void
begin(struct moving *moving, const struct remote_dom *dom)
{
    AUTO_ERROR err = {0};
    struct domain *domain = moving_find(moving, dom, &err);

    if (!domain) {
        moving_fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(domain->name);
    if (domain->live) {
        moving_warn_of_tcg(moving, domain->live);
    }
    ferry_begin(domain, &moving->parameters, moving->flags, &moving->ferry);
}

/* -------------------------------------------------------------- Prepare */

static void
reply_prepare(struct moving *moving, const struct ferry_result *result)
{
    char *uri = (char *)(uintptr_t)result->uri;
    struct remote_domain_migrate_prepare3_params_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
        .uri_out = uri ? &uri : NULL,
    };

    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_prepare3_params(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_prepare3_params_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PREPARE, args->flags);

    moving->reply = reply_prepare;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_params(moving, args->params.params_val,
                           args->params.params_len)) {
        prepare(moving, false);
    }
}

static void
reply_prepare_plain(struct moving *moving, const struct ferry_result *result)
{
    char *uri = (char *)(uintptr_t)result->uri;
    struct remote_domain_migrate_prepare3_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
        .uri_out = uri ? &uri : NULL,
    };

    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_prepare3(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_prepare3_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PREPARE, args->flags);
    struct migration_arguments arguments = {
        .dname = moving_optional(args->dname),
        .uri = moving_optional(args->uri_in),
        .xml = args->dom_xml,
        .resource_mib = args->resource,
    };

    moving->reply = reply_prepare_plain;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_arguments(moving, &arguments)) {
        prepare(moving, false);
    }
}

static void
reply_prepare_tunnel(struct moving *moving, const struct ferry_result *result)
{
    struct remote_domain_migrate_prepare_tunnel3_params_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
    };

    ferry_open_tunnel(result->incoming, moving->rpc);
    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_prepare_tunnel3_params(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_prepare_tunnel3_params_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PREPARE, args->flags);

    moving->reply = reply_prepare_tunnel;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_params(moving, args->params.params_val,
                           args->params.params_len)) {
        prepare(moving, true);
    }
}

static void
reply_prepare_tunnel_plain(struct moving *moving,
                           const struct ferry_result *result)
{
    struct remote_domain_migrate_prepare_tunnel3_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
    };

    ferry_open_tunnel(result->incoming, moving->rpc);
    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_prepare_tunnel3(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_prepare_tunnel3_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PREPARE, args->flags);
    struct migration_arguments arguments = {
        .dname = moving_optional(args->dname),
        .xml = args->dom_xml,
        .resource_mib = args->resource,
    };

    moving->reply = reply_prepare_tunnel_plain;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_arguments(moving, &arguments)) {
        prepare(moving, true);
    }
}

static void
prepare(struct moving *moving, bool has_stream)
{
    const char *name = moving->parameters.destination_name;
    AUTO_ERROR err = {0};

    if (moving_check_stream(moving, has_stream, &err) < 0) {
        moving_fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(name ? name : "incoming");
    ferry_prepare(&moving->client->daemon->host, &moving->parameters,
                  moving->cookie, moving->flags, &moving->ferry);
}

/* -------------------------------------------------------------- Perform */

static void
reply_perform(struct moving *moving, const struct ferry_result *result)
{
    struct remote_domain_migrate_perform3_params_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
    };

    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_perform3_params(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_perform3_params_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PERFORM, args->flags);

    moving->reply = reply_perform;
    moving->dom = &args->dom;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_params(moving, args->params.params_val,
                           args->params.params_len)) {
        perform(moving, &args->dom, moving_optional(args->dconnuri));
    }
}

static void
reply_perform_plain(struct moving *moving, const struct ferry_result *result)
{
    struct remote_domain_migrate_perform3_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
    };

    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_perform3(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_perform3_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_PERFORM, args->flags);
    struct migration_arguments arguments = {
        .dname = moving_optional(args->dname),
        .uri = moving_optional(args->uri),
        .xml = moving_optional(args->xmlin),
        .resource_mib = args->resource,
    };

    moving->reply = reply_perform_plain;
    moving->dom = &args->dom;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_arguments(moving, &arguments)) {
        perform(moving, &args->dom, moving_optional(args->dconnuri));
    }
}

/* 'peer_uri' is the destination's daemon: for it we do all that is left of the
 * migration. */
static void
perform(struct moving *moving, const struct remote_dom *dom,
        const char *peer_uri)
{
    AUTO_ERROR err = {0};
    struct domain *domain = moving_find(moving, dom, &err);

    if (!domain || check_peer(moving, peer_uri, &err) < 0) {
        moving_fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(domain->name);
    if (peer_uri) {
        if (domain->live) {
            moving_warn_of_tcg(moving, domain->live);
        }
        ferry_migrate_to_peer(domain, peer_uri, &moving->parameters,
                              moving->flags, &moving->ferry);
        return;
    }
    ferry_perform(domain, &moving->parameters, moving->cookie, moving->flags,
                  &moving->ferry);
}

/* libvirt's texts. */
static int
check_peer(const struct moving *moving, const char *peer_uri, struct error *err)
{
    bool is_peer_to_peer = moving->flags & VIR_MIGRATE_PEER2PEER;

    if (!is_peer_to_peer && peer_uri) {
        return error_set(err, ERROR_INTERNAL,
                         "Unexpected dconnuri parameter with non-peer2peer"
                         " migration");
    }
    if (is_peer_to_peer && !peer_uri) {
        return error_set(err, ERROR_INVALID_ARG,
                         "peer-to-peer migration needs the URI of the"
                         " destination's daemon");
    }
    if (is_peer_to_peer && moving->cookie.size > 0) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "received unexpected cookie with P2P migration");
    }
    return 0;
}

/* --------------------------------------------------------------- Finish */

static void
reply_finish(struct moving *moving, const struct ferry_result *result)
{
    struct remote_domain_migrate_finish3_params_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
    };

    wire_domain(result->domain, &ret.dom);
    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_finish3_params(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_finish3_params_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_FINISH, args->flags);
    AUTO_ERROR err = {0};

    moving->reply = reply_finish;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (!moving_take_params(moving, args->params.params_val,
                            args->params.params_len)) {
        return;
    }
    if (!moving->parameters.destination_name) {
        error_set(&err, ERROR_NO_DOMAIN, "missing domain name");
        moving_fail(moving, &err);
        return;
    }
    finish(moving, moving->parameters.destination_name, args->cancelled);
}

static void
reply_finish_plain(struct moving *moving, const struct ferry_result *result)
{
    struct remote_domain_migrate_finish3_ret ret = {
        .cookie_out = {(unsigned)result->cookie_size,
                       (char *)(uintptr_t)result->cookie},
    };

    wire_domain(result->domain, &ret.dom);
    rpc_call_reply(moving->rpc, &ret);
}

void
handle_domain_migrate_finish3(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_finish3_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_FINISH, args->flags);
    struct migration_arguments arguments = {.dname = args->dname};

    moving->reply = reply_finish_plain;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_arguments(moving, &arguments)) {
        finish(moving, args->dname, args->cancelled);
    }
}

static void
finish(struct moving *moving, const char *name, int cancelled)
{
    moving->domain = xstrdup(name);
    ferry_finish(&moving->client->daemon->host, name, moving->cookie,
                 moving->flags, cancelled, &moving->ferry);
}

/* -------------------------------------------------------------- Confirm */

static void
reply_confirm(struct moving *moving, const struct ferry_result *result)
{
    (void)result;
    rpc_call_reply(moving->rpc, NULL);
}

void
handle_domain_migrate_confirm3_params(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_confirm3_params_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_CONFIRM, args->flags);

    moving->reply = reply_confirm;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_params(moving, args->params.params_val,
                           args->params.params_len)) {
        confirm(moving, &args->dom, args->cancelled);
    }
}

void
handle_domain_migrate_confirm3(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_confirm3_args *args)
{
    struct moving *moving =
        moving_new(client, call, MIGRATION_CALL_CONFIRM, args->flags);
    struct migration_arguments arguments = {0};

    moving->reply = reply_confirm;
    moving_set_cookie(moving, args->cookie_in.cookie_in_val,
                      args->cookie_in.cookie_in_len);
    if (moving_take_arguments(moving, &arguments)) {
        confirm(moving, &args->dom, args->cancelled);
    }
}

static void
confirm(struct moving *moving, const struct remote_dom *dom, int cancelled)
{
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(moving->client, dom, &err);

    if (!domain) {
        moving_fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(domain->name);
    ferry_confirm(domain, moving->cookie, moving->flags,
                  cancelled ? FERRY_CANCELLED : FERRY_CONFIRMED,
                  &moving->ferry);
}
