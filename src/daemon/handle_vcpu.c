/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many processors a guest has; which of the host's they may use (all:
 * nothing here pins them).  Changes wait behind a migration.  Processors are
 * plugged into a running guest, never taken out: that needs the guest's help,
 * and one that is half gone can't be migrated. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/host_info.h"
#include "daemon/work.h"
#include "domain/domain_change.h"
#include "qmp/commands.h"

enum {
    KNOWN = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG |
            VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST |
            VIR_DOMAIN_VCPU_HOTPLUGGABLE,
};

struct wish {
    const struct remote_dom *dom;
    unsigned count;
    unsigned flags;
};

/* Processors on their way into a guest. */
struct plugging {
    struct work *work;
    unsigned pending;
    unsigned plugged;
    struct error err; /* The first that failed. */
};

static struct wish wish_of(const struct rpc_call *call);
static void begin(struct client *client, struct rpc_call *call);
static void run(struct work *work);
static int check(const struct domain *domain, const struct wish *wish,
                 const struct domain_choice *choice, struct error *err);
static int check_maximum(const struct domain *domain, const struct wish *wish,
                         const struct domain_choice *choice, struct error *err);
static int check_count(unsigned count, unsigned max, const char *which,
                       struct error *err);
static void slots_known(void *owner, const struct qmp_cpu_slots *list,
                        const struct error *err);
static void plug(struct plugging *plugging, const struct qmp_cpu_slots *list);
static void plugged(void *owner, const struct error *err);
static void all_plugged(struct plugging *plugging);
static int change_definition(struct domain *domain, const struct wish *wish,
                             struct error *err);
static struct domain *find_chosen(struct client *client, struct rpc_call *call,
                                  const struct remote_dom *dom, unsigned flags,
                                  const struct guest **guest);
static char *full_maps(unsigned count, int map_length, unsigned *size);

static unsigned
vcpus_of(const struct guest *guest)
{
    return guest->current_vcpus.is_set ? (unsigned)guest->current_vcpus.value
                                       : guest->vcpus;
}

void
handle_domain_set_vcpus(struct client *client, struct rpc_call *call,
                        const struct remote_domain_set_vcpus_args *args)
{
    (void)args;
    begin(client, call);
}

void
handle_domain_set_vcpus_flags(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_set_vcpus_flags_args *args)
{
    (void)args;
    begin(client, call);
}

/* Nothing pins them: any of the host's. */
void
handle_domain_get_vcpu_pin_info(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_vcpu_pin_info_args *args)
{
    struct remote_domain_get_vcpu_pin_info_ret ret = {0};
    const struct guest *guest;
    AUTO_FREE char *maps = NULL;

    if (!find_chosen(client, call, &args->dom, args->flags, &guest)) {
        return;
    }
    if (args->ncpumaps > 0) {
        unsigned count = vcpus_of(guest);

        ret.num = (int)count < args->ncpumaps ? (int)count : args->ncpumaps;
    }
    maps = full_maps((unsigned)ret.num, args->maplen, &ret.cpumaps.cpumaps_len);
    ret.cpumaps.cpumaps_val = maps;
    rpc_call_reply(call, &ret);
}

void
handle_domain_get_emulator_pin_info(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_emulator_pin_info_args *args)
{
    struct remote_domain_get_emulator_pin_info_ret ret = {.ret = 1};
    const struct guest *guest;
    AUTO_FREE char *maps = NULL;

    if (!find_chosen(client, call, &args->dom, args->flags, &guest)) {
        return;
    }
    maps = full_maps(1, args->maplen, &ret.cpumaps.cpumaps_len);
    ret.cpumaps.cpumaps_val = maps;
    rpc_call_reply(call, &ret);
}

/* Their threads are the guest's own business: none is shown. */
void
handle_domain_get_iothread_info(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_iothread_info_args *args)
{
    struct remote_list_ret ret = {0};
    const struct guest *guest;

    if (find_chosen(client, call, &args->dom, args->flags, &guest)) {
        rpc_call_reply(call, &ret);
    }
}

