/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prepare of a tunnelled migration: the same in three procedures, each of which
 * opens a stream for what QEMU will write. */

#include <assert.h>
#include <libvirt/libvirt.h>

#include "ferry/coordinator_calls.h"
#include "ferry/tunnel.h"
#include "rpc/typed.h"

static void prepare_params(struct coordinator_remote *remote,
                           const struct coordinator_request *request,
                           coordinator_answered *answered, void *owner);
static void prepare3(struct coordinator_remote *remote,
                     const struct coordinator_request *request,
                     coordinator_answered *answered, void *owner);
static void prepare2(struct coordinator_remote *remote,
                     const struct coordinator_request *request,
                     coordinator_answered *answered, void *owner);

void
coordinator_remote_prepare_tunnel(struct coordinator_remote *remote,
                                  const struct coordinator_request *request,
                                  coordinator_answered *answered, void *owner)
{
    AUTO_ERROR err = {0};

    if (!remote->tunnel) {
        error_set(&err, ERROR_OPERATION_INVALID,
                  "a tunnelled migration is between two daemons");
        answered(owner, NULL, &err);
        return;
    }
    if (request->protocol == COORDINATOR_V2) {
        prepare2(remote, request, answered, owner);
    } else if (remote->has_parameters) {
        prepare_params(remote, request, answered, owner);
    } else {
        prepare3(remote, request, answered, owner);
    }
}

static void
prepared_params(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_prepare_tunnel3_params_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        answer.cookie = ret->cookie_out.cookie_out_val;
        answer.cookie_size = ret->cookie_out.cookie_out_len;
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
prepare_params(struct coordinator_remote *remote,
               const struct coordinator_request *request,
               coordinator_answered *answered, void *owner)
{
    struct remote_domain_migrate_prepare_tunnel3_params_args args = {
        .cookie_in = {.cookie_in_len = (unsigned)request->cookie_size,
                      .cookie_in_val = (char *)request->cookie},
        .flags = request->flags,
    };
    AUTO_ERROR err = {0};

    if (rpc_params_encode(request->parameters, REMOTE_MIGRATE_PARAMS_MAX,
                          &args.params.params_val, &args.params.params_len,
                          &err) < 0) {
        answered(owner, NULL, &err);
        return;
    }
    coordinator_remote_start(remote,
                             REMOTE_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS,
                             &args, prepared_params, answered, owner);
    tunnel_expect(remote->tunnel, remote->pending);
    rpc_params_free(args.params.params_val, args.params.params_len);
}

static void
prepared3(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_prepare_tunnel3_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        answer.cookie = ret->cookie_out.cookie_out_val;
        answer.cookie_size = ret->cookie_out.cookie_out_len;
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
prepare3(struct coordinator_remote *remote,
         const struct coordinator_request *request,
         coordinator_answered *answered, void *owner)
{
    char *name;
    struct remote_domain_migrate_prepare_tunnel3_args args = {
        .cookie_in = {.cookie_in_len = (unsigned)request->cookie_size,
                      .cookie_in_val = (char *)request->cookie},
        .flags = request->flags,
        .dname =
            coordinator_find_text(request, VIR_MIGRATE_PARAM_DEST_NAME, &name),
        .resource = coordinator_find_bandwidth(request),
        .dom_xml = coordinator_need_text(request, VIR_MIGRATE_PARAM_DEST_XML),
    };

    coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL3,
                             &args, prepared3, answered, owner);
    tunnel_expect(remote->tunnel, remote->pending);
}

static void
prepared2(void *owner, const void *result, const struct error *err)
{
    struct coordinator_answer answer = {0};

    (void)result;
    coordinator_remote_end(owner, &answer, err);
}

static void
prepare2(struct coordinator_remote *remote,
         const struct coordinator_request *request,
         coordinator_answered *answered, void *owner)
{
    char *name;
    struct remote_domain_migrate_prepare_tunnel_args args = {
        .flags = request->flags,
        .dname =
            coordinator_find_text(request, VIR_MIGRATE_PARAM_DEST_NAME, &name),
        .resource = coordinator_find_bandwidth(request),
        .dom_xml = coordinator_need_text(request, VIR_MIGRATE_PARAM_DEST_XML),
    };

    coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL,
                             &args, prepared2, answered, owner);
    tunnel_expect(remote->tunnel, remote->pending);
}
