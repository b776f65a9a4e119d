/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Carries out what destination.def decided. */

#include <libvirt/libvirt.h>

#include "base/clock.h"
#include "base/memory.h"
#include "domain/network.h"
#include "ferry/destination.h"
#include "qmp/commands.h"

static bool is_impossible_unsaved(struct destination *destination,
                                  enum destination_action action,
                                  const struct error *save_failed);
static void carry_out(struct destination *destination,
                      enum destination_action action);
static void start_qemu(struct destination *destination);
static void qemu_started(void *owner, const struct error *err);
static void greet(struct destination *destination);
static void greeted(void *owner, const struct qmp_status *status,
                    const struct error *err);
static void answer_prepare(struct destination *destination);
static void answer_offline(struct destination *destination);
static void answer(struct destination *destination,
                   struct migration_cookie *cookie);
static void define_only(struct destination *destination);
static int define(struct destination *destination, struct error *err);
static void undo_define(struct destination *destination);
static void let_go(struct destination *destination,
                   enum destination_action action);
static void kill_guest(struct destination *destination);
static void end_failed(struct destination *destination);
static void end_refused(struct destination *destination);
static void end_defined(struct destination *destination);
static void end_arrived(struct destination *destination, bool is_running);
static void end_kept(struct destination *destination);
static void settle_state(struct domain *domain, bool is_running);
static char *finish_cookie(struct destination *destination, size_t *size);

void
destination_act(struct destination *destination, enum destination_action action,
                const struct error *save_failed)
{
    if (save_failed &&
        is_impossible_unsaved(destination, action, save_failed)) {
        destination_happened(destination, DESTINATION_EVENT_REFUSED);
        return;
    }
    carry_out(destination, action);
}

static void
carry_out(struct destination *destination, enum destination_action action)
{
    switch (action) {
    case DESTINATION_ACTION_NOTHING:
        break;
    case DESTINATION_ACTION_START_QEMU:
        start_qemu(destination);
        break;
    case DESTINATION_ACTION_ARM:
        destination_arm(destination);
        break;
    case DESTINATION_ACTION_ANSWER_PREPARE:
        answer_prepare(destination);
        break;
    case DESTINATION_ACTION_ANSWER_OFFLINE:
        answer_offline(destination);
        break;
    case DESTINATION_ACTION_GREET:
        greet(destination);
        break;
    case DESTINATION_ACTION_DEFINE:
        define_only(destination);
        break;
    case DESTINATION_ACTION_RESUME_GUEST:
    case DESTINATION_ACTION_KEEP_PAUSED:
        let_go(destination, action);
        break;
    case DESTINATION_ACTION_EXAMINE:
        destination_examine(destination);
        break;
    case DESTINATION_ACTION_LOOK:
        destination_look(destination);
        break;
    case DESTINATION_ACTION_KILL_GUEST:
        kill_guest(destination);
        break;
    case DESTINATION_ACTION_ASK_THERE:
        destination_ask(destination);
        break;
    case DESTINATION_ACTION_END_FAILED:
        end_failed(destination);
        break;
    case DESTINATION_ACTION_END_REFUSED:
        end_refused(destination);
        break;
    case DESTINATION_ACTION_END_DEFINED:
        end_defined(destination);
        break;
    case DESTINATION_ACTION_END_RUNNING:
    case DESTINATION_ACTION_END_PAUSED:
        end_arrived(destination, action == DESTINATION_ACTION_END_RUNNING);
        break;
    case DESTINATION_ACTION_END_KEPT:
        end_kept(destination);
        break;
    }
}

static bool
is_impossible_unsaved(struct destination *destination,
                      enum destination_action action,
                      const struct error *save_failed)
{
    host_note(destination->domain->host, LOG_LEVEL_ERROR, destination->domain,
              "%s", save_failed->message);
    switch (action) {
    case DESTINATION_ACTION_END_PAUSED:
        /* A restart would find SETTLING, and kill a guest whose client has been
         * told that it is here. */
        destination->state = destination->before;
        destination_trace_state(destination, "UNSAVED");
        break;
    case DESTINATION_ACTION_RESUME_GUEST:
    case DESTINATION_ACTION_KEEP_PAUSED:
        /* A guest must not run here without a record of it. */
        break;
    default:
        return false;
    }
    destination_fail(destination, save_failed);
    return true;
}

