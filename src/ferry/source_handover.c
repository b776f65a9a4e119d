/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source's part in the handover between two vmferryds: whose the token is,
 * and whom to ask for it. */

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "ferry/peer.h"
#include "ferry/source.h"

enum {
    FIRST_NOTE_PAUSE_MS = 60000,
    LONGEST_NOTE_PAUSE_MS = 3600000,
};

static void answered(void *owner, enum handover_verdict verdict,
                     const struct error *err);
static void note_answer(struct source *source, enum handover_verdict verdict,
                        const struct error *err);
static bool is_given_up(const struct source *source, enum source_state before,
                        enum source_action end);
static bool guest_stays(enum source_state before, enum source_action end);
static bool is_in_doubt(enum source_state state);
static void note_end(const struct source *source, enum source_event event);

enum source_event
source_variant(const struct source *source, enum source_event variant)
{
    return source->handover.is_kept ? variant : source_event_base(variant);
}

int
source_learn_handover(struct source *source,
                      const struct cookie_handover *cookie, struct error *err)
{
    struct source_handover *handover = &source->handover;
    const struct peer *peer = peer_find(source->domain);
    const char *uri = peer ? peer->uri : cookie->uri;

    if (!peer) {
        peer_stand_in_learn(source->domain, cookie->uri);
        peer = peer_find_stand_in(source->domain);
        uri = peer ? peer->uri : uri;
    }

    if (handover->has_id && !uuid_is_equal(&handover->id, &cookie->id)) {
        return error_set(err, ERROR_INTERNAL,
                         "the cookie is of another migration of domain '%s'",
                         source->domain->name);
    }
    handover->has_id = true;
    handover->id = cookie->id;
    /* Who can't be asked is as good as one that keeps no tokens. */
    handover->is_kept = uri != NULL;
    free(handover->uri);
    handover->uri = xstrdup_null(uri);
    return 0;
}

void
source_ask(struct source *source, enum handover_wish wish)
{
    struct domain *domain = source->domain;
    const struct handover_ask_options options = {
        .uri = source->handover.uri,
        .name = domain->name,
        .domain = &domain->uuid,
        .handover = &source->handover.id,
        .wish = wish,
    };

    source_stop_asking(source);
    source->note = (struct source_note){.pause_ms = FIRST_NOTE_PAUSE_MS};
    host_note(domain->host, LOG_LEVEL_WARNING, domain,
              "asking %s what has become of the guest, which stands still here"
              " meanwhile",
              options.uri);
    source->ask = handover_ask_new(domain->host, &options, answered, source);
}

void
source_stop_asking(struct source *source)
{
    handover_ask_free(STEAL(source->ask));
}

void
source_save_handover(const struct source *source, struct record *record)
{
    const struct source_handover *handover = &source->handover;
    char id[UUID_TEXT_SIZE];

    if (source->unsure_since_ms) {
        record_set_number(record, "source-unsure-since",
                          source->unsure_since_ms);
    }
    record_set_bool(record, "source-is-discarded", source->is_discarded);
    if (!handover->has_id) {
        return;
    }
    uuid_format(&handover->id, id);
    record_set_text(record, "handover-id", id);
    record_set_bool(record, "handover-is-kept", handover->is_kept);
    record_set_bool(record, "handover-comes-back", handover->comes_back);
    if (handover->uri) {
        record_set_text(record, "handover-uri", handover->uri);
    }
}

void
source_restore_handover(struct source *source, const struct record *record)
{
    struct source_handover *handover = &source->handover;
    const char *id = record_find_text(record, "handover-id", "");

    source->unsure_since_ms =
        record_find_number(record, "source-unsure-since", 0);
    source->is_discarded =
        record_find_bool(record, "source-is-discarded", false);
    handover->has_id = uuid_parse(id, &handover->id);
    handover->uri =
        xstrdup_null(record_find_text(record, "handover-uri", NULL));
    handover->is_kept = handover->has_id && handover->uri &&
                        record_find_bool(record, "handover-is-kept", false);
    handover->comes_back =
        handover->has_id && record_has(record, "peer-uri") &&
        record_find_bool(record, "handover-comes-back", false);
}

int
source_save_outcome(const struct source *source, enum ledger_outcome outcome,
                    struct error *err)
{
    struct domain *domain = source->domain;

    if (!source->handover.has_id) {
        return 0;
    }
    ledger_note(domain, &source->handover.id, outcome);
    if (ledger_find(domain->host, &domain->uuid, &source->handover.id) !=
        outcome) {
        return error_set(err, ERROR_OPERATION_FAILED,
                         "what is to become of domain '%s' can't be saved",
                         domain->name);
    }
    return 0;
}

void
source_note_outcome(const struct source *source, enum source_state before,
                    enum source_action end)
{
    const struct source_handover *handover = &source->handover;

