/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmferryd's own procedures: what it knows of an unsure guest, and what is to
 * become of that. */

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "lib/handle.h"
#include "rpc/typed.h"

enum { EVIDENCE_ASK_QEMU = 1, RESOLVE_CERTAIN_ONLY = 1 };

struct evidence {
    struct vmferry_values *values;
    struct error err;
};

static void
take_evidence(void *owner, const void *result)
{
    const struct remote_vmferry_evidence_ret *ret = result;
    struct evidence *evidence = owner;

    rpc_params_decode(ret->params.params_val, ret->params.params_len,
                      &evidence->values->list, &evidence->err);
}

int
vmferry_evidence(struct vmferry *handle, const char *domain, bool asks_qemu,
                 struct vmferry_values **values)
{
    struct remote_vmferry_evidence_args args = {
        .flags = asks_qemu ? EVIDENCE_ASK_QEMU : 0,
    };
    struct evidence evidence = {.values = vmferry_values_new()};
    AUTO_DOMAIN dom = {0};
    int result = handle_find(handle, domain, &dom);

    if (result == 0) {
        memcpy(args.domain, dom.uuid, sizeof args.domain);
        result = handle_call(handle, REMOTE_PROC_VMFERRY_EVIDENCE, &args,
                             take_evidence, &evidence);
    }
    if (result == 0 && error_is_set(&evidence.err)) {
        result = handle_fail(handle, &evidence.err);
    }
    if (result < 0) {
        vmferry_values_free(evidence.values);
        return -1;
    }
    *values = evidence.values;
    return 0;
}

struct taking {
    struct vmferry_resolution *resolution;
    struct error err;
};

static void
take_resolution(void *owner, const void *result)
{
    const struct remote_vmferry_resolve_ret *ret = result;
    struct taking *taking = owner;
    struct vmferry_resolution *to = taking->resolution;

    to->certain = (enum vmferry_deed)ret->certain;
    to->was_done = ret->was_done != 0;
    to->unreachable = xstrdup(ret->unreachable);
    to->finding = xstrdup(ret->finding);
    to->run_risk = ret->run_risk ? xstrdup(*ret->run_risk) : NULL;
    to->discard_risk = ret->discard_risk ? xstrdup(*ret->discard_risk) : NULL;
    if (rpc_params_decode(ret->here.here_val, ret->here.here_len,
                          &to->here->list, &taking->err) == 0) {
        rpc_params_decode(ret->there.there_val, ret->there.there_len,
                          &to->there->list, &taking->err);
    }
}

int
vmferry_resolve(struct vmferry *handle, const char *domain,
                const struct vmferry_resolve_options *options,
                struct vmferry_resolution *resolution)
{
    char *peer = (char *)options->peer_uri;
    char *host = (char *)options->host;
    struct remote_vmferry_resolve_args args = {
        .deed = options->deed,
        .peer = peer ? &peer : NULL,
        .host = host ? &host : NULL,
        .flags = options->is_certain_only ? RESOLVE_CERTAIN_ONLY : 0,
    };
    struct taking taking = {.resolution = resolution};
    AUTO_DOMAIN dom = {0};
    int result = handle_find(handle, domain, &dom);

    *resolution = (struct vmferry_resolution){
        .here = vmferry_values_new(),
        .there = vmferry_values_new(),
    };
    if (result == 0) {
        args.dom = dom;
        result = handle_call(handle, REMOTE_PROC_VMFERRY_RESOLVE, &args,
                             take_resolution, &taking);
    }
    if (result == 0 && error_is_set(&taking.err)) {
        result = handle_fail(handle, &taking.err);
    }
    if (result < 0) {
        vmferry_resolution_done(resolution);
    }
    return result;
}

void
vmferry_resolution_done(struct vmferry_resolution *resolution)
{
    vmferry_values_free(STEAL(resolution->here));
    vmferry_values_free(STEAL(resolution->there));
    free(STEAL(resolution->unreachable));
    free(STEAL(resolution->finding));
    free(STEAL(resolution->run_risk));
    free(STEAL(resolution->discard_risk));
}
