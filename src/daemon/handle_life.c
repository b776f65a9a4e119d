/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of a domain: define, create, start, destroy, undefine, suspend,
 * resume. */

#include <errno.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/work.h"

static void define(struct client *client, struct rpc_call *call,
                   const char *xml);
static void started(void *owner, const struct error *err);
static void run_start(struct work *work);
static void run_start_with_flags(struct work *work);
static void started_with_flags(void *owner, const struct error *err);
static void run_destroy(struct work *work);
static void destroyed_unlocked(void *owner, const struct error *err);
static void run_suspend(struct work *work);
static void run_resume(struct work *work);
static void run_undefine(struct work *work);
static int forget_nvram(const struct domain *domain, unsigned flags,
                        struct error *err);
static void undefine(struct client *client, struct rpc_call *call,
                     const struct remote_dom *dom, unsigned flags);
static void destroy(struct client *client, struct rpc_call *call,
                    const struct remote_dom *dom);

void
handle_domain_define_xml(struct client *client, struct rpc_call *call,
                         const struct remote_domain_define_xml_args *args)
{
    define(client, call, args->xml);
}

void
handle_domain_define_xml_flags(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_define_xml_flags_args *args)
{
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, VIR_DOMAIN_DEFINE_VALIDATE,
                         "qemuDomainDefineXMLFlags", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    define(client, call, args->xml);
}

void
handle_domain_create_xml(struct client *client, struct rpc_call *call,
                         const struct remote_domain_create_xml_args *args)
{
    struct host *host = &client->daemon->host;
    struct domain *domain = NULL;
    struct guest *guest = NULL;
    AUTO_ERROR err = {0};

    if (wire_check_flags(
            args->flags,
            VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY |
                VIR_DOMAIN_START_VALIDATE | VIR_DOMAIN_START_RESET_NVRAM,
            "qemuDomainCreateXML", &err) == 0) {
        guest =
            host_read_guest(host, args->xml_desc, GUEST_PARSE_INACTIVE, &err);
    }
    if (guest) {
        domain = domain_add_live(host, guest, &err);
    }
    if (!domain) {
        rpc_call_fail(call, &err);
        return;
    }
    work_start_new(client, call, domain, args->flags, run_start_with_flags);
}

void
handle_domain_create(struct client *client, struct rpc_call *call,
                     const struct remote_domain_create_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);

    if (domain) {
        work_start(client, call, domain, JOB_MODIFY, run_start);
    }
}

void
handle_domain_create_with_flags(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_create_with_flags_args *args)
{
    AUTO_ERROR err = {0};
    struct domain *domain;

    if (wire_check_flags(
            args->flags,
            VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY |
                VIR_DOMAIN_START_BYPASS_CACHE | VIR_DOMAIN_START_FORCE_BOOT |
                VIR_DOMAIN_START_RESET_NVRAM,
            "qemuDomainCreateWithFlags", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (domain) {
        work_start_with(client, call, domain, JOB_MODIFY, args->flags,
                        run_start_with_flags);
    }
}

void
handle_domain_undefine(struct client *client, struct rpc_call *call,
                       const struct remote_domain_undefine_args *args)
{
    undefine(client, call, &args->dom, 0);
}

void
handle_domain_undefine_flags(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_undefine_flags_args *args)
{
    undefine(client, call, &args->dom, args->flags);
}

void
handle_domain_destroy(struct client *client, struct rpc_call *call,
                      const struct remote_domain_destroy_args *args)
{
    destroy(client, call, &args->dom);
}

void
handle_domain_destroy_flags(struct client *client, struct rpc_call *call,
                            const struct remote_domain_destroy_flags_args *args)
{
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags,
                         VIR_DOMAIN_DESTROY_GRACEFUL |
                             VIR_DOMAIN_DESTROY_REMOVE_LOGS,
                         "qemuDomainDestroyFlags", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    destroy(client, call, &args->dom);
}

void
handle_domain_suspend(struct client *client, struct rpc_call *call,
                      const struct remote_domain_suspend_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);

    if (domain) {
        work_start(client, call, domain, JOB_SUSPEND, run_suspend);
    }
}

void
handle_domain_resume(struct client *client, struct rpc_call *call,
                     const struct remote_domain_resume_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);

    if (domain) {
        work_start(client, call, domain, JOB_MODIFY, run_resume);
    }
}

