/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the domains of an earlier run of the daemon: definitions, records, and
 * the QEMUs that the records name.  A QEMU is recognised by pid and start time;
 * what can't be read is set aside, and its QEMU left alone. */

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "domain/domain_internal.h"
#include "qmp/commands.h"
#include "state/store.h"

struct restore {
    struct host *host;
    const char *folder;
    void (*restore_migration)(struct domain *domain,
                              const struct record *record);
};

static int make_folders(struct host *host, struct error *err);
static void found_definition(void *owner, const char *name);
static void found_record(void *owner, const char *name);
static int restore_domain(struct restore *restore, const struct record *record,
                          struct error *err);
static int adopt(struct domain *domain, const struct record *record,
                 struct error *err);
static void restore_job(struct domain *domain, const struct record *record);
static void status_known(void *owner, const struct qmp_status *status,
                         const struct error *err);
static void set_aside(struct host *host, const char *folder, const char *name,
                      const struct error *why);

int
domain_restore_all(struct host *host,
                   void (*restore_migration)(struct domain *domain,
                                             const struct record *record),
                   struct error *err)
{
    AUTO_FREE char *definitions =
        xasprintf("%s/definitions", host->settings.state_dir);
    AUTO_FREE char *domains =
        xasprintf("%s/domains", host->settings.runtime_dir);
    struct restore restore = {host, definitions, restore_migration};

    if (make_folders(host, err) < 0 ||
        store_each(definitions, ".xml", found_definition, &restore, err) < 0) {
        return error_wrap(err, "reading the definitions in %s", definitions);
    }
    restore.folder = domains;
    if (store_each(domains, ".record", found_record, &restore, err) < 0) {
        return error_wrap(err, "reading the records in %s", domains);
    }
    return 0;
}

