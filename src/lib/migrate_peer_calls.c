/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a source can that is to drive a migration, and the form of the call that
 * begins it: v3's with typed parameters or without, or v2's. */

#include <libvirt/libvirt.h>

#include "lib/migrate_peer.h"
#include "rpc/typed.h"

static void
take_feature(void *owner, const void *result)
{
    const struct remote_connect_supports_feature_ret *ret = result;

    *(bool *)owner = ret->supported != 0;
}

static int
ask_feature(struct peer_migration *migration, enum rpc_feature feature,
            bool *has_it, struct error *err)
{
    struct remote_connect_supports_feature_args args = {.feature =
                                                            (int)feature};

    if (handle_call_on(migration->handle, migration->handle->connection,
                       REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &args,
                       take_feature, has_it, err) < 0) {
        return error_wrap(err, "asking %s what it can", migration->handle->uri);
    }
    return 0;
}

static int
need_feature(struct peer_migration *migration, enum rpc_feature feature,
             const char *what, struct error *err)
{
    bool has_it = false;

    if (ask_feature(migration, feature, &has_it, err) < 0) {
        return -1;
    }
    if (!has_it) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "%s is not supported by the source host, %s", what,
                         migration->handle->uri);
    }
    return 0;
}

/* libvirt's questions; then two of our own, which libvirtd says no to. */
int
peer_choose_call(struct peer_migration *migration,
                 enum remote_procedure *procedure, struct error *err)
{
    bool has_it = false;

    if (migration->course->options->flags & VIR_MIGRATE_OFFLINE &&
        need_feature(migration, RPC_FEATURE_MIGRATION_OFFLINE,
                     "offline migration", err) < 0) {
        return -1;
    }
    if (need_feature(migration, RPC_FEATURE_MIGRATION_P2P,
                     "peer-to-peer migration", err) < 0 ||
        ask_feature(migration, RPC_FEATURE_MIGRATION_PARAMS, &has_it, err) <
            0) {
        return -1;
    }
    *procedure = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS;
    if (!has_it) {
        if (ask_feature(migration, RPC_FEATURE_MIGRATION_V3, &has_it, err) <
            0) {
            return -1;
        }
        *procedure = has_it ? REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3
                            : REMOTE_PROC_DOMAIN_MIGRATE_PERFORM;
    }
    return peer_ask_own(migration, err);
}

int
peer_ask_own(struct peer_migration *migration, struct error *err)
{
    if (ask_feature(migration, RPC_FEATURE_PHASES, &migration->has_phases,
                    err) < 0) {
        return -1;
    }
    return ask_feature(migration, RPC_FEATURE_STAND_IN,
                       &migration->course->has_stand_in, err);
}

static char *
find_text(const struct peer_migration *migration, const char *name)
{
    return (char *)parameters_find_string(&migration->parameters, name);
}

static int
perform_params(struct peer_migration *migration, char *uri, struct error *err)
{
    struct remote_domain_migrate_perform3_params_args args = {
        .dom = migration->domain,
        .dconnuri = &uri,
        .flags = migration->course->options->flags,
    };

    if (rpc_params_encode(&migration->parameters, REMOTE_MIGRATE_PARAMS_MAX,
                          &args.params.params_val, &args.params.params_len,
                          err) < 0) {
        return -1;
    }
    peer_start_call(migration, REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
                    &args);
    rpc_params_free(args.params.params_val, args.params.params_len);
    return 0;
}

/* The older calls, which have room for four parameters, and v2's for two. */
static int
perform_plain(struct peer_migration *migration, enum remote_procedure procedure,
              char *uri, struct error *err)
{
    char *name = find_text(migration, VIR_MIGRATE_PARAM_DEST_NAME);
    char *xml = find_text(migration, VIR_MIGRATE_PARAM_DEST_XML);
    char *to = find_text(migration, VIR_MIGRATE_PARAM_URI);
    const struct parameter *bandwidth =
        parameters_find(&migration->parameters, VIR_MIGRATE_PARAM_BANDWIDTH);
    uint64_t mib = bandwidth && bandwidth->type == PARAMETER_ULLONG
                       ? bandwidth->value.ul
                       : 0;
    bool is_v2 = procedure == REMOTE_PROC_DOMAIN_MIGRATE_PERFORM;
    size_t known = 0;

    known += name ? 1 : 0;
    known += bandwidth ? 1 : 0;
    known += xml && !is_v2 ? 1 : 0;
    known += to && !is_v2 ? 1 : 0;
    if (known < migration->parameters.count) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "%s is too old for one of the parameters",
                         migration->handle->uri);
    }
    if (is_v2) {
        peer_start_call(migration, procedure,
                        &(struct remote_domain_migrate_perform_args){
                            .dom = migration->domain,
                            .uri = uri,
                            .flags = migration->course->options->flags,
                            .dname = name ? &name : NULL,
                            .resource = mib,
                        });
    } else {
        peer_start_call(migration, procedure,
                        &(struct remote_domain_migrate_perform3_args){
                            .dom = migration->domain,
                            .xmlin = xml ? &xml : NULL,
                            .dconnuri = &uri,
                            .uri = to ? &to : NULL,
                            .flags = migration->course->options->flags,
                            .dname = name ? &name : NULL,
                            .resource = mib,
                        });
    }
    return 0;
}

int
peer_perform(struct peer_migration *migration, enum remote_procedure procedure,
             struct error *err)
{
    char *uri = (char *)(uintptr_t)migration->course->uri;

    return procedure == REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS
               ? perform_params(migration, uri, err)
               : perform_plain(migration, procedure, uri, err);
}
