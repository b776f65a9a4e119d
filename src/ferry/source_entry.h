/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call to a source from the moment in which it came until the job is its own:
 * it may wait for the job, for the disks and for QEMU, its client may go, and
 * somebody may abort it.  Shared by source_calls.c and source_entry.c. */

#pragma once

#include "ferry/source.h"

enum entry_kind { ENTRY_BEGIN, ENTRY_PERFORM, ENTRY_PERFORM2 };

struct source_entry {
    struct list link;      /* In host->entries. */
    struct domain *domain; /* A reference. */
    struct ferry_call *call;
    struct migration_parameters parameters;
    unsigned flags;
    struct cookie_handover handover; /* Prepare's; uri owned. */
    bool has_handover;
    struct qemu_migration_start start; /* Of the migration job. */
    struct job_request request;        /* Begin's, without change protection. */
    enum entry_kind kind;
    bool is_protected; /* Begin keeps the job. */
    bool had_ended;    /* A migration of its QEMU's before this one. */
    bool has_request;
    bool has_job;
    bool is_client_gone;  /* QEMU's answer is still waited for. */
    struct error aborted; /* The same, and why it will be refused. */
};

/* In host->entries until it is freed; takes 'call'. */
struct source_entry *
source_entry_new(struct domain *domain,
                 const struct migration_parameters *parameters, unsigned flags,
                 struct ferry_call *call);
/* Answers the call with the error, gives the job back, frees the entry. */
void source_entry_fail(struct source_entry *entry, const struct error *err);
void source_entry_free(struct source_entry *entry);
/* What such a call is failed with. */
void source_entry_client_gone(struct error *err);
