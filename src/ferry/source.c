/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source's machine: from what has happened to the rule, the job's phase,
 * the record on disk, the deadline of the new state, and the action. */

#include "ferry/source.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/peer.h"
#include "ferry/phase.h"
#include "qmp/commands.h"

enum {
    QMP_DEADLINE_MS = 30000, /* For commands that take a moment. */
    KILL_DEADLINE_MS = 5000, /* SIGKILL has been sent long before. */
};

static struct source *source_of(struct domain_migration *migration);
static void hear_event(struct domain_migration *migration,
                       const struct qmp_event *event);
static void hear_monitor_lost(struct domain_migration *migration,
                              const struct error *why);
static void hear_ended(struct domain_migration *migration,
                       const struct error *why);
static bool is_past_saving(const struct source *source);
static bool hear_client_gone(struct domain_migration *migration,
                             uint64_t client_id);
static void hear_restarted(struct domain_migration *migration);
static void hear_suspended(struct domain_migration *migration);
static void hear_resumed(struct domain_migration *migration);
static int may_resume(const struct domain_migration *migration,
                      struct error *err);
static bool is_asking(enum source_state state);
static void hear_destroy(struct domain_migration *migration);
static void save(struct domain_migration *migration, struct record *record);
static void trace_step(struct source *source, enum source_event event,
                       const struct rule *rule);
static void source_free(struct domain_migration *migration);
static int save_state(struct source *source, struct error *err);
static void start_deadline(struct source *source);
static void overdue(void *owner);

struct source *
source_new(struct domain *domain)
{
    struct source *source = xcalloc(1, sizeof *source);

    source->base = (struct domain_migration){
        .event = hear_event,
        .monitor_lost = hear_monitor_lost,
        .ended = hear_ended,
        .client_gone = hear_client_gone,
        .restarted = hear_restarted,
        .suspended = hear_suspended,
        .resumed = hear_resumed,
        .may_resume = may_resume,
        .destroy = hear_destroy,
        .save = save,
        .free = source_free,
        .is_incoming = false,
    };
    source->domain = domain;
    domain->migration = &source->base;
    /* The rules have deadlines of their own. */
    if (domain->qemu) {
        qmp_session_set_patient(qemu_process_monitor(domain->qemu), source);
    }
    return source;
}

struct source *
source_find(const struct domain *domain)
{
    return domain->migration && !domain->migration->is_incoming
               ? source_of(domain->migration)
               : NULL;
}

bool
source_takes(const struct source *source, enum source_event event)
{
    return rules_has(&source_rules, source->state, event);
}

bool
source_goes_on(const struct source *source)
{
    return source->handover.comes_back &&
           (source_takes(source, SOURCE_EVENT_REBEGIN) ||
            source_takes(source, SOURCE_EVENT_REPERFORM));
}

bool
source_happened(struct source *source, enum source_event event)
{
    struct domain *domain = source->domain;
    const struct rule *rule = rules_find(&source_rules, source->state, event);
    enum source_state before = source->state;
    AUTO_ERROR err = {0};
    char line[128];
    int saved;

    trace_step(source, event, rule);
    if (!rule) {
        rules_format_step(&source_rules, source->state, event, NULL, line,
                          sizeof line);
        host_note(domain->host, LOG_LEVEL_DEBUG, domain,
                  "outgoing migration: %s", line);
        return false;
    }
    source->state = rule->to;
    if (!is_asking(source->state)) {
        source_stop_asking(source);
    }
    source_follow_doubt(source, event);
    if (source->state == SOURCE_STATE_IDLE) {
        source_note_outcome(source, before, rule->act);
    }
    saved = save_state(source, &err);
    start_deadline(source);
    source_act(source, rule->act, saved < 0 ? &err : NULL);
    return true;
}

bool
source_is_copying(const struct source *source)
{
    return source->state == SOURCE_STATE_COPYING ||
           source->state == SOURCE_STATE_COPYING2;
}

void
source_fail(struct source *source, const struct error *why)
{
    if (!error_is_set(&source->failure)) {
        error_copy(&source->failure, why);
    }
}

void
source_answer(struct source *source, const struct ferry_result *result,
              const struct error *err)
{
    struct ferry_call *call = STEAL(source->call);

    if (call) {
        call->done(call, err ? NULL : result, err);
    }
}

