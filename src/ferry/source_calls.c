/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The client's calls to a source: Begin, Perform, Confirm.  Each takes the job
 * as the specification says ("QEMU Migration Locking Rules") and becomes an
 * event for source.def.
 *
 *   Begin    job start, phase begin3, checks, BEGIN, answer, job continue
 *   Perform  job start (where Begin did not), phase perform3, PERFORM ...
 *   Confirm  phase confirm3, CONFIRM or CONFIRM_CANCELLED ...
 *   Perform of v2  job start, phase perform2, checks, PERFORM2 ...         */

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/cookies.h"
#include "ferry/peer.h"
#include "ferry/source.h"
#include "ferry/source_entry.h"
#include "ferry/storage.h"
#include "qmp/commands.h"

static void check(struct source_entry *entry);
static void blockers_known(void *owner, const struct qmp_migration *migration,
                           const struct error *failed);
static void begin_unprotected(struct source_entry *entry);
static void storage_known(void *owner, const struct error *failed);
static bool goes_on(struct source_entry *entry, const struct error *failed);
static void begin_now(struct source_entry *entry);
static void name_handover(struct source *source, unsigned flags);
static void perform_with_job(struct source_entry *entry,
                             enum source_event event);
static void job_granted(struct qemu_migration_start *start);
static void job_refused(struct qemu_migration_start *start,
                        const struct error *err);
static void modify_granted(struct job_request *request);
static void modify_refused(struct job_request *request,
                           const struct error *err);
static int check_driver(const struct source *source,
                        const struct ferry_call *call, struct error *err);
static bool comes_back(const struct source *source,
                       const struct ferry_call *call, enum source_event event);
static void ask_for_job(struct source_entry *entry);
static int enter_phase(struct domain *domain, enum qemu_migration_phase phase,
                       struct ferry_call *call, struct error *err);
static void take_call(struct source *source, struct ferry_call *call,
                      unsigned flags);

/* ---------------------------------------------------------------- Begin */

/* A coordinator of ours that has come back after a restart: the job is held. */
static bool
begin_again(struct domain *domain,
            const struct migration_parameters *parameters, unsigned flags,
            struct ferry_call *call)
{
    struct source *source = source_find(domain);
    AUTO_ERROR err = {0};

    if (!comes_back(source, call, SOURCE_EVENT_REBEGIN)) {
        return false;
    }
    if (enter_phase(domain, domain->migration_job.facts.phase, call, &err) <
        0) {
        call->done(call, NULL, &err);
        return true;
    }
    migration_parameters_done(&source->parameters);
    migration_parameters_copy(&source->parameters, parameters);
    take_call(source, call, flags);
    source_happened(source, SOURCE_EVENT_REBEGIN);
    return true;
}

static bool
comes_back(const struct source *source, const struct ferry_call *call,
           enum source_event event)
{
    return source && source->handover.comes_back &&
           source->client_id == call->client_id && !source->call &&
           source_takes(source, event);
}

/* The same where it had called Perform. */
static bool
perform_again(struct domain *domain, unsigned flags, struct ferry_call *call)
{
    struct source *source = source_find(domain);
    AUTO_ERROR err = {0};

    if (!comes_back(source, call, SOURCE_EVENT_REPERFORM)) {
        return false;
    }
    if (!domain->migration_job.facts.is_owned &&
        enter_phase(domain, domain->migration_job.facts.phase, call, &err) <
            0) {
        call->done(call, NULL, &err);
        return true;
    }
    take_call(source, call, flags);
    source_happened(source, SOURCE_EVENT_REPERFORM);
    return true;
}

void
ferry_begin(struct domain *domain,
            const struct migration_parameters *parameters, unsigned flags,
            struct ferry_call *call)
{
    struct source_entry *entry;

