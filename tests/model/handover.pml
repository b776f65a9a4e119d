/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration with everything that takes part in it: the client, the two
 * daemons, the two QEMUs, and what may break.  Whatever breaks, the guest never
 * runs twice, and no QEMU that has the whole of it is killed for nothing.
 *
 * The daemons and the client decide by the very tables that the program is
 * built with (src/migrate/ *.def); tests/model/run makes the names that stand
 * in them.  Written here is what surrounds them: what carrying out an action
 * does to the world, and when an event can come about.
 *
 *   s_...  the source's daemon       qs, mig  its QEMU: CPUs, migration
 *   d_...  the destination's         qd       its QEMU
 *   k_...  the client (coordinator)
 *
 * A daemon's state is on disk before its action is carried out, and a daemon
 * that dies loses all but the state: the action, QEMU's events, its calls.
 *
 * Faults, MAX_FAULTS in all: a daemon dies (and comes back), the client dies, a
 * connection breaks, a QEMU dies (-DQEMUS_DIE), a state can't be saved.  A
 * deadline may pass at any time (-DDEADLINES).
 *
 *   -DV2       protocol v2
 *   -DFOREIGN  a client that follows libvirt's rules and not ours
 *   -DBUG_...  a mistake that has to be found; tests/model/run has the list */

#include "names.pml"

#ifndef MAX_FAULTS
#define MAX_FAULTS 1
#endif

mtype = {
    /* CPUs of a QEMU; LOADED: paused, with the whole guest. */
    RUNNING, PAUSED, ABSENT, STARTED, LISTENS, LOADING, LOADED, DEAD,
    /* QEMU's migration at the source. */
    NONE, ACTIVE, PRE_SWITCHOVER, DEVICE, COMPLETED, CANCELLED,
    /* Calls, answers. */
    BEGIN, PERFORM, CONFIRM, CONFIRM_CANCELLED, OK, ERROR, ABORTED,
    PREPARE, FINISH, FINISH_CANCELLED
};

byte faults = MAX_FAULTS;

/* The source. */
mtype s_state = s_IDLE;
mtype s_act = sa_NOTHING;
mtype s_call = NONE;    /* The call that waits for its answer. */
bool s_up = true;
bool s_job, s_is_kept;
bool s_restarted;       /* Comes up again and has to look around. */
bool s_client_left;     /* The connection is gone; not yet noticed. */
bool s_has_client;
bool s_arming, s_looking, s_is_ended;
bool s_abort;           /* Somebody's domjobabort. */
bool was_running = true;
mtype qs = RUNNING;
mtype mig = NONE;
bool ev_pre, ev_completed, ev_failed;

/* The destination. */
mtype d_state = d_IDLE;
mtype d_act = da_NOTHING;
mtype d_call = NONE;
bool d_up = true;
bool d_job, d_is_kept;
bool d_restarted;
bool d_client_left;
bool d_has_client;
bool d_arming, d_resuming, d_looking, d_is_ended;
mtype qd = ABSENT;
bool has_run;
bool ev_started, ev_loaded, ev_load_failed, ev_running;

/* The client. */
mtype k_state = c_IDLE;
mtype k_act = ca_NOTHING;
bool k_up = true;
bool k_ended;
bool to_source = true, to_destination = true;    /* Its connections. */
bool k_source_lost, k_destination_lost;          /* Not yet noticed. */
chan calls_s = [1] of { mtype };
chan answers_s = [1] of { mtype };
chan calls_d = [1] of { mtype };
chan answers_d = [1] of { mtype };

/* Nor does time turn back: what has run there does not go on here. */
#define NEVER_TWICE                                                            \
    assert(!(qs == RUNNING && qd == RUNNING) && !(qs == RUNNING && has_run))
/* Something has the guest, or will load it. */
#define SOURCE_HAS_IT (qs == RUNNING || qs == PAUSED)
#define DESTINATION_HAS_IT (qd == LOADED || qd == RUNNING)

/* --------------------------------------------------------------- the rules */

