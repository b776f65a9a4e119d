/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source's QEMU after a restart of the daemon: what it has done while
 * nobody has listened. */

#include "ferry/source.h"
#include "qmp/commands.h"

static void examined(void *owner, const struct qmp_status *status,
                     const struct error *err);
static bool is_of_before(const struct source *source,
                         enum qmp_migration_status status);
static void synced(void *owner, const struct qmp_migration *migration,
                   const struct error *err);

void
source_sync(struct source *source)
{
    struct qmp_session *monitor = source_monitor(source);

    source->synced = source->state;
    convergence_init(&source->convergence,
                     source->domain->migration_downtime_ms);
    if (monitor) {
        qmp_query_status(monitor, examined, source);
        qmp_query_migrate(monitor, synced, source);
    }
}

void
source_examine(struct source *source)
{
    struct qmp_session *monitor = source_monitor(source);

    source->synced = source->state;
    if (monitor) {
        qmp_query_status(monitor, examined, source);
    }
}

/* After the switchover it should not run here, but a record may be older than
 * what was done. */
static void
examined(void *owner, const struct qmp_status *status,
         const struct error *failed)
{
    struct source *source = owner;
    enum source_event event;

    if (source_is_deaf(source, failed) || source->state != source->synced) {
        return;
    }
    if (failed) {
        source_fail(source, failed);
    }
    event =
        !failed && status->is_running ? SOURCE_EVENT_RUNS : SOURCE_EVENT_STANDS;
    if (source_takes(source, event)) {
        source_happened(source, event);
    }
}

/* Where the record says COPYING, QEMU may not have been told to migrate, and
 * speak of the migration before.  Where it was told, and has failed, telling it
 * again fails again. */
static bool
is_of_before(const struct source *source, enum qmp_migration_status status)
{
    return source->state == SOURCE_STATE_COPYING && source->had_ended &&
           (status == QMP_MIGRATION_FAILED ||
            status == QMP_MIGRATION_CANCELLED ||
            status == QMP_MIGRATION_COMPLETED);
}

/* What its events would have told, if somebody had listened.  Those that have
 * come since the question was asked have told already. */
static void
synced(void *owner, const struct qmp_migration *migration,
       const struct error *failed)
{
    struct source *source = owner;

    if (source_is_deaf(source, failed) || source->state != source->synced) {
        return;
    }
    if (failed) {
        source_fail(source, failed);
        source_happened(source, SOURCE_EVENT_FAILED);
        return;
    }
    source->may_have_gone_on = false;
    if (is_of_before(source, migration->status)) {
        source_happened(source, SOURCE_EVENT_UNTOLD);
        return;
    }
    switch (migration->status) {
    case QMP_MIGRATION_NONE:
        source_happened(source, SOURCE_EVENT_UNTOLD);
        break;
    case QMP_MIGRATION_PRE_SWITCHOVER:
        source_happened(source, source_is_copying(source)
                                    ? SOURCE_EVENT_PRE_SWITCHOVER
                                    : SOURCE_EVENT_UNTOLD);
        break;
    default:
        source_take_sample(source, migration);
        source_migration_changed(source, migration->status);
        break;
    }
}
