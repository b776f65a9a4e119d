/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What belongs to a definition beside its XML: its name, and whether the guest
 * is started with the host. */

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/work.h"
#include "domain/domain_change.h"

static void run_set_autostart(struct work *work);
static void run_rename(struct work *work);
static int rename_to(struct domain *domain, const char *name,
                     struct error *err);

void
handle_domain_set_autostart(struct client *client, struct rpc_call *call,
                            const struct remote_domain_set_autostart_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);

    if (domain) {
        work_start(client, call, domain, JOB_MODIFY, run_set_autostart);
    }
}

void
handle_domain_rename(struct client *client, struct rpc_call *call,
                     const struct remote_domain_rename_args *args)
{
    struct domain *domain = NULL;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, 0, "qemuDomainRename", &err) == 0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (domain && (!args->new_name || !**args->new_name)) {
        error_set(&err, ERROR_INVALID_ARG, "a domain needs a name");
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    work_start(client, call, domain, JOB_MODIFY, run_rename);
}

static void
run_set_autostart(struct work *work)
{
    const struct remote_domain_set_autostart_args *args =
        rpc_call_args(work->call);
    AUTO_ERROR err = {0};

    if (!work->domain->definition) {
        error_set(&err, ERROR_OPERATION_INVALID,
                  "cannot set autostart for transient domain");
    } else {
        domain_set_autostart(work->domain, args->autostart != 0, &err);
    }
    work_done(work, &err);
}

static void
run_rename(struct work *work)
{
    const struct remote_domain_rename_args *args = rpc_call_args(work->call);
    struct remote_domain_rename_ret ret = {0};
    AUTO_ERROR err = {0};

    if (rename_to(work->domain, *args->new_name, &err) < 0) {
        work_done(work, &err);
        return;
    }
    work_done_with(work, &ret);
}

static int
rename_to(struct domain *domain, const char *name, struct error *err)
{
    if (domain_is_active(domain)) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "cannot rename active domain");
    }
    if (!domain->definition) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "cannot rename a transient domain");
    }
    if (strcmp(domain->name, name) == 0) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "Can't rename domain to itself");
    }
    if (domain_find_by_name(domain->host, name)) {
        return error_set_from(err, ERROR_FROM_DOMAIN, ERROR_OPERATION_INVALID,
                              "domain with name '%s' already exists", name);
    }
    domain_emit(domain, VIR_DOMAIN_EVENT_UNDEFINED,
                VIR_DOMAIN_EVENT_UNDEFINED_RENAMED);
    if (domain_rename(domain, name, err) < 0) {
        domain_emit(domain, VIR_DOMAIN_EVENT_DEFINED,
                    VIR_DOMAIN_EVENT_DEFINED_RENAMED);
        return -1;
    }
    domain_emit(domain, VIR_DOMAIN_EVENT_DEFINED,
                VIR_DOMAIN_EVENT_DEFINED_RENAMED);
    return 0;
}
