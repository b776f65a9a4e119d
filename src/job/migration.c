/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "job/migration.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static const char *const phase_texts[] = {
#define X(name, text) text,
    QEMU_MIGRATION_PHASES(X)
#undef X
};

static void granted(struct job_request *request);
static void refused(struct job_request *request, const struct error *err);
static bool is_backwards(enum qemu_migration_phase from,
                         enum qemu_migration_phase to);
static int save(struct qemu_migration_job *job,
                const struct qemu_migration_job *before, struct error *err);

const char *
qemu_migration_phase_name(enum qemu_migration_phase phase)
{
    assert(phase < QEMU_MIGRATION_PHASE_COUNT);
    return phase_texts[phase];
}

bool
qemu_migration_phase_parse(const char *name, enum qemu_migration_phase *phase)
{
    for (unsigned i = 0; i < ARRAY_COUNT(phase_texts); i++) {
        if (strcmp(phase_texts[i], name) == 0) {
            *phase = (enum qemu_migration_phase)i;
            return true;
        }
    }
    return false;
}

void
qemu_migration_job_start(struct qemu_migration_job *job,
                         struct qemu_migration_start *start, int64_t now_ms)
{
    assert(start->kind == VIR_JOB_MIGRATION_IN ||
           start->kind == VIR_JOB_MIGRATION_OUT);

    if (job->facts.kind != JOB_ASYNC_NONE || job->waiting) {
        AUTO_ERROR err = {0};

        error_set(&err, ERROR_OPERATION_INVALID,
                  "another migration job is already running for domain '%s'",
                  job_lock_domain(job->lock));
        start->refused(start, &err);
        return;
    }
    start->job = job;
    job->waiting = start;
    start->request = (struct job_request){
        .async = start->kind,
        .api = start->caller.api,
        .client = start->caller.client,
        .granted = granted,
        .refused = refused,
    };
    job_lock_ask(job->lock, &start->request, start->wait_ms, now_ms);
}

static void
granted(struct job_request *request)
{
    struct qemu_migration_start *start =
        container_of(request, struct qemu_migration_start, request);
    struct qemu_migration_job *job = start->job;
    int64_t now_ms = job_lock_async_since(job->lock);
    struct qemu_migration_job before;
    AUTO_ERROR err = {0};

    job->waiting = NULL;
    before = *job;
    job->facts = (struct qemu_migration_facts){
        .kind = start->kind,
        .phase = QEMU_MIGRATION_PHASE_NONE,
        .beside = job_async_beside(start->kind),
        .started_ms = now_ms,
        .phase_started_ms = now_ms,
        .is_owned = true,
        .deadline_ms = -1,
    };
    job->client_id = start->caller.client_id;
    if (save(job, &before, &err) < 0) {
        job_lock_end_async(job->lock, now_ms);
        start->refused(start, &err);
        return;
    }
    start->granted(start);
}

static void
refused(struct job_request *request, const struct error *err)
{
    struct qemu_migration_start *start =
        container_of(request, struct qemu_migration_start, request);

    start->job->waiting = NULL;
    start->refused(start, err);
}

void
qemu_migration_job_cancel_start(struct qemu_migration_start *start)
{
    if (start->job && start->job->waiting == start) {
        start->job->waiting = NULL;
        job_lock_cancel(start->job->lock, &start->request);
    }
}

int
qemu_migration_job_set_phase(struct qemu_migration_job *job,
                             enum qemu_migration_phase phase, int64_t now_ms,
                             struct error *err)
{
    struct qemu_migration_job before = *job;

    assert(job->facts.kind != JOB_ASYNC_NONE && job->facts.is_owned);
    if (qemu_migration_job_check_order(job, phase, err) < 0) {
        return -1;
    }
    job->facts.phase = phase;
    job->facts.phase_started_ms = now_ms;
    if (save(job, &before, err) < 0) {
        return -1;
    }
    job_lock_set_phase(job->lock, qemu_migration_phase_name(phase), NULL, NULL,
                       now_ms);
    return 0;
}

int
qemu_migration_job_continue(struct qemu_migration_job *job, uint64_t client_id,
                            int64_t deadline_ms, struct error *err)
{
    struct qemu_migration_job before = *job;

    assert(job->facts.kind != JOB_ASYNC_NONE && job->facts.is_owned);
    job->facts.is_owned = false;
    job->facts.deadline_ms = deadline_ms;
    job->client_id = client_id;
    return save(job, &before, err);
}

int
qemu_migration_job_is_active(const struct qemu_migration_job *job,
                             enum job_async kind, struct error *err)
{
    assert(kind == VIR_JOB_MIGRATION_IN || kind == VIR_JOB_MIGRATION_OUT);
    if (job->facts.kind == kind) {
        return 0;
    }
    return error_set(err, ERROR_OPERATION_INVALID,
                     kind == VIR_JOB_MIGRATION_IN
                         ? "domain '%s' is not processing incoming migration"
                         : "domain '%s' is not being migrated",
                     job_lock_domain(job->lock));
}

