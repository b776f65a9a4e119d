/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The phase of a migration's job, as the states of source and destination move
 * it. */

#pragma once

#include "domain/domain.h"

/* Moves the job on to 'phase', and saves the domain's record.  Between the
 * calls of a client nobody owns the job: what happens then (the client or QEMU
 * is gone, a deadline has passed, the daemon has come back) is the daemon's own
 * doing, which enters the phase.  A phase that would go backwards stays where
 * it is; without a job of that kind only the record is saved. */
int ferry_enter_phase(struct domain *domain, enum job_async kind,
                      enum qemu_migration_phase phase, struct error *err);
