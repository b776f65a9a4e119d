/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Carries out what source.def decided. */

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "domain/network.h"
#include "ferry/peer.h"
#include "ferry/source.h"
#include "qmp/commands.h"

static void carry_out(struct source *source, enum source_action action);
static void find_out(struct source *source, enum source_action action);
static bool needs_record(enum source_action action);
static void answer_begin(struct source *source);
static void answer_perform(struct source *source);
static void take_network_down(struct domain *domain);
static void answer_shell(struct source *source);
static int continue_job(struct source *source, struct error *err);
static bool keep_job(struct source *source);
static void kill_guest(struct source *source);
static void leave_paused(struct source *source);
static void end(struct source *source, enum source_action action);
static void withdraw_stand_in(const struct source *source);
static void end_migrated(struct domain *domain);
static void undefine_if_asked(struct domain *domain, unsigned flags);

void
source_act(struct source *source, enum source_action action,
           const struct error *save_failed)
{
    if (save_failed) {
        host_note(source->domain->host, LOG_LEVEL_ERROR, source->domain, "%s",
                  save_failed->message);
        /* No step towards the other host, and no answer to a client, that a
         * restart would not know of. */
        if (needs_record(action)) {
            source_fail(source, save_failed);
            source_happened(source, SOURCE_EVENT_UNSAVED);
            return;
        }
    }
    carry_out(source, action);
}

static void
carry_out(struct source *source, enum source_action action)
{
    switch (action) {
    case SOURCE_ACTION_NOTHING:
        break;
    case SOURCE_ACTION_ANSWER_BEGIN:
        answer_begin(source);
        break;
    case SOURCE_ACTION_ARM:
        source_arm(source);
        break;
    case SOURCE_ACTION_MIGRATE:
        source_watch_stall(source);
        source_migrate(source);
        break;
    case SOURCE_ACTION_CONTINUE:
        source_continue(source);
        break;
    case SOURCE_ACTION_ANSWER_PERFORM:
        answer_perform(source);
        break;
    case SOURCE_ACTION_ANSWER_SHELL:
        answer_shell(source);
        break;
    case SOURCE_ACTION_CANCEL:
        source_break_tunnel(source);
        source_cancel(source);
        break;
    case SOURCE_ACTION_RESTORE:
        source_break_tunnel(source);
        source_restore(source);
        break;
    case SOURCE_ACTION_HAND_OVER:
        migration_statistics_sent(&source->statistics, (uint64_t)realtime_ms());
        kill_guest(source);
        break;
    case SOURCE_ACTION_KILL_GUEST:
        kill_guest(source);
        break;
    case SOURCE_ACTION_ASK:
    case SOURCE_ACTION_LOOK_THERE:
    case SOURCE_ACTION_SYNC:
    case SOURCE_ACTION_EXAMINE:
        find_out(source, action);
        break;
    case SOURCE_ACTION_TAKE_OVER:
        peer_take_over(source->domain);
        break;
    case SOURCE_ACTION_LEAVE_PAUSED:
        leave_paused(source);
        break;
    case SOURCE_ACTION_END_JOB:
    case SOURCE_ACTION_END_MOVED:
    case SOURCE_ACTION_END_RESTORED:
    case SOURCE_ACTION_END_PAUSED:
    case SOURCE_ACTION_END_FAILED:
    case SOURCE_ACTION_END_MIGRATED:
        end(source, action);
        break;
    }
}

static void
find_out(struct source *source, enum source_action action)
{
    if (action == SOURCE_ACTION_ASK) {
        source_ask(source, HANDOVER_RECLAIM);
    } else if (action == SOURCE_ACTION_LOOK_THERE) {
        source_ask(source, HANDOVER_LOOK);
    } else if (action == SOURCE_ACTION_EXAMINE) {
        source_examine(source);
    } else {
        source_watch_stall(source);
        source_sync(source);
    }
}

static bool
needs_record(enum source_action action)
{
    return action == SOURCE_ACTION_ANSWER_BEGIN ||
           action == SOURCE_ACTION_ARM || action == SOURCE_ACTION_MIGRATE ||
           action == SOURCE_ACTION_CONTINUE ||
           action == SOURCE_ACTION_ANSWER_PERFORM;
}

