/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The connection of a peer-to-peer migration: libvirtd's calls, in its order,
 * so that either kind of daemon may be at the other end. */

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/memory.h"
#include "ferry/peer.h"

enum {
    OPEN_FLAGS = 2,           /* No aliases: what libvirtd says. */
    REOPEN_TIMEOUT_MS = 5000, /* Of one of many tries. */
    GOODBYE_MS = 2000,
};

/* What is asked, in order. */
static const struct question {
    enum rpc_feature feature;
    bool is_for_offline;
} questions[] = {
    {RPC_FEATURE_MIGRATION_P2P,     false},
    {RPC_FEATURE_MIGRATION_V3,      false},
    {RPC_FEATURE_MIGRATION_PARAMS,  false},
    {RPC_FEATURE_MIGRATION_OFFLINE, true },
    {RPC_FEATURE_HANDOVER,          false},
};

/* In the order in which they run. */
static void opened(void *owner, const struct rpc_opened *opened,
                   const struct error *err);
static void registered(void *owner, const void *result,
                       const struct error *err);
static void ask_next(struct peer *peer);
static void answered(void *owner, const void *result, const struct error *err);
static int take_answer(struct peer *peer, bool is_supported, struct error *err);
static int check_parameters(const struct peer *peer, struct error *err);
static void opened_again(void *owner, const struct rpc_opened *opened,
                         const struct error *err);
static void closed(void *owner, const struct error *why);
static void fail(struct peer *peer, const struct error *why);

static const struct rpc_callbacks callbacks = {.closed = closed};

void
peer_connect(struct peer *peer)
{
    peer_open(peer, peer->domain->host->settings.peer_timeout_ms, opened);
}

/* The URI was read before, when the call came: it can be read. */
void
peer_open(struct peer *peer, int64_t timeout_ms,
          void (*done)(void *owner, const struct rpc_opened *opened,
                       const struct error *err))
{
    const struct host *host = peer->domain->host;
    AUTO_RPC_URI uri = {0};
    AUTO_ERROR err = {0};
    struct rpc_open_options options = {
        .uri = &uri,
        .flags = OPEN_FLAGS,
        .timeout_ms = timeout_ms,
        .keepalive_interval_s = host->settings.peer_keepalive_interval_s,
        .keepalive_count = host->settings.peer_keepalive_count,
        .callbacks = &callbacks,
        .callbacks_owner = peer,
    };

    if (rpc_uri_parse(peer->uri, &uri, &err) < 0) {
        done(peer, NULL, &err);
        return;
    }
    peer->opening = rpc_open(host->loop, host->pool, &options, done, peer);
}

static void
opened(void *owner, const struct rpc_opened *opened, const struct error *err)
{
    struct peer *peer = owner;

    rpc_opening_free(STEAL(peer->opening));
    if (err) {
        fail(peer, err);
        return;
    }
    peer->connection = opened->connection;
    if (!opened->has_close_callbacks) {
        ask_next(peer);
        return;
    }
    peer->asking = rpc_request(peer->connection,
                               REMOTE_PROC_CONNECT_REGISTER_CLOSE_CALLBACK,
                               NULL, registered, peer);
}

/* That it wants to close is seen when it does. */
static void
registered(void *owner, const void *result, const struct error *err)
{
    struct peer *peer = owner;

    (void)result;
    peer->asking = NULL;
    peer->has_close_callback = !err;
    if (err && err->code == ERROR_PEER_LOST) {
        fail(peer, err);
        return;
    }
    ask_next(peer);
}

static void
ask_next(struct peer *peer)
{
    struct remote_connect_supports_feature_args args = {0};
    AUTO_ERROR err = {0};

    while (peer->question < ARRAY_COUNT(questions) &&
           questions[peer->question].is_for_offline &&
           !(peer->flags & VIR_MIGRATE_OFFLINE)) {
        peer->question++;
    }
    if (peer->question < ARRAY_COUNT(questions)) {
        args.feature = (int)questions[peer->question].feature;
        peer->asking =
            rpc_request(peer->connection, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE,
                        &args, answered, peer);
    } else if (check_parameters(peer, &err) < 0) {
        peer_fail(peer, &err);
    } else {
        peer_connected(peer);
    }
}

static void
answered(void *owner, const void *result, const struct error *failed)
{
    const struct remote_connect_supports_feature_ret *ret = result;
    struct peer *peer = owner;
    AUTO_ERROR err = {0};

    peer->asking = NULL;
    if (failed) {
        fail(peer, failed);
    } else if (take_answer(peer, ret->supported, &err) < 0) {
        peer_fail(peer, &err);
    } else {
        peer->question++;
        ask_next(peer);
    }
}

