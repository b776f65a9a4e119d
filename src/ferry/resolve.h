/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settles a guest whose migration's outcome is not known: looks at it here and
 * at the other daemon, decides by migrate/resolve.h what is certain, and
 * carries out, by the rules, what an operator may choose.
 *
 *   handle_vmferry_resolve -> resolve.c -> evidence.c, evidence_ask.c
 *                                 |   verdict (migrate/resolve.h)
 *                                 v
 *                  RESOLVED, DISCARDED, ... -> source.def, destination.def */

#pragma once

#include "ferry/evidence.h"
#include "ferry/ferry.h"

/* Lives in its caller's struct until 'done'. */
struct resolving {
    /* Caller sets. */
    struct domain *domain; /* A reference of the caller's; where something is
                            * to be done, with JOB_DESTROY. */
    enum resolve_deed deed;
    bool is_certain_only;    /* Do it only where there is no risk. */
    const char *peer_uri;    /* Borrowed. NULL: the one in the record. */
    const char *host_name;   /* Borrowed. The host that is meant. */
    const char *client_name; /* Borrowed. For the log. */
    uint64_t client_id;
    /* Called once, from the loop or before resolve_guest() returns. */
    void (*done)(struct resolving *resolving, const struct error *err);

    /* To be read in 'done', and emptied with resolving_done(). */
    struct parameters here, there; /* Owned. The evidence. */
    struct error unreachable;      /* Why the other daemon told nothing. */
    struct resolve_verdict verdict;
    bool was_done;

    /* Private. */
    struct evidence_question question;
    struct ferry_call call;
    struct evidence_ask *ask; /* Owned. */
};

void resolve_guest(struct resolving *resolving);
void resolving_done(struct resolving *resolving);

/* ---------------------------------------------------------- evidence_ask.c */

/* Asks the daemon of that URI once, for the evidence of evidence.h; a libvirtd,
 * which has none, for the state of the domain.  'answered' is called from the
 * loop, once; the ask is freed in it or before.  'handover' may be NULL. */
struct evidence_ask *
evidence_ask_new(struct host *host, const char *uri, const struct uuid *domain,
                 const struct uuid *handover,
                 void (*answered)(void *owner, const struct parameters *list,
                                  const struct error *err),
                 void *owner);
void evidence_ask_free(struct evidence_ask *ask);
/* For ferry_stop(): those under way fail. */
void evidence_stop_asks(struct host *host);
