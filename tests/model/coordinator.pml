/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The coordinator: a client, or a part of the source's daemon (K_IS_HERE), which
 * calls the source without a connection.  Included by handover.pml. */

inline coordinator_rule(event)
{
    act = 0;
find_coordinator_rule:
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
    :: else ->
        if
        COORDINATOR_FALLBACKS(event, goto find_coordinator_rule)
        :: else -> skip
        fi
    fi
}

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

inline coordinator_act()
{
    act = k_act;
    k_act = ca_NOTHING;
    if
    :: act == ca_NOTHING -> skip
    :: act == ca_CALL_BEGIN -> call_source(BEGIN)
    :: act == ca_CALL_DUMP_XML -> ev = ce_DUMPED
    :: act == ca_CALL_LOOK -> k_looks = true
    :: act == ca_CALL_PREPARE -> call_destination(PREPARE)
    :: act == ca_CALL_PERFORM -> call_source(PERFORM)
    :: act == ca_CALL_ABORT -> if :: to_source -> s_abort = true :: else fi
    :: act == ca_CALL_FINISH ->
#ifdef KEPT
        assert(k_token);
#endif
        k_finish_sent = true;
        call_destination(FINISH)
    :: act == ca_CALL_CONFIRM -> call_source(CONFIRM)
    :: act == ca_CANCEL_FINISH -> call_destination(FINISH_CANCELLED)
    :: act == ca_CANCEL_CONFIRM || act == ca_RELEASE ->
        call_source(CONFIRM_CANCELLED)
    :: act == ca_ASK_AGAIN -> k_asks = true
    :: act == ca_REJOIN -> k_rejoins = true
    :: act == ca_REJOIN_PERFORM -> k_rejoins = true; call_source(PERFORM)
    :: act == ca_REPORT -> k_ended = true
    :: else -> assert(false)    /* An action that is not described here. */
    fi
}

