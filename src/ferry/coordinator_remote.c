/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/coordinator_calls.h"

#include <assert.h>
#include <string.h>

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "rpc/typed.h"

/* ------------------------------------------------------- one call at a time */

void
coordinator_remote_start(struct coordinator_remote *remote,
                         enum remote_procedure procedure, const void *args,
                         void (*done)(void *owner, const void *result,
                                      const struct error *err),
                         coordinator_answered *answered, void *owner)
{
    assert(!remote->pending);
    remote->answered = answered;
    remote->owner = owner;
    remote->pending =
        rpc_request(remote->connection, procedure, args, done, remote);
}

void
coordinator_remote_end(struct coordinator_remote *remote,
                       const struct coordinator_answer *answer,
                       const struct error *err)
{
    coordinator_answered *answered = remote->answered;

    remote->pending = NULL;
    answered(remote->owner, err ? NULL : answer, err);
}

/* The parameters of a call, as the wire has them.  False: 'answered' was told
 * that they can't be sent. */
static bool
encode(const struct coordinator_request *request, struct remote_tparam **items,
       unsigned *count, coordinator_answered *answered, void *owner)
{
    AUTO_ERROR err = {0};

    if (rpc_params_encode(request->parameters, REMOTE_MIGRATE_PARAMS_MAX, items,
                          count, &err) < 0) {
        answered(owner, NULL, &err);
        return false;
    }
    return true;
}

/* For the older procedures, which have room for four of them. */
char **
coordinator_find_text(const struct coordinator_request *request,
                      const char *name, char **place)
{
    *place = (char *)parameters_find_string(request->parameters, name);
    return *place ? place : NULL;
}

char *
coordinator_need_text(const struct coordinator_request *request,
                      const char *name)
{
    static char nothing[] = "";
    const char *text = parameters_find_string(request->parameters, name);

    return text ? (char *)text : nothing;
}

uint64_t
coordinator_find_bandwidth(const struct coordinator_request *request)
{
    const struct parameter *found =
        parameters_find(request->parameters, VIR_MIGRATE_PARAM_BANDWIDTH);

    return found && found->type == PARAMETER_ULLONG ? found->value.ul : 0;
}

/* The structs of both kinds of procedures have different types, in which the
 * members' names are the same. */
#define COOKIE_IN(request)                                                     \
    {                                                                          \
        .cookie_in_len = (unsigned)(request)->cookie_size,                     \
        .cookie_in_val = (char *)(request)->cookie,                            \
    }
#define COOKIE_OUT(answer, ret)                                                \
    do {                                                                       \
        (answer)->cookie = (ret)->cookie_out.cookie_out_val;                   \
        (answer)->cookie_size = (ret)->cookie_out.cookie_out_len;              \
    } while (0)

/* ----------------------------------------------------------------- source */

static void
begun_params(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_begin3_params_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        COOKIE_OUT(&answer, ret);
        answer.xml = ret->xml;
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
begun(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_begin3_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        COOKIE_OUT(&answer, ret);
        answer.xml = ret->xml;
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
begin(void *end, const struct coordinator_request *request,
      coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;

    if (remote->has_parameters) {
        struct remote_domain_migrate_begin3_params_args args = {
            .dom = remote->domain,
            .flags = request->flags,
        };

        if (encode(request, &args.params.params_val, &args.params.params_len,
                   answered, owner)) {
            coordinator_remote_start(remote,
                                     REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3_PARAMS,
                                     &args, begun_params, answered, owner);
            rpc_params_free(args.params.params_val, args.params.params_len);
        }
    } else {
        char *xml;
        char *name;
        struct remote_domain_migrate_begin3_args args = {
            .dom = remote->domain,
            .xmlin = coordinator_find_text(request, VIR_MIGRATE_PARAM_DEST_XML,
                                           &xml),
            .flags = request->flags,
            .dname = coordinator_find_text(request, VIR_MIGRATE_PARAM_DEST_NAME,
                                           &name),
            .resource = coordinator_find_bandwidth(request),
        };

        coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3,
                                 &args, begun, answered, owner);
    }
}

static void
got_state(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_get_state_ret *ret = result;
    struct coordinator_answer answer = {
        .is_paused = !err && ret->state == VIR_DOMAIN_PAUSED,
    };

    coordinator_remote_end(owner, &answer, err);
}

static void
get_state(void *end, const struct coordinator_request *request,
          coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;
    struct remote_domain_get_state_args args = {.dom = remote->domain};

    (void)request;
    coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_GET_STATE, &args,
                             got_state, answered, owner);
}