static void
answer_begin(struct source *source)
{
    size_t size;
    AUTO_FREE char *cookie = source_begin_cookie(source, &size);
    unsigned configured =
        source->state == SOURCE_STATE_OFFERED ? VIR_DOMAIN_XML_INACTIVE : 0;
    AUTO_FREE char *xml = domain_format(
        source->domain,
        VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_MIGRATABLE | configured);
    struct ferry_result result = {
        .cookie = cookie,
        .cookie_size = size,
        .xml = source->parameters.destination_xml
                   ? source->parameters.destination_xml
                   : xml,
    };

    if (keep_job(source)) {
        source_answer(source, &result, NULL);
    }
}

static void
answer_perform(struct source *source)
{
    size_t size;
    struct ferry_result result = {0};
    AUTO_FREE char *cookie = NULL;

    migration_statistics_sent(&source->statistics, (uint64_t)realtime_ms());
    cookie = source_perform_cookie(source, &size);
    result.cookie = cookie;
    result.cookie_size = size;
    if (keep_job(source)) {
        take_network_down(source->domain);
        /* The last numbers are for the job's history; nobody waits for them,
         * and whoever is answered may end us at once. */
        source_sample(source);
        source_answer(source, &result, NULL);
    }
}

/* The guest is whole there and nowhere else, or was given away before: whatever
 * can't be saved, the coordinator has to go on. */
static void
answer_shell(struct source *source)
{
    size_t size;
    AUTO_FREE char *cookie = source_perform_cookie(source, &size);
    struct ferry_result result = {.cookie = cookie, .cookie_size = size};
    struct domain *domain = source->domain;
    AUTO_ERROR err = {0};

    if (domain->migration_job.facts.is_owned &&
        continue_job(source, &err) < 0) {
        host_note(domain->host, LOG_LEVEL_ERROR, domain, "%s", err.message);
    }
    if (domain->qemu) {
        take_network_down(domain);
    }
    source_answer(source, &result, NULL);
}

/* The guest stands still here, and is about to answer for its addresses there.
 * A device that stays up is no reason to take it back. */
static void
take_network_down(struct domain *domain)
{
    AUTO_ERROR err = {0};

    if (domain_network_set_up(domain, false, &err) < 0) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain, "%s", err.message);
    }
}

static int
continue_job(struct source *source, struct error *err)
{
    struct domain *domain = source->domain;

    return qemu_migration_job_continue(
        &domain->migration_job, source->client_id,
        monotonic_ms() + domain->host->settings.begin_timeout_ms, err);
}

/* False where the record could not be saved: nobody may be answered then.
 * After a restart it may be kept already. */
static bool
keep_job(struct source *source)
{
    AUTO_ERROR err = {0};

    if (source->domain->migration_job.facts.is_owned &&
        continue_job(source, &err) < 0) {
        source_fail(source, &err);
        source_happened(source, SOURCE_EVENT_UNSAVED);
        return false;
    }
    return true;
}

static void
kill_guest(struct source *source)
{
    source->domain->on_end = (struct domain_expectation){
        VIR_DOMAIN_SHUTOFF_MIGRATED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED};
    domain_kill(source->domain);
}

static void
leave_paused(struct source *source)
{
    struct domain *domain = domain_get(source->domain);
    struct ferry_call *call = STEAL(source->call);
    AUTO_ERROR failure = {0};

    error_copy(&failure, &source->failure);
    if (source->state == SOURCE_STATE_UNSURE) {
        host_note(domain->host, LOG_LEVEL_ERROR, domain,
                  "unsure: %s does not say whether the guest runs there (%s):"
                  " it stays paused here, and can't be resumed; asking goes on,"
                  " and 'vmferry resolve %s' shows what is known",
                  source->handover.uri, failure.message, domain->name);
    } else {
        host_note(domain->host, LOG_LEVEL_ERROR, domain,
                  "nobody has said whether the guest runs at the destination"
                  " (%s): it stays paused here; look there first, then resume"
                  " it here or destroy it",
                  failure.message);
    }
    /* Who waits for the job may resume or destroy the guest within this call:
     * 'source' may be gone. */
    qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    if (call) {
        call->done(call, NULL, &failure);
    }
    domain_put(domain);
}

