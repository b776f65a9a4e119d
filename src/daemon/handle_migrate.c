/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The calls of migration protocol v3, with typed parameters and without.  Both
 * forms become one struct moving, which is checked here and handed to ferry/.
 * No rule of the migration is here. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"
#include "ferry/ferry.h"
#include "migrate/flags.h"
#include "migrate/parameters.h"
#include "rpc/typed.h"

/* One call, until it is answered. */
struct moving {
    struct ferry_call ferry;
    struct client *client;        /* A reference. */
    const struct remote_dom *dom; /* Perform's. Borrowed from its arguments. */
    struct rpc_call *rpc;         /* Owned until answered. */
    enum migration_call call;
    char *domain; /* Owned. Its name, for the log. */
    struct migration_parameters parameters;
    unsigned flags;
    struct ferry_cookie cookie; /* Borrowed from the call's arguments. */
    void (*reply)(struct moving *moving, const struct ferry_result *result);
};

static struct moving *moving_new(struct client *client, struct rpc_call *rpc,
                                 enum migration_call call, uint64_t flags);
static bool take_params(struct moving *moving,
                        const struct remote_tparam *items, unsigned count);
static bool take_arguments(struct moving *moving,
                           const struct migration_arguments *arguments);
static bool is_good(struct moving *moving);
static void fail(struct moving *moving, const struct error *err);
static void done(struct ferry_call *ferry, const struct ferry_result *result,
                 const struct error *err);
static void free_moving(struct moving *moving);
static void set_cookie(struct moving *moving, const char *data, unsigned size);
static void begin(struct moving *moving, const struct remote_dom *dom);
static void prepare(struct moving *moving);
static void perform(struct moving *moving, const struct remote_dom *dom);
static void finish(struct moving *moving, const char *name, int cancelled);
static void confirm(struct moving *moving, const struct remote_dom *dom,
                    int cancelled);
static void refuse_peer_to_peer(struct moving *moving);
static void warn_of_tcg(struct client *client, const struct guest *guest);

static const char *
optional(char *const *text)
{
    return text ? *text : NULL;
}

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
    if (take_params(moving, args->params.params_val, args->params.params_len)) {
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
        .dname = optional(args->dname),
        .xml = optional(args->xmlin),
        .resource_mib = args->resource,
    };

    moving->reply = reply_begin_plain;
    if (take_arguments(moving, &arguments)) {
        begin(moving, &args->dom);
    }
}

