/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A domain's migration job, as anybody may look at it and change it. */

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/work.h"
#include "ferry/ferry.h"
#include "rpc/typed.h"

/* libvirt's largest bandwidth, which also means "no limit". */
static const uint64_t max_bandwidth_mib = 8796093022207;

/* A question about the numbers, until QEMU has told them. */
struct question {
    struct client *client; /* A reference. */
    struct domain *domain; /* A reference. */
    struct rpc_call *call;
};

static struct question *question_new(struct client *client,
                                     struct domain *domain,
                                     struct rpc_call *call);
static void question_free(struct question *question);
static void info_known(void *owner,
                       const struct migration_statistics *statistics,
                       const struct error *err);
static void stats_known(void *owner,
                        const struct migration_statistics *statistics,
                        const struct error *err);
static void reply_stats(struct rpc_call *call, enum migration_job_type type,
                        const struct migration_statistics *statistics,
                        enum migration_operation operation);
static void reply_list(struct rpc_call *call, enum migration_job_type type,
                       const struct parameters *list);
static void reply_completed(struct rpc_call *call, struct domain *domain,
                            bool is_kept);
static void run_abort(struct work *work);
static void run_set_speed(struct work *work);
static void run_set_downtime(struct work *work);
static int check_postcopy(const struct domain *domain, unsigned flags,
                          struct error *err);