    if (begin_again(domain, parameters, flags, call)) {
        return;
    }
    entry = source_entry_new(domain, parameters, flags, call);
    entry->kind = ENTRY_BEGIN;
    entry->is_protected = flags & VIR_MIGRATE_CHANGE_PROTECTION;
    if (entry->is_protected) {
        ask_for_job(entry);
        return;
    }
    entry->request = (struct job_request){
        .job = JOB_MODIFY,
        .api = call->api,
        .client = call->client_name,
        .granted = modify_granted,
        .refused = modify_refused,
    };
    domain_get(domain);
    job_lock_ask(&domain->jobs, &entry->request,
                 domain->host->settings.job_timeout_ms, monotonic_ms());
    domain_watch_jobs(domain);
    domain_put(domain);
}

static void
modify_granted(struct job_request *request)
{
    struct source_entry *entry =
        container_of(request, struct source_entry, request);

    entry->has_request = true;
    check(entry);
}

static void
modify_refused(struct job_request *request, const struct error *err)
{
    source_entry_fail(container_of(request, struct source_entry, request), err);
}

/* Whether the guest may go at all: the first call of a migration asks. */
static void
check(struct source_entry *entry)
{
    struct domain *domain = entry->domain;
    AUTO_ERROR err = {0};

    if (source_check(domain, &entry->parameters, entry->flags, &err) < 0) {
        source_entry_fail(entry, &err);
    } else if (entry->flags & VIR_MIGRATE_OFFLINE) {
        begin_now(entry);
    } else if (entry->flags & VIR_MIGRATE_UNSAFE) {
        storage_known(entry, NULL);
    } else {
        ferry_check_storage(domain->host, domain->live, storage_known, entry);
    }
}

static void
storage_known(void *owner, const struct error *failed)
{
    struct source_entry *entry = owner;
    struct domain *domain = entry->domain;
    struct qmp_session *monitor;
    AUTO_ERROR err = {0};

    if (!goes_on(entry, failed)) {
        return;
    }
    monitor = qemu_process_monitor(domain->qemu);
    if (!monitor) {
        error_set(&err, ERROR_OPERATION_FAILED,
                  "beginning the migration of domain '%s': the monitor of its"
                  " QEMU does not answer",
                  domain->name);
        source_entry_fail(entry, &err);
        return;
    }
    qmp_query_migrate(monitor, blockers_known, entry);
}

/* False where the entry is gone: meanwhile the client may have left, and the
 * guest ended. */
static bool
goes_on(struct source_entry *entry, const struct error *failed)
{
    AUTO_ERROR err = {0};

    if (failed) {
        source_entry_fail(entry, failed);
        return false;
    }
    if (entry->is_client_gone) {
        source_entry_client_gone(&err);
    } else if (error_is_set(&entry->aborted)) {
        error_copy(&err, &entry->aborted);
    } else if (domain_check_active(entry->domain, &err) == 0) {
        return true;
    }
    source_entry_fail(entry, &err);
    return false;
}

static void
blockers_known(void *owner, const struct qmp_migration *migration,
               const struct error *failed)
{
    struct source_entry *entry = owner;
    AUTO_ERROR err = {0};

    if (!goes_on(entry, failed)) {
        return;
    }
    if (migration->blocked_reason_count > 0) {
        error_set(&err, ERROR_OPERATION_INVALID, "cannot migrate domain: %s",
                  migration->blocked_reasons[0]);
        source_entry_fail(entry, &err);
        return;
    }
    entry->had_ended = migration->status != QMP_MIGRATION_NONE;
    if (entry->kind == ENTRY_PERFORM2) {
        perform_with_job(entry, SOURCE_EVENT_PERFORM2);
    } else {
        begin_now(entry);
    }
}

