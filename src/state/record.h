/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A record: named texts, numbers and truths, and the version of what they mean.
 * What is to survive a restart of the daemon is kept in records.  On disk one
 * is a flat JSON object; which library writes it is this module's secret, and
 * where it is kept is state/store.h's business.
 *
 * What is read back may have been written by another version, or damaged:
 * reading checks types and bounds. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct record;

/* An empty one. 'version' is at least 1. */
struct record *record_new(unsigned version);
void record_free(struct record *record);
DEFINE_AUTO(record);

unsigned record_version(const struct record *record);

/* Replace what was there under that name, of whatever type.  The name "version"
 * is taken. */
void record_set_text(struct record *record, const char *name, const char *text);
void record_set_number(struct record *record, const char *name, int64_t number);
void record_set_bool(struct record *record, const char *name, bool truth);
/* Nothing happens where there is none. */
void record_remove(struct record *record, const char *name);

bool record_has(const struct record *record, const char *name);
/* What must be there: fails, with ERROR_INTERNAL, where it is missing or of
 * another type.  The text belongs to the record. */
int record_get_text(const struct record *record, const char *name,
                    const char **text, struct error *err);
int record_get_bool(const struct record *record, const char *name, bool *truth,
                    struct error *err);
/* Also where it is outside of the bounds. */
int record_get_number(const struct record *record, const char *name,
                      const int64_t bounds[2], int64_t *number,
                      struct error *err);

/* What may be missing: then, or where it is of another type, the answer is
 * 'missing'. */
const char *record_find_text(const struct record *record, const char *name,
                             const char *missing);
int64_t record_find_number(const struct record *record, const char *name,
                           int64_t missing);
bool record_find_bool(const struct record *record, const char *name,
                      bool missing);

/* One member a line.  Caller frees. */
char *record_format(const struct record *record);
/* Fails, with ERROR_INTERNAL, on anything but one flat object with a version,
 * texts without NULs, whole numbers of 64 bits, and truths. */
struct record *record_parse(const char *text, size_t length, struct error *err);