static void
start_qemu(struct destination *destination)
{
    const struct domain_start_options options = {
        .is_incoming = true,
        .cpu = destination->cpu_there,
    };

    domain_start(destination->domain, &options, qemu_started,
                 destination->domain);
}

/* A start that failed was told to hear_ended() before. */
static void
qemu_started(void *owner, const struct error *err)
{
    struct domain *domain = owner;
    struct destination *destination = destination_find(domain);

    if (!err && destination) {
        destination_be_patient(destination);
        destination_happened(destination, DESTINATION_EVENT_STARTED);
    }
}

/* A restart has left nobody who waits for a QEMU that was starting. */
static void
greet(struct destination *destination)
{
    struct domain *domain = destination->domain;
    struct qmp_session *monitor = qemu_process_monitor(domain->qemu);

    if (!domain->start && monitor) {
        qmp_query_status(monitor, greeted, destination);
    }
}

/* The end of QEMU or of its monitor is told to others. */
static void
greeted(void *owner, const struct qmp_status *status, const struct error *err)
{
    struct destination *destination = owner;

    (void)status;
    if (!err) {
        qemu_started(destination->domain, NULL);
    }
}

static void
answer_prepare(struct destination *destination)
{
    struct domain *domain = destination->domain;
    struct ferry_identity identity = {domain->host, destination->original_name,
                                      &domain->uuid};
    AUTO_MIGRATION_COOKIE cookie = {0};

    ferry_cookie_init(&cookie, &identity);
    ferry_cookie_add_capabilities(&cookie, domain->host, "late-block-activate");
    destination_add_handover(destination, &cookie);
    answer(destination, &cookie);
}

/* libvirt's clients want a URI although nothing will be sent to it. */
static void
answer_offline(struct destination *destination)
{
    struct domain *domain = destination->domain;
    struct ferry_identity identity = {domain->host, destination->original_name,
                                      &domain->uuid};
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR err = {0};

    if (destination_choose_port(destination, &err) < 0) {
        destination_fail(destination, &err);
        destination_happened(destination, DESTINATION_EVENT_FAILED);
        return;
    }
    ferry_cookie_init(&cookie, &identity);
    answer(destination, &cookie);
}

static void
answer(struct destination *destination, struct migration_cookie *cookie)
{
    struct domain *domain = destination->domain;
    struct ferry_call *call = STEAL(destination->call);
    struct ferry_result result = {.incoming = domain};
    AUTO_FREE char *bytes = NULL;
    AUTO_FREE char *uri = NULL;
    AUTO_ERROR err = {0};

    if (destination_answer_uri(destination, &uri, &err) < 0 ||
        qemu_migration_job_continue(
            &domain->migration_job, destination->client_id,
            monotonic_ms() + domain->host->settings.incoming_timeout_ms,
            &err) < 0) {
        destination->call = call;
        destination_fail(destination, &err);
        destination_happened(destination, DESTINATION_EVENT_FAILED);
        return;
    }
    bytes = migration_cookie_format(cookie, &result.cookie_size);
    result.cookie = bytes;
    result.uri = uri;
    if (domain_is_active(domain) && !destination->was_announced) {
        destination->was_announced = true;
        domain_emit(domain, VIR_DOMAIN_EVENT_STARTED,
                    VIR_DOMAIN_EVENT_STARTED_MIGRATED);
    }
    if (call) {
        call->done(call, &result, NULL);
    }
}

/* What the client asked to be defined here is defined before the guest runs:
 * where that fails, the source still has it. */
static int
define(struct destination *destination, struct error *err)
{
    struct domain *domain = destination->domain;
    bool was_updated;

    if (!destination->persist) {
        return 0;
    }
    if (domain->definition) {
        destination->replaced = guest_copy(domain->definition);
    }
    if (!domain_define(domain->host, STEAL(destination->persist), &was_updated,
                       err)) {
        return -1;
    }
    destination->is_defined = true;
    domain_emit(domain, VIR_DOMAIN_EVENT_DEFINED,
                was_updated ? VIR_DOMAIN_EVENT_DEFINED_UPDATED
                            : VIR_DOMAIN_EVENT_DEFINED_ADDED);
    return 0;
}