/* The answer is to the call that the state waits for. */
inline coordinator_hears_source(answer)
{
    if
    :: k_state == c_BEGINNING || k_state == c_LEAVING ->
        if
        :: answer == OK -> ev = ce_BEGUN
        :: else -> ev = ce_BEGIN_FAILED
        fi
    :: k_state == c_PERFORMING || k_state == c_STOPPING ||
       k_state == c_BLIND || k_state == c_APART ->
        if
        :: answer == OK -> ev = ce_PERFORMED; k_token = true
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

inline coordinator_hears_destination(answer)
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
inline coordinator_loses_destination()
{
    if
    :: K_IS_HERE -> ev = BACK_VARIANT(ce_DESTINATION_AWAY, ce_DESTINATION_LOST)
#ifdef STAND_IN
    :: !K_IS_HERE -> ev = ce_DESTINATION_APART
#endif
    :: else -> ev = ce_DESTINATION_LOST
    fi;
#ifdef FOREIGN
    if
    :: k_state == c_FINISHING -> ev = ce_FINISH_FAILED
    :: else -> skip
    fi
#endif
}

/* Where Finish was never sent the token was not used. */
inline coordinator_gives_up()
{
    if
    :: k_finish_sent -> ev = ce_DESTINATION_LOST
    :: else -> ev = ce_UNFINISHED
    fi
}

/* The verdict that the destination gives to who comes back; 0 where that is
 * "ask again". */
inline coordinator_rejoins()
{
    if
    :: K_IS_ANEW && s_state != s_BEGUN -> ev = ce_UNFINISHED    /* Ended. */
    :: K_IS_ANEW && s_state == s_BEGUN -> ev = ce_REJOINED
    :: k_state == c_APART && d_state != d_IDLE -> ev = ce_REJOINED
    :: k_state == c_APART && d_state == d_IDLE -> coordinator_gives_up()
    :: k_state == c_REJOINING && d_state == d_IDLE && d_ledger == TAKEN ->
        ev = ce_FOUND_RUNNING
    :: k_state == c_REJOINING && d_state == d_IDLE && d_ledger == RETURNED ->
        ev = ce_FOUND_CANCELLED
    :: k_state == c_REJOINING && d_state == d_LOADED -> ev = ce_REJOINED
    fi;
    if
    :: d_state != d_IDLE -> d_has_client = true; d_client_left = false
    :: else -> skip
    fi;
    k_rejoins = false
}
#define K_REJOINS                                                              \
    (K_IDLES && K_IS_REJOINING && to_destination && DESTINATION_ANSWERS &&     \
     ((K_IS_ANEW && s_state != s_BEGUN) ||                                     \
      (K_IS_ANEW && d_state == d_IDLE && d_ledger != TAKEN &&                  \
       d_unnoted == NONE) ||                                                   \
      (K_IS_ANEW && TAKES_d_REPREPARE) ||                                      \
      (k_state == c_APART && (d_state != d_IDLE ||                             \
                              (d_ledger != TAKEN && d_unnoted == NONE))) ||    \
      (k_state == c_REJOINING &&                                               \
       (d_state == d_LOADED || (d_state == d_IDLE && d_ledger != NONE)))))

#define TAKE                                                                   \
    if                                                                         \
    :: ev != 0 -> goto take                                                    \
    :: else -> skip                                                            \
    fi
#define K_IDLES (k_up && !k_ended && k_act == ca_NOTHING)
/* A daemon does not wait for ever for one that hangs in a call. */
#if defined(P2P) || defined(STAND_IN)
#define K_WAITS_THERE                                                          \
    (K_IS_HERE && K_IDLES && to_destination &&                                              \
     (k_state == c_PREPARING || k_state == c_FINISHING ||                      \
      k_state == c_ALONE || k_state == c_RECALLING ||                          \
      k_state == c_ABANDONING || k_state == c_WITHDRAWING ||                   \
      k_state == c_CANCELLING))
#else
#define K_WAITS_THERE false
#endif
/* How long it tries to rejoin, and then to take back. */
#define K_HAS_DEADLINE                                                         \
    ((K_IDLES && K_IS_REJOINING) || k_withdraws || K_WAITS_THERE)

active proctype coordinator()
{
    mtype answer, ev;
    mtype:c_action act;
end:
    do
    :: atomic { K_IDLES && k_start != 0 -> ev = k_start; k_start = 0;
           goto take }
    :: atomic { k_up && !k_ended && k_act != ca_NOTHING ->
           coordinator_act(); TAKE }
    /* A client exits, and its connections close. */
    :: atomic { k_up && k_ended -> k_up = false;
#ifdef COMES_BACK
           if
           :: K_IS_HERE && k_state == c_FAILED &&
              (!to_destination || k_rejoins) ->
               source_withdraws()
           :: else -> skip
           fi;
#endif
           source_line_breaks(); destination_line_breaks() }
    :: atomic { K_IDLES && nempty(answers_s) -> answers_s?answer;
           coordinator_hears_source(answer); TAKE }
    :: atomic { K_IDLES && nempty(answers_d) -> answers_d?answer;
           coordinator_hears_destination(answer); TAKE }
    :: atomic { K_IDLES && k_looks && to_source -> k_looks = false;
           if
           :: to_destination || k_destination_lost -> ev = ce_LOOKED
           :: else -> ev = ce_LOOKED_AWAY
           fi;
           goto take }
    :: atomic { K_IDLES && k_source_lost -> k_source_lost = false;
#ifdef STAND_IN
           ev = ce_SOURCE_AWAY;
#else
           ev = ce_SOURCE_LOST;
#endif
           goto take }
    :: atomic { K_IDLES && k_destination_lost && !K_IS_REJOINING ->
           k_destination_lost = false;
           if
           :: k_asks -> k_asks = false; ev = ce_NOT_FOUND_OUT
           :: else -> coordinator_loses_destination()
           fi;
           goto take }
    /* ferry_abort(): what is not the coordinator's to stop is the source's. */
    :: atomic { K_IS_HERE && K_IDLES && !k_interrupted && k_state != c_IDLE ->
           k_interrupted = true;
           if
           :: k_state == c_BEGINNING || k_state == c_DUMPING ||
              k_state == c_LOOKING || k_state == c_PREPARING || K_IS_ANEW ->
               ev = ce_INTERRUPTED; goto take
           :: k_state == c_PERFORMING || k_state == c_APART -> s_abort = true
           :: else -> skip
           fi }
    :: atomic { !K_IS_HERE && K_IDLES && !k_interrupted && k_state != c_IDLE ->
           k_interrupted = true; ev = ce_INTERRUPTED; goto take }
    /* It connects again, and sends a Finish that cancels (v3). */
    :: atomic { K_IDLES && k_asks && !to_destination && d_up && !d_restarted ->
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
    /* It rejoins, and asks where the guest stands. */
    :: atomic { K_IDLES && K_IS_REJOINING && !to_destination && d_up &&
                !d_restarted -> to_destination = true;
           k_destination_lost = false }
    :: atomic { K_REJOINS -> coordinator_rejoins(); goto take }
    :: atomic { K_IDLES && K_IS_REJOINING && LATE -> TIME_PASSES;
           k_rejoins = false; coordinator_gives_up(); goto take }
    :: atomic { K_WAITS_THERE && LATE -> TIME_PASSES;
           destination_line_breaks(); k_destination_lost = false;
           ev = BACK_VARIANT(ce_DESTINATION_HANGS, ce_DESTINATION_LOST);
           goto take }
    :: atomic { k_withdraws && DESTINATION_ANSWERS && d_state == d_IDLE ->
           k_withdraws = false }
    :: atomic { k_withdraws && LATE -> TIME_PASSES; k_withdraws = false }
    od;
take:
    atomic { answer = 0; coordinator_rule(ev); ev = 0; goto end }
}