static struct wish
wish_of(const struct rpc_call *call)
{
    const void *args = rpc_call_args(call);
    const struct remote_domain_set_vcpus_flags_args *full = args;

    if (rpc_call_procedure(call) == REMOTE_PROC_DOMAIN_SET_VCPUS) {
        const struct remote_domain_set_vcpus_args *plain = args;

        return (struct wish){&plain->dom, plain->nvcpus,
                             VIR_DOMAIN_AFFECT_LIVE};
    }
    return (struct wish){&full->dom, full->nvcpus, full->flags};
}

static void
begin(struct client *client, struct rpc_call *call)
{
    struct wish wish = wish_of(call);
    struct domain *domain = NULL;
    AUTO_ERROR err = {0};

    if (wire_check_flags(wish.flags, KNOWN, "qemuDomainSetVcpusFlags", &err) ==
        0) {
        domain = wire_find(client, wish.dom, &err);
    }
    if (domain && wish.count == 0) {
        error_set(&err, ERROR_INVALID_ARG, "a domain needs a processor");
    } else if (domain && (wish.flags & VIR_DOMAIN_VCPU_GUEST)) {
        if (!domain_is_active(domain)) {
            error_set(&err, ERROR_OPERATION_INVALID, "domain is not running");
        } else {
            error_set(&err, ERROR_ARGUMENT_UNSUPPORTED,
                      "QEMU guest agent is not configured");
        }
    }
    if (error_is_set(&err)) {
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
        qmp_query_hotpluggable_cpus(monitor, slots_known, work);
    } else {
        work_done(work, &err);
    }
}

static int
check(const struct domain *domain, const struct wish *wish,
      const struct domain_choice *choice, struct error *err)
{
    if (wish->flags & VIR_DOMAIN_VCPU_MAXIMUM) {
        return check_maximum(domain, wish, choice, err);
    }
    if (choice->is_live &&
        check_count(wish->count, domain->live->vcpus, "live domain", err) < 0) {
        return -1;
    }
    if (choice->is_config && check_count(wish->count, domain->definition->vcpus,
                                         "persistent domain", err) < 0) {
        return -1;
    }
    if (choice->is_live && wish->count < vcpus_of(domain->live)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "failed to find appropriate hotpluggable vcpus to"
                         " reach the desired target vcpu count");
    }
    return 0;
}

static int
check_maximum(const struct domain *domain, const struct wish *wish,
              const struct domain_choice *choice, struct error *err)
{
    const struct guest_cpu *cpu;

    if (choice->is_live) {
        return error_set(err, ERROR_INVALID_ARG,
                         "maximum vcpu count of a live domain can't be"
                         " modified");
    }
    if (wish->count > GUEST_VCPUS_MAX) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "Maximum CPUs greater than specified machine type"
                         " limit %d",
                         GUEST_VCPUS_MAX);
    }
    cpu = domain->definition->cpu;
    if (cpu && cpu->has_topology &&
        cpu->sockets * cpu->dies * cpu->cores * cpu->threads != wish->count) {
        return error_set(err, ERROR_INVALID_ARG,
                         "CPU topology doesn't match the desired vcpu count");
    }
    return 0;
}

static int
check_count(unsigned count, unsigned max, const char *which, struct error *err)
{
    if (count <= max) {
        return 0;
    }
    return error_set(err, ERROR_INVALID_ARG,
                     "requested vcpus is greater than max allowable vcpus for"
                     " the %s: %u > %u",
                     which, count, max);
}

static void
slots_known(void *owner, const struct qmp_cpu_slots *list,
            const struct error *failed)
{
    struct work *work = owner;
    struct plugging *plugging;
    AUTO_ERROR err = {0};

    if (failed || domain_check_active(work->domain, &err) < 0) {
        work_done(work, failed ? failed : &err);
        return;
    }
    plugging = xcalloc(1, sizeof *plugging);
    plugging->work = work;
    plugging->pending = 1;
    plug(plugging, list);
    plugged(plugging, NULL);
}

