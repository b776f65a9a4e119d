/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is on disk of a domain.
 *
 *   STATE_DIR/definitions/UUID.xml    its definition; survives the host
 *   STATE_DIR/definitions/UUID.autostart  is to be started with the host
 *   RUNTIME_DIR/domains/UUID.record   while it runs; dies with the host's boot
 *   RUNTIME_DIR/domains/UUID.monitor  its QEMU's socket
 *   STATE_DIR/log/UUID.log            what its QEMU wrote
 *
 * File names are UUIDs, so that no name of a guest can reach another file. */

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/memory.h"
#include "domain/domain_internal.h"
#include "io/failpoint.h"
#include "state/store.h"

enum { RECORD_VERSION = 1 };

static char *folder_of(const struct host *host, bool is_running);
static char *file_name(const struct uuid *uuid, const char *suffix);
static void record_job(struct record *record, const struct domain *domain);
static const char *migration_state(const struct record *record);

int
domain_save_definition(struct host *host, const struct guest *guest,
                       struct error *err)
{
    AUTO_FREE char *folder = folder_of(host, false);
    AUTO_FREE char *name = file_name(&guest->uuid, "xml");
    AUTO_FREE char *xml =
        guest_format(guest, GUEST_FORMAT_SECURE | GUEST_FORMAT_INACTIVE);

    return store_save_text(folder, name, xml, err);
}

int
domain_remove_definition(struct domain *domain, struct error *err)
{
    AUTO_FREE char *folder = folder_of(domain->host, false);
    AUTO_FREE char *name = file_name(&domain->uuid, "xml");

    return store_remove(folder, name, err);
}

int
domain_save_checked(struct domain *domain, struct error *err)
{
    AUTO_FREE char *folder = folder_of(domain->host, true);
    AUTO_FREE char *name = file_name(&domain->uuid, "record");
    AUTO_FREE char *xml = NULL;
    AUTO(record) *record = record_new(RECORD_VERSION);
    struct qemu_process_identity qemu;

    if (!domain->qemu || !domain->live) {
        return 0;
    }
    xml = guest_format(domain->live, GUEST_FORMAT_STATUS);
    qemu = qemu_process_identity(domain->qemu);
    record_set_text(record, "name", domain->name);
    record_set_text(record, "xml", xml);
    record_set_number(record, "id", domain->id);
    record_set_number(record, "state", (int64_t)domain->state);
    record_set_number(record, "reason", domain->reason);
    record_set_number(record, "qemu-pid", qemu.pid);
    record_set_number(record, "qemu-start-time", (int64_t)qemu.start_time);
    record_set_text(record, "qemu-monitor", qemu.monitor_path);
    record_set_text(record, "qemu-log", qemu.log_path);
    record_set_number(record, "qemu-log-offset", qemu.log_offset);
    record_set_bool(record, "is-persistent", domain->definition != NULL);
    if (domain->cpu) {
        AUTO_FREE char *cpu = guest_seen_cpu_format(domain->cpu);

        record_set_text(record, "cpu", cpu);
    }
    record_job(record, domain);
    if (domain->migration) {
        domain->migration->save(domain->migration, record);
    }
    if (store_save(folder, name, record, err) < 0) {
        return error_wrap(err, "saving the record of domain '%s'",
                          domain->name);
    }
    failpoint("save/%s", migration_state(record));
    return 0;
}

void
domain_remove_record(struct domain *domain)
{
    AUTO_FREE char *folder = folder_of(domain->host, true);
    AUTO_FREE char *record = file_name(&domain->uuid, "record");
    AUTO_FREE char *monitor = file_name(&domain->uuid, "monitor");
    AUTO_ERROR err = {0};

    if (store_remove(folder, record, &err) < 0) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain, "%s", err.message);
    }
    failpoint("save/removed");
    error_clear(&err);
    if (store_remove(folder, monitor, &err) < 0) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain, "%s", err.message);
    }
}

int
domain_save_autostart(struct domain *domain, bool is_on, struct error *err)
{
    AUTO_FREE char *folder = folder_of(domain->host, false);
    AUTO_FREE char *name = file_name(&domain->uuid, "autostart");

    return is_on ? store_save_text(folder, name, domain->name, err)
                 : store_remove(folder, name, err);
}

bool
domain_load_autostart(const struct domain *domain)
{
    AUTO_FREE char *folder = folder_of(domain->host, false);
    AUTO_FREE char *name = file_name(&domain->uuid, "autostart");
    AUTO_ERROR err = {0};
    AUTO_FREE char *text =
        store_load_text(folder, name, GUEST_NAME_LENGTH_MAX + 1, &err);

    return text != NULL;
}

char *
domain_monitor_path(const struct domain *domain)
{
    AUTO_FREE char *folder = folder_of(domain->host, true);
    AUTO_FREE char *name = file_name(&domain->uuid, "monitor");

    return xasprintf("%s/%s", folder, name);
}

char *
domain_log_path(const struct domain *domain)
{
    AUTO_FREE char *name = file_name(&domain->uuid, "log");

    return xasprintf("%s/log/%s", domain->host->settings.state_dir, name);
}

static char *
folder_of(const struct host *host, bool is_running)
{
    return is_running ? xasprintf("%s/domains", host->settings.runtime_dir)
                      : xasprintf("%s/definitions", host->settings.state_dir);
}

static char *
file_name(const struct uuid *uuid, const char *suffix)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(uuid, text);
    return xasprintf("%s.%s", text, suffix);
}

static void
record_job(struct record *record, const struct domain *domain)
{
    const struct qemu_migration_facts *facts = &domain->migration_job.facts;

    if (facts->kind == JOB_ASYNC_NONE) {
        return;
    }
    record_set_text(record, "job", job_async_name(facts->kind));
    record_set_text(record, "job-phase",
                    qemu_migration_phase_name(facts->phase));
    record_set_number(record, "job-beside", facts->beside);
    record_set_number(record, "job-started", facts->started_ms);
    record_set_number(record, "job-phase-started", facts->phase_started_ms);
    record_set_bool(record, "job-is-owned", facts->is_owned);
    record_set_number(record, "job-deadline", facts->deadline_ms);
}

/* For failpoints. */
static const char *
migration_state(const struct record *record)
{
    const char *incoming =
        record_find_text(record, "destination-state", "none");

    return record_find_text(record, "source-state", incoming);
}
