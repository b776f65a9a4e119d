/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits that libvirt can set and we don't: all are "none", so what is asked is
 * answered with zeros, in libvirt's names and order. */

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"
#include "domain/domain_change.h"
#include "rpc/typed.h"

struct tunable {
    const char *name;
    enum parameter_type type;
};

#define LIST(names) names, ARRAY_COUNT(names)

static const struct tunable interface_names[] = {
    {"inbound.average",  PARAMETER_UINT},
    {"inbound.peak",     PARAMETER_UINT},
    {"inbound.burst",    PARAMETER_UINT},
    {"inbound.floor",    PARAMETER_UINT},
    {"outbound.average", PARAMETER_UINT},
    {"outbound.peak",    PARAMETER_UINT},
    {"outbound.burst",   PARAMETER_UINT},
};

static const struct tunable disk_names[] = {
    {"total_bytes_sec",            PARAMETER_ULLONG},
    {"read_bytes_sec",             PARAMETER_ULLONG},
    {"write_bytes_sec",            PARAMETER_ULLONG},
    {"total_iops_sec",             PARAMETER_ULLONG},
    {"read_iops_sec",              PARAMETER_ULLONG},
    {"write_iops_sec",             PARAMETER_ULLONG},
    {"total_bytes_sec_max",        PARAMETER_ULLONG},
    {"read_bytes_sec_max",         PARAMETER_ULLONG},
    {"write_bytes_sec_max",        PARAMETER_ULLONG},
    {"total_iops_sec_max",         PARAMETER_ULLONG},
    {"read_iops_sec_max",          PARAMETER_ULLONG},
    {"write_iops_sec_max",         PARAMETER_ULLONG},
    {"size_iops_sec",              PARAMETER_ULLONG},
    {"group_name",                 PARAMETER_STRING},
    {"total_bytes_sec_max_length", PARAMETER_ULLONG},
    {"read_bytes_sec_max_length",  PARAMETER_ULLONG},
    {"write_bytes_sec_max_length", PARAMETER_ULLONG},
    {"total_iops_sec_max_length",  PARAMETER_ULLONG},
    {"read_iops_sec_max_length",   PARAMETER_ULLONG},
    {"write_iops_sec_max_length",  PARAMETER_ULLONG},
};

static const struct tunable numa_names[] = {
    {"numa_mode",    PARAMETER_INT   },
    {"numa_nodeset", PARAMETER_STRING},
};

static const struct tunable perf_names[] = {
    {"cmt",                     PARAMETER_BOOLEAN},
    {"mbmt",                    PARAMETER_BOOLEAN},
    {"mbml",                    PARAMETER_BOOLEAN},
    {"cpu_cycles",              PARAMETER_BOOLEAN},
    {"instructions",            PARAMETER_BOOLEAN},
    {"cache_references",        PARAMETER_BOOLEAN},
    {"cache_misses",            PARAMETER_BOOLEAN},
    {"branch_instructions",     PARAMETER_BOOLEAN},
    {"branch_misses",           PARAMETER_BOOLEAN},
    {"bus_cycles",              PARAMETER_BOOLEAN},
    {"stalled_cycles_frontend", PARAMETER_BOOLEAN},
    {"stalled_cycles_backend",  PARAMETER_BOOLEAN},
    {"ref_cpu_cycles",          PARAMETER_BOOLEAN},
    {"cpu_clock",               PARAMETER_BOOLEAN},
    {"task_clock",              PARAMETER_BOOLEAN},
    {"page_faults",             PARAMETER_BOOLEAN},
    {"context_switches",        PARAMETER_BOOLEAN},
    {"cpu_migrations",          PARAMETER_BOOLEAN},
    {"page_faults_min",         PARAMETER_BOOLEAN},
    {"page_faults_maj",         PARAMETER_BOOLEAN},
    {"alignment_faults",        PARAMETER_BOOLEAN},
    {"emulation_faults",        PARAMETER_BOOLEAN},
};

static const struct guest *find(struct client *client,
                                const struct remote_dom *dom, unsigned flags,
                                struct error *err);
static void reply(struct rpc_call *call, const struct tunable *names,
                  size_t count, int asked, const struct error *failed);
static void make(struct parameters *list, const struct tunable *names,
                 size_t count);
