/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/source_entry.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

static bool entry_withdraw(struct source_entry *entry);

struct source_entry *
source_entry_new(struct domain *domain,
                 const struct migration_parameters *parameters, unsigned flags,
                 struct ferry_call *call)
{
    struct source_entry *entry = xcalloc(1, sizeof *entry);

    list_add(&domain->host->entries, &entry->link);
    entry->domain = domain_get(domain);
    entry->call = call;
    entry->flags = flags;
    migration_parameters_copy(&entry->parameters, parameters);
    return entry;
}

void
source_entry_fail(struct source_entry *entry, const struct error *err)
{
    struct domain *domain = domain_get(entry->domain);
    struct ferry_call *call = STEAL(entry->call);
    uint64_t client_id = call->client_id;
    bool has_job = entry->has_job;
    bool is_perform = entry->kind == ENTRY_PERFORM;

    source_entry_free(entry);
    if (has_job) {
        qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    } else if (is_perform) {
        /* A client whose Perform failed does not Confirm: what its Begin took
         * would stay. */
        ferry_refuse_perform(domain, client_id, err);
    }
    call->done(call, NULL, err);
    domain_put(domain);
}

void
source_entry_free(struct source_entry *entry)
{
    list_remove(&entry->link);
    if (entry->has_request) {
        job_lock_end(&entry->domain->jobs, monotonic_ms());
    }
    migration_parameters_done(&entry->parameters);
    error_clear(&entry->aborted);
    free(entry->handover.uri);
    domain_put(entry->domain);
    free(entry);
}

void
source_entry_client_gone(struct error *err)
{
    error_set(err, ERROR_OPERATION_ABORTED,
              "the client that drove the migration has closed its connection");
}

void
source_calls_withdraw(struct host *host, uint64_t client_id)
{
    /* The job of one who goes is granted to others at once, who may go too:
     * look again from the start. */
    for (bool is_changed = true; is_changed;) {
        is_changed = false;
        LIST_FOR_EACH (link, &host->entries) {
            struct source_entry *entry =
                container_of(link, struct source_entry, link);

            if (entry->call->client_id == client_id && entry_withdraw(entry)) {
                is_changed = true;
                break;
            }
        }
    }
}

/* False where QEMU has to answer first. */
static bool
entry_withdraw(struct source_entry *entry)
{
    AUTO_ERROR err = {0};

    if (entry->has_job || entry->has_request) {
        entry->is_client_gone = true;
        return false;
    }
    qemu_migration_job_cancel_start(&entry->start);
    job_lock_cancel(&entry->domain->jobs, &entry->request);
    source_entry_client_gone(&err);
    source_entry_fail(entry, &err);
    return true;
}

bool
source_calls_abort(struct domain *domain, const struct error *why)
{
    LIST_FOR_EACH (link, &domain->host->entries) {
        struct source_entry *entry =
            container_of(link, struct source_entry, link);

        if (entry->domain != domain || entry->kind == ENTRY_BEGIN) {
            continue;
        }
        if (entry->has_job) {
            error_copy(&entry->aborted, why);
        } else {
            qemu_migration_job_cancel_start(&entry->start);
            source_entry_fail(entry, why);
        }
        return true;
    }
    return false;
}
