/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination's daemon.  Included by handover.pml. */

inline destination_rule(event)
{
    taken = true;
find_destination_rule:
    if
#ifdef BUG_RUNS_UNASKED           /* Loaded is as good as finished. */
    :: d_state == d_PREPARED && event == de_LOADED ->
        d_state = d_RESUMING; d_act = da_RESUME_GUEST
#endif
#ifdef BUG_KILLS_IN_FINISH        /* After a restart, without looking. */
    :: d_state == d_RESUMING && event == de_RESTARTED ->
        d_state = d_KILLING; d_act = da_KILL_GUEST
#endif
#ifdef BUG_RECLAIMED_IN_FINISH    /* A token that is used is given back. */
    :: d_state == d_RESUMING && event == de_RECLAIMED ->
        d_state = d_KILLING; d_act = da_KILL_GUEST
#endif
#define RULE(in, on, to, act)                                                  \
    :: d_state == d_##in && event == de_##on ->                                \
        d_state = d_##to; d_act = da_##act
#include "migrate/destination.def"
#undef RULE
    :: else ->
        if
        DESTINATION_FALLBACKS(event, goto find_destination_rule)
        :: else -> taken = false
        fi
    fi
}

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
    d_state = d_IDLE; d_disk = d_IDLE;
    destination_answer(what)
}

inline destination_has_noted(outcome)
{
    d_ledger = outcome;
    returned = (outcome == RETURNED);
    is_unknown = false
}

/* What is told for ever.  Of a guest that may have run unseen it is nothing. */
inline destination_notes(outcome)
{
#ifdef KEPT
    if
#ifdef BUG_GONE_IS_RETURNED
    :: false -> skip
#else
    :: outcome == RETURNED && d_blind -> is_unknown = true
#endif
    :: else ->
#ifdef DISK_FAILS
        if
        :: faults > 0 -> faults--; d_unnoted = outcome
        :: true -> destination_has_noted(outcome)
        fi
#else
        destination_has_noted(outcome)
#endif
    fi;
#endif
    d_blind = false
}

inline destination_act()
{
    if
    :: d_unsaved && d_act == da_END_PAUSED ->
        d_state = d_disk; ev = de_REFUSED
#ifndef BUG_RESUMED_UNSAVED
    :: d_unsaved && (d_act == da_RESUME_GUEST || d_act == da_KEEP_PAUSED) ->
        ev = de_REFUSED
#endif
    :: d_act == da_NOTHING -> skip
    :: else ->
    if
    :: d_act == da_START_QEMU -> qd = STARTED; ev_started = true
    :: d_act == da_ARM -> d_arming = true
    :: d_act == da_ANSWER_PREPARE -> destination_answer(OK)
    :: d_act == da_GREET ->
        if
        :: qd == STARTED -> ev_started = true
        :: else -> skip
        fi
    :: d_act == da_RESUME_GUEST -> d_resuming = true;
        d_blind = true; d_cont_ours = true
    :: d_act == da_KEEP_PAUSED -> d_resuming = true
    :: d_act == da_EXAMINE -> d_examining = true
    :: d_act == da_ASK_THERE -> d_asks = true
    :: d_act == da_LOOK -> d_looking = true
    :: d_act == da_KILL_GUEST ->
        /* It may be the only one that has the guest. */
        assert(!DESTINATION_HAS_IT || SOURCE_HAS_IT || is_lost || qd == DEAD);
#ifndef QEMUS_DIE
        assert(qd != RUNNING);
#endif
        qd = DEAD
    :: d_act == da_END_FAILED || d_act == da_END_REFUSED ->
#ifdef BUG_NOTED_LATE
        destination_notes(RETURNED);
#endif
        if
        :: d_call == FINISH_CANCELLED -> destination_ends(ABORTED)
        :: else -> destination_ends(ERROR)
        fi
    :: d_act == da_END_RUNNING || d_act == da_END_PAUSED ||
       d_act == da_END_DEFINED ->
#ifdef BUG_NOTED_LATE
        destination_notes(TAKEN);
#endif
        destination_ends(OK)
    :: d_act == da_END_KEPT -> destination_ends(ERROR)
    :: else -> assert(false)    /* An action that is not described here. */
    fi
    fi;
    d_unsaved = false;
    d_act = da_NOTHING
}

/* What EXAMINE finds, after QEMU has carried out what it was told before. */
inline destination_examines()
{
    d_examining = false;
    if
    :: qd == RUNNING -> ev = de_RUNNING
    :: else -> d_blind = false;
        if
        :: IS_KEPT && d_token -> ev = de_FROZEN
        :: else -> ev = de_REFUSED
        fi
    fi
}

