/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may run the guest: one daemon asks another, by the number of a handover
 * (a migration between two vmferryds; docs/decisions/010).
 *
 * The token is the source's until Perform's answer gives it away; it is the
 * destination's when that has taken up a Finish that brings it.  A source that
 * did not hear what became of it asks; what it is told is good for ever.
 *
 *   source.c  ->  handover_ask  - - - >  handle_vmferry_handover (daemon)
 *                                             |
 *                                        ferry_handover -> destination.def
 *
 * destination_handover.c answers, handover_ask.c asks. */

#pragma once

#include "domain/domain.h"

/* In the order of the numbers on the wire. */
enum handover_wish {
    HANDOVER_LOOK,    /* Tell, and change nothing. */
    HANDOVER_RECLAIM, /* Unless it was used, the token goes back. */
    HANDOVER_JOIN,    /* LOOK; and who asks drives the migration from now on. */
    HANDOVER_WISH_COUNT,
};

#define HANDOVER_VERDICTS(X)                                                   \
    X(UNKNOWN, "unknown")   /* Nothing is known of it here. */                 \
    X(PENDING, "pending")   /* It is not decided yet: ask again. */            \
    X(WHOLE, "whole")       /* The same; and all of the guest is here. */      \
    X(TAKEN, "taken")       /* The guest is this host's. */                    \
    X(RETURNED, "returned") /* It never ran here, is dead, and stays so. */

#define X(name, text) HANDOVER_##name,
enum handover_verdict { HANDOVER_VERDICTS(X) HANDOVER_VERDICT_COUNT };
#undef X

const char *handover_verdict_name(enum handover_verdict verdict);

struct handover_answer {
    enum handover_verdict verdict;
    const char *state; /* Borrowed. Of the rules that it is in, or "". */
};

/* A question that waits.  Its memory is the caller's, until 'done'. */
struct handover_question {
    struct list link;
    void (*done)(struct handover_question *question,
                 const struct handover_answer *answer);
};

/* Answers at once, or when the guest that is reclaimed is dead.  Who joins the
 * migration of a source that comes back itself is its client, whoever was. */
void ferry_handover(struct host *host, const struct uuid *domain,
                    const struct uuid *handover, enum handover_wish wish,
                    uint64_t client_id, struct handover_question *question);

/* ------------------------------------------------------------ the asking */

struct handover_ask;

struct handover_ask_options {
    const char *uri;  /* Borrowed. The other daemon's, seen from here. */
    const char *name; /* Borrowed. Of the domain, for texts. */
    const struct uuid *domain; /* Borrowed, as the next. */
    const struct uuid *handover;
    enum handover_wish wish;
    int64_t give_up_ms; /* After so long; 0: never. */
};

/* Asks until it is freed, which may be done in 'answered': at once, then with
 * growing pauses.  'err' says that the other daemon could not be asked this
 * time; with the code OPERATION_TIMEOUT, that it will not be asked again. */
struct handover_ask *
handover_ask_new(struct host *host, const struct handover_ask_options *options,
                 void (*answered)(void *owner, enum handover_verdict verdict,
                                  const struct error *err),
                 void *owner);
void handover_ask_free(struct handover_ask *ask);
/* Tells the daemon of that URI that the guest stays here, for some time. */
void ferry_withdraw(struct domain *domain, const char *uri,
                    const struct uuid *handover);
/* For ferry_stop(). */
void ferry_stop_withdrawals(struct host *host);
