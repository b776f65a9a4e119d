/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination's QEMU: what it is told, and what its answers and events mean
 * to the rules.  Facts of QEMU 7.2: it is always started frozen; with
 * late-block-activate it leaves the locks of the images alone until `cont`, so
 * that a source that fails late can still resume; a failed migrate-incoming may
 * be tried again with another port. */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "ferry/destination.h"
#include "qmp/commands.h"

static struct qmp_session *monitor_of(struct destination *destination);
static void listen_on_next(struct destination *destination);
static void read_from_tunnel(struct destination *destination);
static void prepared(void *owner, const struct error *err);
static void listening(void *owner, const struct error *err);
static void cpu_known(void *owner, const struct error *err);
static void arm_step_done(struct destination *destination);
static void resumed(void *owner, const struct error *err);
static void settled(void *owner, const struct error *err);
static bool is_as_it_came(enum qmp_run_state state);
static void examined(void *owner, const struct qmp_status *status,
                     const struct error *err);
static void looked(void *owner, const struct qmp_migration *migration,
                   const struct error *err);
static void refused(struct destination *destination, const struct error *why);
static bool is_deaf(struct destination *destination,
                    const struct error *failed);

void
destination_arm(struct destination *destination)
{
    struct qmp_session *monitor = monitor_of(destination);
    uint32_t known = destination->domain->host->qemu->migration_capabilities;
    bool is_tunnelled = destination_is_tunnelled(destination);
    uint32_t on = QMP_CAPABILITY_EVENTS | QMP_CAPABILITY_LATE_BLOCK_ACTIVATE;
    struct qmp_migration_parameters parameters = {
        .tls_creds = "",
        .tls_hostname = "",
    };

    if (!is_tunnelled) {
        on |= QMP_CAPABILITY_RETURN_PATH;
    }
    destination->pending = is_tunnelled ? 5 : 4;
    domain_learn_cpu(destination->domain, cpu_known, destination);
    qmp_migrate_set_capabilities(monitor, on, known & ~on, prepared,
                                 destination);
    qmp_migrate_set_parameters(monitor, &parameters, prepared, destination);
    if (is_tunnelled) {
        read_from_tunnel(destination);
    } else {
        listen_on_next(destination);
    }
}

void
destination_resume(struct destination *destination)
{
    struct domain *domain = destination->domain;

    destination->handover.may_have_run = true;
    destination->is_cont_ours = true;
    domain_expect_nothing(domain); /* From here on the guest may halt. */
    domain->on_resume = (struct domain_expectation){
        VIR_DOMAIN_RUNNING_MIGRATED, VIR_DOMAIN_EVENT_RESUMED_MIGRATED};
    qmp_cont(monitor_of(destination), resumed, destination);
}

/* A guest that stays paused needs its disks active all the same, since QEMU
 * before 10.0 dies where it is migrated onward with inactive ones.  Exporting
 * a node, to nobody, activates it. */
void
destination_settle(struct destination *destination)
{
    struct domain *domain = destination->domain;
    struct qmp_session *monitor = monitor_of(destination);
    AUTO_FREE char *path = NULL;
    char uuid[UUID_TEXT_SIZE];
    unsigned count = 0;

    for (size_t i = 0; i < domain->live->disks.count; i++) {
        count += domain->live->disks.items[i]->path != NULL;
    }
    if (count == 0) {
        destination_happened(destination, DESTINATION_EVENT_SETTLED);
        return;
    }
    uuid_format(&domain->uuid, uuid);
    path = xasprintf("%s/domains/%s.activate",
                     domain->host->settings.runtime_dir, uuid);
    destination->pending = count + 2;
    destination->is_unsettled = false;
    qmp_nbd_server_start(monitor, path, settled, destination);
    for (size_t i = 0; i < domain->live->disks.count; i++) {
        const struct guest_disk *disk = domain->live->disks.items[i];

        if (disk->path) {
            AUTO_FREE char *node =
                xasprintf("libvirt-%u-format", (unsigned)disk->index.value);

            qmp_nbd_export_add(monitor, node, false, settled, destination);
        }
    }
    qmp_nbd_server_stop(monitor, settled, destination);
}