static int
take_answer(struct peer *peer, bool is_supported, struct error *err)
{
    switch (questions[peer->question].feature) {
    case RPC_FEATURE_MIGRATION_P2P:
        if (!is_supported) {
            return error_set(err, ERROR_OPERATION_FAILED,
                             "Destination libvirt does not support peer-to-peer"
                             " migration protocol (%s)",
                             peer->uri);
        }
        break;
    case RPC_FEATURE_MIGRATION_V3:
        peer->has_v3 = is_supported;
        break;
    case RPC_FEATURE_MIGRATION_PARAMS:
        peer->has_parameters = is_supported;
        break;
    case RPC_FEATURE_HANDOVER:
        peer->has_handover = is_supported;
        break;
    default:
        if (!is_supported) {
            return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                             "offline migration is not supported by the"
                             " destination host (%s)",
                             peer->uri);
        }
        break;
    }
    return 0;
}

/* What the version of the protocol that both have can't do. */
static int
check_parameters(const struct peer *peer, struct error *err)
{
    /* Without typed parameters there is no room for these. */
    static const char *const extended[] = {
        VIR_MIGRATE_PARAM_GRAPHICS_URI, VIR_MIGRATE_PARAM_LISTEN_ADDRESS,
        VIR_MIGRATE_PARAM_MIGRATE_DISKS, VIR_MIGRATE_PARAM_DISKS_PORT,
        VIR_MIGRATE_PARAM_DISKS_URI};

    if (!peer->has_v3 &&
        (peer->flags & VIR_MIGRATE_OFFLINE ||
         parameters_find(&peer->parameters, VIR_MIGRATE_PARAM_DEST_XML))) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "%s only speaks version 2 of the migration protocol,"
                         " which can neither move a guest that does not run"
                         " nor change its XML",
                         peer->uri);
    }
    for (size_t i = 0; i < ARRAY_COUNT(extended) && !peer->has_parameters;
         i++) {
        if (parameters_find(&peer->parameters, extended[i])) {
            return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                             "Migration APIs with extensible parameters are not"
                             " supported but extended parameters were passed:"
                             " %s is too old for '%s'",
                             peer->uri, extended[i]);
        }
    }
    return 0;
}

void
peer_reopen(void *owner,
            void (*reopened)(struct coordinator_remote *remote,
                             struct rpc_connection *connection),
            struct coordinator_remote *remote)
{
    struct peer *peer = owner;

    (void)remote;
    peer->reopened = reopened;
    peer_open(peer, REOPEN_TIMEOUT_MS, opened_again);
}

static void
opened_again(void *owner, const struct rpc_opened *opened,
             const struct error *err)
{
    struct peer *peer = owner;

    rpc_opening_free(STEAL(peer->opening));
    if (!err) {
        rpc_connection_free(peer->connection);
        peer->connection = opened->connection;
        peer->has_close_callback = false;
    }
    peer->reopened(&peer->there, err ? NULL : peer->connection);
}

static void
ignored(void *owner, const void *result, const struct error *err)
{
    (void)owner;
    (void)result;
    (void)err;
}

static void
said_goodbye(void *owner, const void *result, const struct error *err)
{
    (void)result;
    (void)err;
    peer_free(owner);
}

static void
waited_enough(void *owner)
{
    peer_free(owner);
}

void
peer_disconnect(struct peer *peer)
{
    struct rpc_connection *connection = peer->connection;

    if (!connection || !rpc_connection_is_open(connection)) {
        peer_free(peer);
        return;
    }
    if (peer->has_close_callback) {
        rpc_request(connection, REMOTE_PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK,
                    NULL, ignored, peer);
    }
    rpc_request(connection, REMOTE_PROC_CONNECT_CLOSE, NULL, said_goodbye,
                peer);
    timer_start(&peer->goodbye, peer->domain->host->loop, GOODBYE_MS,
                waited_enough, peer);
}

static void
closed(void *owner, const struct error *why)
{
    peer_lost(owner, why);
}

static void
fail(struct peer *peer, const struct error *why)
{
    AUTO_ERROR err = {0};

    error_copy(&err, why);
    /* The network's errors are the protocol's to tell. */
    if (err.code == ERROR_SYSTEM) {
        err.origin = ERROR_FROM_RPC;
    }
    error_wrap(&err, "Failed to connect to remote libvirt URI %s from host %s",
               peer->uri, peer->domain->host->settings.name);
    peer_fail(peer, &err);
}
