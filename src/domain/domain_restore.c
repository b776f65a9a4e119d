/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the domains of an earlier run of the daemon: definitions, records, and
 * the QEMUs that the records name.  A QEMU is recognised by pid and start time;
 * what can't be read is set aside, and its QEMU left alone. */

#include <errno.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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
static void found_monitor(void *owner, const char *name);
static int restore_domain(struct restore *restore, const struct record *record,
                          struct error *err);
static int read_qemu(const struct record *record,
                     struct qemu_process_identity *identity, struct error *err);
static void restore_work(struct restore *restore, struct domain *domain,
                         const struct record *record, const struct error *gone);
static void forget(struct domain *domain);
static void restore_state(struct domain *domain, const struct record *record);
static void restore_cpu(struct domain *domain, const struct record *record);
static void restore_job(struct domain *domain, const struct record *record);
static void found_dead(struct domain *domain, const struct error *why);
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
    return store_each(domains, ".monitor", found_monitor, &restore, err);
}

/* The socket of a QEMU that was never executed, since its record was not on
 * disk.  One that lives, and whose record can't be read, listens. */
static void
found_monitor(void *owner, const char *name)
{
    const struct restore *restore = owner;
    AUTO_FREE char *path = xasprintf("%s/%s", restore->folder, name);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    AUTO_CLOSE int fd =
        socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof address.sun_path) {
        return;
    }
    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 &&
        errno == ECONNREFUSED) {
        unlink(path);
    }
}

static int
make_folders(struct host *host, struct error *err)
{
    const char *const folders[][2] = {
        {host->settings.state_dir,   "definitions"},
        {host->settings.state_dir,   "handovers"  },
        {host->settings.state_dir,   "log"        },
        {host->settings.runtime_dir, "domains"    },
    };

    for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", folders[i][0], folders[i][1]);

        if (store_make_folder(path, err) < 0 || store_clean(path, err) < 0) {
            return -1;
        }
    }
    /* Of what both folders have themselves. */
    if (store_clean(host->settings.state_dir, err) < 0 ||
        store_clean(host->settings.runtime_dir, err) < 0) {
        return -1;
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
    struct domain *domain;
    struct guest *guest = NULL;
    bool was_updated;

    if (xml) {
        guest = host_read_guest(restore->host, xml, GUEST_PARSE_INACTIVE, &err);
    }
    domain =
        guest ? domain_define(restore->host, guest, &was_updated, &err) : NULL;
    if (!domain) {
        set_aside(restore->host, restore->folder, name, &err);
        return;
    }
    domain->has_autostart = domain_load_autostart(domain);
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
    static const int64_t ids[] = {1, INT32_MAX / 2};
    struct qemu_process_identity qemu = {0};
    const char *xml;
    struct domain *domain;
    struct guest *live;
    int64_t id;

    if (record_get_text(record, "xml", &xml, err) < 0 ||
        record_get_number(record, "id", ids, &id, err) < 0 ||
        read_qemu(record, &qemu, err) < 0) {
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
    restore_state(domain, record);
    restore_cpu(domain, record);
    restore_job(domain, record);
    domain->qemu = qemu_process_adopt(domain->host->loop, &qemu,
                                      &domain_qemu_callbacks, domain, err);
    if (!domain->qemu && err->errnum != ESRCH) {
        forget(domain);
        return -1;
    }
    if (domain->qemu) {
        qemu_process_set_silence_limit(
            domain->qemu, domain->host->settings.monitor_timeout_ms);
    }
    restore_work(restore, domain, record, err);
    error_clear(err);
    return 0;
}

/* The migration is told before the end of its QEMU: what has become of the
 * guest is for its rules to say. */
static void
restore_work(struct restore *restore, struct domain *domain,
             const struct record *record, const struct error *gone)
{
    domain_get(domain);
    restore->restore_migration(domain, record);
    if (!domain->migration) {
        /* It was over, and the record is from before its job's end. */
        qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    }
    if (!domain->qemu) {
        found_dead(domain, gone);
    } else if (!domain->migration) {
        domain_learn_state(domain); /* It was starting, or runs. */
    }
    domain_put(domain);
}

void
domain_learn_state(struct domain *domain)
{
    qmp_query_status(qemu_process_monitor(domain->qemu), status_known,
                     domain_get(domain));
}

/* Nobody can say whether its QEMU lives: as if there were no record. */
static void
forget(struct domain *domain)
{
    qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    domain->id = -1;
    domain->state = DOMAIN_STATE_SHUTOFF;
    domain->reason = VIR_DOMAIN_SHUTOFF_UNKNOWN;
    guest_free(STEAL(domain->live));
    guest_seen_cpu_free(STEAL(domain->cpu));
    domain_remove_if_unused(domain);
}

static void
found_dead(struct domain *domain, const struct error *why)
{
    host_note(domain->host, LOG_LEVEL_WARNING, domain,
              "the guest's QEMU is gone: %s", why->message);
    if (domain->migration) {
        domain->migration->ended(domain->migration, why);
    } else {
        domain_stopped(domain, VIR_DOMAIN_SHUTOFF_CRASHED,
                       VIR_DOMAIN_EVENT_STOPPED_CRASHED);
    }
}

static int
read_qemu(const struct record *record, struct qemu_process_identity *identity,
          struct error *err)
{
    static const int64_t pids[] = {1, INT32_MAX};
    static const int64_t times[] = {0, INT64_MAX};
    int64_t pid, start_time;

    if (record_get_number(record, "qemu-pid", pids, &pid, err) < 0 ||
        record_get_number(record, "qemu-start-time", times, &start_time, err) <
            0 ||
        record_get_text(record, "qemu-monitor", &identity->monitor_path, err) <
            0 ||
        record_get_text(record, "qemu-log", &identity->log_path, err) < 0) {
        return -1;
    }
    identity->pid = (pid_t)pid;
    identity->start_time = (uint64_t)start_time;
    identity->log_offset = record_find_number(record, "qemu-log-offset", 0);
    return 0;
}

/* A guest whose record makes no sense here is asked about: status_known(). */
static void
restore_state(struct domain *domain, const struct record *record)
{
    int64_t state = record_find_number(record, "state", 0);
    int64_t reason = record_find_number(record, "reason", 0);
    bool is_known =
        state >= DOMAIN_STATE_RUNNING && state <= DOMAIN_STATE_PMSUSPENDED &&
        state != DOMAIN_STATE_SHUTOFF && reason >= 0 && reason <= INT16_MAX;

    domain->state = is_known ? (enum domain_state)state : DOMAIN_STATE_PAUSED;
    domain->reason = is_known ? (int)reason : VIR_DOMAIN_PAUSED_UNKNOWN;
}

/* A job that the record contradicts itself about is dropped: the migration's
 * rules go on without it. */
/* Without it a destination has nothing to compare with: the guest goes on. */
static void
restore_cpu(struct domain *domain, const struct record *record)
{
    const char *text = record_find_text(record, "cpu", NULL);
    AUTO_ERROR err = {0};

    if (!text) {
        return;
    }
    domain->cpu = guest_seen_cpu_parse(text, &err);
    if (!domain->cpu) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain, "%s", err.message);
    }
}

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
    } else if (status->state == QMP_RUN_STATE_SHUTDOWN) {
        domain_shut_down(domain, true);
    } else if (status->state == QMP_RUN_STATE_GUEST_PANICKED) {
        domain_panicked(domain);
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
