/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's own program: what another vmferryd asks of a migration that both
 * take part in. */

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "ferry/handover.h"

struct handover_call {
    struct handover_question question;
    struct rpc_call *call;
    struct uuid host;
};

static void answered(struct handover_question *question,
                     const struct handover_answer *answer);

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
