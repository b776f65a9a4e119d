/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The numbers of a migration: from QEMU's counters and our clock to what
 * clients ask for (GET_JOB_INFO, GET_JOB_STATS, the JOB_COMPLETED event) and to
 * what the two sides tell each other in the cookie.
 *
 * Times are in ms, sizes in bytes.  The three points in time are of the real
 * clock (ms since 1970), since the other host has to compare them with its own;
 * 0 is "not yet".  Pure: ferry/ fills it. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/parameters.h"

/* libvirt's virDomainJobType. */
enum migration_job_type {
    MIGRATION_JOB_NONE = 0,
    MIGRATION_JOB_BOUNDED = 1,
    MIGRATION_JOB_UNBOUNDED = 2, /* A running migration. */
    MIGRATION_JOB_COMPLETED = 3,
    MIGRATION_JOB_FAILED = 4,
    MIGRATION_JOB_CANCELLED = 5,
};

/* libvirt's virDomainJobOperation. */
enum migration_operation {
    MIGRATION_OPERATION_IN = 4,
    MIGRATION_OPERATION_OUT = 5,
};

/* QEMU's counters, as query-migrate names them. */
struct migration_counters {
    uint64_t memory_total;
    uint64_t memory_processed;
    uint64_t memory_remaining;
    uint64_t memory_bps;      /* Bytes per second. */
    bool has_memory_pages;    /* Whether the next three are known. */
    uint64_t memory_constant; /* Pages. */
    uint64_t memory_normal;   /* Pages. */
    uint64_t memory_normal_bytes;
    uint64_t memory_dirty_rate; /* Pages per second. */
    uint64_t memory_iteration;
    uint64_t memory_postcopy_requests;
    uint64_t memory_page_size;

    uint64_t disk_total;
    uint64_t disk_processed;
    uint64_t disk_remaining;
    uint64_t disk_bps;

    bool has_compression; /* Whether the next five are known (xbzrle). */
    uint64_t compression_cache;
    uint64_t compression_bytes;
    uint64_t compression_pages;
    uint64_t compression_cache_misses;
    uint64_t compression_overflow;

    uint64_t auto_converge_throttle; /* Percent. */
};

struct migration_statistics {
    uint64_t started;
    uint64_t stopped; /* When the source's CPUs stopped. */
    uint64_t sent;    /* When the source handed over. */
    bool has_delta;
    int64_t delta; /* The destination's clock when it got it, less 'sent'. */

    uint64_t time_elapsed;
    bool has_downtime;
    uint64_t downtime; /* Expected, while running; real, at the end. */
    bool has_setup_time;
    uint64_t setup_time;

    struct migration_counters counters;
};

/* The course of a migration, on the source: Begin (or Perform) starts it,
 * every look at QEMU updates it, the stop of the CPUs is noted, and the
 * hand-over fixes elapsed time and downtime. */
void migration_statistics_start(struct migration_statistics *statistics,
                                uint64_t now);
struct migration_report {
    struct migration_counters counters;
    bool has_downtime; /* QEMU's "expected-downtime", then its "downtime". */
    uint64_t downtime;
    bool has_setup_time;
    uint64_t setup_time;
};
void migration_statistics_update(struct migration_statistics *statistics,
                                 const struct migration_report *report,
                                 uint64_t now);
/* The first stop counts; one that was undone is forgotten with 'now' 0. */
void migration_statistics_stopped(struct migration_statistics *statistics,
                                  uint64_t now);
void migration_statistics_sent(struct migration_statistics *statistics,
                               uint64_t now);

/* On the destination: when the source's numbers came, and, after the guest was
 * resumed, how long it really took. */
void migration_statistics_received(struct migration_statistics *statistics,
                                   uint64_t now);
void migration_statistics_resumed(struct migration_statistics *statistics,
                                  uint64_t now);

/* The twelve numbers of GET_JOB_INFO. */
struct migration_job_info {
    int32_t type; /* enum migration_job_type */
    uint64_t time_elapsed;
    uint64_t time_remaining;
    uint64_t data_total, data_processed, data_remaining;
    uint64_t memory_total, memory_processed, memory_remaining;
    uint64_t file_total, file_processed, file_remaining;
};
void migration_statistics_info(const struct migration_statistics *statistics,
                               enum migration_job_type type,
                               struct migration_job_info *info);

/* The list of GET_JOB_STATS, in libvirt's order, added to 'list'. */
void migration_statistics_list(const struct migration_statistics *statistics,
                               enum migration_operation operation,
                               struct parameters *list);
