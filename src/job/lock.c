/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "job/lock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define BESIDE(name) (1u << (JOB_##name - 1))
#define ANY          0xffu

static const char *const job_texts[] = {
#define NORMAL_JOB(name, text) text,
#include "job/jobs.def"
};

static const struct {
    const char *text;
    unsigned beside;
} asyncs[] = {
#define ASYNC_JOB(name, text, beside) {text, (beside) | BESIDE(DESTROY)},
#include "job/jobs.def"
};

static bool may_run(const struct job_lock *lock,
                    const struct job_request *request);
static void enqueue(struct job_lock *lock, struct job_request *request);
static void dequeue(struct job_lock *lock, struct job_request *request);
static void grant_waiting(struct job_lock *lock, int64_t now_ms);
static struct job_request *find_next(struct job_lock *lock);
static void grant(struct job_lock *lock, struct job_request *request,
                  int64_t now_ms);
static struct job_request *find_late(struct job_lock *lock, int64_t now_ms);
static void refuse(struct job_lock *lock, struct job_request *request,
                   const struct error *err);
static void refuse_late(struct job_lock *lock, struct job_request *request,
                        int64_t now_ms);
static void refuse_crowded(struct job_lock *lock, struct job_request *request);
static bool is_kept_out_by_async(const struct job_lock *lock,
                                 const struct job_request *request);
static char *describe_holder(const struct job_holder *holder);
static void holder_set(struct job_holder *holder,
                       const struct job_request *request, int64_t now_ms);
static void holder_clear(struct job_holder *holder);

static struct job_request *
request_of(struct list *link)
{
    return container_of(link, struct job_request, link);
}

const char *
job_name(enum job job)
{
    assert(job < JOB_COUNT);
    return job_texts[job];
}

const char *
job_async_name(enum job_async async)
{
    assert(async < JOB_ASYNC_COUNT);
    return asyncs[async].text;
}

bool
job_parse(const char *name, enum job *job)
{
    for (unsigned i = 0; i < ARRAY_COUNT(job_texts); i++) {
        if (strcmp(job_texts[i], name) == 0) {
            *job = (enum job)i;
            return true;
        }
    }
    return false;
}

bool
job_async_parse(const char *name, enum job_async *async)
{
    for (unsigned i = 0; i < ARRAY_COUNT(asyncs); i++) {
        if (strcmp(asyncs[i].text, name) == 0) {
            *async = (enum job_async)i;
            return true;
        }
    }
    return false;
}

unsigned
job_bit(enum job job)
{
    assert(job < JOB_COUNT);
    return job == JOB_NONE ? 0 : 1u << (job - 1);
}

unsigned
job_async_beside(enum job_async async)
{
    assert(async < JOB_ASYNC_COUNT);
    return asyncs[async].beside;
}

void
job_lock_init(struct job_lock *lock, const char *domain)
{
    *lock = (struct job_lock){0};
    lock->domain = xstrdup(domain);
    lock->beside = job_async_beside(JOB_ASYNC_NONE);
    list_init(&lock->waiting);
}

void
job_lock_done(struct job_lock *lock)
{
    assert(lock->waiting_count == 0 && lock->answering == 0);
    holder_clear(&lock->normal);
    holder_clear(&lock->holder);
    free(lock->domain);
    *lock = (struct job_lock){0};
}

void
job_lock_set_max_queued(struct job_lock *lock, unsigned max_queued)
{
    lock->max_queued = max_queued;
}

void
job_lock_rename(struct job_lock *lock, const char *domain)
{
    char *copy = xstrdup(domain);

    free(lock->domain);
    lock->domain = copy;
}

const char *
job_lock_domain(const struct job_lock *lock)
{
    return lock->domain;
}

void
job_lock_ask(struct job_lock *lock, struct job_request *request,
             int64_t wait_ms, int64_t now_ms)
{
    assert((request->job == JOB_NONE) != (request->async == JOB_ASYNC_NONE));
    assert(request->job < JOB_COUNT && request->async < JOB_ASYNC_COUNT);
    assert(!request->is_waiting && request->granted && request->refused);

    if (lock->max_queued > 0 && lock->waiting_count >= lock->max_queued &&
        !may_run(lock, request)) {
        refuse_crowded(lock, request);
        return;
    }
    request->deadline_ms = now_ms + wait_ms;
    enqueue(lock, request);
    /* From here on the request may be answered, and gone. */
    grant_waiting(lock, now_ms);
    if (wait_ms <= 0) {
        job_lock_expire(lock, now_ms);
    }
}

