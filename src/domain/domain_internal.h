/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the files of domain/ share among themselves. */

#pragma once

#include "domain/domain.h"

/* One reference, which is the list's. */
struct domain *domain_new(struct host *host, const char *name,
                          const struct uuid *uuid);

/* domain_record.c: definitions in the state folder, records in the runtime
 * folder. */
int domain_save_definition(struct host *host, const struct guest *guest,
                           struct error *err);
int domain_remove_definition(struct domain *domain, struct error *err);
void domain_remove_record(struct domain *domain);
/* The mark of a guest that is to be started with the host. */
int domain_save_autostart(struct domain *domain, bool is_on, struct error *err);
bool domain_load_autostart(const struct domain *domain);
/* Paths of what belongs to a running domain.  Caller frees. */
char *domain_monitor_path(const struct domain *domain);
char *domain_log_path(const struct domain *domain);

/* domain_events.c: what a QEMU tells while it runs. */
extern const struct qemu_process_callbacks domain_qemu_callbacks;
/* The guest has switched itself off (QEMU waits, because of -no-shutdown), or
 * somebody ends QEMU from outside. */
void domain_shut_down(struct domain *domain, bool is_by_guest);
void domain_panicked(struct domain *domain);
/* domain_start.c: QEMU answers, or has died before. */
void domain_start_ready(struct domain *domain);
void domain_start_ended(struct domain *domain, const struct error *why);
/* Answers who waits for a start that nobody will finish. */
void domain_start_abandon(struct domain *domain, const struct error *why);
/* domain_stop.c: calls 'done' once it is known what has become of a QEMU whose
 * connection is lost: that it is dead (domain_stopped()), or lives without
 * (domain_deaf()). */
void domain_wait_fate(struct domain *domain, void (*done)(void *owner),
                      void *owner);
void domain_deaf(struct domain *domain);
/* The daemon stops, and QEMU goes on.  Everybody who waits for
 * anything of the domain is answered. */
void domain_abandon(struct domain *domain);
/* QEMU lives and has closed its monitor. */
void domain_start_deaf(struct domain *domain, const struct error *why);