static void
trace_step(struct source *source, enum source_event event,
           const struct rule *rule)
{
    struct rule_step step =
        rule_step_of(&source_rules, source->state, event, rule);

    ferry_trace(source->domain, &source->trace_number, &step);
}

void
source_trace_state(struct source *source, const char *how)
{
    struct rule_step step = {
        .machine = source_rules.machine,
        .on = how,
        .to = source_rules.states[source->state],
    };

    ferry_trace(source->domain, &source->trace_number, &step);
}

static struct source *
source_of(struct domain_migration *migration)
{
    return container_of(migration, struct source, base);
}

static void
hear_event(struct domain_migration *migration, const struct qmp_event *event)
{
    source_qemu_event(source_of(migration), event);
}

static void
hear_monitor_lost(struct domain_migration *migration, const struct error *why)
{
    struct source *source = source_of(migration);
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_FAILED, "the monitor of QEMU is lost: %s",
              why->message);
    source_fail(source, &err);
    source_happened(source, SOURCE_EVENT_MONITOR_LOST);
}

static void
hear_ended(struct domain_migration *migration, const struct error *why)
{
    struct source *source = source_of(migration);
    AUTO_ERROR err = {0};

    error_set_from(&err, ERROR_FROM_DOMAIN, ERROR_OPERATION_FAILED,
                   "domain is not running: %s", why->message);
    source_fail(source, &err);
    source_happened(source,
                    is_past_saving(source)
                        ? SOURCE_EVENT_QEMU_GONE
                        : source_variant(source, SOURCE_EVENT_ORPHANED));
}

/* A guest that may have gone on here is not to go on from an earlier point
 * there; and where no coordinator comes back nobody waits for an answer. */
static bool
is_past_saving(const struct source *source)
{
    return (source->state == SOURCE_STATE_HANDING &&
            source->may_have_gone_on) ||
           (source->state == SOURCE_STATE_SHELL_GONE &&
            !source->handover.comes_back);
}

static bool
hear_client_gone(struct domain_migration *migration, uint64_t client_id)
{
    struct source *source = source_of(migration);
    AUTO_ERROR err = {0};

    if (source->client_id != client_id || source->is_client_gone) {
        return false;
    }
    source->is_client_gone = true;
    if (peer_find_stand_in(source->domain) &&
        rules_has_own(&source_rules, source->state, SOURCE_EVENT_CLIENT_AWAY)) {
        source_happened(source, SOURCE_EVENT_CLIENT_AWAY);
        return true;
    }
    error_set(&err, ERROR_OPERATION_ABORTED,
              "the client that drove the migration has closed its connection");
    source_fail(source, &err);
    source_happened(source, SOURCE_EVENT_CLIENT_GONE);
    return true;
}

static void
hear_restarted(struct domain_migration *migration)
{
    struct source *source = source_of(migration);
    AUTO_ERROR err = {0};

    if (source_goes_on(source)) {
        source_happened(source, SOURCE_EVENT_BACK);
        return;
    }
    error_set(&err, ERROR_OPERATION_ABORTED, "the daemon was restarted");
    source_fail(source, &err);
    source_happened(source, SOURCE_EVENT_RESTARTED);
}

/* Without the token nobody runs the guest. */
static int
may_resume(const struct domain_migration *migration, struct error *err)
{
    const struct source *source =
        container_of(migration, const struct source, base);

    if (!source_token_is_away(source->state)) {
        return 0;
    }
    return error_set(err, ERROR_OPERATION_INVALID,
                     "domain '%s' can't be resumed here: it was handed over to"
                     " %s, which is being asked whether it runs there; see"
                     " 'vmferry resolve'",
                     source->domain->name,
                     source->handover.uri ? source->handover.uri
                                          : "another host");
}

static bool
is_asking(enum source_state state)
{
    return state == SOURCE_STATE_ASKING || state == SOURCE_STATE_UNSURE ||
           state == SOURCE_STATE_ORPHAN;
}

static void
hear_suspended(struct domain_migration *migration)
{
    source_of(migration)->is_suspended = true;
}

static void
hear_resumed(struct domain_migration *migration)
{
    source_happened(source_of(migration), SOURCE_EVENT_RESUMED);
}

/* The end of QEMU, which follows, is all that matters, unless it has come. */
static void
hear_destroy(struct domain_migration *migration)
{
    struct source *source = source_of(migration);
    AUTO_ERROR err = {0};

    error_set_from(&err, ERROR_FROM_DOMAIN, ERROR_OPERATION_FAILED,
                   "domain is not running: it was destroyed");
    source_fail(source, &err);
    if (source->state == SOURCE_STATE_SHELL_GONE) {
        source_happened(source, SOURCE_EVENT_ABORT);
    }
}

