/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/statistics.h"

#include <libvirt/libvirt.h>

static uint64_t since(uint64_t now, uint64_t then);
static void add_net(const struct migration_statistics *statistics,
                    const char *name, uint64_t value, struct parameters *list);
static void add_times(const struct migration_statistics *statistics,
                      struct parameters *list);
static void add_memory(const struct migration_counters *counters,
                       struct parameters *list);
static void add_disk(const struct migration_counters *counters,
                     struct parameters *list);
static void add_compression(const struct migration_counters *counters,
                            struct parameters *list);

void
migration_statistics_start(struct migration_statistics *statistics,
                           uint64_t now)
{
    *statistics = (struct migration_statistics){.started = now};
}

void
migration_statistics_update(struct migration_statistics *statistics,
                            const struct migration_report *report, uint64_t now)
{
    statistics->counters = report->counters;
    statistics->time_elapsed = since(now, statistics->started);
    statistics->has_downtime = report->has_downtime;
    statistics->downtime = report->downtime;
    statistics->has_setup_time = report->has_setup_time;
    statistics->setup_time = report->setup_time;
}

void
migration_statistics_stopped(struct migration_statistics *statistics,
                             uint64_t now)
{
    if (now == 0 || statistics->stopped == 0) {
        statistics->stopped = now;
    }
}

void
migration_statistics_sent(struct migration_statistics *statistics, uint64_t now)
{
    statistics->sent = now;
    /* The last numbers that were asked for may be older. */
    statistics->counters.memory_remaining = 0;
    statistics->counters.disk_remaining = 0;
    statistics->time_elapsed = since(now, statistics->started);
    if (statistics->stopped) {
        statistics->has_downtime = true;
        statistics->downtime = since(now, statistics->stopped);
    }
}

void
migration_statistics_received(struct migration_statistics *statistics,
                              uint64_t now)
{
    if (statistics->sent) {
        statistics->has_delta = true;
        /* Wraps to the right sign whatever a peer sent. */
        statistics->delta = (int64_t)(now - statistics->sent);
    }
}

void
migration_statistics_resumed(struct migration_statistics *statistics,
                             uint64_t now)
{
    if (statistics->started) {
        statistics->time_elapsed = since(now, statistics->started);
    }
    if (statistics->stopped) {
        statistics->has_downtime = true;
        statistics->downtime = since(now, statistics->stopped);
    }
}

void
migration_statistics_info(const struct migration_statistics *statistics,
                          enum migration_job_type type,
                          struct migration_job_info *info)
{
    const struct migration_counters *counters = &statistics->counters;

    *info = (struct migration_job_info){.type = (int32_t)type};
    if (type == MIGRATION_JOB_NONE) {
        return;
    }
    info->time_elapsed = statistics->time_elapsed;
    info->memory_total = counters->memory_total;
    info->memory_processed = counters->memory_processed;
    info->memory_remaining = counters->memory_remaining;
    info->file_total = counters->disk_total;
    info->file_processed = counters->disk_processed;
    info->file_remaining = counters->disk_remaining;
    info->data_total = info->memory_total + info->file_total;
    info->data_processed = info->memory_processed + info->file_processed;
    info->data_remaining = info->memory_remaining + info->file_remaining;
}

void
migration_statistics_list(const struct migration_statistics *statistics,
                          enum migration_operation operation,
                          struct parameters *list)
{
    const struct migration_counters *counters = &statistics->counters;

    parameters_add_int(list, VIR_DOMAIN_JOB_OPERATION, (int32_t)operation);
    add_times(statistics, list);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_DATA_TOTAL,
                          counters->memory_total + counters->disk_total);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_DATA_PROCESSED,
                          counters->memory_processed +
                              counters->disk_processed);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_DATA_REMAINING,
                          counters->memory_remaining +
                              counters->disk_remaining);
    add_memory(counters, list);
    add_disk(counters, list);
    if (counters->has_compression) {
        add_compression(counters, list);
    }
    if (counters->auto_converge_throttle) {
        parameters_add_int(list, VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE,
                           (int32_t)counters->auto_converge_throttle);
    }
}

static void
add_times(const struct migration_statistics *statistics,
          struct parameters *list)
{
    parameters_add_ullong(list, VIR_DOMAIN_JOB_TIME_ELAPSED,
                          statistics->time_elapsed);
    add_net(statistics, VIR_DOMAIN_JOB_TIME_ELAPSED_NET,
            statistics->time_elapsed, list);
    if (statistics->has_downtime) {
        parameters_add_ullong(list, VIR_DOMAIN_JOB_DOWNTIME,
                              statistics->downtime);
        add_net(statistics, VIR_DOMAIN_JOB_DOWNTIME_NET, statistics->downtime,
                list);
    }
    if (statistics->has_setup_time) {
        parameters_add_ullong(list, VIR_DOMAIN_JOB_SETUP_TIME,
                              statistics->setup_time);
    }
}

static void
add_memory(const struct migration_counters *counters, struct parameters *list)
{
    parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_TOTAL,
                          counters->memory_total);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_PROCESSED,
                          counters->memory_processed);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_REMAINING,
                          counters->memory_remaining);
    if (counters->memory_bps) {
        parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_BPS,
                              counters->memory_bps);
    }
    if (counters->has_memory_pages) {
        parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_CONSTANT,
                              counters->memory_constant);
        parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_NORMAL,
                              counters->memory_normal);
        parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES,
                              counters->memory_normal_bytes);
    }
    parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE,
                          counters->memory_dirty_rate);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_ITERATION,
                          counters->memory_iteration);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS,
                          counters->memory_postcopy_requests);
    if (counters->memory_page_size) {
        parameters_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE,
                              counters->memory_page_size);
    }
}

static void
add_disk(const struct migration_counters *counters, struct parameters *list)
{
    parameters_add_ullong(list, VIR_DOMAIN_JOB_DISK_TOTAL,
                          counters->disk_total);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_DISK_PROCESSED,
                          counters->disk_processed);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_DISK_REMAINING,
                          counters->disk_remaining);
    if (counters->disk_bps) {
        parameters_add_ullong(list, VIR_DOMAIN_JOB_DISK_BPS,
                              counters->disk_bps);
    }
}

static void
add_compression(const struct migration_counters *counters,
                struct parameters *list)
{
    parameters_add_ullong(list, VIR_DOMAIN_JOB_COMPRESSION_CACHE,
                          counters->compression_cache);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_COMPRESSION_BYTES,
                          counters->compression_bytes);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_COMPRESSION_PAGES,
                          counters->compression_pages);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_COMPRESSION_CACHE_MISSES,
                          counters->compression_cache_misses);
    parameters_add_ullong(list, VIR_DOMAIN_JOB_COMPRESSION_OVERFLOW,
                          counters->compression_overflow);
}

/* The same without what the two clocks differ by, and the way of the message;
 * only the destination can tell. */
static void
add_net(const struct migration_statistics *statistics, const char *name,
        uint64_t value, struct parameters *list)
{
    int64_t delta = statistics->delta;

    if (!statistics->has_delta || value > INT64_MAX) {
        return;
    }
    if (delta < 0 || (uint64_t)delta <= value) {
        parameters_add_ullong(list, name, value - (uint64_t)delta);
    }
}

/* Clocks may be set back, and those of two hosts differ. */
static uint64_t
since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}