/* The migration is over: the job ends, the call that waits is answered, and
 * the source's data goes. */
static void
end(struct source *source, enum source_action action)
{
    struct domain *domain = domain_get(source->domain);
    struct ferry_call *call = STEAL(source->call);
    /* What the call wanted: Perform of protocol v2, and a Confirm that does not
     * cancel, that the guest goes; one that cancels, that it stays. */
    bool is_success =
        action == SOURCE_ACTION_END_MIGRATED ||
        (source->is_confirming && (action == SOURCE_ACTION_END_JOB ||
                                   action == SOURCE_ACTION_END_MOVED ||
                                   action == SOURCE_ACTION_END_RESTORED));
    unsigned flags = source->flags;
    AUTO_ERROR failure = {0};

    if (error_is_set(&source->failure)) {
        error_move(&failure, &source->failure);
    } else {
        error_set(&failure, ERROR_OPERATION_FAILED, "the migration failed");
    }
    if (action == SOURCE_ACTION_END_MIGRATED) {
        domain->completed = source->statistics;
        domain->has_completed = true;
        domain->was_incoming = false;
    }
    if (action != SOURCE_ACTION_END_MIGRATED &&
        action != SOURCE_ACTION_END_MOVED) {
        withdraw_stand_in(source);
    }
    domain->migration = NULL;
    source->base.free(&source->base);
    if (action == SOURCE_ACTION_END_MIGRATED) {
        end_migrated(domain);
        undefine_if_asked(domain, flags);
    } else if (action == SOURCE_ACTION_END_MOVED) {
        undefine_if_asked(domain, flags);
    } else if (action == SOURCE_ACTION_END_FAILED) {
        domain_stopped(domain, domain->on_end.reason, domain->on_end.detail);
    } else if (action == SOURCE_ACTION_END_PAUSED) {
        host_note(domain->host, LOG_LEVEL_ERROR, domain,
                  "the guest could not be resumed after its migration: %s",
                  failure.message);
    }
    if (domain->migration_job.facts.kind == JOB_ASYNC_NONE) {
        domain_save(domain); /* It was left paused; the end of a job saves. */
    }
    qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    if (call) {
        static const struct ferry_result nothing;

        call->done(call, is_success ? &nothing : NULL,
                   is_success ? NULL : &failure);
    }
    domain_put(domain);
}

/* The client that would have told the destination is gone: it would wait for us
 * to go on in its place. */
static void
withdraw_stand_in(const struct source *source)
{
    const struct peer *peer = peer_find_stand_in(source->domain);

    if (peer && source->is_client_gone && domain_is_active(source->domain)) {
        ferry_withdraw(source->domain, peer->uri, &source->handover.id);
    }
}

/* libvirt's order: STOPPED, then JOB_COMPLETED. */
static void
end_migrated(struct domain *domain)
{
    struct host *host = domain->host;
    AUTO_PARAMETERS list = {0};

    domain_stopped(domain, VIR_DOMAIN_SHUTOFF_MIGRATED,
                   VIR_DOMAIN_EVENT_STOPPED_MIGRATED);
    if (host->observer && host->observer->job_completed) {
        migration_statistics_list(&domain->completed, MIGRATION_OPERATION_OUT,
                                  &list);
        ferry_list_phases(domain, &list);
        host->observer->job_completed(host->observer_owner, domain, &list);
    }
}

static void
undefine_if_asked(struct domain *domain, unsigned flags)
{
    AUTO_ERROR err = {0};

    if (!(flags & VIR_MIGRATE_UNDEFINE_SOURCE) || !domain->definition) {
        return;
    }
    if (domain_undefine(domain, &err) < 0) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain, "%s", err.message);
        return;
    }
    domain_emit(domain, VIR_DOMAIN_EVENT_UNDEFINED,
                VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
}
