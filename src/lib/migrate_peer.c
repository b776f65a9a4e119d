/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration that the source's daemon drives: one call to it, and until that
 * is answered its job's statistics are asked for, for who looks on.  The call
 * begins it, or waits for the end of one that another client has begun. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "lib/migrate_peer.h"
#include "migrate/coordinator.h"
#include "rpc/typed.h"

#define OWN "vmferry." /* Parameters of vmferryd's own. */

/* In the order in which they run. */
static int make_ready(struct peer_migration *migration, const char *domain,
                      struct error *err);
static void listen_to_job(struct peer_migration *migration);
static int follow(struct peer_migration *migration, struct error *err);
static int wait_for_end(struct peer_migration *migration, struct error *err);
static void look_back(struct peer_migration *migration, bool has_moved);

static int
make_ready(struct peer_migration *migration, const char *domain,
           struct error *err)
{
    struct vmferry *handle = migration->handle;
    const struct vmferry_migrate_options *options = migration->course->options;
    const char *name;

    if (options->parameters) {
        parameters_copy(&migration->parameters, &options->parameters->list);
    }
    if (handle_find_on(handle, handle->connection, domain, &migration->domain,
                       err) < 0) {
        return -1;
    }
    name = parameters_find_string(&migration->parameters,
                                  VIR_MIGRATE_PARAM_DEST_NAME);
    free(migration->course->report->name);
    migration->course->report->name =
        xstrdup(name ? name : migration->domain.name);
    free(migration->course->domain);
    migration->course->domain = xstrdup(migration->domain.name);
    return 0;
}

/* -------------------------------------------------------------- statistics */

/* The phases before 'phase' went by between two looks. */
static void
enter_up_to(struct peer_migration *migration, enum vmferry_phase phase,
            bool is_stopping)
{
    struct course *course = migration->course;

    while (course->phase < phase && !is_stopping) {
        course_enter(course, course->phase + 1, false);
    }
    course_enter(course, phase, is_stopping);
}

static void
take_destination(struct peer_migration *migration, const char *uri)
{
    struct vmferry_report *report = migration->course->report;

    if (!report->destination_uri) {
        report->destination_uri = xstrdup_null(uri);
    }
}

/* What vmferryd tells of the phases, taken out of what libvirt knows. */
static void
take_own(struct peer_migration *migration, struct parameters *list,
         bool is_at_end)
{
    const char *text = parameters_find_string(list, OWN "phase");
    const struct parameter *stopping = parameters_find(list, OWN "stopping");
    enum coordinator_phase phase;

    bool is_stopping =
        migration->is_interrupted ||
        (stopping && stopping->type == PARAMETER_BOOLEAN && stopping->value.b);

    if (text && coordinator_phase_parse(text, &phase)) {
        enter_up_to(migration, (enum vmferry_phase)phase, is_stopping);
    }
    take_destination(migration,
                     parameters_find_string(list, OWN "destination"));
    parameters_remove(list, OWN "destination");
    parameters_remove(list, OWN "phase");
    parameters_remove(list, OWN "stopping");
    for (int i = 0; i < COORDINATOR_PHASE_COUNT; i++) {
        AUTO_FREE char *name = xasprintf(
            OWN "%s_us", coordinator_phase_name((enum coordinator_phase)i));
        const struct parameter *us = parameters_find(list, name);

        if (is_at_end && us && us->type == PARAMETER_ULLONG) {
            migration->course->report->phase_us[i] = (int64_t)us->value.ul;
            migration->has_times = true;
        }
        parameters_remove(list, name);
    }
}

static bool
heard(void *owner, enum remote_procedure procedure, const void *args)
{
    const struct remote_domain_event_callback_job_completed_msg *event = args;
    struct peer_migration *migration = owner;
    struct vmferry_report *report = migration->course->report;
    AUTO_ERROR ignored = {0};

    if (procedure != REMOTE_PROC_DOMAIN_EVENT_CALLBACK_JOB_COMPLETED ||
        event->callbackID != migration->callback_id) {
        return false;
    }
    if (!report->statistics) {
        report->statistics = vmferry_values_new();
        if (rpc_params_decode(event->msg.params.params_val,
                              event->msg.params.params_len,
                              &report->statistics->list, &ignored) < 0) {
            vmferry_values_free(STEAL(report->statistics));
            return true;
        }
        take_own(migration, &report->statistics->list, true);
    }
    return true;
}

static void
take_callback(void *owner, const void *result)
{
    const struct remote_connect_domain_event_callback_register_any_ret *ret =
        result;

    *(int *)owner = ret->callbackID;
}

