/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source's QEMU: what it is told, and what its answers and events mean to
 * the rules.  Facts of QEMU 7.2: capabilities persist in the process, so each
 * is set explicitly; `migrate` returns before the connection is made; failed
 * and cancelled migrations restart the guest by themselves if it ran. */

#include <libvirt/libvirt.h>

#include "base/clock.h"
#include "base/memory.h"
#include "domain/network.h"
#include "ferry/source.h"
#include "migrate/uri.h"
#include "qmp/commands.h"

enum {
    STALL_LOOK_MS = 5000,
    SETTLE_LOOK_MS = 10, /* QEMU is about to leave finish-migrate. */
};

/* On in every migration of ours that is not tunnelled.  Without the return path
 * "completed" would only mean that everything was written to a socket. */
static const uint32_t always_on = QMP_CAPABILITY_EVENTS |
                                  QMP_CAPABILITY_RETURN_PATH |
                                  QMP_CAPABILITY_PAUSE_BEFORE_SWITCHOVER;

static void armed(void *owner, const struct error *err);
static void command_done(void *owner, const struct error *err);
static void ignore_done(void *owner, const struct error *err);
static void guest_stopped_for_error(struct source *source,
                                    const struct qmp_event *event);
static bool has_stopped_itself(enum qmp_run_state state);
static void failure_known(void *owner, const struct qmp_migration *migration,
                          const struct error *err);
static void sampled(void *owner, const struct qmp_migration *migration,
                    const struct error *err);
static void cancel_looked(void *owner, const struct qmp_migration *migration,
                          const struct error *err);
static void looked(void *owner, const struct qmp_migration *migration,
                   const struct error *err);
static void status_known(void *owner, const struct qmp_status *status,
                         const struct error *err);
static void look_again(void *owner);
static void resumed(void *owner, const struct error *err);
static void refused(struct source *source, const struct error *why);
static void look_for_progress(void *owner);

void
source_arm(struct source *source)
{
    struct domain *domain = source->domain;
    struct qmp_session *monitor = source_monitor(source);
    uint32_t known = domain->host->qemu->migration_capabilities;
    uint32_t on = always_on;
    struct qmp_migration_parameters parameters = {
        .has_max_bandwidth = true,
        .max_bandwidth = domain->migration_bandwidth_mib << 20,
        .has_downtime_limit = true,
        .tls_creds = "",
        .tls_hostname = "",
    };

    if (source->parameters.has_bandwidth_mib) {
        parameters.max_bandwidth =
            migration_parameters_bandwidth(&source->parameters);
    }
    convergence_init(&source->convergence, domain->migration_downtime_ms);
    parameters.downtime_limit = source->convergence.limit_ms;
    if (source->flags & VIR_MIGRATE_AUTO_CONVERGE) {
        on |= QMP_CAPABILITY_AUTO_CONVERGE;
    }
    if (source_is_tunnelled(source)) {
        on &= ~(uint32_t)QMP_CAPABILITY_RETURN_PATH; /* It goes one way. */
    }
    if (source->pending > 0) {
        return; /* The same was said before another coordinator took over. */
    }
    source->pending = 2;
    qmp_migrate_set_capabilities(monitor, on, known & ~on, armed, source);
    qmp_migrate_set_parameters(monitor, &parameters, armed, source);
    if (!(source->flags & VIR_MIGRATE_LIVE) && source->was_running) {
        source->pending++;
        qmp_stop(monitor, armed, source);
    }
}

void
source_migrate(struct source *source)
{
    AUTO_MIGRATION_URI uri = {0};
    AUTO_FREE char *connect = NULL;
    AUTO_ERROR err = {0};

    if (source_is_tunnelled(source)) {
        if (source_enter_tunnel(source, command_done, &err) < 0) {
            source_fail(source, &err);
            source_happened(source, SOURCE_EVENT_FAILED);
        }
        return;
    }
    if (migration_uri_parse(source->parameters.migrate_uri, &uri, &err) < 0) {
        source_fail(source, &err);
        source_happened(source, SOURCE_EVENT_FAILED);
        return;
    }
    connect = migration_uri_connect(&uri);
    qmp_migrate(source_monitor(source), connect, command_done, source);
}

