/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ferry/resolve.h"
#include "rpc/client.h"
#include "rpc/typed.h"

enum {
    OPEN_TIMEOUT_MS = 5000,
    ANSWER_TIMEOUT_MS = 8000, /* It asks its QEMU first. */
    OPEN_READ_ONLY = 1,
    OPEN_FLAGS = 2, /* As peers do. */
    ASK_QEMU = 1,
};

struct evidence_ask {
    struct list link;  /* In host->evidence_asks. */
    struct host *host; /* Borrowed. */
    char *uri;         /* Owned. */
    struct uuid domain, handover;
    void (*answered)(void *owner, const struct parameters *list,
                     const struct error *err);
    void *owner;
    struct rpc_opening *opening;       /* Owned; while it is made. */
    struct rpc_connection *connection; /* Owned. */
    struct rpc_pending *pending;
    struct timer patience;
};

/* In the order in which they run. */
static void start(void *owner);
static void opened(void *owner, const struct rpc_opened *opened,
                   const struct error *err);
static void evidence_known(void *owner, const void *result,
                           const struct error *err);
static void found(void *owner, const void *result, const struct error *err);
static void state_known(void *owner, const void *result,
                        const struct error *err);
static void tell_copy(struct evidence_ask *ask, enum resolve_copy copy);
static void waited_enough(void *owner);
static void closed(void *owner, const struct error *why);
static void fail(struct evidence_ask *ask, const struct error *why);

static const struct rpc_callbacks callbacks = {.closed = closed};

struct evidence_ask *
evidence_ask_new(struct host *host, const char *uri, const struct uuid *domain,
                 const struct uuid *handover,
                 void (*answered)(void *owner, const struct parameters *list,
                                  const struct error *err),
                 void *owner)
{
    struct evidence_ask *ask = xcalloc(1, sizeof *ask);

    list_add(&host->evidence_asks, &ask->link);
    ask->host = host;
    ask->uri = xstrdup(uri);
    ask->domain = *domain;
    if (handover) {
        ask->handover = *handover;
    }
    ask->answered = answered;
    ask->owner = owner;
    timer_start(&ask->patience, host->loop, 0, start, ask);
    return ask;
}

void
evidence_ask_free(struct evidence_ask *ask)
{
    if (!ask) {
        return;
    }
    list_remove(&ask->link);
    timer_stop(&ask->patience);
    rpc_opening_free(ask->opening);
    if (ask->pending) {
        rpc_pending_cancel(ask->pending);
    }
    if (ask->connection) {
        rpc_connection_free(ask->connection);
    }
    free(ask->uri);
    free(ask);
}

void
evidence_stop_asks(struct host *host)
{
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_ABORTED, "the daemon stops");
    LIST_FOR_EACH (link, &host->evidence_asks) {
        fail(container_of(link, struct evidence_ask, link), &err);
    }
}

static void
start(void *owner)
{
    struct evidence_ask *ask = owner;
    AUTO_RPC_URI uri = {0};
    AUTO_ERROR err = {0};
    struct rpc_open_options options = {
        .uri = &uri,
        .flags = OPEN_FLAGS | OPEN_READ_ONLY,
        .timeout_ms = OPEN_TIMEOUT_MS,
        .callbacks = &callbacks,
        .callbacks_owner = ask,
    };

    if (rpc_uri_parse(ask->uri, &uri, &err) < 0) {
        fail(ask, &err);
        return;
    }
    ask->opening =
        rpc_open(ask->host->loop, ask->host->pool, &options, opened, ask);
}

static void
opened(void *owner, const struct rpc_opened *opened, const struct error *err)
{
    struct evidence_ask *ask = owner;
    struct remote_vmferry_evidence_args args = {.flags = ASK_QEMU};

    rpc_opening_free(STEAL(ask->opening));
    if (err) {
        fail(ask, err);
        return;
    }
    ask->connection = opened->connection;
    memcpy(args.domain, ask->domain.bytes, sizeof args.domain);
    memcpy(args.handover, ask->handover.bytes, sizeof args.handover);
    ask->pending = rpc_request(ask->connection, REMOTE_PROC_VMFERRY_EVIDENCE,
                               &args, evidence_known, ask);
    timer_start(&ask->patience, ask->host->loop, ANSWER_TIMEOUT_MS,
                waited_enough, ask);
}

static void
evidence_known(void *owner, const void *result, const struct error *failed)
{
    const struct remote_vmferry_evidence_ret *ret = result;
    struct evidence_ask *ask = owner;
    struct remote_domain_lookup_by_uuid_args args;
    AUTO_PARAMETERS list = {0};
    AUTO_ERROR err = {0};

    ask->pending = NULL;
    if (failed && rpc_connection_is_open(ask->connection)) {
        memcpy(args.uuid, ask->domain.bytes, sizeof args.uuid);
        ask->pending =
            rpc_request(ask->connection, REMOTE_PROC_DOMAIN_LOOKUP_BY_UUID,
                        &args, found, ask);
        return;
    }
    if (failed) {
        fail(ask, failed);
        return;
    }
    if (rpc_params_decode(ret->params.params_val, ret->params.params_len, &list,
                          &err) < 0) {
        fail(ask, &err);
        return;
    }
    ask->answered(ask->owner, &list, NULL);
}

/* A libvirtd, or a vmferryd that knows of no evidence. */
static void
found(void *owner, const void *result, const struct error *failed)
{
    const struct remote_domain_lookup_by_uuid_ret *ret = result;
    struct evidence_ask *ask = owner;
    struct remote_domain_get_state_args args = {0};

    ask->pending = NULL;
    if (failed && failed->code == ERROR_NO_DOMAIN) {
        tell_copy(ask, RESOLVE_COPY_NONE);
        return;
    }
    if (failed) {
        fail(ask, failed);
        return;
    }
    args.dom = ret->dom;
    ask->pending = rpc_request(ask->connection, REMOTE_PROC_DOMAIN_GET_STATE,
                               &args, state_known, ask);
}

static void
state_known(void *owner, const void *result, const struct error *failed)
{
    const struct remote_domain_get_state_ret *ret = result;
    struct evidence_ask *ask = owner;

    ask->pending = NULL;
    if (failed) {
        fail(ask, failed);
        return;
    }
    switch (ret->state) {
    case VIR_DOMAIN_SHUTOFF:
        tell_copy(ask, RESOLVE_COPY_NONE);
        break;
    case VIR_DOMAIN_PAUSED:
        tell_copy(ask, RESOLVE_COPY_PAUSED);
        break;
    default:
        tell_copy(ask, RESOLVE_COPY_RUNNING);
        break;
    }
}

static void
tell_copy(struct evidence_ask *ask, enum resolve_copy copy)
{
    AUTO_PARAMETERS list = {0};

    parameters_add_string(&list, "host", ask->uri);
    parameters_add_string(&list, "copy", resolve_copy_name(copy));
    ask->answered(ask->owner, &list, NULL);
}

static void
waited_enough(void *owner)
{
    struct evidence_ask *ask = owner;
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_PEER_LOST, "%s has not answered in time", ask->uri);
    fail(ask, &err);
}

/* A call under way is answered with that by itself. */
static void
closed(void *owner, const struct error *why)
{
    (void)owner;
    (void)why;
}

static void
fail(struct evidence_ask *ask, const struct error *why)
{
    ask->answered(ask->owner, NULL, why);
}
