/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination's part in the handover between two vmferryds: the token that
 * Finish brings, the source that wants it back, and what is kept of the end. */

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ferry/destination.h"
#include "ferry/ledger.h"

static void tell_of_doubt(const struct destination *destination);
static void told(void *owner, enum handover_verdict verdict,
                 const struct error *err);
static struct destination *find(struct host *host, const struct uuid *uuid,
                                const struct uuid *handover);
static enum handover_verdict find_outcome(struct host *host,
                                          const struct uuid *domain,
                                          const struct uuid *handover);
static void answer(struct handover_question *question,
                   enum handover_verdict verdict,
                   const struct destination *destination);
static void reclaim(struct destination *destination,
                    struct handover_question *question);

enum destination_event
destination_variant(const struct destination *destination,
                    enum destination_event variant)
{
    return destination->handover.comes_back ? variant
                                            : destination_event_base(variant);
}

int
destination_learn_handover(struct destination *destination,
                           const struct cookie_handover *cookie,
                           struct error *err)
{
    struct destination_handover *handover = &destination->handover;
    struct domain *domain = destination->domain;

    /* One that is prepared once more was returned. */
    switch (ledger_find(domain->host, &domain->uuid, &cookie->id)) {
    case LEDGER_NOTHING:
        break;
    case LEDGER_RETURNED:
        if (ledger_forget(domain->host, &cookie->id, err) < 0) {
            return -1;
        }
        break;
    default:
        return error_set(err, ERROR_OPERATION_INVALID,
                         "this migration of domain '%s' has taken place",
                         domain->name);
    }
    handover->has_id = true;
    handover->id = cookie->id;
    handover->comes_back = cookie->comes_back;
    free(handover->uri);
    handover->uri = xstrdup_null(cookie->uri);
    return 0;
}

bool
destination_is_other_handover(const struct destination *destination,
                              const struct migration_cookie *cookie)
{
    return destination->handover.has_id && cookie->sections & COOKIE_HANDOVER &&
           !uuid_is_equal(&cookie->handover.id, &destination->handover.id);
}

void
destination_add_handover(const struct destination *destination,
                         struct migration_cookie *cookie)
{
    const struct cookie_handover handover = {
        .id = destination->handover.id,
        .uri = (char *)(uintptr_t)destination->domain->host->settings.peer_uri,
    };

    if (destination->handover.has_id) {
        migration_cookie_set_handover(cookie, &handover);
    }
}

int
destination_take_token(struct destination *destination,
                       const struct migration_cookie *cookie, struct error *err)
{
    struct destination_handover *handover = &destination->handover;
    bool is_ours = cookie->sections & COOKIE_HANDOVER &&
                   uuid_is_equal(&cookie->handover.id, &handover->id);

    if (!handover->has_id) {
        return 0;
    }
    /* A source that could not ask us gives no token, and relies on its client.
     */
    if (!destination->domain->host->settings.peer_uri && !is_ours &&
        !handover->comes_back) {
        return 0;
    }
    if (!is_ours || !cookie->handover.has_token) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "domain '%s' can't be run here: its source has not"
                         " handed it over (there is no token in Finish's"
                         " cookie)",
                         destination->domain->name);
    }
    handover->has_token = true;
    return 0;
}

void
destination_note_outcome(const struct destination *destination,
                         enum destination_action end)
{
    const struct destination_handover *handover = &destination->handover;
    bool is_taken = end == DESTINATION_ACTION_END_RUNNING ||
                    end == DESTINATION_ACTION_END_PAUSED;

    if (handover->has_id && (is_taken || !handover->may_have_run)) {
        ledger_note(destination->domain, &handover->id,
                    is_taken ? LEDGER_TAKEN : LEDGER_RETURNED);
    }
}

