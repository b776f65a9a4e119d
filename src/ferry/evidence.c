/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/evidence.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "ferry/destination.h"
#include "ferry/image_locks.h"
#include "ferry/ledger.h"
#include "ferry/source.h"
#include "qmp/commands.h"

#define DISKS_IN_USE "in use"

enum { QEMU_ANSWER_MS = 3000 };

/* QEMU's answers and a look at the disks, while they come. */
struct gathering {
    struct evidence_question *question;
    struct host *host;
    struct uuid uuid;
    bool has_handover;
    struct uuid handover;
    struct domain *domain; /* A reference, or NULL. */
    struct timer patience;
    bool is_heard;
    bool is_running;
    char *status;    /* Owned. */
    char *migration; /* Owned. */
    bool is_qemu_asked;
    struct image_locks *locks; /* Until that is known. */
    enum image_use images;
};

static void status_known(void *owner, const struct qmp_status *status,
                         const struct error *failed);
static void migration_known(void *owner, const struct qmp_migration *migration,
                            const struct error *failed);
static void images_known(void *owner, enum image_use use);
static void waited_enough(void *owner);
static void qemu_known(struct gathering *gathering);
static void finish(struct gathering *gathering);
static struct qmp_session *monitor_of(const struct domain *domain);
static bool has_qemu(const struct domain *domain);
static bool is_incomplete(const struct domain *domain);
static bool is_left_over(const struct domain *domain);
static bool is_unsure(const struct domain *domain);
static void list_migration(const struct domain *domain,
                           struct parameters *list);
static void list_domain(const struct domain *domain, struct parameters *list);
static void list_ledger(struct host *host, const struct uuid *domain,
                        const struct uuid *handover, struct parameters *list);
static void list_qemu(const struct gathering *gathering,
                      struct parameters *list);
static const struct uuid *handover_of(const struct domain *domain);
static int64_t unsure_for_ms(const struct domain *domain);
static char *source_summary(const struct source *source, const char *duration);
static char *destination_summary(const struct destination *destination,
                                 const char *duration);

void
evidence_gather(struct host *host, const struct uuid *uuid,
                const struct uuid *handover, struct evidence_question *question)
{
    struct gathering *gathering = xcalloc(1, sizeof *gathering);
    struct qmp_session *monitor;

    gathering->question = question;
    gathering->host = host;
    gathering->uuid = *uuid;
    if (handover) {
        gathering->has_handover = true;
        gathering->handover = *handover;
    }
    gathering->domain = domain_find_by_uuid(host, uuid);
    if (gathering->domain) {
        domain_get(gathering->domain);
    }
    monitor = gathering->domain ? monitor_of(gathering->domain) : NULL;
    timer_start(&gathering->patience, host->loop, QEMU_ANSWER_MS, waited_enough,
                gathering);
    /* One that is not unsure has a use for its disks itself. */
    if (gathering->domain && is_unsure(gathering->domain)) {
        gathering->locks =
            image_locks_ask(gathering->domain, images_known, gathering);
    }
    if (monitor) {
        gathering->is_qemu_asked = true;
        qmp_query_status(monitor, status_known, gathering);
    } else if (!gathering->locks) {
        finish(gathering);
    }
}

static void
status_known(void *owner, const struct qmp_status *status,
             const struct error *failed)
{
    struct gathering *gathering = owner;
    struct qmp_session *monitor = monitor_of(gathering->domain);

    if (failed || !monitor) {
        qemu_known(gathering);
        return;
    }
    gathering->is_heard = true;
    gathering->is_running = status->is_running;
    gathering->status = xstrdup_null(status->state_name);
    qmp_query_migrate(monitor, migration_known, gathering);
}

static void
migration_known(void *owner, const struct qmp_migration *migration,
                const struct error *failed)
{
    struct gathering *gathering = owner;

    if (!failed) {
        gathering->migration = xstrdup_null(migration->status_name);
    }
    qemu_known(gathering);
}

