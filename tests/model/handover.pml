/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration with everything that takes part in it: the coordinator, the two
 * daemons, the two QEMUs, and what may break.  Whatever breaks:
 *
 *   1  the guest never runs twice, nor runs on where it was after it has run
 *      at the other end (NEVER_TWICE);
 *   2  it runs at last, where a QEMU that could run it is left, or its source
 *      is in a state that says so (the_end);
 *   3  both jobs are released at last (the_end);
 *   4  so it is after a restart in any state;
 *   5  no QEMU is told to run the guest by a daemon that has no token for it
 *      (SOURCE_MAY_RUN, DESTINATION_MAY_RUN).
 *
 * The daemons and the coordinator decide by the very tables that the program is
 * built with (src/migrate/ *.def); tests/model/run makes the names that stand
 * in them.  Written here is what surrounds them: what carrying out an action
 * does to the world, and when an event can come about.
 *
 *   s_...  the source's daemon       qs, mig  its QEMU: CPUs, migration
 *   d_...  the destination's         qd       its QEMU
 *   k_...  the coordinator: the client (managed), or a part of the source's
 *          daemon that dies and comes back with it (-DP2P), or first the one
 *          and then the other (-DSTAND_IN)
 *
 * A daemon's state is on disk before its action is carried out, and a daemon
 * that dies loses all but that: the action, QEMU's events, its calls.
 *
 * Faults, MAX_FAULTS in all: a daemon dies (and comes back), the client dies, a
 * connection breaks; a QEMU dies (-DQEMUS_DIE); a record can't be written
 * (-DDISK_FAILS); a question is heard long after it was asked, again
 * (-DLATE_QUESTIONS); somebody else calls Finish (-DSTRANGER).  A deadline
 * passes when nothing else can happen; with -DDEADLINES at any time.
 *
 * Left out: an operator's `destroy` and `vmferry resolve` (but for a guest that
 * is seen to be dead there), since who overrules the rules can run a guest
 * twice; what is offline or tunnelled, and a source whose monitor is lost.
 *
 * So there is no run without an end: a state that is met again would be one in
 * which nobody gets on, and SPIN is told to look for those (run: -DNP).  What
 * holds at every end (the_end) is therefore what comes about in every run in
 * which each part that could do something does it at last.
 *
 *   -DKEPT     v3 between two vmferryds that keep tokens; without it one that
 *              can't be asked, or a libvirtd's migration
 *   -DP2P      peer-to-peer
 *   -DSTAND_IN managed, and the source's daemon goes on in the client's place
 *   -DV2       protocol v2
 *   -DFOREIGN  a client that follows libvirt's rules and not ours
 *   -DBUG_...  a mistake that has to be found; tests/model/run has the list */

#include "names.pml"

#ifndef MAX_FAULTS
#define MAX_FAULTS 1
#endif
#if defined(KEPT) && (defined(P2P) || defined(STAND_IN))
#define COMES_BACK
#endif
/* Whether the coordinator is the source's daemon. */
#if defined(P2P)
#define K_IS_HERE true
#elif defined(STAND_IN)
#define K_IS_HERE k_is_here
#else
#define K_IS_HERE false
#endif
#ifdef KEPT
#define VARIANT(event, base) event
#else
#define VARIANT(event, base) base
#endif
#ifdef KEPT
#define IS_KEPT true
#else
#define IS_KEPT false
#endif
#ifdef COMES_BACK
#define BACK_VARIANT(event, base) event
#else
#define BACK_VARIANT(event, base) base
#endif

mtype = {
    /* CPUs of a QEMU; LOADED: paused, with the whole guest. */
    RUNNING, PAUSED, ABSENT, STARTED, LISTENS, LOADING, LOADED, DEAD,
    /* QEMU's migration at the source. */
    NONE, ACTIVE, PRE_SWITCHOVER, DEVICE, COMPLETED, CANCELLED,
    /* Calls, answers, questions. */
    BEGIN, PERFORM, CONFIRM, CONFIRM_CANCELLED, OK, ERROR, ABORTED,
    PREPARE, FINISH, FINISH_CANCELLED, RECLAIM, LOOK,
    /* What is in the destination's ledger. */
    TAKEN, RETURNED
};

byte faults = MAX_FAULTS;

