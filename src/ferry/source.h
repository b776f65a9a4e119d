/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source side of one migration, as data: what source.def's states need to
 * know.  Shared by the files source*.c and by nobody else.
 *
 *   ferry_begin/perform/confirm/abort (source_calls.c)
 *        |  events of the client
 *        v
 *   source_happened (source.c): rule, phase, record, deadline
 *        |  action
 *        v
 *   source_act (source_acts.c), source_qemu.c: QMP commands
 *        |  events of QEMU
 *        +--> source_happened */

#pragma once

#include "domain/domain.h"
#include "ferry/cookies.h"
#include "ferry/ferry.h"
#include "ferry/handover.h"
#include "ferry/ledger.h"
#include "migrate/convergence.h"
#include "migrate/source.h"
#include "migrate/statistics.h"
#include "qmp/commands.h"

struct source {
    struct domain_migration base;
    struct domain *domain; /* Borrowed: it owns us. */

    /* In the record. */
    enum source_state state;
    unsigned flags;    /* VIR_MIGRATE_* of the call that came last. */
    bool was_running;  /* Before the migration touched it. */
    bool is_suspended; /* Its user stopped it meanwhile. */
    bool had_ended;    /* Another migration of its QEMU's, before this one. */
    struct migration_statistics statistics;
    /* Between two of ours (ferry/handover.h). */
    struct source_handover {
        bool has_id;
        struct uuid id;
        bool is_kept; /* The destination keeps tokens, and can be asked; */
        char *uri;    /* Owned. there. */
        bool
            comes_back; /* We are the coordinator, and go on after a restart. */
    } handover;
    struct handover_ask *ask; /* Owned. While the destination is asked. */
    /* How the migration ended is not known; real clock, 0: it is. */
    int64_t unsure_since_ms;
    bool is_discarded; /* An operator has given the guest up here. */
    /* What was last written of the answers, and when to write again. */
    struct source_note {
        enum handover_verdict verdict;
        bool has_failed;
        int64_t next_ms; /* Monotonic. */
        int64_t pause_ms;
    } note;

    /* The call that waits, and whose connection drives us; NULL and 0 between
     * the calls, after a restart and once the connection is gone. */
    struct ferry_call *call;
    bool is_confirming; /* It is Confirm's. */
    uint64_t client_id;
    bool is_client_gone; /* It was there, and is not any more. */

    struct migration_parameters parameters;
    struct convergence convergence;
    struct error failure;  /* Why it does not go on; the first reason counts. */
    unsigned pending;      /* QMP commands of ARM without an answer. */
    bool has_completed;    /* QEMU, and the tunnel is not through yet. */
    bool is_looking;       /* RESTORE's look at QEMU is under way. */
    bool may_have_gone_on; /* QEMU's migration may have failed since HANDING. */
    bool has_to_look;      /* Something has happened since it began. */
    enum source_state synced; /* SYNC's: the state then. */
    struct timer deadline;    /* Of the state. */
    uint64_t trace_number;    /* ferry/rule_trace.h */
    struct timer stall;       /* Looks whether bytes still flow, or again. */
    uint64_t last_processed;
    int64_t last_progress_ms;
};

struct source *source_new(struct domain *domain);
/* Traces a state that no rule has led to: it was FOUND in a record. */
void source_trace_state(struct source *source, const char *how);
/* NULL where the domain has no outgoing migration. */
struct source *source_find(const struct domain *domain);

/* Something has happened: takes the rule for it, saves, acts.  False where
 * there is no rule: nothing has changed. */
bool source_happened(struct source *source, enum source_event event);
/* Whether there is a rule for it now. */
bool source_takes(const struct source *source, enum source_event event);
/* After a restart: it is ours to drive, and there is a way. */
bool source_goes_on(const struct source *source);
/* Memory flows. */
bool source_is_copying(const struct source *source);
/* Remembers why, unless something was remembered before. */
void source_fail(struct source *source, const struct error *why);

