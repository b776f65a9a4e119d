/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "io/failpoint.h"
#include "state/store.h"

enum { RECORD_VERSION = 1 };

/* What could not be saved. */
struct unsaved {
    struct list link; /* In host->outcomes. */
    struct uuid domain, handover;
    char *name; /* Owned. Of the domain. */
    enum ledger_outcome outcome;
};

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static int save(const struct host *host, const struct unsaved *entry,
                struct error *err);
static struct unsaved *find_unsaved(struct host *host,
                                    const struct uuid *handover);
static void unsaved_free(struct unsaved *entry);
static char *folder_of(const struct host *host);
static char *file_name(const struct uuid *handover);
static void remove_if_old(void *owner, const char *name);

void
ledger_note(const struct domain *domain, const struct uuid *handover,
            enum ledger_outcome outcome)
{
    struct host *host = domain->host;
    struct unsaved *entry = xcalloc(1, sizeof *entry);
    AUTO_ERROR err = {0};

    unsaved_free(find_unsaved(host, handover));
    *entry = (struct unsaved){.domain = domain->uuid,
                              .handover = *handover,
                              .name = xstrdup(domain->name),
                              .outcome = outcome};
    list_add(&host->outcomes, &entry->link);
    if (save(host, entry, &err) < 0) {
        host_note(host, LOG_LEVEL_ERROR, domain, "%s", err.message);
    } else {
        unsaved_free(entry);
    }
}

int
ledger_forget(struct host *host, const struct uuid *handover, struct error *err)
{
    AUTO_FREE char *folder = folder_of(host);
    AUTO_FREE char *name = file_name(handover);

    unsaved_free(find_unsaved(host, handover));
    return store_remove(folder, name, err);
}

enum ledger_outcome
ledger_find(struct host *host, const struct uuid *domain,
            const struct uuid *handover)
{
    AUTO_FREE char *folder = folder_of(host);
    AUTO_FREE char *name = file_name(handover);
    struct unsaved *unsaved = find_unsaved(host, handover);
    AUTO_ERROR err = {0};
    AUTO(record) *record = NULL;
    const char *outcome;
    char uuid[UUID_TEXT_SIZE];

    if (unsaved && save(host, unsaved, &err) < 0) {
        return LEDGER_UNSAVED;
    }
    unsaved_free(unsaved);
    record = store_load(folder, name, &err);
    if (!record) {
        return LEDGER_NOTHING;
    }
    uuid_format(domain, uuid);
    outcome = record_find_text(record, "outcome", "");
    if (strcmp(record_find_text(record, "domain", ""), uuid) != 0) {
        return LEDGER_NOTHING;
    }
    if (strcmp(outcome, "taken") == 0) {
        return LEDGER_TAKEN;
    }
    return strcmp(outcome, "returned") == 0 ? LEDGER_RETURNED : LEDGER_NOTHING;
}

void
ledger_stop(struct host *host)
{
    LIST_FOR_EACH (link, &host->outcomes) {
        unsaved_free(container_of(link, struct unsaved, link));
    }
}

void
ledger_clean(struct host *host)
{
    AUTO_FREE char *folder = folder_of(host);
    AUTO_ERROR err = {0};

    if (store_each(folder, ".record", remove_if_old, host, &err) < 0) {
        host_note(host, LOG_LEVEL_WARNING, NULL, "%s", err.message);
    }
}

static int
save(const struct host *host, const struct unsaved *entry, struct error *err)
{
    AUTO_FREE char *folder = folder_of(host);
    AUTO_FREE char *name = file_name(&entry->handover);
    AUTO(record) *record = record_new(RECORD_VERSION);
    char uuid[UUID_TEXT_SIZE];

    uuid_format(&entry->domain, uuid);
    record_set_text(record, "domain", uuid);
    record_set_text(record, "name", entry->name);
    record_set_text(record, "outcome",
                    entry->outcome == LEDGER_TAKEN ? "taken" : "returned");
    record_set_number(record, "when", realtime_ms());
    if (store_save(folder, name, record, err) < 0) {
        return error_wrap(err,
                          "keeping the end of the migration of domain '%s'",
                          entry->name);
    }
    failpoint("save/ledger");
    return 0;
}

static struct unsaved *
find_unsaved(struct host *host, const struct uuid *handover)
{
    LIST_FOR_EACH (link, &host->outcomes) {
        struct unsaved *entry = container_of(link, struct unsaved, link);

        if (uuid_is_equal(&entry->handover, handover)) {
            return entry;
        }
    }
    return NULL;
}

static void
unsaved_free(struct unsaved *entry)
{
    if (entry) {
        list_remove(&entry->link);
        free(entry->name);
        free(entry);
    }
}

static char *
folder_of(const struct host *host)
{
    return xasprintf("%s/handovers", host->settings.state_dir);
}

static char *
file_name(const struct uuid *handover)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(handover, text);
    return xasprintf("%s.record", text);
}

/* A clock that was set back makes entries live longer. */
static void
remove_if_old(void *owner, const char *name)
{
    struct host *host = owner;
    AUTO_FREE char *folder = folder_of(host);
    AUTO_ERROR err = {0};
    AUTO(record) *record = store_load(folder, name, &err);

    if (record && realtime_ms() - record_find_number(record, "when", 0) <
                      LEDGER_DAYS * day_ms) {
        return;
    }
    if (!record) {
        AUTO_FREE char *kept = NULL;
        AUTO_ERROR failed = {0};

        kept = store_set_aside(folder, name, &failed);
        host_note(host, LOG_LEVEL_WARNING, NULL,
                  "%s/%s can't be read and is kept as %s: %s", folder, name,
                  kept ? kept : name, err.message);
        return;
    }
    if (store_remove(folder, name, &err) < 0) {
        host_note(host, LOG_LEVEL_WARNING, NULL, "%s", err.message);
    }
}
