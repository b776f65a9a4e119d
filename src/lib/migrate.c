/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/coordinator_remote.h"
#include "lib/protocol.h"
#include "lib/handle.h"
#include "rpc/typed.h"

/* A migration, on the stack of vmferry_migrate(). */
struct migration {
    struct vmferry *handle;
    const char *uri; /* The destination's. */
    const struct vmferry_migrate_options *options;
    struct vmferry_report *report;
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
    bool is_stopping;
    struct error error; /* Why it failed. */
    /* The clock: where it is, and since when. */
    enum vmferry_phase phase;
    int64_t started_us;
    int64_t phase_started_us;
    /* Statistics, for the eye. */
    struct timer timer;
    struct rpc_pending *asking; /* For statistics, or NULL. */
};

/* In the order in which they run. */
static int open_destination(struct migration *migration);
static int run(struct migration *migration);
static void ended(void *owner, enum coordinator_state state,
                  const struct error *err, const struct error *warning);
static void look_back(struct migration *migration);

/* ----------------------------------------------------------------- phases */

static void
tell(struct migration *migration, bool is_new_phase,
     const struct vmferry_values *statistics)
{
    const struct vmferry_progress progress = {
        .phase = migration->phase,
        .is_new_phase = is_new_phase,
        .is_stopping = migration->is_stopping,
        .elapsed_us = monotonic_us() - migration->started_us,
        .statistics = statistics,
    };

    if (migration->options->progress) {
        migration->options->progress(migration->options->owner, &progress);
    }
}

static void
leave_phase(struct migration *migration)
{
    int64_t now_us = monotonic_us();

    migration->report->phase_us[migration->phase] +=
        now_us - migration->phase_started_us;
    migration->report->total_us = now_us - migration->started_us;
    migration->phase_started_us = now_us;
}

static void
moved(void *owner, enum coordinator_state state)
{
    struct migration *migration = owner;
    enum vmferry_phase phase = (enum vmferry_phase)coordinator_state_phase(
        state, (enum coordinator_phase)migration->phase);
    bool was_stopping = migration->is_stopping;
    bool is_new = phase != migration->phase;

    migration->state = state;
    if (coordinator_state_is_end(state)) {
        return;
    }
    migration->is_stopping = coordinator_state_is_way_back(state);
    if (is_new) {
        leave_phase(migration);
        migration->phase = phase;
    }
    if (is_new || was_stopping != migration->is_stopping) {
        tell(migration, is_new, NULL);
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
        migration->phase == VMFERRY_PHASE_PERFORM &&
        rpc_params_decode(ret->params.params_val, ret->params.params_len,
                          &values.list, &ignored) == 0) {
        tell(migration, false, &values);
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

    if (migration->phase == VMFERRY_PHASE_PERFORM &&
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
        .source = {&coordinator_remote_operations, &ends[COORDINATOR_SOURCE],
                   migration->handle->uri                                                   },
        .destination = {&coordinator_remote_operations,
                   &ends[COORDINATOR_DESTINATION],                            migration->uri},
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

    migration->report->outcome = state == COORDINATOR_STATE_FAILED
                                     ? VMFERRY_STAYED
                                 : state == COORDINATOR_STATE_UNKNOWN ||
                                         state == COORDINATOR_STATE_STRANDED
                                     ? VMFERRY_UNKNOWN
                                     : VMFERRY_MOVED;
    if (err) {
        error_copy(&migration->error, err);
    }
    if (warning) {
        migration->report->warning = xasprintf(
            "the guest runs on %s, but its shell on %s may be left: %s",
            migration->uri, migration->handle->uri, warning->message);
    }
    coordinator_free(STEAL(migration->coordinator));
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
            migration->report->outcome = VMFERRY_UNKNOWN;
            handle->interruptions = 0;
            return error_set(
                &migration->error, ERROR_OPERATION_ABORTED,
                "left in phase %s without waiting for the hosts: they clean "
                "up by themselves; look at both where the guest is",
                vmferry_phase_name(migration->phase));
        }
        handle->interruptions = 0;
        coordinator_interrupt(migration->coordinator);
    }
    return error_is_set(&migration->error) ? -1 : 0;
}