/* What the source says.  Of one that has said nothing nothing follows, unless
 * the token is here. */
inline destination_hears_of_source()
{
    if
    :: s_ledger == TAKEN -> ev = de_TAKEN
    :: s_ledger == RETURNED -> d_token = true; ev = de_RETURNED
    :: else -> ev = de_UNCLAIMED
    fi
}
#define D_HEARS_OF_SOURCE                                                      \
    (D_IDLES && d_asks && SOURCE_ANSWERS &&                                    \
     (s_ledger != NONE || TAKES_d_UNCLAIMED))

/* What LOOK finds. */
inline destination_looks()
{
    d_looking = false;
    if
    :: qd == LOADED || qd == RUNNING -> ev = de_LOADED
    :: qd == LOADING -> ev = de_COMING
    :: else -> ev = de_ABSENT;
#ifdef V2
        /* A whole migration takes longer than the kill that follows. */
        if
        :: qd == LISTENS -> qd = STARTED
        :: else -> skip
        fi
#endif
    fi
}

#ifdef V2
#define DESTINATION_PREPARE de_PREPARE2
#define DESTINATION_FINISH de_FINISH2
#else
#define DESTINATION_PREPARE de_PREPARE
#define DESTINATION_FINISH de_FINISH
#endif

/* Who wants the token back. */
#define D_IS_ASKED                                                             \
    (late_reclaim || s_asks == RECLAIM || k_withdraws)
#define D_IDLES (d_up && !d_restarted && d_act == da_NOTHING)
/* Prepare's ends when the source connects.  A look tells nothing new while the
 * guest comes. */
#define D_HAS_DEADLINE                                                         \
    (D_IDLES && d_state != d_IDLE && qd != DEAD &&                             \
     !(d_state == d_LOADED && d_asks) &&                                       \
     !((d_state == d_PREPARED || d_state == d_PREPARED2) && qd != LISTENS) &&  \
     !((d_state == d_LEFT2 || d_state == d_WAITING2) && qd == LOADING))

active proctype destination()
{
    mtype before, ev;
    bool is_new, taken;
end:
    do
    :: atomic { d_up && !d_restarted && d_act != da_NOTHING -> goto act }
    :: atomic { D_IDLES && calls_d?[PREPARE] -> calls_d?PREPARE;
           d_call = PREPARE; is_new = true;
           d_has_client = true;
           if
           /* What was returned is forgotten; what was taken is refused. */
           :: d_state == d_IDLE && qd != RUNNING && d_ledger != TAKEN &&
              d_unnoted == NONE -> d_client_left = false;
               qd = ABSENT; returned = false; d_token = false; d_ledger = NONE;
               is_unknown = false; ev = DESTINATION_PREPARE
#ifdef COMES_BACK
           :: TAKES_d_REPREPARE -> d_client_left = false; ev = de_REPREPARE
#endif
           :: else -> skip
           fi;
           goto take }
    :: atomic { D_IDLES && calls_d?[FINISH] -> calls_d?FINISH;
           d_call = FINISH; is_new = true;
           d_has_client = true; d_client_left = false;
           d_token = true; ev = DESTINATION_FINISH; goto take }
    :: atomic { D_IDLES && calls_d?[FINISH_CANCELLED] ->
           calls_d?FINISH_CANCELLED;
           d_call = FINISH_CANCELLED; is_new = true;
           d_has_client = true; d_client_left = false;
           ev = de_FINISH_CANCELLED; goto take }
#ifdef STAND_IN
    :: atomic { D_IDLES && stray_finish -> stray_finish = false;
           if
           :: TAKES_d_FINISH -> d_token = true; ev = de_FINISH
           :: else -> skip
           fi;
           goto take }
    :: atomic { D_IDLES && stray_cancel -> stray_cancel = false;
           ev = de_FINISH_CANCELLED; goto take }
#endif
#ifdef STRANGER
    /* Somebody's Finish, without the token. */
    :: atomic { faults > 0 && D_IDLES && d_call == NONE && TAKES_d_FINISH ->
           faults--;
#if defined(KEPT) && !defined(BUG_TOKEN_IGNORED)
           ev = de_FINISH_CANCELLED;
#else
           ev = DESTINATION_FINISH;
#endif
           goto take }
#endif
    :: atomic { D_IDLES && d_client_left ->
           d_client_left = false; d_call = NONE;
           ev = BACK_VARIANT(de_CLIENT_AWAY, de_CLIENT_GONE); goto take }
    :: atomic { D_IDLES && D_IS_ASKED && TAKES_d_RECLAIMED &&
                d_state != d_KILLING ->
           late_reclaim = false; ev = de_RECLAIMED; goto take }
#ifdef BUG_RECLAIMED_IN_FINISH
    :: atomic { D_IDLES && D_IS_ASKED && d_state == d_RESUMING ->
           ev = de_RECLAIMED; goto take }
#endif
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
           d_resuming = false;
           assert(d_disk == d_state);
           if
           :: qd == LOADED -> DESTINATION_MAY_RUN
           :: else -> skip
           fi;
           qd = RUNNING; has_run = true; NEVER_TWICE;
           ev_running = true }
    :: atomic { D_IDLES && ev_running -> ev_running = false; d_resumed = true;
           ev = de_RUNNING; goto take }
    :: atomic { D_IDLES && d_resuming && qd == LOADED &&
                (d_state == d_SETTLING || d_state == d_SETTLING2) ->
           d_resuming = false;
           ev = de_SETTLED; goto take }
    :: atomic { D_IDLES && d_looking && qd != DEAD ->
           destination_looks(); goto take }
    :: atomic { D_IDLES && d_examining && !d_resuming && qd != DEAD &&
                d_state == d_RESUMING -> destination_examines(); goto take }
    :: atomic { D_HEARS_OF_SOURCE ->
           destination_hears_of_source(); goto take }