    if (handover->has_id && is_given_up(source, before, end)) {
        ledger_note(source->domain, &handover->id, LEDGER_RETURNED);
    } else if (handover->has_id && handover->comes_back &&
               guest_stays(before, end)) {
        ledger_note(source->domain, &handover->id, LEDGER_TAKEN);
    }
}

/* An operator has, or its QEMU has died here after all of it went: what waits
 * there for a word is the only one. */
static bool
is_given_up(const struct source *source, enum source_state before,
            enum source_action end)
{
    return (end == SOURCE_ACTION_END_MIGRATED && source->is_discarded) ||
           (end == SOURCE_ACTION_END_FAILED &&
            before == SOURCE_STATE_SHELL_GONE && source->handover.comes_back);
}

/* A guest that has ended here while it was this host's stays, too: nothing is
 * to go on from an earlier point of it. */
static bool
guest_stays(enum source_state before, enum source_action end)
{
    return end == SOURCE_ACTION_END_JOB || end == SOURCE_ACTION_END_RESTORED ||
           end == SOURCE_ACTION_END_PAUSED ||
           (end == SOURCE_ACTION_END_FAILED && !source_token_is_away(before));
}

static void
answered(void *owner, enum handover_verdict verdict, const struct error *err)
{
    static const enum source_event events[] = {
        [HANDOVER_TAKEN] = SOURCE_EVENT_TAKEN,
        [HANDOVER_RETURNED] = SOURCE_EVENT_RETURNED,
        [HANDOVER_WHOLE] = SOURCE_EVENT_WHOLE,
    };
    struct source *source = owner;

    note_answer(source, verdict, err);
    if (err || verdict == HANDOVER_UNKNOWN || verdict == HANDOVER_PENDING ||
        !source_takes(source, events[verdict])) {
        return; /* It asks again. */
    }
    source_stop_asking(source);
    source_happened(source, events[verdict]);
}

/* It is asked for as long as it takes: what stays the same is written ever more
 * seldom. */
static void
note_answer(struct source *source, enum handover_verdict verdict,
            const struct error *err)
{
    struct source_note *note = &source->note;
    struct domain *domain = source->domain;
    bool is_news = !note->next_ms || note->verdict != verdict ||
                   note->has_failed != (err != NULL);

    if (!is_news && monotonic_ms() < note->next_ms) {
        return;
    }
    if (is_news) {
        note->pause_ms = FIRST_NOTE_PAUSE_MS;
    } else if (note->pause_ms * 2 <= LONGEST_NOTE_PAUSE_MS) {
        note->pause_ms *= 2;
    }
    note->verdict = verdict;
    note->has_failed = err != NULL;
    note->next_ms = monotonic_ms() + note->pause_ms;
    host_note(domain->host, err ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, domain,
              "asked for the guest, %s says: %s", source->handover.uri,
              err ? err->message : handover_verdict_name(verdict));
}

void
source_follow_doubt(struct source *source, enum source_event event)
{
    bool was_in_doubt = source->unsure_since_ms != 0;
    bool has_news = event != SOURCE_EVENT_RESTARTED &&
                    (source->state == SOURCE_STATE_UNSURE ||
                     source->state == SOURCE_STATE_LEFT);

    if (is_in_doubt(source->state) && !was_in_doubt) {
        source->unsure_since_ms = realtime_ms();
    } else if (!is_in_doubt(source->state) && was_in_doubt) {
        note_end(source, event);
        source->unsure_since_ms = 0;
    }
    /* libvirt's nearest: an operation that stopped the guest can't resume it.
     */
    if (has_news) {
        domain_emit(source->domain, VIR_DOMAIN_EVENT_SUSPENDED,
                    VIR_DOMAIN_EVENT_SUSPENDED_API_ERROR);
    }
}

static bool
is_in_doubt(enum source_state state)
{
    return state == SOURCE_STATE_ASKING || state == SOURCE_STATE_UNSURE ||
           state == SOURCE_STATE_ORPHAN || state == SOURCE_STATE_LEFT;
}

static void
note_end(const struct source *source, enum source_event event)
{
    const char *how = "the other host has all of it, and goes on";
    char duration[DURATION_SIZE];

    switch (event) {
    case SOURCE_EVENT_TAKEN:
        how = "the guest is the other host's";
        break;
    case SOURCE_EVENT_RETURNED:
        how = "the other host has given it back";
        break;
    case SOURCE_EVENT_RESOLVED:
    case SOURCE_EVENT_RESUMED:
        how = "an operator lets the guest run here";
        break;
    case SOURCE_EVENT_DISCARDED:
        how = "an operator gives the guest up here";
        break;
    case SOURCE_EVENT_QEMU_GONE:
        how = "its QEMU has ended here";
        break;
    case SOURCE_EVENT_OVERDUE:
        how = "the other host could not be asked in time";
        break;
    default:
        break;
    }
    format_duration(realtime_ms() - source->unsure_since_ms, duration);
    host_note(source->domain->host, LOG_LEVEL_WARNING, source->domain,
              "not unsure any more, after %s: %s", duration, how);
}
