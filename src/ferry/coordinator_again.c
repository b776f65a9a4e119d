/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/coordinator_remote.h"

#include <libvirt/libvirt.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
    TRY_FOR_MS = 20000, /* However long each try takes. */
    RETRY_AFTER_MS = 1000,
};

/* In the order in which they run. */
static void try_again(void *owner);
static void opened(struct coordinator_remote *remote,
                   struct rpc_connection *connection);
static void cancelled(void *owner, const struct coordinator_answer *answer,
                      const struct error *err);
static void look_up(struct coordinator_remote *remote);
static void looked_up(void *owner, const void *result, const struct error *err);
static void got_state(void *owner, const void *result, const struct error *err);

static void
settle(struct coordinator_remote *remote, enum coordinator_finding finding)
{
    struct coordinator_answer answer = {.finding = finding};

    remote->again_answered(remote->again_owner, &answer, NULL);
}

static void
retry_later(struct coordinator_remote *remote)
{
    if (monotonic_ms() >= remote->again_until_ms) {
        settle(remote, COORDINATOR_FOUND_NOTHING);
        return;
    }
    timer_start(&remote->retry, remote->loop, RETRY_AFTER_MS, try_again,
                remote);
}

void
coordinator_remote_ask_again(void *end,
                             const struct coordinator_request *request,
                             coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;

    remote->again_answered = answered;
    remote->again_owner = owner;
    remote->again_protocol = request->protocol;
    remote->again_flags = request->flags;
    remote->again_until_ms = monotonic_ms() + TRY_FOR_MS;
    parameters_copy(&remote->again_parameters, request->parameters);
    if (!remote->reopen) {
        settle(remote, COORDINATOR_FOUND_NOTHING);
        return;
    }
    try_again(remote);
}

static void
try_again(void *owner)
{
    struct coordinator_remote *remote = owner;

    remote->reopen(remote->reopen_owner, opened, remote);
}

static void
opened(struct coordinator_remote *remote, struct rpc_connection *connection)
{
    struct coordinator_request request = {
        .flags = remote->again_flags,
        .parameters = &remote->again_parameters,
        .is_cancelled = true,
    };

    if (!connection) {
        retry_later(remote);
        return;
    }
    remote->connection = connection;
    /* A v2 source has nothing to go back to: what is there must not be killed.
     */
    if (remote->again_protocol == COORDINATOR_V2) {
        look_up(remote);
        return;
    }
    coordinator_remote_operations.finish(remote, &request, cancelled, remote);
}

/* "Successfully aborted" is for good: the guest was there, had not been
 * started, and is dead.  Any other answer says nothing: a domain that is not
 * known may have run and ended. */
static void
cancelled(void *owner, const struct coordinator_answer *answer,
          const struct error *err)
{
    struct coordinator_remote *remote = owner;

    (void)answer;
    if (err && err->code == ERROR_MIGRATE_FINISH_OK) {
        settle(remote, COORDINATOR_FOUND_CANCELLED);
        return;
    }
    if (err && err->code == ERROR_PEER_LOST) {
        retry_later(remote);
        return;
    }
    look_up(remote);
}

static void
look_up(struct coordinator_remote *remote)
{
    struct remote_domain_lookup_by_name_args args = {
        .name = (char *)parameters_find_string(&remote->again_parameters,
                                               VIR_MIGRATE_PARAM_DEST_NAME),
    };

    remote->pending =
        rpc_request(remote->connection, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME,
                    &args, looked_up, remote);
}

static void
looked_up(void *owner, const void *result, const struct error *err)
{
    struct coordinator_remote *remote = owner;
    const struct remote_domain_lookup_by_name_ret *ret = result;
    struct remote_domain_get_state_args args = {0};

    remote->pending = NULL;
    if (err) {
        retry_later(remote);
        return;
    }
    args.dom = ret->dom;
    remote->pending =
        rpc_request(remote->connection, REMOTE_PROC_DOMAIN_GET_STATE, &args,
                    got_state, remote);
}

static void
got_state(void *owner, const void *result, const struct error *err)
{
    struct coordinator_remote *remote = owner;
    const struct remote_domain_get_state_ret *ret = result;
    bool is_to_pause = remote->again_flags & VIR_MIGRATE_PAUSED;

    remote->pending = NULL;
    if (!err && (ret->state == VIR_DOMAIN_RUNNING ||
                 (is_to_pause && ret->state == VIR_DOMAIN_PAUSED &&
                  ret->reason == VIR_DOMAIN_PAUSED_USER))) {
        settle(remote, COORDINATOR_FOUND_RUNNING);
        return;
    }
    retry_later(remote);
}
