/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/client.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

struct rpc_opening {
    struct loop *loop;               /* Borrowed; outlives us. */
    struct rpc_open_options options; /* Its 'uri' is not used. */
    char *name;                      /* Owned. For CONNECT_OPEN. */
    char *whom;                      /* Owned. The address, for errors. */
    void (*done)(void *owner, const struct rpc_opened *opened,
                 const struct error *err);
    void *owner; /* Borrowed. */

    int64_t deadline_ms; /* Monotonic. */
    struct timer deadline;
    struct connect_attempt *attempt; /* Owned. */
    struct rpc_opened opened;        /* Its connection is owned until done. */
};

/* In the order in which they run. */
static void connected(void *owner, int fd, const struct error *err);
static void auth_listed(void *owner, const void *result,
                        const struct error *err);
static void keepalive_asked(void *owner, const void *result,
                            const struct error *err);
static void opened(void *owner, const void *result, const struct error *err);
static void events_asked(void *owner, const void *result,
                         const struct error *err);
static void closes_asked(void *owner, const void *result,
                         const struct error *err);
static void ask_feature(struct rpc_opening *opening, enum rpc_feature feature,
                        void (*done)(void *owner, const void *result,
                                     const struct error *err));
static void succeed(struct rpc_opening *opening);
static void fail(struct rpc_opening *opening, const struct error *why);
static void deadline_reached(void *owner);
static void connection_closed(void *owner, const struct error *why);

static const struct rpc_callbacks opening_callbacks = {
    .closed = connection_closed,
};

struct rpc_opening *
rpc_open(struct loop *loop, struct pool *pool,
         const struct rpc_open_options *options,
         void (*done)(void *owner, const struct rpc_opened *opened,
                      const struct error *err),
         void *owner)
{
    struct rpc_opening *opening = xcalloc(1, sizeof(*opening));

    opening->loop = loop;
    opening->options = *options;
    opening->options.uri = NULL;
    opening->name = xstrdup(options->uri->name);
    opening->whom = socket_address_format(&options->uri->address);
    opening->done = done;
    opening->owner = owner;
    opening->deadline_ms = monotonic_ms() + options->timeout_ms;
    opening->attempt = socket_connect(loop, pool, &options->uri->address,
                                      options->timeout_ms, connected, opening);
    return opening;
}

void
rpc_opening_free(struct rpc_opening *opening)
{
    if (!opening) {
        return;
    }
    timer_stop(&opening->deadline);
    connect_attempt_free(opening->attempt);
    rpc_connection_free(opening->opened.connection);
    free(opening->name);
    free(opening->whom);
    free(opening);
}

static void
connected(void *owner, int fd, const struct error *err)
{
    struct rpc_opening *opening = owner;
    int64_t left_ms = opening->deadline_ms - monotonic_ms();

    if (err) {
        fail(opening, err);
        return;
    }
    timer_start(&opening->deadline, opening->loop, left_ms > 0 ? left_ms : 0,
                deadline_reached, opening);
    opening->opened.connection =
        rpc_connection_new(opening->loop, fd, &opening_callbacks, opening);
    rpc_request(opening->opened.connection, REMOTE_PROC_AUTH_LIST, NULL,
                auth_listed, opening);
}

static void
auth_listed(void *owner, const void *result, const struct error *err)
{
    struct rpc_opening *opening = owner;
    const struct remote_auth_list_ret *list = result;
    AUTO_ERROR why = {0};

    if (err) {
        fail(opening, err);
        return;
    }
    if (list->types.types_len > 0 &&
        list->types.types_val[0] != REMOTE_AUTH_NONE) {
        error_set_from(&why, ERROR_FROM_REMOTE, ERROR_AUTH_FAILED,
                       "the daemon asks for authentication by %s, which is "
                       "not supported",
                       list->types.types_val[0] == REMOTE_AUTH_SASL ? "SASL"
                       : list->types.types_val[0] == REMOTE_AUTH_POLKIT
                           ? "polkit"
                           : "unknown means");
        fail(opening, &why);
        return;
    }
    ask_feature(opening, RPC_FEATURE_KEEPALIVE, keepalive_asked);
}

static void
keepalive_asked(void *owner, const void *result, const struct error *err)
{
    struct rpc_opening *opening = owner;
    const struct remote_connect_supports_feature_ret *feature = result;
    struct remote_connect_open_args args = {
        .name = &opening->name,
        .flags = opening->options.flags,
    };

    if (err) {
        fail(opening, err);
        return;
    }
    opening->opened.has_keepalive = feature->supported;
    rpc_request(opening->opened.connection, REMOTE_PROC_CONNECT_OPEN, &args,
                opened, opening);
}

static void
opened(void *owner, const void *result, const struct error *err)
{
    struct rpc_opening *opening = owner;

    (void)result;
    if (err) {
        fail(opening, err);
        return;
    }
    ask_feature(opening, RPC_FEATURE_EVENT_CALLBACK, events_asked);
}

/* A daemon may refuse to answer this and the next: then it has neither. */
static void
events_asked(void *owner, const void *result, const struct error *err)
{
    struct rpc_opening *opening = owner;
    const struct remote_connect_supports_feature_ret *feature = result;

    if (err && !rpc_connection_is_open(opening->opened.connection)) {
        fail(opening, err);
        return;
    }
    opening->opened.has_event_callbacks = !err && feature->supported;
    ask_feature(opening, RPC_FEATURE_CLOSE_CALLBACK, closes_asked);
}

static void
closes_asked(void *owner, const void *result, const struct error *err)
{
    struct rpc_opening *opening = owner;
    const struct remote_connect_supports_feature_ret *feature = result;

    if (err && !rpc_connection_is_open(opening->opened.connection)) {
        fail(opening, err);
        return;
    }
    opening->opened.has_close_callbacks = !err && feature->supported;
    succeed(opening);
}

static void
ask_feature(struct rpc_opening *opening, enum rpc_feature feature,
            void (*done)(void *owner, const void *result,
                         const struct error *err))
{
    struct remote_connect_supports_feature_args args = {
        .feature = (int)feature,
    };

    rpc_request(opening->opened.connection,
                REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &args, done, opening);
}

/* The owner may free us: nothing after its 'done', here and in fail(). */
static void
succeed(struct rpc_opening *opening)
{
    struct rpc_open_options *options = &opening->options;
    struct rpc_opened opened = opening->opened;

    timer_stop(&opening->deadline);
    opening->opened.connection = NULL;
    rpc_connection_set_owner(opened.connection, options->callbacks,
                             options->callbacks_owner);
    if (opened.has_keepalive) {
        rpc_keepalive_start(opened.connection, options->keepalive_interval_s,
                            options->keepalive_count);
    }
    opening->done(opening->owner, &opened, NULL);
}

static void
fail(struct rpc_opening *opening, const struct error *why)
{
    AUTO_ERROR err = {0};

    error_copy(&err, why);
    error_wrap(&err, "connecting to '%s'", opening->whom);
    timer_stop(&opening->deadline);
    rpc_connection_free(STEAL(opening->opened.connection));
    opening->done(opening->owner, NULL, &err);
}

static void
deadline_reached(void *owner)
{
    struct rpc_opening *opening = owner;
    AUTO_ERROR why = {0};

    error_set_from(&why, ERROR_FROM_REMOTE, ERROR_OPERATION_TIMEOUT,
                   "no answer within %.3g s",
                   (double)opening->options.timeout_ms / 1000);
    fail(opening, &why);
}

/* A request is always under way, and hears of it first. */
static void
connection_closed(void *owner, const struct error *why)
{
    (void)owner;
    (void)why;
}