void
destination_examine(struct destination *destination)
{
    struct qmp_session *monitor = monitor_of(destination);
    AUTO_ERROR err = {0};

    if (!monitor) {
        error_set(&err, ERROR_OPERATION_FAILED,
                  "the monitor of QEMU does not answer");
        refused(destination, &err);
        return;
    }
    qmp_query_status(monitor, examined, destination);
}

/* What its events would have told, if somebody had listened. */
void
destination_look(struct destination *destination)
{
    struct qmp_session *monitor = monitor_of(destination);
    AUTO_ERROR err = {0};

    if (!monitor) {
        error_set(&err, ERROR_OPERATION_FAILED,
                  "the monitor of QEMU does not answer");
        destination_fail(destination, &err);
        destination_happened(destination, DESTINATION_EVENT_MONITOR_LOST);
        return;
    }
    qmp_query_migrate(monitor, looked, destination);
}

void
destination_qemu_event(struct destination *destination,
                       const struct qmp_event *event)
{
    /* Before cont is answered: a QEMU that dies then has run the guest. */
    if (event->type == QMP_EVENT_RESUME) {
        destination->has_resumed = true;
        destination_happened(destination, DESTINATION_EVENT_RUNNING);
        return;
    }
    if (event->type != QMP_EVENT_MIGRATION) {
        return;
    }
    switch (event->migration.status) {
    case QMP_MIGRATION_ACTIVE:
        destination_source_came(destination);
        break;
    case QMP_MIGRATION_COMPLETED:
        destination_confirm_tunnel(destination);
        destination_happened(destination, DESTINATION_EVENT_LOADED);
        break;
    case QMP_MIGRATION_FAILED:
        /* QEMU 7.2 exits a moment later, and its log says why. */
        break;
    default:
        break;
    }
}

static struct qmp_session *
monitor_of(struct destination *destination)
{
    return destination->domain->qemu
               ? qemu_process_monitor(destination->domain->qemu)
               : NULL;
}

static void
listen_on_next(struct destination *destination)
{
    AUTO_FREE char *uri = NULL;
    AUTO_ERROR err = {0};

    if (destination_choose_port(destination, &err) < 0) {
        destination_fail(destination, &err);
        arm_step_done(destination);
        return;
    }
    uri = destination_listen_uri(destination);
    qmp_migrate_incoming(monitor_of(destination), uri, listening, destination);
}

/* QEMU reads at once: nothing comes before Prepare was answered. */
static void
read_from_tunnel(struct destination *destination)
{
    struct qmp_session *monitor = monitor_of(destination);
    AUTO_ERROR err = {0};
    int fd;

    if (destination_make_tunnel(destination, &fd, &err) < 0) {
        destination_fail(destination, &err);
        destination->pending--;
        arm_step_done(destination);
        return;
    }
    qmp_getfd(monitor, "migrate", fd, prepared, destination);
    qmp_migrate_incoming(monitor, "fd:migrate", prepared, destination);
}

static void
prepared(void *owner, const struct error *failed)
{
    struct destination *destination = owner;

    if (is_deaf(destination, failed)) {
        return;
    }
    if (failed) {
        destination_fail(destination, failed);
    }
    arm_step_done(destination);
}

static void
listening(void *owner, const struct error *failed)
{
    struct destination *destination = owner;

    /* A port of ours that somebody took in the meantime: the next. */
    if (failed && failed->code != ERROR_PEER_LOST && !destination->uri.port &&
        destination->uri.transport == MIGRATION_TRANSPORT_TCP) {
        listen_on_next(destination);
        return;
    }
    prepared(destination, failed);
}

static void
cpu_known(void *owner, const struct error *failed)
{
    struct destination *destination = owner;
    AUTO_ERROR err = {0};

    if (is_deaf(destination, failed)) {
        return;
    }
    if (destination_check_cpu(destination, failed, &err) < 0) {
        destination_fail(destination, &err);
    }
    arm_step_done(destination);
}

static void
arm_step_done(struct destination *destination)
{
    if (--destination->pending > 0 ||
        (destination->state != DESTINATION_STATE_ARMING &&
         destination->state != DESTINATION_STATE_ARMING2)) {
        return;
    }
    destination_happened(destination, error_is_set(&destination->failure)
                                          ? DESTINATION_EVENT_FAILED
                                          : DESTINATION_EVENT_ARMED);
}