/* A guest that did not come leaves the host as it was. */
static void
undo_define(struct destination *destination)
{
    struct domain *domain = destination->domain;
    AUTO_ERROR err = {0};
    bool was_updated;

    if (!destination->is_defined) {
        return;
    }
    if (destination->replaced) {
        if (domain_define(domain->host, STEAL(destination->replaced),
                          &was_updated, &err)) {
            domain_emit(domain, VIR_DOMAIN_EVENT_DEFINED,
                        VIR_DOMAIN_EVENT_DEFINED_UPDATED);
        }
    } else if (domain_undefine(domain, &err) == 0) {
        domain_emit(domain, VIR_DOMAIN_EVENT_UNDEFINED,
                    VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
    }
    if (error_is_set(&err)) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain, "%s", err.message);
    }
}

static void
define_only(struct destination *destination)
{
    AUTO_ERROR err = {0};

    if (define(destination, &err) < 0) {
        destination_fail(destination, &err);
        destination_happened(destination, DESTINATION_EVENT_REFUSED);
    } else {
        destination_happened(destination, DESTINATION_EVENT_DEFINED);
    }
}

static void
let_go(struct destination *destination, enum destination_action action)
{
    AUTO_ERROR err = {0};

    if (!destination->domain->qemu) {
        return; /* Found dead after a restart; its end follows. */
    }
    /* The source's are down since it has handed the guest over. */
    if (domain_network_set_up(destination->domain, true, &err) < 0) {
        destination_fail(destination, &err);
        destination_happened(destination, DESTINATION_EVENT_REFUSED);
    } else if (define(destination, &err) < 0) {
        host_note(destination->domain->host, LOG_LEVEL_ERROR,
                  destination->domain, "%s", err.message);
        destination_fail(destination, &err);
        destination_happened(destination, DESTINATION_EVENT_UNDEFINED);
    } else if (action == DESTINATION_ACTION_RESUME_GUEST) {
        destination_resume(destination);
    } else {
        destination_settle(destination);
    }
}

static void
kill_guest(struct destination *destination)
{
    struct domain *domain = destination->domain;

    if (domain->on_end.reason == VIR_DOMAIN_SHUTOFF_CRASHED) {
        domain->on_end = (struct domain_expectation){
            VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED};
    }
    /* As libvirt's auto-destroy: to a client it looks like "destroyed". */
    if (destination->is_client_gone &&
        domain->on_end.reason == VIR_DOMAIN_SHUTOFF_FAILED) {
        domain->on_end = (struct domain_expectation){
            VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED};
        if (destination->was_announced) {
            domain_emit(domain, VIR_DOMAIN_EVENT_SHUTDOWN,
                        VIR_DOMAIN_EVENT_SHUTDOWN_HOST);
        }
    }
    domain_kill(domain);
}

static void
end_failed(struct destination *destination)
{
    struct domain *domain = domain_get(destination->domain);
    struct ferry_call *call = STEAL(destination->call);
    struct domain_expectation end = domain->on_end;
    AUTO_ERROR failure = {0};

    if (error_is_set(&destination->failure)) {
        error_move(&failure, &destination->failure);
    } else {
        error_set(&failure, ERROR_OPERATION_FAILED, "the migration failed");
    }
    if (!call && !destination->is_client_gone) {
        incoming_error_keep(domain->host, domain->name, &failure);
    }
    host_note(domain->host, LOG_LEVEL_INFO, domain,
              "the incoming guest is given up: %s", failure.message);
    if (!destination->was_announced) {
        domain->id = -1; /* Nobody was told that it was here. */
    }
    undo_define(destination);
    destination_answer_questions(destination, true);
    domain->migration = NULL;
    destination->base.free(&destination->base);
    domain_stopped(domain, end.reason, end.detail);
    qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    if (call) {
        call->done(call, NULL, &failure);
    }
    domain_put(domain);
}

/* What is there of the domain is what was defined before. */
static void
end_refused(struct destination *destination)
{
    struct domain *domain = domain_get(destination->domain);
    struct ferry_call *call = STEAL(destination->call);
    AUTO_ERROR failure = {0};

    error_move(&failure, &destination->failure);
    if (!call && !destination->is_client_gone) {
        incoming_error_keep(domain->host, domain->name, &failure);
    }
    host_note(domain->host, LOG_LEVEL_INFO, domain,
              "the incoming definition is given up: %s", failure.message);
    undo_define(destination);
    domain->migration = NULL;
    destination->base.free(&destination->base);
    domain_expect_nothing(domain);
    domain_drop_live(domain);
    qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    if (call) {
        call->done(call, NULL, &failure);
    }
    domain_put(domain);
}

