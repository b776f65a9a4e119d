/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The flags of a migration call: which there are, which go together, which of
 * them this version can do, and which of them the other side is told.
 *
 * The numbers are libvirt's VIR_MIGRATE_*, from its public header.  Called by
 * the daemon's migration handlers before anything is touched, and by the
 * coordinator. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libvirt/libvirt.h>

#include "base/error.h"

/* The five calls of protocol v3 (v2 has Prepare, Perform and Finish). */
enum migration_call {
    MIGRATION_CALL_BEGIN,
    MIGRATION_CALL_PREPARE,
    MIGRATION_CALL_PERFORM,
    MIGRATION_CALL_FINISH,
    MIGRATION_CALL_CONFIRM,
    MIGRATION_CALL_COUNT
};

/* "begin", "prepare", ... */
const char *migration_call_name(enum migration_call call);

/* Refuses unknown bits (INVALID_ARG, libvirt's text with 'function', for
 * instance "qemuDomainMigrateBegin3Params"), combinations that make no sense,
 * and what this version can't do, by the flag's name. */
int migration_flags_check(uint64_t flags, const char *function,
                          struct error *err);

/* What a coordinator sends to each side: the source gets CHANGE_PROTECTION
 * where it is said to have it, the destination never, nor what only concerns
 * the source. */
uint64_t migration_flags_for_source(uint64_t flags, bool has_protection);
uint64_t migration_flags_for_destination(uint64_t flags);

/* "VIR_MIGRATE_LIVE" for one bit, or NULL. */
const char *migration_flag_name(uint64_t bit);