void
handle_domain_get_job_info(struct client *client, struct rpc_call *call,
                           const struct remote_domain_get_job_info_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    AUTO_ERROR err = {0};

    if (!domain) {
        return;
    }
    if (domain_check_active(domain, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ferry_job_statistics(domain, info_known,
                         question_new(client, domain, call));
}

void
handle_domain_get_job_stats(struct client *client, struct rpc_call *call,
                            const struct remote_domain_get_job_stats_args *args)
{
    struct domain *domain;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags,
                         VIR_DOMAIN_JOB_STATS_COMPLETED |
                             VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED,
                         "qemuDomainGetJobStats", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (!domain) {
        return;
    }
    if (args->flags & VIR_DOMAIN_JOB_STATS_COMPLETED) {
        reply_completed(call, domain,
                        args->flags & VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED);
        return;
    }
    if (domain_check_active(domain, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ferry_job_statistics(domain, stats_known,
                         question_new(client, domain, call));
}

void
handle_domain_abort_job(struct client *client, struct rpc_call *call,
                        const struct remote_domain_abort_job_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    AUTO_ERROR err = {0};

    if (!domain) {
        return;
    }
    if (domain_check_active(domain, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    work_start(client, call, domain, JOB_ABORT, run_abort);
}

void
handle_domain_migrate_set_max_downtime(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_set_max_downtime_args *args)
{
    /* QEMU's bound (2000 s), and its text as libvirtd passes it on. */
    static const uint64_t max_ms = 2000000;
    struct domain *domain;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, 0, "qemuDomainMigrateSetMaxDowntime",
                         &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (!domain) {
        return;
    }
    if (domain_check_active(domain, &err) == 0 && args->downtime > max_ms) {
        error_set(&err, ERROR_INTERNAL,
                  "unable to execute QEMU command 'migrate-set-parameters':"
                  " Parameter 'downtime_limit' expects an integer in the range"
                  " of 0 to (2000 * 1000) ms");
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    work_start_with(client, call, domain, JOB_MIGRATION_OPERATION,
                    args->downtime, run_set_downtime);
}

void
handle_domain_migrate_get_max_downtime(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_get_max_downtime_args *args)
{
    struct remote_domain_migrate_get_max_downtime_ret ret;
    struct domain *domain;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, 0, "qemuDomainMigrateGetMaxDowntime",
                         &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (!domain) {
        return;
    }
    if (domain_check_active(domain, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.downtime = domain->migration_downtime_ms;
    rpc_call_reply(call, &ret);
}

void
handle_domain_migrate_set_max_speed(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_set_max_speed_args *args)
{
    struct domain *domain;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY,
                         "qemuDomainMigrateSetMaxSpeed", &err) == 0 &&
        args->bandwidth > max_bandwidth_mib) {
        error_set(&err, ERROR_OVERFLOW, "bandwidth must be less than %llu",
                  (unsigned long long)max_bandwidth_mib + 1);
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (!domain) {
        return;
    }
    if (check_postcopy(domain, args->flags, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    if (!domain_is_active(domain)) {
        domain->migration_bandwidth_mib = args->bandwidth;
        domain->has_migration_bandwidth = true;
        rpc_call_reply(call, NULL);
        return;
    }
    work_start_with(client, call, domain, JOB_MIGRATION_OPERATION,
                    args->bandwidth, run_set_speed);
}

void
handle_domain_migrate_get_max_speed(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_migrate_get_max_speed_args *args)
{
    struct remote_domain_migrate_get_max_speed_ret ret;
    struct domain *domain;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY,
                         "qemuDomainMigrateGetMaxSpeed", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (!domain) {
        return;
    }
    if (check_postcopy(domain, args->flags, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.bandwidth = domain->has_migration_bandwidth
                        ? domain->migration_bandwidth_mib
                        : max_bandwidth_mib;
    rpc_call_reply(call, &ret);
}

static struct question *
question_new(struct client *client, struct domain *domain,
             struct rpc_call *call)
{
    struct question *question = xcalloc(1, sizeof *question);

    *question = (struct question){client_get(client), domain_get(domain), call};
    return question;
}

static void
question_free(struct question *question)
{
    domain_put(question->domain);
    client_put(question->client);
    free(question);
}

static void
info_known(void *owner, const struct migration_statistics *statistics,
           const struct error *err)
{
    struct question *question = owner;
    struct remote_domain_get_job_info_ret ret = {0};
    struct migration_job_info info;

    if (err) {
        rpc_call_fail(question->call, err);
    } else {
        if (statistics) {
            migration_statistics_info(statistics, MIGRATION_JOB_UNBOUNDED,
                                      &info);
            ret = (struct remote_domain_get_job_info_ret){
                .type = info.type,
                .timeElapsed = info.time_elapsed,
                .timeRemaining = info.time_remaining,
                .dataTotal = info.data_total,
                .dataProcessed = info.data_processed,
                .dataRemaining = info.data_remaining,
                .memTotal = info.memory_total,
                .memProcessed = info.memory_processed,
                .memRemaining = info.memory_remaining,
                .fileTotal = info.file_total,
                .fileProcessed = info.file_processed,
                .fileRemaining = info.file_remaining,
            };
        }
        rpc_call_reply(question->call, &ret);
    }
    question_free(question);
}

static void
stats_known(void *owner, const struct migration_statistics *statistics,
            const struct error *err)
{
    struct question *question = owner;

    AUTO_PARAMETERS list = {0};

    if (err) {
        rpc_call_fail(question->call, err);
    } else {
        if (statistics) {
            migration_statistics_list(statistics, MIGRATION_OPERATION_OUT,
                                      &list);
        }
        if (question->client->has_phases) {
            ferry_list_phases(question->domain, &list);
        }
        reply_list(question->call,
                   statistics ? MIGRATION_JOB_UNBOUNDED : MIGRATION_JOB_NONE,
                   &list);
    }
    question_free(question);
}

static void
reply_stats(struct rpc_call *call, enum migration_job_type type,
            const struct migration_statistics *statistics,
            enum migration_operation operation)
{
    AUTO_PARAMETERS list = {0};

    if (statistics) {
        migration_statistics_list(statistics, operation, &list);
    }
    reply_list(call, type, &list);
}

static void
reply_list(struct rpc_call *call, enum migration_job_type type,
           const struct parameters *list)
{
    struct remote_domain_get_job_stats_ret ret = {.type = (int)type};
    AUTO_ERROR err = {0};

    if (rpc_params_encode(list, REMOTE_JOB_STATS_MAX, &ret.params.params_val,
                          &ret.params.params_len, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    rpc_call_reply(call, &ret);
    rpc_params_free(ret.params.params_val, ret.params.params_len);
}

static void
reply_completed(struct rpc_call *call, struct domain *domain, bool is_kept)
{
    if (!domain->has_completed) {
        reply_stats(call, MIGRATION_JOB_NONE, NULL, MIGRATION_OPERATION_OUT);
        return;
    }
    reply_stats(call, MIGRATION_JOB_COMPLETED, &domain->completed,
                domain->was_incoming ? MIGRATION_OPERATION_IN
                                     : MIGRATION_OPERATION_OUT);
    domain->has_completed = is_kept;
}

static void
run_abort(struct work *work)
{
    AUTO_ERROR err = {0};

    ferry_abort(work->domain, work->client->name, &err);
    work_done(work, &err);
}

static void
run_set_speed(struct work *work)
{
    work->domain->has_migration_bandwidth = true;
    ferry_set_max_speed(work->domain, work->number, work_done, work);
}

static void
run_set_downtime(struct work *work)
{
    ferry_set_max_downtime(work->domain, work->number, work_done, work);
}

/* The speed of post-copy is asked of QEMU, so the guest has to run. */
static int
check_postcopy(const struct domain *domain, unsigned flags, struct error *err)
{
    return flags & VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY
               ? domain_check_active(domain, err)
               : 0;
}
