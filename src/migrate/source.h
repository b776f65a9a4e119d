/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Decides what the source side of a migration does next: source.def.
 *
 * Nothing here talks to QEMU, to a client or to the clock; ferry/source.c tells
 * what happened, saves the new state, and does what it is told. */

#pragma once

#include "job/migration.h"
#include "migrate/rules.h"

/* Name, the phase that the job enters there (an enum qemu_migration_phase
 * without its prefix); NONE: it stays in the phase that the call has entered.
 */
#define SOURCE_STATES(X)                                                       \
    X(IDLE, NONE)            /* No migration. */                               \
    X(BEGUN, BEGIN3)         /* Begin was answered; the job is held. */        \
    X(OFFERED, BEGIN3)       /* The same, and only its definition goes. */     \
    X(ARMING, PERFORM3)      /* QEMU gets its parameters. */                   \
    X(COPYING, PERFORM3)     /* QEMU sends memory. */                          \
    X(HANDING, PERFORM3)     /* The guest is stopped; the rest goes. */        \
    X(HANDED, PERFORM3_DONE) /* All is there: waits for Confirm. */            \
    X(GIVEN, PERFORM3_DONE)  /* The same; the destination has the token. */    \
    X(RECHECKING, PERFORM3_DONE) /* The same after a restart: is it so? */     \
    X(SHELL_GONE, PERFORM3_DONE) /* All is there; QEMU has died here. */       \
    X(ORPHAN, PERFORM3)          /* QEMU has died: is all of it there? */      \
    X(ASKING, NONE)              /* The destination is asked for the token. */ \
    X(UNSURE, NONE)              /* The same; the job is released. */          \
    X(LEFT, NONE)                /* Nobody said how it ended. */               \
    X(ARMING2, PERFORM2)         /* As without the 2, for protocol v2. */      \
    X(COPYING2, PERFORM2)                                                      \
    X(HANDING2, PERFORM2)                                                      \
    X(CANCELLING, NONE) /* QEMU was told to give up. */                        \
    X(RESTORING, NONE)  /* The guest is made to run again. */                  \
    X(KILLING, NONE)    /* The guest is the destination's; QEMU goes. */

#define SOURCE_EVENTS(X)                                                       \
    X(BEGIN) /* The client's calls. */                                         \
    X(BEGIN_OFFLINE)                                                           \
    X(PERFORM)                                                                 \
    X(PERFORM2) /* Protocol v2's. */                                           \
    X(CONFIRM)                                                                 \
    X(CONFIRM_CANCELLED)                                                       \
    X(ABORT)          /* Somebody's domjobabort. */                            \
    X(RESUMED)        /* An operator resumed the guest. */                     \
    X(RESOLVED)       /* The same, knowing that its token is away. */          \
    X(DISCARDED)      /* An operator gives the guest up here. */               \
    X(CLIENT_GONE)    /* The connection that drives it was closed. */          \
    X(IO_ERROR)       /* The guest stopped for one; the client cares. */       \
    X(ARMED)          /* QEMU took all parameters. */                          \
    X(PRE_SWITCHOVER) /* The guest is stopped; QEMU waits for a word. */       \
    X(COMPLETED)      /* The destination has acknowledged everything. */       \
    X(FAILED)         /* QEMU refused, failed or was cancelled. */             \
    X(RESTORED)       /* The guest is as it was before. */                     \
    X(REFUSED)        /* It could not be resumed. */                           \
    X(UNSAVED)        /* The new state could not be written. */                \
    X(MONITOR_LOST)   /* QEMU lives, but nothing can be said to it. */         \
    X(QEMU_GONE)      /* The process has ended. */                             \
    X(OVERDUE)        /* The state's deadline has passed. */                   \
    X(RESTARTED)      /* The daemon has come back. */                          \
    X(TAKEN)          /* The destination: the guest is its own. */             \
    X(RETURNED)       /* ... it never ran there, and never will. */            \
    X(WHOLE)          /* ... it is all there, and waits. */                    \
    X(UNTOLD)         /* QEMU has not heard what it was to be told. */         \
    X(RUNS)           /* The guest runs here, which it should not. */          \
    X(STANDS)         /* It stands still, as it should. */                     \
    X(REBEGIN)        /* The coordinator, come back, begins again. */          \
    X(REPERFORM)      /* ... waits for Perform again. */                       \
    X(GIVEN)          /* The variants, see below. */                           \
    X(UNPROVEN)                                                                \
    X(UNUSED)                                                                  \
    X(ORPHANED)                                                                \
    X(BACK)                                                                    \
    X(CLIENT_AWAY)

