/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a running QEMU tells of itself, turned into the domain's state and
 * lifecycle events.  A migration that is under way hears it afterwards. */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "domain/domain_internal.h"
#include "qmp/commands.h"

static void started(void *owner);
static void event(void *owner, const struct qmp_event *event);
static void silent(void *owner, const struct error *why);
static void monitor_lost(void *owner, const struct error *why);
static void ended(void *owner, const struct error *why);
static void handle_stop(struct domain *domain);
static void handle_resume(struct domain *domain);
static void handle_reset(struct domain *domain);
static void handle_balloon(struct domain *domain, uint64_t kib);
static void was_reset(void *owner, const struct error *err);

const struct qemu_process_callbacks domain_qemu_callbacks = {
    .started = started,
    .event = event,
    .silent = silent,
    .monitor_lost = monitor_lost,
    .ended = ended,
};

static void
started(void *owner)
{
    struct domain *domain = owner;

    if (domain->start) {
        domain_start_ready(domain);
    }
}

static void
event(void *owner, const struct qmp_event *event)
{
    struct domain *domain = domain_get(owner);

    switch (event->type) {
    case QMP_EVENT_STOP:
        handle_stop(domain);
        break;
    case QMP_EVENT_RESUME:
        handle_resume(domain);
        break;
    case QMP_EVENT_SHUTDOWN:
        domain_shut_down(domain, event->shutdown.is_by_guest);
        break;
    case QMP_EVENT_BLOCK_IO_ERROR:
        if (event->io_error.action == QMP_ACTION_STOP &&
            domain->state == DOMAIN_STATE_RUNNING) {
            domain->on_stop = (struct domain_expectation){
                VIR_DOMAIN_PAUSED_IOERROR, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR};
        }
        break;
    case QMP_EVENT_GUEST_PANICKED:
        domain_panicked(domain);
        break;
    case QMP_EVENT_RESET:
        handle_reset(domain);
        break;
    case QMP_EVENT_BALLOON_CHANGE:
        handle_balloon(domain, event->balloon.actual / 1024);
        break;
    default:
        break;
    }
    if (domain->migration) {
        domain->migration->event(domain->migration, event);
    }
    domain_put(domain);
}

/* A QEMU that hangs is not dead: it is waited for, and never killed for that.
 */
static void
silent(void *owner, const struct error *why)
{
    struct domain *domain = owner;

    if (why) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain,
                  "the guest's QEMU hangs: %s", why->message);
    } else {
        host_note(domain->host, LOG_LEVEL_INFO, domain,
                  "the guest's QEMU answers again");
    }
}

static void
monitor_lost(void *owner, const struct error *why)
{
    struct domain *domain = domain_get(owner);

    host_note(domain->host, LOG_LEVEL_ERROR, domain,
              "the monitor of the guest's QEMU is lost: %s", why->message);
    if (domain->start) {
        domain_start_deaf(domain, why);
    } else if (domain->migration) {
        domain->migration->monitor_lost(domain->migration, why);
    }
    domain_deaf(domain);
    domain_put(domain);
}

static void
ended(void *owner, const struct error *why)
{
    struct domain *domain = domain_get(owner);

    if (domain->on_end.reason == VIR_DOMAIN_SHUTOFF_CRASHED) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain, "%s", why->message);
    }
    if (domain->start) {
        domain_start_ended(domain, why);
    } else if (domain->migration) {
        domain->migration->ended(domain->migration, why);
    } else {
        domain_stopped(domain, domain->on_end.reason, domain->on_end.detail);
    }
    domain_put(domain);
}

static void
handle_stop(struct domain *domain)
{
    struct domain_expectation expected = domain->on_stop;

    if (domain->state != DOMAIN_STATE_RUNNING) {
        return;
    }
    /* libvirt: whatever stops the guest of an outgoing migration, it is "by
     * the migration", a user's suspend too; but not what the guest itself has
     * stopped for. */
    if (expected.reason != VIR_DOMAIN_PAUSED_IOERROR &&
        job_lock_async(&domain->jobs) == VIR_JOB_MIGRATION_OUT) {
        expected = (struct domain_expectation){
            VIR_DOMAIN_PAUSED_MIGRATION, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED};
    }
    domain_expect_nothing(domain);
    domain_set_state(domain, DOMAIN_STATE_PAUSED, expected.reason);
    domain_emit(domain, VIR_DOMAIN_EVENT_SUSPENDED, expected.detail);
}