/* The source. */
mtype s_state = s_IDLE;
mtype s_disk = s_IDLE;  /* What its record says. */
mtype:s_action s_act = sa_NOTHING;
mtype s_call = NONE;    /* The call that waits for its answer. */
bool s_up = true;
bool s_job, s_is_kept;
bool s_unsaved;         /* The record of the action could not be written. */
bool s_restarted;       /* Comes up again and has to look around. */
bool s_client_left;     /* The connection is gone; not yet noticed. */
bool s_has_client;
bool s_told_gone;       /* It knows that its QEMU is dead. */
bool s_unwatched;       /* It does not know what QEMU did meanwhile. */
bool s_arming, s_looking, s_syncing, s_examining;
mtype s_ledger = NONE;  /* What it tells of the guest: that it stays. */
bool s_unnoted;         /* It could not be written yet... */
bool s_forgot;          /* ... and never was. */
mtype s_asks = NONE;    /* The destination, until it has answered. */
bool s_abort;           /* Somebody's domjobabort. */
mtype qs = RUNNING;
mtype mig = NONE;
bool all_sent;          /* By a migration that was cancelled then. */
bool ev_pre, ev_completed, ev_failed;

/* The destination. */
mtype d_state = d_IDLE;
mtype d_disk = d_IDLE;
mtype:d_action d_act = da_NOTHING;
mtype d_call = NONE;
bool d_up = true;
bool d_job, d_is_kept;
bool d_unsaved;
bool d_token;           /* Finish has brought it; saved with the state. */
bool d_blind;           /* The guest may have run; saved with the state. */
bool d_disk_blind;
bool d_cont_ours;       /* This daemon has sent cont, and heard all since... */
bool d_resumed;         /* ... also that the guest runs. */
mtype d_ledger = NONE;
mtype d_unnoted = NONE; /* What goes there, and could not be written yet. */
bool d_restarted;
bool d_client_left;
bool d_has_client;
bool d_arming, d_resuming, d_looking, d_examining;
bool d_asks;            /* The source, whether it runs the guest. */
bool late_reclaim;      /* A question that comes long after it was asked. */
mtype qd = ABSENT;
bool has_run;
bool ev_started, ev_loaded, ev_load_failed, ev_running;

/* The coordinator. */
mtype k_state = c_IDLE;
mtype:c_action k_act = ca_NOTHING;
mtype k_start = ce_START;
bool k_up = true;
bool k_ended;
bool k_token;                                    /* Perform's cookie has it. */
bool k_finish_sent;
bool k_asks, k_looks, k_rejoins, k_withdraws, k_interrupted;
#ifdef STAND_IN
bool k_is_here;
bool stray_finish;      /* Of the client before, which is on its way still; */
bool stray_cancel;      /* one that cancels... */
bool was_stray;         /* ... since its user wanted the guest to stay. */
#define IS_CANCELLED_THERE was_stray
#else
#define IS_CANCELLED_THERE false
#endif
bool to_source = true, to_destination = true;    /* Its connections. */
bool k_source_lost, k_destination_lost;          /* Not yet noticed. */
chan calls_s = [1] of { mtype };
chan answers_s = [1] of { mtype };
chan calls_d = [1] of { mtype };
chan answers_d = [1] of { mtype };

/* What no daemon knows: where the token is, whether the guest has run on at the
 * source after the rest of it was sent, and whether it is lost and nobody could
 * have saved it, or nobody can tell. */
bool given, returned, ran_on;
bool is_lost, is_unknown;
bool was_aborted;       /* An abort has given up what is there, or will. */

/* Nor does time turn back: what has run there does not go on here. */
#define NEVER_TWICE                                                            \
    assert(!(qs == RUNNING && qd == RUNNING) &&                                \
           !(qs == RUNNING && has_run) && !(qd == RUNNING && ran_on))
#ifdef KEPT
#define SOURCE_MAY_RUN assert(!given || returned)
#define DESTINATION_MAY_RUN assert(given && !returned && d_token)
#else
#define SOURCE_MAY_RUN skip
#define DESTINATION_MAY_RUN skip
#endif
/* Something has the guest, or will load it. */
#define SOURCE_HAS_IT (qs == RUNNING || qs == PAUSED)
#define DESTINATION_HAS_IT (qd == LOADED || qd == RUNNING)
#define DESTINATION_ANSWERS (d_up && !d_restarted && d_act == da_NOTHING)
#define SOURCE_ANSWERS (s_up && !s_restarted && s_act == sa_NOTHING)
#define K_IS_ANEW (k_state == c_REBEGINNING || k_state == c_REPREPARING)
#define K_IS_REJOINING                                                         \
    (k_rejoins && (K_IS_ANEW || k_state == c_APART || k_state == c_REJOINING))
