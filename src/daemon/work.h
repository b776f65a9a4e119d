/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call that works on a domain under a normal job: waits for the job, does the
 * work, ends the job, answers.  Copes with what happens meanwhile: the client
 * goes (the work is done all the same once it has begun), the domain goes (its
 * waiters are refused). */

#pragma once

#include "daemon/wire.h"
#include "job/lock.h"

struct work {
    /* The callee may read. */
    struct client *client; /* A reference. */
    struct domain *domain; /* A reference. */
    struct rpc_call *call; /* Ours until work_done(). */
    uint64_t number;       /* The caller's, for 'run'. */
    /* Private. */
    struct job_request request;
    bool is_new;
    void (*run)(struct work *work);
};

/* Answers 'call' through work_done(), which 'run' must bring about. */
void work_start(struct client *client, struct rpc_call *call,
                struct domain *domain, enum job job,
                void (*run)(struct work *work));
void work_start_with(struct client *client, struct rpc_call *call,
                     struct domain *domain, enum job job, uint64_t number,
                     void (*run)(struct work *work));
/* Under JOB_MODIFY, for a domain whose live guest is there only to be started
 * by 'run' (domain_add_live): it goes again where the job is refused. */
void work_start_new(struct client *client, struct rpc_call *call,
                    struct domain *domain, uint64_t number,
                    void (*run)(struct work *work));
/* The monitor of a domain that runs; NULL, with an error, where it doesn't or
 * its QEMU is not to be talked to. */
struct qmp_session *work_monitor(const struct domain *domain,
                                 struct error *err);
/* Ends the job; answers with 'err', or with nothing.  'owner' is the work: it
 * fits the callbacks of domain.h.  Frees the work. */
void work_done(void *owner, const struct error *err);
/* The same with a result. */
void work_done_with(struct work *work, const void *result);
