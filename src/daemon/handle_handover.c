/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's own program: what another vmferryd asks of a migration that both
 * take part in, and a client of one that this daemon drives. */

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"
#include "ferry/ferry.h"
#include "ferry/handover.h"

struct handover_call {
    struct handover_question question;
    struct rpc_call *call;
    struct uuid host;
};

/* A client that waits for the end. */
struct attach_call {
    struct ferry_call ferry;
    struct client *client; /* A reference. */
    struct rpc_call *call;
    char *uri; /* Owned. The destination's. */
};

static void answered(struct handover_question *question,
                     const struct handover_answer *answer);
static void ended(struct ferry_call *ferry, const struct ferry_result *result,
                  const struct error *err);

void
handle_vmferry_handover(struct client *client, struct rpc_call *call,
                        const struct remote_vmferry_handover_args *args)
{
    struct host *host = &client->daemon->host;
    struct handover_call *asked;
    struct uuid domain, handover;
    AUTO_ERROR err = {0};

    if (args->wish >= HANDOVER_WISH_COUNT) {
        error_set(&err, ERROR_INVALID_ARG, "unknown wish %u of a handover",
                  args->wish);
        rpc_call_fail(call, &err);
        return;
    }
    asked = xcalloc(1, sizeof *asked);
    asked->question.done = answered;
    asked->call = call;
    asked->host = host->settings.uuid;
    memcpy(domain.bytes, args->domain, sizeof domain.bytes);
    memcpy(handover.bytes, args->handover, sizeof handover.bytes);
    ferry_handover(host, &domain, &handover, (enum handover_wish)args->wish,
                   client->id, &asked->question);
}

static void
answered(struct handover_question *question,
         const struct handover_answer *answer)
{
    struct handover_call *asked =
        container_of(question, struct handover_call, question);
    struct remote_vmferry_handover_ret ret = {
        .verdict = answer->verdict,
        .state = (char *)(uintptr_t)answer->state,
    };

    memcpy(ret.host, asked->host.bytes, sizeof ret.host);
    rpc_call_reply(asked->call, &ret);
    free(asked);
}

void
handle_vmferry_attach(struct client *client, struct rpc_call *call,
                      const struct remote_vmferry_attach_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct attach_call *attached;

    if (!domain) {
        return;
    }
    attached = xcalloc(1, sizeof *attached);
    attached->ferry = (struct ferry_call){
        .client_id = client->id,
        .client_name = client->name,
        .api = wire_api_name(call),
        .done = ended,
    };
    attached->client = client_get(client);
    attached->call = call;
    ferry_attach(domain, &attached->ferry, &attached->uri);
}

static void
ended(struct ferry_call *ferry, const struct ferry_result *result,
      const struct error *err)
{
    struct attach_call *attached =
        container_of(ferry, struct attach_call, ferry);
    struct remote_vmferry_attach_ret ret = {.destination_uri = attached->uri};

    (void)result;
    if (err) {
        rpc_call_fail(attached->call, err);
    } else {
        rpc_call_reply(attached->call, &ret);
    }
    client_put(attached->client);
    free(attached->uri);
    free(attached);
}
