/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/moving.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/memory.h"
#include "daemon/wire.h"
#include "migrate/flags.h"
#include "rpc/typed.h"

static bool is_good(struct moving *moving);
static void done(struct ferry_call *ferry, const struct ferry_result *result,
                 const struct error *err);
static void moving_free(struct moving *moving);

struct moving *
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

void
moving_set_cookie(struct moving *moving, const char *data, unsigned size)
{
    moving->cookie = (struct ferry_cookie){data, size};
}

bool
moving_take_params(struct moving *moving, const struct remote_tparam *items,
                   unsigned count)
{
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};

    if (rpc_params_decode(items, count, &list, &err) < 0 ||
        migration_parameters_parse(&moving->parameters, &list, &err) < 0) {
        moving_fail(moving, &err);
        return false;
    }
    return is_good(moving);
}

bool
moving_take_arguments(struct moving *moving,
                      const struct migration_arguments *arguments)
{
    migration_parameters_from_arguments(&moving->parameters, arguments);
    return is_good(moving);
}

static bool
is_good(struct moving *moving)
{
    /* libvirt's own name of it: clients know the text. */
    AUTO_FREE char *function =
        xasprintf("qemu%s", moving->ferry.api + strlen("remoteDispatch"));
    AUTO_ERROR err = {0};

    if (migration_flags_check(moving->flags, function, &err) < 0) {
        moving_fail(moving, &err);
        return false;
    }
    if (moving->call <= MIGRATION_CALL_PERFORM &&
        migration_parameters_check(&moving->parameters, moving->flags, &err) <
            0) {
        moving_fail(moving, &err);
        return false;
    }
    return true;
}

/* libvirt's texts. */
int
moving_check_stream(const struct moving *moving, bool has_stream,
                    struct error *err)
{
    bool is_tunnelled = moving->flags & VIR_MIGRATE_TUNNELLED;

    if (is_tunnelled && !has_stream) {
        return error_set(err, ERROR_INTERNAL,
                         "Tunnelled migration requested but invalid RPC method"
                         " called");
    }
    if (!is_tunnelled && has_stream) {
        return error_set(err, ERROR_INTERNAL,
                         "PrepareTunnel called but no TUNNELLED flag set");
    }
    return 0;
}

struct domain *
moving_find(struct moving *moving, const struct remote_dom *dom,
            struct error *err)
{
    struct domain *domain = wire_find(moving->client, dom, err);

    if (domain && domain->autodestroy_client) {
        error_set(err, ERROR_OPERATION_INVALID,
                  "domain is marked for auto destroy");
        return NULL;
    }
    return domain;
}

void
moving_fail(struct moving *moving, const struct error *err)
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
    moving_free(moving);
}

static void
moving_free(struct moving *moving)
{
    migration_parameters_done(&moving->parameters);
    client_put(moving->client);
    free(moving->domain);
    free(moving);
}

void
moving_warn_of_tcg(const struct moving *moving, const struct guest *guest)
{
    struct log_context context = {.domain = guest->name,
                                  .job = "migration out",
                                  .peer = moving->client->name};

    if (guest->type == GUEST_TYPE_QEMU &&
        moving->client->daemon->host.qemu->major < 9 &&
        guest->memory_kib % 256 == 0) {
        log_line(LOG_LEVEL_WARNING, &context,
                 "QEMU before 9.0 without KVM may corrupt this guest's memory"
                 " while it migrates, since its size of %llu KiB is a multiple"
                 " of 256 KiB: give it N MiB + 8 KiB, or suspend it first",
                 (unsigned long long)guest->memory_kib);
    }
}
