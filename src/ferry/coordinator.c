/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/coordinator_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "ferry/rule_trace.h"
#include "migrate/parameters.h"

/* What the destination is never told. */
enum {
    SOURCE_ONLY_FLAGS = VIR_MIGRATE_CHANGE_PROTECTION |
                        VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_AUTO_CONVERGE,
};

struct coordinator *
coordinator_new(const struct coordinator_options *options,
                const struct coordinator_callbacks *callbacks, void *owner)
{
    struct coordinator *coordinator = xcalloc(1, sizeof *coordinator);

    coordinator->domain = xstrdup(options->domain);
    coordinator->ends[COORDINATOR_SOURCE] = options->source;
    coordinator->ends[COORDINATOR_DESTINATION] = options->destination;
    coordinator->callbacks = callbacks;
    coordinator->owner = owner;
    coordinator->protocol = options->protocol;
    coordinator->has_protection =
        options->has_protection && options->protocol == COORDINATOR_V3;
    coordinator->flags = options->flags;
    if (options->parameters) {
        parameters_copy(&coordinator->parameters, options->parameters);
    }
    return coordinator;
}

void
coordinator_free(struct coordinator *coordinator)
{
    if (!coordinator) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(coordinator->ends); i++) {
        coordinator->ends[i].operations->forget(coordinator->ends[i].end);
    }
    parameters_done(&coordinator->parameters);
    error_clear(&coordinator->error);
    error_clear(&coordinator->finish_error);
    error_clear(&coordinator->warning);
    free(coordinator->cookie);
    free(coordinator->domain);
    free(coordinator);
}

enum coordinator_state
coordinator_current_state(const struct coordinator *coordinator)
{
    return coordinator->state;
}

/* -------------------------------------------------------- what they answer */

void
coordinator_take_cookie(struct coordinator *coordinator, const void *cookie,
                        size_t size)
{
    free(coordinator->cookie);
    coordinator->cookie = size > 0 ? xmemdup(cookie, size) : NULL;
    coordinator->cookie_size = size;
}

/* Remembers why it fails, unless there is an earlier cause. */
static void
blame(struct coordinator *coordinator, const char *doing,
      enum coordinator_side side, const struct error *err)
{
    if (error_is_set(&coordinator->error)) {
        return;
    }
    error_copy(&coordinator->error, err);
    if (!coordinator->ends[side].is_here) {
        error_wrap(&coordinator->error, "%s on %s", doing,
                   coordinator->ends[side].name);
    }
}

/* Whether an answer is one: not a sign that the connection is gone. */
static bool
is_word_of(struct coordinator *coordinator, enum coordinator_side side,
           const struct error *err)
{
    if (coordinator->is_lost[side]) {
        return false;
    }
    if (err && err->code == ERROR_PEER_LOST) {
        coordinator_lost(coordinator, side, err);
        return false;
    }
    return true;
}

/* What the destination is to read, from Prepare on. */
static void
take_xml(struct coordinator *coordinator, const char *xml)
{
    parameters_remove(&coordinator->parameters, VIR_MIGRATE_PARAM_DEST_XML);
    parameters_add_string(&coordinator->parameters, VIR_MIGRATE_PARAM_DEST_XML,
                          xml);
}

static void
begun(void *owner, const struct coordinator_answer *answer,
      const struct error *err)
{
    struct coordinator *coordinator = owner;

    if (!is_word_of(coordinator, COORDINATOR_SOURCE, err)) {
        return;
    }
    if (err) {
        blame(coordinator, "beginning", COORDINATOR_SOURCE, err);
        coordinator_happened(coordinator, COORDINATOR_EVENT_BEGIN_FAILED);
        return;
    }
    coordinator_take_cookie(coordinator, answer->cookie, answer->cookie_size);
    take_xml(coordinator, answer->xml);
    coordinator_happened(coordinator, COORDINATOR_EVENT_BEGUN);
}

static void
dumped(void *owner, const struct coordinator_answer *answer,
       const struct error *err)
{
    struct coordinator *coordinator = owner;

    if (!is_word_of(coordinator, COORDINATOR_SOURCE, err)) {
        return;
    }
    if (err) {
        blame(coordinator, "asking for the guest's XML", COORDINATOR_SOURCE,
              err);
        coordinator_happened(coordinator, COORDINATOR_EVENT_DUMP_FAILED);
        return;
    }
    take_xml(coordinator, answer->xml);
    coordinator_happened(coordinator, COORDINATOR_EVENT_DUMPED);
}