static void
performed_params(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_perform3_params_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        COOKIE_OUT(&answer, ret);
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
performed(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_perform3_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        COOKIE_OUT(&answer, ret);
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
perform(void *end, const struct coordinator_request *request,
        coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;

    if (request->protocol == COORDINATOR_V2) {
        coordinator_remote_perform2(remote, request, answered, owner);
    } else if (remote->has_parameters) {
        struct remote_domain_migrate_perform3_params_args args = {
            .dom = remote->domain,
            .cookie_in = COOKIE_IN(request),
            .flags = request->flags,
        };

        if (encode(request, &args.params.params_val, &args.params.params_len,
                   answered, owner)) {
            coordinator_remote_start(remote,
                                     REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
                                     &args, performed_params, answered, owner);
            rpc_params_free(args.params.params_val, args.params.params_len);
        }
    } else {
        char *uri;
        char *name;
        struct remote_domain_migrate_perform3_args args = {
            .dom = remote->domain,
            .cookie_in = COOKIE_IN(request),
            .uri = coordinator_find_text(request, VIR_MIGRATE_PARAM_URI, &uri),
            .flags = request->flags,
            .dname = coordinator_find_text(request, VIR_MIGRATE_PARAM_DEST_NAME,
                                           &name),
            .resource = coordinator_find_bandwidth(request),
        };

        coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3,
                                 &args, performed, answered, owner);
    }
}

static void
answered_empty(void *owner, const void *result, const struct error *err)
{
    struct coordinator_answer answer = {0};

    (void)result;
    coordinator_remote_end(owner, &answer, err);
}

static void
confirm(void *end, const struct coordinator_request *request,
        coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;

    if (remote->has_parameters) {
        struct remote_domain_migrate_confirm3_params_args args = {
            .dom = remote->domain,
            .cookie_in = COOKIE_IN(request),
            .flags = request->flags,
            .cancelled = request->is_cancelled,
        };

        if (encode(request, &args.params.params_val, &args.params.params_len,
                   answered, owner)) {
            coordinator_remote_start(remote,
                                     REMOTE_PROC_DOMAIN_MIGRATE_CONFIRM3_PARAMS,
                                     &args, answered_empty, answered, owner);
            rpc_params_free(args.params.params_val, args.params.params_len);
        }
    } else {
        struct remote_domain_migrate_confirm3_args args = {
            .dom = remote->domain,
            .cookie_in = COOKIE_IN(request),
            .flags = request->flags,
            .cancelled = request->is_cancelled,
        };

        coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_CONFIRM3,
                                 &args, answered_empty, answered, owner);
    }
}

static void
aborted(void *owner, const void *result, const struct error *err)
{
    struct coordinator_remote *remote = owner;
    struct coordinator_answer answer = {0};

    (void)result;
    remote->pending_abort = NULL;
    remote->abort_answered(remote->abort_owner, err ? NULL : &answer, err);
}

static void
abort_perform(void *end, const struct coordinator_request *request,
              coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;
    struct remote_domain_abort_job_args args = {.dom = remote->domain};

    (void)request;
    assert(!remote->pending_abort);
    remote->abort_answered = answered;
    remote->abort_owner = owner;
    remote->pending_abort =
        rpc_request(remote->connection, REMOTE_PROC_DOMAIN_ABORT_JOB, &args,
                    aborted, remote);
}

/* ------------------------------------------------------------ destination */

