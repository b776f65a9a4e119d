/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is certain about a guest whose migration's outcome was not heard, and
 * what an operator may choose where nothing is: from the evidence of both hosts
 * to a verdict.  Touches nothing; ferry/resolve.c gathers the one and carries
 * out the other.
 *
 * Evidence counts in this order: a guest that runs, what a host has written
 * down for good, a lock on the disks, a guest that stands still, nothing at
 * all. */

#pragma once

#include <stdbool.h>

/* What a host has of the guest. */
#define RESOLVE_COPIES(X)                                                      \
    X(NONE, "none")       /* No QEMU. */                                       \
    X(PARTIAL, "partial") /* It is coming, and not all of it is there. */      \
    X(PAUSED, "paused")   /* Whole, and stands still. */                       \
    X(RUNNING, "running")                                                      \
    X(UNSEEN, "unseen") /* QEMU lives and does not say. */

/* What it has written down about this migration, for good. */
#define RESOLVE_OUTCOMES(X)                                                    \
    X(NOTHING, "")                                                             \
    X(TAKEN, "taken")       /* The guest is this host's. */                    \
    X(RETURNED, "returned") /* It does not run there, and never will. */

/* Whether it may run the guest. */
#define RESOLVE_TOKENS(X)                                                      \
    X(NONE, "")     /* None are kept, or there is no migration. */             \
    X(HERE, "here") /* It may. */                                              \
    X(AWAY, "away") /* It may not. */

enum resolve_role { RESOLVE_NOBODY, RESOLVE_SOURCE, RESOLVE_DESTINATION };

#define X(name, text) RESOLVE_COPY_##name,
enum resolve_copy { RESOLVE_COPIES(X) RESOLVE_COPY_COUNT };
#undef X
#define X(name, text) RESOLVE_OUTCOME_##name,
enum resolve_outcome { RESOLVE_OUTCOMES(X) RESOLVE_OUTCOME_COUNT };
#undef X
#define X(name, text) RESOLVE_TOKEN_##name,
enum resolve_token { RESOLVE_TOKENS(X) RESOLVE_TOKEN_COUNT };
#undef X

struct resolve_side {
    bool is_known; /* It could be asked.  Always true of this host. */
    enum resolve_role role;
    enum resolve_copy copy;
    enum resolve_token token;
    enum resolve_outcome outcome;
    bool is_unsure; /* It does not know how its migration ended, and has
                     * nobody left who would say so. */
    bool is_in_use; /* Another QEMU than its own writes the guest's disks. */
};

#define RESOLVE_FINDINGS(X)                                                    \
    X(SETTLED, "nothing is unsure here")                                       \
    X(GOES_ON, "the two hosts are still settling it between them")             \
    X(ABSENT, "there is no copy of the guest here")                            \
    X(RUNS_HERE, "the guest runs here")                                        \
    X(RUNS_THERE, "the guest is the other host's")                             \
    X(GIVEN_BACK, "the other host never ran the guest, and never will")        \
    X(RUNS_TWICE, "the guest runs on both hosts")                              \
    X(IN_USE, "another QEMU writes the guest's disks: it runs elsewhere")      \
    X(UNDECIDED, "nobody knows whether the guest runs on the other host")

#define X(name, text) RESOLVE_##name,
enum resolve_finding { RESOLVE_FINDINGS(X) RESOLVE_FINDING_COUNT };
#undef X

/* What an operator's choice means for the guest. */
#define RESOLVE_RISKS(X)                                                       \
    X(NEVER, "") /* Not a choice. */                                           \
    X(NO, "")    /* Certain. */                                                \
    X(TWICE, "if it runs on the other host, it runs twice, and destroys its"   \
             " disks")                                                         \
    X(AGED,                                                                    \
      "if it ran on the other host meanwhile, what it did there is lost,"      \
      " and its disks are newer than its memory")                              \
    X(LOSS, "if this is the only copy, the guest is lost as if its power were" \
            " cut")

#define X(name, text) RESOLVE_RISK_##name,
enum resolve_risk { RESOLVE_RISKS(X) RESOLVE_RISK_COUNT };
#undef X

enum resolve_deed { RESOLVE_LOOK, RESOLVE_RUN, RESOLVE_DISCARD };

struct resolve_verdict {
    enum resolve_finding finding;
    enum resolve_deed deed; /* What is certain; LOOK: nothing is to be done. */
    enum resolve_risk run, discard; /* Of those two, by an operator's word. */
};

struct resolve_verdict resolve_decide(const struct resolve_side *here,
                                      const struct resolve_side *there);
/* Whether an operator who has been told the risk may have it done. */
bool resolve_may(const struct resolve_verdict *verdict, enum resolve_deed deed);

/* For people; never NULL. */
const char *resolve_finding_text(enum resolve_finding finding);
const char *resolve_risk_text(enum resolve_risk risk);
/* As other hosts are told; never NULL. */
const char *resolve_copy_name(enum resolve_copy copy);
const char *resolve_token_name(enum resolve_token token);
const char *resolve_outcome_name(enum resolve_outcome outcome);
/* Back from those; anything unknown is what is known least. */
enum resolve_copy resolve_copy_find(const char *name);
enum resolve_token resolve_token_find(const char *name);
enum resolve_outcome resolve_outcome_find(const char *name);