static void
save(struct domain_migration *migration, struct record *record)
{
    const struct source *source = source_of(migration);
    const struct peer *peer = peer_find(source->domain);

    if (!peer) {
        peer = peer_find_stand_in(source->domain);
    }
    record_set_text(record, "source-state", source_rules.states[source->state]);
    record_set_number(record, "source-flags", source->flags);
    record_set_bool(record, "source-was-running", source->was_running);
    record_set_bool(record, "source-is-suspended", source->is_suspended);
    record_set_bool(record, "source-had-ended", source->had_ended);
    record_set_number(record, "source-started",
                      (int64_t)source->statistics.started);
    record_set_number(record, "source-stopped",
                      (int64_t)source->statistics.stopped);
    source_save_handover(source, record);
    if (peer) {
        peer_save(peer, record);
    }
    if (source->parameters.migrate_uri) {
        record_set_text(record, "source-migrate-uri",
                        source->parameters.migrate_uri);
    }
    if (source->parameters.persistent_xml) {
        record_set_text(record, "source-persistent-xml",
                        source->parameters.persistent_xml);
    }
}

static void
source_free(struct domain_migration *migration)
{
    struct source *source = source_of(migration);
    AUTO_ERROR err = {0};

    timer_stop(&source->deadline);
    timer_stop(&source->stall);
    if (source->call) {
        error_set(&err, ERROR_OPERATION_ABORTED, "the daemon stops");
        source_answer(source, NULL, &err);
    }
    if (source->domain->qemu && qemu_process_monitor(source->domain->qemu)) {
        qmp_forget(qemu_process_monitor(source->domain->qemu), source);
    }
    source_stop_asking(source);
    peer_dismiss_stand_in(source->domain);
    migration_parameters_done(&source->parameters);
    error_clear(&source->failure);
    free(source->handover.uri);
    free(source);
}

/* The phase follows the state; where it stays, the record is saved all the
 * same. */
static int
save_state(struct source *source, struct error *err)
{
    return ferry_enter_phase(source->domain, VIR_JOB_MIGRATION_OUT,
                             source_phase(source->state), err);
}

static void
start_deadline(struct source *source)
{
    const struct host_settings *settings = &source->domain->host->settings;
    int64_t wait_ms = 0;

    switch (source->state) {
    case SOURCE_STATE_IDLE:
    case SOURCE_STATE_UNSURE:
    case SOURCE_STATE_LEFT:
    case SOURCE_STATE_COPYING: /* Watched for progress instead. */
    case SOURCE_STATE_COPYING2:
        break;
    case SOURCE_STATE_BEGUN:
    case SOURCE_STATE_OFFERED:
    case SOURCE_STATE_HANDED:
    case SOURCE_STATE_GIVEN:
    case SOURCE_STATE_SHELL_GONE:
        wait_ms = settings->begin_timeout_ms;
        break;
    case SOURCE_STATE_HANDING:
    case SOURCE_STATE_HANDING2:
        wait_ms = settings->switchover_timeout_ms;
        break;
    case SOURCE_STATE_ORPHAN: /* The destination does not wait longer. */
        wait_ms = settings->rejoin_timeout_ms;
        break;
    case SOURCE_STATE_ASKING:
        wait_ms = settings->job_timeout_ms;
        break;
    case SOURCE_STATE_ARMING:
    case SOURCE_STATE_ARMING2:
    case SOURCE_STATE_RECHECKING:
    case SOURCE_STATE_CANCELLING:
    case SOURCE_STATE_RESTORING:
        wait_ms = QMP_DEADLINE_MS;
        break;
    case SOURCE_STATE_KILLING:
        wait_ms = KILL_DEADLINE_MS;
        break;
    }
    timer_stop(&source->stall);
    if (wait_ms) {
        timer_start(&source->deadline, source->domain->host->loop, wait_ms,
                    overdue, source);
    } else {
        timer_stop(&source->deadline);
    }
}

static void
overdue(void *owner)
{
    struct source *source = owner;
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_TIMEOUT,
              "nothing has happened in time while the migration was %s",
              source_rules.states[source->state]);
    source_fail(source, &err);
    source_happened(source, SOURCE_EVENT_OVERDUE);
}