/* Answers the call that waits, if any. */
void source_answer(struct source *source, const struct ferry_result *result,
                   const struct error *err);

/* source_entry.c: a client that is gone has no use for a call that has not
 * become a migration's yet. */
void source_calls_withdraw(struct host *host, uint64_t client_id);
/* Somebody aborts what may still be a Perform that waits for the job, or for
 * what QEMU and the disks say: it will fail with 'why'.  False where there is
 * none. */
bool source_calls_abort(struct domain *domain, const struct error *why);

/* source_check.c: whether the guest may go at all, which the first call of a
 * migration asks.  The user's XML becomes the one that the destination gets. */
int source_check(struct domain *domain, struct migration_parameters *parameters,
                 unsigned flags, struct error *err);

/* 'variant' where the destination keeps tokens, else what it is one of. */
enum source_event source_variant(const struct source *source,
                                 enum source_event variant);
/* source_handover.c: learns from Prepare's cookie whether it does; fails where
 * the cookie is another migration's. */
int source_learn_handover(struct source *source,
                          const struct cookie_handover *cookie,
                          struct error *err);
/* Asks the destination, until it has said all or the state is left. */
void source_ask(struct source *source, enum handover_wish wish);
void source_stop_asking(struct source *source);
/* After each step: says when it begins, and ends, that nobody here knows how
 * the migration has ended. */
void source_follow_doubt(struct source *source, enum source_event event);
/* Keeps on disk what an operator has decided, for the other host to hear. */
int source_save_outcome(const struct source *source,
                        enum ledger_outcome outcome, struct error *err);
/* Keeps on disk what its end, that rule from 'before', says of the guest, for a
 * destination that has all of it and asks.  To be called before the end is on
 * disk, as destination_note_outcome(). */
void source_note_outcome(const struct source *source, enum source_state before,
                         enum source_action end);
void source_save_handover(const struct source *source, struct record *record);
void source_restore_handover(struct source *source,
                             const struct record *record);

/* source_acts.c */
void source_act(struct source *source, enum source_action action,
                const struct error *save_failed);

/* source_qemu.c */
void source_arm(struct source *source);
void source_migrate(struct source *source);
void source_continue(struct source *source);
void source_cancel(struct source *source);
void source_restore(struct source *source);
void source_watch_stall(struct source *source);
void source_qemu_event(struct source *source, const struct qmp_event *event);
/* NULL where there is no QEMU. */
struct qmp_session *source_monitor(struct source *source);
/* Whether a command failed because the connection ended under it: the end of
 * QEMU, or of its monitor, is told elsewhere. */
bool source_is_deaf(struct source *source, const struct error *failed);
/* QEMU's migration is in that state now. */
void source_migration_changed(struct source *source,
                              enum qmp_migration_status status);

/* source_back.c */
/* Where QEMU's migration stands, after a restart. */
void source_sync(struct source *source);
/* Whether the guest runs here. */
void source_examine(struct source *source);
/* Asks query-migrate and puts the numbers into the statistics. */
void source_sample(struct source *source);
/* source_sample.c */
void source_take_sample(struct source *source,
                        const struct qmp_migration *migration);

/* source_tunnel.c: the tunnel of a migration to a peer, made before it is
 * prepared there. */
struct tunnel *source_tunnel_new(struct domain *domain);
bool source_is_tunnelled(const struct source *source);
/* Lets QEMU migrate into it; 'done' is for each of two commands. */
int source_enter_tunnel(struct source *source, qmp_done *done,
                        struct error *err);
/* QEMU has completed.  False where the other daemon has not got it all yet: it
 * will be COMPLETED then. */
bool source_leave_tunnel(struct source *source);
/* The migration was given up.  Does nothing where there is none. */
void source_break_tunnel(struct source *source);

/* source_cookie.c */
struct ferry_identity source_identity(const struct domain *domain);
/* Caller frees. */
char *source_begin_cookie(struct source *source, size_t *size);
char *source_perform_cookie(struct source *source, size_t *size);