static void
begin_now(struct source_entry *entry)
{
    bool is_offline = entry->flags & VIR_MIGRATE_OFFLINE;
    struct source *source;
    AUTO_ERROR err = {0};

    if (!entry->is_protected) {
        begin_unprotected(entry);
        return;
    }
    if (peer_stand_in(entry->domain, &entry->parameters, entry->flags,
                      entry->call, &err) < 0) {
        source_entry_fail(entry, &err);
        return;
    }
    source = source_new(entry->domain);
    source->had_ended = entry->had_ended;
    name_handover(source, entry->flags);
    migration_statistics_start(&source->statistics, (uint64_t)realtime_ms());
    migration_parameters_copy(&source->parameters, &entry->parameters);
    take_call(source, STEAL(entry->call), entry->flags);
    source_entry_free(entry);
    source_happened(source, is_offline ? SOURCE_EVENT_BEGIN_OFFLINE
                                       : SOURCE_EVENT_BEGIN);
}

/* The number by which both hosts will know this migration. */
static void
name_handover(struct source *source, unsigned flags)
{
    struct peer *peer = peer_find(source->domain);

    source->handover.has_id = true;
    uuid_generate(&source->handover.id);
    /* A tunnel ends with its connection. */
    source->handover.comes_back =
        peer_find_stand_in(source->domain) ||
        (peer && flags & VIR_MIGRATE_PEER2PEER && peer->has_handover &&
         !(flags & VIR_MIGRATE_TUNNELLED));
    if (peer) {
        peer->handover = source->handover.id;
        peer->has_handover_id = true;
    }
}

/* Nothing stays: the same answer, and the job ends with the call. */
static void
begin_unprotected(struct source_entry *entry)
{
    struct source *source = source_new(entry->domain);
    struct ferry_call *call = STEAL(entry->call);
    unsigned configured =
        entry->flags & VIR_MIGRATE_OFFLINE ? VIR_DOMAIN_XML_INACTIVE : 0;
    AUTO_FREE char *cookie = NULL;
    AUTO_FREE char *xml = NULL;
    struct ferry_result result = {0};

    source->flags = entry->flags;
    name_handover(source, entry->flags);
    cookie = source_begin_cookie(source, &result.cookie_size);
    entry->domain->migration = NULL;
    source->base.free(&source->base);
    xml = STEAL(entry->parameters.destination_xml);
    if (!xml) {
        xml = domain_format(entry->domain, VIR_DOMAIN_XML_SECURE |
                                               VIR_DOMAIN_XML_MIGRATABLE |
                                               configured);
    }
    result.cookie = cookie;
    result.xml = xml;
    source_entry_free(entry);
    call->done(call, &result, NULL);
}

/* -------------------------------------------------------------- Perform */

void
ferry_perform(struct domain *domain,
              const struct migration_parameters *parameters,
              struct ferry_cookie cookie, unsigned flags,
              struct ferry_call *call)
{
    struct source_entry *entry;
    struct ferry_identity identity = source_identity(domain);
    AUTO_MIGRATION_COOKIE read = {0};
    AUTO_ERROR err = {0};

    if (perform_again(domain, flags, call)) {
        return;
    }
    entry = source_entry_new(domain, parameters, flags, call);
    entry->kind = ENTRY_PERFORM;
    if (ferry_cookie_read(&read, cookie, MIGRATION_CALL_PERFORM, &identity,
                          &err) < 0) {
        source_entry_fail(entry, &err);
        return;
    }
    entry->has_handover = read.sections & COOKIE_HANDOVER;
    entry->handover = read.handover;
    read.handover.uri = NULL;
    if (!(flags & VIR_MIGRATE_CHANGE_PROTECTION)) {
        ask_for_job(entry);
        return;
    }
    if (qemu_migration_job_is_active(&domain->migration_job,
                                     VIR_JOB_MIGRATION_OUT, &err) < 0) {
        source_entry_fail(entry, &err);
        return;
    }
    perform_with_job(entry, SOURCE_EVENT_PERFORM);
}

void
ferry_perform2(struct domain *domain,
               const struct migration_parameters *parameters,
               struct ferry_cookie cookie, unsigned flags,
               struct ferry_call *call)
{
    struct source_entry *entry =
        source_entry_new(domain, parameters, flags, call);
    struct ferry_identity identity = source_identity(domain);
    AUTO_MIGRATION_COOKIE read = {0};
    AUTO_ERROR err = {0};

