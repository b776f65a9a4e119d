/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The job lock of a domain: who may work on it now, and who waits.
 *
 * It is data, not a mutex: nobody sleeps.  A request that can't be granted at
 * once waits in a queue, up to its deadline; its owner goes on in a callback.
 * Calls that only read never ask.
 *
 * A normal job is granted where no other normal job is held and the async job,
 * if any, lets it run beside (jobs.def).  An async job is granted where no job
 * at all is held; while its owner has it, the owner needs no normal job.
 * Requests are granted in the order in which they came.  One that the async job
 * keeps out is passed over until that job ends, so that a waiting "modify" does
 * not keep "abort" from being heard; then it is its turn again.  "Destroy" goes
 * to the head of the queue, since it makes the rest pointless.
 *
 * Nothing here knows the time or does I/O: `now_ms` is monotonic_ms() of the
 * caller.  domain/ owns one lock for each domain. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

#define NORMAL_JOB(name, text) JOB_##name,
enum job {
#include "job/jobs.def"
    JOB_COUNT
};

#define ASYNC_JOB(name, text, beside) JOB_ASYNC_##name,
enum job_async {
#include "job/jobs.def"
    JOB_ASYNC_COUNT
};

/* The specification's names of the two that matter most. */
#define VIR_JOB_MIGRATION_IN  JOB_ASYNC_MIGRATION_IN
#define VIR_JOB_MIGRATION_OUT JOB_ASYNC_MIGRATION_OUT

/* What a caller usually waits, as in libvirt. */
enum { JOB_LOCK_WAIT_MS = 30000 };

/* The names of jobs.def, as in libvirt's status files. */
const char *job_name(enum job job);
const char *job_async_name(enum job_async async);
bool job_parse(const char *name, enum job *job);
bool job_async_parse(const char *name, enum job_async *async);

/* Normal jobs as a set of bits: libvirt's numbers (query 1, destroy 2, ...). */
unsigned job_bit(enum job job);
/* Who may run beside 'async', by jobs.def, with destroy. */
unsigned job_async_beside(enum job_async async);

/* Somebody who wants a job.  Lives in its owner's struct. */
struct job_request {
    /* Caller sets.  One of the two jobs, the other is NONE. */
    enum job job;
    enum job_async async;
    /* The call that asks, named as libvirt's daemon names it
     * ("remoteDispatchDomainMigratePerform3Params"): clients see it in the
     * refusal of others.  Borrowed for the request's and the job's life: a
     * constant. */
    const char *api;
    /* Who asks, for the same text ("virsh, pid 711, unix socket").  Borrowed
     * until granted or refused; NULL where nobody is to be named. */
    const char *client;
    /* The job is held; end it with job_lock_end() or job_lock_end_async().
     * May be called before job_lock_ask() returns. */
    void (*granted)(struct job_request *request);
    /* Not granted: the reason to give the client. */
    void (*refused)(struct job_request *request, const struct error *err);

    /* Private. */
    struct list link;
    int64_t deadline_ms;
    int64_t asked_ms;
    bool is_waiting;
};

/* Who holds a job.  Private to job/. */
struct job_holder {
    const char *api; /* A constant. */
    char *client;    /* Owned.  May be NULL. */
    int64_t since_ms;
};

/* All members are private to job/; read them with the functions below.  A lock
 * does not move: requests point into it. */
struct job_lock {
    char *domain; /* Owned. */
    enum job job;
    struct job_holder normal;
    enum job_async async;
    struct job_holder holder; /* Of the async job. */
    unsigned beside;          /* Who may run while it is held. */
    const char *phase;        /* A constant, or NULL. */
    int64_t phase_since_ms;
    struct list waiting; /* Of struct job_request, in order of their turn. */
    size_t waiting_count;
    unsigned max_queued;
    bool is_granting;   /* Somewhere up the stack somebody hands out jobs. */
    unsigned answering; /* Callbacks that run now. */
};

/* 'domain' is the name for error texts, copied. */
void job_lock_init(struct job_lock *lock, const char *domain);
/* Nobody may wait any more (job_lock_refuse_all).  Twice is safe, and so is a
 * lock of zeros; not allowed from within granted() or refused(). */
void job_lock_done(struct job_lock *lock);
/* At most so many may wait; 0, the default, is no limit. */
void job_lock_set_max_queued(struct job_lock *lock, unsigned max_queued);
void job_lock_rename(struct job_lock *lock, const char *domain);
const char *job_lock_domain(const struct job_lock *lock);

/* Asks for a job.  Answers through granted() or refused(), now or later, at
 * the latest 'wait_ms' from now when job_lock_expire() is called; 0 means
 * "now or never". */
void job_lock_ask(struct job_lock *lock, struct job_request *request,
                  int64_t wait_ms, int64_t now_ms);
/* The client is gone: the request is forgotten, without an answer.  Does
 * nothing to one that does not wait. */
void job_lock_cancel(struct job_lock *lock, struct job_request *request);
bool job_request_is_waiting(const struct job_request *request);

/* The held job ends; who waits gets its turn, within the call. */
void job_lock_end(struct job_lock *lock, int64_t now_ms);
void job_lock_end_async(struct job_lock *lock, int64_t now_ms);

/* Refuses those whose deadline has come. */
void job_lock_expire(struct job_lock *lock, int64_t now_ms);
/* When to call job_lock_expire() next; -1 where nobody waits. */
int64_t job_lock_next_deadline(const struct job_lock *lock);
/* The domain goes away: all who wait are refused with 'err'. */
void job_lock_refuse_all(struct job_lock *lock, const struct error *err);

/* Readers. */
enum job job_lock_job(const struct job_lock *lock);
enum job_async job_lock_async(const struct job_lock *lock);
/* When the async job was granted; 0 where none is held. */
int64_t job_lock_async_since(const struct job_lock *lock);
size_t job_lock_waiting(const struct job_lock *lock);
/* Whether 'job' would be kept out by the async job as it stands. */
bool job_lock_lets(const struct job_lock *lock, enum job job);

/* The async job's owner says how far it is: named in refusals.  'phase' is
 * borrowed and constant, NULL for none; 'api' and 'client' replace those of
 * the request where they are not NULL ('client' is copied). */
void job_lock_set_phase(struct job_lock *lock, const char *phase,
                        const char *api, const char *client, int64_t now_ms);
/* Changes who may run beside the async job that is held; destroy always may.
 * Who becomes able to run is granted within the call. */
void job_lock_set_beside(struct job_lock *lock, unsigned beside,
                         int64_t now_ms);
/* After a restart of the daemon: the async job is held, as it was. */
void job_lock_restore_async(struct job_lock *lock, enum job_async async,
                            const char *api, int64_t since_ms);

/* The text of a refusal, which begins as libvirt's does:
 *   cannot acquire state change lock (held by monitor=API): migration out,
 *   phase perform3 for 12 s, asked for by virsh
 * 'async' chooses whether the async job or the normal one is named.
 * Caller frees. */
char *job_lock_describe(const struct job_lock *lock, bool async,
                        int64_t now_ms);
