/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Decides what the coordinator of a migration does next: the role that calls
 * the source and the destination in turn, played by the client or, in a
 * peer-to-peer migration, by the source's daemon.  One table for each protocol:
 * coordinator_v3.def, coordinator_v2.def.
 *
 * Nothing here talks to anybody: coordinator_step() takes what happened and
 * says what to do.  ferry/coordinator.c does it.
 *
 *   v3: IDLE -> BEGINNING -> LOOKING -> PREPARING -> PERFORMING -> FINISHING
 *            -> CONFIRMING -> DONE
 *   v2: IDLE -> DUMPING -> LOOKING -> PREPARING -> PERFORMING -> FINISHING
 *            -> DONE
 *
 * All other states are ways back.  Exactly one call (and perhaps an abort) is
 * outstanding in each state but IDLE and the six ends. */

#pragma once

#include <stdbool.h>

#include "base/error.h"

enum coordinator_protocol { COORDINATOR_V3, COORDINATOR_V2 };

/* The comment says what the coordinator waits for. */
#define COORDINATOR_STATES(X)                                                  \
    X(IDLE)        /* To be started. */                                        \
    X(BEGINNING)   /* The source's Begin. */                                   \
    X(DUMPING)     /* The source's XML (v2). */                                \
    X(LOOKING)     /* The source, asked whether the guest is paused. */        \
    X(PREPARING)   /* The destination's Prepare. */                            \
    X(PERFORMING)  /* The source's Perform. */                                 \
    X(FINISHING)   /* The destination's Finish. */                             \
    X(CONFIRMING)  /* The source's Confirm. The guest runs there. */           \
    X(STOPPING)    /* Perform, which was asked to stop. */                     \
    X(BLIND)       /* The same, and the destination is gone. */                \
    X(LEAVING)     /* Begin or the look, in order to release the source. */    \
    X(RECALLING)   /* Prepare, in order to take all back. */                   \
    X(ABANDONING)  /* Prepare, in order to cancel it; the source is gone. */   \
    X(WITHDRAWING) /* A cancelling Finish; then the source is released. */     \
    X(CANCELLING)  /* A cancelling Finish, and nothing after it. */            \
    X(RELEASING)   /* A cancelling Confirm. */                                 \
    X(ALONE)       /* Finish; the source is gone. */                           \
    X(UNSURE)      /* Finish's reply is lost: the destination's new word. */   \
    X(REBEGINNING) /* The destination to be back, in order to begin again. */  \
    X(REPREPARING) /* ... to prepare again. */                                 \
    X(APART)       /* ... while the source's Perform goes on. */               \
    X(REJOINING)   /* ... to hear what has become of the guest there. */       \
    X(DONE)        /* The guest runs there, and nothing is left here. */       \
    X(UNCONFIRMED) /* The guest runs there; the source was not told. */        \
    X(FAILED)      /* The guest is where it was. */                            \
    X(UNKNOWN)     /* Nobody knows who has it; it does not run twice. */       \
    X(STRANDED) /* It has left the source, and was not seen to run there. */   \
    X(PARTED)   /* The source's daemon goes on with it. */

#define COORDINATOR_EVENTS(X)                                                  \
    X(START)                                                                   \
    X(BEGUN)            /* XML and cookie are here. */                         \
    X(BEGIN_FAILED)     /* */                                                  \
    X(DUMPED)           /* The XML is here (v2). */                            \
    X(DUMP_FAILED)      /* */                                                  \
    X(LOOKED)           /* Known whether it is paused. */                      \
    X(LOOKED_AWAY)      /* The same, and the destination is away. */           \
    X(LOOK_FAILED)      /* */                                                  \
    X(PREPARED)         /* And known where to send the guest. */               \
    X(PREPARED_OFFLINE) /* There is nothing to send. */                        \
    X(PREPARED_NOWHERE) /* The destination did not say where to. */            \
    X(PREPARE_FAILED)   /* */                                                  \
    X(PERFORMED)        /* */                                                  \
    X(PERFORM_FAILED)   /* The source has cleaned up after itself. */          \
    X(FINISHED)         /* The guest runs there. */                            \
    X(FINISH_FAILED)    /* It does not; also the answer to a cancelling one */ \
    X(CONFIRMED)        /* */                                                  \
    X(CONFIRM_FAILED)   /* */                                                  \
    X(FOUND_RUNNING)    /* The destination says that the guest runs there. */  \
    X(FOUND_CANCELLED)  /* ... that it has killed it before it ever ran. */    \
    X(NOT_FOUND_OUT)    /* No answer from there that would settle it. */       \
    X(INTERRUPTED)      /* The user wants the guest to stay. */                \
    X(SOURCE_LOST)      /* The connection to it. */                            \
    X(DESTINATION_LOST)                                                        \
    X(DESTINATION_AWAY)  /* The same, and it is tried to get it back. */       \
    X(DESTINATION_HANGS) /* ... though it has not answered a call in time. */  \
    X(UNFINISHED)        /* ... for good, and Finish was never sent. */        \
    X(REJOINED)          /* It is back, and as it was. */                      \
    X(SOURCE_AWAY)       /* SOURCE_LOST; its daemon goes on in our place. */   \
    X(DESTINATION_APART) /* DESTINATION_LOST; it does if we leave it to it. */ \
    X(RESTART)           /* A coordinator that had begun comes back. */        \
    X(RESUME)            /* One that had called Perform does. */