static void
qemu_known(struct gathering *gathering)
{
    gathering->is_qemu_asked = false;
    if (!gathering->locks) {
        finish(gathering);
    }
}

static void
images_known(void *owner, enum image_use use)
{
    struct gathering *gathering = owner;

    gathering->locks = NULL;
    gathering->images = use;
    if (!gathering->is_qemu_asked) {
        finish(gathering);
    }
}

static void
waited_enough(void *owner)
{
    struct gathering *gathering = owner;
    struct qmp_session *monitor = monitor_of(gathering->domain);

    if (monitor && gathering->is_qemu_asked) {
        qmp_forget(monitor, gathering);
    }
    image_locks_drop(STEAL(gathering->locks));
    finish(gathering);
}

static void
finish(struct gathering *gathering)
{
    AUTO_PARAMETERS list = {0};

    timer_stop(&gathering->patience);
    evidence_list(gathering->host, &gathering->uuid,
                  gathering->has_handover ? &gathering->handover : NULL, &list);
    list_qemu(gathering, &list);
    if (gathering->images != IMAGES_UNKNOWN) {
        parameters_add_string(&list, "disks",
                              gathering->images == IMAGES_IN_USE ? DISKS_IN_USE
                                                                 : "free");
    }
    gathering->question->done(gathering->question, &list);
    if (gathering->domain) {
        domain_put(gathering->domain);
    }
    free(gathering->status);
    free(gathering->migration);
    free(gathering);
}

/* A QEMU that only starts would be waited for. */
static struct qmp_session *
monitor_of(const struct domain *domain)
{
    return domain->qemu &&
                   qemu_process_state(domain->qemu) == QEMU_PROCESS_READY
               ? qemu_process_monitor(domain->qemu)
               : NULL;
}

static bool
has_qemu(const struct domain *domain)
{
    return domain->qemu &&
           qemu_process_state(domain->qemu) != QEMU_PROCESS_ENDED;
}

/* Replaces what was only thought. */
static void
list_qemu(const struct gathering *gathering, struct parameters *list)
{
    const struct domain *domain = gathering->domain;
    enum resolve_copy copy = RESOLVE_COPY_NONE;

    if (domain && has_qemu(domain)) {
        copy = gathering->is_running   ? RESOLVE_COPY_RUNNING
               : is_incomplete(domain) ? RESOLVE_COPY_PARTIAL
               : gathering->is_heard   ? RESOLVE_COPY_PAUSED
                                       : RESOLVE_COPY_UNSEEN;
        parameters_add_int(list, "qemu_pid",
                           (int32_t)qemu_process_pid(domain->qemu));
    }
    parameters_remove(list, "copy");
    parameters_add_string(list, "copy", resolve_copy_name(copy));
    parameters_add_string(list, "qemu",
                          copy == RESOLVE_COPY_NONE ? "none"
                          : gathering->is_heard     ? "alive"
                                                    : "silent");
    if (gathering->status) {
        parameters_add_string(list, "qemu_status", gathering->status);
    }
    if (gathering->migration) {
        parameters_add_string(list, "qemu_migration", gathering->migration);
    }
}

void
evidence_list(struct host *host, const struct uuid *uuid,
              const struct uuid *handover, struct parameters *list)
{
    const struct domain *domain = domain_find_by_uuid(host, uuid);
    char text[UUID_TEXT_SIZE];

    parameters_add_string(list, "host", host->settings.name);
    uuid_format(&host->settings.uuid, text);
    parameters_add_string(list, "host_uuid", text);
    if (domain) {
        list_domain(domain, list);
        list_migration(domain, list);
        handover = handover ? handover : handover_of(domain);
    } else {
        parameters_add_string(list, "copy",
                              resolve_copy_name(RESOLVE_COPY_NONE));
    }
    if (handover) {
        list_ledger(host, uuid, handover, list);
    }
}