/* The numbers are asked for in the same breath: Perform's answer, which comes
 * while the guest stands still, then need not wait for them. */
void
source_continue(struct source *source)
{
    qmp_migrate_continue(source_monitor(source), command_done, source);
    source_sample(source);
}

/* A migration that was over before leaves no event: look. */
void
source_cancel(struct source *source)
{
    struct qmp_session *monitor = source_monitor(source);

    if (monitor) {
        qmp_migrate_cancel(monitor, command_done, source);
        qmp_query_migrate(monitor, cancel_looked, source);
    }
}

/* Looks before it acts: QEMU may have resumed the guest itself, or may still
 * be migrating. */
void
source_restore(struct source *source)
{
    struct qmp_session *monitor = source_monitor(source);
    AUTO_ERROR err = {0};

    timer_stop(&source->stall);
    if (source->is_looking) {
        source->has_to_look = true;
        return;
    }
    if (!monitor) {
        error_set(&err, ERROR_OPERATION_FAILED,
                  "the monitor of QEMU does not answer");
        refused(source, &err);
        return;
    }
    source->is_looking = true;
    source->has_to_look = false;
    qmp_query_migrate(monitor, looked, source);
}

void
source_watch_stall(struct source *source)
{
    source->last_progress_ms = monotonic_ms();
    source->last_processed = 0;
    timer_start(&source->stall, source->domain->host->loop, STALL_LOOK_MS,
                look_for_progress, source);
}

void
source_qemu_event(struct source *source, const struct qmp_event *event)
{
    struct host *host = source->domain->host;

    switch (event->type) {
    case QMP_EVENT_STOP:
        migration_statistics_stopped(&source->statistics,
                                     (uint64_t)realtime_ms());
        break;
    case QMP_EVENT_RESUME:
        migration_statistics_stopped(&source->statistics, 0);
        break;
    case QMP_EVENT_MIGRATION_PASS:
        if (host->observer && host->observer->migration_iteration) {
            host->observer->migration_iteration(
                host->observer_owner, source->domain, (int)event->pass);
        }
        if (source_is_copying(source)) {
            source_sample(source);
        }
        break;
    case QMP_EVENT_BLOCK_IO_ERROR:
        if (event->io_error.action == QMP_ACTION_STOP &&
            source->flags & VIR_MIGRATE_ABORT_ON_ERROR) {
            guest_stopped_for_error(source, event);
        }
        break;
    case QMP_EVENT_MIGRATION:
        source_migration_changed(source, event->migration.status);
        break;
    default:
        break;
    }
}

void
source_sample(struct source *source)
{
    struct qmp_session *monitor = source_monitor(source);

    if (monitor) {
        qmp_query_migrate(monitor, sampled, source);
    }
}

struct qmp_session *
source_monitor(struct source *source)
{
    struct qemu_process *qemu = source->domain->qemu;

    return qemu ? qemu_process_monitor(qemu) : NULL;
}

static void
armed(void *owner, const struct error *failed)
{
    struct source *source = owner;

    if (source_is_deaf(source, failed)) {
        return;
    }
    if (failed) {
        source_fail(source, failed);
    }
    if (--source->pending > 0 || (source->state != SOURCE_STATE_ARMING &&
                                  source->state != SOURCE_STATE_ARMING2)) {
        return;
    }
    source_happened(source, error_is_set(&source->failure)
                                ? SOURCE_EVENT_FAILED
                                : SOURCE_EVENT_ARMED);
}

/* What follows from a command that QEMU took is told by its events. */
static void
command_done(void *owner, const struct error *failed)
{
    struct source *source = owner;
    AUTO_ERROR err = {0};

    if (failed && !source_is_deaf(source, failed)) {
        error_set(&err, ERROR_OPERATION_FAILED,
                  "job 'migration out' failed: %s", failed->message);
        source_fail(source, &err);
        source_happened(source, SOURCE_EVENT_FAILED);
    }
}

