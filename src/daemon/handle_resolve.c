/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's own program: what this host knows of a guest whose migration's
 * outcome was not heard, and what an operator makes of it. */

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/work.h"
#include "ferry/resolve.h"
#include "rpc/typed.h"

enum { EVIDENCE_ASK_QEMU = 1, RESOLVE_CERTAIN_ONLY = 1 };

struct evidence_call {
    struct evidence_question question;
    struct rpc_call *call;
};

struct resolve_call {
    struct resolving resolving;
    struct client *client; /* A reference. */
    struct rpc_call *call; /* NULL: it is the work's. */
    struct work *work;     /* NULL: it only looks. */
};

static void evidence_known(struct evidence_question *question,
                           const struct parameters *evidence);
static void reply_evidence(struct rpc_call *call,
                           const struct parameters *evidence);
static void run_resolve(struct work *work);
static void resolve(struct resolve_call *resolve, struct domain *domain,
                    const struct remote_vmferry_resolve_args *args);
static void resolved(struct resolving *resolving, const struct error *err);
static int make_reply(const struct resolving *resolving,
                      struct remote_vmferry_resolve_ret *ret,
                      struct error *err);

void
handle_vmferry_evidence(struct client *client, struct rpc_call *call,
                        const struct remote_vmferry_evidence_args *args)
{
    static const struct uuid nothing;
    struct host *host = &client->daemon->host;
    struct evidence_call *asked;
    struct uuid domain, handover;
    bool has_handover;

    memcpy(domain.bytes, args->domain, sizeof domain.bytes);
    memcpy(handover.bytes, args->handover, sizeof handover.bytes);
    has_handover = !uuid_is_equal(&handover, &nothing);
    if (!(args->flags & EVIDENCE_ASK_QEMU)) {
        AUTO_PARAMETERS list = {0};

        evidence_list(host, &domain, has_handover ? &handover : NULL, &list);
        reply_evidence(call, &list);
        return;
    }
    asked = xcalloc(1, sizeof *asked);
    asked->question.done = evidence_known;
    asked->call = call;
    evidence_gather(host, &domain, has_handover ? &handover : NULL,
                    &asked->question);
}

static void
evidence_known(struct evidence_question *question,
               const struct parameters *evidence)
{
    struct evidence_call *asked =
        container_of(question, struct evidence_call, question);

    reply_evidence(asked->call, evidence);
    free(asked);
}

static void
reply_evidence(struct rpc_call *call, const struct parameters *evidence)
{
    struct remote_vmferry_evidence_ret ret = {0};
    AUTO_ERROR err = {0};

    if (rpc_params_encode(evidence, REMOTE_EVIDENCE_MAX, &ret.params.params_val,
                          &ret.params.params_len, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    rpc_call_reply(call, &ret);
    rpc_params_free(ret.params.params_val, ret.params.params_len);
}

/* A look waits for nobody.  What is done waits for its turn, and others wait
 * for it. */
void
handle_vmferry_resolve(struct client *client, struct rpc_call *call,
                       const struct remote_vmferry_resolve_args *args)
{
    struct domain *domain;
    struct resolve_call *look;
    AUTO_ERROR err = {0};

    if (args->deed > RESOLVE_DISCARD) {
        error_set(&err, ERROR_INVALID_ARG, "there is no deed %u", args->deed);
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (!domain) {
        return;
    }
    if (args->deed != RESOLVE_LOOK) {
        work_start(client, call, domain, JOB_DESTROY, run_resolve);
        return;
    }
    look = xcalloc(1, sizeof *look);
    look->call = call;
    look->client = client_get(client);
    resolve(look, domain, args);
}

static void
run_resolve(struct work *work)
{
    struct resolve_call *deed = xcalloc(1, sizeof *deed);

    deed->work = work;
    deed->client = client_get(work->client);
    resolve(deed, work->domain, rpc_call_args(work->call));
}

static void
resolve(struct resolve_call *resolve, struct domain *domain,
        const struct remote_vmferry_resolve_args *args)
{
    resolve->resolving = (struct resolving){
        .domain = domain_get(domain),
        .deed = (enum resolve_deed)args->deed,
        .is_certain_only = args->flags & RESOLVE_CERTAIN_ONLY,
        .peer_uri = args->peer ? *args->peer : NULL,
        .host_name = args->host ? *args->host : NULL,
        .client_name = resolve->client->name,
        .client_id = resolve->client->id,
        .done = resolved,
    };
    resolve_guest(&resolve->resolving);
}

static void
resolved(struct resolving *resolving, const struct error *failed)
{
    struct resolve_call *resolve =
        container_of(resolving, struct resolve_call, resolving);
    struct domain *domain = resolving->domain;
    struct remote_vmferry_resolve_ret ret = {0};
    AUTO_ERROR err = {0};

    if (failed) {
        error_copy(&err, failed);
    } else {
        make_reply(resolving, &ret, &err);
    }
    if (error_is_set(&err) && resolve->work) {
        work_done(resolve->work, &err);
    } else if (error_is_set(&err)) {
        rpc_call_fail(resolve->call, &err);
    } else if (resolve->work) {
        work_done_with(resolve->work, &ret);
    } else {
        rpc_call_reply(resolve->call, &ret);
    }
    rpc_params_free(ret.here.here_val, ret.here.here_len);
    rpc_params_free(ret.there.there_val, ret.there.there_len);
    resolving_done(resolving);
    client_put(resolve->client);
    domain_put(domain);
    free(resolve);
}

/* Texts in 'ret' are constants, or owned by 'resolving'. */
static int
make_reply(const struct resolving *resolving,
           struct remote_vmferry_resolve_ret *ret, struct error *err)
{
    static char *texts[RESOLVE_RISK_COUNT];
    const struct resolve_verdict *verdict = &resolving->verdict;

    for (int i = 0; i < RESOLVE_RISK_COUNT; i++) {
        texts[i] = (char *)(uintptr_t)resolve_risk_text((enum resolve_risk)i);
    }
    ret->unreachable = error_is_set(&resolving->unreachable)
                           ? resolving->unreachable.message
                           : texts[RESOLVE_RISK_NO];
    ret->certain = verdict->deed;
    ret->was_done = resolving->was_done;
    ret->finding = (char *)(uintptr_t)resolve_finding_text(verdict->finding);
    if (verdict->run != RESOLVE_RISK_NEVER) {
        ret->run_risk = &texts[verdict->run];
    }
    if (verdict->discard != RESOLVE_RISK_NEVER) {
        ret->discard_risk = &texts[verdict->discard];
    }
    if (rpc_params_encode(&resolving->here, REMOTE_EVIDENCE_MAX,
                          &ret->here.here_val, &ret->here.here_len, err) < 0 ||
        rpc_params_encode(&resolving->there, REMOTE_EVIDENCE_MAX,
                          &ret->there.there_val, &ret->there.there_len,
                          err) < 0) {
        return -1;
    }
    return 0;
}
