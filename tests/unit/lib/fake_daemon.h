/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A daemon of libvirt's protocol that answers by heart: a child process with
 * one domain, "web1", which notes down every call. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fake_daemon_script {
    bool has_parameters; /* Feature 13. */
    bool has_v3;         /* Feature 6. */
    bool has_v2;         /* Feature 3. */
    bool lacks_p2p;      /* Feature 4. */
    bool has_stand_in;   /* It goes on in a client's place. */
    bool is_paused;      /* The domain. */
    int fails;           /* A procedure, or 0: refused with "no room". */
    int hangs;           /* A procedure that is answered when ABORT_JOB comes:
                          * refused with code 78. */
    int drops;       /* A procedure at which the connection is closed, once. */
    int cancelled;   /* What a cancelled Finish is answered with: a code. */
    const char *xml; /* Of the domain. */
    uint64_t memory_kib;
    unsigned version; /* Of QEMU. */
    int events;       /* Sent at once to who asks for events: so many times
                       * "started, booted". */
};

struct fake_daemon {
    pid_t pid;
    char *folder; /* Owned. */
    char *uri;    /* Owned. */
};

void fake_daemon_start(struct fake_daemon *daemon,
                       const struct fake_daemon_script *script);
/* What was called, a line each: "NAME" and what matters of its arguments,
 * without the openings of connections.  Caller frees. */
char *fake_daemon_heard(const struct fake_daemon *daemon);
void fake_daemon_stop(struct fake_daemon *daemon);
#define AUTO_DAEMON                                                            \
    __attribute__((cleanup(fake_daemon_stop))) struct fake_daemon
