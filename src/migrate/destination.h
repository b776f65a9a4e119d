/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Decides what the destination side of a migration does next: destination.def.
 *
 * Nothing here talks to QEMU, to a client or to the clock; ferry/destination.c
 * tells what happened, saves the new state, and does what it is told. */

#pragma once

#include "job/migration.h"
#include "migrate/rules.h"

/* Name, the phase that the job enters there; NONE: it stays in its own. */
#define DESTINATION_STATES(X)                                                  \
    X(IDLE, NONE)              /* No migration. */                             \
    X(EXPECTED, PREPARE)       /* Prepare was answered; no QEMU is needed. */  \
    X(DEFINING, FINISH3)       /* The definition is written. */                \
    X(STARTING, PREPARE)       /* QEMU starts, frozen. */                      \
    X(ARMING, PREPARE)         /* It is told how to receive, and listens. */   \
    X(PREPARED, PREPARE)       /* Prepare was answered; the guest comes. */    \
    X(LOADED, PREPARE)         /* The guest is here, frozen. */                \
    X(WAITING, FINISH3)        /* Finish waits for the rest of it. */          \
    X(WAITING_PAUSED, FINISH3) /* The same; it is to stay paused. */           \
    X(RESUMING, FINISH3)       /* cont was sent. */                            \
    X(CLAIMING, FINISH3)       /* Is the token still ours, after a restart? */ \
    X(SETTLING, FINISH3)       /* It stays paused; its disks are activated. */ \
    X(STARTING2, PREPARE)      /* As without the 2, for protocol v2. */        \
    X(ARMING2, PREPARE)                                                        \
    X(PREPARED2, PREPARE)                                                      \
    X(LEFT2, PREPARE) /* Nobody will call: has the guest come? */              \
    X(LOADED2, PREPARE)                                                        \
    X(WAITING2, FINISH2)                                                       \
    X(WAITING2_PAUSED, FINISH2)                                                \
    X(RESUMING2, FINISH2)                                                      \
    X(SETTLING2, FINISH2)                                                      \
    X(KILLING, NONE) /* QEMU is being killed. */

#define DESTINATION_EVENTS(X)                                                  \
    X(PREPARE) /* The client's calls. */                                       \
    X(PREPARE_OFFLINE)                                                         \
    X(PREPARE2) /* Protocol v2's. */                                           \
    X(FINISH)                                                                  \
    X(FINISH_PAUSED)                                                           \
    X(FINISH2) /* v2's. */                                                     \
    X(FINISH2_PAUSED)                                                          \
    X(FINISH_CANCELLED) /* Either's. */                                        \
    X(DESTROY)          /* Somebody's destroy. */                              \
    X(CLIENT_GONE)      /* The connection that drives it was closed. */        \
    X(STARTED)          /* QEMU answers. */                                    \
    X(ARMED)            /* It listens. */                                      \
    X(LOADED)           /* The whole guest has come. */                        \
    X(COMING)           /* Some of it is here. */                              \
    X(ABSENT)           /* Nothing has come. */                                \
    X(FAILED)           /* QEMU refused, or its load failed. */                \
    X(DEFINED)          /* Its definition is on disk. */                       \
    X(UNDEFINED)        /* It could not be defined before it runs. */          \
    X(RUNNING)          /* The guest runs. */                                  \
    X(SETTLED)          /* Its disks are active; it is paused. */              \
    X(REFUSED)          /* It could not be resumed or settled. */              \
    X(MONITOR_LOST)     /* QEMU lives, but can't be spoken to. */              \
    X(QEMU_GONE)        /* The process has ended. */                           \
    X(OVERDUE)          /* The state's deadline has passed. */                 \
    X(RESTARTED)        /* The daemon has come back. */                        \
    X(RECLAIMED)        /* The source wants its token back. */                 \
    X(REPREPARE)        /* Prepare again: the source has come back. */         \
    X(TAKEN)            /* The source: the guest is its own. */                \
    X(RETURNED)         /* ... it has given the guest up. */                   \
    X(UNCLAIMED)        /* ... it has done neither. */                         \
    X(RESOLVED)         /* An operator lets it run here, without token. */     \
    X(CLIENT_AWAY)      /* The variants, see below. */                         \
    X(BACK)                                                                    \
    X(FROZEN)                                                                  \
    X(UNFINISHED)

/* As in source.h, where the source itself is the coordinator, keeps tokens, and
 * will come back; FROZEN: where its token is here, and the guest has not run
 * since it came. */
#define DESTINATION_VARIANTS(X)                                                \
    X(CLIENT_AWAY, CLIENT_GONE)                                                \
    X(BACK, RESTARTED)                                                         \
    X(FROZEN, REFUSED)                                                         \
    X(UNFINISHED, OVERDUE)

#define DESTINATION_ACTIONS(X)                                                 \
    X(NOTHING)                                                                 \
    X(START_QEMU)                                                              \
    X(GREET)          /* Wait for QEMU, if nobody does. */                     \
    X(ARM)            /* Capabilities, parameters, listen. */                  \
    X(ANSWER_PREPARE) /* Answer with cookie and URI; arm the clean-up. */      \
    X(ANSWER_OFFLINE) /* The same, where only a definition comes. */           \
    X(DEFINE)         /* Write that definition. */                             \
    X(RESUME_GUEST)   /* Define if asked, then cont. */                        \
    X(KEEP_PAUSED)    /* Define if asked, activate disks without running. */   \
    X(EXAMINE)        /* Ask QEMU whether the guest runs. */                   \
    X(LOOK)           /* Ask QEMU whether the whole guest has come. */         \
    X(KILL_GUEST)                                                              \
    X(ASK_THERE)   /* Ask the source whether it runs the guest. */             \
    X(END_FAILED)  /* Nothing is left here: end the job, answer. */            \
    X(END_REFUSED) /* The same, where no QEMU was started. */                  \
    X(END_DEFINED) /* It is defined here: end the job, answer. */              \
    X(END_RUNNING) /* It runs here: end the job, announce, answer. */          \
    X(END_PAUSED)  /* It is here, paused: end the job, answer. */              \
    X(END_KEPT)    /* The same, as nobody wanted it: say so. */

#define X(name, phase) DESTINATION_STATE_##name,
enum destination_state { DESTINATION_STATES(X) };
#undef X
#define X(name) DESTINATION_EVENT_##name,
enum destination_event { DESTINATION_EVENTS(X) };
#undef X
#define X(name) DESTINATION_ACTION_##name,
enum destination_action { DESTINATION_ACTIONS(X) };
#undef X

extern const struct rules destination_rules;

/* The phase of the job that a state belongs to. */
enum qemu_migration_phase destination_phase(enum destination_state state);
/* As source_event_base(). */
enum destination_event destination_event_base(enum destination_event event);