#ifdef DEADLINES
#define LATE (timeout || faults > 0)
#define TIME_PASSES if :: faults > 0 -> faults-- :: else -> skip fi
#else
#define LATE timeout
#define TIME_PASSES skip
#endif
#ifdef DISK_FAILS
#define SAVE(disk, state, unsaved)                                             \
    if                                                                         \
    :: faults > 0 -> faults--; unsaved = true                                  \
    :: true -> disk = state                                                    \
    fi
#else
#define SAVE(disk, state, unsaved) disk = state
#endif

inline source_line_breaks()
{
    if
    :: to_source ->
        to_source = false;
        k_source_lost = true;
        s_call = NONE;    /* Its answer reaches nobody. */
        if
        :: s_has_client -> s_client_left = true; s_has_client = false
        :: else -> skip
        fi;
        do
        :: calls_s?_
        :: answers_s?_
        :: empty(calls_s) && empty(answers_s) -> break
        od
    :: else -> skip
    fi
}

inline destination_line_breaks()
{
    if
    :: to_destination ->
        to_destination = false;
        k_destination_lost = true;
        d_call = NONE;
        if
        :: d_has_client -> d_client_left = true; d_has_client = false
        :: else -> skip
        fi;
        do
        :: calls_d?_
        :: answers_d?_
        :: empty(calls_d) && empty(answers_d) -> break
        od
    :: else -> skip
    fi
}

inline coordinator_is_forgotten()
{
    k_ended = false; k_state = c_IDLE; k_act = ca_NOTHING;
    k_token = false; k_asks = false; k_rejoins = false; k_looks = false;
    k_destination_lost = false; k_finish_sent = false
}

/* QEMU restarts a guest by itself whose migration fails or is cancelled.  What
 * was sent before may be loaded there afterwards. */
inline migration_ends()
{
    if
    :: mig == DEVICE -> all_sent = true
    :: true -> skip
    fi;
    mig = CANCELLED;
    ev_failed = true;
    if
    :: qs == PAUSED -> qs = RUNNING; ran_on = true; NEVER_TWICE
    :: else -> skip
    fi
}

#include "source.pml"
#include "destination.pml"
#include "coordinator.pml"

/* --------------------------------------------------------------- the QEMUs */

active proctype qemus()
{
end:
    do
    :: atomic { mig == ACTIVE && qd == LISTENS -> qd = LOADING }
    :: atomic { mig == ACTIVE && qd == LOADING ->
           mig = PRE_SWITCHOVER; ev_pre = s_up;
           if
           :: qs == RUNNING -> qs = PAUSED
           :: else -> skip
           fi }
    /* All of it is sent, and loaded from the socket, whatever happens to the
     * source then; that QEMU there is done is heard here a moment later. */
    :: atomic { (mig == DEVICE || all_sent) && qd == LOADING ->
           qd = LOADED; all_sent = false; ev_loaded = d_up }
    :: atomic { mig == DEVICE && qd == LOADED ->
           mig = COMPLETED; ev_completed = s_up }
    :: atomic { (mig == ACTIVE || mig == DEVICE) &&
                (qd == DEAD || qd == ABSENT || qd == STARTED) ->
           migration_ends() }
    /* A cancelled source closes its socket: what was not sent never comes. */
    :: atomic { (mig == CANCELLED || qs == DEAD) && qd == LOADING ->
           ev_load_failed = d_up; qd = DEAD; all_sent = false;
           is_lost = is_lost || qs == DEAD }
    od
}

/* -------------------------------------------------------------- what breaks */

