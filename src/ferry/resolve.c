/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/resolve.h"

#include <string.h>

#include "base/memory.h"
#include "ferry/destination.h"
#include "ferry/ledger.h"
#include "ferry/source.h"

/* In the order in which they run. */
static void here_known(struct evidence_question *question,
                       const struct parameters *evidence);
static void there_known(void *owner, const struct parameters *evidence,
                        const struct error *err);
static void decide(struct resolving *resolving);
static int check(const struct resolving *resolving, struct error *err);
static void act(struct resolving *resolving);
static bool run_source(struct resolving *resolving, struct source *source,
                       struct error *err);
static bool discard_source(struct resolving *resolving, struct source *source,
                           struct error *err);
static bool run_destination(struct resolving *resolving,
                            struct destination *destination, struct error *err);
static bool discard_destination(struct resolving *resolving,
                                struct destination *destination,
                                struct error *err);
static void run_left_over(struct resolving *resolving);
static struct ferry_call *call_of(struct resolving *resolving);
static void settled(struct ferry_call *call, const struct ferry_result *result,
                    const struct error *err);
static void done(void *owner, const struct error *err);
static bool has_changed(struct resolving *resolving, struct error *err);

void
resolve_guest(struct resolving *resolving)
{
    resolving->question.done = here_known;
    evidence_gather(resolving->domain->host, &resolving->domain->uuid, NULL,
                    &resolving->question);
}

void
resolving_done(struct resolving *resolving)
{
    evidence_ask_free(STEAL(resolving->ask));
    parameters_done(&resolving->here);
    parameters_done(&resolving->there);
    error_clear(&resolving->unreachable);
}

static void
here_known(struct evidence_question *question,
           const struct parameters *evidence)
{
    struct resolving *resolving =
        container_of(question, struct resolving, question);
    const char *uri = resolving->peer_uri;
    const char *id;
    struct uuid handover;
    bool has_handover;

    parameters_copy(&resolving->here, evidence);
    if (!uri) {
        uri = parameters_find_string(&resolving->here, "peer");
    }
    if (!uri) {
        error_set(&resolving->unreachable, ERROR_INVALID_ARG,
                  "the URI of the other host's daemon is not known");
        decide(resolving);
        return;
    }
    id = parameters_find_string(&resolving->here, "handover");
    has_handover = id && uuid_parse(id, &handover);
    resolving->ask = evidence_ask_new(
        resolving->domain->host, uri, &resolving->domain->uuid,
        has_handover ? &handover : NULL, there_known, resolving);
}

static void
there_known(void *owner, const struct parameters *evidence,
            const struct error *err)
{
    struct resolving *resolving = owner;
    const char *there =
        evidence ? parameters_find_string(evidence, "host_uuid") : NULL;
    const char *here = parameters_find_string(&resolving->here, "host_uuid");

    if (err && err->code == ERROR_OPERATION_ABORTED) {
        resolving->done(resolving, err); /* The daemon stops. */
        return;
    }
    if (err) {
        error_copy(&resolving->unreachable, err);
    } else if (there && here && strcmp(there, here) == 0) {
        error_set(&resolving->unreachable, ERROR_INVALID_ARG,
                  "the URI of the other host leads to this one");
    } else {
        parameters_copy(&resolving->there, evidence);
    }
    evidence_ask_free(STEAL(resolving->ask));
    decide(resolving);
}

static void
decide(struct resolving *resolving)
{
    struct resolve_side here = evidence_read(&resolving->here);
    struct resolve_side there = {.is_known = false};
    AUTO_ERROR err = {0};

    if (!error_is_set(&resolving->unreachable)) {
        there = evidence_read(&resolving->there);
    }
    resolving->verdict = resolve_decide(&here, &there);
    if (check(resolving, &err) < 0) {
        resolving->done(resolving, &err);
    } else if (resolving->deed == RESOLVE_LOOK) {
        resolving->done(resolving, NULL);
    } else {
        act(resolving);
    }
}

static int
check(const struct resolving *resolving, struct error *err)
{
    const struct resolve_verdict *verdict = &resolving->verdict;
    const char *name = resolving->domain->host->settings.name;

    if (resolving->deed == RESOLVE_LOOK) {
        return 0;
    }
    if (!resolving->host_name || strcmp(resolving->host_name, name) != 0) {
        return error_set(err, ERROR_INVALID_ARG,
                         "this host is '%s', and '%s' is meant", name,
                         resolving->host_name ? resolving->host_name : "");
    }
    if (resolve_may(verdict, resolving->deed) &&
        (!resolving->is_certain_only || verdict->deed == resolving->deed)) {
        return 0;
    }
    return error_set(err, ERROR_OPERATION_INVALID,
                     "domain '%s' can't be %s here: %s",
                     resolving->domain->name,
                     resolving->deed == RESOLVE_RUN ? "run" : "discarded",
                     resolve_finding_text(verdict->finding));
}