static void
list_domain(const struct domain *domain, struct parameters *list)
{
    enum resolve_copy copy = !has_qemu(domain)       ? RESOLVE_COPY_NONE
                             : is_incomplete(domain) ? RESOLVE_COPY_PARTIAL
                             : domain->state == DOMAIN_STATE_RUNNING
                                 ? RESOLVE_COPY_RUNNING
                                 : RESOLVE_COPY_PAUSED;

    parameters_add_int(list, "domain_state", (int32_t)domain->state);
    parameters_add_string(list, "copy", resolve_copy_name(copy));
}

static void
list_migration(const struct domain *domain, struct parameters *list)
{
    const struct source *source = source_find(domain);
    const struct destination *destination = destination_find(domain);
    const struct qemu_migration_facts *facts = &domain->migration_job.facts;
    enum resolve_token token = RESOLVE_TOKEN_NONE;
    const char *peer = NULL;
    AUTO_FREE char *summary = evidence_summary(domain);

    if (source) {
        parameters_add_string(list, "side", "source");
        parameters_add_string(list, "state",
                              source_rules.states[source->state]);
        peer = source->handover.uri;
        if (source->handover.is_kept) {
            token = source_token_is_away(source->state) ? RESOLVE_TOKEN_AWAY
                                                        : RESOLVE_TOKEN_HERE;
        }
    } else if (destination) {
        parameters_add_string(list, "side", "destination");
        parameters_add_string(list, "state",
                              destination_rules.states[destination->state]);
        peer = destination->handover.uri;
        if (destination->handover.has_id) {
            token = destination->handover.has_token ? RESOLVE_TOKEN_HERE
                                                    : RESOLVE_TOKEN_AWAY;
        }
    }
    if (facts->kind != JOB_ASYNC_NONE) {
        parameters_add_string(list, "phase",
                              qemu_migration_phase_name(facts->phase));
    }
    if (peer) {
        parameters_add_string(list, "peer", peer);
    }
    parameters_add_string(list, "token", resolve_token_name(token));
    parameters_add_boolean(list, "unsure", is_unsure(domain));
    if (summary) {
        parameters_add_string(list, "summary", summary);
        parameters_add_llong(list, "since_ms", unsure_for_ms(domain));
    }
}

static void
list_ledger(struct host *host, const struct uuid *domain,
            const struct uuid *handover, struct parameters *list)
{
    static const enum resolve_outcome outcomes[] = {
        [LEDGER_NOTHING] = RESOLVE_OUTCOME_NOTHING,
        [LEDGER_UNSAVED] = RESOLVE_OUTCOME_NOTHING,
        [LEDGER_TAKEN] = RESOLVE_OUTCOME_TAKEN,
        [LEDGER_RETURNED] = RESOLVE_OUTCOME_RETURNED,
    };
    char text[UUID_TEXT_SIZE];

    uuid_format(handover, text);
    parameters_add_string(list, "handover", text);
    parameters_add_string(
        list, "outcome",
        resolve_outcome_name(outcomes[ledger_find(host, domain, handover)]));
}

static const struct uuid *
handover_of(const struct domain *domain)
{
    const struct source *source = source_find(domain);
    const struct destination *destination = destination_find(domain);

    if (source && source->handover.has_id) {
        return &source->handover.id;
    }
    return destination && destination->handover.has_id
               ? &destination->handover.id
               : NULL;
}

struct resolve_side
evidence_read(const struct parameters *evidence)
{
    const struct parameter *unsure = parameters_find(evidence, "unsure");
    const char *side = parameters_find_string(evidence, "side");
    const char *disks = parameters_find_string(evidence, "disks");

    return (struct resolve_side){
        .is_known = true,
        .role = !side                         ? RESOLVE_NOBODY
                : strcmp(side, "source") == 0 ? RESOLVE_SOURCE
                                              : RESOLVE_DESTINATION,
        .copy = resolve_copy_find(parameters_find_string(evidence, "copy")),
        .token = resolve_token_find(parameters_find_string(evidence, "token")),
        .outcome =
            resolve_outcome_find(parameters_find_string(evidence, "outcome")),
        .is_unsure =
            unsure && unsure->type == PARAMETER_BOOLEAN && unsure->value.b,
        .is_in_use = disks && strcmp(disks, DISKS_IN_USE) == 0,
    };
}

