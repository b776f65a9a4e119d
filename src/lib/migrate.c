/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "ferry/coordinator_remote.h"
#include "lib/course.h"
#include "lib/handle.h"
#include "lib/protocol.h"
#include "rpc/typed.h"

/* A migration, on the stack of vmferry_migrate(). */
struct migration {
    struct course course;
    struct vmferry *handle; /* The course's, as the next two. */
    const char *uri;
    const struct vmferry_migrate_options *options;
    struct parameters parameters;       /* Owned. The user's. */
    struct remote_dom domain;           /* Owned. */
    struct rpc_connection *destination; /* Owned. */
    struct rpc_opening *reopening;      /* Owned. To ask again. */
    void (*reopened)(struct coordinator_remote *remote,
                     struct rpc_connection *connection);
    struct features features;
    struct coordinator_remote ends[2];
    struct coordinator *coordinator; /* Owned. NULL: not under way. */
    enum coordinator_state state;
    bool has_parted;    /* The source's daemon goes on with it. */
    struct error error; /* Why it failed. */
    /* Statistics, for the eye. */
    struct timer timer;
    struct rpc_pending *asking; /* For statistics, or NULL. */
};

/* Not libvirt's: parameters.def. */
#define PARAMETER_STAND_IN "vmferry.destination_uri"

/* In the order in which they run. */
static int open_destination(struct migration *migration);
static void leave(struct migration *migration);
static int run(struct migration *migration);
static void ended(void *owner, enum coordinator_state state,
                  const struct error *err, const struct error *warning);

/* ----------------------------------------------------------------- phases */

static void
moved(void *owner, enum coordinator_state state)
{
    struct migration *migration = owner;
    struct course *course = &migration->course;

    migration->state = state;
    if (!coordinator_state_is_end(state)) {
        course_enter(course,
                     (enum vmferry_phase)coordinator_state_phase(
                         state, (enum coordinator_phase)course->phase),
                     coordinator_state_is_way_back(state));
    }
}

/* ------------------------------------------------------------- statistics */

static void ask_statistics(void *owner);

static void
got_statistics(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_get_job_stats_ret *ret = result;
    struct migration *migration = owner;
    struct vmferry_values values = {0};
    AUTO_ERROR ignored = {0};

    migration->asking = NULL;
    if (!err && ret->type != VIR_DOMAIN_JOB_NONE &&
        migration->course.phase == VMFERRY_PHASE_PERFORM &&
        rpc_params_decode(ret->params.params_val, ret->params.params_len,
                          &values.list, &ignored) == 0) {
        course_tell(&migration->course, false, &values);
    }
    parameters_done(&values.list);
    timer_start(&migration->timer, migration->handle->loop,
                migration->options->interval_ms, ask_statistics, migration);
}

static void
ask_statistics(void *owner)
{
    struct migration *migration = owner;
    struct remote_domain_get_job_stats_args args = {.dom = migration->domain};

    if (migration->course.phase == VMFERRY_PHASE_PERFORM &&
        rpc_connection_is_open(migration->handle->connection)) {
        migration->asking = rpc_request(migration->handle->connection,
                                        REMOTE_PROC_DOMAIN_GET_JOB_STATS, &args,
                                        got_statistics, migration);
        return;
    }
    timer_start(&migration->timer, migration->handle->loop,
                migration->options->interval_ms, ask_statistics, migration);
}

/* ------------------------------------------------------------ connections */

void
migration_source_lost(struct migration *migration, const struct error *why)
{
    migration->asking = NULL;
    if (migration->coordinator) {
        coordinator_lost(migration->coordinator, COORDINATOR_SOURCE, why);
    }
}

static void
destination_closed(void *owner, const struct error *why)
{
    struct migration *migration = owner;

    if (migration->coordinator) {
        coordinator_lost(migration->coordinator, COORDINATOR_DESTINATION, why);
    }
}

static const struct rpc_callbacks destination_callbacks = {
    .closed = destination_closed,
};

static int
open_destination(struct migration *migration)
{
    struct rpc_opened opened = {0};

    if (handle_open(migration->handle, migration->uri, 0,
                    &destination_callbacks, migration, &opened,
                    &migration->error) < 0) {
        return error_wrap(&migration->error, "connecting to %s",
                          migration->uri);
    }
    migration->destination = opened.connection;
    return 0;
}

static void
opened_again(void *owner, const struct rpc_opened *opened,
             const struct error *err)
{
    struct migration *migration = owner;

    rpc_opening_free(STEAL(migration->reopening));
    if (!err) {
        rpc_connection_free(migration->destination);
        migration->destination = opened->connection;
    }
    migration->reopened(&migration->ends[COORDINATOR_DESTINATION],
                        err ? NULL : migration->destination);
}

static void
reopen(void *owner,
       void (*reopened)(struct coordinator_remote *remote,
                        struct rpc_connection *connection),
       struct coordinator_remote *remote)
{
    struct migration *migration = owner;
    AUTO_RPC_URI uri = {0};
    AUTO_ERROR err = {0};
    struct rpc_open_options options = {
        .uri = &uri,
        .timeout_ms = 5000,
        .keepalive_interval_s = 5,
        .keepalive_count = 2,
        .callbacks = &destination_callbacks,
        .callbacks_owner = migration,
    };

