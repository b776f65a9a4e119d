/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counters of one domain's disks, interfaces, processors and memory.  QEMU is
 * asked where only it knows; nothing here takes a job, so that a guest that
 * migrates can be watched. */

#include <libvirt/libvirt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "daemon/disk_sizes.h"
#include "daemon/dispatch.h"
#include "daemon/net_counters.h"
#include "daemon/wire.h"
#include "domain/domain_sample.h"
#include "domain/process_times.h"
#include "rpc/typed.h"

/* A call that waits for QEMU, or for storage. */
struct asking {
    struct domain *domain; /* A reference. */
    struct client *client; /* The same. */
    struct rpc_call *call;
    size_t disk; /* Which of them; ALL_DISKS. */
};

#define ALL_DISKS ((size_t)-1)

static void ask(struct client *client, struct domain *domain,
                struct rpc_call *call, size_t disk, domain_sample_done *done);
static void asking_free(struct asking *asking);
static bool find_disk(const struct guest *guest, const char *name,
                      size_t *index);
static void block_stats_known(void *owner, const struct domain_sample *sample,
                              const struct error *err);
static void block_flags_known(void *owner, const struct domain_sample *sample,
                              const struct error *err);
static int add_up(const struct asking *asking,
                  const struct domain_sample *sample,
                  struct qmp_blockstats *sum, struct error *err);
static void block_info_known(void *owner, const struct disk_size *sizes,
                             size_t count);
static void vcpus_known(void *owner, const struct domain_sample *sample,
                        const struct error *err);
static void fill_map(pid_t thread, char *map, size_t length);
static int check_interface(const struct guest *guest, const char *name,
                           struct error *err);

