/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A domain: the guest as this host knows it.  Its configurations (as defined,
 * as it runs), its QEMU, its job lock, and its record on disk.
 *
 * Functions here carry out what the caller has decided and is allowed to do:
 * taking the right job (job/lock.h) is the caller's duty.  Callbacks named
 * 'done' are called once, perhaps before the function returns. */

#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/uuid.h"
#include "domain/host.h"
#include "guest/guest.h"
#include "job/lock.h"
#include "job/migration.h"
#include "migrate/statistics.h"
#include "qemu/cpu_question.h"
#include "qemu/process.h"
#include "state/record.h"

/* libvirt's numbers (virDomainState). */
enum domain_state {
    DOMAIN_STATE_NOSTATE = 0,
    DOMAIN_STATE_RUNNING = 1,
    DOMAIN_STATE_BLOCKED = 2,
    DOMAIN_STATE_PAUSED = 3,
    DOMAIN_STATE_SHUTDOWN = 4,
    DOMAIN_STATE_SHUTOFF = 5,
    DOMAIN_STATE_CRASHED = 6,
    DOMAIN_STATE_PMSUSPENDED = 7,
};

/* A migration that takes part in what happens to the domain's QEMU.  Set by
 * ferry/, NULL while there is none. */
struct domain_migration {
    /* An event of QEMU, after the domain itself has looked at it. */
    void (*event)(struct domain_migration *migration,
                  const struct qmp_event *event);
    /* QEMU lives and has closed its monitor: nothing is heard of it any more
     * but its end. */
    void (*monitor_lost)(struct domain_migration *migration,
                         const struct error *why);
    /* QEMU has ended.  Called instead of domain_stopped(): the migration calls
     * that, with the reason that fits. */
    void (*ended)(struct domain_migration *migration, const struct error *why);
    /* A client's connection was closed.  True where it was the one that drives
     * this migration, and that was not known. */
    bool (*client_gone)(struct domain_migration *migration, uint64_t client_id);
    /* The daemon has come back and found the domain in its record. */
    void (*restarted)(struct domain_migration *migration);
    /* Somebody suspends, resumes or destroys the guest while a migration
     * exists. */
    void (*suspended)(struct domain_migration *migration);
    void (*resumed)(struct domain_migration *migration);
    void (*destroy)(struct domain_migration *migration);
    /* Fails where nobody may run the guest here, and says why. */
    int (*may_resume)(const struct domain_migration *migration,
                      struct error *err);
    /* Adds what must survive a restart to the domain's record. */
    void (*save)(struct domain_migration *migration, struct record *record);
    void (*free)(struct domain_migration *migration);
    bool is_incoming;
};

struct domain {
    /* Anyone may read. */
    struct list link;  /* In host->domains. */
    struct host *host; /* Borrowed; outlives us. */
    char *name;        /* Owned. */
    struct uuid uuid;
    int id;                   /* -1 unless active. */
    struct guest *definition; /* Owned. NULL: transient. */
    struct guest *live;       /* Owned. NULL unless active. */
    /* What the guest sees while it is active, of QEMU's own saying; NULL: not
     * known.  Owned. */
    struct guest_seen_cpu *cpu;
    enum domain_state state;
    int reason; /* Of the state; libvirt's numbers. */
    bool has_autostart;
    bool is_rebooting; /* Its next power-off was asked for as a reboot. */
    uint64_t autodestroy_client; /* Ends with that client; 0: with none. */
    struct qemu_process *qemu;   /* Owned. NULL unless active. */
    struct job_lock jobs;
    struct qemu_migration_job migration_job;
    struct domain_migration *migration; /* Owned. */
    bool has_migration_bandwidth;       /* It was set. */
    uint64_t migration_bandwidth_mib;   /* migrate-setspeed; 0: no limit. */
    uint64_t migration_downtime_ms;     /* migrate-setmaxdowntime. */
    /* Of the last migration that completed, until somebody has read it. */
    bool has_completed;
    bool was_incoming; /* It came; otherwise it went. */
    struct migration_statistics completed;
    /* How the next STOP and RESUME of QEMU are to be understood: set by who
     * causes them, and taken back to "by the user" once they have come. */
    struct domain_expectation {
        int reason; /* Of the state. */
        int detail; /* Of the lifecycle event. */
    } on_stop, on_resume;
    /* The same for QEMU's end. */
    struct domain_expectation on_end;

    /* Private. */
    unsigned references;
    bool is_removed;            /* Not in the list any more. */
    struct domain_start *start; /* Owned. A start under way, or NULL. */
    struct list end_waiters;    /* Who waits for QEMU's end. */
    struct qemu_cpu_question cpu_question;
    void (*cpu_known)(void *owner, const struct error *err);
    void *cpu_owner;
    struct timer kill_timer;
    struct timer job_timer;
    struct deferral forget; /* Frees the dead process from the loop. */
    struct qemu_process *dead;
};

/* ------------------------------------------------------------- the list */

struct domain *domain_find_by_name(struct host *host, const char *name);
struct domain *domain_find_by_uuid(struct host *host, const struct uuid *uuid);
struct domain *domain_find_by_id(struct host *host, int id);

