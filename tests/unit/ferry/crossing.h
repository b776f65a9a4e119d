/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two hosts, a guest on the first, and the calls of a client that moves it, one
 * at a time.  What a test says of its hosts' QEMUs (lab_script) holds for those
 * that start afterwards: the destination's starts in Prepare. */

#pragma once

#include "fixture.h"

#include "ferry/destination.h"
#include "ferry/ferry.h"
#include "ferry/source.h"

enum { CLIENT = 7 };

struct answer {
    struct ferry_call call;
    struct result result;
    char *cookie; /* Owned, as all of it. */
    size_t cookie_size;
    char *xml;
    char *uri;
    struct domain *domain; /* A reference. */
};

struct crossing {
    struct lab lab;
    struct test_host here;
    struct test_host there;
    struct domain *domain; /* A reference: the source's. */
    bool is_v2;            /* The test sets: the calls of protocol v2. */
    unsigned flags;        /* Of all calls; LIVE, UNSAFE, CHANGE_PROTECTION. */
    struct migration_parameters parameters;
    struct answer begun, prepared, performed, finished, confirmed;
};

/* For cmocka: a guest "beat", defined and running on 'here'. */
int crossing_set_up(void **state);
int crossing_tear_down(void **state);
/* The same with a guest that has these elements. */
struct crossing *crossing_new(const char *extra);

/* Each gives the next call what it needs; start_* do not wait for the answer,
 * and the others fail the test where it is an error. */
void start_begin(struct crossing *c);
void start_prepare(struct crossing *c);
void start_perform(struct crossing *c);
void start_finish(struct crossing *c, int cancelled);
void start_confirm(struct crossing *c, int cancelled);
void wait_answer(struct crossing *c, struct answer *answer);
void begin(struct crossing *c);
void prepare(struct crossing *c);
void perform(struct crossing *c);
void finish(struct crossing *c);
void confirm(struct crossing *c);
/* As a client does whose Perform failed: its last word is an error. */
void cancel_finish(struct crossing *c);

void wait_source(struct crossing *c, enum source_state state);
void wait_destination(struct crossing *c, enum destination_state state);
/* Until the domain's migration is over, and its job with it. */
void wait_over(struct crossing *c, struct test_host *host);
/* The guest runs on the first host, and nothing is left of its journey. */
void assert_stayed(struct crossing *c);
/* The source's QEMU. */
struct qmp_session *monitor_here(struct crossing *c);

/* For a lab's script: the copy takes long enough to do something meanwhile. */
extern const char slow[];
/* A guest whose QEMU follows 'script' instead of the one of the set-up. */
void scripted(void **state, const char *script);
void go_as_far_as_copying(struct crossing *c);
/* Begins (v3) and prepares; the destination's QEMU follows 'script'. */
void prepare_scripted(struct crossing *c, const char *script);
/* As a client after a Finish that failed. */
void go_back(struct crossing *c);
void assert_finish_fails(struct crossing *c, const char *why);
bool is_dead(pid_t pid);
/* Of the destination's QEMU. */
pid_t pid_there(struct crossing *c);
