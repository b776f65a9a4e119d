/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination side of one migration, as data: what destination.def's states
 * need to know.  Shared by the files destination*.c and by nobody else.
 *
 *   ferry_prepare, ferry_finish (destination_calls.c)
 *        |  events of the client
 *        v
 *   destination_happened (destination.c): rule, phase, record, deadline
 *        |  action
 *        v
 *   destination_act (destination_acts.c), destination_qemu.c: QMP commands
 *        |  events of QEMU
 *        +--> destination_happened */

#pragma once

#include "domain/domain.h"
#include "ferry/cookies.h"
#include "ferry/ferry.h"
#include "ferry/handover.h"
#include "migrate/destination.h"
#include "migrate/statistics.h"
#include "migrate/uri.h"

struct destination {
    struct domain_migration base;
    struct domain *domain; /* Borrowed: it owns us. */

    /* In the record. */
    enum destination_state state;
    enum destination_state before; /* The state that it came from. */
    int64_t state_since_ms;        /* In 'state', by the real clock. */
    unsigned flags;      /* VIR_MIGRATE_* of the call that came last. */
    char *original_name; /* Owned. The source's name of the domain. */
    /* Between two of ours (ferry/handover.h). */
    struct destination_handover {
        bool has_id;
        struct uuid id;
        bool has_token;    /* Finish has brought it. */
        bool may_have_run; /* cont was sent, and nothing disproves that. */
        bool comes_back;   /* The source is the coordinator, and goes on. */
        char *uri; /* Owned. The source's daemon, for people; or NULL. */
    } handover;
    struct list questions;    /* Who waits for a reclaimed guest's end. */
    struct handover_ask *ask; /* Owned. While the source is asked. */

    /* As in struct source. */
    struct ferry_call *call;
    uint64_t client_id;
    bool is_client_gone;  /* For good, or until it is back. */
    bool has_source_come; /* QEMU gets the guest. */
    bool was_restored;    /* After a restart of the daemon. */
    bool is_cont_ours;    /* It was this daemon that has sent it... */
    bool has_resumed;     /* ... and QEMU has said RESUME. */

    /* Owned.  What the guest sees where it runs; NULL: the source has not
     * said. */
    struct guest_seen_cpu *cpu_there;

    struct migration_uri uri; /* What the client wants; port 0: we choose. */
    char *listen_address;     /* Owned. May be NULL. */
    bool has_uri;
    int tunnel_fd;         /* Owned. For the tunnel that will be; -1. */
    struct tunnel *tunnel; /* Owned. NULL before it is open. */
    uint16_t port;         /* The one that is tried, then listened on. */
    unsigned ports_tried;
    struct guest *persist;  /* Owned. What to define at Finish, or NULL. */
    bool is_defined;        /* It was. */
    struct guest *replaced; /* Owned. The definition before that, or NULL. */
    bool has_statistics;    /* The source sent some. */
    struct migration_statistics statistics;
    struct error failure;  /* Why it does not go on; the first one counts. */
    unsigned pending;      /* QMP commands without an answer. */
    bool is_unsettled;     /* One of those that activate the disks failed. */
    bool was_announced;    /* STARTED was emitted. */
    struct timer deadline; /* Of the state. */
    uint64_t trace_number; /* ferry/rule_trace.h */
    int64_t until_ms;      /* When it passes; monotonic. 0: not known. */
    bool is_restored;      /* From a record, and nothing has happened yet. */
};

struct destination *destination_new(struct domain *domain);
/* Traces a state that no rule has led to: it was FOUND in a record, or put back
 * as the new one was UNSAVED. */
void destination_trace_state(struct destination *destination, const char *how);
/* NULL where the domain has no incoming migration. */
struct destination *destination_find(const struct domain *domain);

bool destination_happened(struct destination *destination,
                          enum destination_event event);
bool destination_takes(const struct destination *destination,
                       enum destination_event event);
void destination_fail(struct destination *destination, const struct error *why);
/* QEMU, once it is there, may be silent while we wait: the rules have deadlines
 * of their own. */