void
destination_judge_end(struct destination *destination)
{
    const struct qemu_process *qemu = destination->domain->qemu;

    if (destination->is_cont_ours && !destination->has_resumed && qemu &&
        qemu_process_state(qemu) != QEMU_PROCESS_MONITOR_LOST) {
        destination->handover.may_have_run = false;
    }
}

void
destination_answer_questions(struct destination *destination, bool is_over)
{
    const struct domain *domain = destination->domain;
    enum handover_verdict verdict = HANDOVER_PENDING;

    if (is_over && !list_is_empty(&destination->questions)) {
        verdict = find_outcome(domain->host, &domain->uuid,
                               &destination->handover.id);
    }
    LIST_FOR_EACH (link, &destination->questions) {
        struct handover_question *question =
            container_of(link, struct handover_question, link);

        list_remove(&question->link);
        answer(question, verdict, NULL);
    }
}

void
destination_save_handover(const struct destination *destination,
                          struct record *record)
{
    const struct destination_handover *handover = &destination->handover;
    char id[UUID_TEXT_SIZE];

    if (!handover->has_id) {
        return;
    }
    uuid_format(&handover->id, id);
    record_set_text(record, "handover-id", id);
    record_set_bool(record, "handover-has-token", handover->has_token);
    record_set_bool(record, "handover-comes-back", handover->comes_back);
    record_set_bool(record, "handover-may-have-run", handover->may_have_run);
    if (handover->uri) {
        record_set_text(record, "handover-uri", handover->uri);
    }
}

void
destination_restore_handover(struct destination *destination,
                             const struct record *record)
{
    struct destination_handover *handover = &destination->handover;
    const char *id = record_find_text(record, "handover-id", "");

    handover->has_id = uuid_parse(id, &handover->id);
    handover->uri =
        xstrdup_null(record_find_text(record, "handover-uri", NULL));
    handover->has_token = handover->has_id &&
                          record_find_bool(record, "handover-has-token", false);
    handover->comes_back =
        handover->has_id &&
        record_find_bool(record, "handover-comes-back", false);
    handover->may_have_run =
        destination->state == DESTINATION_STATE_RESUMING ||
        record_find_bool(record, "handover-may-have-run", false);
}

bool
destination_is_forsaken(const struct destination *destination)
{
    return destination->state == DESTINATION_STATE_LOADED &&
           destination->handover.comes_back &&
           (destination->is_client_gone || !destination->client_id ||
            destination->ask);
}

/* LOADED's deadline passes again and again, and changes nothing then. */
void
destination_ask(struct destination *destination)
{
    struct domain *domain = destination->domain;
    const struct handover_ask_options options = {
        .uri = destination->handover.uri,
        .name = domain->name,
        .domain = &domain->uuid,
        .handover = &destination->handover.id,
        .wish = HANDOVER_LOOK,
    };

    if (destination->ask) {
        return;
    }
    if (destination->state == DESTINATION_STATE_LOADED) {
        tell_of_doubt(destination);
    }
    if (options.uri) {
        destination->ask =
            handover_ask_new(domain->host, &options, told, destination);
    } else if (destination_takes(destination, DESTINATION_EVENT_UNCLAIMED)) {
        destination_happened(destination, DESTINATION_EVENT_UNCLAIMED);
    }
}

static void
tell_of_doubt(const struct destination *destination)
{
    struct domain *domain = destination->domain;
    const char *uri = destination->handover.uri;

    host_note(domain->host, LOG_LEVEL_ERROR, domain,
              "unsure: all of the guest is here, and %s, which would say"
              " whether it may run, is away: it stays paused here; 'vmferry"
              " resolve %s' shows what is known",
              uri ? uri : "its source", domain->name);
    domain_emit(domain, VIR_DOMAIN_EVENT_SUSPENDED,
                VIR_DOMAIN_EVENT_SUSPENDED_API_ERROR);
}

void
destination_stop_asking(struct destination *destination)
{
    handover_ask_free(STEAL(destination->ask));
}