static void
define(struct client *client, struct rpc_call *call, const char *xml)
{
    struct host *host = &client->daemon->host;
    struct remote_domain_define_xml_ret ret;
    struct domain *domain = NULL;
    bool was_updated = false;
    struct guest *guest;
    AUTO_ERROR err = {0};

    guest = host_read_guest(host, xml, GUEST_PARSE_INACTIVE, &err);
    if (guest) {
        domain = domain_define(host, guest, &was_updated, &err);
    }
    if (!domain) {
        rpc_call_fail(call, &err);
        return;
    }
    domain_emit(domain, VIR_DOMAIN_EVENT_DEFINED,
                was_updated ? VIR_DOMAIN_EVENT_DEFINED_UPDATED
                            : VIR_DOMAIN_EVENT_DEFINED_ADDED);
    wire_domain(domain, &ret.dom);
    rpc_call_reply(call, &ret);
}

static void
run_start(struct work *work)
{
    static const struct domain_start_options options;

    domain_start(work->domain, &options, started, work);
}

static void
started(void *owner, const struct error *err)
{
    work_done(owner, err);
}

static void
run_start_with_flags(struct work *work)
{
    struct domain_start_options options = {
        .is_paused = work->number & VIR_DOMAIN_START_PAUSED,
    };

    domain_start(work->domain, &options, started_with_flags, work);
}

static void
started_with_flags(void *owner, const struct error *err)
{
    struct work *work = owner;
    /* CREATE_XML and CREATE_WITH_FLAGS have the same result. */
    struct remote_domain_create_with_flags_ret ret;

    if (err) {
        work_done(work, err);
        return;
    }
    if (work->number & VIR_DOMAIN_START_AUTODESTROY) {
        work->domain->autodestroy_client = work->client->id;
        /* It may have gone while the guest started. */
        if (!work->client->connection) {
            domain_kill_with_client(work->domain);
        }
    }
    wire_domain(work->domain, &ret.dom);
    work_done_with(work, &ret);
}

static void
destroy(struct client *client, struct rpc_call *call,
        const struct remote_dom *dom)
{
    struct domain *domain = wire_find_or_fail(client, call, dom);

    if (!domain) {
        return;
    }
    /* Who has a job may wait for a QEMU that hangs, and its end is what helps:
     * destroy waits for nobody. */
    if (job_lock_job(&domain->jobs) != JOB_NONE) {
        domain_destroy(domain, destroyed_unlocked, call);
    } else {
        work_start(client, call, domain, JOB_DESTROY, run_destroy);
    }
}

static void
destroyed_unlocked(void *owner, const struct error *err)
{
    wire_finish(owner, err);
}

static void
run_destroy(struct work *work)
{
    domain_destroy(work->domain, work_done, work);
}

static void
run_suspend(struct work *work)
{
    domain_suspend(work->domain, work_done, work);
}

static void
run_resume(struct work *work)
{
    domain_resume(work->domain, work_done, work);
}

static void
undefine(struct client *client, struct rpc_call *call,
         const struct remote_dom *dom, unsigned flags)
{
    AUTO_ERROR err = {0};
    struct domain *domain;
    const unsigned nvram =
        VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM;
    const unsigned tpm = VIR_DOMAIN_UNDEFINE_TPM | VIR_DOMAIN_UNDEFINE_KEEP_TPM;

    if (wire_check_flags(
            flags,
            VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
                VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM |
                VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA |
                VIR_DOMAIN_UNDEFINE_TPM | VIR_DOMAIN_UNDEFINE_KEEP_TPM,
            "qemuDomainUndefineFlags", &err) == 0) {
        if ((flags & nvram) == nvram) {
            error_set(&err, ERROR_OPERATION_INVALID,
                      "cannot both keep and delete nvram");
        } else if ((flags & tpm) == tpm) {
            error_set(&err, ERROR_OPERATION_INVALID,
                      "cannot both keep and delete TPM");
        }
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, dom);
    if (domain) {
        work_start_with(client, call, domain, JOB_MODIFY, flags, run_undefine);
    }
}

/* The variables of a guest's firmware: a file of its own, that nobody is to
 * lose by mistake. */
static int
forget_nvram(const struct domain *domain, unsigned flags, struct error *err)
{
    const char *path = domain->definition ? domain->definition->os.nvram : NULL;

    if (!path || access(path, F_OK) < 0 ||
        (flags & VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)) {
        return 0;
    }
    if (!(flags & VIR_DOMAIN_UNDEFINE_NVRAM)) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "cannot undefine domain with nvram");
    }
    if (unlink(path) < 0 && errno != ENOENT) {
        return error_set_errno(err, errno, "failed to remove nvram: %s", path);
    }
    return 0;
}

static void
run_undefine(struct work *work)
{
    AUTO_ERROR err = {0};

    if (forget_nvram(work->domain, (unsigned)work->number, &err) == 0 &&
        domain_undefine(work->domain, &err) == 0) {
        domain_emit(work->domain, VIR_DOMAIN_EVENT_UNDEFINED,
                    VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
    }
    work_done(work, &err);
}