/* The numbers of a guest that has gone are told once, in an event: a transient
 * domain is forgotten at its end. */
static void
listen_to_job(struct peer_migration *migration)
{
    struct vmferry *handle = migration->handle;
    struct remote_connect_domain_event_callback_register_any_args args = {
        .eventID = VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
        .dom = &migration->domain,
    };
    AUTO_ERROR ignored = {0};

    if (!handle->has_event_callbacks) {
        return;
    }
    handle->listener = heard;
    handle->listener_owner = migration;
    handle_call_on(handle, handle->connection,
                   REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                   &args, take_callback, &migration->callback_id, &ignored);
}

/* An event that was sent before the answer has come before it. */
static void
stop_listening(struct peer_migration *migration)
{
    struct vmferry *handle = migration->handle;
    struct remote_connect_domain_event_callback_deregister_any_args args = {
        .callbackID = migration->callback_id,
    };
    AUTO_ERROR ignored = {0};

    if (migration->callback_id && rpc_connection_is_open(handle->connection)) {
        handle_call_on(handle, handle->connection,
                       REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY,
                       &args, NULL, NULL, &ignored);
    }
    migration->callback_id = 0;
    handle->listener = NULL;
}

static void
got_statistics(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_get_job_stats_ret *ret = result;
    struct peer_migration *migration = owner;
    struct course *course = migration->course;
    struct vmferry_values values = {0};
    AUTO_ERROR ignored = {0};

    migration->asking = NULL;
    if (!err && migration->performing &&
        rpc_params_decode(ret->params.params_val, ret->params.params_len,
                          &values.list, &ignored) == 0) {
        take_own(migration, &values.list, false);
        if (!migration->has_phases && ret->type != VIR_DOMAIN_JOB_NONE) {
            course_enter(course, VMFERRY_PHASE_PERFORM, course->is_stopping);
        }
        if (course->phase == VMFERRY_PHASE_PERFORM &&
            ret->type != VIR_DOMAIN_JOB_NONE) {
            course_tell(course, false, &values);
        }
    }
    parameters_done(&values.list);
}

static void
ask_statistics(void *owner)
{
    struct peer_migration *migration = owner;
    struct remote_domain_get_job_stats_args args = {.dom = migration->domain};

    if (!migration->asking) {
        migration->asking = rpc_request(migration->handle->connection,
                                        REMOTE_PROC_DOMAIN_GET_JOB_STATS, &args,
                                        got_statistics, migration);
    }
    timer_start(&migration->timer, migration->handle->loop,
                migration->course->options->interval_ms, ask_statistics,
                migration);
}

/* ---------------------------------------------------------------- the call */

static void
performed(void *owner, const void *result, const struct error *err)
{
    struct peer_migration *migration = owner;
    const struct remote_vmferry_attach_ret *ret = result;

    migration->performing = NULL;
    if (err) {
        error_copy(&migration->error, err);
    } else if (migration->is_attached) {
        take_destination(migration, ret->destination_uri);
    }
}

void
peer_start_call(struct peer_migration *migration,
                enum remote_procedure procedure, const void *args)
{
    migration->performing = rpc_request(migration->handle->connection,
                                        procedure, args, performed, migration);
}

static void
aborted(void *owner, const void *result, const struct error *err)
{
    struct peer_migration *migration = owner;

    (void)result;
    migration->abortion = NULL;
    if (err) {
        /* Too late: the guest has been handed over. */
        migration->is_interrupted = false;
        course_enter(migration->course, migration->course->phase, false);
    }
}

static void
interrupt(struct peer_migration *migration)
{
    struct remote_domain_abort_job_args args = {.dom = migration->domain};

    migration->is_interrupted = true;
    migration->course->is_interrupted = true;
    course_enter(migration->course, migration->course->phase, true);
    migration->abortion =
        rpc_request(migration->handle->connection, REMOTE_PROC_DOMAIN_ABORT_JOB,
                    &args, aborted, migration);
}

