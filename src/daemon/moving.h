/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call of a migration protocol on its way from the wire to ferry/ and back:
 * what the forms of a call (v2, v3, v3 with typed parameters) have in common.
 * Checks flags and parameters, keeps client and call until the answer, logs it.
 * No rule of the migration is here. */

#pragma once

#include "daemon/client.h"
#include "ferry/ferry.h"
#include "migrate/flags.h"
#include "migrate/parameters.h"
#include "rpc/connection.h"

/* One call, until it is answered. */
struct moving {
    struct ferry_call ferry;
    struct client *client;        /* A reference. */
    const struct remote_dom *dom; /* Perform's. Borrowed from its arguments. */
    struct rpc_call *rpc;         /* Owned until answered. */
    enum migration_call call;
    char *domain; /* Owned. Its name, for the log. */
    struct migration_parameters parameters;
    unsigned flags;
    struct ferry_cookie cookie; /* Borrowed from the call's arguments. */
    void (*reply)(struct moving *moving, const struct ferry_result *result);
};

/* Takes 'rpc'.  Caller sets 'reply', and 'domain' once it is known; 'moving' is
 * gone when its ferry_call is done or moving_fail() was called. */
struct moving *moving_new(struct client *client, struct rpc_call *rpc,
                          enum migration_call call, uint64_t flags);
/* 'data' is borrowed from the call's arguments. */
void moving_set_cookie(struct moving *moving, const char *data, unsigned size);
/* Reads and checks parameters and flags; false where the call was answered with
 * an error, and 'moving' is gone. */
bool moving_take_params(struct moving *moving,
                        const struct remote_tparam *items, unsigned count);
bool moving_take_arguments(struct moving *moving,
                           const struct migration_arguments *arguments);
/* A Prepare with a stream has to be told that it is tunnelled, and only that.
 */
int moving_check_stream(const struct moving *moving, bool has_stream,
                        struct error *err);
/* The domain that is to go: not one that was started to end with its client,
 * which can't follow it. */
struct domain *moving_find(struct moving *moving, const struct remote_dom *dom,
                           struct error *err);
/* Answers with the error. */
void moving_fail(struct moving *moving, const struct error *err);
/* QEMU before 9.0 loses track of pages that TCG's guests write, where the size
 * of their RAM is a multiple of 64 pages (fixed by QEMU's commit 03bfc2188f):
 * says so in the log where 'guest' is one of them. */
void moving_warn_of_tcg(const struct moving *moving, const struct guest *guest);

/* An XDR optional string: NULL where there is none. */
static inline const char *
moving_optional(char *const *text)
{
    return text ? *text : NULL;
}
