/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the tests of daemon/ share: a daemon without listeners and without a
 * QEMU, in a folder of its own, and clients at the other end of a socket. */

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "daemon/client.h"
#include "daemon/config.h"
#include "domain/domain.h"
#include "frames.h"

struct fixture {
    char folder[32]; /* Removed in the end, with what is in it. */
    struct config config;
    struct daemon daemon;
    struct qemu_capabilities qemu; /* As a small QEMU would answer. */
    struct qemu_machine machine;
};

/* Named "host-a", not privileged.  For cmocka. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* A folder, which folder_remove() removes with everything in it. */
void folder_make(char folder[32]);
void folder_remove(const char *folder);
/* Writes a file into a folder. */
void file_write(const char *folder, const char *name, const char *text);

/* An inactive, persistent domain.  Its UUID is all 'letter's. */
struct domain *fixture_define(struct fixture *fixture, const char *name,
                              char letter);

/* A client: its end of the connection, and what the daemon knows of it. */
struct peer {
    int fd;
    struct client *client; /* Borrowed from the daemon. */
    uint32_t serial;
};

struct peer peer_new(struct fixture *fixture);
/* The same, past CONNECT_OPEN. */
struct peer peer_new_open(struct fixture *fixture, bool is_readonly);
void peer_close(struct peer *peer);

/* What came for a client: the answer to a call, or an event. */
struct answer {
    struct rpc_header header;
    const struct rpc_coder *coder; /* NULL where it is an error. */
    void *value;                   /* Owned. */
    struct error error;
};

void answer_done(struct answer *answer);
#define AUTO_ANSWER __attribute__((cleanup(answer_done), unused)) struct answer

/* Sends a call; 'args' may be NULL for one that takes none. */
void peer_send(struct peer *peer, enum remote_procedure procedure,
               const void *args);
/* Sends a call whose arguments are all zeros: empty texts, no elements. */
void peer_send_zeros(struct peer *peer, enum remote_procedure procedure);
/* Waits for the next message. */
struct answer peer_read(struct fixture *fixture, struct peer *peer);
struct answer peer_call(struct fixture *fixture, struct peer *peer,
                        enum remote_procedure procedure, const void *args);
/* Whether nothing has come, and nothing comes without somebody doing more. */
bool peer_has_nothing(struct fixture *fixture, struct peer *peer);

/* Of an answer that is an error: its code, and a part of its text. */
void assert_error(const struct answer *answer, enum error_code code,
                  const char *part);