static void
ignore_done(void *owner, const struct error *err)
{
    (void)owner;
    (void)err;
}

static void
guest_stopped_for_error(struct source *source, const struct qmp_event *event)
{
    AUTO_ERROR err = {0};

    /* Not "failed", which clients replace by what the destination says of it.
     */
    error_set(&err, ERROR_OPERATION_ABORTED,
              "job 'migration out' failed due to I/O error: %s on %s",
              event->io_error.reason,
              *event->io_error.device ? event->io_error.device
                                      : event->io_error.node_name);
    source_fail(source, &err);
    source_happened(source, SOURCE_EVENT_IO_ERROR);
}

void
source_migration_changed(struct source *source,
                         enum qmp_migration_status status)
{
    switch (status) {
    case QMP_MIGRATION_PRE_SWITCHOVER:
        source_happened(source, SOURCE_EVENT_PRE_SWITCHOVER);
        break;
    case QMP_MIGRATION_COMPLETED:
        if (!source_is_tunnelled(source) || source_leave_tunnel(source)) {
            source_happened(source, source_variant(source, SOURCE_EVENT_GIVEN));
        }
        break;
    case QMP_MIGRATION_FAILED:
    case QMP_MIGRATION_CANCELLED:
        source->may_have_gone_on = true;
        if (source_monitor(source)) {
            qmp_query_migrate(source_monitor(source), failure_known, source);
        }
        break;
    default:
        break;
    }
}

static void
failure_known(void *owner, const struct qmp_migration *migration,
              const struct error *failed)
{
    struct source *source = owner;
    const char *reason = NULL;
    AUTO_ERROR err = {0};

    if (source_is_deaf(source, failed)) {
        return;
    }
    if (failed) {
        reason = failed->message;
    } else if (migration->error_desc) {
        reason = migration->error_desc;
    } else {
        reason = "Unexpectedly failed";
    }
    error_set(&err, ERROR_OPERATION_FAILED, "job 'migration out' failed: %s",
              reason);
    source_fail(source, &err);
    source_happened(source, SOURCE_EVENT_FAILED);
}

/* After each pass: the numbers, and whether QEMU may plan a longer pause. */
static void
sampled(void *owner, const struct qmp_migration *migration,
        const struct error *failed)
{
    struct source *source = owner;
    struct qmp_migration_parameters parameters = {.has_downtime_limit = true};
    struct convergence_counters counters;

    if (failed) {
        return;
    }
    source_take_sample(source, migration);
    if (!source_is_copying(source) || !migration->has_ram) {
        return;
    }
    counters = (struct convergence_counters){
        .pass = migration->ram.dirty_sync_count,
        .remaining = migration->ram.remaining,
    };
    if (convergence_step(&source->convergence, &counters)) {
        parameters.downtime_limit = source->convergence.limit_ms;
        qmp_migrate_set_parameters(source_monitor(source), &parameters,
                                   ignore_done, source);
    }
}

static void
cancel_looked(void *owner, const struct qmp_migration *migration,
              const struct error *failed)
{
    struct source *source = owner;

    if (failed || source->state != SOURCE_STATE_CANCELLING) {
        return;
    }
    switch (migration->status) {
    case QMP_MIGRATION_NONE:
    case QMP_MIGRATION_FAILED:
    case QMP_MIGRATION_CANCELLED:
        source_happened(source, SOURCE_EVENT_FAILED);
        break;
    case QMP_MIGRATION_COMPLETED:
        source_happened(source, SOURCE_EVENT_COMPLETED);
        break;
    default:
        break;
    }
}

static void
looked(void *owner, const struct qmp_migration *migration,
       const struct error *failed)
{
    struct source *source = owner;

    source->is_looking = false;
    if (failed) {
        refused(source, failed);
        return;
    }
    if (source->has_to_look) {
        source_restore(source);
        return;
    }
    switch (migration->status) {
    case QMP_MIGRATION_NONE:
    case QMP_MIGRATION_FAILED:
    case QMP_MIGRATION_CANCELLED:
    case QMP_MIGRATION_COMPLETED:
        source->is_looking = true;
        qmp_query_status(source_monitor(source), status_known, source);
        break;
    default:
        /* It has not given up yet; its event makes us look again. */
        qmp_migrate_cancel(source_monitor(source), ignore_done, source);
        break;
    }
}

