/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination's machine: from what has happened to the rule, the job's
 * phase, the record on disk, the deadline of the new state, and the action. */

#include "ferry/destination.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/phase.h"
#include "qmp/commands.h"

enum {
    QMP_DEADLINE_MS = 30000, /* For commands that take a moment. */
    KILL_DEADLINE_MS = 5000, /* SIGKILL has been sent long before. */
};

static struct destination *destination_of(struct domain_migration *migration);
static void hear_event(struct domain_migration *migration,
                       const struct qmp_event *event);
static void hear_monitor_lost(struct domain_migration *migration,
                              const struct error *why);
static void hear_ended(struct domain_migration *migration,
                       const struct error *why);
static bool hear_client_gone(struct domain_migration *migration,
                             uint64_t client_id);
static void hear_restarted(struct domain_migration *migration);
static void hear_of_source(struct destination *destination,
                           enum destination_event variant,
                           const struct error *why);
static void hear_nothing(struct domain_migration *migration);
static int may_resume(const struct domain_migration *migration,
                      struct error *err);
static void hear_destroy(struct domain_migration *migration);
static void save(struct domain_migration *migration, struct record *record);
static void trace_step(struct destination *destination,
                       enum destination_event event, const struct rule *rule);
static void destination_free(struct domain_migration *migration);
static int save_state(struct destination *destination, struct error *err);
static void start_deadline(struct destination *destination);
static int64_t deadline_ms(const struct destination *destination);
static int64_t rest_of(struct destination *destination, int64_t wait_ms);
static void overdue(void *owner);

struct destination *
destination_new(struct domain *domain)
{
    struct destination *destination = xcalloc(1, sizeof *destination);

    destination->base = (struct domain_migration){
        .event = hear_event,
        .monitor_lost = hear_monitor_lost,
        .ended = hear_ended,
        .client_gone = hear_client_gone,
        .restarted = hear_restarted,
        .suspended = hear_nothing,
        .resumed = hear_nothing,
        .may_resume = may_resume,
        .destroy = hear_destroy,
        .save = save,
        .free = destination_free,
        .is_incoming = true,
    };
    destination->domain = domain;
    destination->tunnel_fd = -1;
    list_init(&destination->questions);
    domain->migration = &destination->base;
    destination_be_patient(destination);
    domain->on_end = (struct domain_expectation){
        VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED};
    return destination;
}

struct destination *
destination_find(const struct domain *domain)
{
    return domain->migration && domain->migration->is_incoming
               ? destination_of(domain->migration)
               : NULL;
}

bool
destination_takes(const struct destination *destination,
                  enum destination_event event)
{
    return rules_has(&destination_rules, destination->state, event);
}

bool
destination_happened(struct destination *destination,
                     enum destination_event event)
{
    struct domain *domain = destination->domain;
    const struct rule *rule =
        rules_find(&destination_rules, destination->state, event);
    AUTO_ERROR err = {0};
    char line[128];
    int saved;

    trace_step(destination, event, rule);
    if (!rule) {
        rules_format_step(&destination_rules, destination->state, event, NULL,
                          line, sizeof line);
        host_note(domain->host, LOG_LEVEL_DEBUG, domain,
                  "incoming migration: %s", line);
        return false;
    }
    destination->before = destination->state;
    if (destination->state != rule->to) {
        destination->state_since_ms = realtime_ms();
        destination_stop_asking(destination);
    }
    destination->state = rule->to;
    if (rule->to == DESTINATION_STATE_IDLE) {
        destination_note_outcome(destination, rule->act);
    }
    start_deadline(destination);
    saved = save_state(destination, &err);
    destination_act(destination, rule->act, saved < 0 ? &err : NULL);
    return true;
}

void
destination_fail(struct destination *destination, const struct error *why)
{
    if (!error_is_set(&destination->failure)) {
        error_copy(&destination->failure, why);
    }
}

void
destination_be_patient(struct destination *destination)
{
    struct qemu_process *qemu = destination->domain->qemu;

    if (qemu) {
        qmp_session_set_patient(qemu_process_monitor(qemu), destination);
    }
}

void
destination_source_came(struct destination *destination)
{
    destination->has_source_come = true;
    start_deadline(destination);
}

void
destination_joined(struct destination *destination, uint64_t client_id)
{
    destination->client_id = client_id;
    if (destination->is_client_gone) {
        destination->is_client_gone = false;
        error_clear(&destination->failure);
        start_deadline(destination);
    }
}