inline source_rule(event)
{
    if
#ifdef BUG_SILENCE_RESUMES        /* Who hears nothing goes on here. */
    :: s_state == s_HANDED && event == se_CLIENT_GONE ->
        s_state = s_RESTORING; s_act = sa_RESTORE
#endif
#ifdef BUG_SILENCE_KILLS
    :: s_state == s_HANDED && event == se_CLIENT_GONE ->
        s_state = s_KILLING; s_act = sa_KILL_GUEST
#endif
#ifdef BUG_JOB_STAYS
    :: s_state == s_BEGUN && event == se_CLIENT_GONE -> skip
#endif
#define RULE(in, on, to, act)                                                  \
    :: s_state == s_##in && event == se_##on ->                                \
        s_state = s_##to; s_act = sa_##act
#include "migrate/source.def"
#undef RULE
    :: else -> skip
    fi
}

inline destination_rule(event)
{
    if
#ifdef BUG_RUNS_UNASKED           /* Loaded is as good as finished. */
    :: d_state == d_PREPARED && event == de_LOADED ->
        d_state = d_RESUMING; d_act = da_RESUME_GUEST
#endif
#ifdef BUG_KILLS_IN_FINISH        /* After a restart, without looking. */
    :: d_state == d_RESUMING && event == de_RESTARTED ->
        d_state = d_KILLING; d_act = da_KILL_GUEST
#endif
#define RULE(in, on, to, act)                                                  \
    :: d_state == d_##in && event == de_##on ->                                \
        d_state = d_##to; d_act = da_##act
#include "migrate/destination.def"
#undef RULE
    :: else -> skip
    fi
}

inline client_rule(event)
{
    if
#define RULE(in, on, to, act)                                                  \
    :: k_state == c_##in && event == ce_##on ->                                \
        k_state = c_##to; k_act = ca_##act
#ifdef V2
#include "migrate/coordinator_v2.def"
#else
#include "migrate/coordinator_v3.def"
#endif
#undef RULE
    :: else -> skip
    fi
}

/* -------------------------------------------------------------- the source */

inline source_answer(what)
{
    if
    :: s_call != NONE && to_source -> answers_s!what
    :: else -> skip
    fi;
    s_call = NONE
}

/* QEMU restarts a guest by itself whose migration fails or is cancelled. */
inline migration_ends()
{
    mig = CANCELLED;
    ev_failed = true;
    if
    :: qs == PAUSED && was_running -> qs = RUNNING; NEVER_TWICE
    :: else -> skip
    fi
}

inline source_ends(what)
{
    s_job = false;
    s_state = s_IDLE;
    s_is_ended = true;
    source_answer(what)
}

inline source_act()
{
    if
    :: s_act == sa_NOTHING -> skip
    :: s_act == sa_ANSWER_BEGIN -> source_answer(OK)
    :: s_act == sa_ARM -> s_arming = true
    :: s_act == sa_MIGRATE -> if :: qs != DEAD -> mig = ACTIVE :: else fi
    :: s_act == sa_CONTINUE ->
        if
        :: mig == PRE_SWITCHOVER -> mig = DEVICE
        :: else -> skip
        fi
    :: s_act == sa_ANSWER_PERFORM -> source_answer(OK)
    :: s_act == sa_CANCEL ->
        if
        :: mig == ACTIVE || mig == PRE_SWITCHOVER || mig == DEVICE ->
            migration_ends()
        :: mig == COMPLETED -> ev_completed = true
        :: else -> ev_failed = true
        fi
    :: s_act == sa_RESTORE -> s_looking = true
    :: s_act == sa_KILL_GUEST || s_act == sa_HAND_OVER ->
        /* The only other one that has it, or had it, is the destination. */
        assert(qs == DEAD || DESTINATION_HAS_IT || qd == DEAD);
#ifndef QEMUS_DIE
        assert(qs == DEAD || DESTINATION_HAS_IT);
#endif
        qs = DEAD
    :: s_act == sa_LEAVE_PAUSED ->
        s_job = false;
        source_answer(ERROR)
    :: s_act == sa_END_JOB || s_act == sa_END_RESTORED ->
        if
        :: s_call == CONFIRM -> source_ends(OK)
        :: else -> source_ends(ERROR)
        fi
    :: s_act == sa_END_MIGRATED -> source_ends(OK)
    :: s_act == sa_END_PAUSED || s_act == sa_END_FAILED ->
        source_ends(ERROR)
    :: s_act == sa_END_MOVED -> source_ends(OK)
    :: else -> assert(false)    /* An action that is not described here. */
    fi;
    s_act = sa_NOTHING
}