/* Adds a domain, inactive, with 'guest' (taken) as its definition where
 * 'is_persistent', and otherwise without.  Fails (with libvirt's texts) where
 * name or UUID belong to another domain.  An inactive or active domain of the
 * same name and UUID is updated: its definition replaced.  Lifecycle event
 * DEFINED is the caller's.  Returns a borrowed domain. */
struct domain *domain_define(struct host *host, struct guest *guest,
                             bool *was_updated, struct error *err);

/* Adds a domain that is about to be active and has 'guest' (taken) as its live
 * configuration; one that is defined and inactive is used. Fails where it is
 * active, or where name or UUID belong to another domain. */
struct domain *domain_add_live(struct host *host, struct guest *guest,
                               struct error *err);

/* Takes that configuration away again where nobody has begun to start it. */
void domain_drop_live(struct domain *domain);

/* Removes the definition; a domain that is inactive too leaves the list. */
int domain_undefine(struct domain *domain, struct error *err);

/* Takes an inactive transient domain out of the list and puts its reference.
 * Anything else: does nothing. */
void domain_remove_if_unused(struct domain *domain);

struct domain *domain_get(struct domain *domain);
void domain_put(struct domain *domain);

/* ------------------------------------------------------------ its state */

static inline bool
domain_is_active(const struct domain *domain)
{
    return domain->id >= 0;
}

/* Sets both and saves. */
void domain_set_state(struct domain *domain, enum domain_state state,
                      int reason);
/* Lifecycle event to the observer. */
void domain_emit(struct domain *domain, int event, int detail);
/* Saves the record of an active domain; where that fails it is noted, and the
 * domain goes on.  For decisions that must be on disk: domain_save_checked. */
void domain_save(struct domain *domain);
int domain_save_checked(struct domain *domain, struct error *err);
/* The configuration that 'flags' (VIR_DOMAIN_XML_*) ask for, formatted.
 * Caller frees. */
char *domain_format(const struct domain *domain, unsigned flags);
/* Processor time in nanoseconds that QEMU has used; 0 unless active. */
uint64_t domain_cpu_time_ns(const struct domain *domain);
/* Fails with "domain is not running" unless active. */
int domain_check_active(const struct domain *domain, struct error *err);
/* (Re)arms the timer that refuses overdue waiters of the job lock; to be called
 * after every request that was queued. */
void domain_watch_jobs(struct domain *domain);
/* Asks QEMU what the guest does, after a time in which nobody has listened. */
void domain_learn_state(struct domain *domain);
/* Asks QEMU for the ptys that it opened and puts them into the live guest. */
void domain_learn_chardevs(struct domain *domain);
/* Asks QEMU which CPU the guest sees, and keeps that in 'cpu', which is NULL
 * where 'done' gets an error.  One question at a time. */
void domain_learn_cpu(struct domain *domain,
                      void (*done)(void *owner, const struct error *err),
                      void *owner);
/* 'done' is not called any more. */
void domain_forget_cpu(struct domain *domain);
/* Back to what follows from a user's own suspend, resume and destroy. */
void domain_expect_nothing(struct domain *domain);

/* ------------------------------------------------------- what it can do */

struct domain_start_options {
    bool is_paused;   /* Leave it paused/user. */
    bool is_incoming; /* -incoming defer; stays paused/migration; the live
                       * guest is set already (domain_add_live). */
    /* What the incoming guest sees where it runs; NULL: not known.  Borrowed
     * for the call.  QEMU is told to withhold what that one did not get. */
    const struct guest_seen_cpu *cpu;
};

/* Starts QEMU and, unless told otherwise, the guest.  On failure the domain is
 * inactive again and nothing is left; a transient one leaves the list.  Events:
 * RESUMED(0), STARTED(0). */
void domain_start(struct domain *domain,
                  const struct domain_start_options *options,
                  void (*done)(void *owner, const struct error *err),
                  void *owner);

/* Kills QEMU and waits until it is dead.  Events SHUTDOWN(2), STOPPED(1). */
void domain_destroy(struct domain *domain,
                    void (*done)(void *owner, const struct error *err),
                    void *owner);
/* Kills QEMU, SIGTERM first and SIGKILL after a while; domain_stopped() or the
 * migration's ended() follows. */
void domain_kill(struct domain *domain);

/* Ends a guest whose client is gone, as that asked for. */
void domain_kill_with_client(struct domain *domain);
/* After QEMU's end: state shutoff with 'reason', event STOPPED with 'detail',
 * record removed, transient domain removed from the list. */
void domain_stopped(struct domain *domain, int reason, int detail);
/* Calls 'done' once QEMU is dead, at once where it is. */
void domain_wait_end(struct domain *domain, void (*done)(void *owner),
                     void *owner);

/* Stops and continues the CPUs; the state and event follow QEMU's own event.
 * 'suspend' of a paused domain and 'resume' of a running one succeed. */
void domain_suspend(struct domain *domain,
                    void (*done)(void *owner, const struct error *err),
                    void *owner);
void domain_resume(struct domain *domain,
                   void (*done)(void *owner, const struct error *err),
                   void *owner);

/* Finds the domains of an earlier run: definitions, records, QEMUs.  What can't
 * be read is set aside and noted.  Called once, after host_init().
 * 'restore_migration' gives a domain whose record has a migration its
 * domain_migration back (ferry/recovery.c). */
int domain_restore_all(struct host *host,
                       void (*restore_migration)(struct domain *domain,
                                                 const struct record *record),
                       struct error *err);
