/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes to a coordinator unasked: a user who wants the guest to stay,
 * connections that are lost and joined again, a restart. */

#include "ferry/coordinator_private.h"

/* Whether an interruption at this point is what ends it: before the copy, and
 * not by the failure of a Perform that has its own error. */
static bool
is_before_perform(enum coordinator_state state)
{
    return state == COORDINATOR_STATE_BEGINNING ||
           state == COORDINATOR_STATE_DUMPING ||
           state == COORDINATOR_STATE_LOOKING ||
           state == COORDINATOR_STATE_PREPARING ||
           state == COORDINATOR_STATE_REBEGINNING ||
           state == COORDINATOR_STATE_REPREPARING;
}

void
coordinator_interrupt(struct coordinator *coordinator)
{
    if (is_before_perform(coordinator->state) &&
        !error_is_set(&coordinator->error)) {
        error_set(&coordinator->error, ERROR_OPERATION_ABORTED,
                  "interrupted before the guest was copied");
    }
    coordinator_happened(coordinator, COORDINATOR_EVENT_INTERRUPTED);
}

static enum coordinator_event
loss_of_source(const struct coordinator *coordinator)
{
    return coordinator->ends[COORDINATOR_SOURCE].goes_on
               ? COORDINATOR_EVENT_SOURCE_AWAY
               : COORDINATOR_EVENT_SOURCE_LOST;
}

/* Once the destination has been asked to start the guest, losing the source
 * fails nothing: in v3 its shell may be left, in v2 it has nothing left. */
static bool
is_no_failure(enum coordinator_state state, enum coordinator_side side)
{
    return state == COORDINATOR_STATE_CONFIRMING ||
           (state == COORDINATOR_STATE_FINISHING && side == COORDINATOR_SOURCE);
}

void
coordinator_hangs(struct coordinator *coordinator)
{
    coordinator->does_destination_hang = true;
}

/* That the destination is lost, as what can be done about it has it. */
static enum coordinator_event
loss_of_destination(const struct coordinator *coordinator)
{
    if (coordinator->ends[COORDINATOR_SOURCE].goes_on) {
        return COORDINATOR_EVENT_DESTINATION_APART;
    }
    if (!coordinator->callbacks->rejoin ||
        !coordinator->ends[COORDINATOR_DESTINATION].comes_back) {
        return COORDINATOR_EVENT_DESTINATION_LOST;
    }
    return coordinator->does_destination_hang
               ? COORDINATOR_EVENT_DESTINATION_HANGS
               : COORDINATOR_EVENT_DESTINATION_AWAY;
}

void
coordinator_lost(struct coordinator *coordinator, enum coordinator_side side,
                 const struct error *why)
{
    AUTO_ERROR lost = {0};

    if (coordinator->is_lost[side]) {
        return;
    }
    coordinator->is_lost[side] = true;
    error_set(&lost, ERROR_PEER_LOST, "lost the connection to %s%s%s",
              coordinator->ends[side].name, why ? ": " : "",
              why ? why->message : "");
    if (!is_no_failure(coordinator->state, side)) {
        if (!error_is_set(&coordinator->error)) {
            error_move(&coordinator->error, &lost);
        }
    } else if (side == COORDINATOR_SOURCE &&
               coordinator->protocol == COORDINATOR_V3) {
        error_move(&coordinator->warning, &lost);
    }
    coordinator_happened(coordinator, side == COORDINATOR_SOURCE
                                          ? loss_of_source(coordinator)
                                          : loss_of_destination(coordinator));
}

void
coordinator_restart(struct coordinator *coordinator,
                    enum coordinator_progress progress)
{
    coordinator->was_finish_sent = progress == COORDINATOR_MAY_HAVE_FINISHED;
    coordinator->is_lost[COORDINATOR_DESTINATION] = true;
    coordinator_happened(coordinator, progress == COORDINATOR_HAS_BEGUN
                                          ? COORDINATOR_EVENT_RESTART
                                          : COORDINATOR_EVENT_RESUME);
}

void
coordinator_rejoined(struct coordinator *coordinator,
                     enum coordinator_finding finding)
{
    static const enum coordinator_event events[] = {
        [COORDINATOR_FOUND_NOTHING] = COORDINATOR_EVENT_REJOINED,
        [COORDINATOR_FOUND_RUNNING] = COORDINATOR_EVENT_FOUND_RUNNING,
        [COORDINATOR_FOUND_CANCELLED] = COORDINATOR_EVENT_FOUND_CANCELLED,
    };

    coordinator->is_lost[COORDINATOR_DESTINATION] = false;
    coordinator->does_destination_hang = false;
    if (finding != COORDINATOR_FOUND_CANCELLED &&
        coordinator->error.code == ERROR_PEER_LOST) {
        error_clear(&coordinator->error);
    }
    if (finding == COORDINATOR_FOUND_RUNNING) {
        coordinator_take_cookie(coordinator, NULL, 0);
    }
    coordinator_happened(coordinator, events[finding]);
}

void
coordinator_gave_up(struct coordinator *coordinator, const struct error *why)
{
    if (!error_is_set(&coordinator->error)) {
        error_copy(&coordinator->error, why);
    }
    coordinator_happened(coordinator, coordinator->was_finish_sent
                                          ? COORDINATOR_EVENT_DESTINATION_LOST
                                          : COORDINATOR_EVENT_UNFINISHED);
}