/* What RESTORE finds. */
inline source_looks()
{
    if
    :: qs == DEAD -> s_looking = false
    :: qs != DEAD && (mig == ACTIVE || mig == PRE_SWITCHOVER || mig == DEVICE) ->
        s_looking = false;
        migration_ends()          /* It cancels; the event comes. */
    :: else ->
        s_looking = false;
        if
        :: was_running -> qs = RUNNING; NEVER_TWICE
        :: else -> skip
        fi;
        ev = se_RESTORED
    fi
}

#ifdef V2
#define SOURCE_PERFORM se_PERFORM2
#else
#define SOURCE_PERFORM se_PERFORM
#endif

#define S_IDLES (s_up && !s_restarted && s_act == sa_NOTHING)

active proctype source()
{
    mtype before, ev;
    bool is_new;
end:
    do
    :: atomic { s_up && !s_restarted && s_act != sa_NOTHING -> source_act() }
    :: atomic { S_IDLES && calls_s?[BEGIN] -> calls_s?BEGIN;
           s_call = BEGIN; is_new = true;
           s_has_client = true; ev = se_BEGIN; goto take }
    :: atomic { S_IDLES && calls_s?[PERFORM] -> calls_s?PERFORM;
           s_call = PERFORM; is_new = true;
           s_has_client = true; ev = SOURCE_PERFORM; goto take }
    :: atomic { S_IDLES && calls_s?[CONFIRM] -> calls_s?CONFIRM;
           s_call = CONFIRM; is_new = true;
           s_has_client = true; ev = se_CONFIRM; goto take }
    :: atomic { S_IDLES && calls_s?[CONFIRM_CANCELLED] ->
           calls_s?CONFIRM_CANCELLED;
           s_call = CONFIRM; is_new = true;
           s_has_client = true; ev = se_CONFIRM_CANCELLED; goto take }
    :: atomic { S_IDLES && s_client_left ->
           s_client_left = false; s_call = NONE;
           ev = se_CLIENT_GONE; goto take }
    :: atomic { S_IDLES && s_abort -> s_abort = false; ev = se_ABORT; goto take }
    :: atomic { S_IDLES && s_arming && qs != DEAD ->
           s_arming = false; was_running = (qs == RUNNING);
           ev = se_ARMED; goto take }
    :: atomic { S_IDLES && s_looking -> source_looks(); goto take }
    :: atomic { S_IDLES && ev_pre -> ev_pre = false;
           ev = se_PRE_SWITCHOVER; goto take }
    :: atomic { S_IDLES && ev_completed -> ev_completed = false;
           ev = se_COMPLETED; goto take }
    :: atomic { S_IDLES && ev_failed -> ev_failed = false;
           ev = se_FAILED; goto take }
    :: atomic { S_IDLES && qs == DEAD && s_state != s_IDLE &&
                s_state != s_SHELL_GONE ->
           s_arming = false; s_looking = false;
           ev = se_QEMU_GONE; goto take }
#ifdef DEADLINES
    :: atomic { S_IDLES && s_state != s_IDLE && s_state != s_UNSURE ->
           ev = se_OVERDUE; goto take }
#endif
    :: atomic { s_up && s_restarted ->
           s_restarted = false;
           if
           :: s_state != s_IDLE -> ev = se_RESTARTED; goto take
           :: else -> skip
           fi }
    od;
take:
    atomic {
        before = s_state;
        source_rule(ev);
        if
        :: s_act == sa_END_PAUSED -> s_is_kept = true
        :: else -> skip
        fi;
        if
        :: is_new && before == s_state -> source_answer(ERROR)
        :: is_new && before != s_state ->
            s_job = true; s_is_ended = false
        :: else -> skip
        fi;
        is_new = false; ev = 0; before = 0;
        goto end
    }
}