void
job_lock_cancel(struct job_lock *lock, struct job_request *request)
{
    /* Nobody waits for one who waits, so nobody's turn comes by this. */
    if (request->is_waiting) {
        dequeue(lock, request);
    }
}

bool
job_request_is_waiting(const struct job_request *request)
{
    return request->is_waiting;
}

void
job_lock_end(struct job_lock *lock, int64_t now_ms)
{
    assert(lock->job != JOB_NONE);
    lock->job = JOB_NONE;
    holder_clear(&lock->normal);
    grant_waiting(lock, now_ms);
}

void
job_lock_end_async(struct job_lock *lock, int64_t now_ms)
{
    assert(lock->async != JOB_ASYNC_NONE);
    lock->async = JOB_ASYNC_NONE;
    lock->beside = job_async_beside(JOB_ASYNC_NONE);
    lock->phase = NULL;
    lock->phase_since_ms = 0;
    holder_clear(&lock->holder);
    grant_waiting(lock, now_ms);
}

void
job_lock_expire(struct job_lock *lock, int64_t now_ms)
{
    struct job_request *late;

    /* Each answer may change the queue: begin again after it. */
    while ((late = find_late(lock, now_ms))) {
        dequeue(lock, late);
        refuse_late(lock, late, now_ms);
    }
}

int64_t
job_lock_next_deadline(const struct job_lock *lock)
{
    int64_t next = -1;

    LIST_FOR_EACH (link, &lock->waiting) {
        const struct job_request *request = request_of(link);

        if (next < 0 || request->deadline_ms < next) {
            next = request->deadline_ms;
        }
    }
    return next;
}

void
job_lock_refuse_all(struct job_lock *lock, const struct error *err)
{
    struct list leaving;

    /* Those who ask again from within refused() wait in the queue anew. */
    list_init(&leaving);
    while (!list_is_empty(&lock->waiting)) {
        struct list *link = lock->waiting.next;

        list_remove(link);
        list_add(&leaving, link);
    }
    while (!list_is_empty(&leaving)) {
        struct job_request *request = request_of(leaving.next);

        dequeue(lock, request);
        refuse(lock, request, err);
    }
}

enum job
job_lock_job(const struct job_lock *lock)
{
    return lock->job;
}

enum job_async
job_lock_async(const struct job_lock *lock)
{
    return lock->async;
}

int64_t
job_lock_async_since(const struct job_lock *lock)
{
    return lock->holder.since_ms;
}

size_t
job_lock_waiting(const struct job_lock *lock)
{
    return lock->waiting_count;
}

bool
job_lock_lets(const struct job_lock *lock, enum job job)
{
    return job == JOB_DESTROY || (lock->beside & job_bit(job)) != 0;
}

void
job_lock_set_phase(struct job_lock *lock, const char *phase, const char *api,
                   const char *client, int64_t now_ms)
{
    assert(lock->async != JOB_ASYNC_NONE);
    lock->phase = phase;
    lock->phase_since_ms = now_ms;
    if (api) {
        lock->holder.api = api;
    }
    if (client) {
        char *copy = xstrdup(client);

        free(lock->holder.client);
        lock->holder.client = copy;
    }
}

void
job_lock_set_beside(struct job_lock *lock, unsigned beside, int64_t now_ms)
{
    assert(lock->async != JOB_ASYNC_NONE);
    lock->beside = beside | job_bit(JOB_DESTROY);
    grant_waiting(lock, now_ms);
}

void
job_lock_restore_async(struct job_lock *lock, enum job_async async,
                       const char *api, int64_t since_ms)
{
    assert(lock->job == JOB_NONE && lock->async == JOB_ASYNC_NONE);
    assert(async != JOB_ASYNC_NONE && async < JOB_ASYNC_COUNT);
    lock->async = async;
    lock->beside = job_async_beside(async);
    lock->holder.api = api;
    lock->holder.since_ms = since_ms;
    lock->phase_since_ms = since_ms;
}

char *
job_lock_describe(const struct job_lock *lock, bool async, int64_t now_ms)
{
    AUTO_TEXT text = {0};
    const struct job_holder *holder = async ? &lock->holder : &lock->normal;
    const char *what =
        async ? job_async_name(lock->async) : job_name(lock->job);
    int64_t since_ms = async ? lock->phase_since_ms : holder->since_ms;
    AUTO_FREE char *held = NULL;

    if (async ? lock->async == JOB_ASYNC_NONE : lock->job == JOB_NONE) {
        return xstrdup("cannot acquire state change lock");
    }
    held = describe_holder(holder);
    text_addf(&text, "%s: %s", held, what);
    if (async && lock->phase) {
        text_addf(&text, ", phase %s", lock->phase);
    }
    text_addf(&text, " for %" PRId64 " s",
              now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0);
    if (holder->client) {
        text_addf(&text, ", asked for by %s", holder->client);
    }
    return text_take(&text);
}