/* What the source's daemon forgets, and the coordinator that lives in it. */
inline source_dies()
{
    s_up = false;
    source_line_breaks();
    s_state = s_disk; s_act = sa_NOTHING; s_call = NONE; s_unsaved = false;
    s_client_left = false; s_abort = false;
    s_told_gone = false; s_unwatched = false;
    s_arming = false; s_looking = false; s_syncing = false;
    s_examining = false; s_asks = NONE;
    s_forgot = s_forgot || s_unnoted; s_unnoted = false;
    ev_pre = false; ev_completed = false; ev_failed = false;
    k_withdraws = false;
    if
    :: K_IS_HERE -> destination_line_breaks(); coordinator_is_forgotten();
        k_start = 0; k_up = false; k_source_lost = false
    :: else -> skip
    fi
}

inline destination_dies()
{
    d_up = false;
    destination_line_breaks();
    d_state = d_disk; d_act = da_NOTHING; d_call = NONE; d_unsaved = false;
    d_client_left = false;
    d_arming = false; d_resuming = false; d_looking = false;
    d_examining = false; d_asks = false;
    d_cont_ours = false; d_resumed = false;
    d_blind = d_disk_blind || d_disk == d_RESUMING;
    if
    :: d_unnoted != NONE -> d_unnoted = NONE; is_unknown = true
    :: else -> skip
    fi;
    /* A QEMU that was not started is as good as one that has died. */
    if
    :: qd == ABSENT && d_disk != d_IDLE -> qd = DEAD
    :: else -> skip
    fi;
    ev_started = false; ev_loaded = false; ev_load_failed = false;
    ev_running = false;
#ifdef BUG_LEDGER_FORGOTTEN
    d_ledger = NONE;
#endif
}

active proctype faults_happen()
{
end:
    do
    :: atomic { faults > 0 -> faults = 0 }    /* No more. */
#ifndef P2P
    :: atomic { faults > 0 && !K_IS_HERE && to_source -> faults--;
           source_line_breaks() }
    :: atomic { faults > 0 && !K_IS_HERE && k_up && !k_ended -> faults--;
           k_up = false; source_line_breaks(); destination_line_breaks() }
#endif
    :: atomic { faults > 0 && to_destination -> faults--;
           destination_line_breaks() }
    :: atomic { faults > 0 && s_up -> faults--; source_dies() }
    :: atomic { !s_up -> s_up = true; s_restarted = true }
    :: atomic { faults > 0 && d_up -> faults--; destination_dies() }
    :: atomic { !d_up -> d_up = true; d_restarted = true }
#ifdef LATE_QUESTIONS
    :: atomic { faults > 0 && !late_reclaim &&
                (s_asks == RECLAIM || k_withdraws) ->
           faults--; late_reclaim = true }
#endif
#ifdef QEMUS_DIE
    :: atomic { faults > 0 && qs != DEAD && s_state != s_IDLE -> faults--;
           if
           :: mig == DEVICE -> all_sent = true
           :: true -> skip
           fi;
           qs = DEAD; mig = NONE;
           /* Who is taking it back gives up what is there. */
           is_lost = is_lost || ran_on || IS_CANCELLED_THERE ||
                     was_aborted ||
                     !(DESTINATION_HAS_IT || (all_sent && qd == LOADING)) }
    :: atomic { faults > 0 && qd != DEAD && qd != ABSENT &&
                d_disk != d_IDLE -> faults--;
           is_lost = is_lost || has_run || qs == DEAD;
           qd = DEAD }
#endif
    od
}

/* ------------------------------------------------------------- at the end */

/* Nothing can happen any more: jobs are released, and the guest runs, unless
 * nobody could be asked (s_LEFT, s_UNSURE, a destination that keeps what it
 * has), which an operator settles. */
#ifdef KEPT
#define STANDS_STILL (s_state == s_UNSURE && is_unknown)
#else
#define STANDS_STILL (s_state == s_LEFT)
#endif

/* It has all of the guest, and its source, which went back, can't say so. */
#define IS_FORSAKEN (s_forgot && d_state == d_LOADED && d_asks)

active proctype the_end()
{
    atomic {
        timeout && !S_HAS_DEADLINE && !D_HAS_DEADLINE && !K_HAS_DEADLINE ->
        assert(s_state == s_IDLE || STANDS_STILL);
        assert(d_state == d_IDLE || IS_FORSAKEN);
        assert(!s_job && (!d_job || IS_FORSAKEN));
        assert(is_lost || qs == RUNNING || qd == RUNNING ||
               (qs == PAUSED && (STANDS_STILL || s_is_kept)) || d_is_kept)
    }
}
