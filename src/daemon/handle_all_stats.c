/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Everything that can be counted, of many domains in one call: libvirt's names,
 * types and order.
 *
 *   the domains -> their QEMUs are asked, all at once -> their images looked
 *   at -> the reply
 *
 * Without a job.  A domain whose QEMU does not answer is reported without what
 * only that one knows. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/all_stats.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"
#include "rpc/typed.h"

enum {
    STATS_ALL = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL |
                VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_VCPU |
                VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK |
                VIR_DOMAIN_STATS_PERF | VIR_DOMAIN_STATS_IOTHREAD |
                VIR_DOMAIN_STATS_MEMORY | VIR_DOMAIN_STATS_DIRTYRATE |
                VIR_DOMAIN_STATS_VM,
    FILTERS = VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
              VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE |
              VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT |
              VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT |
              VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING |
              VIR_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED |
              VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF |
              VIR_CONNECT_GET_ALL_DOMAINS_STATS_OTHER,
};
#define KNOWN                                                                  \
    ((unsigned)FILTERS | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT |            \
     VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING |                               \
     (unsigned)VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS)

struct record {
    struct gathering *gathering;
    struct domain *domain; /* A reference. */
    struct parameters list;
    struct domain_sample sample; /* Owned copies. */
    bool has_sample;
};

struct gathering {
    struct client *client; /* A reference. */
    struct rpc_call *call;
    unsigned stats;
    struct record *records; /* Owned. */
    size_t count;
    size_t pending; /* Answers that are to come, and one while we ask. */
};

static int choose(struct gathering *gathering,
                  const struct remote_connect_get_all_domain_stats_args *args,
                  struct error *err);
static void add(struct gathering *gathering, size_t *capacity,
                struct domain *domain);
static void ask(struct record *record);
static void sampled(void *owner, const struct domain_sample *sample,
                    const struct error *err);
static void sized(void *owner, const struct disk_size *sizes, size_t count);
static void fill(struct record *record, const struct disk_size *sizes,
                 size_t count);
static void answered(struct gathering *gathering);
static void reply(struct gathering *gathering);
static void gathering_free(struct gathering *gathering);

void
handle_connect_get_all_domain_stats(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_get_all_domain_stats_args *args)
{
    struct gathering *gathering = xcalloc(1, sizeof *gathering);
    AUTO_ERROR err = {0};

    gathering->client = client_get(client);
    gathering->call = call;
    gathering->stats = args->stats ? args->stats : (unsigned)STATS_ALL;
    if (choose(gathering, args, &err) < 0) {
        rpc_call_fail(call, &err);
        gathering_free(gathering);
        return;
    }
    gathering->pending = 1;
    for (size_t i = 0; i < gathering->count; i++) {
        gathering->pending++;
        ask(&gathering->records[i]);
    }
    answered(gathering);
}

/* The domains of the call, or all that its flags let through. */
static int
choose(struct gathering *gathering,
       const struct remote_connect_get_all_domain_stats_args *args,
       struct error *err)
{
    size_t capacity = 0;

    if (wire_check_flags(args->flags, KNOWN, "qemuConnectGetAllDomainStats",
                         err) < 0) {
        return -1;
    }
    if ((args->flags &
         (unsigned)VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS) &&
        (args->stats & ~(unsigned)STATS_ALL)) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "Stats types bits 0x%x are not supported by this"
                         " daemon or QEMU",
                         args->stats & ~(unsigned)STATS_ALL);
    }
    for (unsigned i = 0; i < args->doms.doms_len; i++) {
        struct domain *domain =
            wire_find(gathering->client, &args->doms.doms_val[i], err);

        /* One that has gone meanwhile is left out. */
        error_clear(err);
        if (domain) {
            add(gathering, &capacity, domain);
        }
    }
    if (args->doms.doms_len > 0) {
        return 0;
    }
    LIST_FOR_EACH (link, &gathering->client->daemon->host.domains) {
        struct domain *domain = container_of(link, struct domain, link);

        if (wire_is_wanted(domain, args->flags & FILTERS)) {
            add(gathering, &capacity, domain);
        }
    }
    return 0;
}