/* Events that tell more than another one, which is taken where a state has no
 * rule for them.  All are about a destination that keeps tokens. */
#define SOURCE_VARIANTS(X)                                                     \
    X(GIVEN, COMPLETED)            /* The token goes with the answer. */       \
    X(UNPROVEN, CONFIRM_CANCELLED) /* Its own word would be better. */         \
    X(UNUSED, CONFIRM_CANCELLED) /* We are the coordinator: no Finish yet. */  \
    X(ORPHANED, QEMU_GONE)       /* It may have all of the guest. */           \
    X(BACK, RESTARTED)           /* We are the coordinator, and go on. */      \
    X(CLIENT_AWAY, CLIENT_GONE)  /* We are to go on in its place. */

#define SOURCE_ACTIONS(X)                                                      \
    X(NOTHING)                                                                 \
    X(ANSWER_BEGIN)   /* Arm the clean-up, answer with XML and cookie. */      \
    X(ARM)            /* Capabilities and parameters; stop unless live. */     \
    X(MIGRATE)        /* Start the transfer. */                                \
    X(CONTINUE)       /* Let QEMU go from pre-switchover. */                   \
    X(ANSWER_PERFORM) /* Answer with a cookie; arm the clean-up. */            \
    X(ANSWER_SHELL)   /* The same, where nothing here could be taken back. */  \
    X(CANCEL)         /* migrate_cancel. */                                    \
    X(RESTORE)        /* Look at QEMU; resume the guest if it ran before. */   \
    X(HAND_OVER)      /* Note the numbers of a copy that is done, end QEMU. */ \
    X(KILL_GUEST)     /* End QEMU. */                                          \
    X(ASK)            /* Reclaim the token from the destination. */            \
    X(LOOK_THERE)     /* Ask it whether it has the whole guest. */             \
    X(SYNC)           /* Ask QEMU where its migration stands. */               \
    X(EXAMINE)        /* Ask QEMU whether the guest runs. */                   \
    X(TAKE_OVER)      /* Be the coordinator from now on. */                    \
    X(LEAVE_PAUSED)   /* End the job, leave the guest paused, say so. */       \
    X(END_JOB)        /* Nothing had happened: end the job. */                 \
    X(END_MOVED)      /* Its definition is there: end the job, answer. */      \
    X(END_RESTORED)   /* It goes on here: end the job, answer. */              \
    X(END_PAUSED)     /* It stays paused here: end the job, answer. */         \
    X(END_FAILED)     /* QEMU is gone: end the job, answer. */                 \
    X(END_MIGRATED)   /* It runs there: end the job, answer. */

#define X(name, phase) SOURCE_STATE_##name,
enum source_state { SOURCE_STATES(X) };
#undef X
#define X(name) SOURCE_EVENT_##name,
enum source_event { SOURCE_EVENTS(X) };
#undef X
#define X(name) SOURCE_ACTION_##name,
enum source_action { SOURCE_ACTIONS(X) };
#undef X

extern const struct rules source_rules;

/* The phase of the job that a state belongs to. */
enum qemu_migration_phase source_phase(enum source_state state);
/* The event that a variant is taken for; any other event itself. */
enum source_event source_event_base(enum source_event event);
/* Whether nobody may run the guest here: its token is the destination's, or on
 * its way there. */
bool source_token_is_away(enum source_state state);
