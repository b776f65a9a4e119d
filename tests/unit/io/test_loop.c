/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

/* An owner with one of each. */
struct thing {
    struct loop *loop;
    struct timer timer;
    struct deferral deferral;
    struct watch watch;
    struct signal_watch signal;
    int calls;
    bool is_called;
    uint32_t events;
};

static struct thing *
thing_new(struct loop *loop)
{
    struct thing *thing = xcalloc(1, sizeof *thing);

    thing->loop = loop;
    return thing;
}

static void
count_call(void *owner)
{
    struct thing *thing = owner;

    thing->calls++;
    thing->is_called = true;
}

static void
free_owner(void *owner)
{
    struct thing *thing = owner;

    thing->loop->is_stopped = true;
    free(thing);
}

static void
start_again(void *owner)
{
    struct thing *thing = owner;

    assert_false(timer_is_running(&thing->timer));
    thing->is_called = ++thing->calls == 3;
    timer_start(&thing->timer, thing->loop, 0, start_again, thing);
}

static void
note_events(void *owner, uint32_t events)
{
    struct thing *thing = owner;

    thing->events = events;
    thing->calls++;
    thing->is_called = true;
}

static void
free_watch_owner(void *owner, uint32_t events)
{
    struct thing *thing = owner;

    (void)events;
    watch_stop(&thing->watch);
    free_owner(thing);
}

static void
note_signal(void *owner, int signal)
{
    struct thing *thing = owner;

    thing->calls = signal;
    thing->is_called = true;
}

static void
a_timer_fires_once_and_not_early(void **state)
{
    struct thing *thing = thing_new(*state);
    int64_t start = monotonic_us();

    timer_start(&thing->timer, *state, 20, count_call, thing);
    assert_true(timer_is_running(&thing->timer));
    run_until(*state, &thing->is_called);
    assert_true(monotonic_us() - start >= 20000);
    assert_false(timer_is_running(&thing->timer));
    run_until_idle(*state);
    assert_int_equal(thing->calls, 1);
    free(thing);
}

static void
a_timer_may_be_started_again_in_its_own_callback(void **state)
{
    struct thing *thing = thing_new(*state);

    timer_start(&thing->timer, *state, 0, start_again, thing);
    run_until(*state, &thing->is_called);
    timer_stop(&thing->timer);
    timer_stop(&thing->timer);
    run_until_idle(*state);
    assert_int_equal(thing->calls, 3);
    free(thing);
}

static void
a_timer_that_is_started_twice_fires_at_the_later_call(void **state)
{
    struct thing *thing = thing_new(*state);

    timer_start(&thing->timer, *state, 0, count_call, thing);
    timer_start(&thing->timer, *state, INT64_MAX, count_call, thing);
    run_until_idle(*state);
    assert_int_equal(thing->calls, 0);
    timer_start(&thing->timer, *state, -5, count_call, thing);
    run_until(*state, &thing->is_called);
    free(thing);
}

static void
an_owner_may_be_freed_in_its_timer(void **state)
{
    struct thing *thing = thing_new(*state);
    AUTO_ERROR err = {0};

    timer_start(&thing->timer, *state, 0, free_owner, thing);
    assert_int_equal(loop_run(*state, &err), 0);
}

static void
a_deferral_runs_later_and_once(void **state)
{
    struct thing *thing = thing_new(*state);

    deferral_schedule(&thing->deferral, *state, count_call, thing);
    deferral_schedule(&thing->deferral, *state, count_call, thing);
    assert_int_equal(thing->calls, 0);
    run_until_idle(*state);
    assert_int_equal(thing->calls, 1);
    deferral_schedule(&thing->deferral, *state, count_call, thing);
    run_until_idle(*state);
    assert_int_equal(thing->calls, 2);
    free(thing);
}

static void
a_cancelled_deferral_does_not_run(void **state)
{
    struct thing *thing = thing_new(*state);

    deferral_cancel(&thing->deferral);
    deferral_schedule(&thing->deferral, *state, count_call, thing);
    deferral_cancel(&thing->deferral);
    run_until_idle(*state);
    assert_int_equal(thing->calls, 0);
    free(thing);
}