/* ----------------------------------------------------------- what came of it
 */

static void
take_final_state(void *owner, const void *result)
{
    const struct remote_domain_get_state_ret *ret = result;
    struct vmferry_report *report = owner;

    report->state = ret->state;
    report->reason = ret->reason;
}

static void
take_final_statistics(void *owner, const void *result)
{
    const struct remote_domain_get_job_stats_ret *ret = result;
    struct vmferry_report *report = owner;
    struct vmferry_values *values = vmferry_values_new();
    AUTO_ERROR err = {0};

    if (ret->type != VIR_DOMAIN_JOB_COMPLETED ||
        rpc_params_decode(ret->params.params_val, ret->params.params_len,
                          &values->list, &err) < 0) {
        vmferry_values_free(values);
        return;
    }
    report->statistics = values;
}

/* Asks the host that has the guest how it is, and what it cost.  What can't be
 * found out is left out. */
static void
look_back(struct migration *migration)
{
    bool has_moved = migration->report->outcome == VMFERRY_MOVED;
    struct rpc_connection *connection =
        has_moved ? migration->destination : migration->handle->connection;
    const char *name = migration->report->name;
    struct remote_domain_get_state_args of_state = {0};
    struct remote_domain_get_job_stats_args of_job = {
        .flags = VIR_DOMAIN_JOB_STATS_COMPLETED |
                 VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED,
    };
    AUTO_ERROR not_found = {0};
    AUTO_ERROR no_state = {0};
    AUTO_ERROR no_statistics = {0};
    AUTO_DOMAIN dom = {0};

    if (handle_find_on(migration->handle, connection, name, &dom, &not_found) <
        0) {
        return;
    }
    of_state.dom = dom;
    of_job.dom = dom;
    handle_call_on(migration->handle, connection, REMOTE_PROC_DOMAIN_GET_STATE,
                   &of_state, take_final_state, migration->report, &no_state);
    if (has_moved) {
        handle_call_on(
            migration->handle, connection, REMOTE_PROC_DOMAIN_GET_JOB_STATS,
            &of_job, take_final_statistics, migration->report, &no_statistics);
    }
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
            migration->report->outcome != VMFERRY_UNKNOWN) {
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
    name = parameters_find_string(&migration->parameters,
                                  VIR_MIGRATE_PARAM_DEST_NAME);
    migration->report->name = xstrdup(name ? name : migration->domain.name);
    return 0;
}

int
vmferry_migrate(struct vmferry *handle, const char *domain,
                const char *destination_uri,
                const struct vmferry_migrate_options *options,
                struct vmferry_report *report)
{
    __attribute__((cleanup(migration_done))) struct migration migration = {
        .handle = handle,
        .uri = destination_uri,
        .options = options,
        .report = report,
        .started_us = monotonic_us(),
    };

    *report = (struct vmferry_report){.outcome = VMFERRY_STAYED};
    migration.phase_started_us = migration.started_us;
    if (options->parameters) {
        parameters_copy(&migration.parameters, &options->parameters->list);
    }
    handle->migration = &migration;
    tell(&migration, true, NULL);
    if (make_ready(&migration, domain) < 0 || run(&migration) < 0) {
        leave_phase(&migration);
        if (report->outcome == VMFERRY_STAYED && report->name) {
            free(report->name);
            report->name = xstrdup(migration.domain.name);
            look_back(&migration);
        }
        return handle_fail(handle, &migration.error);
    }
    leave_phase(&migration);
    look_back(&migration);
    return 0;
}

void
vmferry_report_done(struct vmferry_report *report)
{
    vmferry_values_free(STEAL(report->statistics));
    free(STEAL(report->name));
    free(STEAL(report->warning));
}
