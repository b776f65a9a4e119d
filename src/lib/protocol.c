/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/protocol.h"

#include <string.h>

#include <libvirt/libvirt.h>

#include "base/memory.h"

static void
take_feature(void *owner, const void *result)
{
    const struct remote_connect_supports_feature_ret *ret = result;

    *(bool *)owner = ret->supported != 0;
}

static int
ask(struct vmferry *handle, struct rpc_connection *connection,
    enum rpc_feature feature, bool *has_it, struct error *err)
{
    struct remote_connect_supports_feature_args args = {.feature =
                                                            (int)feature};

    return handle_call_on(handle, connection,
                          REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &args,
                          take_feature, has_it, err);
}

static int
ask_source(struct vmferry *handle, const struct features *features,
           enum rpc_feature feature, bool *has_it, struct error *err)
{
    if (ask(handle, features->source, feature, has_it, err) < 0) {
        return error_wrap(err, "asking %s what it can", features->source_name);
    }
    return 0;
}

/* The destination is not asked for what the source does not have. */
static int
ask_both(struct vmferry *handle, const struct features *features,
         enum rpc_feature feature, bool *have_it, struct error *err)
{
    if (ask_source(handle, features, feature, have_it, err) < 0) {
        return -1;
    }
    if (*have_it &&
        ask(handle, features->destination, feature, have_it, err) < 0) {
        return error_wrap(err, "asking %s what it can",
                          features->destination_name);
    }
    return 0;
}

/* What the user wants of v3 only. */
static int
check_v2(const struct features *features, struct error *err)
{
    if (features->is_offline) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "one of the hosts only speaks version 2 of the"
                         " migration protocol, which can't move a guest that"
                         " does not run");
    }
    if (parameters_find(features->parameters, VIR_MIGRATE_PARAM_DEST_XML)) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "one of the hosts only speaks version 2 of the"
                         " migration protocol, which can't change the guest's"
                         " XML");
    }
    return 0;
}

/* Without typed parameters there is room for four. */
static int
check_parameters(const struct parameters *parameters, struct error *err)
{
    static const char *const known[] = {
        VIR_MIGRATE_PARAM_URI, VIR_MIGRATE_PARAM_DEST_NAME,
        VIR_MIGRATE_PARAM_DEST_XML, VIR_MIGRATE_PARAM_BANDWIDTH};

    for (size_t i = 0; i < parameters->count; i++) {
        bool is_known = false;

        for (size_t k = 0; k < ARRAY_COUNT(known); k++) {
            is_known =
                is_known || strcmp(parameters->items[i].name, known[k]) == 0;
        }
        if (!is_known) {
            return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                             "one of the hosts is too old for parameter '%s'",
                             parameters->items[i].name);
        }
    }
    return 0;
}

/* Neither has typed parameters: v3 without them, or v2. */
static int
ask_older(struct vmferry *handle, struct features *features, struct error *err)
{
    bool has_it;

    if (check_parameters(features->parameters, err) < 0 ||
        ask_both(handle, features, RPC_FEATURE_MIGRATION_V3, &has_it, err) <
            0) {
        return -1;
    }
    if (has_it) {
        return 0;
    }
    if (ask_both(handle, features, RPC_FEATURE_MIGRATION_V2, &has_it, err) <
        0) {
        return -1;
    }
    if (!has_it) {
        return error_set(err, ERROR_NO_SUPPORT,
                         "the hosts have no version of the migration protocol"
                         " in common");
    }
    features->protocol = COORDINATOR_V2;
    if (check_v2(features, err) < 0) {
        return -1;
    }
    return ask_source(handle, features, RPC_FEATURE_XML_MIGRATABLE,
                      &features->has_migratable_xml, err);
}

/* Questions of our own, which libvirtd says no to. */
static int
ask_stand_in(struct vmferry *handle, struct features *features,
             struct error *err)
{
    bool can_tell = features->has_parameters && features->has_protection &&
                    !features->is_offline;

    if (!can_tell) {
        return 0;
    }
    if (ask_source(handle, features, RPC_FEATURE_STAND_IN,
                   &features->has_stand_in, err) < 0) {
        return -1;
    }
    if (features->has_stand_in &&
        ask(handle, features->destination, RPC_FEATURE_HANDOVER,
            &features->has_stand_in, err) < 0) {
        return error_wrap(err, "asking %s what it can",
                          features->destination_name);
    }
    return 0;
}

int
features_ask(struct vmferry *handle, struct features *features,
             struct error *err)
{
    bool has_it;

    if (features->is_offline) {
        if (ask_both(handle, features, RPC_FEATURE_MIGRATION_OFFLINE, &has_it,
                     err) < 0) {
            return -1;
        }
        if (!has_it) {
            return error_set(
                err, ERROR_ARGUMENT_UNSUPPORTED,
                "one of the hosts can't move a guest that does not run");
        }
    }
    if (ask_both(handle, features, RPC_FEATURE_MIGRATION_PARAMS,
                 &features->has_parameters, err) < 0) {
        return -1;
    }
    features->protocol = COORDINATOR_V3;
    if (!features->has_parameters && ask_older(handle, features, err) < 0) {
        return -1;
    }
    if (features->protocol == COORDINATOR_V2) {
        return 0;
    }
    if (ask_source(handle, features, RPC_FEATURE_CHANGE_PROTECTION,
                   &features->has_protection, err) < 0) {
        return -1;
    }
    return ask_stand_in(handle, features, err);
}