static int
make_folders(struct host *host, struct error *err)
{
    const char *const folders[][2] = {
        {host->settings.state_dir,   "definitions"},
        {host->settings.state_dir,   "log"        },
        {host->settings.runtime_dir, "domains"    },
    };

    for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", folders[i][0], folders[i][1]);

        if (store_make_folder(path, err) < 0 || store_clean(path, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void
found_definition(void *owner, const char *name)
{
    struct restore *restore = owner;
    AUTO_ERROR err = {0};
    AUTO_FREE char *xml =
        store_load_text(restore->folder, name, GUEST_XML_SIZE_MAX, &err);
    struct guest *guest = NULL;
    bool was_updated;

    if (xml) {
        guest = host_read_guest(restore->host, xml, GUEST_PARSE_INACTIVE, &err);
    }
    if (!guest || !domain_define(restore->host, guest, &was_updated, &err)) {
        set_aside(restore->host, restore->folder, name, &err);
    }
}

static void
found_record(void *owner, const char *name)
{
    struct restore *restore = owner;
    AUTO_ERROR err = {0};
    AUTO(record) *record = store_load(restore->folder, name, &err);

    if (!record || restore_domain(restore, record, &err) < 0) {
        set_aside(restore->host, restore->folder, name, &err);
    }
}

static int
restore_domain(struct restore *restore, const struct record *record,
               struct error *err)
{
    static const int64_t ids[] = {1, INT32_MAX};
    const char *xml;
    struct domain *domain;
    struct guest *live;
    int64_t id;

    if (record_get_text(record, "xml", &xml, err) < 0 ||
        record_get_number(record, "id", ids, &id, err) < 0) {
        return -1;
    }
    live = guest_parse(xml, strlen(xml), GUEST_PARSE_STATUS, err);
    if (!live) {
        return -1;
    }
    domain = domain_add_live(restore->host, live, err);
    if (!domain) {
        return -1;
    }
    if (restore->host->last_id < id) {
        restore->host->last_id = (int)id;
    }
    domain->id = (int)id;
    domain->state = (enum domain_state)record_find_number(record, "state", 0);
    domain->reason = (int)record_find_number(record, "reason", 0);
    domain_get(domain);
    if (adopt(domain, record, err) < 0) {
        host_note(restore->host, LOG_LEVEL_WARNING, domain,
                  "the guest's QEMU is gone: %s", err->message);
        error_clear(err);
        domain_stopped(domain, VIR_DOMAIN_SHUTOFF_CRASHED,
                       VIR_DOMAIN_EVENT_STOPPED_CRASHED);
        domain_put(domain);
        return 0;
    }
    restore_job(domain, record);
    restore->restore_migration(domain, record);
    if (!domain->migration) {
        /* It was starting, or runs: QEMU knows. */
        qmp_query_status(qemu_process_monitor(domain->qemu), status_known,
                         domain_get(domain));
    }
    domain_put(domain);
    return 0;
}

static int
adopt(struct domain *domain, const struct record *record, struct error *err)
{
    static const int64_t pids[] = {1, INT32_MAX};
    static const int64_t times[] = {0, INT64_MAX};
    struct qemu_process_identity identity = {0};
    int64_t pid, start_time;

    if (record_get_number(record, "qemu-pid", pids, &pid, err) < 0 ||
        record_get_number(record, "qemu-start-time", times, &start_time, err) <
            0 ||
        record_get_text(record, "qemu-monitor", &identity.monitor_path, err) <
            0 ||
        record_get_text(record, "qemu-log", &identity.log_path, err) < 0) {
        return -1;
    }
    identity.pid = (pid_t)pid;
    identity.start_time = (uint64_t)start_time;
    identity.log_offset = record_find_number(record, "qemu-log-offset", 0);
    domain->qemu = qemu_process_adopt(domain->host->loop, &identity,
                                      &domain_qemu_callbacks, domain, err);
    return domain->qemu ? 0 : -1;
}

/* A job that the record contradicts itself about is dropped: the migration's
 * rules go on without it. */
static void
restore_job(struct domain *domain, const struct record *record)
{
    struct qemu_migration_facts facts = {0};
    AUTO_ERROR err = {0};

    if (!record_has(record, "job")) {
        return;
    }
    if (!job_async_parse(record_find_text(record, "job", ""), &facts.kind) ||
        !qemu_migration_phase_parse(record_find_text(record, "job-phase", ""),
                                    &facts.phase)) {
        host_note(domain->host, LOG_LEVEL_ERROR, domain,
                  "the job in the domain's record is unknown");
        return;
    }
    facts.beside = (unsigned)record_find_number(record, "job-beside", 0);
    facts.started_ms = record_find_number(record, "job-started", 0);
    facts.phase_started_ms = record_find_number(record, "job-phase-started", 0);
    facts.is_owned = record_find_bool(record, "job-is-owned", false);
    facts.deadline_ms = record_find_number(record, "job-deadline", -1);
    if (qemu_migration_job_restore(&domain->migration_job, &facts,
                                   monotonic_ms(), &err) < 0) {
        host_note(domain->host, LOG_LEVEL_ERROR, domain, "%s", err.message);
    }
}

static void
status_known(void *owner, const struct qmp_status *status,
             const struct error *err)
{
    struct domain *domain = owner;

    if (err || !domain_is_active(domain)) {
        /* Its end, or the loss of its monitor, is reported elsewhere. */
    } else if (status->is_running && domain->state != DOMAIN_STATE_RUNNING) {
        domain_set_state(domain, DOMAIN_STATE_RUNNING,
                         VIR_DOMAIN_RUNNING_UNPAUSED);
    } else if (status->state == QMP_RUN_STATE_PRELAUNCH) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain,
                  "the guest was never fully started: it is stopped");
        domain->on_end = (struct domain_expectation){
            VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED};
        domain_kill(domain);
    } else if (!status->is_running && domain->state == DOMAIN_STATE_RUNNING) {
        domain_set_state(domain, DOMAIN_STATE_PAUSED,
                         VIR_DOMAIN_PAUSED_UNKNOWN);
    }
    domain_put(domain);
}

static void
set_aside(struct host *host, const char *folder, const char *name,
          const struct error *why)
{
    AUTO_ERROR err = {0};
    AUTO_FREE char *kept = store_set_aside(folder, name, &err);

    host_note(host, LOG_LEVEL_ERROR, NULL,
              "%s/%s can't be read and is kept as %s: %s", folder, name,
              kept ? kept : name, why->message);
}
