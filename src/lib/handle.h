/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the files of the library share: the handle, its loop, and a call that
 * waits for its answer.
 *
 * The loop runs only inside of the library's functions. */

#pragma once

#include "vmferry.h"

#include "base/error.h"
#include "base/list.h"
#include "base/parameters.h"
#include "io/loop.h"
#include "io/pool.h"
#include "rpc/client.h"
#include "rpc/connection.h"

struct migration;

struct vmferry {
    struct loop *loop; /* Owned, as all that follows. */
    struct pool *pool;
    struct rpc_connection *connection; /* NULL: not connected. */
    char *uri;
    bool has_event_callbacks;
    struct error error; /* Of the last call that failed. */
    char *error_text;
    /* Written to by vmferry_interrupt(). */
    int interrupt_fd;
    struct watch interrupt_watch;
    unsigned interruptions; /* Not yet acted on. */
    /* Events that have come and were not yet handed out. */
    struct list events;
    /* The migration under way, or NULL. Borrowed. */
    struct migration *migration;
    /* Who sees an event first; true: nobody else has to. NULL: nobody. */
    bool (*listener)(void *owner, enum remote_procedure procedure,
                     const void *args);
    void *listener_owner;
};

struct vmferry_values {
    struct parameters list;
};

/* ---------------------------------------------------------------- calls */

/* Keeps 'err' (taken, emptied) as the handle's error. Returns -1. */
int handle_fail(struct vmferry *handle, struct error *err);
int handle_failf(struct vmferry *handle, enum error_code code,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One round of the loop: -1 (and 'err') where it was interrupted or broke. */
int handle_wait(struct vmferry *handle, struct error *err);

/* Calls a procedure over 'connection' and waits. 'take' (may be NULL) gets the
 * decoded result, borrowed. */
int handle_call_on(struct vmferry *handle, struct rpc_connection *connection,
                   enum remote_procedure procedure, const void *args,
                   void (*take)(void *owner, const void *result), void *owner,
                   struct error *err);
/* The same over the handle's own connection; the error is kept. */
int handle_call(struct vmferry *handle, enum remote_procedure procedure,
                const void *args, void (*take)(void *owner, const void *result),
                void *owner);

/* Opens a connection and waits.  'opened' is filled in. */
int handle_open(struct vmferry *handle, const char *uri, unsigned flags,
                const struct rpc_callbacks *callbacks, void *owner,
                struct rpc_opened *opened, struct error *err);

/* Connects to where the handle was connected once more, without saying goodbye.
 * Where it fails the handle knows its URI still. */
int handle_reopen(struct vmferry *handle, struct error *err);

/* -------------------------------------------------------------- domains */

/* Looks a domain up by name, UUID or id.  'found' is owned by the caller and
 * emptied with domain_done(). */
int handle_find_on(struct vmferry *handle, struct rpc_connection *connection,
                   const char *text, struct remote_dom *found,
                   struct error *err);
int handle_find(struct vmferry *handle, const char *text,
                struct remote_dom *found);
void domain_done(struct remote_dom *domain);
#define AUTO_DOMAIN __attribute__((cleanup(domain_done))) struct remote_dom
/* Fills in the library's form, to be emptied with vmferry_domain_done(). */
void domain_export(const struct remote_dom *domain, struct vmferry_domain *to);

/* --------------------------------------------------------------- others */

/* For migration.c, from the callbacks of the handle's connection. */
void migration_source_lost(struct migration *migration,
                           const struct error *why);
/* For handle.c: an event came. */
void events_add(struct vmferry *handle, enum remote_procedure procedure,
                const void *args);
void events_clear(struct vmferry *handle);