static void
status_known(void *owner, const struct qmp_status *status,
             const struct error *failed)
{
    struct source *source = owner;
    AUTO_ERROR err = {0};

    source->is_looking = false;
    if (failed) {
        refused(source, failed);
        return;
    }
    if (status->is_running &&
        domain_network_set_up(source->domain, true, &err) < 0) {
        host_note(source->domain->host, LOG_LEVEL_WARNING, source->domain, "%s",
                  err.message);
    }
    if (status->is_running || !source->was_running || source->is_suspended ||
        has_stopped_itself(status->state)) {
        source_happened(source, SOURCE_EVENT_RESTORED);
        return;
    }
    /* After its last event QEMU is in finish-migrate for a moment more, where
     * it refuses cont; it says nothing when it leaves. */
    if (status->state == QMP_RUN_STATE_FINISH_MIGRATE) {
        timer_start(&source->stall, source->domain->host->loop, SETTLE_LOOK_MS,
                    look_again, source);
        return;
    }
    if (domain_network_set_up(source->domain, true, &err) < 0) {
        refused(source, &err);
        return;
    }
    source->is_looking = true;
    qmp_cont(source_monitor(source), resumed, source);
}

/* Whatever the migration does, such a guest waits for its user. */
static bool
has_stopped_itself(enum qmp_run_state state)
{
    return state == QMP_RUN_STATE_IO_ERROR ||
           state == QMP_RUN_STATE_GUEST_PANICKED ||
           state == QMP_RUN_STATE_WATCHDOG || state == QMP_RUN_STATE_SHUTDOWN ||
           state == QMP_RUN_STATE_SUSPENDED ||
           state == QMP_RUN_STATE_INTERNAL_ERROR;
}

static void
look_again(void *owner)
{
    source_restore(owner);
}

static void
resumed(void *owner, const struct error *failed)
{
    struct source *source = owner;

    source->is_looking = false;
    if (failed) {
        refused(source, failed);
        return;
    }
    source_happened(source, SOURCE_EVENT_RESTORED);
}

static void
refused(struct source *source, const struct error *why)
{
    if (source_is_deaf(source, why)) {
        return;
    }
    source_fail(source, why);
    source_happened(source, SOURCE_EVENT_REFUSED);
}

/* Where the connection ended under a command, QEMU is about to be reported as
 * dead, or as alive without a monitor; only the latter may have been reported
 * before the command was given. */
bool
source_is_deaf(struct source *source, const struct error *failed)
{
    if (!failed || failed->code != ERROR_PEER_LOST) {
        return false;
    }
    if (qemu_process_state(source->domain->qemu) == QEMU_PROCESS_MONITOR_LOST) {
        source_fail(source, failed);
        source_happened(source, SOURCE_EVENT_MONITOR_LOST);
    }
    return true;
}

/* QEMU itself waits for ever for a destination that does not read. */
static void
look_for_progress(void *owner)
{
    struct source *source = owner;
    uint64_t processed = source->statistics.counters.memory_processed;
    int64_t limit = source->domain->host->settings.stall_timeout_ms;
    int64_t now = monotonic_ms();
    AUTO_ERROR err = {0};

    if (processed != source->last_processed) {
        source->last_processed = processed;
        source->last_progress_ms = now;
    }
    if (now - source->last_progress_ms >= limit) {
        error_set(&err, ERROR_OPERATION_TIMEOUT,
                  "job 'migration out' failed: nothing was transferred for"
                  " %lld s",
                  (long long)(limit / 1000));
        source_fail(source, &err);
        source_happened(source, SOURCE_EVENT_OVERDUE);
        return;
    }
    source_sample(source);
    timer_start(&source->stall, source->domain->host->loop, STALL_LOOK_MS,
                look_for_progress, source);
}
