/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration that the source's daemon drives: one call to it, and until that
 * is answered its job's statistics are asked for, for who looks on. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "lib/course.h"
#include "migrate/coordinator.h"
#include "rpc/typed.h"

#define OWN "vmferry." /* Parameters of vmferryd's own. */

struct peer_migration {
    struct course *course;
    struct vmferry *handle;
    struct parameters parameters; /* Owned. The user's. */
    struct remote_dom domain;     /* Owned. */
    struct rpc_pending *performing;
    struct error error;         /* What that was answered. */
    struct rpc_pending *asking; /* For statistics. */
    struct rpc_pending *abortion;
    struct timer timer;
    int callback_id;     /* Of the event of a completed job; 0: none. */
    bool is_interrupted; /* And the source has not said that it is too late. */
    bool has_phases;     /* The source tells them. */
    bool has_times;      /* It has told how long they took. */
};

/* In the order in which they run. */
static int make_ready(struct peer_migration *migration, const char *domain,
                      struct error *err);
static int choose_call(struct peer_migration *migration,
                       enum remote_procedure *procedure, struct error *err);
static void listen_to_job(struct peer_migration *migration);
static int perform(struct peer_migration *migration,
                   enum remote_procedure procedure, struct error *err);
static int wait_for_end(struct peer_migration *migration, struct error *err);
static void look_back(struct peer_migration *migration, bool has_moved);

/* --------------------------------------------------------------- questions */

static void
take_feature(void *owner, const void *result)
{
    const struct remote_connect_supports_feature_ret *ret = result;

    *(bool *)owner = ret->supported != 0;
}

static int
ask_feature(struct peer_migration *migration, enum rpc_feature feature,
            bool *has_it, struct error *err)
{
    struct remote_connect_supports_feature_args args = {.feature =
                                                            (int)feature};

    if (handle_call_on(migration->handle, migration->handle->connection,
                       REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &args,
                       take_feature, has_it, err) < 0) {
        return error_wrap(err, "asking %s what it can", migration->handle->uri);
    }
    return 0;
}

static int
need_feature(struct peer_migration *migration, enum rpc_feature feature,
             const char *what, struct error *err)
{
    bool has_it = false;

    if (ask_feature(migration, feature, &has_it, err) < 0) {
        return -1;
    }
    if (!has_it) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "%s is not supported by the source host, %s", what,
                         migration->handle->uri);
    }
    return 0;
}

/* libvirt's questions; then one of our own, which libvirtd says no to. */
static int
choose_call(struct peer_migration *migration, enum remote_procedure *procedure,
            struct error *err)
{
    bool has_it = false;

    if (migration->course->options->flags & VIR_MIGRATE_OFFLINE &&
        need_feature(migration, RPC_FEATURE_MIGRATION_OFFLINE,
                     "offline migration", err) < 0) {
        return -1;
    }
    if (need_feature(migration, RPC_FEATURE_MIGRATION_P2P,
                     "peer-to-peer migration", err) < 0 ||
        ask_feature(migration, RPC_FEATURE_MIGRATION_PARAMS, &has_it, err) <
            0) {
        return -1;
    }
    *procedure = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS;
    if (!has_it) {
        if (ask_feature(migration, RPC_FEATURE_MIGRATION_V3, &has_it, err) <
            0) {
            return -1;
        }
        *procedure = has_it ? REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3
                            : REMOTE_PROC_DOMAIN_MIGRATE_PERFORM;
    }
    return ask_feature(migration, RPC_FEATURE_PHASES, &migration->has_phases,
                       err);
}

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
    migration->course->report->name =
        xstrdup(name ? name : migration->domain.name);
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

    (void)result;
    migration->performing = NULL;
    if (err) {
        error_copy(&migration->error, err);
    }
}

static void
start_call(struct peer_migration *migration, enum remote_procedure procedure,
           const void *args)
{
    migration->performing = rpc_request(migration->handle->connection,
                                        procedure, args, performed, migration);
}

static char *
find_text(const struct peer_migration *migration, const char *name)
{
    return (char *)parameters_find_string(&migration->parameters, name);
}

static int
perform_params(struct peer_migration *migration, char *uri, struct error *err)
{
    struct remote_domain_migrate_perform3_params_args args = {
        .dom = migration->domain,
        .dconnuri = &uri,
        .flags = migration->course->options->flags,
    };

    if (rpc_params_encode(&migration->parameters, REMOTE_MIGRATE_PARAMS_MAX,
                          &args.params.params_val, &args.params.params_len,
                          err) < 0) {
        return -1;
    }
    start_call(migration, REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS, &args);
    rpc_params_free(args.params.params_val, args.params.params_len);
    return 0;
}

/* The older calls, which have room for four parameters, and v2's for two. */
static int
perform_plain(struct peer_migration *migration, enum remote_procedure procedure,
              char *uri, struct error *err)
{
    char *name = find_text(migration, VIR_MIGRATE_PARAM_DEST_NAME);
    char *xml = find_text(migration, VIR_MIGRATE_PARAM_DEST_XML);
    char *to = find_text(migration, VIR_MIGRATE_PARAM_URI);
    const struct parameter *bandwidth =
        parameters_find(&migration->parameters, VIR_MIGRATE_PARAM_BANDWIDTH);
    uint64_t mib = bandwidth && bandwidth->type == PARAMETER_ULLONG
                       ? bandwidth->value.ul
                       : 0;
    bool is_v2 = procedure == REMOTE_PROC_DOMAIN_MIGRATE_PERFORM;
    size_t known = 0;

    known += name ? 1 : 0;
    known += bandwidth ? 1 : 0;
    known += xml && !is_v2 ? 1 : 0;
    known += to && !is_v2 ? 1 : 0;
    if (known < migration->parameters.count) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "%s is too old for one of the parameters",
                         migration->handle->uri);
    }
    if (is_v2) {
        start_call(migration, procedure,
                   &(struct remote_domain_migrate_perform_args){
                       .dom = migration->domain,
                       .uri = uri,
                       .flags = migration->course->options->flags,
                       .dname = name ? &name : NULL,
                       .resource = mib,
                   });
    } else {
        start_call(migration, procedure,
                   &(struct remote_domain_migrate_perform3_args){
                       .dom = migration->domain,
                       .xmlin = xml ? &xml : NULL,
                       .dconnuri = &uri,
                       .uri = to ? &to : NULL,
                       .flags = migration->course->options->flags,
                       .dname = name ? &name : NULL,
                       .resource = mib,
                   });
    }
    return 0;
}

static int
perform(struct peer_migration *migration, enum remote_procedure procedure,
        struct error *err)
{
    char *uri = (char *)(uintptr_t)migration->course->uri;

    return procedure == REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS
               ? perform_params(migration, uri, err)
               : perform_plain(migration, procedure, uri, err);
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
    int result;

    if (make_ready(&migration, domain, err) < 0 ||
        choose_call(&migration, &procedure, err) < 0) {
        course_stop_clock(course);
        return -1;
    }
    listen_to_job(&migration);
    if (perform(&migration, procedure, err) < 0) {
        course_stop_clock(course);
        return -1;
    }
    if (course->options->interval_ms > 0) {
        ask_statistics(&migration);
    }
    result = wait_for_end(&migration, err);
    timer_stop(&migration.timer);
    if (result == 0) {
        enter_up_to(&migration, VMFERRY_PHASE_CONFIRM, false);
    }
    stop_listening(&migration);
    if (!migration.has_times) {
        course_stop_clock(course);
    }
    course->report->phase = course->phase;
    course->report->total_us = monotonic_us() - course->started_us;
    look_back(&migration, result == 0);
    return result;
}