static void
looked(void *owner, const struct coordinator_answer *answer,
       const struct error *err)
{
    struct coordinator *coordinator = owner;

    if (!is_word_of(coordinator, COORDINATOR_SOURCE, err)) {
        return;
    }
    if (err) {
        blame(coordinator, "asking for the guest's state", COORDINATOR_SOURCE,
              err);
        coordinator_happened(coordinator, COORDINATOR_EVENT_LOOK_FAILED);
        return;
    }
    if (answer->is_paused) {
        coordinator->flags |= VIR_MIGRATE_PAUSED;
    }
    coordinator_happened(coordinator,
                         coordinator->is_lost[COORDINATOR_DESTINATION]
                             ? COORDINATOR_EVENT_LOOKED_AWAY
                             : COORDINATOR_EVENT_LOOKED);
}

static void
prepared(void *owner, const struct coordinator_answer *answer,
         const struct error *err)
{
    struct coordinator *coordinator = owner;

    if (!is_word_of(coordinator, COORDINATOR_DESTINATION, err)) {
        return;
    }
    if (err) {
        blame(coordinator, "preparing", COORDINATOR_DESTINATION, err);
        coordinator_happened(coordinator, COORDINATOR_EVENT_PREPARE_FAILED);
        return;
    }
    coordinator_take_cookie(coordinator, answer->cookie, answer->cookie_size);
    if (coordinator->protocol == COORDINATOR_V3 &&
        coordinator->flags & VIR_MIGRATE_OFFLINE) {
        coordinator_take_cookie(coordinator, NULL, 0);
        coordinator_happened(coordinator, COORDINATOR_EVENT_PREPARED_OFFLINE);
        return;
    }
    if (answer->uri) {
        parameters_remove(&coordinator->parameters, VIR_MIGRATE_PARAM_URI);
        parameters_add_string(&coordinator->parameters, VIR_MIGRATE_PARAM_URI,
                              answer->uri);
    }
    /* A tunnel leads where it began. */
    if (!(coordinator->flags & VIR_MIGRATE_TUNNELLED) &&
        !parameters_find_string(&coordinator->parameters,
                                VIR_MIGRATE_PARAM_URI)) {
        AUTO_ERROR nowhere = {0};

        error_set(&nowhere, ERROR_INTERNAL, "it did not set the uri");
        blame(coordinator, "preparing", COORDINATOR_DESTINATION, &nowhere);
        coordinator_happened(coordinator, COORDINATOR_EVENT_PREPARED_NOWHERE);
        return;
    }
    coordinator_happened(coordinator, COORDINATOR_EVENT_PREPARED);
}

static void
performed(void *owner, const struct coordinator_answer *answer,
          const struct error *err)
{
    struct coordinator *coordinator = owner;

    if (!is_word_of(coordinator, COORDINATOR_SOURCE, err)) {
        return;
    }
    if (err) {
        blame(coordinator, "performing", COORDINATOR_SOURCE, err);
        coordinator_happened(coordinator, COORDINATOR_EVENT_PERFORM_FAILED);
        return;
    }
    /* v2's Perform gives none: Prepare's goes to Finish as well. */
    if (coordinator->protocol == COORDINATOR_V3) {
        coordinator_take_cookie(coordinator, answer->cookie,
                                answer->cookie_size);
    }
    coordinator_happened(coordinator, COORDINATOR_EVENT_PERFORMED);
}

static void
finished(void *owner, const struct coordinator_answer *answer,
         const struct error *err)
{
    struct coordinator *coordinator = owner;
    AUTO_ERROR nobody = {0};

    if (!is_word_of(coordinator, COORDINATOR_DESTINATION, err)) {
        return;
    }
    if (!err && answer->has_domain) {
        coordinator_take_cookie(coordinator, answer->cookie,
                                answer->cookie_size);
        coordinator_happened(coordinator, COORDINATOR_EVENT_FINISHED);
        return;
    }
    if (!err) {
        error_set(&nobody, ERROR_INTERNAL, "it returned no domain");
        err = &nobody;
    }
    if (error_is_set(&coordinator->error)) {
        error_copy(&coordinator->finish_error, err);
    }
    blame(coordinator, "finishing", COORDINATOR_DESTINATION, err);
    coordinator_happened(coordinator, COORDINATOR_EVENT_FINISH_FAILED);
}

static void
asked_again(void *owner, const struct coordinator_answer *answer,
            const struct error *err)
{
    struct coordinator *coordinator = owner;

    if (err || answer->finding == COORDINATOR_FOUND_NOTHING) {
        coordinator_happened(coordinator, COORDINATOR_EVENT_NOT_FOUND_OUT);
    } else if (answer->finding == COORDINATOR_FOUND_RUNNING) {
        coordinator_take_cookie(coordinator, NULL, 0);
        coordinator_happened(coordinator, COORDINATOR_EVENT_FOUND_RUNNING);
    } else {
        coordinator_happened(coordinator, COORDINATOR_EVENT_FOUND_CANCELLED);
    }
}