void destination_be_patient(struct destination *destination);
/* The source has connected: from here on it is the one that knows whether the
 * migration goes on, and the deadline of Prepare is off. */
void destination_source_came(struct destination *destination);
/* Its client is the one of this connection, and is there. */
void destination_joined(struct destination *destination, uint64_t client_id);

/* destination_handover.c */
/* 'variant' where the source comes back, else what it is one of. */
enum destination_event
destination_variant(const struct destination *destination,
                    enum destination_event variant);
/* Prepare's: fails where that handover has taken place. */
int destination_learn_handover(struct destination *destination,
                               const struct cookie_handover *cookie,
                               struct error *err);
/* Finish's: it was meant for an earlier migration, or for a later one. */
bool destination_is_other_handover(const struct destination *destination,
                                   const struct migration_cookie *cookie);
void destination_add_handover(const struct destination *destination,
                              struct migration_cookie *cookie);
/* Finish's: fails where the source has not given its token. */
int destination_take_token(struct destination *destination,
                           const struct migration_cookie *cookie,
                           struct error *err);
/* Keeps on disk what its end, that rule, says of the guest; nothing where the
 * source keeps no tokens, or where it can't be known.  To be called before the
 * end is on disk: there is nobody afterwards who would know it. */
void destination_note_outcome(const struct destination *destination,
                              enum destination_action end);
/* Answers who has reclaimed it: with its end, or that it is not known yet. */
void destination_answer_questions(struct destination *destination,
                                  bool is_over);
/* QEMU is dead.  Where it was listened to from cont to its last word, and has
 * not said RESUME, which it does before the CPUs run (QEMU 7.2), the guest has
 * never run here. */
void destination_judge_end(struct destination *destination);
/* All of the guest is here, and who would say that it may run is away. */
bool destination_is_forsaken(const struct destination *destination);
/* Asks the source whether it has the guest, until the state is left. */
void destination_ask(struct destination *destination);
void destination_stop_asking(struct destination *destination);
void destination_save_handover(const struct destination *destination,
                               struct record *record);
void destination_restore_handover(struct destination *destination,
                                  const struct record *record);

/* destination_acts.c */
void destination_act(struct destination *destination,
                     enum destination_action action,
                     const struct error *save_failed);

/* destination_qemu.c */
void destination_arm(struct destination *destination);
void destination_resume(struct destination *destination);
void destination_settle(struct destination *destination);
void destination_examine(struct destination *destination);
void destination_look(struct destination *destination);
void destination_qemu_event(struct destination *destination,
                            const struct qmp_event *event);

/* destination_cpu.c: fails where the guest would see another CPU here than
 * where it runs; to be called once domain_learn_cpu() has been answered, with
 * its error. */
int destination_check_cpu(struct destination *destination,
                          const struct error *unknown, struct error *err);

/* destination_port.c: the next port to try, by 'ports_tried'; -1 where all of
 * the range are taken. */
int destination_choose_port(struct destination *destination, struct error *err);
/* What QEMU is to listen on.  Caller frees. */
char *destination_listen_uri(const struct destination *destination);
/* What the client is answered; NULL where it has said all itself.  Fails where
 * this host has no name that another one could use.  Caller frees. */
int destination_answer_uri(const struct destination *destination, char **uri,
                           struct error *err);

/* destination_tunnel.c */
bool destination_is_tunnelled(const struct destination *destination);
/* 'qemu_fd' is the callee's, to be given to QEMU. */
int destination_make_tunnel(struct destination *destination, int *qemu_fd,
                            struct error *err);
/* QEMU has loaded the guest. */
void destination_confirm_tunnel(struct destination *destination);
/* A source that still sends is told to stop. */
void destination_close_tunnel(struct destination *destination);

/* incoming_errors.c: why an incoming guest was given up while no call of its
 * client waited; the client's Finish will ask. */
void incoming_error_keep(struct host *host, const char *name,
                         const struct error *why);
/* Moves it to 'err' and returns true, or returns false. */
bool incoming_error_take(struct host *host, const char *name,
                         struct error *err);