/* --------------------------------------------------------- the destination */

inline destination_answer(what)
{
    if
    :: d_call != NONE && to_destination -> answers_d!what
    :: else -> skip
    fi;
    d_call = NONE
}

inline destination_ends(what)
{
    d_job = false;
    d_state = d_IDLE;
    d_is_ended = true;
    destination_answer(what)
}

inline destination_act()
{
    if
    :: d_act == da_NOTHING -> skip
    :: d_act == da_START_QEMU -> qd = STARTED; ev_started = true
    :: d_act == da_GREET -> ev_started = true
    :: d_act == da_ARM -> d_arming = true
    :: d_act == da_ANSWER_PREPARE -> destination_answer(OK)
    :: d_act == da_RESUME_GUEST || d_act == da_KEEP_PAUSED -> d_resuming = true
    :: d_act == da_EXAMINE ->
        if
        :: qd == RUNNING -> ev = de_RUNNING
        :: else -> ev = de_REFUSED
        fi
    :: d_act == da_LOOK -> d_looking = true
    :: d_act == da_KILL_GUEST ->
        /* It may be the only one that has the guest. */
        assert(!DESTINATION_HAS_IT || SOURCE_HAS_IT || qd == DEAD);
        qd = DEAD
    :: d_act == da_END_FAILED || d_act == da_END_REFUSED ->
        if
        :: d_call == FINISH_CANCELLED -> destination_ends(ABORTED)
        :: else -> destination_ends(ERROR)
        fi
    :: d_act == da_END_RUNNING || d_act == da_END_PAUSED ||
       d_act == da_END_DEFINED -> destination_ends(OK)
    :: d_act == da_END_KEPT -> destination_ends(ERROR)
    :: else -> assert(false)    /* An action that is not described here. */
    fi;
    d_act = da_NOTHING
}

#ifdef V2
#define DESTINATION_PREPARE de_PREPARE2
#define DESTINATION_FINISH de_FINISH2
#else
#define DESTINATION_PREPARE de_PREPARE
#define DESTINATION_FINISH de_FINISH
#endif

#define D_IDLES (d_up && !d_restarted && d_act == da_NOTHING)