static void
confirmed(void *owner, const struct coordinator_answer *answer,
          const struct error *err)
{
    struct coordinator *coordinator = owner;

    (void)answer;
    if (!is_word_of(coordinator, COORDINATOR_SOURCE, err)) {
        return;
    }
    if (err && coordinator->state == COORDINATOR_STATE_CONFIRMING) {
        error_copy(&coordinator->warning, err);
        error_wrap(&coordinator->warning, "confirming on %s",
                   coordinator->ends[COORDINATOR_SOURCE].name);
    }
    coordinator_happened(coordinator, err ? COORDINATOR_EVENT_CONFIRM_FAILED
                                          : COORDINATOR_EVENT_CONFIRMED);
}

/* The answer that counts is Perform's. */
static void
abort_answered(void *owner, const struct coordinator_answer *answer,
               const struct error *err)
{
    (void)answer;
    is_word_of(owner, COORDINATOR_SOURCE, err);
}

/* ---------------------------------------------------------- what they hear */

static void
call_source(struct coordinator *coordinator,
            void (*call)(void *end, const struct coordinator_request *request,
                         coordinator_answered *answered, void *owner),
            bool is_cancelled, coordinator_answered *answered)
{
    struct coordinator_request request = {
        .protocol = coordinator->protocol,
        .flags = coordinator->flags,
        .parameters = &coordinator->parameters,
        .cookie = is_cancelled ? NULL : coordinator->cookie,
        .cookie_size = is_cancelled ? 0 : coordinator->cookie_size,
        .is_cancelled = is_cancelled,
        .was_finish_sent = coordinator->was_finish_sent,
    };

    if (coordinator->has_protection) {
        request.flags |= VIR_MIGRATE_CHANGE_PROTECTION;
    }
    call(coordinator->ends[COORDINATOR_SOURCE].end, &request, answered,
         coordinator);
}

/* What a daemon tells its peer: a client tells both sides all. */
static void
copy_told(struct parameters *to, const struct parameters *from)
{
    for (size_t i = 0; i < from->count; i++) {
        if (migration_parameter_is_told(from->items[i].name)) {
            parameters_add(to, &from->items[i]);
        }
    }
}

static void
call_destination(struct coordinator *coordinator,
                 void (*call)(void *end,
                              const struct coordinator_request *request,
                              coordinator_answered *answered, void *owner),
                 bool is_cancelled, coordinator_answered *answered)
{
    struct coordinator_request request = {
        .protocol = coordinator->protocol,
        .flags = coordinator->flags & ~(unsigned)SOURCE_ONLY_FLAGS,
        .parameters = &coordinator->parameters,
        .cookie = is_cancelled ? NULL : coordinator->cookie,
        .cookie_size = is_cancelled ? 0 : coordinator->cookie_size,
        .is_cancelled = is_cancelled,
    };
    AUTO_PARAMETERS told = {0};

    if (coordinator->ends[COORDINATOR_SOURCE].is_here) {
        copy_told(&told, &coordinator->parameters);
        request.parameters = &told;
    }
    call(coordinator->ends[COORDINATOR_DESTINATION].end, &request, answered,
         coordinator);
}

/* The destination knows the guest by the name that it has there. */
static void
call_finish(struct coordinator *coordinator, bool is_cancelled)
{
    struct parameters *parameters = &coordinator->parameters;

    if (!parameters_find_string(parameters, VIR_MIGRATE_PARAM_DEST_NAME)) {
        parameters_add_string(parameters, VIR_MIGRATE_PARAM_DEST_NAME,
                              coordinator->domain);
    }
    call_destination(
        coordinator,
        coordinator->ends[COORDINATOR_DESTINATION].operations->finish,
        is_cancelled, finished);
}

/* Where to look for a guest of which nobody knows the end. */
static void
say_where(struct coordinator *coordinator)
{
    const char *source = coordinator->ends[COORDINATOR_SOURCE].name;
    const char *destination = coordinator->ends[COORDINATOR_DESTINATION].name;

    if (coordinator->state == COORDINATOR_STATE_STRANDED) {
        error_wrap(&coordinator->error,
                   "the guest has left %s and may be paused on %s: look there,"
                   " and resume it",
                   source, destination);
    } else if (coordinator->protocol == COORDINATOR_V2) {
        error_wrap(&coordinator->error,
                   "the guest is on %s, or else on %s, where it may be paused:"
                   " look at both",
                   source, destination);
    } else {
        error_wrap(&coordinator->error,
                   "the guest is paused on %s and may run on %s", source,
                   destination);
    }
}