static void
trace_step(struct destination *destination, enum destination_event event,
           const struct rule *rule)
{
    struct rule_step step =
        rule_step_of(&destination_rules, destination->state, event, rule);

    ferry_trace(destination->domain, &destination->trace_number, &step);
}

void
destination_trace_state(struct destination *destination, const char *how)
{
    struct rule_step step = {
        .machine = destination_rules.machine,
        .on = how,
        .to = destination_rules.states[destination->state],
    };

    ferry_trace(destination->domain, &destination->trace_number, &step);
}

static struct destination *
destination_of(struct domain_migration *migration)
{
    return container_of(migration, struct destination, base);
}

static void
hear_event(struct domain_migration *migration, const struct qmp_event *event)
{
    destination_qemu_event(destination_of(migration), event);
}

static void
hear_monitor_lost(struct domain_migration *migration, const struct error *why)
{
    struct destination *destination = destination_of(migration);
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_FAILED, "the monitor of QEMU is lost: %s",
              why->message);
    destination_fail(destination, &err);
    destination_happened(destination, DESTINATION_EVENT_MONITOR_LOST);
}

static void
hear_ended(struct domain_migration *migration, const struct error *why)
{
    struct destination *destination = destination_of(migration);
    struct domain *domain = destination->domain;
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_INTERNAL,
              "qemu unexpectedly closed the monitor: incoming domain '%s' on"
              " host '%s': %s",
              domain->name, domain->host->settings.name, why->message);
    destination_fail(destination, &err);
    destination_judge_end(destination);
    destination_happened(destination, DESTINATION_EVENT_QEMU_GONE);
}

static bool
hear_client_gone(struct domain_migration *migration, uint64_t client_id)
{
    struct destination *destination = destination_of(migration);
    AUTO_ERROR err = {0};

    if (destination->client_id != client_id || destination->is_client_gone) {
        return false;
    }
    destination->is_client_gone = true;
    error_set(&err, ERROR_OPERATION_ABORTED,
              "the client that drove the migration has closed its connection");
    hear_of_source(destination, DESTINATION_EVENT_CLIENT_AWAY, &err);
    return true;
}

static void
hear_restarted(struct domain_migration *migration)
{
    struct destination *destination = destination_of(migration);
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_ABORTED, "the daemon was restarted");
    destination->is_client_gone = destination->handover.comes_back;
    hear_of_source(destination, DESTINATION_EVENT_BACK, &err);
}

/* Where it goes on nothing has failed. */
static void
hear_of_source(struct destination *destination, enum destination_event variant,
               const struct error *why)
{
    enum destination_event event = destination_variant(destination, variant);

    if (event != variant ||
        !rules_has_own(&destination_rules, destination->state, event)) {
        destination_fail(destination, why);
    }
    destination_happened(destination, event);
}

static void
hear_nothing(struct domain_migration *migration)
{
    (void)migration;
}

/* While the migration goes on its job refuses that before. */
static int
may_resume(const struct domain_migration *migration, struct error *err)
{
    (void)migration;
    (void)err;
    return 0;
}

static void
hear_destroy(struct domain_migration *migration)
{
    struct destination *destination = destination_of(migration);
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_FAILED, "the domain was destroyed");
    destination_fail(destination, &err);
    destination_happened(destination, DESTINATION_EVENT_DESTROY);
}

static void
save(struct domain_migration *migration, struct record *record)
{
    const struct destination *destination = destination_of(migration);

    record_set_text(record, "destination-state",
                    destination_rules.states[destination->state]);
    record_set_number(record, "destination-since", destination->state_since_ms);
    record_set_number(record, "destination-flags", destination->flags);
    record_set_text(record, "destination-original-name",
                    destination->original_name);
    record_set_number(record, "destination-port", destination->port);
    record_set_number(record, "destination-until", destination->until_ms);
    destination_save_handover(destination, record);
}