static void
begin(struct moving *moving, const struct remote_dom *dom)
{
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(moving->client, dom, &err);

    if (!domain) {
        fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(domain->name);
    if (domain->live) {
        warn_of_tcg(moving->client, domain->live);
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
    set_cookie(moving, args->cookie_in.cookie_in_val,
               args->cookie_in.cookie_in_len);
    if (take_params(moving, args->params.params_val, args->params.params_len)) {
        prepare(moving);
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
        .dname = optional(args->dname),
        .uri = optional(args->uri_in),
        .xml = args->dom_xml,
        .resource_mib = args->resource,
    };

    moving->reply = reply_prepare_plain;
    set_cookie(moving, args->cookie_in.cookie_in_val,
               args->cookie_in.cookie_in_len);
    if (take_arguments(moving, &arguments)) {
        prepare(moving);
    }
}

static void
prepare(struct moving *moving)
{
    const char *name = moving->parameters.destination_name;

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
    set_cookie(moving, args->cookie_in.cookie_in_val,
               args->cookie_in.cookie_in_len);
    if (args->dconnuri) {
        refuse_peer_to_peer(moving);
    } else if (take_params(moving, args->params.params_val,
                           args->params.params_len)) {
        perform(moving, &args->dom);
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
        .dname = optional(args->dname),
        .uri = optional(args->uri),
        .xml = optional(args->xmlin),
        .resource_mib = args->resource,
    };

    moving->reply = reply_perform_plain;
    moving->dom = &args->dom;
    set_cookie(moving, args->cookie_in.cookie_in_val,
               args->cookie_in.cookie_in_len);
    if (args->dconnuri) {
        refuse_peer_to_peer(moving);
    } else if (take_arguments(moving, &arguments)) {
        perform(moving, &args->dom);
    }
}

static void
perform(struct moving *moving, const struct remote_dom *dom)
{
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(moving->client, dom, &err);

    if (!domain) {
        fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(domain->name);
    ferry_perform(domain, &moving->parameters, moving->cookie, moving->flags,
                  &moving->ferry);
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
    set_cookie(moving, args->cookie_in.cookie_in_val,
               args->cookie_in.cookie_in_len);
    if (!take_params(moving, args->params.params_val,
                     args->params.params_len)) {
        return;
    }
    if (!moving->parameters.destination_name) {
        error_set(&err, ERROR_NO_DOMAIN, "missing domain name");
        fail(moving, &err);
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
    set_cookie(moving, args->cookie_in.cookie_in_val,
               args->cookie_in.cookie_in_len);
    if (take_arguments(moving, &arguments)) {
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
    set_cookie(moving, args->cookie_in.cookie_in_val,
               args->cookie_in.cookie_in_len);
    if (take_params(moving, args->params.params_val, args->params.params_len)) {
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
    set_cookie(moving, args->cookie_in.cookie_in_val,
               args->cookie_in.cookie_in_len);
    if (take_arguments(moving, &arguments)) {
        confirm(moving, &args->dom, args->cancelled);
    }
}

static void
confirm(struct moving *moving, const struct remote_dom *dom, int cancelled)
{
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(moving->client, dom, &err);

    if (!domain) {
        fail(moving, &err);
        return;
    }
    moving->domain = xstrdup(domain->name);
    ferry_confirm(domain, moving->cookie, moving->flags, cancelled,
                  &moving->ferry);
}

/* --------------------------------------------------------------- common */

static struct moving *
moving_new(struct client *client, struct rpc_call *rpc,
           enum migration_call call, uint64_t flags)
{
    struct moving *moving = xcalloc(1, sizeof *moving);

    moving->ferry = (struct ferry_call){
        .client_id = client->id,
        .client_name = client->name,
        .api = wire_api_name(rpc),
        .done = done,
    };
    moving->client = client_get(client);
    moving->rpc = rpc;
    moving->call = call;
    /* More than 32 bits are unknown in any case: one bit says so. */
    moving->flags = flags > UINT32_MAX ? UINT32_MAX : (unsigned)flags;
    return moving;
}

static void
set_cookie(struct moving *moving, const char *data, unsigned size)
{
    moving->cookie = (struct ferry_cookie){data, size};
}

static bool
take_params(struct moving *moving, const struct remote_tparam *items,
            unsigned count)
{
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};

    if (rpc_params_decode(items, count, &list, &err) < 0 ||
        migration_parameters_parse(&moving->parameters, &list, &err) < 0) {
        fail(moving, &err);
        return false;
    }
    return is_good(moving);
}

static bool
take_arguments(struct moving *moving,
               const struct migration_arguments *arguments)
{
    migration_parameters_from_arguments(&moving->parameters, arguments);
    return is_good(moving);
}

static bool
is_good(struct moving *moving)
{
    static const char *const functions[] = {
        [MIGRATION_CALL_BEGIN] = "qemuDomainMigrateBegin3Params",
        [MIGRATION_CALL_PREPARE] = "qemuDomainMigratePrepare3Params",
        [MIGRATION_CALL_PERFORM] = "qemuDomainMigratePerform3Params",
        [MIGRATION_CALL_FINISH] = "qemuDomainMigrateFinish3Params",
        [MIGRATION_CALL_CONFIRM] = "qemuDomainMigrateConfirm3Params",
    };
    AUTO_ERROR err = {0};

    if (migration_flags_check(moving->flags, functions[moving->call], &err) <
        0) {
        fail(moving, &err);
        return false;
    }
    if (moving->call <= MIGRATION_CALL_PERFORM &&
        migration_parameters_check(&moving->parameters, moving->flags, &err) <
            0) {
        fail(moving, &err);
        return false;
    }
    return true;
}

static void
refuse_peer_to_peer(struct moving *moving)
{
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_UNSUPPORTED,
              "peer-to-peer migration is not supported by this version");
    fail(moving, &err);
}

static void
fail(struct moving *moving, const struct error *err)
{
    AUTO_ERROR absent = {0};
    struct domain *domain =
        moving->dom ? wire_find(moving->client, moving->dom, &absent) : NULL;

    if (domain) {
        ferry_refuse_perform(domain, moving->client->id, err);
    }
    done(&moving->ferry, NULL, err);
}

static void
done(struct ferry_call *ferry, const struct ferry_result *result,
     const struct error *err)
{
    struct moving *moving = container_of(ferry, struct moving, ferry);
    struct log_context context = {
        .domain = moving->domain,
        .job = moving->call == MIGRATION_CALL_PREPARE ||
                       moving->call == MIGRATION_CALL_FINISH
                   ? "migration in"
                   : "migration out",
        .phase = migration_call_name(moving->call),
        .peer = moving->client->name,
    };

    if (!err) {
        log_line(LOG_LEVEL_INFO, &context, "%s succeeded", context.phase);
        moving->reply(moving, result);
    } else {
        log_line(err->code == ERROR_MIGRATE_FINISH_OK ? LOG_LEVEL_INFO
                                                      : LOG_LEVEL_WARNING,
                 &context, "%s failed: %s", context.phase, err->message);
        rpc_call_fail(moving->rpc, err);
    }
    free_moving(moving);
}

static void
free_moving(struct moving *moving)
{
    migration_parameters_done(&moving->parameters);
    client_put(moving->client);
    free(moving->domain);
    free(moving);
}

/* QEMU before 9.0 loses track of pages that TCG's guests write, where the size
 * of their RAM is a multiple of 64 pages (fixed by QEMU's commit 03bfc2188f).
 */
static void
warn_of_tcg(struct client *client, const struct guest *guest)
{
    struct log_context context = {
        .domain = guest->name, .job = "migration out", .peer = client->name};

    if (guest->type == GUEST_TYPE_QEMU &&
        client->daemon->host.qemu->major < 9 && guest->memory_kib % 256 == 0) {
        log_line(LOG_LEVEL_WARNING, &context,
                 "QEMU before 9.0 without KVM may corrupt this guest's memory"
                 " while it migrates, since its size of %llu KiB is a multiple"
                 " of 256 KiB: give it N MiB + 8 KiB, or suspend it first",
                 (unsigned long long)guest->memory_kib);
    }
}
