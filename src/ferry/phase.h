/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What both sides of a migration do at each step: their phase of its job, which
 * follows their state, and the trace. */

#pragma once

#include "domain/domain.h"
#include "ferry/rule_trace.h"

/* Moves the job on to 'phase', and saves the domain's record.  Between the
 * calls of a client nobody owns the job: what happens then (the client or QEMU
 * is gone, a deadline has passed, the daemon has come back) is the daemon's own
 * doing, which enters the phase.  A phase that would go backwards stays where
 * it is; without a job of that kind only the record is saved. */
int ferry_enter_phase(struct domain *domain, enum job_async kind,
                      enum qemu_migration_phase phase, struct error *err);

/* As rule_trace(), of the guest 'domain' on this host. */
void ferry_trace(const struct domain *domain, uint64_t *number,
                 struct rule_step *step);
