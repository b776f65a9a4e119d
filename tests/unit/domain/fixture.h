/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts for the tests of domain/ and ferry/: each has folders of its own, and
 * the fake QEMU (tests/fake) for its guests.  Two of them in one process make a
 * migration. */

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "domain/domain.h"

#define BEAT_UUID "c0ffee00-1234-4abc-8def-0000000000b1"

/* What the hosts of one test share.  The loop and what QEMU can do are those
 * of the whole program. */
struct lab {
    struct loop *loop;
    const struct qemu_capabilities *qemu;
    char folder[32];
};

struct test_host {
    struct lab *lab; /* Borrowed. */
    struct host host;
    char *folder;       /* Owned. */
    char *folders[2];   /* Owned: runtime, state. */
    struct text events; /* "2/0 5/1 ": type and detail of each. */
    struct text notes;  /* A line each. */
    unsigned passes;    /* Of migrations. */
    /* Called at each lifecycle event; may be NULL. */
    void (*on_event)(void *owner, int event, int detail);
    void *owner;
    /* ferry_restore, where there is one. */
    void (*restore)(struct domain *domain, const struct record *record);
};

/* How something ended. */
struct result {
    unsigned count;
    struct error err;
};

/* For cmocka's group of tests. */
int lab_open(void **state);
int lab_close(void **state);

void lab_init(struct lab *lab);
/* Forgets the script, too. */
void lab_done(struct lab *lab);
/* The script (see fake_qemu.c) of the QEMUs that start from now on. */
void lab_script(struct lab *lab, const char *text);
/* Runs the loop until the number is there; fails after a long time. */
void lab_wait(struct lab *lab, const unsigned *count, unsigned wanted);
/* The same, until 'is_true'. */
void lab_wait_for(struct lab *lab, bool (*is_true)(void *owner), void *owner);
/* Lets pass what is under way. */
void lab_idle(struct lab *lab, int ms);

void test_host_init(struct test_host *host, struct lab *lab, const char *name);
/* Ends the guests; nothing may be left of them. */
void test_host_done(struct test_host *host);
/* As a daemon that is killed and comes back. */
void test_host_restart(struct test_host *host);
/* As one that is killed; QEMUs go on.  Followed by test_host_come_back(). */
void test_host_go(struct test_host *host);
void test_host_come_back(struct test_host *host);
void assert_events(struct test_host *host, const char *wanted);
void assert_noted(const struct test_host *host, const char *part);

/* A guest's definition; 'extra' (elements) may be NULL.  Caller frees. */
char *guest_xml(const char *name, const char *extra);
/* Adds the guest "beat", defined or only to be started. */
struct domain *add_defined(struct test_host *host, const char *extra);
struct domain *add_transient(struct test_host *host, const char *extra);
/* Starts it and waits. */
void start_guest(struct test_host *host, struct domain *domain);
struct domain *find_beat(struct test_host *host);
/* Waits until the domain is off, or gone. */
void wait_off(struct test_host *host);
void assert_state(const struct domain *domain, int state, int reason);
/* Nobody holds a job, nobody waits for one. */
void assert_free(const struct domain *domain);

/* A 'done' of domain.h; 'owner' is a struct result. */
void result_came(void *owner, const struct error *err);
void result_done(struct result *result);
void assert_succeeded(const struct result *result);
void assert_failed(const struct result *result, const char *part);
