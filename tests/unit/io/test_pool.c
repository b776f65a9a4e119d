/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/memory.h"
#include "io/pool.h"

/* A request that notes where it ran. */
struct task {
    struct pool_request request;
    struct pool *pool;
    struct task *next; /* Submitted in 'done'. */
    pthread_t worker;
    bool is_blocking_signals;
    bool was_worked;
    bool is_done;
};

static void
work(struct pool_request *request)
{
    struct task *task = container_of(request, struct task, request);
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    task->is_blocking_signals = sigismember(&mask, SIGTERM) == 1;
    task->worker = pthread_self();
    task->was_worked = true;
}

static void
done(struct pool_request *request)
{
    struct task *task = container_of(request, struct task, request);

    assert_true(task->was_worked);
    assert_false(task->is_done);
    task->is_done = true;
    if (task->next) {
        pool_submit(task->pool, &task->next->request);
    }
}

static struct pool *
test_pool_new(struct loop *loop, unsigned threads)
{
    AUTO_ERROR err = {0};
    struct pool *pool = pool_new(loop, threads, &err);

    assert_non_null(pool);
    return pool;
}

static void
work_runs_on_a_worker_and_done_on_the_loop(void **state)
{
    struct loop *loop = test_loop_new();
    struct pool *pool = test_pool_new(loop, 2);
    struct task task = {
        .request = {.work = work, .done = done}
    };

    (void)state;
    pool_submit(pool, &task.request);
    run_until(loop, &task.is_done);
    assert_false(pthread_equal(task.worker, pthread_self()));
    assert_true(task.is_blocking_signals);
    pool_free(pool);
    loop_free(loop);
}

static void
freeing_finishes_all_that_was_submitted(void **state)
{
    enum { COUNT = 1000 };
    struct loop *loop = test_loop_new();
    struct pool *pool = test_pool_new(loop, 3);
    AUTO_FREE struct task *tasks = xcalloc(COUNT, sizeof *tasks);

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        tasks[i].request = (struct pool_request){.work = work, .done = done};
        pool_submit(pool, &tasks[i].request);
    }
    pool_free(pool);
    for (int i = 0; i < COUNT; i++) {
        assert_true(tasks[i].is_done);
    }
    loop_free(loop);
}

static void
what_is_submitted_while_freeing_is_finished_too(void **state)
{
    struct loop *loop = test_loop_new();
    struct pool *pool = test_pool_new(loop, 1);
    struct task second = {
        .request = {.work = work, .done = done}
    };
    struct task first = {
        .request = {.work = work, .done = done},
        .pool = pool,
        .next = &second,
    };

    (void)state;
    pool_submit(pool, &first.request);
    pool_free(pool);
    assert_true(first.is_done);
    assert_true(second.is_done);
    loop_free(loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_runs_on_a_worker_and_done_on_the_loop),
        cmocka_unit_test(freeing_finishes_all_that_was_submitted),
        cmocka_unit_test(what_is_submitted_while_freeing_is_finished_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