    migration->reopened = reopened;
    if (rpc_uri_parse(migration->uri, &uri, &err) < 0) {
        reopened(remote, NULL);
        return;
    }
    migration->reopening =
        rpc_open(migration->handle->loop, migration->handle->pool, &options,
                 opened_again, migration);
}

/* ---------------------------------------------------------------- the run */

static void
start(struct migration *migration)
{
    static const struct coordinator_callbacks callbacks = {
        .moved = moved,
        .ended = ended,
    };
    struct coordinator_remote *ends = migration->ends;
    const struct coordinator_options options = {
        .protocol = migration->features.protocol,
        .domain = migration->domain.name,
        .flags = migration->options->flags,
        .parameters = &migration->parameters,
        .has_protection = migration->features.has_protection,
        .source =
            {
                     .operations = &coordinator_remote_operations,
                     .end = &ends[COORDINATOR_SOURCE],
                     .name = migration->handle->uri,
                     .goes_on = migration->features.has_stand_in,
                     },
        .destination =
            {
                     .operations = &coordinator_remote_operations,
                     .end = &ends[COORDINATOR_DESTINATION],
                     .name = migration->uri,
                     },
    };

    for (size_t i = 0; i < ARRAY_COUNT(migration->ends); i++) {
        ends[i].loop = migration->handle->loop;
        ends[i].has_parameters = migration->features.has_parameters;
        ends[i].has_migratable_xml = migration->features.has_migratable_xml;
    }
    ends[COORDINATOR_SOURCE].connection = migration->handle->connection;
    ends[COORDINATOR_SOURCE].domain = migration->domain;
    ends[COORDINATOR_DESTINATION].connection = migration->destination;
    ends[COORDINATOR_DESTINATION].reopen = reopen;
    ends[COORDINATOR_DESTINATION].reopen_owner = migration;
    migration->coordinator = coordinator_new(&options, &callbacks, migration);
    if (migration->options->interval_ms > 0) {
        timer_start(&migration->timer, migration->handle->loop,
                    migration->options->interval_ms, ask_statistics, migration);
    }
    coordinator_start(migration->coordinator);
}

static void
ended(void *owner, enum coordinator_state state, const struct error *err,
      const struct error *warning)
{
    struct migration *migration = owner;

    migration->course.report->outcome =
        state == COORDINATOR_STATE_FAILED ? VMFERRY_STAYED
        : state == COORDINATOR_STATE_UNKNOWN ||
                state == COORDINATOR_STATE_STRANDED ||
                state == COORDINATOR_STATE_PARTED
            ? VMFERRY_UNKNOWN
            : VMFERRY_MOVED;
    migration->has_parted = state == COORDINATOR_STATE_PARTED;
    if (err) {
        error_copy(&migration->error, err);
    }
    if (warning) {
        migration->course.report->warning = xasprintf(
            "the guest runs on %s, but its shell on %s may be left: %s",
            migration->uri, migration->handle->uri, warning->message);
    }
    coordinator_free(STEAL(migration->coordinator));
}

/* The source's daemon is not to go on where the user has lost patience. */
static void
leave(struct migration *migration)
{
    struct remote_domain_abort_job_args args = {.dom = migration->domain};
    AUTO_ERROR ignored = {0};

    if (migration->features.has_stand_in) {
        handle_call_on(migration->handle, migration->handle->connection,
                       REMOTE_PROC_DOMAIN_ABORT_JOB, &args, NULL, NULL,
                       &ignored);
    }
}

/* Waits for the end; the first interruption asks for all to be put back, the
 * second leaves. */
static int
run(struct migration *migration)
{
    struct vmferry *handle = migration->handle;
    unsigned interruptions = 0;

    start(migration);
    while (migration->coordinator) {
        AUTO_ERROR err = {0};

        if (handle_wait(handle, &err) == 0 || !migration->coordinator) {
            continue;
        }
        interruptions += handle->interruptions;
        if (handle->interruptions == 0 || interruptions > 1) {
            migration->course.report->outcome = VMFERRY_UNKNOWN;
            handle->interruptions = 0;
            leave(migration);
            return error_set(
                &migration->error, ERROR_OPERATION_ABORTED,
                "left in phase %s without waiting for the hosts: they clean "
                "up by themselves; look at both where the guest is",
                vmferry_phase_name(migration->course.phase));
        }
        handle->interruptions = 0;
        migration->course.is_interrupted = true;
        coordinator_interrupt(migration->coordinator);
    }
    return error_is_set(&migration->error) ? -1 : 0;
}