/* As in source.h: a coordinator that can go on without its connection. */
#define COORDINATOR_VARIANTS(X)                                                \
    X(DESTINATION_AWAY, DESTINATION_LOST)                                      \
    X(DESTINATION_HANGS, DESTINATION_LOST)                                     \
    X(UNFINISHED, DESTINATION_LOST)                                            \
    X(SOURCE_AWAY, SOURCE_LOST)                                                \
    X(DESTINATION_APART, DESTINATION_LOST)                                     \
    X(LOOKED_AWAY, LOOKED)

#define COORDINATOR_ACTIONS(X)                                                 \
    X(NOTHING)                                                                 \
    X(CALL_BEGIN)                                                              \
    X(CALL_DUMP_XML)                                                           \
    X(CALL_LOOK)                                                               \
    X(CALL_PREPARE)                                                            \
    X(CALL_PERFORM)                                                            \
    X(CALL_ABORT) /* Asks the source to stop its Perform. */                   \
    X(CALL_FINISH)                                                             \
    X(CALL_CONFIRM)                                                            \
    X(CANCEL_FINISH)  /* Finish that cancels. */                               \
    X(CANCEL_CONFIRM) /* Confirm that cancels. */                              \
    X(RELEASE)        /* The same where the source has a job since Begin. */   \
    X(ASK_AGAIN)      /* Connects to the destination again and asks. */        \
    X(REJOIN)         /* The same, for as long as it is allowed. */            \
    X(REJOIN_PERFORM) /* And waits for the Perform that goes on. */            \
    X(REPORT)         /* It is over. */

#define X(name) COORDINATOR_STATE_##name,
enum coordinator_state { COORDINATOR_STATES(X) };
#undef X
#define X(name) COORDINATOR_EVENT_##name,
enum coordinator_event { COORDINATOR_EVENTS(X) };
#undef X
#define X(name) COORDINATOR_ACTION_##name,
enum coordinator_action { COORDINATOR_ACTIONS(X) };
#undef X

/* Moves '*state' on and returns true, with '*action' for the caller to do; or
 * returns false, with both untouched, where no rule lets 'event' happen. */
bool coordinator_step(enum coordinator_protocol protocol,
                      enum coordinator_state *state,
                      enum coordinator_event event,
                      enum coordinator_action *action);

/* The event that the table has a rule for in 'state': 'event', or the one that
 * it is a variant of. */
enum coordinator_event coordinator_event_in(enum coordinator_protocol protocol,
                                            enum coordinator_state state,
                                            enum coordinator_event event);
/* Whether nothing can happen any more. */
bool coordinator_state_is_end(enum coordinator_state state);
/* Whether the way leads back to where the guest was. */
bool coordinator_state_is_way_back(enum coordinator_state state);

/* What a person calls the steps. */
#define COORDINATOR_PHASES(X)                                                  \
    X(CONNECT, "connect") /* Before Begin. */                                  \
    X(BEGIN, "begin")                                                          \
    X(PREPARE, "prepare")                                                      \
    X(PERFORM, "perform")                                                      \
    X(FINISH, "finish")                                                        \
    X(CONFIRM, "confirm")

#define X(name, text) COORDINATOR_PHASE_##name,
enum coordinator_phase { COORDINATOR_PHASES(X) COORDINATOR_PHASE_COUNT };
#undef X

/* Which of them a state belongs to; 'now' is what it was before: the ends
 * belong to the phase that they end. */
enum coordinator_phase coordinator_state_phase(enum coordinator_state state,
                                               enum coordinator_phase now);
const char *coordinator_phase_name(enum coordinator_phase phase);
/* False where there is no phase of that name. */
bool coordinator_phase_parse(const char *name, enum coordinator_phase *phase);

const char *coordinator_state_name(enum coordinator_state state);
const char *coordinator_event_name(enum coordinator_event event);
const char *coordinator_action_name(enum coordinator_action action);
/* False where there is no event of that name. */
bool coordinator_event_parse(const char *name, enum coordinator_event *event);

/* Which error to tell after Perform failed and Finish was called to cancel:
 * Perform's; but where that only says that the operation failed, the
 * destination may know why. */
bool coordinator_prefers_finish_error(const struct error *perform,
                                      const struct error *finish);
