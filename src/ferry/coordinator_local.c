/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/coordinator_local.h"

#include <assert.h>
#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ferry/ferry.h"
#include "migrate/parameters.h"

/* A call from the moment in which it is made until its answer was delivered. */
struct local_call {
    struct ferry_call ferry;
    struct coordinator_local *local; /* NULL: nobody wants the answer. */
    coordinator_answered *answered;
    void *owner;
    /* The answer, until the loop delivers it. */
    bool is_answered;
    struct deferral later;
    struct error error;
    char *cookie; /* Owned. */
    size_t cookie_size;
    char *xml; /* Owned. */
    bool is_paused;
};

static void
call_free(struct local_call *call)
{
    deferral_cancel(&call->later);
    error_clear(&call->error);
    free(call->cookie);
    free(call->xml);
    free(call);
}

static void
deliver(void *owner)
{
    struct local_call *call = owner;
    const struct coordinator_answer answer = {
        .cookie = call->cookie,
        .cookie_size = call->cookie_size,
        .xml = call->xml,
        .is_paused = call->is_paused,
    };
    bool is_error = error_is_set(&call->error);

    call->local->call = NULL;
    call->local = NULL; /* It may go, and its coordinator, too. */
    call->answered(call->owner, is_error ? NULL : &answer,
                   is_error ? &call->error : NULL);
    call_free(call);
}

static void
deliver_later(struct local_call *call)
{
    if (!call->local) {
        call_free(call);
        return;
    }
    call->is_answered = true;
    deferral_schedule(&call->later, call->local->domain->host->loop, deliver,
                      call);
}

static void
done(struct ferry_call *ferry, const struct ferry_result *result,
     const struct error *err)
{
    struct local_call *call = container_of(ferry, struct local_call, ferry);

    if (err) {
        error_copy(&call->error, err);
    } else {
        call->cookie_size = result->cookie_size;
        call->cookie = result->cookie_size > 0
                           ? xmemdup(result->cookie, result->cookie_size)
                           : NULL;
        call->xml = xstrdup_null(result->xml);
    }
    deliver_later(call);
}

static struct local_call *
call_new(struct coordinator_local *local, coordinator_answered *answered,
         void *owner)
{
    struct local_call *call = xcalloc(1, sizeof *call);

    assert(!local->call);
    call->ferry = (struct ferry_call){
        .client_id = local->client_id,
        .client_name = local->client_name,
        .api = local->api,
        .done = done,
    };
    call->local = local;
    call->answered = answered;
    call->owner = owner;
    local->call = call;
    return call;
}

static struct ferry_cookie
cookie_of(const struct coordinator_request *request)
{
    return (struct ferry_cookie){request->cookie, request->cookie_size};
}

/* False: the call was answered with what is wrong. */
static bool
read_parameters(struct local_call *call,
                const struct coordinator_request *request,
                struct migration_parameters *parameters)
{
    AUTO_ERROR err = {0};

    if (migration_parameters_parse(parameters, request->parameters, &err) < 0) {
        done(&call->ferry, NULL, &err);
        return false;
    }
    return true;
}

static void
begin(void *end, const struct coordinator_request *request,
      coordinator_answered *answered, void *owner)
{
    struct coordinator_local *local = end;
    struct local_call *call = call_new(local, answered, owner);
    AUTO_MIGRATION_PARAMETERS parameters = {0};

    if (read_parameters(call, request, &parameters)) {
        ferry_begin(local->domain, &parameters, request->flags, &call->ferry);
    }
}

static void
dump_xml(void *end, const struct coordinator_request *request,
         coordinator_answered *answered, void *owner)
{
    struct coordinator_local *local = end;
    struct local_call *call = call_new(local, answered, owner);

    (void)request;
    if (domain_check_active(local->domain, &call->error) == 0) {
        call->xml = domain_format(local->domain, VIR_DOMAIN_XML_SECURE |
                                                     VIR_DOMAIN_XML_MIGRATABLE);
    }
    deliver_later(call);
}

static void
get_state(void *end, const struct coordinator_request *request,
          coordinator_answered *answered, void *owner)
{
    struct coordinator_local *local = end;
    struct local_call *call = call_new(local, answered, owner);

    (void)request;
    call->is_paused = local->domain->state == DOMAIN_STATE_PAUSED;
    deliver_later(call);
}

static void
perform(void *end, const struct coordinator_request *request,
        coordinator_answered *answered, void *owner)
{
    struct coordinator_local *local = end;
    struct local_call *call = call_new(local, answered, owner);
    AUTO_MIGRATION_PARAMETERS parameters = {0};

    if (!read_parameters(call, request, &parameters)) {
        return;
    }
    if (request->protocol == COORDINATOR_V2) {
        ferry_perform2(local->domain, &parameters, cookie_of(request),
                       request->flags, &call->ferry);
    } else {
        ferry_perform(local->domain, &parameters, cookie_of(request),
                      request->flags, &call->ferry);
    }
}

static void
confirm(void *end, const struct coordinator_request *request,
        coordinator_answered *answered, void *owner)
{
    struct coordinator_local *local = end;
    struct local_call *call = call_new(local, answered, owner);

    ferry_confirm(local->domain, cookie_of(request), request->flags,
                  !request->is_cancelled     ? FERRY_CONFIRMED
                  : request->was_finish_sent ? FERRY_CANCELLED
                                             : FERRY_UNUSED,
                  &call->ferry);
}

/* Whether it came in time is seen at Perform's answer. */
static void
abort_perform(void *end, const struct coordinator_request *request,
              coordinator_answered *answered, void *owner)
{
    static const struct coordinator_answer nothing;
    struct coordinator_local *local = end;
    AUTO_ERROR err = {0};

    (void)request;
    ferry_stop_perform(local->domain, local->reason, &err);
    answered(owner, error_is_set(&err) ? NULL : &nothing,
             error_is_set(&err) ? &err : NULL);
}

/* A call that ferry/ still works on is freed when that answers. */
static void
forget(void *end)
{
    struct coordinator_local *local = end;
    struct local_call *call = STEAL(local->call);

    if (!call) {
        return;
    }
    call->local = NULL;
    if (call->is_answered) {
        call_free(call);
    }
}

const struct coordinator_end_operations coordinator_local_operations = {
    .begin = begin,
    .dump_xml = dump_xml,
    .get_state = get_state,
    .perform = perform,
    .confirm = confirm,
    .abort = abort_perform,
    .forget = forget,
};