    entry->kind = ENTRY_PERFORM2;
    if (ferry_cookie_read(&read, cookie, MIGRATION_CALL_PERFORM, &identity,
                          &err) < 0) {
        source_entry_fail(entry, &err);
        return;
    }
    ask_for_job(entry);
}

void
ferry_refuse_perform(struct domain *domain, uint64_t client_id,
                     const struct error *why)
{
    struct source *source = source_find(domain);

    if (source && source->state == SOURCE_STATE_BEGUN &&
        source->client_id == client_id) {
        source_fail(source, why);
        source_happened(source, SOURCE_EVENT_FAILED);
    }
}

static void
perform_with_job(struct source_entry *entry, enum source_event event)
{
    struct domain *domain = entry->domain;
    struct source *source;
    AUTO_ERROR err = {0};

    if (domain_check_active(domain, &err) < 0) {
        source_entry_fail(entry, &err);
        return;
    }
    source = source_find(domain);
    if (check_driver(source, entry->call, &err) < 0) {
        source_entry_fail(entry, &err);
        return;
    }
    if (source && event == SOURCE_EVENT_PERFORM &&
        qemu_migration_job_check_order(
            &domain->migration_job, QEMU_MIGRATION_PHASE_PERFORM3, &err) < 0) {
        source_entry_fail(entry, &err);
        return;
    }
    if (source && !source_takes(source, event)) {
        error_set(&err, ERROR_OPERATION_INVALID,
                  "domain '%s' is not ready to be migrated: its migration is"
                  " %s",
                  domain->name, source_rules.states[source->state]);
        source_entry_fail(entry, &err);
        return;
    }
    /* v2's has entered its phase already, to check. */
    if (event == SOURCE_EVENT_PERFORM &&
        enter_phase(domain, QEMU_MIGRATION_PHASE_PERFORM3, entry->call, &err) <
            0) {
        source_entry_fail(entry, &err);
        return;
    }
    entry->has_job = false; /* The source's from here on. */
    if (!source) {
        source = source_new(domain);
        migration_statistics_start(&source->statistics,
                                   (uint64_t)realtime_ms());
    }
    migration_parameters_done(&source->parameters);
    migration_parameters_copy(&source->parameters, &entry->parameters);
    take_call(source, STEAL(entry->call), entry->flags);
    source->was_running = domain->state == DOMAIN_STATE_RUNNING;
    source->is_suspended = false;
    if (entry->has_handover &&
        source_learn_handover(source, &entry->handover, &err) < 0) {
        source_fail(source, &err);
    }
    error_clear(&err);
    source_entry_free(entry);
    if (!source->parameters.migrate_uri && !source_is_tunnelled(source)) {
        error_set(&err, ERROR_INVALID_ARG,
                  "the migration of domain '%s' has no URI to go to",
                  domain->name);
        source_fail(source, &err);
    }
    source_happened(source, event);
}

/* -------------------------------------------------------------- Confirm */

void
ferry_confirm(struct domain *domain, struct ferry_cookie cookie, unsigned flags,
              enum ferry_confirmation word, struct ferry_call *call)
{
    bool cancelled = word != FERRY_CONFIRMED;
    enum source_event cancellation =
        word == FERRY_UNUSED ? SOURCE_EVENT_UNUSED : SOURCE_EVENT_UNPROVEN;
    enum qemu_migration_phase phase =
        cancelled ? QEMU_MIGRATION_PHASE_CONFIRM3_CANCELLED
                  : QEMU_MIGRATION_PHASE_CONFIRM3;
    struct ferry_identity identity = source_identity(domain);
    struct source *source = source_find(domain);
    enum source_event event = !cancelled ? SOURCE_EVENT_CONFIRM
                              : source   ? source_variant(source, cancellation)
                                         : SOURCE_EVENT_CONFIRM_CANCELLED;
    AUTO_MIGRATION_COOKIE read = {0};
    AUTO_ERROR err = {0};

