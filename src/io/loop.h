/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loop: one thread that owns everything, on sd-event.
 *
 * The structs below are embedded in their owners.  A zeroed one is valid and
 * idle; its stop function may be called at any time, twice too, also from its
 * own callback, and afterwards the callback is not called. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/error.h"

struct loop {
    sd_event *event; /* Owned. */
    bool is_stopped; /* What loop_run() looks at. */
};

struct loop *loop_new(struct error *err);
/* What is embedded elsewhere must have been stopped before. */
void loop_free(struct loop *loop);
/* Runs until loop_stop(); may be run again afterwards.  Where loop_stop() was
 * called before, returns at once. */
int loop_run(struct loop *loop, struct error *err);
/* One round; waits for at most 'timeout_ms' (-1: until something happens).
 * Calls one callback at most. */
int loop_step(struct loop *loop, int timeout_ms, struct error *err);
void loop_stop(struct loop *loop);

/* A timer that fires once. */
struct timer {
    sd_event_source *source;
    void (*fired)(void *owner);
    void *owner;
};
/* (Re)starts it.  A time that has passed already is as good as 0. */
void timer_start(struct timer *timer, struct loop *loop, int64_t after_ms,
                 void (*fired)(void *owner), void *owner);
void timer_stop(struct timer *timer);
static inline bool
timer_is_running(const struct timer *timer)
{
    return timer->source;
}

/* Something to do once the current callbacks have returned: for what must not
 * happen deep in somebody else's stack, such as freeing one's caller. */
struct deferral {
    sd_event_source *source;
    void (*run)(void *owner);
    void *owner;
};
/* Nothing more happens where it is scheduled already. */
void deferral_schedule(struct deferral *deferral, struct loop *loop,
                       void (*run)(void *owner), void *owner);
void deferral_cancel(struct deferral *deferral);

/* A file descriptor; 'events' are epoll's. */
struct watch {
    sd_event_source *source;
    void (*ready)(void *owner, uint32_t events);
    void *owner;
};
int watch_start(struct watch *watch, struct loop *loop, int fd, uint32_t events,
                void (*ready)(void *owner, uint32_t events), void *owner,
                struct error *err);
/* 0: nothing is reported, not even that the other end hung up. */
void watch_set_events(struct watch *watch, uint32_t events);
void watch_stop(struct watch *watch);

/* A signal, which must be handled by the loop's thread alone: it is blocked in
 * the whole process from here on. */
struct signal_watch {
    sd_event_source *source;
    void (*caught)(void *owner, int signal);
    void *owner;
};
int signal_watch_start(struct signal_watch *watch, struct loop *loop,
                       int signal, void (*caught)(void *owner, int signal),
                       void *owner, struct error *err);
void signal_watch_stop(struct signal_watch *watch);
