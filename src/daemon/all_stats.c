/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/all_stats.h"

#include <libvirt/libvirt.h>
#include <stdarg.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/net_counters.h"
#include "domain/process_times.h"

static void add_number(struct parameters *list, uint64_t value,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add_text(struct parameters *list, const char *value,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add_state(const struct all_stats_facts *facts,
                      struct parameters *list);
static void add_cpu(const struct all_stats_facts *facts,
                    struct parameters *list);
static void add_balloon(const struct all_stats_facts *facts,
                        struct parameters *list);
static void add_vcpus(const struct all_stats_facts *facts,
                      struct parameters *list);
static void add_interfaces(const struct all_stats_facts *facts,
                           struct parameters *list);
static void add_interface(struct parameters *list, size_t i, const char *name);
static void add_disks(const struct all_stats_facts *facts,
                      struct parameters *list);
static void add_disk(const struct all_stats_facts *facts, size_t i,
                     struct parameters *list);
static void add_counters(struct parameters *list, size_t i,
                         const struct qmp_blockstats *counters);
static void add_dirty_rate(const struct all_stats_facts *facts,
                           struct parameters *list);

static const struct guest *
guest_of(const struct all_stats_facts *facts)
{
    const struct domain *domain = facts->domain;

    return domain->live ? domain->live : domain->definition;
}

void
all_stats_list(const struct all_stats_facts *facts, struct parameters *list)
{
    static const struct {
        unsigned group;
        void (*add)(const struct all_stats_facts *facts,
                    struct parameters *list);
    } groups[] = {
        {VIR_DOMAIN_STATS_STATE,     add_state     },
        {VIR_DOMAIN_STATS_CPU_TOTAL, add_cpu       },
        {VIR_DOMAIN_STATS_BALLOON,   add_balloon   },
        {VIR_DOMAIN_STATS_VCPU,      add_vcpus     },
        {VIR_DOMAIN_STATS_INTERFACE, add_interfaces},
        {VIR_DOMAIN_STATS_BLOCK,     add_disks     },
        {VIR_DOMAIN_STATS_DIRTYRATE, add_dirty_rate},
    };

    for (size_t i = 0; i < ARRAY_COUNT(groups); i++) {
        if ((facts->stats & groups[i].group) && guest_of(facts)) {
            groups[i].add(facts, list);
        }
    }
}

static void
add_number(struct parameters *list, uint64_t value, const char *format, ...)
{
    AUTO_FREE char *name = NULL;
    va_list args;

    va_start(args, format);
    name = xvasprintf(format, args);
    va_end(args);
    parameters_add_ullong(list, name, value);
}

static void
add_text(struct parameters *list, const char *value, const char *format, ...)
{
    AUTO_FREE char *name = NULL;
    va_list args;

    va_start(args, format);
    name = xvasprintf(format, args);
    va_end(args);
    parameters_add_string(list, name, value);
}

static void
add_state(const struct all_stats_facts *facts, struct parameters *list)
{
    parameters_add_int(list, "state.state", (int)facts->domain->state);
    parameters_add_int(list, "state.reason", facts->domain->reason);
}

static void
add_cpu(const struct all_stats_facts *facts, struct parameters *list)
{
    struct process_times times;

    if (!facts->domain->qemu) {
        return;
    }
    times = process_times_read(qemu_process_pid(facts->domain->qemu), 0);
    parameters_add_ullong(list, "cpu.time", times.user_ns + times.system_ns);
    parameters_add_ullong(list, "cpu.user", times.user_ns);
    parameters_add_ullong(list, "cpu.system", times.system_ns);
    parameters_add_uint(list, "cpu.cache.monitor.count", 0);
    parameters_add_ullong(list, "cpu.haltpoll.success.time", 0);
    parameters_add_ullong(list, "cpu.haltpoll.fail.time", 0);
}

static void
add_balloon(const struct all_stats_facts *facts, struct parameters *list)
{
    const struct guest *guest = guest_of(facts);

    parameters_add_ullong(list, "balloon.current", guest->current_memory_kib);
    parameters_add_ullong(list, "balloon.maximum", guest->memory_kib);
    if (!facts->domain->qemu) {
        return;
    }
    if (guest->memballoons.count > 0 &&
        guest->memballoons.items[0]->model != GUEST_MEMBALLOON_MODEL_NONE) {
        parameters_add_ullong(list, "balloon.last-update", 0);
    }
    parameters_add_ullong(
        list, "balloon.rss",
        process_resident_kib(qemu_process_pid(facts->domain->qemu)));
}

static void
add_vcpus(const struct all_stats_facts *facts, struct parameters *list)
{
    const struct guest *guest = guest_of(facts);

    parameters_add_uint(list, "vcpu.current",
                        guest->current_vcpus.is_set
                            ? (unsigned)guest->current_vcpus.value
                            : guest->vcpus);
    parameters_add_uint(list, "vcpu.maximum", guest->vcpus);
    for (size_t i = 0; facts->sample && facts->domain->qemu &&
                       i < facts->sample->thread_count;
         i++) {
        AUTO_FREE char *state = xasprintf("vcpu.%zu.state", i);
        struct process_times times = process_times_read(
            qemu_process_pid(facts->domain->qemu), facts->sample->threads[i]);

        parameters_add_int(list, state, VIR_VCPU_RUNNING);
        add_number(list, times.user_ns + times.system_ns, "vcpu.%zu.time", i);
        add_number(list, 0, "vcpu.%zu.wait", i);
        add_number(list, times.delay_ns, "vcpu.%zu.delay", i);
    }
}

static void
add_interfaces(const struct all_stats_facts *facts, struct parameters *list)
{
    const struct guest *live = facts->domain->live;

    if (!live) {
        return;
    }
    parameters_add_uint(list, "net.count", (unsigned)live->interfaces.count);
    for (size_t i = 0; i < live->interfaces.count; i++) {
        if (live->interfaces.items[i]->tap) {
            add_interface(list, i, live->interfaces.items[i]->tap);
        }
    }
}

static void
add_interface(struct parameters *list, size_t i, const char *name)
{
    struct net_counters counters;

    add_text(list, name, "net.%zu.name", i);
    if (!net_counters_read_tap(name, &counters)) {
        return;
    }
    add_number(list, counters.rx_bytes, "net.%zu.rx.bytes", i);
    add_number(list, counters.rx_packets, "net.%zu.rx.pkts", i);
    add_number(list, counters.rx_errors, "net.%zu.rx.errs", i);
    add_number(list, counters.rx_drops, "net.%zu.rx.drop", i);
    add_number(list, counters.tx_bytes, "net.%zu.tx.bytes", i);
    add_number(list, counters.tx_packets, "net.%zu.tx.pkts", i);
    add_number(list, counters.tx_errors, "net.%zu.tx.errs", i);
    add_number(list, counters.tx_drops, "net.%zu.tx.drop", i);
}

static void
add_disks(const struct all_stats_facts *facts, struct parameters *list)
{
    const struct guest *guest = guest_of(facts);

    parameters_add_uint(list, "block.count", (unsigned)guest->disks.count);
    for (size_t i = 0; i < guest->disks.count; i++) {
        add_disk(facts, i, list);
    }
}

static void
add_disk(const struct all_stats_facts *facts, size_t i, struct parameters *list)
{
    const struct guest_disk *disk = guest_of(facts)->disks.items[i];
    const struct domain_disk_sample *sample =
        facts->sample && i < facts->sample->disk_count
            ? &facts->sample->disks[i]
            : NULL;
    const struct disk_size *size =
        i < facts->size_count ? &facts->sizes[i] : NULL;

    add_text(list, disk->target, "block.%zu.name", i);
    if (disk->path) {
        add_text(list, disk->path, "block.%zu.path", i);
    }
    if (facts->domain->live && disk->index.is_set) {
        AUTO_FREE char *name = xasprintf("block.%zu.backingIndex", i);

        parameters_add_uint(list, name, (unsigned)disk->index.value);
    }
    if (sample && sample->is_known) {
        add_counters(list, i, &sample->counters);
    }
    if (size && size->is_known) {
        uint64_t allocation = sample && sample->is_known
                                  ? sample->counters.written_to
                                  : size->allocation;

        if (allocation > 0 || facts->domain->live) {
            add_number(list, allocation, "block.%zu.allocation", i);
        }
        add_number(list, size->capacity, "block.%zu.capacity", i);
        add_number(list, size->physical, "block.%zu.physical", i);
    }
}

static void
add_counters(struct parameters *list, size_t i,
             const struct qmp_blockstats *counters)
{
    add_number(list, counters->read_requests, "block.%zu.rd.reqs", i);
    add_number(list, counters->read_bytes, "block.%zu.rd.bytes", i);
    add_number(list, counters->read_ns, "block.%zu.rd.times", i);
    add_number(list, counters->write_requests, "block.%zu.wr.reqs", i);
    add_number(list, counters->write_bytes, "block.%zu.wr.bytes", i);
    add_number(list, counters->write_ns, "block.%zu.wr.times", i);
    add_number(list, counters->flush_requests, "block.%zu.fl.reqs", i);
    add_number(list, counters->flush_ns, "block.%zu.fl.times", i);
}

/* It is never measured here. */
static void
add_dirty_rate(const struct all_stats_facts *facts, struct parameters *list)
{
    if (!facts->domain->live) {
        return;
    }
    parameters_add_int(list, "dirtyrate.calc_status",
                       VIR_DOMAIN_DIRTYRATE_UNSTARTED);
    parameters_add_llong(list, "dirtyrate.calc_start_time", 0);
    parameters_add_int(list, "dirtyrate.calc_period", 0);
    parameters_add_string(list, "dirtyrate.calc_mode", "page-sampling");
}
