/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/handover.h"
#include "rpc/client.h"

enum {
    OPEN_TIMEOUT_MS = 5000,
    ANSWER_TIMEOUT_MS = 20000, /* It may have to kill a QEMU first. */
    FIRST_PAUSE_MS = 50,
    LONGEST_PAUSE_MS = 10000,
    OPEN_FLAGS = 2, /* As peers do. */
};

struct handover_ask {
    struct host *host; /* Borrowed. */
    char *uri;         /* Owned. */
    char *name;        /* Owned. */
    struct uuid domain, handover;
    enum handover_wish wish;
    int64_t give_up_at_ms; /* Monotonic; 0: never. */
    void (*answered)(void *owner, enum handover_verdict verdict,
                     const struct error *err);
    void *owner;
    struct rpc_opening *opening;       /* Owned; while it is made. */
    struct rpc_connection *connection; /* Owned. */
    struct rpc_pending *pending;
    struct timer timer; /* The pause, or how long an answer may take. */
    int64_t pause_ms;
};

/* In the order in which they run. */
static void ask_now(void *owner);
static void opened(void *owner, const struct rpc_opened *opened,
                   const struct error *err);
static void replied(void *owner, const void *result, const struct error *err);
static void waited_enough(void *owner);
static void closed(void *owner, const struct error *why);
static void told(struct handover_ask *ask, enum handover_verdict verdict,
                 const struct error *err);
static void hang_up(struct handover_ask *ask);

static const struct rpc_callbacks callbacks = {.closed = closed};

struct handover_ask *
handover_ask_new(struct host *host, const struct handover_ask_options *options,
                 void (*answered)(void *owner, enum handover_verdict verdict,
                                  const struct error *err),
                 void *owner)
{
    struct handover_ask *ask = xcalloc(1, sizeof *ask);

    *ask = (struct handover_ask){
        .host = host,
        .uri = xstrdup(options->uri),
        .name = xstrdup(options->name),
        .domain = *options->domain,
        .handover = *options->handover,
        .wish = options->wish,
        .give_up_at_ms =
            options->give_up_ms ? monotonic_ms() + options->give_up_ms : 0,
        .answered = answered,
        .owner = owner,
        .pause_ms = FIRST_PAUSE_MS,
    };
    timer_start(&ask->timer, host->loop, 0, ask_now, ask);
    return ask;
}

void
handover_ask_free(struct handover_ask *ask)
{
    if (!ask) {
        return;
    }
    hang_up(ask);
    free(ask->uri);
    free(ask->name);
    free(ask);
}

static void
ask_now(void *owner)
{
    struct handover_ask *ask = owner;
    const struct host_settings *settings = &ask->host->settings;
    AUTO_RPC_URI uri = {0};
    AUTO_ERROR err = {0};
    struct rpc_open_options options = {
        .uri = &uri,
        .flags = OPEN_FLAGS,
        .timeout_ms = OPEN_TIMEOUT_MS,
        .keepalive_interval_s = settings->peer_keepalive_interval_s,
        .keepalive_count = settings->peer_keepalive_count,
        .callbacks = &callbacks,
        .callbacks_owner = ask,
    };

    if (rpc_uri_parse(ask->uri, &uri, &err) < 0) {
        told(ask, HANDOVER_UNKNOWN, &err);
        return;
    }
    ask->opening =
        rpc_open(ask->host->loop, ask->host->pool, &options, opened, ask);
}

static void
opened(void *owner, const struct rpc_opened *opened, const struct error *err)
{
    struct handover_ask *ask = owner;
    struct remote_vmferry_handover_args args = {.wish = ask->wish};

    rpc_opening_free(STEAL(ask->opening));
    if (err) {
        told(ask, HANDOVER_UNKNOWN, err);
        return;
    }
    ask->connection = opened->connection;
    memcpy(args.domain, ask->domain.bytes, sizeof args.domain);
    memcpy(args.handover, ask->handover.bytes, sizeof args.handover);
    ask->pending = rpc_request(ask->connection, REMOTE_PROC_VMFERRY_HANDOVER,
                               &args, replied, ask);
    timer_start(&ask->timer, ask->host->loop, ANSWER_TIMEOUT_MS, waited_enough,
                ask);
}

static void
replied(void *owner, const void *result, const struct error *err)
{
    const struct remote_vmferry_handover_ret *ret = result;
    struct handover_ask *ask = owner;
    enum handover_verdict verdict = HANDOVER_UNKNOWN;

    ask->pending = NULL;
    if (!err && ret->verdict < HANDOVER_VERDICT_COUNT) {
        verdict = (enum handover_verdict)ret->verdict;
    }
    told(ask, verdict, err);
}

static void
waited_enough(void *owner)
{
    struct handover_ask *ask = owner;
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_PEER_LOST, "%s has not answered in time", ask->uri);
    told(ask, HANDOVER_UNKNOWN, &err);
}

/* A question under way was answered with that before. */
static void
closed(void *owner, const struct error *why)
{
    struct handover_ask *ask = owner;

    (void)why;
    if (ask->pending) {
        waited_enough(ask);
    }
}

static void
told(struct handover_ask *ask, enum handover_verdict verdict,
     const struct error *err)
{
    struct host *host = ask->host;
    int64_t pause_ms = ask->pause_ms;
    AUTO_ERROR over = {0};

    hang_up(ask);
    if (ask->give_up_at_ms && monotonic_ms() >= ask->give_up_at_ms) {
        error_set(&over, ERROR_OPERATION_TIMEOUT,
                  "%s could not be asked what has become of domain '%s'%s%s",
                  ask->uri, ask->name, err ? ": " : "",
                  err ? err->message : "");
        ask->answered(ask->owner, verdict, &over);
        return;
    }
    ask->pause_ms =
        pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    timer_start(&ask->timer, host->loop, pause_ms, ask_now, ask);
    /* 'ask' may be gone afterwards, or has to go on. */
    ask->answered(ask->owner, verdict, err);
}

static void
hang_up(struct handover_ask *ask)
{
    timer_stop(&ask->timer);
    rpc_opening_free(STEAL(ask->opening));
    if (ask->pending) {
        rpc_pending_cancel(STEAL(ask->pending));
    }
    if (ask->connection) {
        rpc_connection_free(STEAL(ask->connection));
    }
}