#ifdef DISK_FAILS
    /* Tried again whenever somebody asks. */
    :: atomic { D_IDLES && d_unnoted != NONE ->
           destination_has_noted(d_unnoted); d_unnoted = NONE }
#endif
#ifdef QEMUS_DIE
    /* QEMU lives, and cont, which it was told, may have been carried out. */
    :: atomic { faults > 0 && D_IDLES && d_state == d_RESUMING && qd != DEAD ->
           faults--; d_cont_ours = false; d_resuming = false;
           ev_running = false;
           ev = de_MONITOR_LOST; goto take }
#endif
    /* After its last words: it is read to the end. */
    :: atomic { D_IDLES && qd == DEAD && d_state != d_IDLE && !ev_running ->
           d_arming = false; d_resuming = false; d_looking = false;
           d_examining = false;
           /* Its last words were read: it says so before the guest runs. */
           if
           :: d_cont_ours && !d_resumed -> d_blind = false
           :: else -> skip
           fi;
           ev = de_QEMU_GONE; goto take }
    :: atomic { D_HAS_DEADLINE && LATE -> TIME_PASSES;
           if
           :: !K_IS_HERE && d_has_client -> ev = de_OVERDUE
           :: else -> ev = BACK_VARIANT(de_UNFINISHED, de_OVERDUE)
           fi;
           if
           :: d_state == d_PREPARED2 -> qd = STARTED    /* As in a look. */
           :: else -> skip
           fi;
           goto take }
    :: atomic { d_up && d_restarted ->
           d_restarted = false;
           if
           :: d_state != d_IDLE ->
               ev = BACK_VARIANT(de_BACK, de_RESTARTED); goto take
           :: else -> d_job = false
           fi }
    od;
take:
    atomic {
        before = d_state;
        if
        :: ev != 0 -> destination_rule(ev)
        :: else -> taken = false
        fi;
#ifndef BUG_NOTED_LATE            /* Before the record forgets it. */
        if
        :: d_act == da_END_FAILED -> destination_notes(RETURNED)
        :: d_act == da_END_RUNNING || d_act == da_END_PAUSED ->
            destination_notes(TAKEN)
        :: else -> skip
        fi;
#endif
        if
        :: taken -> SAVE(d_disk, d_state, d_unsaved);
            if
            :: d_disk == d_state -> d_disk_blind = d_blind
            :: else -> skip
            fi
        :: else -> skip
        fi;
        if
        :: before != d_state -> d_asks = false; d_examining = false
        :: else -> skip
        fi;
        if
        :: d_act == da_END_KEPT -> d_is_kept = true
        :: else -> skip
        fi;
        if
        :: is_new && !taken -> destination_answer(ERROR)
        :: is_new && taken -> d_job = true
        :: else -> skip
        fi;
        is_new = false; ev = 0; before = 0; taken = false;
        if
        :: faults == 0 && d_act != da_NOTHING -> goto act
        :: else -> goto end
        fi
    };
act:
    atomic {
        destination_act();
        if
        :: ev != 0 -> goto take
        :: else -> goto end
        fi
    }
}
