/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/phase.h"

#include "base/clock.h"

int
ferry_enter_phase(struct domain *domain, enum job_async kind,
                  enum qemu_migration_phase phase, struct error *err)
{
    static const struct qemu_migration_caller ourselves = {
        .api = "vmferryd",
        .client = "the daemon",
    };
    struct qemu_migration_job *job = &domain->migration_job;

    if (job->facts.kind != kind || job->facts.phase >= phase) {
        return domain_is_active(domain) ? domain_save_checked(domain, err) : 0;
    }
    if (job->facts.is_owned) {
        return qemu_migration_job_set_phase(job, phase, monotonic_ms(), err);
    }
    return qemu_migration_job_start_phase(job, phase, &ourselves,
                                          monotonic_ms(), err);
}

void
ferry_trace(const struct domain *domain, uint64_t *number,
            struct rule_step *step)
{
    char uuid[UUID_TEXT_SIZE];

    uuid_format(&domain->uuid, uuid);
    step->guest = domain->name;
    step->host = domain->host->settings.name;
    step->uuid = uuid;
    rule_trace(number, step);
    step->uuid = NULL;
}