active proctype destination()
{
    mtype before, ev;
    bool is_new;
end:
    do
    :: atomic { d_up && !d_restarted && d_act != da_NOTHING ->
           destination_act();
           if
           :: ev != 0 -> goto take
           :: else -> skip
           fi }
    :: atomic { D_IDLES && calls_d?[PREPARE] && qd == ABSENT ->
           calls_d?PREPARE;
           d_call = PREPARE; is_new = true;
           d_has_client = true; ev = DESTINATION_PREPARE; goto take }
    :: atomic { D_IDLES && calls_d?[FINISH] -> calls_d?FINISH;
           d_call = FINISH; is_new = true;
           d_has_client = true; ev = DESTINATION_FINISH; goto take }
    :: atomic { D_IDLES && calls_d?[FINISH_CANCELLED] ->
           calls_d?FINISH_CANCELLED;
           d_call = FINISH_CANCELLED; is_new = true;
           d_has_client = true; ev = de_FINISH_CANCELLED; goto take }
    :: atomic { D_IDLES && d_client_left ->
           d_client_left = false; d_call = NONE;
           ev = de_CLIENT_GONE; goto take }
    :: atomic { D_IDLES && ev_started -> ev_started = false;
           ev = de_STARTED; goto take }
    :: atomic { D_IDLES && d_arming && qd == STARTED ->
           d_arming = false; qd = LISTENS; ev = de_ARMED; goto take }
    :: atomic { D_IDLES && ev_loaded -> ev_loaded = false;
           ev = de_LOADED; goto take }
    :: atomic { D_IDLES && ev_load_failed -> ev_load_failed = false;
           ev = de_FAILED; goto take }
    /* cont, and its answer. */
    :: atomic { d_up && d_act == da_NOTHING && d_resuming &&
                (qd == LOADED || qd == RUNNING) &&
                (d_state == d_RESUMING || d_state == d_RESUMING2) ->
           d_resuming = false; qd = RUNNING; has_run = true; NEVER_TWICE;
           ev_running = true }
    :: atomic { D_IDLES && ev_running -> ev_running = false;
           ev = de_RUNNING; goto take }
    :: atomic { D_IDLES && d_resuming && qd == LOADED &&
                (d_state == d_SETTLING || d_state == d_SETTLING2) ->
           d_resuming = false;
           ev = de_SETTLED; goto take }
    :: atomic { D_IDLES && d_looking && qd != DEAD ->
           d_looking = false;
           if
           :: qd == LOADED || qd == RUNNING -> ev = de_LOADED
           :: qd == LOADING -> ev = de_COMING
           /* A whole migration takes longer than the kill that follows. */
           :: else -> ev = de_ABSENT;
               if
               :: qd == LISTENS -> qd = STARTED
               :: else -> skip
               fi
           fi;
           goto take }
    :: atomic { D_IDLES && qd == DEAD && d_state != d_IDLE ->
           d_arming = false; d_resuming = false; d_looking = false;
           ev = de_QEMU_GONE; goto take }
#ifdef DEADLINES
    /* Prepare's ends when the source connects. */
    :: atomic { D_IDLES && d_state != d_IDLE && qd != DEAD &&
                !((d_state == d_PREPARED || d_state == d_PREPARED2) &&
                  qd != LISTENS) ->
           ev = de_OVERDUE;
           if
           :: d_state == d_PREPARED2 -> qd = STARTED    /* As above. */
           :: else -> skip
           fi;
           goto take }
#endif
    :: atomic { d_up && d_restarted ->
           d_restarted = false;
           if
           :: d_state != d_IDLE -> ev = de_RESTARTED; goto take
           :: else -> skip
           fi }
    od;
take:
    atomic {
        before = d_state;
        destination_rule(ev);
        if
        :: d_act == da_END_KEPT -> d_is_kept = true
        :: else -> skip
        fi;
        if
        :: is_new && before == d_state && d_state != d_KILLING ->
            destination_answer(ERROR)
        :: is_new && !(before == d_state && d_state != d_KILLING) ->
            d_job = true; d_is_ended = false
        :: else -> skip
        fi;
        is_new = false; ev = 0; before = 0;
        goto end
    }
}

/* --------------------------------------------------------------- the QEMUs */

active proctype qemus()
{
end:
    do
    :: atomic { mig == ACTIVE && qd == LISTENS ->
           qd = LOADING }
    :: atomic { mig == ACTIVE && qd == LOADING ->
           mig = PRE_SWITCHOVER; ev_pre = true;
           if
           :: qs == RUNNING -> qs = PAUSED
           :: else -> skip
           fi }
    /* All of it is sent, and loaded from the socket, whatever happens to the
     * source then; that QEMU there is done is heard here a moment later. */
    :: atomic { mig == DEVICE && qd == LOADING -> qd = LOADED;
           ev_loaded = true }
    :: atomic { mig == DEVICE && qd == LOADED -> mig = COMPLETED;
           ev_completed = true }
    :: atomic { (mig == ACTIVE || mig == DEVICE) &&
                (qd == DEAD || qd == ABSENT || qd == STARTED) ->
           migration_ends() }
    /* A cancelled source closes its socket: what was not sent never comes. */
    :: atomic { (mig == CANCELLED || qs == DEAD) && qd == LOADING ->
           if
           :: ev_load_failed = true; qd = DEAD
           :: true -> skip
           fi }
    od
}

/* --------------------------------------------------------- the connections */