static void
resumed(void *owner, const struct error *failed)
{
    struct destination *destination = owner;

    if (failed) {
        if (failed->code != ERROR_PEER_LOST) {
            destination->handover.may_have_run = destination->has_resumed;
        }
        refused(destination, failed);
        return;
    }
    destination_happened(destination, DESTINATION_EVENT_RUNNING);
}

static void
settled(void *owner, const struct error *failed)
{
    struct destination *destination = owner;

    if (is_deaf(destination, failed)) {
        return;
    }
    if (failed) {
        destination->is_unsettled = true;
        destination_fail(destination, failed);
    }
    if (--destination->pending == 0) {
        destination_happened(destination, destination->is_unsettled
                                              ? DESTINATION_EVENT_REFUSED
                                              : DESTINATION_EVENT_SETTLED);
    }
}

static void
examined(void *owner, const struct qmp_status *status,
         const struct error *failed)
{
    struct destination *destination = owner;
    AUTO_ERROR err = {0};

    if (failed) {
        refused(destination, failed);
    } else if (!is_as_it_came(status->state)) {
        destination_happened(destination, DESTINATION_EVENT_RUNNING);
    } else {
        error_set(&err, ERROR_OPERATION_FAILED, "the guest does not run: %s",
                  status->state_name);
        destination_fail(destination, &err);
        destination->handover.may_have_run = false;
        destination_happened(destination, destination->handover.has_token
                                              ? DESTINATION_EVENT_FROZEN
                                              : DESTINATION_EVENT_REFUSED);
    }
}

/* Not run since it was loaded: one that has, and stands still again, says for
 * what (QEMU 7.2). */
static bool
is_as_it_came(enum qmp_run_state state)
{
    return state == QMP_RUN_STATE_PAUSED || state == QMP_RUN_STATE_INMIGRATE ||
           state == QMP_RUN_STATE_PRELAUNCH ||
           state == QMP_RUN_STATE_POSTMIGRATE;
}

static void
looked(void *owner, const struct qmp_migration *migration,
       const struct error *failed)
{
    struct destination *destination = owner;
    AUTO_ERROR err = {0};

    if (is_deaf(destination, failed)) {
        return;
    }
    if (failed) {
        destination_fail(destination, failed);
        destination_happened(destination, DESTINATION_EVENT_FAILED);
        return;
    }
    switch (migration->status) {
    case QMP_MIGRATION_COMPLETED:
        destination_happened(destination, DESTINATION_EVENT_LOADED);
        break;
    case QMP_MIGRATION_FAILED:
        error_set(&err, ERROR_OPERATION_FAILED,
                  "the incoming migration failed: %s",
                  migration->error_desc ? migration->error_desc
                                        : "QEMU does not say why");
        destination_fail(destination, &err);
        destination_happened(destination, DESTINATION_EVENT_FAILED);
        break;
    case QMP_MIGRATION_NONE:
    case QMP_MIGRATION_SETUP: /* It listens. */
        destination_happened(destination, DESTINATION_EVENT_ABSENT);
        break;
    default:
        destination_source_came(destination);
        destination_happened(destination, DESTINATION_EVENT_COMING);
        break;
    }
}

static void
refused(struct destination *destination, const struct error *why)
{
    if (!is_deaf(destination, why)) {
        destination_fail(destination, why);
        destination_happened(destination, DESTINATION_EVENT_REFUSED);
    }
}

/* Where the connection ended under a command, QEMU is about to be reported as
 * dead, with its last words, or as alive without a monitor; only the latter may
 * have been reported before the command was given. */
static bool
is_deaf(struct destination *destination, const struct error *failed)
{
    if (!failed || failed->code != ERROR_PEER_LOST) {
        return false;
    }
    if (qemu_process_state(destination->domain->qemu) ==
        QEMU_PROCESS_MONITOR_LOST) {
        destination_fail(destination, failed);
        destination_happened(destination, DESTINATION_EVENT_MONITOR_LOST);
    }
    return true;
}