/* The last thing that happens to a coordinator: it may be freed here. */
static void
report(struct coordinator *coordinator)
{
    const struct error *err = NULL;
    const struct error *warning = NULL;

    if (coordinator_prefers_finish_error(&coordinator->error,
                                         &coordinator->finish_error)) {
        error_clear(&coordinator->error);
        blame(coordinator, "finishing", COORDINATOR_DESTINATION,
              &coordinator->finish_error);
    }
    if (coordinator->state == COORDINATOR_STATE_UNKNOWN ||
        coordinator->state == COORDINATOR_STATE_STRANDED) {
        say_where(coordinator);
    }
    if (coordinator->state != COORDINATOR_STATE_DONE &&
        coordinator->state != COORDINATOR_STATE_UNCONFIRMED) {
        assert(error_is_set(&coordinator->error));
        err = &coordinator->error;
    } else if (error_is_set(&coordinator->warning)) {
        warning = &coordinator->warning;
    }
    coordinator->callbacks->ended(coordinator->owner, coordinator->state, err,
                                  warning);
}

/* A source without protection has no job yet. */
static void
release(struct coordinator *coordinator)
{
    if (!coordinator->has_protection) {
        confirmed(coordinator, NULL, NULL);
        return;
    }
    call_source(coordinator,
                coordinator->ends[COORDINATOR_SOURCE].operations->confirm, true,
                confirmed);
}

static void
act(struct coordinator *coordinator, enum coordinator_action action)
{
    const struct coordinator_end_operations *source =
        coordinator->ends[COORDINATOR_SOURCE].operations;
    const struct coordinator_end_operations *destination =
        coordinator->ends[COORDINATOR_DESTINATION].operations;

    switch (action) {
    case COORDINATOR_ACTION_NOTHING:
        return;
    case COORDINATOR_ACTION_CALL_BEGIN:
        call_source(coordinator, source->begin, false, begun);
        return;
    case COORDINATOR_ACTION_CALL_DUMP_XML:
        call_source(coordinator, source->dump_xml, false, dumped);
        return;
    case COORDINATOR_ACTION_CALL_LOOK:
        call_source(coordinator, source->get_state, false, looked);
        return;
    case COORDINATOR_ACTION_CALL_PREPARE:
        call_destination(coordinator, destination->prepare, false, prepared);
        return;
    case COORDINATOR_ACTION_CALL_PERFORM:
        call_source(coordinator, source->perform, false, performed);
        return;
    case COORDINATOR_ACTION_CALL_ABORT:
        call_source(coordinator, source->abort, true, abort_answered);
        return;
    case COORDINATOR_ACTION_CALL_FINISH:
        coordinator->was_finish_sent = true;
        call_finish(coordinator, false);
        return;
    case COORDINATOR_ACTION_CANCEL_FINISH:
        call_finish(coordinator, true);
        return;
    case COORDINATOR_ACTION_CALL_CONFIRM:
        call_source(coordinator, source->confirm, false, confirmed);
        return;
    case COORDINATOR_ACTION_RELEASE:
        release(coordinator);
        return;
    case COORDINATOR_ACTION_CANCEL_CONFIRM:
        call_source(coordinator, source->confirm, true, confirmed);
        return;
    case COORDINATOR_ACTION_ASK_AGAIN:
        call_destination(coordinator, destination->ask_again, true,
                         asked_again);
        return;
    case COORDINATOR_ACTION_REJOIN:
    case COORDINATOR_ACTION_REJOIN_PERFORM:
        coordinator->callbacks->rejoin(coordinator->owner, coordinator->state);
        if (action == COORDINATOR_ACTION_REJOIN_PERFORM) {
            call_source(coordinator, source->perform, false, performed);
        }
        return;
    case COORDINATOR_ACTION_REPORT:
        report(coordinator);
        return;
    }
}

/* Decides, tells, and does.  Must be the last thing that its callers do: the
 * coordinator may be gone afterwards. */
void
coordinator_happened(struct coordinator *coordinator,
                     enum coordinator_event event)
{
    enum coordinator_action action;
    struct rule_step step = {
        .machine = coordinator->protocol == COORDINATOR_V3 ? "coordinator_v3"
                                                           : "coordinator_v2",
        .guest = coordinator->domain,
        .in = coordinator_state_name(coordinator->state),
    };

    event =
        coordinator_event_in(coordinator->protocol, coordinator->state, event);
    step.on = coordinator_event_name(event);
    if (!coordinator_step(coordinator->protocol, &coordinator->state, event,
                          &action)) {
        rule_trace(&coordinator->trace_number, &step);
        return;
    }
    step.to = coordinator_state_name(coordinator->state);
    step.act = coordinator_action_name(action);
    rule_trace(&coordinator->trace_number, &step);
    if (coordinator->callbacks->moved) {
        coordinator->callbacks->moved(coordinator->owner, coordinator->state);
    }
    act(coordinator, action);
}

void
coordinator_start(struct coordinator *coordinator)
{
    coordinator_happened(coordinator, COORDINATOR_EVENT_START);
}