/* From the first free place on, as the guest's own numbers go. */
static void
plug(struct plugging *plugging, const struct qmp_cpu_slots *list)
{
    const struct domain *domain = plugging->work->domain;
    unsigned count = wish_of(plugging->work->call).count;
    struct qmp_session *monitor = qemu_process_monitor(domain->qemu);
    unsigned taken = 0;

    for (size_t i = 0; i < list->count; i++) {
        taken += list->items[i].is_taken;
    }
    plugging->plugged = taken;
    for (size_t i = 0; monitor && i < list->count && taken < count; i++) {
        AUTO_FREE char *id = xasprintf("vcpu%zu", i);

        if (!list->items[i].is_taken) {
            taken++;
            plugging->pending++;
            qmp_plug_cpu(monitor, &list->items[i], id, plugged, plugging);
        }
    }
    if (taken < count) {
        error_set(&plugging->err, ERROR_OPERATION_FAILED,
                  "the QEMU of domain '%s' has places for %u processors only",
                  domain->name, taken);
    }
}

/* Also once for plug() itself, which is no processor. */
static void
plugged(void *owner, const struct error *err)
{
    struct plugging *plugging = owner;

    if (err && !error_is_set(&plugging->err)) {
        error_copy(&plugging->err, err);
    }
    plugging->plugged += !err;
    if (--plugging->pending == 0) {
        plugging->plugged--;
        all_plugged(plugging);
    }
}

static void
all_plugged(struct plugging *plugging)
{
    struct work *work = plugging->work;
    struct domain *domain = work->domain;
    struct wish wish = wish_of(work->call);
    struct domain_choice choice;
    AUTO_ERROR err = {0};

    if (domain->live && plugging->plugged <= domain->live->vcpus) {
        domain->live->current_vcpus = (struct guest_number){
            plugging->plugged < domain->live->vcpus, plugging->plugged};
        domain_save(domain);
    }
    if (error_is_set(&plugging->err)) {
        error_move(&err, &plugging->err);
    } else if (domain_choose(domain, wish.flags, &choice, &err) == 0 &&
               choice.is_config) {
        change_definition(domain, &wish, &err);
    }
    free(plugging);
    work_done(work, &err);
}

static int
change_definition(struct domain *domain, const struct wish *wish,
                  struct error *err)
{
    struct guest *guest = guest_copy(domain->definition);
    unsigned current = vcpus_of(guest);

    if (wish->flags & VIR_DOMAIN_VCPU_MAXIMUM) {
        guest->vcpus = wish->count;
    } else {
        current = wish->count;
    }
    guest->current_vcpus = (struct guest_number){0};
    if (current < guest->vcpus) {
        guest->current_vcpus = (struct guest_number){true, current};
    }
    return domain_replace_definition(domain, guest, err);
}

/* NULL where the call was answered. */
static struct domain *
find_chosen(struct client *client, struct rpc_call *call,
            const struct remote_dom *dom, unsigned flags,
            const struct guest **guest)
{
    struct domain_choice choice;
    struct domain *domain;
    AUTO_ERROR err = {0};

    domain = wire_find(client, dom, &err);
    if (!domain || domain_choose(domain, flags, &choice, &err) < 0) {
        rpc_call_fail(call, &err);
        return NULL;
    }
    *guest = choice.is_live ? domain->live : domain->definition;
    return domain;
}

/* 'count' maps of that length, with a bit for each of the host's processors.
 * What is more than the protocol takes is refused when it is encoded. */
static char *
full_maps(unsigned count, int map_length, unsigned *size)
{
    unsigned length = map_length > 0 && map_length <= REMOTE_CPU_MAP_MAX
                          ? (unsigned)map_length
                          : 0;
    unsigned cpus = host_cpu_count();
    char *maps = xcalloc(count * length + 1, 1);

    *size = count * length;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned cpu = 0; cpu < cpus && cpu / 8 < length; cpu++) {
            maps[i * length + cpu / 8] |= (char)(1 << cpu % 8);
        }
    }
    return maps;
}