int
qemu_migration_job_start_phase(struct qemu_migration_job *job,
                               enum qemu_migration_phase phase,
                               const struct qemu_migration_caller *caller,
                               int64_t now_ms, struct error *err)
{
    struct qemu_migration_job before = *job;

    assert(job->facts.kind != JOB_ASYNC_NONE);
    if (job->facts.is_owned) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "the migration of domain '%s' is being worked on by "
                         "another call (phase %s)",
                         job_lock_domain(job->lock),
                         qemu_migration_phase_name(job->facts.phase));
    }
    if (qemu_migration_job_check_order(job, phase, err) < 0) {
        return -1;
    }
    job->facts.phase = phase;
    job->facts.phase_started_ms = now_ms;
    job->facts.is_owned = true;
    job->facts.deadline_ms = -1;
    job->client_id = caller->client_id;
    if (save(job, &before, err) < 0) {
        return -1;
    }
    job_lock_set_phase(job->lock, qemu_migration_phase_name(phase), caller->api,
                       caller->client, now_ms);
    return 0;
}

void
qemu_migration_job_finish(struct qemu_migration_job *job, int64_t now_ms)
{
    AUTO_ERROR err = {0};

    if (job->facts.kind == JOB_ASYNC_NONE) {
        return;
    }
    job->facts = (struct qemu_migration_facts){.deadline_ms = -1};
    job->client_id = 0;
    (void)job->changed(job->owner, &err);
    job_lock_end_async(job->lock, now_ms);
}

bool
qemu_migration_job_is_orphaned(const struct qemu_migration_job *job,
                               uint64_t client_id)
{
    return job->facts.kind != JOB_ASYNC_NONE && !job->facts.is_owned &&
           client_id != 0 && job->client_id == client_id;
}

bool
qemu_migration_job_is_expired(const struct qemu_migration_job *job,
                              int64_t now_ms)
{
    int64_t deadline_ms = qemu_migration_job_deadline(job);

    return deadline_ms >= 0 && deadline_ms <= now_ms;
}

int64_t
qemu_migration_job_deadline(const struct qemu_migration_job *job)
{
    return job->facts.kind != JOB_ASYNC_NONE && !job->facts.is_owned
               ? job->facts.deadline_ms
               : -1;
}

int
qemu_migration_job_set_beside(struct qemu_migration_job *job, unsigned beside,
                              int64_t now_ms, struct error *err)
{
    struct qemu_migration_job before = *job;

    assert(job->facts.kind != JOB_ASYNC_NONE);
    job->facts.beside = beside | job_bit(JOB_DESTROY);
    if (save(job, &before, err) < 0) {
        return -1;
    }
    job_lock_set_beside(job->lock, job->facts.beside, now_ms);
    return 0;
}

int
qemu_migration_job_restore(struct qemu_migration_job *job,
                           const struct qemu_migration_facts *facts,
                           int64_t now_ms, struct error *err)
{
    bool is_migration = facts->kind == VIR_JOB_MIGRATION_IN ||
                        facts->kind == VIR_JOB_MIGRATION_OUT;

    assert(job->facts.kind == JOB_ASYNC_NONE);
    if (facts->kind == JOB_ASYNC_NONE) {
        return 0;
    }
    if (!is_migration || facts->phase >= QEMU_MIGRATION_PHASE_COUNT ||
        job_lock_async(job->lock) != JOB_ASYNC_NONE) {
        return error_set(err, ERROR_INTERNAL,
                         "the record of domain '%s' has job %u in phase %u",
                         job_lock_domain(job->lock), (unsigned)facts->kind,
                         (unsigned)facts->phase);
    }
    job->facts = *facts;
    job->facts.is_owned = false;
    job->client_id = 0;
    job_lock_restore_async(job->lock, facts->kind, "recovery",
                           facts->started_ms);
    job_lock_set_phase(job->lock, qemu_migration_phase_name(facts->phase), NULL,
                       NULL, facts->phase_started_ms);
    job_lock_set_beside(job->lock, facts->beside, now_ms);
    return 0;
}

static bool
is_backwards(enum qemu_migration_phase from, enum qemu_migration_phase to)
{
    return to < QEMU_MIGRATION_PHASE_POSTCOPY_FAILED && to < from;
}

int
qemu_migration_job_check_order(const struct qemu_migration_job *job,
                               enum qemu_migration_phase phase,
                               struct error *err)
{
    assert(phase < QEMU_MIGRATION_PHASE_COUNT);
    if (!is_backwards(job->facts.phase, phase)) {
        return 0;
    }
    return error_set(err, ERROR_INTERNAL,
                     "migration protocol going backwards %s => %s",
                     qemu_migration_phase_name(job->facts.phase),
                     qemu_migration_phase_name(phase));
}

/* Where the record can't be saved, the change has not happened. */
static int
save(struct qemu_migration_job *job, const struct qemu_migration_job *before,
     struct error *err)
{
    if (job->changed(job->owner, err) < 0) {
        *job = *before;
        return -1;
    }
    return 0;
}