/* What has changed since the evidence was gathered has no rule for it. */
static void
act(struct resolving *resolving)
{
    struct domain *domain = resolving->domain;
    struct source *source = source_find(domain);
    struct destination *destination = destination_find(domain);
    bool runs = resolving->deed == RESOLVE_RUN;
    bool is_begun = true;
    AUTO_ERROR err = {0};

    host_note(domain->host, LOG_LEVEL_WARNING, domain,
              "resolved by %s: the guest is to be %s here (%s)",
              resolving->client_name, runs ? "run" : "discarded",
              resolve_finding_text(resolving->verdict.finding));
    if (source && source->state != SOURCE_STATE_LEFT) {
        is_begun = runs ? run_source(resolving, source, &err)
                        : discard_source(resolving, source, &err);
    } else if (source && !runs) {
        is_begun = discard_source(resolving, source, &err);
    } else if (destination) {
        is_begun = runs ? run_destination(resolving, destination, &err)
                        : discard_destination(resolving, destination, &err);
    } else if (runs) {
        run_left_over(resolving);
    } else {
        domain_destroy(domain, done, resolving);
    }
    if (!is_begun) {
        resolving->done(resolving, &err);
    }
}

/* The token is made anew: the ledger says so before the guest runs, and the
 * other host is told, or hears it when it asks. */
static bool
run_source(struct resolving *resolving, struct source *source,
           struct error *err)
{
    struct domain *domain = resolving->domain;

    if (!source_takes(source, SOURCE_EVENT_RESOLVED)) {
        return has_changed(resolving, err);
    }
    if (source_save_outcome(source, LEDGER_TAKEN, err) < 0) {
        return false;
    }
    if (resolving->verdict.run != RESOLVE_RISK_NO) {
        ferry_withdraw(domain, source->handover.uri, &source->handover.id);
    }
    error_clear(&source->failure);
    source->call = call_of(resolving);
    source->client_id = resolving->client_id;
    source->is_confirming = true;
    source_happened(source, SOURCE_EVENT_RESOLVED);
    return true;
}

static bool
discard_source(struct resolving *resolving, struct source *source,
               struct error *err)
{
    if (!source_takes(source, SOURCE_EVENT_DISCARDED)) {
        return has_changed(resolving, err);
    }
    source->call = call_of(resolving);
    source->client_id = resolving->client_id;
    /* Where the other host has it, that has been said already. */
    source->is_discarded = resolving->verdict.discard != RESOLVE_RISK_NO;
    source_happened(source, SOURCE_EVENT_DISCARDED);
    return true;
}

static bool
run_destination(struct resolving *resolving, struct destination *destination,
                struct error *err)
{
    if (!destination_takes(destination, DESTINATION_EVENT_RESOLVED)) {
        return has_changed(resolving, err);
    }
    error_clear(&destination->failure);
    destination->call = call_of(resolving);
    destination->client_id = resolving->client_id;
    destination->handover.has_token = true;
    destination_happened(destination, DESTINATION_EVENT_RESOLVED);
    return true;
}

/* Its end is written into the ledger by the rules. */
static bool
discard_destination(struct resolving *resolving,
                    struct destination *destination, struct error *err)
{
    if (!destination_takes(destination, DESTINATION_EVENT_DESTROY)) {
        return has_changed(resolving, err);
    }
    domain_destroy(resolving->domain, done, resolving);
    return true;
}

/* Of a migration that has no tokens, or is forgotten. */
static void
run_left_over(struct resolving *resolving)
{
    domain_resume(resolving->domain, done, resolving);
}

static struct ferry_call *
call_of(struct resolving *resolving)
{
    resolving->call = (struct ferry_call){
        .client_id = resolving->client_id,
        .client_name = resolving->client_name,
        .api = "vmferryDispatchResolve",
        .done = settled,
    };
    return &resolving->call;
}

static void
settled(struct ferry_call *call, const struct ferry_result *result,
        const struct error *err)
{
    struct resolving *resolving = container_of(call, struct resolving, call);

    (void)result;
    done(resolving, err);
}

static void
done(void *owner, const struct error *err)
{
    struct resolving *resolving = owner;

    resolving->was_done = !err;
    resolving->done(resolving, err);
}

static bool
has_changed(struct resolving *resolving, struct error *err)
{
    error_set(err, ERROR_OPERATION_INVALID,
              "the migration of domain '%s' has gone on meanwhile: look again",
              resolving->domain->name);
    return false;
}