static void
an_owner_may_be_freed_in_its_deferral(void **state)
{
    struct thing *thing = thing_new(*state);
    AUTO_ERROR err = {0};

    deferral_schedule(&thing->deferral, *state, free_owner, thing);
    assert_int_equal(loop_run(*state, &err), 0);
}

static void
a_watch_without_events_ignores_even_a_hang_up(void **state)
{
    struct thing *thing = thing_new(*state);
    AUTO_ERROR err = {0};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(watch_start(&thing->watch, *state, pair[0], 0, note_events,
                                 thing, &err),
                     0);
    close(pair[1]);
    run_until_idle(*state);
    assert_int_equal(thing->calls, 0);
    watch_set_events(&thing->watch, EPOLLIN);
    run_until(*state, &thing->is_called);
    assert_true(thing->events & EPOLLHUP);
    watch_stop(&thing->watch);
    watch_stop(&thing->watch);
    close(pair[0]);
    free(thing);
}

static void
an_owner_may_be_freed_in_its_watch(void **state)
{
    struct thing *thing = thing_new(*state);
    AUTO_ERROR err = {0};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(watch_start(&thing->watch, *state, pair[0], EPOLLOUT,
                                 free_watch_owner, thing, &err),
                     0);
    assert_int_equal(loop_run(*state, &err), 0);
    close(pair[0]);
    close(pair[1]);
}

static void
what_epoll_cannot_watch_is_an_error(void **state)
{
    struct thing *thing = thing_new(*state);
    AUTO_ERROR err = {0};
    int fd = open("/", O_RDONLY | O_DIRECTORY);

    assert_int_equal(watch_start(&thing->watch, *state, fd, EPOLLIN,
                                 note_events, thing, &err),
                     -1);
    assert_int_equal(err.code, ERROR_SYSTEM);
    assert_null(thing->watch.source);
    close(fd);
    free(thing);
}

static void
a_signal_is_caught_by_the_loop(void **state)
{
    struct thing *thing = thing_new(*state);
    AUTO_ERROR err = {0};

    assert_int_equal(signal_watch_start(&thing->signal, *state, SIGUSR1,
                                        note_signal, thing, &err),
                     0);
    kill(getpid(), SIGUSR1);
    run_until(*state, &thing->is_called);
    assert_int_equal(thing->calls, SIGUSR1);
    signal_watch_stop(&thing->signal);
    free(thing);
}

static void
stop_loop(void *owner)
{
    struct thing *thing = owner;

    thing->calls++;
    loop_stop(thing->loop);
}

static void
a_loop_runs_again_after_it_was_stopped(void **state)
{
    struct thing *thing = thing_new(*state);
    AUTO_ERROR err = {0};

    for (int run = 1; run <= 3; run++) {
        deferral_schedule(&thing->deferral, *state, stop_loop, thing);
        assert_int_equal(loop_run(*state, &err), 0);
        assert_int_equal(thing->calls, run);
    }
    loop_stop(*state);
    assert_int_equal(loop_run(*state, &err), 0);
    free(thing);
}

static int
set_up(void **state)
{
    *state = test_loop_new();
    return 0;
}

static int
tear_down(void **state)
{
    loop_free(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_timer_fires_once_and_not_early),
        TEST(a_timer_may_be_started_again_in_its_own_callback),
        TEST(a_timer_that_is_started_twice_fires_at_the_later_call),
        TEST(an_owner_may_be_freed_in_its_timer),
        TEST(a_deferral_runs_later_and_once),
        TEST(a_cancelled_deferral_does_not_run),
        TEST(an_owner_may_be_freed_in_its_deferral),
        TEST(a_watch_without_events_ignores_even_a_hang_up),
        TEST(an_owner_may_be_freed_in_its_watch),
        TEST(what_epoll_cannot_watch_is_an_error),
        TEST(a_signal_is_caught_by_the_loop),
        TEST(a_loop_runs_again_after_it_was_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
