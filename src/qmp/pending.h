/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A command that has no reply yet, and what is done with the reply.  For
 * qmp/session.c alone. */

#pragma once

#include "base/list.h"
#include "qmp/session.h"

struct pending {
    struct list link; /* Of the session's 'commands'. */
    uint64_t id;      /* 0 until it is sent. */
    int64_t sent_ms;  /* By monotonic_ms(). */
    bool is_given_up; /* Its caller has had an error; QEMU may answer yet. */
    char *command;    /* Owned. */
    struct json_object *arguments; /* Owned.  NULL where there are none. */
    bool is_oob;
    int fd;                 /* Owned. To go along with it; -1: none. */
    qmp_decode *decode;     /* NULL: 'done' is a qmp_reply. */
    qmp_untyped_done *done; /* NULL: nobody wants to know. */
    void *owner;            /* Borrowed by agreement; see qmp_forget(). */
};

/* Takes 'arguments'. */
struct pending *pending_new(const char *command, struct json_object *arguments,
                            qmp_decode *decode, qmp_untyped_done *done,
                            void *owner);
void pending_free(struct pending *pending);
/* Takes 'pending', which is in no list any more.  Its session may be gone
 * afterwards. */
void pending_answer(struct pending *pending, struct json_object *result,
                    const struct error *err);

/* Of a session's 'commands': */
unsigned pending_count(const struct list *commands);
/* The one that was sent with that id, or NULL. */
struct pending *pending_find(const struct list *commands, uint64_t id);
/* The one that was sent first, or NULL. */
const struct pending *pending_first_sent(const struct list *commands);
void pending_forget(struct list *commands, const void *owner);
/* Their callers get the error, but for 'patient'; what was sent stays, for its
 * reply.  What is asked from within is left alone.  Stops at *is_freed: then
 * the list is gone. */
void pending_give_up(struct list *commands, const void *patient,
                     const struct error *err, const bool *is_freed);