/* Whether the lock, as it is, has room for the request. */
static bool
may_run(const struct job_lock *lock, const struct job_request *request)
{
    return lock->job == JOB_NONE && !is_kept_out_by_async(lock, request);
}

static bool
is_kept_out_by_async(const struct job_lock *lock,
                     const struct job_request *request)
{
    return request->async != JOB_ASYNC_NONE
               ? lock->async != JOB_ASYNC_NONE
               : !job_lock_lets(lock, request->job);
}

static void
enqueue(struct job_lock *lock, struct job_request *request)
{
    struct list *before = &lock->waiting;

    if (request->job == JOB_DESTROY) {
        /* Before the first that is not a destroy. */
        LIST_FOR_EACH (link, &lock->waiting) {
            if (request_of(link)->job != JOB_DESTROY) {
                before = link;
                break;
            }
        }
    }
    list_add(before, &request->link);
    request->is_waiting = true;
    lock->waiting_count++;
}

static void
dequeue(struct job_lock *lock, struct job_request *request)
{
    assert(request->is_waiting && lock->waiting_count > 0);
    list_remove(&request->link);
    request->is_waiting = false;
    lock->waiting_count--;
}

/* Grants whatever can be granted.  Where a callback ends or asks for a job, we
 * are called again from below: the loop up the stack then does the work, so
 * that the stack does not grow with the queue. */
static void
grant_waiting(struct job_lock *lock, int64_t now_ms)
{
    struct job_request *next;

    if (lock->is_granting) {
        return;
    }
    lock->is_granting = true;
    while ((next = find_next(lock))) {
        dequeue(lock, next);
        grant(lock, next, now_ms);
    }
    lock->is_granting = false;
}

static struct job_request *
find_next(struct job_lock *lock)
{
    LIST_FOR_EACH (link, &lock->waiting) {
        if (may_run(lock, request_of(link))) {
            return request_of(link);
        }
    }
    return NULL;
}

static void
grant(struct job_lock *lock, struct job_request *request, int64_t now_ms)
{
    if (request->async != JOB_ASYNC_NONE) {
        lock->async = request->async;
        lock->beside = job_async_beside(request->async);
        lock->phase = NULL;
        lock->phase_since_ms = now_ms;
        holder_set(&lock->holder, request, now_ms);
    } else {
        lock->job = request->job;
        holder_set(&lock->normal, request, now_ms);
    }
    lock->answering++;
    request->granted(request);
    lock->answering--;
}

static struct job_request *
find_late(struct job_lock *lock, int64_t now_ms)
{
    LIST_FOR_EACH (link, &lock->waiting) {
        if (request_of(link)->deadline_ms <= now_ms) {
            return request_of(link);
        }
    }
    return NULL;
}

static void
refuse(struct job_lock *lock, struct job_request *request,
       const struct error *err)
{
    lock->answering++;
    request->refused(request, err);
    lock->answering--;
}

static void
refuse_late(struct job_lock *lock, struct job_request *request, int64_t now_ms)
{
    AUTO_ERROR err = {0};
    AUTO_FREE char *why =
        job_lock_describe(lock, is_kept_out_by_async(lock, request), now_ms);

    error_set_from(&err, ERROR_FROM_NONE, ERROR_OPERATION_TIMEOUT, "%s", why);
    refuse(lock, request, &err);
}

static void
refuse_crowded(struct job_lock *lock, struct job_request *request)
{
    AUTO_ERROR err = {0};
    AUTO_FREE char *held = describe_holder(
        is_kept_out_by_async(lock, request) ? &lock->holder : &lock->normal);

    error_set_from(&err, ERROR_FROM_NONE, ERROR_OPERATION_FAILED,
                   "%s due to max_queued limit", held);
    refuse(lock, request, &err);
}

/* Libvirt's text, to the letter. */
static char *
describe_holder(const struct job_holder *holder)
{
    return xasprintf("cannot acquire state change lock (held by monitor=%s)",
                     holder->api ? holder->api : "nobody");
}

static void
holder_set(struct job_holder *holder, const struct job_request *request,
           int64_t now_ms)
{
    holder_clear(holder);
    holder->api = request->api;
    holder->client = xstrdup_null(request->client);
    holder->since_ms = now_ms;
}

static void
holder_clear(struct job_holder *holder)
{
    free(holder->client);
    *holder = (struct job_holder){0};
}
