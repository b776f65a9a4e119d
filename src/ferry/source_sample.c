/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From QEMU's numbers of a migration to those of the job. */

#include "base/clock.h"
#include "ferry/source.h"
#include "qmp/commands.h"

void
source_take_sample(struct source *source, const struct qmp_migration *migration)
{
    const struct qmp_migration_ram *ram = &migration->ram;
    struct migration_report report = {
        .counters =
            {
                       .memory_total = ram->total,
                       .memory_processed = ram->transferred,
                       .memory_remaining = ram->remaining,
                       .memory_bps = (uint64_t)(ram->mbps * 1000000 / 8),
                       .has_memory_pages = ram->has_normal,
                       .memory_constant = ram->duplicate,
                       .memory_normal = ram->normal,
                       .memory_normal_bytes = ram->normal_bytes,
                       .memory_dirty_rate = ram->dirty_pages_rate,
                       .memory_iteration = ram->dirty_sync_count,
                       .memory_postcopy_requests = ram->postcopy_requests,
                       .memory_page_size = ram->page_size,
                       .auto_converge_throttle = migration->cpu_throttle_percentage,
                       },
        .has_downtime =
            migration->has_downtime || migration->has_expected_downtime,
        .downtime = migration->has_downtime ? migration->downtime
                                            : migration->expected_downtime,
        .has_setup_time = migration->has_setup_time,
        .setup_time = migration->setup_time,
    };

    /* QEMU gives no counters before the start and after a failure. */
    if (migration->has_ram) {
        migration_statistics_update(&source->statistics, &report,
                                    (uint64_t)realtime_ms());
    }
}
