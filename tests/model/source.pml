/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source's daemon.  Included by handover.pml. */

/* Whether nobody may run the guest here: source_token_is_away() is the same. */
#define TOKEN_IS_AWAY(state)                                                   \
    (state == s_GIVEN || state == s_RECHECKING || state == s_ASKING ||         \
     state == s_UNSURE || state == s_ORPHAN || state == s_SHELL_GONE ||        \
     state == s_KILLING)

inline source_rule(event)
{
    taken = true;
find_source_rule:
    if
#ifdef BUG_SILENCE_RESUMES        /* Who hears nothing goes on here. */
    :: (s_state == s_HANDED || s_state == s_GIVEN) &&
       event == se_CLIENT_GONE -> s_state = s_RESTORING; s_act = sa_RESTORE
#endif
#ifdef BUG_SILENCE_KILLS
    :: (s_state == s_HANDED || s_state == s_GIVEN) &&
       event == se_CLIENT_GONE -> s_state = s_KILLING; s_act = sa_KILL_GUEST
#endif
#ifdef BUG_NO_IS_BELIEVED         /* A client's word is a proof. */
    :: s_state == s_GIVEN && event == se_UNPROVEN ->
        s_state = s_RESTORING; s_act = sa_RESTORE
#endif
#ifdef BUG_JOB_STAYS              /* Nor has it a deadline. */
    :: s_state == s_BEGUN && event == se_CLIENT_GONE -> skip
#endif
#define RULE(in, on, to, act)                                                  \
    :: s_state == s_##in && event == se_##on ->                                \
        s_state = s_##to; s_act = sa_##act
#include "migrate/source.def"
#undef RULE
    :: else ->
        if
        SOURCE_FALLBACKS(event, goto find_source_rule)
        :: else -> taken = false
        fi
    fi
}

inline source_answer(what)
{
    if
    :: s_call != NONE && to_source -> answers_s!what
    :: else -> skip
    fi;
    s_call = NONE
}

inline source_ends(what)
{
    s_job = false;
    s_state = s_IDLE; s_disk = s_IDLE;
    source_answer(what)
}

/* With the token, where the destination keeps such. */
inline source_answers_perform()
{
#ifdef KEPT
    if
    :: s_call == PERFORM && to_source ->
        /* Who has no QEMU any more could not run it after a restart either. */
        assert(TOKEN_IS_AWAY(s_disk) || qs == DEAD);
        given = true
    :: else -> skip
    fi;
#endif
    source_answer(OK)
}

#ifdef BUG_SENT_UNSAVED
#define NEEDS_RECORD(action) (action == sa_ANSWER_BEGIN || action == sa_ARM)
#else
#define NEEDS_RECORD(action)                                                   \
    (action == sa_ANSWER_BEGIN || action == sa_ARM || action == sa_MIGRATE ||  \
     action == sa_CONTINUE || action == sa_ANSWER_PERFORM)
#endif

#ifdef STAND_IN
inline source_takes_over()
{
    s_call = NONE;
    source_is_coordinator();
    k_up = true; to_source = true; s_has_client = true;
    if
    :: TAKES_s_REBEGIN -> k_start = ce_RESTART
    :: else -> k_start = ce_RESUME;
#ifndef BUG_TAKES_OVER_BLIND      /* The client may have sent Finish. */
        k_finish_sent = TOKEN_IS_AWAY(s_state)
#endif
    fi
}
#endif