static bool has_disk(const struct guest *guest, const char *name);
static bool has_interface(const struct guest *guest, const char *name);

void
handle_domain_get_interface_parameters(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_interface_parameters_args *args)
{
    AUTO_ERROR err = {0};
    const struct guest *guest = find(client, &args->dom, args->flags, &err);

    if (guest && !has_interface(guest, args->device)) {
        error_set(&err, ERROR_OPERATION_FAILED, "no device matching '%s' found",
                  args->device);
    }
    reply(call, LIST(interface_names), args->nparams, &err);
}

void
handle_domain_get_block_io_tune(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_block_io_tune_args *args)
{
    AUTO_ERROR err = {0};
    const struct guest *guest = find(client, &args->dom, args->flags, &err);

    /* The first question, for the number, may name none. */
    if (guest && args->disk && !has_disk(guest, *args->disk)) {
        error_set(&err, ERROR_INVALID_ARG,
                  guest->id.is_set
                      ? "disk '%s' not found in domain"
                      : "disk '%s' was not found in the domain config",
                  *args->disk);
    }
    reply(call, LIST(disk_names), args->nparams, &err);
}

void
handle_domain_get_numa_parameters(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_numa_parameters_args *args)
{
    AUTO_ERROR err = {0};

    find(client, &args->dom, args->flags, &err);
    reply(call, LIST(numa_names), args->nparams, &err);
}

void
handle_domain_get_perf_events(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_perf_events_args *args)
{
    struct remote_domain_get_perf_events_ret ret = {0};
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};

    make(&list, LIST(perf_names));
    if (!find(client, &args->dom, args->flags, &err) ||
        rpc_params_encode(&list, REMOTE_TUNABLES_MAX, &ret.params.params_val,
                          &ret.params.params_len, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    rpc_call_reply(call, &ret);
    rpc_params_free(ret.params.params_val, ret.params.params_len);
}

static const struct guest *
find(struct client *client, const struct remote_dom *dom, unsigned flags,
     struct error *err)
{
    struct domain *domain = wire_find(client, dom, err);
    struct domain_choice choice;

    if (!domain || domain_choose(domain, flags, &choice, err) < 0) {
        return NULL;
    }
    return choice.is_live ? domain->live : domain->definition;
}

/* A client asks for the count first, then for that many, or fewer. */
static void
reply(struct rpc_call *call, const struct tunable *names, size_t count,
      int asked, const struct error *failed)
{
    struct remote_tunables_ret ret = {0};
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};

    if (asked == 0) {
        ret.nparams = (int)count;
    } else {
        make(&list, names,
             asked > 0 && (size_t)asked < count ? (size_t)asked : count);
    }
    if (error_is_set(failed)) {
        rpc_call_fail(call, failed);
        return;
    }
    if (rpc_params_encode(&list, REMOTE_TUNABLES_MAX, &ret.params.params_val,
                          &ret.params.params_len, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    rpc_call_reply(call, &ret);
    rpc_params_free(ret.params.params_val, ret.params.params_len);
}

static void
make(struct parameters *list, const struct tunable *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        switch (names[i].type) {
        case PARAMETER_UINT:
            parameters_add_uint(list, names[i].name, 0);
            break;
        case PARAMETER_ULLONG:
            parameters_add_ullong(list, names[i].name, 0);
            break;
        case PARAMETER_BOOLEAN:
            parameters_add_boolean(list, names[i].name, false);
            break;
        case PARAMETER_STRING:
            parameters_add_string(list, names[i].name, "");
            break;
        case PARAMETER_INT:
        case PARAMETER_LLONG:
        case PARAMETER_DOUBLE:
            parameters_add_int(list, names[i].name, 0);
            break;
        }
    }
}

static bool
has_disk(const struct guest *guest, const char *name)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];

        if (strcmp(disk->target, name) == 0 || is_same_text(disk->path, name)) {
            return true;
        }
    }
    return false;
}

static bool
has_interface(const struct guest *guest, const char *name)
{
    for (size_t i = 0; i < guest->interfaces.count; i++) {
        const struct guest_interface *interface = guest->interfaces.items[i];

        if (is_same_text(interface->tap, name) ||
            is_same_text(interface->mac, name)) {
            return true;
        }
    }
    return false;
}