static void
handle_resume(struct domain *domain)
{
    struct domain_expectation expected = domain->on_resume;

    if (domain->state == DOMAIN_STATE_RUNNING) {
        return;
    }
    if (job_lock_async(&domain->jobs) == VIR_JOB_MIGRATION_OUT) {
        expected =
            (struct domain_expectation){VIR_DOMAIN_RUNNING_MIGRATION_CANCELED,
                                        VIR_DOMAIN_EVENT_RESUMED_MIGRATED};
    }
    domain_expect_nothing(domain);
    domain_set_state(domain, DOMAIN_STATE_RUNNING, expected.reason);
    domain_emit(domain, VIR_DOMAIN_EVENT_RESUMED, expected.detail);
}

static void
handle_reset(struct domain *domain)
{
    const struct host *host = domain->host;

    if (host->observer && host->observer->guest_reset) {
        host->observer->guest_reset(host->observer_owner, domain);
    }
}

/* What a guest gives back or takes, when it has done so. */
static void
handle_balloon(struct domain *domain, uint64_t kib)
{
    const struct host *host = domain->host;

    if (!domain->live || kib > domain->live->memory_kib) {
        return;
    }
    domain->live->current_memory_kib = kib;
    domain_save(domain);
    if (host->observer && host->observer->balloon_changed) {
        host->observer->balloon_changed(host->observer_owner, domain, kib);
    }
}

void
domain_shut_down(struct domain *domain, bool is_by_guest)
{
    bool is_reboot = domain->is_rebooting;

    domain->is_rebooting = false;
    if (domain->on_end.reason != VIR_DOMAIN_SHUTOFF_CRASHED ||
        timer_is_running(&domain->kill_timer)) {
        return; /* Our own doing. */
    }
    domain_emit(domain, VIR_DOMAIN_EVENT_SHUTDOWN,
                is_by_guest ? VIR_DOMAIN_EVENT_SHUTDOWN_GUEST
                            : VIR_DOMAIN_EVENT_SHUTDOWN_HOST);
    domain_set_state(domain, DOMAIN_STATE_SHUTDOWN,
                     VIR_DOMAIN_SHUTDOWN_UNKNOWN);
    if (is_by_guest &&
        (domain->live->on_poweroff == GUEST_ACTION_RESTART || is_reboot)) {
        domain->on_resume = (struct domain_expectation){
            VIR_DOMAIN_RUNNING_BOOTED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED};
        qmp_system_reset(qemu_process_monitor(domain->qemu), was_reset,
                         domain_get(domain));
        return;
    }
    if (is_by_guest && domain->live->on_poweroff == GUEST_ACTION_PRESERVE) {
        return;
    }
    domain->on_end = (struct domain_expectation){
        VIR_DOMAIN_SHUTOFF_SHUTDOWN, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN};
    domain_kill(domain);
}

/* QEMU continues a guest that has halted only after its reset. */
static void
was_reset(void *owner, const struct error *err)
{
    struct domain *domain = owner;

    if (!err && domain_is_active(domain)) {
        qmp_cont(qemu_process_monitor(domain->qemu), NULL, NULL);
    }
    domain_put(domain);
}

void
domain_panicked(struct domain *domain)
{
    domain_set_state(domain, DOMAIN_STATE_CRASHED, VIR_DOMAIN_CRASHED_PANICKED);
    domain_emit(domain, VIR_DOMAIN_EVENT_CRASHED,
                VIR_DOMAIN_EVENT_CRASHED_PANICKED);
    if (domain->live->on_crash == GUEST_ACTION_PRESERVE) {
        return;
    }
    domain->on_end = (struct domain_expectation){
        VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_CRASHED};
    domain_kill(domain);
}