inline source_act()
{
    if
    :: s_unsaved && NEEDS_RECORD(s_act) -> ev = se_UNSAVED
    :: s_act == sa_NOTHING -> skip
    :: else ->
    if
    :: s_act == sa_ANSWER_BEGIN -> source_answer(OK)
    :: s_act == sa_ARM -> s_arming = true
    :: s_act == sa_MIGRATE ->
        if
        :: qs != DEAD && mig == NONE -> mig = ACTIVE
        :: else -> skip
        fi
    :: s_act == sa_CONTINUE ->
        if
        :: mig == PRE_SWITCHOVER -> mig = DEVICE
        :: else -> skip
        fi
    :: s_act == sa_ANSWER_PERFORM || s_act == sa_ANSWER_SHELL ->
        source_answers_perform()
    :: s_act == sa_CANCEL ->
        if
        :: qs == DEAD -> skip
        :: qs != DEAD && (mig == ACTIVE || mig == PRE_SWITCHOVER ||
                          mig == DEVICE) -> migration_ends()
        :: qs != DEAD && mig == COMPLETED -> ev_completed = true
        :: else -> ev_failed = true
        fi
    :: s_act == sa_RESTORE -> s_looking = true
    :: s_act == sa_KILL_GUEST || s_act == sa_HAND_OVER ->
        /* The only other one that has it, or had it, is the destination. */
        assert(qs == DEAD || DESTINATION_HAS_IT || has_run || is_lost ||
               (s_act == sa_HAND_OVER && qd == DEAD));
#ifndef QEMUS_DIE
        assert(qs == DEAD || DESTINATION_HAS_IT);
#endif
        if
        :: qs != DEAD && qd == DEAD && !has_run -> is_lost = true
        :: else -> skip
        fi;
        qs = DEAD
#ifdef BUG_ASKS_ONCE
    :: s_act == sa_ASK ->
        if
        :: DESTINATION_ANSWERS -> s_asks = RECLAIM
        :: else -> skip
        fi
#else
    :: s_act == sa_ASK -> s_asks = RECLAIM
#endif
    :: s_act == sa_LOOK_THERE -> s_asks = LOOK
    :: s_act == sa_SYNC -> s_syncing = true
#ifdef STAND_IN
    :: s_act == sa_TAKE_OVER -> source_takes_over()
#endif
    :: s_act == sa_EXAMINE -> s_examining = true
    :: s_act == sa_LEAVE_PAUSED ->
#ifdef BUG_UNSURE_KEEPS_JOB
        s_job = (s_state == s_UNSURE);
#else
        s_job = false;
#endif
        s_disk = s_state;
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
    fi
    fi;
    s_unsaved = false;
    s_act = sa_NOTHING
}

/* What RESTORE finds. */
inline source_looks()
{
    s_looking = false;
    if
    :: qs == DEAD -> skip
    :: qs != DEAD && (mig == ACTIVE || mig == PRE_SWITCHOVER ||
                      mig == DEVICE) ->
        migration_ends()          /* It cancels; the event comes. */
    :: else ->
        if
        :: qs == PAUSED ->
            SOURCE_MAY_RUN; qs = RUNNING; ran_on = true; NEVER_TWICE
        :: else -> skip
        fi;
        ev = se_RESTORED
    fi
}

/* What EXAMINE finds. */
inline source_examines()
{
    s_examining = false;
    if
    :: qs == RUNNING -> ev = se_RUNS
    :: else -> ev = se_STANDS
    fi
}

/* What SYNC finds: first it looks whether the guest runs. */
inline source_syncs()
{
    s_syncing = false; s_unwatched = false;
    if
    :: qs == RUNNING && TAKES_s_RUNS -> ev = se_RUNS
    :: else ->
    if
    :: mig == NONE -> ev = se_UNTOLD
    :: mig == PRE_SWITCHOVER && s_state == s_COPYING -> ev = se_PRE_SWITCHOVER
    :: mig == PRE_SWITCHOVER && s_state != s_COPYING -> ev = se_UNTOLD
    :: mig == COMPLETED -> ev = VARIANT(se_GIVEN, se_COMPLETED)
    :: mig == CANCELLED -> ev = se_FAILED
    :: else -> skip
    fi
    fi
}

/* That the guest stays here, for a destination that asks. */
inline source_notes()
{
#ifdef DISK_FAILS
    if
    :: s_ledger == NONE && faults > 0 -> faults--; s_unnoted = true
    :: true -> s_ledger = TAKEN; s_unnoted = false
    fi
#else
    s_ledger = TAKEN
#endif
}