static void
prepared_params(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_prepare3_params_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        COOKIE_OUT(&answer, ret);
        answer.uri = ret->uri_out ? *ret->uri_out : NULL;
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
prepared(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_prepare3_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        COOKIE_OUT(&answer, ret);
        answer.uri = ret->uri_out ? *ret->uri_out : NULL;
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
prepare(void *end, const struct coordinator_request *request,
        coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;

    if (request->flags & VIR_MIGRATE_TUNNELLED) {
        coordinator_remote_prepare_tunnel(remote, request, answered, owner);
    } else if (request->protocol == COORDINATOR_V2) {
        coordinator_remote_prepare2(remote, request, answered, owner);
    } else if (remote->has_parameters) {
        struct remote_domain_migrate_prepare3_params_args args = {
            .cookie_in = COOKIE_IN(request),
            .flags = request->flags,
        };

        if (encode(request, &args.params.params_val, &args.params.params_len,
                   answered, owner)) {
            coordinator_remote_start(remote,
                                     REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS,
                                     &args, prepared_params, answered, owner);
            rpc_params_free(args.params.params_val, args.params.params_len);
        }
    } else {
        char *uri;
        char *name;
        struct remote_domain_migrate_prepare3_args args = {
            .cookie_in = COOKIE_IN(request),
            .uri_in =
                coordinator_find_text(request, VIR_MIGRATE_PARAM_URI, &uri),
            .flags = request->flags,
            .dname = coordinator_find_text(request, VIR_MIGRATE_PARAM_DEST_NAME,
                                           &name),
            .resource = coordinator_find_bandwidth(request),
            .dom_xml = (char *)parameters_find_string(
                request->parameters, VIR_MIGRATE_PARAM_DEST_XML),
        };

        coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3,
                                 &args, prepared, answered, owner);
    }
}

static void
finished_params(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_finish3_params_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        COOKIE_OUT(&answer, ret);
        answer.has_domain = true;
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
finished(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_finish3_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        COOKIE_OUT(&answer, ret);
        answer.has_domain = true;
    }
    coordinator_remote_end(owner, &answer, err);
}

static void
finish(void *end, const struct coordinator_request *request,
       coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;

    if (request->protocol == COORDINATOR_V2) {
        coordinator_remote_finish2(remote, request, answered, owner);
    } else if (remote->has_parameters) {
        struct remote_domain_migrate_finish3_params_args args = {
            .cookie_in = COOKIE_IN(request),
            .flags = request->flags,
            .cancelled = request->is_cancelled,
        };

        if (encode(request, &args.params.params_val, &args.params.params_len,
                   answered, owner)) {
            coordinator_remote_start(remote,
                                     REMOTE_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS,
                                     &args, finished_params, answered, owner);
            rpc_params_free(args.params.params_val, args.params.params_len);
        }
    } else {
        char *uri;
        struct remote_domain_migrate_finish3_args args = {
            .dname = (char *)parameters_find_string(
                request->parameters, VIR_MIGRATE_PARAM_DEST_NAME),
            .cookie_in = COOKIE_IN(request),
            .uri = coordinator_find_text(request, VIR_MIGRATE_PARAM_URI, &uri),
            .flags = request->flags,
            .cancelled = request->is_cancelled,
        };

        coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_FINISH3,
                                 &args, finished, answered, owner);
    }
}

/* -------------------------------------------------------------------------- */

static void
forget(void *end)
{
    struct coordinator_remote *remote = end;

    if (remote->pending) {
        rpc_pending_cancel(STEAL(remote->pending));
    }
    if (remote->pending_abort) {
        rpc_pending_cancel(STEAL(remote->pending_abort));
    }
    timer_stop(&remote->retry);
}

void
coordinator_remote_done(struct coordinator_remote *remote)
{
    forget(remote);
    parameters_done(&remote->again_parameters);
}

const struct coordinator_end_operations coordinator_remote_operations = {
    .begin = begin,
    .dump_xml = coordinator_remote_dump_xml,
    .get_state = get_state,
    .prepare = prepare,
    .perform = perform,
    .finish = finish,
    .confirm = confirm,
    .abort = abort_perform,
    .ask_again = coordinator_remote_ask_again,
    .forget = forget,
};
