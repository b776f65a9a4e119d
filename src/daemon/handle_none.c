/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What there is none of here: networks, pools, snapshots, an agent, ...  Lists
 * are empty, look-ups find nothing, and the rest is refused by the table
 * refusals.def.  Nothing here waits for a job. */

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"

enum needs { NEEDS_NOTHING, NEEDS_DOMAIN, NEEDS_RUNNING };

struct refusal {
    enum remote_procedure procedure;
    enum needs needs;
    enum error_code code;
    enum error_origin origin;
    const char *before;
    const char *after; /* NULL: 'before' is the whole text. */
};

static const struct refusal refusals[] = {
#define REFUSAL(NAME, needs, code, origin, before, after)                      \
    {REMOTE_PROC_##NAME,  NEEDS_##needs, ERROR_##code,                         \
     ERROR_FROM_##origin, before,        after},
#include "daemon/refusals.def"
#undef REFUSAL
};

static const struct refusal *find(enum remote_procedure procedure);
static int check_domain(struct client *client, const struct remote_dom *dom,
                        enum needs needs, struct error *err);
static void reply_zeros(struct rpc_call *call);
static const char *asked_for(const void *args, enum shape takes,
                             char uuid[UUID_TEXT_SIZE]);

void
answer_none(struct client *client, struct rpc_call *call, enum shape takes)
{
    const struct refusal *refusal = find(rpc_call_procedure(call));
    const void *args = rpc_call_args(call);
    bool names_domain = takes == SHAPE_DOM || takes == SHAPE_DOM_NAMED;
    enum needs needs = refusal ? refusal->needs : NEEDS_DOMAIN;
    char uuid[UUID_TEXT_SIZE];
    AUTO_ERROR err = {0};

    /* Both structs begin with the domain. */
    if (!names_domain || check_domain(client, args, needs, &err) == 0) {
        if (!refusal) {
            reply_zeros(call);
            return;
        }
        error_set_from(&err, refusal->origin, refusal->code, "%s%s%s",
                       refusal->before,
                       refusal->after ? asked_for(args, takes, uuid) : "",
                       refusal->after ? refusal->after : "");
    }
    rpc_call_fail(call, &err);
}

void
handle_secret_lookup_by_usage(
    struct client *client, struct rpc_call *call,
    const struct remote_secret_lookup_by_usage_args *args)
{
    AUTO_ERROR err = {0};

    (void)client;
    error_set_from(&err, ERROR_FROM_SECRET, ERROR_NO_SECRET,
                   "no secret with matching usage '%s'", args->usageID);
    rpc_call_fail(call, &err);
}

static const struct refusal *
find(enum remote_procedure procedure)
{
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        if (refusals[i].procedure == procedure) {
            return &refusals[i];
        }
    }
    return NULL;
}

static int
check_domain(struct client *client, const struct remote_dom *dom,
             enum needs needs, struct error *err)
{
    struct domain *domain = wire_find(client, dom, err);

    if (!domain) {
        return -1;
    }
    return needs == NEEDS_RUNNING ? domain_check_active(domain, err) : 0;
}

static void
reply_zeros(struct rpc_call *call)
{
    const struct rpc_procedure *procedure =
        rpc_procedure_find(rpc_call_procedure(call));
    AUTO_FREE void *zeros = xcalloc(1, procedure->ret->size);

    rpc_call_reply(call, zeros);
}

static const char *
asked_for(const void *args, enum shape takes, char uuid[UUID_TEXT_SIZE])
{
    switch (takes) {
    case SHAPE_NAMED:
        return ((const struct remote_named_args *)args)->name;
    case SHAPE_DOM_NAMED:
        return ((const struct remote_domain_named_args *)args)->name;
    case SHAPE_UUID:
        uuid_format((const struct uuid *)args, uuid);
        return uuid;
    case SHAPE_NONE:
    case SHAPE_ARGS:
    case SHAPE_DOM:
        break;
    }
    return "";
}
