/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What this host knows of a guest and of its migration, as named values: for
 * "vmferry list" and "info", and for "vmferry resolve", which lays them beside
 * the other host's.  Changes nothing.
 *
 *   host, host_uuid      this host
 *   side                 "source", "destination", or absent
 *   state, phase         of the migration
 *   handover             its number, where it has one
 *   peer                 the other daemon's URI, where it is known
 *   token, outcome       of migrate/resolve.h
 *   unsure, summary      whether its outcome is not known, and that in words
 *   since_ms             for how long
 *   domain_state         libvirt's number; absent: unknown domain
 *   copy                 of migrate/resolve.h
 *   disks                "in use" by another QEMU, "free", or absent: not known
 *   qemu, qemu_pid       "alive", "silent" or "none"
 *   qemu_status, qemu_migration  QEMU's own words
 */

#pragma once

#include "base/parameters.h"
#include "domain/domain.h"
#include "migrate/resolve.h"

/* A question that waits; its memory is the caller's, until 'done'. */
struct evidence_question {
    void (*done)(struct evidence_question *question,
                 const struct parameters *evidence);
};

/* Asks QEMU as well, which answers within some seconds or not at all.
 * 'handover' may be NULL: that of the migration that the domain is in. */
void evidence_gather(struct host *host, const struct uuid *domain,
                     const struct uuid *handover,
                     struct evidence_question *question);
/* What is known without asking QEMU; 'copy' is then what it was thought to be
 * last. */
void evidence_list(struct host *host, const struct uuid *domain,
                   const struct uuid *handover, struct parameters *list);

/* What a host has told, as migrate/resolve.h wants it.  Hostile. */
struct resolve_side evidence_read(const struct parameters *evidence);

/* Whether the outcome of the domain's migration is not known here; and that in
 * words, else NULL.  Caller frees. */
char *evidence_summary(const struct domain *domain);
