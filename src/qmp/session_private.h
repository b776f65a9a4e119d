/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A session, as session.c (lines, replies, the end) and session_silence.c (a
 * QEMU that does not answer) see it, and nobody else. */

#pragma once

#include "base/list.h"
#include "io/stream.h"
#include "qmp/session.h"

enum session_state { GREETING, NEGOTIATING, READY, CLOSED };

struct qmp_session {
    struct loop *loop;     /* Borrowed; outlives every session. */
    struct stream *stream; /* Owned.  NULL once 'closed' was called. */
    struct qmp_callbacks callbacks;
    void *owner;
    enum session_state state;
    struct timer deadline; /* Of greeting and negotiation; then, of silence. */
    struct deferral end;   /* Calls back what failed. */
    struct error why;      /* Of the end, in CLOSED. */
    bool is_end_reported;
    bool *is_freed; /* Set by qmp_session_free() while we call somebody. */
    struct json_tokener *tokener; /* Owned. */
    size_t scanned; /* Bytes of an unfinished line that have no newline. */
    struct list commands; /* struct pending, in the order of their calls. */
    uint64_t last_id;
    int64_t silence_limit_ms;
    bool is_silent;          /* For that long. */
    struct deferral refusal; /* Calls back who asked meanwhile. */
    const void *patient;     /* Borrowed.  Waits all the same.  May be NULL. */
    bool has_oob;
    struct qmp_version version; /* 'package' is owned. */
    char *name;                 /* Owned. */
};

/* session.c: what has waited until QEMU takes commands. */
void session_send_unsent(struct qmp_session *session);

/* session_silence.c: the time begins anew, where a command waits. */
void session_watch_silence(struct qmp_session *session);
/* From the loop, with the session: who waits on a silent QEMU is told. */
void session_give_up(void *owner);