static void
destination_free(struct domain_migration *migration)
{
    struct destination *destination = destination_of(migration);
    struct qemu_process *qemu = destination->domain->qemu;
    struct ferry_call *call = STEAL(destination->call);
    AUTO_ERROR err = {0};

    timer_stop(&destination->deadline);
    if (call) {
        error_set(&err, ERROR_OPERATION_ABORTED, "the daemon stops");
        call->done(call, NULL, &err);
    }
    if (qemu && qemu_process_monitor(qemu)) {
        qmp_forget(qemu_process_monitor(qemu), destination);
        domain_forget_cpu(destination->domain);
    }
    destination_answer_questions(destination, false);
    destination_stop_asking(destination);
    free(destination->handover.uri);
    guest_seen_cpu_free(destination->cpu_there);
    destination_close_tunnel(destination);
    close_ref(&destination->tunnel_fd);
    migration_uri_done(&destination->uri);
    guest_free(destination->persist);
    guest_free(destination->replaced);
    error_clear(&destination->failure);
    free(destination->listen_address);
    free(destination->original_name);
    free(destination);
}

/* The phase follows the state; where it stays, the record is saved all the
 * same. */
static int
save_state(struct destination *destination, struct error *err)
{
    return ferry_enter_phase(destination->domain, VIR_JOB_MIGRATION_IN,
                             destination_phase(destination->state), err);
}

static void
start_deadline(struct destination *destination)
{
    int64_t wait_ms = deadline_ms(destination);

    if (wait_ms) {
        wait_ms = rest_of(destination, wait_ms);
        timer_start(&destination->deadline, destination->domain->host->loop,
                    wait_ms, overdue, destination);
    } else {
        timer_stop(&destination->deadline);
    }
}

/* How long the state may last; 0: for ever. */
static int64_t
deadline_ms(const struct destination *destination)
{
    const struct host_settings *settings = &destination->domain->host->settings;

    switch (destination->state) {
    case DESTINATION_STATE_IDLE:
    case DESTINATION_STATE_DEFINING:  /* Done at once. */
    case DESTINATION_STATE_STARTING2: /* qemu/process.c has its own. */
        return 0;
    case DESTINATION_STATE_STARTING: /* The same, but for a source away. */
        return destination->before == DESTINATION_STATE_STARTING
                   ? settings->rejoin_timeout_ms
                   : 0;
    case DESTINATION_STATE_EXPECTED:
        return settings->incoming_timeout_ms;
    case DESTINATION_STATE_PREPARED: /* Until the source connects. */
    case DESTINATION_STATE_PREPARED2:
        if (destination->is_client_gone) {
            return settings->rejoin_timeout_ms;
        }
        return destination->has_source_come ? 0 : settings->incoming_timeout_ms;
    case DESTINATION_STATE_LOADED:
    case DESTINATION_STATE_LOADED2:
        return destination->is_client_gone ? settings->rejoin_timeout_ms
                                           : settings->begin_timeout_ms;
    case DESTINATION_STATE_WAITING:
    case DESTINATION_STATE_WAITING_PAUSED:
    case DESTINATION_STATE_WAITING2:
    case DESTINATION_STATE_WAITING2_PAUSED:
        return settings->switchover_timeout_ms;
    case DESTINATION_STATE_CLAIMING:
        return settings->peer_timeout_ms;
    case DESTINATION_STATE_ARMING:
    case DESTINATION_STATE_RESUMING:
    case DESTINATION_STATE_SETTLING:
    case DESTINATION_STATE_ARMING2:
    case DESTINATION_STATE_LEFT2:
    case DESTINATION_STATE_RESUMING2:
    case DESTINATION_STATE_SETTLING2:
        return QMP_DEADLINE_MS;
    case DESTINATION_STATE_KILLING:
        return KILL_DEADLINE_MS;
    }
    return 0;
}

/* A restart does not begin a wait anew. */
static int64_t
rest_of(struct destination *destination, int64_t wait_ms)
{
    int64_t now_ms = monotonic_ms();
    int64_t rest_ms = destination->until_ms - now_ms;

    if (destination->is_restored && destination->until_ms) {
        wait_ms = rest_ms < 1 ? 1 : rest_ms < wait_ms ? rest_ms : wait_ms;
    }
    destination->is_restored = false;
    destination->until_ms = now_ms + wait_ms;
    return wait_ms;
}

static void
overdue(void *owner)
{
    struct destination *destination = owner;
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_TIMEOUT,
              "nothing has happened in time while the incoming migration"
              " was %s",
              destination_rules.states[destination->state]);
    destination_fail(destination, &err);
    destination_happened(
        destination,
        destination_variant(destination, DESTINATION_EVENT_UNFINISHED));
}
