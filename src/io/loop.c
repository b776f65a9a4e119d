/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

/* Timers may be late by this much, so that several can share a wake-up. */
enum { TIMER_ACCURACY_US = 1000 };

/* Longer waits than this (some 30 years) are cut: no sum may overflow. */
static const int64_t longest_wait_ms = 1000000000000;

static void must(int result);
static int timer_ready(sd_event_source *source, uint64_t at_us, void *data);
static int deferral_ready(sd_event_source *source, void *data);
static int watch_ready(sd_event_source *source, int fd, uint32_t events,
                       void *data);
static int signal_ready(sd_event_source *source,
                        const struct signalfd_siginfo *info, void *data);

struct loop *
loop_new(struct error *err)
{
    struct loop *loop = xcalloc(1, sizeof *loop);
    sd_event_source *first = NULL;
    int result = sd_event_new(&loop->event);

    /* The first timer makes sd-event open a descriptor, which can fail.  After
     * this one none can. */
    if (result >= 0) {
        result = sd_event_add_time(loop->event, &first, CLOCK_MONOTONIC, 0,
                                   TIMER_ACCURACY_US, timer_ready, NULL);
        sd_event_source_disable_unref(first);
    }
    if (result < 0) {
        error_set_errno(err, -result, "starting an event loop");
        loop_free(loop);
        return NULL;
    }
    return loop;
}

void
loop_free(struct loop *loop)
{
    if (loop) {
        sd_event_unref(loop->event);
        free(loop);
    }
}

int
loop_run(struct loop *loop, struct error *err)
{
    while (!loop->is_stopped) {
        if (loop_step(loop, -1, err) < 0) {
            return -1;
        }
    }
    loop->is_stopped = false;
    return 0;
}

int
loop_step(struct loop *loop, int timeout_ms, struct error *err)
{
    uint64_t timeout_us =
        timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms * 1000;
    int result = sd_event_run(loop->event, timeout_us);

    if (result < 0) {
        return error_set_errno(err, -result, "waiting for events");
    }
    return 0;
}

void
loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
}

void
timer_start(struct timer *timer, struct loop *loop, int64_t after_ms,
            void (*fired)(void *owner), void *owner)
{
    uint64_t at_us;

    if (after_ms < 0) {
        after_ms = 0;
    } else if (after_ms > longest_wait_ms) {
        after_ms = longest_wait_ms;
    }
    at_us = (uint64_t)(monotonic_us() + after_ms * 1000);
    timer_stop(timer);
    timer->fired = fired;
    timer->owner = owner;
    must(sd_event_add_time(loop->event, &timer->source, CLOCK_MONOTONIC, at_us,
                           TIMER_ACCURACY_US, timer_ready, timer));
}

void
timer_stop(struct timer *timer)
{
    timer->source = sd_event_source_disable_unref(timer->source);
}

void
deferral_schedule(struct deferral *deferral, struct loop *loop,
                  void (*run)(void *owner), void *owner)
{
    if (deferral->source) {
        return;
    }
    deferral->run = run;
    deferral->owner = owner;
    must(sd_event_add_defer(loop->event, &deferral->source, deferral_ready,
                            deferral));
}

void
deferral_cancel(struct deferral *deferral)
{
    deferral->source = sd_event_source_disable_unref(deferral->source);
}

int
watch_start(struct watch *watch, struct loop *loop, int fd, uint32_t events,
            void (*ready)(void *owner, uint32_t events), void *owner,
            struct error *err)
{
    sd_event_source *source;
    int result;

    assert(!watch->source);
    result =
        sd_event_add_io(loop->event, &source, fd, events, watch_ready, watch);
    if (result < 0) {
        return error_set_errno(err, -result, "watching a file descriptor");
    }
    watch->source = source;
    watch->ready = ready;
    watch->owner = owner;
    watch_set_events(watch, events);
    return 0;
}

void
watch_set_events(struct watch *watch, uint32_t events)
{
    if (!watch->source) {
        return;
    }
    /* epoll(7) tells of a hang-up whether it was asked or not: a source that
     * wants nothing has to be taken out. */
    if (events == 0) {
        must(sd_event_source_set_enabled(watch->source, SD_EVENT_OFF));
        return;
    }
    must(sd_event_source_set_io_events(watch->source, events));
    must(sd_event_source_set_enabled(watch->source, SD_EVENT_ON));
}

void
watch_stop(struct watch *watch)
{
    watch->source = sd_event_source_disable_unref(watch->source);
}

int
signal_watch_start(struct signal_watch *watch, struct loop *loop, int signal,
                   void (*caught)(void *owner, int signal), void *owner,
                   struct error *err)
{
    sd_event_source *source;
    sigset_t set;
    int result;

    assert(!watch->source);
    sigemptyset(&set);
    sigaddset(&set, signal);
    result = -pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (result == 0) {
        result = sd_event_add_signal(loop->event, &source, signal, signal_ready,
                                     watch);
    }
    if (result < 0) {
        return error_set_errno(err, -result, "watching signal %d", signal);
    }
    watch->source = source;
    watch->caught = caught;
    watch->owner = owner;
    return 0;
}

void
signal_watch_stop(struct signal_watch *watch)
{
    watch->source = sd_event_source_disable_unref(watch->source);
}

/* For what fails only without memory, or by a mistake of ours. */
static void
must(int result)
{
    if (result < 0) {
        fprintf(stderr, "event loop: error %d\n", -result);
        abort();
    }
}

/* The callbacks may free what 'data' points to: it is not touched after them.
 * sd-event keeps a source alive while it calls. */
static int
timer_ready(sd_event_source *source, uint64_t at_us, void *data)
{
    struct timer *timer = data;

    (void)source;
    (void)at_us;
    timer_stop(timer);
    timer->fired(timer->owner);
    return 0;
}

static int
deferral_ready(sd_event_source *source, void *data)
{
    struct deferral *deferral = data;

    (void)source;
    deferral_cancel(deferral);
    deferral->run(deferral->owner);
    return 0;
}

static int
watch_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct watch *watch = data;

    (void)source;
    (void)fd;
    watch->ready(watch->owner, events);
    return 0;
}

static int
signal_ready(sd_event_source *source, const struct signalfd_siginfo *info,
             void *data)
{
    struct signal_watch *watch = data;

    (void)source;
    watch->caught(watch->owner, (int)info->ssi_signo);
    return 0;
}