static void
add(struct gathering *gathering, size_t *capacity, struct domain *domain)
{
    for (size_t i = 0; i < gathering->count; i++) {
        if (gathering->records[i].domain == domain) {
            return; /* Asked for twice. */
        }
    }
    gathering->records = array_grow(gathering->records, capacity,
                                    gathering->count, sizeof(struct record));
    gathering->records[gathering->count++] = (struct record){
        .gathering = gathering,
        .domain = domain_get(domain),
    };
}

static void
ask(struct record *record)
{
    unsigned stats = record->gathering->stats;

    if (domain_is_active(record->domain) &&
        (stats & (VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_VCPU))) {
        domain_sample(record->domain, sampled, record);
    } else {
        sampled(record, NULL, NULL);
    }
}

static void
sampled(void *owner, const struct domain_sample *sample,
        const struct error *err)
{
    struct record *record = owner;
    struct domain *domain = record->domain;
    const struct guest *guest =
        domain->live ? domain->live : domain->definition;

    if (sample && !err) {
        record->has_sample = true;
        record->sample.disk_count = sample->disk_count;
        record->sample.disks = xmemdup(
            sample->disks, (sample->disk_count + 1) * sizeof *sample->disks);
        record->sample.thread_count = sample->thread_count;
        record->sample.threads =
            xmemdup(sample->threads,
                    (sample->thread_count + 1) * sizeof *sample->threads);
    }
    if (guest && (record->gathering->stats & VIR_DOMAIN_STATS_BLOCK)) {
        disk_sizes_ask(domain->host, guest, sized, record);
    } else {
        fill(record, NULL, 0);
    }
}

static void
sized(void *owner, const struct disk_size *sizes, size_t count)
{
    fill(owner, sizes, count);
}

static void
fill(struct record *record, const struct disk_size *sizes, size_t count)
{
    struct all_stats_facts facts = {
        .domain = record->domain,
        .stats = record->gathering->stats,
        .sample = record->has_sample ? &record->sample : NULL,
        .sizes = sizes,
        .size_count = count,
    };

    all_stats_list(&facts, &record->list);
    answered(record->gathering);
}

static void
answered(struct gathering *gathering)
{
    if (--gathering->pending == 0) {
        reply(gathering);
        gathering_free(gathering);
    }
}

static void
reply(struct gathering *gathering)
{
    struct remote_connect_get_all_domain_stats_ret ret = {0};
    AUTO_FREE struct remote_domain_stats_record *records =
        xcalloc(gathering->count + 1, sizeof *records);
    AUTO_ERROR err = {0};

    for (size_t i = 0; i < gathering->count && !error_is_set(&err); i++) {
        const struct record *record = &gathering->records[i];

        wire_domain(record->domain, &records[i].dom);
        rpc_params_encode(&record->list, REMOTE_DOMAIN_STATS_MAX,
                          &records[i].params.params_val,
                          &records[i].params.params_len, &err);
    }
    if (error_is_set(&err)) {
        rpc_call_fail(gathering->call, &err);
    } else {
        ret.retStats.retStats_len = (unsigned)gathering->count;
        ret.retStats.retStats_val = records;
        rpc_call_reply(gathering->call, &ret);
    }
    for (size_t i = 0; i < gathering->count; i++) {
        rpc_params_free(records[i].params.params_val,
                        records[i].params.params_len);
    }
}

static void
gathering_free(struct gathering *gathering)
{
    for (size_t i = 0; i < gathering->count; i++) {
        struct record *record = &gathering->records[i];

        domain_put(record->domain);
        parameters_done(&record->list);
        free(record->sample.disks);
        free(record->sample.threads);
    }
    free(gathering->records);
    client_put(gathering->client);
    free(gathering);
}