/* Of a source that has said neither, nothing follows: it asks again. */
static void
told(void *owner, enum handover_verdict verdict, const struct error *err)
{
    struct destination *destination = owner;
    struct domain *domain = destination->domain;
    AUTO_ERROR why = {0};

    if (err) {
        return;
    }
    if (verdict != HANDOVER_TAKEN && verdict != HANDOVER_RETURNED) {
        if (destination_takes(destination, DESTINATION_EVENT_UNCLAIMED)) {
            destination_happened(destination, DESTINATION_EVENT_UNCLAIMED);
        }
        return;
    }
    host_note(domain->host, LOG_LEVEL_WARNING, domain,
              "not unsure any more: %s says that the guest is %s",
              destination->handover.uri,
              verdict == HANDOVER_TAKEN ? "its own" : "this host's");
    destination_stop_asking(destination);
    if (verdict == HANDOVER_TAKEN) {
        error_set(&why, ERROR_OPERATION_ABORTED,
                  "the source of the migration has kept the guest");
        destination_fail(destination, &why);
        destination_happened(destination, DESTINATION_EVENT_TAKEN);
    } else {
        destination->handover.has_token = true;
        destination_happened(destination, DESTINATION_EVENT_RETURNED);
    }
}

const char *
handover_verdict_name(enum handover_verdict verdict)
{
#define X(name, text) text,
    static const char *const names[] = {HANDOVER_VERDICTS(X)};
#undef X

    return verdict < HANDOVER_VERDICT_COUNT ? names[verdict] : "?";
}

void
ferry_handover(struct host *host, const struct uuid *domain,
               const struct uuid *handover, enum handover_wish wish,
               uint64_t client_id, struct handover_question *question)
{
    struct destination *destination = find(host, domain, handover);

    if (!destination) {
        answer(question, find_outcome(host, domain, handover), NULL);
    } else if (wish == HANDOVER_RECLAIM &&
               destination_takes(destination, DESTINATION_EVENT_RECLAIMED)) {
        reclaim(destination, question);
    } else {
        if (wish == HANDOVER_JOIN && destination->handover.comes_back) {
            destination_joined(destination, client_id);
        }
        answer(question,
               destination->state == DESTINATION_STATE_LOADED
                   ? HANDOVER_WHOLE
                   : HANDOVER_PENDING,
               destination);
    }
}

static enum handover_verdict
find_outcome(struct host *host, const struct uuid *domain,
             const struct uuid *handover)
{
    static const enum handover_verdict verdicts[] = {
        [LEDGER_NOTHING] = HANDOVER_UNKNOWN,
        [LEDGER_UNSAVED] = HANDOVER_PENDING,
        [LEDGER_TAKEN] = HANDOVER_TAKEN,
        [LEDGER_RETURNED] = HANDOVER_RETURNED,
    };

    return verdicts[ledger_find(host, domain, handover)];
}

static struct destination *
find(struct host *host, const struct uuid *uuid, const struct uuid *handover)
{
    struct domain *domain = domain_find_by_uuid(host, uuid);
    struct destination *destination = domain ? destination_find(domain) : NULL;

    return destination && destination->handover.has_id &&
                   uuid_is_equal(&destination->handover.id, handover)
               ? destination
               : NULL;
}

static void
answer(struct handover_question *question, enum handover_verdict verdict,
       const struct destination *destination)
{
    struct handover_answer answer = {
        .verdict = verdict,
        .state =
            destination ? destination_rules.states[destination->state] : "",
    };

    question->done(question, &answer);
}

/* Answered once the guest is dead. */
static void
reclaim(struct destination *destination, struct handover_question *question)
{
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_ABORTED,
              "the source of the migration has reclaimed the guest");
    destination_fail(destination, &err);
    list_add(&destination->questions, &question->link);
    destination_happened(destination, DESTINATION_EVENT_RECLAIMED);
}
