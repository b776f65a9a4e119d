/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The migration job: libvirt's rules for holding a domain across the calls of
 * a migration ("QEMU Migration Locking Rules"), with the specification's names:
 *
 *   the first call             qemu_migration_job_start, _set_phase, work,
 *                              _continue
 *   all but the last           _is_active, _start_phase, work, _continue
 *   the last                   _is_active, _start_phase, work, _finish
 *   while a call works         _set_phase moves on
 *
 * Between two calls nobody works on the migration: the job is held, but not
 * owned, and the death of the client that drives it, or a deadline, cleans up.
 *
 * Every change is handed to `changed` before the function returns, so that the
 * record is on disk before anybody acts on it or is answered.  Where that
 * fails, the change has not happened.
 *
 * Pure: no I/O, no clock.  Called by domain/ and ferry/. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "job/lock.h"

/* Name, text in records; libvirt's order.  From POSTCOPY_FAILED on they have
 * no order among each other: a resume may be tried many times. */
#define QEMU_MIGRATION_PHASES(X)                                               \
    X(NONE, "none")                                                            \
    X(PERFORM2, "perform2")                                                    \
    X(BEGIN3, "begin3")                                                        \
    X(PERFORM3, "perform3")                                                    \
    X(PERFORM3_DONE, "perform3_done")                                          \
    X(CONFIRM3_CANCELLED, "confirm3_cancelled")                                \
    X(CONFIRM3, "confirm3")                                                    \
    X(PREPARE, "prepare")                                                      \
    X(FINISH2, "finish2")                                                      \
    X(FINISH3, "finish3")                                                      \
    X(POSTCOPY_FAILED, "postcopy_failed")                                      \
    X(BEGIN_RESUME, "begin_resume")                                            \
    X(PERFORM_RESUME, "perform_resume")                                        \
    X(CONFIRM_RESUME, "confirm_resume")                                        \
    X(PREPARE_RESUME, "prepare_resume")                                        \
    X(FINISH_RESUME, "finish_resume")

#define X(name, text) QEMU_MIGRATION_PHASE_##name,
enum qemu_migration_phase {
    QEMU_MIGRATION_PHASES(X) QEMU_MIGRATION_PHASE_COUNT
};
#undef X

const char *qemu_migration_phase_name(enum qemu_migration_phase phase);
bool qemu_migration_phase_parse(const char *name,
                                enum qemu_migration_phase *phase);

/* Who makes a call. */
struct qemu_migration_caller {
    const char *api;    /* As in struct job_request: a constant. */
    const char *client; /* Text for people, copied.  May be NULL. */
    uint64_t client_id; /* The connection's number; 0 is nobody. */
};

/* All that must survive a restart of the daemon: plain, to be written to the
 * record field by field and read from it. */
struct qemu_migration_facts {
    enum job_async kind; /* NONE, MIGRATION_OUT or MIGRATION_IN. */
    enum qemu_migration_phase phase;
    unsigned beside;    /* Normal jobs that may run, as job_bit()s. */
    int64_t started_ms; /* Monotonic, which survives us but not the host. */
    int64_t phase_started_ms;
    /* A call is working (owner: that call).  False between the calls. */
    bool is_owned;
    /* Between the calls: when to clean up if nobody calls; -1 for never. */
    int64_t deadline_ms;
};

struct qemu_migration_job {
    /* Caller sets. */
    struct job_lock *lock; /* Borrowed; the domain's. */
    /* Saves the record; -1 with 'err' where that failed. */
    int (*changed)(void *owner, struct error *err);
    void *owner;

    /* Caller may read. */
    struct qemu_migration_facts facts;
    /* Whose death cleans up between the calls; 0 for nobody's.  Not recorded:
     * no connection survives a restart. */
    uint64_t client_id;

    /* Private. */
    struct qemu_migration_start *waiting; /* The one that waits, or NULL. */
};

/* A request for the job.  Lives in its owner's struct. */
struct qemu_migration_start {
    /* Caller sets. */
    enum job_async kind;
    struct qemu_migration_caller caller; /* client borrowed until answered. */
    int64_t wait_ms;
    void (*granted)(struct qemu_migration_start *start);
    void (*refused)(struct qemu_migration_start *start,
                    const struct error *err);

    /* Private. */
    struct job_request request;
    struct qemu_migration_job *job;
};

/* Asks for the job.  Answers through granted() or refused(), maybe before it
 * returns.  A second migration is refused at once (OPERATION_INVALID), also
 * where the first still waits; other jobs are waited for, up to wait_ms. */
void qemu_migration_job_start(struct qemu_migration_job *job,
                              struct qemu_migration_start *start,
                              int64_t now_ms);
/* The client is gone before it was answered. */
void qemu_migration_job_cancel_start(struct qemu_migration_start *start);

/* Whether a phase may follow: INTERNAL where that would be a step back. */
int qemu_migration_job_check_order(const struct qemu_migration_job *job,
                                   enum qemu_migration_phase phase,
                                   struct error *err);

/* Moves on while a call works.  Never backwards (INTERNAL). */
int qemu_migration_job_set_phase(struct qemu_migration_job *job,
                                 enum qemu_migration_phase phase,
                                 int64_t now_ms, struct error *err);

/* The call ends, the job stays.  From here on the caller's death cleans up
 * (its client_id; 0 for nobody's), and so does the deadline, unless it is -1.
 */
int qemu_migration_job_continue(struct qemu_migration_job *job,
                                uint64_t client_id, int64_t deadline_ms,
                                struct error *err);

/* The guard of every later phase: fails with OPERATION_INVALID where that
 * kind of job is not held. */
int qemu_migration_job_is_active(const struct qemu_migration_job *job,
                                 enum job_async kind, struct error *err);

/* Enters a phase in a new call, which owns the job from here on; disarms the
 * clean-up.  Fails where another call works on it (OPERATION_INVALID), or
 * where it would go backwards (INTERNAL). */
int qemu_migration_job_start_phase(struct qemu_migration_job *job,
                                   enum qemu_migration_phase phase,
                                   const struct qemu_migration_caller *caller,
                                   int64_t now_ms, struct error *err);

/* The job ends, and those who wait get their turn.  Cannot fail: where the
 * record can't be saved, a restart finds the last phase and ends it then.
 * Does nothing where no job is held. */
void qemu_migration_job_finish(struct qemu_migration_job *job, int64_t now_ms);

/* Whether the death of this client, now, asks for a clean-up. */
bool qemu_migration_job_is_orphaned(const struct qemu_migration_job *job,
                                    uint64_t client_id);
/* Whether the deadline that _continue armed has come; and when it will, -1
 * for never. */
bool qemu_migration_job_is_expired(const struct qemu_migration_job *job,
                                   int64_t now_ms);
int64_t qemu_migration_job_deadline(const struct qemu_migration_job *job);

/* Changes which normal jobs may run beside it, as a set of job_bit()s; destroy
 * always may. */
int qemu_migration_job_set_beside(struct qemu_migration_job *job,
                                  unsigned beside, int64_t now_ms,
                                  struct error *err);

/* After a restart: holds the job as the record says, owned by nobody.  Its
 * deadline stands.  Facts without a job do nothing; those that contradict
 * each other fail (INTERNAL). */
int qemu_migration_job_restore(struct qemu_migration_job *job,
                               const struct qemu_migration_facts *facts,
                               int64_t now_ms, struct error *err);
