/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gives a domain that was found in its record after a restart of the daemon its
 * part in a migration back.  What happens then is a rule: the event RESTARTED
 * in the state that the record tells. */

#include <libvirt/libvirt.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/destination.h"
#include "ferry/peer.h"
#include "ferry/source.h"

static bool restore_source(struct domain *domain, const struct record *record);
static bool restore_destination(struct domain *domain,
                                const struct record *record);
static void withdraw(struct domain *domain, const struct record *record);
static void leave_if_nobody_can_be_asked(struct source *source);
static int read_state(const struct domain *domain, const struct record *record,
                      const char *key, const struct rules *rules);

void
ferry_restore(struct domain *domain, const struct record *record)
{
    if (restore_source(domain, record)) {
        /* First, since what is saved next has to tell of it, too. */
        bool goes_on = peer_restore(domain, record);

        domain->migration->restarted(domain->migration);
        if (goes_on) {
            peer_go_on(domain);
        } else {
            withdraw(domain, record);
        }
    } else if (restore_destination(domain, record)) {
        domain->migration->restarted(domain->migration);
    }
}

/* Of a migration that this daemon drove and that goes back the other one, which
 * waits, has to know; unless it may have the only guest. */
static void
withdraw(struct domain *domain, const struct record *record)
{
    const struct source *source = source_find(domain);
    const char *uri = record_find_text(record, "peer-uri", NULL);
    struct uuid handover;

    if (!uri || !domain->qemu ||
        !record_find_bool(record, "handover-comes-back", false) ||
        !uuid_parse(record_find_text(record, "handover-id", ""), &handover) ||
        (source && source_token_is_away(source->state))) {
        return;
    }
    ferry_withdraw(domain, uri, &handover);
}

static bool
restore_source(struct domain *domain, const struct record *record)
{
    int state = read_state(domain, record, "source-state", &source_rules);
    struct source *source;

    if (state == SOURCE_STATE_IDLE) {
        return false;
    }
    source = source_new(domain);
    source->state = state < 0 ? SOURCE_STATE_HANDED : (enum source_state)state;
    source->flags = (unsigned)record_find_number(record, "source-flags", 0);
    source->was_running = record_find_bool(record, "source-was-running", false);
    source->is_suspended =
        record_find_bool(record, "source-is-suspended", false);
    source->had_ended = record_find_bool(record, "source-had-ended", false);
    source->statistics.started =
        (uint64_t)record_find_number(record, "source-started", 0);
    source->statistics.stopped =
        (uint64_t)record_find_number(record, "source-stopped", 0);
    source->parameters.migrate_uri =
        xstrdup_null(record_find_text(record, "source-migrate-uri", NULL));
    source->parameters.persistent_xml =
        xstrdup_null(record_find_text(record, "source-persistent-xml", NULL));
    source_restore_handover(source, record);
    leave_if_nobody_can_be_asked(source);
    /* It may have failed, and the guest gone on, while nobody watched. */
    source->may_have_gone_on = true;
    if (source->state == SOURCE_STATE_UNSURE ||
        source->state == SOURCE_STATE_LEFT) {
        /* The step there ends the job, and may not have come so far. */
        qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    }
    source_trace_state(source, "FOUND");
    return true;
}

/* As a record says that is damaged, or of another version. */
static void
leave_if_nobody_can_be_asked(struct source *source)
{
    if (source->handover.is_kept || source->state == SOURCE_STATE_KILLING ||
        source->state == SOURCE_STATE_SHELL_GONE ||
        !source_token_is_away(source->state)) {
        return;
    }
    source->state = source->state == SOURCE_STATE_ORPHAN
                        ? SOURCE_STATE_SHELL_GONE
                        : SOURCE_STATE_HANDED;
}

static bool
restore_destination(struct domain *domain, const struct record *record)
{
    int state =
        read_state(domain, record, "destination-state", &destination_rules);
    struct destination *destination;

    if (state <= DESTINATION_STATE_IDLE) {
        return false;
    }
    destination = destination_new(domain);
    destination->state = (enum destination_state)state;
    destination_trace_state(destination, "FOUND");
    destination->state_since_ms =
        record_find_number(record, "destination-since", 0);
    destination->flags =
        (unsigned)record_find_number(record, "destination-flags", 0);
    destination->original_name = xstrdup(
        record_find_text(record, "destination-original-name", domain->name));
    destination->port =
        (uint16_t)record_find_number(record, "destination-port", 0);
    destination_restore_handover(destination, record);
    destination->until_ms = record_find_number(record, "destination-until", 0);
    destination->is_restored = true;
    destination->was_announced =
        destination->state != DESTINATION_STATE_STARTING;
    destination->was_restored = true;
    if (destination->flags & VIR_MIGRATE_PERSIST_DEST && !domain->definition) {
        destination->persist = guest_copy(domain->live);
    }
    return true;
}

/* 0 (IDLE) where the record tells of none, -1 where it tells of one that we do
 * not know: a damaged record, or one of another version. */
static int
read_state(const struct domain *domain, const struct record *record,
           const char *key, const struct rules *rules)
{
    const char *name = record_find_text(record, key, NULL);
    int state =
        name ? rules_name_find(rules->states, rules->state_count, name) : 0;

    if (state < 0) {
        host_note(domain->host, LOG_LEVEL_ERROR, domain,
                  "its record has an unknown %s, '%s': the guest stays as it"
                  " is; look at both hosts before it is resumed",
                  key, name);
    }
    return state;
}