static void
migration_done(struct migration *migration)
{
    AUTO_ERROR ignored = {0};

    migration->handle->migration = NULL;
    timer_stop(&migration->timer);
    coordinator_free(migration->coordinator);
    coordinator_remote_done(&migration->ends[COORDINATOR_SOURCE]);
    coordinator_remote_done(&migration->ends[COORDINATOR_DESTINATION]);
    if (migration->asking) {
        rpc_pending_cancel(migration->asking);
    }
    rpc_opening_free(migration->reopening);
    if (migration->destination) {
        if (rpc_connection_is_open(migration->destination) &&
            migration->course.report->outcome != VMFERRY_UNKNOWN) {
            handle_call_on(migration->handle, migration->destination,
                           REMOTE_PROC_CONNECT_CLOSE, NULL, NULL, NULL,
                           &ignored);
        }
        rpc_connection_free(migration->destination);
    }
    parameters_done(&migration->parameters);
    domain_done(&migration->domain);
    error_clear(&migration->error);
}

/* All before the coordinator: nothing has been asked for yet. */
static int
make_ready(struct migration *migration, const char *domain)
{
    struct vmferry *handle = migration->handle;
    const char *name;

    if (handle_find_on(handle, handle->connection, domain, &migration->domain,
                       &migration->error) < 0 ||
        open_destination(migration) < 0) {
        return -1;
    }
    migration->features = (struct features){
        .source = handle->connection,
        .source_name = handle->uri,
        .destination = migration->destination,
        .destination_name = migration->uri,
        .is_offline = migration->options->flags & VIR_MIGRATE_OFFLINE,
        .parameters = &migration->parameters,
    };
    if (features_ask(handle, &migration->features, &migration->error) < 0) {
        return -1;
    }
    if (migration->features.has_stand_in) {
        parameters_add_string(&migration->parameters, PARAMETER_STAND_IN,
                              migration->uri);
    }
    name = parameters_find_string(&migration->parameters,
                                  VIR_MIGRATE_PARAM_DEST_NAME);
    migration->course.report->name =
        xstrdup(name ? name : migration->domain.name);
    migration->course.domain = xstrdup(migration->domain.name);
    return 0;
}

/* Why it has not moved; where the source's daemon goes on, ERROR_PEER_LOST. */
static void
look_back(struct migration *migration)
{
    struct vmferry_report *report = migration->course.report;

    course_stop_clock(&migration->course);
    if (report->outcome == VMFERRY_STAYED && report->name) {
        free(report->name);
        report->name = xstrdup(migration->domain.name);
        course_ask(&migration->course, migration->handle->connection,
                   COURSE_STATE);
    }
    if (migration->has_parted) {
        migration->error.code = ERROR_PEER_LOST;
    }
}

/* The client calls both hosts. */
static int
run_managed(struct course *course, const char *domain, struct error *err)
{
    struct vmferry *handle = course->handle;
    __attribute__((cleanup(migration_done))) struct migration migration = {
        .handle = handle,
        .uri = course->uri,
        .options = course->options,
        .course = *course,
    };

    if (course->options->parameters) {
        parameters_copy(&migration.parameters,
                        &course->options->parameters->list);
    }
    handle->migration = &migration;
    if (make_ready(&migration, domain) < 0 || run(&migration) < 0) {
        look_back(&migration);
        *course = migration.course;
        course->has_stand_in = migration.has_parted;
        error_move(err, &migration.error);
        return -1;
    }
    course_stop_clock(&migration.course);
    course_ask(&migration.course, migration.destination,
               COURSE_STATE | COURSE_STATISTICS);
    *course = migration.course;
    return 0;
}

/* And goes on where the source's daemon does. */
static int
carry_out(struct course *course, const char *domain,
          int (*run_it)(struct course *course, const char *domain,
                        struct error *err))
{
    AUTO_ERROR err = {0};
    int result;

    course_start(course);
    course->report->destination_uri = xstrdup_null(course->uri);
    result = run_it(course, domain, &err);
    if (result < 0 && course->has_stand_in && err.code == ERROR_PEER_LOST) {
        result = course_go_on(course, &err);
    }
    free(course->domain);
    return result < 0 ? handle_fail(course->handle, &err) : 0;
}

int
vmferry_migrate(struct vmferry *handle, const char *domain,
                const char *destination_uri,
                const struct vmferry_migrate_options *options,
                struct vmferry_report *report)
{
    struct course course = {
        .handle = handle,
        .uri = destination_uri,
        .options = options,
        .report = report,
    };

    return carry_out(&course, domain,
                     options->flags & VMFERRY_MIGRATE_PEER2PEER
                         ? peer_migration_run
                         : run_managed);
}

int
vmferry_migrate_resume(struct vmferry *handle, const char *domain,
                       const struct vmferry_migrate_options *options,
                       struct vmferry_report *report)
{
    struct course course = {
        .handle = handle,
        .options = options,
        .report = report,
    };

    return carry_out(&course, domain, peer_migration_attach);
}

void
vmferry_report_done(struct vmferry_report *report)
{
    vmferry_values_free(STEAL(report->statistics));
    free(STEAL(report->name));
    free(STEAL(report->destination_uri));
    free(STEAL(report->warning));
}