void
handle_domain_block_stats(struct client *client, struct rpc_call *call,
                          const struct remote_domain_block_stats_args *args)
{
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(client, &args->dom, &err);
    size_t disk = 0;

    if (domain && domain_check_active(domain, &err) == 0 &&
        !find_disk(domain->live, args->path, &disk)) {
        error_set(&err, ERROR_INVALID_ARG, "invalid path: %s", args->path);
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    ask(client, domain, call, disk, block_stats_known);
}

void
handle_domain_block_stats_flags(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_block_stats_flags_args *args)
{
    AUTO_ERROR err = {0};
    struct domain *domain = NULL;
    size_t disk = ALL_DISKS;

    if (wire_check_flags(args->flags, VIR_TYPED_PARAM_STRING_OKAY,
                         "qemuDomainBlockStatsFlags", &err) == 0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (domain && domain_check_active(domain, &err) == 0 && *args->path &&
        !find_disk(domain->live, args->path, &disk)) {
        error_set(&err, ERROR_INVALID_ARG, "invalid path: %s", args->path);
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    ask(client, domain, call, disk, block_flags_known);
}

void
handle_domain_get_block_info(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_block_info_args *args)
{
    AUTO_ERROR err = {0};
    struct domain *domain = NULL;
    const struct guest *guest = NULL;
    struct asking *asking;
    size_t disk = 0;

    if (wire_check_flags(args->flags, 0, "qemuDomainGetBlockInfo", &err) == 0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (domain) {
        guest = domain->live ? domain->live : domain->definition;
        if (!find_disk(guest, args->path, &disk)) {
            error_set(&err, ERROR_INVALID_ARG,
                      "invalid path %s not assigned to domain", args->path);
        }
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    asking = xcalloc(1, sizeof *asking);
    *asking =
        (struct asking){domain_get(domain), client_get(client), call, disk};
    disk_sizes_ask(&client->daemon->host, guest, block_info_known, asking);
}

void
handle_domain_interface_stats(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_interface_stats_args *args)
{
    struct remote_domain_interface_stats_ret ret;
    struct net_counters counters;
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(client, &args->dom, &err);

    if (domain && domain_check_active(domain, &err) == 0 &&
        check_interface(domain->live, args->device, &err) == 0 &&
        !net_counters_read_tap(args->device, &counters)) {
        error_set(&err, ERROR_INTERNAL, "/proc/net/dev: Interface not found");
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    ret = (struct remote_domain_interface_stats_ret){
        .rx_bytes = (int64_t)counters.rx_bytes,
        .rx_packets = (int64_t)counters.rx_packets,
        .rx_errs = (int64_t)counters.rx_errors,
        .rx_drop = (int64_t)counters.rx_drops,
        .tx_bytes = (int64_t)counters.tx_bytes,
        .tx_packets = (int64_t)counters.tx_packets,
        .tx_errs = (int64_t)counters.tx_errors,
        .tx_drop = (int64_t)counters.tx_drops,
    };
    rpc_call_reply(call, &ret);
}

/* There are no leases, since there are no networks of ours. */
void
handle_domain_interface_addresses(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_interface_addresses_args *args)
{
    struct remote_names_ret ret = {0};
    AUTO_ERROR err = {0};
    struct domain *domain = NULL;

    if (wire_check_flags(args->flags, 0, "qemuDomainInterfaceAddresses",
                         &err) == 0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (domain && domain_check_active(domain, &err) == 0) {
        switch (args->source) {
        case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE:
        case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP:
            rpc_call_reply(call, &ret);
            return;
        case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT:
            error_set(&err, ERROR_ARGUMENT_UNSUPPORTED,
                      "QEMU guest agent is not configured");
            break;
        default:
            error_set(&err, ERROR_ARGUMENT_UNSUPPORTED,
                      "Unknown IP address data source %u", args->source);
            break;
        }
    }
    rpc_call_fail(call, &err);
}

void
handle_domain_get_hostname(struct client *client, struct rpc_call *call,
                           const struct remote_domain_get_hostname_args *args)
{
    AUTO_ERROR err = {0};
    struct domain *domain = NULL;

    if (wire_check_flags(args->flags,
                         VIR_DOMAIN_GET_HOSTNAME_LEASE |
                             VIR_DOMAIN_GET_HOSTNAME_AGENT,
                         "qemuDomainGetHostname", &err) == 0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (domain && domain_check_active(domain, &err) == 0) {
        if (args->flags & VIR_DOMAIN_GET_HOSTNAME_LEASE) {
            error_set(&err, ERROR_NO_HOST_NAME,
                      "no hostname found for domain %s", domain->name);
        } else {
            error_set(&err, ERROR_ARGUMENT_UNSUPPORTED,
                      "QEMU guest agent is not configured");
        }
    }
    rpc_call_fail(call, &err);
}

void
handle_domain_memory_stats(struct client *client, struct rpc_call *call,
                           const struct remote_domain_memory_stats_args *args)
{
    struct remote_domain_memory_stat stats[3] = {0};
    struct remote_domain_memory_stats_ret ret = {.stats.stats_val = stats};
    unsigned count = 0;
    AUTO_ERROR err = {0};
    struct domain *domain = NULL;

    if (wire_check_flags(args->flags, 0, "qemuDomainMemoryStats", &err) == 0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (!domain || domain_check_active(domain, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    stats[count++] = (struct remote_domain_memory_stat){
        VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON,
        domain->live->current_memory_kib};
    if (domain->live->memballoons.count > 0 &&
        domain->live->memballoons.items[0]->model !=
            GUEST_MEMBALLOON_MODEL_NONE) {
        stats[count++] = (struct remote_domain_memory_stat){
            VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE, 0};
    }
    stats[count++] = (struct remote_domain_memory_stat){
        VIR_DOMAIN_MEMORY_STAT_RSS,
        process_resident_kib(qemu_process_pid(domain->qemu))};
    ret.stats.stats_len = count < args->maxStats ? count : args->maxStats;
    rpc_call_reply(call, &ret);
}

void
handle_domain_get_vcpus(struct client *client, struct rpc_call *call,
                        const struct remote_domain_get_vcpus_args *args)
{
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(client, &args->dom, &err);

    if (domain && !domain_is_active(domain)) {
        error_set(&err, ERROR_OPERATION_INVALID,
                  "cannot retrieve vcpu information for inactive domain");
    } else if (domain &&
               (args->maxinfo < 0 || args->maxinfo > REMOTE_VCPUS_MAX ||
                args->maplen < 0 || args->maplen > REMOTE_CPU_MAP_MAX)) {
        error_set_from(&err, ERROR_FROM_RPC, ERROR_INTERNAL,
                       "maxinfo or maplen is too large");
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    ask(client, domain, call, 0, vcpus_known);
}

static void
ask(struct client *client, struct domain *domain, struct rpc_call *call,
    size_t disk, domain_sample_done *done)
{
    struct asking *asking = xcalloc(1, sizeof *asking);

    *asking =
        (struct asking){domain_get(domain), client_get(client), call, disk};
    domain_sample(domain, done, asking);
}

static void
asking_free(struct asking *asking)
{
    domain_put(asking->domain);
    client_put(asking->client);
    free(asking);
}

static bool
find_disk(const struct guest *guest, const char *name, size_t *index)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];

        if (strcmp(disk->target, name) == 0 || is_same_text(disk->path, name)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static void
block_stats_known(void *owner, const struct domain_sample *sample,
                  const struct error *failed)
{
    struct asking *asking = owner;
    struct remote_domain_block_stats_ret ret;
    struct qmp_blockstats sum = {0};
    AUTO_ERROR err = {0};

    if (failed || add_up(asking, sample, &sum, &err) < 0) {
        rpc_call_fail(asking->call, failed ? failed : &err);
    } else {
        ret = (struct remote_domain_block_stats_ret){
            .rd_req = (int64_t)sum.read_requests,
            .rd_bytes = (int64_t)sum.read_bytes,
            .wr_req = (int64_t)sum.write_requests,
            .wr_bytes = (int64_t)sum.write_bytes,
            .errs = -1, /* libvirt's "not known". */
        };
        rpc_call_reply(asking->call, &ret);
    }
    asking_free(asking);
}

static void
block_flags_known(void *owner, const struct domain_sample *sample,
                  const struct error *failed)
{
    struct asking *asking = owner;
    const struct remote_domain_block_stats_flags_args *args =
        rpc_call_args(asking->call);
    struct remote_domain_block_stats_flags_ret ret = {0};
    struct qmp_blockstats sum = {0};
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};

    if (!failed && add_up(asking, sample, &sum, &err) == 0) {
        const struct {
            const char *name;
            uint64_t value;
        } values[] = {
            {"wr_bytes",          sum.write_bytes   },
            {"wr_operations",     sum.write_requests},
            {"rd_bytes",          sum.read_bytes    },
            {"rd_operations",     sum.read_requests },
            {"flush_operations",  sum.flush_requests},
            {"wr_total_times",    sum.write_ns      },
            {"rd_total_times",    sum.read_ns       },
            {"flush_total_times", sum.flush_ns      },
        };

        if (args->nparams == 0) {
            ret.nparams = ARRAY_COUNT(values);
        }
        for (size_t i = 0; i < ARRAY_COUNT(values) && (int)i < args->nparams;
             i++) {
            parameters_add_llong(&list, values[i].name,
                                 (int64_t)values[i].value);
        }
        rpc_params_encode(&list, REMOTE_BLOCK_STATS_MAX, &ret.params.params_val,
                          &ret.params.params_len, &err);
    }
    if (failed || error_is_set(&err)) {
        rpc_call_fail(asking->call, failed ? failed : &err);
    } else {
        rpc_call_reply(asking->call, &ret);
    }
    rpc_params_free(ret.params.params_val, ret.params.params_len);
    asking_free(asking);
}

/* One disk, or all of them. */
static int
add_up(const struct asking *asking, const struct domain_sample *sample,
       struct qmp_blockstats *sum, struct error *err)
{
    for (size_t i = 0; i < sample->disk_count; i++) {
        const struct qmp_blockstats *disk = &sample->disks[i].counters;

        if (asking->disk != ALL_DISKS && asking->disk != i) {
            continue;
        }
        if (!sample->disks[i].is_known && asking->disk == i) {
            return error_set(err, ERROR_INTERNAL,
                             "the QEMU of domain '%s' says nothing of the disk",
                             asking->domain->name);
        }
        sum->read_requests += disk->read_requests;
        sum->read_bytes += disk->read_bytes;
        sum->read_ns += disk->read_ns;
        sum->write_requests += disk->write_requests;
        sum->write_bytes += disk->write_bytes;
        sum->write_ns += disk->write_ns;
        sum->flush_requests += disk->flush_requests;
        sum->flush_ns += disk->flush_ns;
    }
    return 0;
}

static void
block_info_known(void *owner, const struct disk_size *sizes, size_t count)
{
    struct asking *asking = owner;
    const struct remote_domain_get_block_info_args *args =
        rpc_call_args(asking->call);
    const struct disk_size *size = &sizes[asking->disk];
    struct remote_domain_get_block_info_ret ret;
    AUTO_ERROR err = {0};

    (void)count;
    if (size->is_known) {
        ret.capacity = size->capacity;
        ret.allocation = size->allocation;
        ret.physical = size->physical;
        rpc_call_reply(asking->call, &ret);
    } else {
        error_set_from(&err, ERROR_FROM_STORAGE, ERROR_OPERATION_FAILED,
                       "the image of disk '%s' of domain '%s' can't be"
                       " looked at",
                       args->path, asking->domain->name);
        rpc_call_fail(asking->call, &err);
    }
    asking_free(asking);
}

static void
vcpus_known(void *owner, const struct domain_sample *sample,
            const struct error *err)
{
    struct asking *asking = owner;
    const struct remote_domain_get_vcpus_args *args =
        rpc_call_args(asking->call);
    struct remote_domain_get_vcpus_ret ret = {0};
    size_t length = (size_t)args->maplen, count;
    AUTO_FREE struct remote_vcpu_info *info = NULL;
    AUTO_FREE char *maps = NULL;

    if (err) {
        rpc_call_fail(asking->call, err);
        asking_free(asking);
        return;
    }
    count = sample->thread_count < (size_t)args->maxinfo
                ? sample->thread_count
                : (size_t)args->maxinfo;
    info = xcalloc(count + 1, sizeof *info);
    maps = xcalloc(count * length + 1, 1);
    for (size_t i = 0; i < count; i++) {
        struct process_times times = process_times_read(
            qemu_process_pid(asking->domain->qemu), sample->threads[i]);

        info[i] = (struct remote_vcpu_info){
            .number = (unsigned)i,
            .state = VIR_VCPU_RUNNING,
            .cpu_time = times.user_ns + times.system_ns,
            .cpu = times.cpu,
        };
        fill_map(sample->threads[i], maps + i * length, length);
    }
    ret.info.info_len = (unsigned)count;
    ret.info.info_val = info;
    ret.cpumaps.cpumaps_len = (unsigned)(count * length);
    ret.cpumaps.cpumaps_val = maps;
    rpc_call_reply(asking->call, &ret);
    asking_free(asking);
}

static void
fill_map(pid_t thread, char *map, size_t length)
{
    cpu_set_t set;

    if (sched_getaffinity(thread, sizeof set, &set) < 0) {
        return;
    }
    for (size_t cpu = 0; cpu < CPU_SETSIZE && cpu / 8 < length; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            map[cpu / 8] |= (char)(1 << cpu % 8);
        }
    }
}

static int
check_interface(const struct guest *guest, const char *name, struct error *err)
{
    for (size_t i = 0; i < guest->interfaces.count; i++) {
        const struct guest_interface *interface = guest->interfaces.items[i];

        if (is_same_text(interface->tap, name)) {
            return 0;
        }
        if (is_same_text(interface->mac, name)) {
            return error_set_from(err, ERROR_FROM_NONE, ERROR_INTERNAL,
                                  "Interface name not provided");
        }
    }
    return error_set_from(err, ERROR_FROM_DOMAIN, ERROR_INVALID_ARG,
                          "'%s' is not a known interface", name);
}