/* The destination is told, for some time. */
inline source_withdraws()
{
    k_withdraws = true;
    source_notes()
}

#ifdef STAND_IN
/* From the client, which has gone, or is about to notice that it can't reach
 * this daemon any more.  What it had sent there may be heard all the same. */
inline source_is_coordinator()
{
    if
    :: !k_is_here && to_destination && calls_d?[FINISH] ->
        stray_finish = true
    :: !k_is_here && to_destination &&
       (calls_d?[FINISH_CANCELLED] || (k_up && k_state == c_STOPPING)) ->
        stray_cancel = true; was_stray = true
    :: true -> skip
    fi;
    destination_line_breaks();
    coordinator_is_forgotten();
    k_source_lost = false; k_is_here = true;
    do
    :: calls_s?_
    :: answers_s?_
    :: empty(calls_s) && empty(answers_s) -> break
    od
}
#endif

/* After a restart: the coordinator that lived here goes on, or takes back what
 * waits for it.  Where the only whole guest may be there, it is left alone. */
inline source_restores_peer()
{
#ifdef COMES_BACK
#ifdef STAND_IN
    source_is_coordinator();
    k_up = false; k_start = 0;
#endif
    if
    :: TAKES_s_REBEGIN -> k_start = ce_RESTART
    :: TAKES_s_REPERFORM -> k_start = ce_RESUME;
        k_finish_sent = TOKEN_IS_AWAY(s_state)
    :: !TAKES_s_REBEGIN && !TAKES_s_REPERFORM && !TOKEN_IS_AWAY(s_state) ->
        source_withdraws()
    :: else -> skip
    fi;
    if
    :: k_start != 0 -> k_up = true; to_source = true; s_has_client = true
    :: else -> skip
    fi
#endif
    s_is_back = false
}

#ifdef V2
#define SOURCE_PERFORM se_PERFORM2
#else
#define SOURCE_PERFORM se_PERFORM
#endif

#ifdef BUG_JOB_STAYS
#define S_IS_ENDLESS (s_state == s_BEGUN)
#else
#define S_IS_ENDLESS false
#endif
#define S_IDLES (s_up && !s_restarted && s_act == sa_NOTHING)
/* A KILLING that is overdue kills again. */
#define S_HAS_DEADLINE                                                         \
    (S_IDLES && s_state != s_IDLE && s_state != s_UNSURE &&                    \
     s_state != s_LEFT && !(s_state == s_KILLING && qs == DEAD) &&             \
     !S_IS_ENDLESS)
#define S_HEARS(state, verdict)                                                \
    (S_IDLES && s_asks != NONE && DESTINATION_ANSWERS && d_state == state &&   \
     d_ledger == verdict)

