/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A session whose QEMU is the test itself, over a socketpair. */

#pragma once

#include "io/loop.h"
#include "qmp/session.h"

struct fixture {
    struct loop *loop;
    struct qmp_session *session; /* NULL once the test has freed it. */
    int peer;                    /* QEMU's end; -1 once closed. */
    char heard[8192];            /* What the session wrote since the last. */
    unsigned ready_count;
    unsigned closed_count;
    unsigned silences;
    unsigned speeches; /* Ends of a silence. */
    unsigned event_count;
    unsigned done_count;
    enum qmp_event_type last_event;
    struct error why;    /* Of the end. */
    struct error failed; /* Of the last command that failed. */
    char *last_result;   /* Owned.  JSON of the last that did not. */
    char order[64];      /* One letter for each callback: r e c d */
    bool frees_on_event;
    bool frees_on_done;
    bool frees_on_closed;
    bool asks_again_when_failed;
};

extern const char greeting[];

struct fixture *fixture_new(void);
/* The same, greeted and negotiated. */
struct fixture *fixture_new_ready(void);
void fixture_free(struct fixture *f);
/* QEMU writes this line. */
void say(struct fixture *f, const char *line);
void say_bytes(struct fixture *f, const char *bytes, size_t size);
/* Runs the loop until the number reaches 'wanted'; fails after five seconds. */
void run_until(struct fixture *f, const unsigned *number, unsigned wanted);
/* Runs what is due. */
void settle(struct fixture *f);
/* Runs the loop for that long. */
void pass_time(struct fixture *f, int64_t ms);
/* What the session wrote since the last call. */
const char *hear(struct fixture *f);
/* For qmp_execute(); the owner is the fixture. */
void command_done(void *owner, struct json_object *result,
                  const struct error *err);
