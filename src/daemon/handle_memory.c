/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How much memory a guest has: by its balloon while it runs, and in its
 * definition.  Waits behind a migration. */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/work.h"
#include "domain/domain_change.h"
#include "qmp/commands.h"

enum {
    KNOWN = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG |
            VIR_DOMAIN_MEM_MAXIMUM,
};

/* What the three calls ask for. */
struct wish {
    const struct remote_dom *dom;
    uint64_t kib;
    unsigned flags;
};

static struct wish wish_of(const struct rpc_call *call);
static void begin(struct client *client, struct rpc_call *call);
static void run(struct work *work);
static int check(const struct domain *domain, const struct wish *wish,
                 const struct domain_choice *choice, struct error *err);
static int check_maximum(const struct wish *wish,
                         const struct domain_choice *choice, struct error *err);
static bool has_balloon(const struct guest *guest);
static void ballooned(void *owner, const struct error *failed);
static int change_definition(struct domain *domain, const struct wish *wish,
                             struct error *err);

void
handle_domain_set_memory(struct client *client, struct rpc_call *call,
                         const struct remote_domain_set_memory_args *args)
{
    (void)args;
    begin(client, call);
}

void
handle_domain_set_memory_flags(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_set_memory_flags_args *args)
{
    (void)args;
    begin(client, call);
}

void
handle_domain_set_max_memory(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_set_max_memory_args *args)
{
    (void)args;
    begin(client, call);
}

static struct wish
wish_of(const struct rpc_call *call)
{
    const void *args = rpc_call_args(call);

    switch (rpc_call_procedure(call)) {
    case REMOTE_PROC_DOMAIN_SET_MEMORY: {
        const struct remote_domain_set_memory_args *plain = args;

        return (struct wish){&plain->dom, plain->memory,
                             VIR_DOMAIN_AFFECT_LIVE};
    }
    case REMOTE_PROC_DOMAIN_SET_MAX_MEMORY: {
        const struct remote_domain_set_max_memory_args *plain = args;

        return (struct wish){&plain->dom, plain->memory,
                             VIR_DOMAIN_MEM_MAXIMUM};
    }
    default: {
        const struct remote_domain_set_memory_flags_args *full = args;

        return (struct wish){&full->dom, full->memory, full->flags};
    }
    }
}

static void
begin(struct client *client, struct rpc_call *call)
{
    struct wish wish = wish_of(call);
    struct domain *domain = NULL;
    AUTO_ERROR err = {0};

    if (wire_check_flags(wish.flags, KNOWN, "qemuDomainSetMemoryFlags", &err) ==
        0) {
        domain = wire_find(client, wish.dom, &err);
    }
    if (!domain) {
        rpc_call_fail(call, &err);
        return;
    }
    work_start(client, call, domain, JOB_MODIFY, run);
}

static void
run(struct work *work)
{
    struct wish wish = wish_of(work->call);
    struct domain *domain = work->domain;
    struct qmp_session *monitor = NULL;
    struct domain_choice choice;
    AUTO_ERROR err = {0};

    if (domain_choose(domain, wish.flags, &choice, &err) == 0 &&
        check(domain, &wish, &choice, &err) == 0) {
        if (choice.is_live) {
            monitor = work_monitor(domain, &err);
        } else {
            change_definition(domain, &wish, &err);
        }
    }
    if (monitor) {
        qmp_balloon(monitor, wish.kib * 1024, ballooned, work);
    } else {
        work_done(work, &err);
    }
}

static int
check(const struct domain *domain, const struct wish *wish,
      const struct domain_choice *choice, struct error *err)
{
    if (wish->flags & VIR_DOMAIN_MEM_MAXIMUM) {
        return check_maximum(wish, choice, err);
    }
    if ((choice->is_live && wish->kib > domain->live->memory_kib) ||
        (choice->is_config && wish->kib > domain->definition->memory_kib)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "cannot set memory higher than max memory");
    }
    if (choice->is_live && !has_balloon(domain->live)) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "Unable to change memory of active domain without the"
                         " balloon device and guest OS balloon driver");
    }
    return 0;
}

static int
check_maximum(const struct wish *wish, const struct domain_choice *choice,
              struct error *err)
{
    if (choice->is_live) {
        return error_set(
            err, ERROR_OPERATION_INVALID,
            "cannot resize the maximum memory on an active domain");
    }
    if (wish->kib == 0) {
        return error_set(err, ERROR_INVALID_ARG,
                         "a domain without memory makes no sense");
    }
    return 0;
}

static bool
has_balloon(const struct guest *guest)
{
    return guest->memballoons.count > 0 &&
           guest->memballoons.items[0]->model != GUEST_MEMBALLOON_MODEL_NONE;
}

static void
ballooned(void *owner, const struct error *failed)
{
    struct work *work = owner;
    struct wish wish = wish_of(work->call);
    struct domain_choice choice;
    AUTO_ERROR err = {0};

    if (failed) {
        error_copy(&err, failed);
    } else if (domain_choose(work->domain, wish.flags, &choice, &err) == 0 &&
               choice.is_config) {
        change_definition(work->domain, &wish, &err);
    }
    work_done(work, &err);
}

static int
change_definition(struct domain *domain, const struct wish *wish,
                  struct error *err)
{
    struct guest *guest = guest_copy(domain->definition);

    if (wish->flags & VIR_DOMAIN_MEM_MAXIMUM) {
        guest->memory_kib = wish->kib;
    }
    if (!(wish->flags & VIR_DOMAIN_MEM_MAXIMUM) ||
        guest->current_memory_kib > wish->kib) {
        guest->current_memory_kib = wish->kib;
    }
    if (guest_check(guest, err) < 0) {
        guest_free(guest);
        return -1;
    }
    return domain_replace_definition(domain, guest, err);
}