active proctype source()
{
    mtype before, ev;
    bool is_new, is_back, taken, s_is_back;
end:
    do
    :: atomic { s_up && !s_restarted && s_act != sa_NOTHING -> goto act }
    :: atomic { S_IDLES && calls_s?[BEGIN] -> calls_s?BEGIN;
           s_call = BEGIN; is_new = true; s_has_client = true;
           if
           :: TAKES_s_REBEGIN -> ev = se_REBEGIN
           :: else -> ev = se_BEGIN
           fi;
           goto take }
    :: atomic { S_IDLES && calls_s?[PERFORM] -> calls_s?PERFORM;
           s_call = PERFORM; is_new = true; s_has_client = true;
           if
           :: TAKES_s_REPERFORM -> ev = se_REPERFORM
#ifndef V2
           /* It says that Begin has taken the job, which has ended. */
           :: s_state == s_IDLE -> s_has_client = false
#endif
           :: else -> ev = SOURCE_PERFORM
           fi;
           goto take }
    :: atomic { S_IDLES && calls_s?[CONFIRM] -> calls_s?CONFIRM;
           s_call = CONFIRM; is_new = true; s_has_client = true;
           ev = se_CONFIRM; goto take }
    :: atomic { S_IDLES && calls_s?[CONFIRM_CANCELLED] ->
           calls_s?CONFIRM_CANCELLED;
           s_call = CONFIRM; is_new = true; s_has_client = true;
           if
           /* Nobody has seen the token but who gives it back. */
           :: K_IS_HERE && !k_finish_sent -> given = false;
               ev = VARIANT(se_UNUSED, se_CONFIRM_CANCELLED)
           :: else -> ev = VARIANT(se_UNPROVEN, se_CONFIRM_CANCELLED)
           fi;
           goto take }
    :: atomic { S_IDLES && s_client_left ->
           s_client_left = false; s_call = NONE;
#ifdef STAND_IN
           if
           :: !K_IS_HERE -> ev = se_CLIENT_AWAY
           :: else -> ev = se_CLIENT_GONE
           fi;
#else
           ev = se_CLIENT_GONE;
#endif
           goto take }
    :: atomic { S_IDLES && s_abort -> s_abort = false;
           was_aborted = was_aborted || TAKES_s_ABORT;
           is_lost = is_lost || (qs == DEAD && was_aborted);
           ev = se_ABORT; goto take }
    :: atomic { S_IDLES && s_arming && qs != DEAD ->
           s_arming = false; ev = se_ARMED; goto take }
    :: atomic { S_IDLES && s_looking -> source_looks(); goto take }
    :: atomic { S_IDLES && s_syncing && qs != DEAD ->
           source_syncs(); goto take }
    :: atomic { S_IDLES && s_examining && qs != DEAD ->
           source_examines(); goto take }
    :: atomic { S_IDLES && ev_pre -> ev_pre = false;
           ev = se_PRE_SWITCHOVER; goto take }
    :: atomic { S_IDLES && ev_completed -> ev_completed = false;
           ev = VARIANT(se_GIVEN, se_COMPLETED); goto take }
    :: atomic { S_IDLES && ev_failed -> ev_failed = false;
           ev = se_FAILED; goto take }
    /* After its last words; a failure is known only when it was asked why. */
    :: atomic { S_IDLES && qs == DEAD && !s_told_gone && s_state != s_IDLE &&
                !ev_pre && !ev_completed ->
           s_told_gone = true;
           s_arming = false; s_looking = false; s_syncing = false;
           s_examining = false;
           if
#ifndef BUG_ORPHAN_RAN_ON
           /* The guest may have gone on here before QEMU died. */
           :: s_state == s_HANDING && (ev_failed || s_unwatched) ->
               ev = se_QEMU_GONE
#endif
#ifndef COMES_BACK
           :: s_state == s_SHELL_GONE -> ev = se_QEMU_GONE
#endif
           :: else -> ev = VARIANT(se_ORPHANED, se_QEMU_GONE)
           fi;
           goto take }
    /* The destination's answers; before them it may have to kill its guest. */
    :: atomic { S_HEARS(d_IDLE, TAKEN) && TAKES_s_TAKEN ->
           ev = se_TAKEN; goto take }
    :: atomic { S_HEARS(d_IDLE, RETURNED) && TAKES_s_RETURNED ->
           ev = se_RETURNED; goto take }
    :: atomic { S_IDLES && s_asks == LOOK && DESTINATION_ANSWERS &&
                d_state == d_LOADED && TAKES_s_WHOLE ->
           ev = se_WHOLE; goto take }
#ifdef BUG_ASKS_ONCE
    :: atomic { S_IDLES && s_asks != NONE && !DESTINATION_ANSWERS ->
           s_asks = NONE }
#endif
#ifdef BUG_RESUME_ALLOWED         /* An operator's `resume`, no `resolve`. */
    :: atomic { S_IDLES && s_state == s_UNSURE && qs == PAUSED ->
           SOURCE_MAY_RUN; qs = RUNNING; NEVER_TWICE }
#endif
#ifdef DISK_FAILS
    /* Tried again whenever somebody asks. */
    :: atomic { S_IDLES && s_unnoted -> s_ledger = TAKEN; s_unnoted = false }
#endif
    /* An operator who has seen that the guest is dead there, and never ran. */
    :: atomic { S_IDLES && s_state == s_UNSURE && is_unknown && !has_run &&
                d_state == d_IDLE && qd == DEAD && timeout ->
           returned = true; ev = se_RESOLVED; goto take }
    :: atomic { S_HAS_DEADLINE && LATE ->
           TIME_PASSES; ev = se_OVERDUE; goto take }
    :: atomic { s_up && s_restarted ->
           s_restarted = false; s_unwatched = true;
#ifndef BUG_JOB_OVER_RESTART      /* It may not have been saved any more. */
           if
           :: s_state == s_UNSURE || s_state == s_LEFT -> s_job = false
           :: else -> skip
           fi;
#endif
           if
           :: s_state != s_IDLE -> s_is_back = true;
               ev = BACK_VARIANT(se_BACK, se_RESTARTED); goto take
           :: else -> s_job = false
           fi }
    od;
take:
    atomic {
        before = s_state;
        if
        :: ev != 0 -> source_rule(ev)
        :: else -> taken = false
        fi;
#if defined(COMES_BACK) && !defined(BUG_KEPT_IN_SILENCE)
        /* Before the record forgets it. */
        if
        :: s_act == sa_END_JOB || s_act == sa_END_RESTORED ||
           s_act == sa_END_PAUSED ||
           (s_act == sa_END_FAILED && !TOKEN_IS_AWAY(before)) ->
            source_notes()
        :: else -> skip
        fi;
#endif
#ifdef COMES_BACK
        /* Nobody else has it: what waits there is told so. */
        if
        :: before == s_SHELL_GONE && s_act == sa_END_FAILED ->
#ifdef DISK_FAILS
            if
            :: faults > 0 -> faults--; s_forgot = true
            :: true -> s_ledger = RETURNED; given = true
            fi
#else
            s_ledger = RETURNED; given = true
#endif
        :: else -> skip
        fi;
#endif
#ifdef STAND_IN
        /* The client that would tell the destination is gone. */
        if
        :: !K_IS_HERE && !s_has_client && qs != DEAD &&
           (s_act == sa_END_JOB || s_act == sa_END_RESTORED ||
            s_act == sa_END_PAUSED) -> source_withdraws()
        :: else -> skip
        fi;
#endif
        if
        :: taken -> SAVE(s_disk, s_state, s_unsaved)
        :: else -> skip
        fi;
        if
        :: before != s_state -> s_syncing = false; s_examining = false
        :: else -> skip
        fi;
        /* QEMU's answers are nobody's any more. */
        if
        :: s_act == sa_END_JOB || s_act == sa_END_RESTORED ||
           s_act == sa_END_PAUSED || s_act == sa_END_FAILED ->
            s_arming = false; s_looking = false
        :: else -> skip
        fi;
        if
        :: s_state != s_ASKING && s_state != s_UNSURE && s_state != s_ORPHAN ->
            s_asks = NONE
        :: else -> skip
        fi;
        if
        :: s_act == sa_END_PAUSED -> s_is_kept = true
        :: else -> skip
        fi;
        /* It was taken back here, and may have run on: lost with its QEMU. */
        if
        :: (before == s_CANCELLING || before == s_HANDING ||
            before == s_RESTORING) && s_act == sa_END_FAILED ->
            is_lost = true
        :: else -> skip
        fi;
        if
        :: is_new && !taken -> source_answer(ERROR)
        :: is_new && taken -> s_job = true
        :: else -> skip
        fi;
        if
        :: s_is_back -> source_restores_peer()
        :: else -> skip
        fi;
        is_new = false; ev = 0; before = 0; taken = false;
        if
        :: faults == 0 && s_act != sa_NOTHING -> goto act
        :: else -> goto end
        fi
    };
act:
    atomic {
        source_act();
        if
        :: ev != 0 -> goto take
        :: else -> goto end
        fi
    }
}