static void
end_defined(struct destination *destination)
{
    struct domain *domain = domain_get(destination->domain);
    struct ferry_call *call = STEAL(destination->call);
    struct ferry_result result = {.domain = domain};
    AUTO_FREE char *cookie = finish_cookie(destination, &result.cookie_size);

    result.cookie = cookie;
    domain->migration = NULL;
    destination->base.free(&destination->base);
    domain_expect_nothing(domain);
    domain_drop_live(domain);
    qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    if (call) {
        call->done(call, &result, NULL);
    }
    domain_put(domain);
}

static void
end_arrived(struct destination *destination, bool is_running)
{
    struct domain *domain = domain_get(destination->domain);
    struct ferry_call *call = STEAL(destination->call);
    struct ferry_result result = {.domain = domain};
    AUTO_FREE char *cookie = NULL;
    bool was_restored = destination->was_restored;

    if (destination->has_statistics) {
        migration_statistics_resumed(&destination->statistics,
                                     (uint64_t)realtime_ms());
        domain->completed = destination->statistics;
        domain->has_completed = true;
        domain->was_incoming = true;
    }
    cookie = finish_cookie(destination, &result.cookie_size);
    result.cookie = cookie;
    domain->migration = NULL;
    destination->base.free(&destination->base);
    settle_state(domain, is_running);
    if (is_running) {
        /* QEMU announces at the end of loading, when switches would still send
         * packets to the old port to good effect: once more. */
        qmp_announce_self(qemu_process_monitor(domain->qemu), NULL, NULL);
    }
    domain_learn_chardevs(domain);
    if (was_restored) {
        domain_learn_state(domain); /* It may have halted long ago. */
    }
    qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    if (call) {
        call->done(call, &result, NULL);
    }
    domain_put(domain);
}

/* It may be the only one that there is: an operator decides. */
static void
end_kept(struct destination *destination)
{
    struct domain *domain = domain_get(destination->domain);
    struct ferry_call *call = STEAL(destination->call);
    AUTO_ERROR failure = {0};

    error_move(&failure, &destination->failure);
    host_note(domain->host, LOG_LEVEL_ERROR, domain,
              "the incoming guest is whole, and not started (%s): it stays"
              " here, paused; see that the source does not have it, then"
              " resume it here or destroy it",
              failure.message);
    error_wrap(&failure, "the guest of domain '%s' is kept, paused",
               domain->name);
    domain->migration = NULL;
    destination->base.free(&destination->base);
    domain_expect_nothing(domain);
    domain_learn_chardevs(domain);
    qemu_migration_job_finish(&domain->migration_job, monotonic_ms());
    if (call) {
        call->done(call, NULL, &failure);
    }
    domain_put(domain);
}

/* Before the job's end, since its waiters look at the state.  What the guest
 * has done since it runs (halted, crashed, hit an I/O error) stands. */
static void
settle_state(struct domain *domain, bool is_running)
{
    struct domain_expectation end = domain->on_end;

    domain_expect_nothing(domain);
    if (domain->state == DOMAIN_STATE_SHUTDOWN ||
        domain->state == DOMAIN_STATE_CRASHED) {
        domain->on_end = end;
    } else if (domain->state == DOMAIN_STATE_PAUSED &&
               domain->reason == VIR_DOMAIN_PAUSED_MIGRATION) {
        domain_set_state(
            domain, is_running ? DOMAIN_STATE_RUNNING : DOMAIN_STATE_PAUSED,
            is_running ? VIR_DOMAIN_RUNNING_MIGRATED : VIR_DOMAIN_PAUSED_USER);
    }
    if (!is_running) {
        domain_emit(domain, VIR_DOMAIN_EVENT_SUSPENDED,
                    VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    }
}

static char *
finish_cookie(struct destination *destination, size_t *size)
{
    struct domain *domain = destination->domain;
    struct ferry_identity identity = {domain->host, destination->original_name,
                                      &domain->uuid};
    AUTO_MIGRATION_COOKIE cookie = {0};

    ferry_cookie_init(&cookie, &identity);
    if (destination->has_statistics) {
        migration_cookie_set_statistics(&cookie, &destination->statistics);
    }
    return migration_cookie_format(&cookie, size);
}
