/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"

/* First in, first out. */
struct queue {
    struct pool_request *first;
    struct pool_request *last;
};

struct pool {
    struct watch watch;
    int event_fd; /* Owned. Counts what is finished. */
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct queue waiting;  /* [lock] */
    struct queue finished; /* [lock] */
    bool is_stopping;      /* [lock] */
    bool is_calling;       /* The loop's: 'done' is under way. */
    unsigned thread_count;
    pthread_t threads[];
};

static int start_threads(struct pool *pool, unsigned threads,
                         struct error *err);
static void *work(void *data);
static void pool_ready(void *owner, uint32_t events);
static bool finish(struct pool *pool);
static void add(struct queue *queue, struct pool_request *request);
static struct pool_request *take(struct queue *queue);

DEFINE_AUTO(pool);

struct pool *
pool_new(struct loop *loop, unsigned threads, struct error *err)
{
    AUTO(pool) *pool =
        xcalloc(1, sizeof *pool + threads * sizeof pool->threads[0]);

    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->has_work, NULL);
    pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->event_fd < 0) {
        error_set_errno(err, errno, "starting workers");
        return NULL;
    }
    if (watch_start(&pool->watch, loop, pool->event_fd, EPOLLIN, pool_ready,
                    pool, err) < 0 ||
        start_threads(pool, threads, err) < 0) {
        return NULL;
    }
    return STEAL(pool);
}

void
pool_free(struct pool *pool)
{
    if (!pool) {
        return;
    }
    assert(!pool->is_calling);
    pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    pthread_cond_broadcast(&pool->has_work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    while (finish(pool)) {
    }
    watch_stop(&pool->watch);
    close_ref(&pool->event_fd);
    pthread_cond_destroy(&pool->has_work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void
pool_submit(struct pool *pool, struct pool_request *request)
{
    bool is_stopping;

    pthread_mutex_lock(&pool->lock);
    is_stopping = pool->is_stopping;
    if (!is_stopping) {
        add(&pool->waiting, request);
        pthread_cond_signal(&pool->has_work);
    }
    pthread_mutex_unlock(&pool->lock);
    if (is_stopping) {
        /* From a 'done' in pool_free(): the workers are gone. */
        request->work(request);
        add(&pool->finished, request);
    }
}

/* They inherit the mask: signals are for the loop's thread. */
static int
start_threads(struct pool *pool, unsigned threads, struct error *err)
{
    sigset_t all, before;
    int result = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (result == 0 && pool->thread_count < threads) {
        result = pthread_create(&pool->threads[pool->thread_count], NULL, work,
                                pool);
        pool->thread_count += result == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) {
        return error_set_errno(err, result, "starting workers");
    }
    return 0;
}

static void *
work(void *data)
{
    struct pool *pool = data;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct pool_request *request = take(&pool->waiting);

        if (request) {
            pthread_mutex_unlock(&pool->lock);
            request->work(request);
            pthread_mutex_lock(&pool->lock);
            add(&pool->finished, request);
            eventfd_write(pool->event_fd, 1);
        } else if (pool->is_stopping) {
            break;
        } else {
            pthread_cond_wait(&pool->has_work, &pool->lock);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void
pool_ready(void *owner, uint32_t events)
{
    struct pool *pool = owner;
    eventfd_t count;

    (void)events;
    eventfd_read(pool->event_fd, &count);
    finish(pool);
}

/* Calls 'done' of everything that is finished; false where nothing is. */
static bool
finish(struct pool *pool)
{
    struct pool_request *request;
    struct queue queue;

    pthread_mutex_lock(&pool->lock);
    queue = pool->finished;
    pool->finished = (struct queue){0};
    pthread_mutex_unlock(&pool->lock);
    if (!queue.first) {
        return false;
    }
    pool->is_calling = true;
    while ((request = take(&queue))) {
        request->done(request);
    }
    pool->is_calling = false;
    return true;
}

static void
add(struct queue *queue, struct pool_request *request)
{
    request->next = NULL;
    if (queue->last) {
        queue->last->next = request;
    } else {
        queue->first = request;
    }
    queue->last = request;
}

static struct pool_request *
take(struct queue *queue)
{
    struct pool_request *request = queue->first;

    if (request) {
        queue->first = request->next;
        if (!queue->first) {
            queue->last = NULL;
        }
    }
    return request;
}