    /* What a destination that failed has to tell does not matter. */
    if (qemu_migration_job_is_active(&domain->migration_job,
                                     VIR_JOB_MIGRATION_OUT, &err) < 0 ||
        (!cancelled && ferry_cookie_read(&read, cookie, MIGRATION_CALL_CONFIRM,
                                         &identity, &err) < 0)) {
        call->done(call, NULL, &err);
        return;
    }
    if (!source || !source_takes(source, event)) {
        error_set(&err, ERROR_OPERATION_INVALID,
                  "the migration of domain '%s' can't be confirmed: it is %s",
                  domain->name,
                  source ? source_rules.states[source->state] : "not begun");
        call->done(call, NULL, &err);
        return;
    }
    if (check_driver(source, call, &err) < 0 ||
        enter_phase(domain, phase, call, &err) < 0) {
        call->done(call, NULL, &err);
        return;
    }
    /* The destination knows when the guest ran again. */
    if (read.sections & COOKIE_STATISTICS) {
        source->statistics = read.statistics;
    }
    take_call(source, call, flags);
    source->is_confirming = true;
    source_happened(source, event);
}

/* Where this daemon is the coordinator itself, a client has nothing to say: a
 * Confirm of its own could start the guest twice. */
static int
check_driver(const struct source *source, const struct ferry_call *call,
             struct error *err)
{
    if (source && (source->flags & VIR_MIGRATE_PEER2PEER) &&
        source->client_id != call->client_id) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "domain '%s' is being migrated peer-to-peer: its host"
                         " drives that, and no client",
                         source->domain->name);
    }
    return 0;
}

/* -------------------------------------------------------------- the job */

static void
ask_for_job(struct source_entry *entry)
{
    struct domain *domain = domain_get(entry->domain);

    entry->start = (struct qemu_migration_start){
        .kind = VIR_JOB_MIGRATION_OUT,
        .caller = {.api = entry->call->api,
                   .client = entry->call->client_name,
                   .client_id = entry->call->client_id},
        .wait_ms = domain->host->settings.job_timeout_ms,
        .granted = job_granted,
        .refused = job_refused,
    };
    qemu_migration_job_start(&domain->migration_job, &entry->start,
                             monotonic_ms());
    domain_watch_jobs(domain);
    domain_put(domain);
}

static void
job_granted(struct qemu_migration_start *start)
{
    static const enum qemu_migration_phase phases[] = {
        [ENTRY_BEGIN] = QEMU_MIGRATION_PHASE_BEGIN3,
        [ENTRY_PERFORM2] = QEMU_MIGRATION_PHASE_PERFORM2,
    };
    struct source_entry *entry =
        container_of(start, struct source_entry, start);
    AUTO_ERROR err = {0};

    entry->has_job = true;
    if (entry->kind == ENTRY_PERFORM) {
        perform_with_job(entry, SOURCE_EVENT_PERFORM);
    } else if (enter_phase(entry->domain, phases[entry->kind], entry->call,
                           &err) < 0) {
        source_entry_fail(entry, &err);
    } else {
        check(entry);
    }
}

static void
job_refused(struct qemu_migration_start *start, const struct error *err)
{
    source_entry_fail(container_of(start, struct source_entry, start), err);
}

/* In the call that started the job the phase moves on; a later call enters. */
static int
enter_phase(struct domain *domain, enum qemu_migration_phase phase,
            struct ferry_call *call, struct error *err)
{
    struct qemu_migration_caller caller = {
        .api = call->api,
        .client = call->client_name,
        .client_id = call->client_id,
    };

    if (domain->migration_job.facts.phase == QEMU_MIGRATION_PHASE_NONE) {
        return qemu_migration_job_set_phase(&domain->migration_job, phase,
                                            monotonic_ms(), err);
    }
    return qemu_migration_job_start_phase(&domain->migration_job, phase,
                                          &caller, monotonic_ms(), err);
}

static void
take_call(struct source *source, struct ferry_call *call, unsigned flags)
{
    source->call = call;
    source->client_id = call->client_id;
    source->flags = flags;
}