/* Waits; the first interruption asks the source to stop, the second leaves. */
static int
wait_for_end(struct peer_migration *migration, struct error *err)
{
    struct vmferry *handle = migration->handle;
    unsigned interruptions = 0;

    while (migration->performing) {
        AUTO_ERROR cut_short = {0};

        if (handle_wait(handle, &cut_short) == 0 || !migration->performing) {
            continue;
        }
        interruptions += handle->interruptions;
        if (handle->interruptions == 0 || interruptions > 1) {
            handle->interruptions = 0;
            migration->course->report->outcome = VMFERRY_UNKNOWN;
            migration->course->report->goes_on =
                migration->course->has_stand_in;
            return error_set(err, ERROR_OPERATION_ABORTED,
                             "left in phase %s without waiting for %s, which"
                             " brings the migration to its end by itself",
                             vmferry_phase_name(migration->course->phase),
                             handle->uri);
        }
        handle->interruptions = 0;
        interrupt(migration);
    }
    if (!error_is_set(&migration->error)) {
        return 0;
    }
    error_copy(err, &migration->error);
    if (err->code == ERROR_PEER_LOST) {
        migration->course->report->outcome = VMFERRY_UNKNOWN;
        error_wrap(err,
                   "lost the connection to %s, which goes on with the migration"
                   " by itself",
                   handle->uri);
    }
    return -1;
}

/* ------------------------------------------------------------------ the end */

/* The source is asked only: the destination may be out of our reach. */
static void
look_back(struct peer_migration *migration, bool has_moved)
{
    struct course *course = migration->course;
    struct vmferry_report *report = course->report;

    if (has_moved) {
        report->outcome = VMFERRY_MOVED;
        if (!report->statistics) {
            course_ask(course, migration->handle->connection,
                       COURSE_STATISTICS);
        }
        return;
    }
    if (report->outcome == VMFERRY_UNKNOWN) {
        return;
    }
    free(report->name);
    report->name = xstrdup(migration->domain.name);
    course_ask(course, migration->handle->connection, COURSE_STATE);
    /* It was handed over, and the source does not know what became of it; or
     * it was let go (v2), or has died after that. */
    if ((report->state == VIR_DOMAIN_PAUSED &&
         report->reason == VIR_DOMAIN_PAUSED_MIGRATION) ||
        (report->state == VIR_DOMAIN_SHUTOFF &&
         report->reason == VIR_DOMAIN_SHUTOFF_MIGRATED)) {
        report->outcome = VMFERRY_UNKNOWN;
    }
}

static void
migration_done(struct peer_migration *migration)
{
    timer_stop(&migration->timer);
    stop_listening(migration);
    if (migration->performing) {
        rpc_pending_cancel(migration->performing);
    }
    if (migration->asking) {
        rpc_pending_cancel(migration->asking);
    }
    if (migration->abortion) {
        rpc_pending_cancel(migration->abortion);
    }
    parameters_done(&migration->parameters);
    domain_done(&migration->domain);
    error_clear(&migration->error);
}

int
peer_migration_run(struct course *course, const char *domain, struct error *err)
{
    __attribute__((cleanup(migration_done))) struct peer_migration migration = {
        .course = course,
        .handle = course->handle,
    };
    enum remote_procedure procedure;

    if (make_ready(&migration, domain, err) < 0 ||
        peer_choose_call(&migration, &procedure, err) < 0) {
        course_stop_clock(course);
        return -1;
    }
    listen_to_job(&migration);
    if (peer_perform(&migration, procedure, err) < 0) {
        course_stop_clock(course);
        return -1;
    }
    return follow(&migration, err);
}

int
peer_migration_attach(struct course *course, const char *domain,
                      struct error *err)
{
    __attribute__((cleanup(migration_done))) struct peer_migration migration = {
        .course = course,
        .handle = course->handle,
        .is_attached = true,
    };
    struct remote_vmferry_attach_args args = {0};

    if (make_ready(&migration, domain, err) < 0 ||
        peer_ask_own(&migration, err) < 0) {
        return -1;
    }
    if (!course->has_stand_in) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "waiting for a migration that another client has begun"
                         " is not supported by the source host, %s",
                         course->handle->uri);
    }
    listen_to_job(&migration);
    args.dom = migration.domain;
    peer_start_call(&migration, REMOTE_PROC_VMFERRY_ATTACH, &args);
    if (course->is_interrupted) {
        interrupt(&migration);
    }
    return follow(&migration, err);
}

/* From the call to the end of it all. */
static int
follow(struct peer_migration *migration, struct error *err)
{
    struct course *course = migration->course;
    int result;

    if (course->options->interval_ms > 0) {
        ask_statistics(migration);
    }
    result = wait_for_end(migration, err);
    timer_stop(&migration->timer);
    if (result == 0) {
        enter_up_to(migration, VMFERRY_PHASE_CONFIRM, false);
    }
    stop_listening(migration);
    if (!migration->has_times) {
        course_stop_clock(course);
    }
    course->report->phase = course->phase;
    course->report->total_us = monotonic_us() - course->started_us;
    look_back(migration, result == 0);
    return result;
}
