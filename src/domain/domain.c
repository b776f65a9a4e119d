/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "domain/domain.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "domain/domain_internal.h"
#include "domain/process_times.h"

enum { DEFAULT_MAX_DOWNTIME_MS = 300 }; /* QEMU's, and so libvirt's. */

static int migration_changed(void *owner, struct error *err);
static void jobs_expired(void *owner);

struct domain *
domain_new(struct host *host, const char *name, const struct uuid *uuid)
{
    struct domain *domain = xcalloc(1, sizeof *domain);

    list_init(&domain->link);
    list_init(&domain->end_waiters);
    domain->host = host;
    domain->name = xstrdup(name);
    domain->uuid = *uuid;
    domain->id = -1;
    domain->state = DOMAIN_STATE_SHUTOFF;
    job_lock_init(&domain->jobs, name);
    domain->migration_job = (struct qemu_migration_job){
        .lock = &domain->jobs,
        .changed = migration_changed,
        .owner = domain,
    };
    domain->migration_downtime_ms = DEFAULT_MAX_DOWNTIME_MS;
    domain_expect_nothing(domain);
    domain->references = 1;
    return domain;
}

struct domain *
domain_get(struct domain *domain)
{
    domain->references++;
    return domain;
}

void
domain_put(struct domain *domain)
{
    if (!domain || --domain->references > 0) {
        return;
    }
    if (domain->migration) {
        domain->migration->free(STEAL(domain->migration));
    }
    domain_forget_cpu(domain);
    timer_stop(&domain->kill_timer);
    timer_stop(&domain->job_timer);
    deferral_cancel(&domain->forget);
    qemu_process_free(domain->qemu);
    qemu_process_free(domain->dead);
    guest_free(domain->definition);
    guest_free(domain->live);
    guest_seen_cpu_free(domain->cpu);
    job_lock_done(&domain->jobs);
    free(domain->start);
    free(domain->name);
    free(domain);
}

void
domain_set_state(struct domain *domain, enum domain_state state, int reason)
{
    domain->state = state;
    domain->reason = reason;
    if (domain_is_active(domain)) {
        domain_save(domain);
    }
}

void
domain_emit(struct domain *domain, int event, int detail)
{
    struct host *host = domain->host;

    if (host->observer && host->observer->lifecycle) {
        host->observer->lifecycle(host->observer_owner, domain, event, detail);
    }
}

void
domain_save(struct domain *domain)
{
    AUTO_ERROR err = {0};

    if (domain_save_checked(domain, &err) < 0) {
        host_note(domain->host, LOG_LEVEL_ERROR, domain, "%s", err.message);
    }
}

char *
domain_format(const struct domain *domain, unsigned flags)
{
    const struct guest *guest = domain->live;

    /* A guest that is defined and runs has two configurations; the inactive
     * form of a transient one is made from what runs. */
    if (!guest || ((flags & VIR_DOMAIN_XML_INACTIVE) && domain->definition)) {
        guest = domain->definition;
    }
    if (!domain->live) {
        flags |= VIR_DOMAIN_XML_INACTIVE;
    }
    return guest_format(guest, flags);
}

uint64_t
domain_cpu_time_ns(const struct domain *domain)
{
    struct process_times times;

    if (!domain->qemu) {
        return 0;
    }
    times = process_times_read(qemu_process_pid(domain->qemu), 0);
    return times.user_ns + times.system_ns;
}

int
domain_check_active(const struct domain *domain, struct error *err)
{
    if (domain_is_active(domain)) {
        return 0;
    }
    return error_set_from(err, ERROR_FROM_DOMAIN, ERROR_OPERATION_INVALID,
                          "domain is not running");
}

void
domain_watch_jobs(struct domain *domain)
{
    int64_t deadline = job_lock_next_deadline(&domain->jobs);
    int64_t wait = deadline - monotonic_ms();

    if (deadline < 0) {
        timer_stop(&domain->job_timer);
        return;
    }
    timer_start(&domain->job_timer, domain->host->loop, wait > 0 ? wait : 0,
                jobs_expired, domain);
}

void
domain_expect_nothing(struct domain *domain)
{
    domain->on_stop = (struct domain_expectation){
        VIR_DOMAIN_PAUSED_USER, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED};
    domain->on_resume = (struct domain_expectation){
        VIR_DOMAIN_RUNNING_UNPAUSED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED};
    domain->on_end = (struct domain_expectation){
        VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_FAILED};
}

static int
migration_changed(void *owner, struct error *err)
{
    struct domain *domain = owner;

    return domain_is_active(domain) ? domain_save_checked(domain, err) : 0;
}

static void
jobs_expired(void *owner)
{
    struct domain *domain = owner;

    domain_get(domain);
    job_lock_expire(&domain->jobs, monotonic_ms());
    domain_watch_jobs(domain);
    domain_put(domain);
}