/* ------------------------------------------------------------ what it means */

/* More of the guest is still to come. */
static bool
is_incomplete(const struct domain *domain)
{
    const struct destination *destination = destination_find(domain);

    if (!destination) {
        return false;
    }
    switch (destination->state) {
    case DESTINATION_STATE_STARTING:
    case DESTINATION_STATE_ARMING:
    case DESTINATION_STATE_PREPARED:
    case DESTINATION_STATE_WAITING:
    case DESTINATION_STATE_WAITING_PAUSED:
    case DESTINATION_STATE_STARTING2:
    case DESTINATION_STATE_ARMING2:
    case DESTINATION_STATE_PREPARED2:
    case DESTINATION_STATE_WAITING2:
    case DESTINATION_STATE_WAITING2_PAUSED:
        return true;
    default:
        return false;
    }
}

/* A guest that a migration has left paused, and which is nobody's any more. */
static bool
is_left_over(const struct domain *domain)
{
    return domain_is_active(domain) && !domain->migration &&
           domain->migration_job.facts.kind == JOB_ASYNC_NONE &&
           domain->state == DOMAIN_STATE_PAUSED &&
           domain->reason == VIR_DOMAIN_PAUSED_MIGRATION;
}

/* Nobody is left who would decide by himself. */
static bool
is_unsure(const struct domain *domain)
{
    const struct source *source = source_find(domain);
    const struct destination *destination = destination_find(domain);

    if (source) {
        return source->state == SOURCE_STATE_UNSURE ||
               source->state == SOURCE_STATE_LEFT;
    }
    return destination ? destination_is_forsaken(destination)
                       : is_left_over(domain);
}

char *
evidence_summary(const struct domain *domain)
{
    const struct source *source = source_find(domain);
    const struct destination *destination = destination_find(domain);
    char duration[DURATION_SIZE];

    format_duration(unsure_for_ms(domain), duration);
    if (source) {
        return source_summary(source, duration);
    }
    if (destination) {
        return destination_summary(destination, duration);
    }
    return is_left_over(domain) ? xstrdup("unsure: left here by a migration"
                                          " whose other side is not known")
                                : NULL;
}

static int64_t
unsure_for_ms(const struct domain *domain)
{
    const struct source *source = source_find(domain);
    const struct destination *destination = destination_find(domain);
    int64_t since_ms = source        ? source->unsure_since_ms
                       : destination ? destination->state_since_ms
                                     : 0;
    int64_t for_ms = realtime_ms() - since_ms;

    return since_ms && for_ms > 0 ? for_ms : 0;
}

static char *
source_summary(const struct source *source, const char *duration)
{
    const char *uri =
        source->handover.uri ? source->handover.uri : "another host";

    switch (source->state) {
    case SOURCE_STATE_ASKING:
    case SOURCE_STATE_UNSURE:
        return xasprintf("unsure: asking %s for %s whether the guest runs"
                         " there",
                         uri, duration);
    case SOURCE_STATE_ORPHAN:
        return xasprintf("unsure: QEMU has died here; asking %s for %s whether"
                         " all of the guest is there",
                         uri, duration);
    case SOURCE_STATE_LEFT:
        return xasprintf("unsure: for %s nobody has said whether the guest"
                         " runs at its destination",
                         duration);
    default:
        return NULL;
    }
}

static char *
destination_summary(const struct destination *destination, const char *duration)
{
    if (!destination_is_forsaken(destination)) {
        return NULL;
    }
    return xasprintf("unsure: all of the guest is here; waiting for %s for %s"
                     " to say whether it may run",
                     destination->handover.uri ? destination->handover.uri
                                               : "its source",
                     duration);
}
