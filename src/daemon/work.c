/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/work.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

static void ask(struct work plan);
static void granted(struct job_request *request);
static void refused(struct job_request *request, const struct error *err);
static void free_work(struct work *work);

void
work_start(struct client *client, struct rpc_call *call, struct domain *domain,
           enum job job, void (*run)(struct work *work))
{
    work_start_with(client, call, domain, job, 0, run);
}

void
work_start_with(struct client *client, struct rpc_call *call,
                struct domain *domain, enum job job, uint64_t number,
                void (*run)(struct work *work))
{
    ask((struct work){
        .client = client,
        .domain = domain,
        .call = call,
        .number = number,
        .run = run,
        .request.job = job,
    });
}

void
work_start_new(struct client *client, struct rpc_call *call,
               struct domain *domain, uint64_t number,
               void (*run)(struct work *work))
{
    ask((struct work){
        .client = client,
        .domain = domain,
        .call = call,
        .number = number,
        .run = run,
        .is_new = true,
        .request.job = JOB_MODIFY,
    });
}

void
work_done(void *owner, const struct error *err)
{
    struct work *work = owner;

    job_lock_end(&work->domain->jobs, monotonic_ms());
    wire_finish(work->call, err);
    free_work(work);
}

void
work_done_with(struct work *work, const void *result)
{
    job_lock_end(&work->domain->jobs, monotonic_ms());
    rpc_call_reply(work->call, result);
    free_work(work);
}

struct qmp_session *
work_monitor(const struct domain *domain, struct error *err)
{
    struct qmp_session *monitor;

    if (domain_check_active(domain, err) < 0) {
        return NULL;
    }
    monitor = qemu_process_monitor(domain->qemu);
    if (!monitor) {
        error_set(err, ERROR_OPERATION_FAILED,
                  "the monitor of the QEMU of domain '%s' does not answer",
                  domain->name);
    }
    return monitor;
}

/* 'plan' has no references yet. */
static void
ask(struct work plan)
{
    struct domain *domain = domain_get(plan.domain);
    struct work *work = xmemdup(&plan, sizeof plan);

    client_get(work->client);
    domain_get(work->domain);
    work->request.api = wire_api_name(work->call);
    work->request.client = work->client->name;
    work->request.granted = granted;
    work->request.refused = refused;
    job_lock_ask(&domain->jobs, &work->request,
                 domain->host->settings.job_timeout_ms, monotonic_ms());
    domain_watch_jobs(domain);
    domain_put(domain);
}

static void
granted(struct job_request *request)
{
    struct work *work = container_of(request, struct work, request);
    const struct domain *domain = work->domain;
    char uuid[UUID_TEXT_SIZE];
    AUTO_ERROR err = {0};

    if (domain_find_by_uuid(domain->host, &domain->uuid) == domain) {
        work->run(work);
        return;
    }
    /* It went while we waited: undefined, or transient and at its end. */
    uuid_format(&domain->uuid, uuid);
    error_set(&err, ERROR_NO_DOMAIN, "no domain with matching uuid '%s' (%s)",
              uuid, domain->name);
    work_done(work, &err);
}

static void
refused(struct job_request *request, const struct error *err)
{
    struct work *work = container_of(request, struct work, request);

    if (work->is_new) {
        domain_drop_live(work->domain);
    }
    rpc_call_fail(work->call, err);
    free_work(work);
}

static void
free_work(struct work *work)
{
    domain_put(work->domain);
    client_put(work->client);
    free(work);
}