inline source_line_breaks()
{
    if
    :: to_source ->
        to_source = false;
        k_source_lost = true;
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

/* -------------------------------------------------------------- the client */

inline call_source(what)
{
    if
    :: to_source -> calls_s!what
    :: else -> skip
    fi
}

inline call_destination(what)
{
    if
    :: to_destination -> calls_d!what
    :: else -> skip
    fi
}

inline client_act()
{
    act = k_act;
    k_act = ca_NOTHING;
    if
    :: act == ca_NOTHING -> skip
    :: act == ca_CALL_BEGIN -> call_source(BEGIN)
    :: act == ca_CALL_DUMP_XML -> ev = ce_DUMPED
    :: act == ca_CALL_LOOK -> ev = ce_LOOKED
    :: act == ca_CALL_PREPARE -> call_destination(PREPARE)
    :: act == ca_CALL_PERFORM -> call_source(PERFORM)
    :: act == ca_CALL_ABORT -> if :: to_source -> s_abort = true :: else fi
    :: act == ca_CALL_FINISH -> call_destination(FINISH)
    :: act == ca_CALL_CONFIRM -> call_source(CONFIRM)
    :: act == ca_CANCEL_FINISH -> call_destination(FINISH_CANCELLED)
    :: act == ca_CANCEL_CONFIRM || act == ca_RELEASE ->
        call_source(CONFIRM_CANCELLED)
    :: act == ca_ASK_AGAIN -> k_asks = true
    :: act == ca_REPORT -> k_ended = true
    :: else -> assert(false)    /* An action that is not described here. */
    fi
}

/* The answer is to the call that the state waits for. */
inline client_hears_source(answer)
{
    if
    :: k_state == c_BEGINNING || k_state == c_LEAVING ->
        if
        :: answer == OK -> ev = ce_BEGUN
        :: else -> ev = ce_BEGIN_FAILED
        fi
    :: k_state == c_PERFORMING || k_state == c_STOPPING || k_state == c_BLIND ->
        if
        :: answer == OK -> ev = ce_PERFORMED
        :: else -> ev = ce_PERFORM_FAILED
        fi
    :: k_state == c_CONFIRMING || k_state == c_RELEASING ->
        if
        :: answer == OK -> ev = ce_CONFIRMED
        :: else -> ev = ce_CONFIRM_FAILED
        fi
    :: else -> skip
    fi
}

inline client_hears_destination(answer)
{
    if
    :: k_asks -> k_asks = false;
        if
        :: answer == ABORTED -> ev = ce_FOUND_CANCELLED
        :: answer == OK -> ev = ce_FOUND_RUNNING
        :: else ->
            if
            :: qd == RUNNING -> ev = ce_FOUND_RUNNING
            :: else -> ev = ce_NOT_FOUND_OUT
            fi
        fi
    :: !k_asks && (k_state == c_PREPARING || k_state == c_RECALLING ||
                   k_state == c_ABANDONING) ->
        if
        :: answer == OK -> ev = ce_PREPARED
        :: else -> ev = ce_PREPARE_FAILED
        fi
    :: !k_asks && (k_state == c_FINISHING || k_state == c_WITHDRAWING ||
                   k_state == c_CANCELLING || k_state == c_ALONE) ->
        if
        :: answer == OK -> ev = ce_FINISHED
        :: else -> ev = ce_FINISH_FAILED
        fi
    :: else -> skip
    fi
}

/* libvirt's client takes a lost answer for a "no". */
inline client_loses_destination()
{
#ifdef FOREIGN
    if
    :: k_state == c_FINISHING -> ev = ce_FINISH_FAILED
    :: else -> ev = ce_DESTINATION_LOST
    fi
#else
    ev = ce_DESTINATION_LOST
#endif
}

#define TAKE                                                                   \
    if                                                                         \
    :: ev != 0 -> goto take                                                    \
    :: else -> skip                                                            \
    fi
#define K_IDLES (k_up && !k_ended && k_act == ca_NOTHING)

active proctype client()
{
    mtype answer, act, ev;
    bool k_asks, k_interrupted;

    atomic { ev = ce_START; goto take }
end:
    do
    :: atomic { k_up && !k_ended && k_act != ca_NOTHING -> client_act(); TAKE }
    /* It exits, and its connections close. */
    :: atomic { k_up && k_ended -> k_up = false;
           source_line_breaks(); destination_line_breaks() }
    :: atomic { K_IDLES && nempty(answers_s) -> answers_s?answer;
           client_hears_source(answer); TAKE }
    :: atomic { K_IDLES && nempty(answers_d) -> answers_d?answer;
           client_hears_destination(answer); TAKE }
    :: atomic { K_IDLES && k_source_lost -> k_source_lost = false;
           ev = ce_SOURCE_LOST; goto take }
    :: atomic { K_IDLES && k_destination_lost -> k_destination_lost = false;
           if
           :: k_asks -> k_asks = false; ev = ce_NOT_FOUND_OUT
           :: else -> client_loses_destination()
           fi;
           goto take }
    :: atomic { K_IDLES && !k_interrupted && k_state != c_IDLE ->
           k_interrupted = true; ev = ce_INTERRUPTED; goto take }
    /* It connects again, and sends a Finish that cancels (v3). */
    :: atomic { K_IDLES && k_asks && !to_destination && d_up &&
                !d_client_left ->
           to_destination = true;
#ifdef V2
           k_asks = false;
           if
           :: qd == RUNNING -> ev = ce_FOUND_RUNNING
           :: else -> ev = ce_NOT_FOUND_OUT
           fi;
           goto take
#else
           calls_d!FINISH_CANCELLED
#endif
         }
    :: atomic { K_IDLES && k_asks && !to_destination ->
           k_asks = false; ev = ce_NOT_FOUND_OUT; goto take }
    od;
take:
    atomic { client_rule(ev); ev = 0; answer = 0; act = 0; goto end }
}

/* -------------------------------------------------------------- what breaks */

active proctype faults_happen()
{
end:
    do
    :: atomic { faults > 0 -> faults = 0 }    /* No more. */
    :: atomic { faults > 0 && to_source -> faults--; source_line_breaks() }
    :: atomic { faults > 0 && to_destination -> faults--;
           destination_line_breaks() }
    :: atomic { faults > 0 && s_up -> faults--;
           s_up = false; source_line_breaks(); s_client_left = false;
           s_act = sa_NOTHING; s_call = NONE; s_abort = false;
           s_arming = false; s_looking = false;
           ev_pre = false; ev_completed = false; ev_failed = false }
    :: atomic { !s_up -> s_up = true; s_restarted = true }
    :: atomic { faults > 0 && d_up -> faults--;
           d_up = false; destination_line_breaks(); d_client_left = false;
           d_act = da_NOTHING; d_call = NONE;
           d_arming = false; d_resuming = false; d_looking = false;
           ev_started = false; ev_loaded = false; ev_load_failed = false;
           ev_running = false }
    :: atomic { !d_up -> d_up = true; d_restarted = true }
    :: atomic { faults > 0 && k_up && !k_ended -> faults--;
           k_up = false; source_line_breaks(); destination_line_breaks() }
#ifdef QEMUS_DIE
    :: atomic { faults > 0 && qs != DEAD -> faults--; qs = DEAD; mig = NONE }
    :: atomic { faults > 0 && qd != DEAD && qd != ABSENT -> faults--;
           qd = DEAD }
#endif
    od
}

/* ------------------------------------------------------------- at the end */

/* Nothing can happen any more: jobs are released, and the guest runs, unless
 * nobody could be asked (s_UNSURE, a destination that keeps what it has), which
 * an operator settles. */
active proctype the_end()
{
    atomic {
        timeout ->
        assert(s_state == s_IDLE || s_state == s_UNSURE ||
               s_state == s_SHELL_GONE);
        assert(d_state == d_IDLE);
#ifndef QEMUS_DIE
        assert(qs == RUNNING || qd == RUNNING ||
               (qs == PAUSED && (s_state == s_UNSURE || s_is_kept)) ||
               d_is_kept)
#endif
    }
}
