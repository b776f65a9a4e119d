/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the members of a JSON object, whose types and bounds it checks.
 *
 * The first failure is kept, later calls give harmless values, and
 * qmp_reader_end() reports it: a decoder reads all members in a row and asks
 * once.  Used by the events, the typed commands, and what keeps replies. */

#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct qmp_reader {
    struct json_object *object; /* Borrowed.  NULL: nothing can be read. */
    const char *what;           /* Borrowed.  "QEMU's reply to 'x'" */
    struct error *err;          /* Borrowed.  Set on the first failure. */
};

/* 'value' has to be an object. */
struct qmp_reader qmp_reader_new(struct json_object *value, const char *what,
                                 struct error *err);
/* 0, or -1 and the error of the first failure. */
int qmp_reader_end(const struct qmp_reader *reader);
/* What the decoder itself finds wrong. */
void qmp_reader_fail(struct qmp_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Members that have to be there.  Texts are without NULs inside. */
const char *qmp_read_text(struct qmp_reader *reader, const char *name);
bool qmp_read_boolean(struct qmp_reader *reader, const char *name);
uint64_t qmp_read_number(struct qmp_reader *reader, const char *name,
                         uint64_t max);
int64_t qmp_read_signed(struct qmp_reader *reader, const char *name);
struct qmp_reader qmp_read_object(struct qmp_reader *reader, const char *name);
/* Its elements are json_object_array_get_idx()'s. */
struct json_object *qmp_read_array(struct qmp_reader *reader, const char *name);

/* Members that may be absent (or null). */
bool qmp_has(const struct qmp_reader *reader, const char *name);
const char *qmp_read_text_or(struct qmp_reader *reader, const char *name,
                             const char *fallback);
bool qmp_read_boolean_or(struct qmp_reader *reader, const char *name,
                         bool fallback);
/* Whether it is there. */
bool qmp_maybe_number(struct qmp_reader *reader, const char *name,
                      uint64_t *value);
bool qmp_maybe_real(struct qmp_reader *reader, const char *name, double *value);

/* A text that stands alone, such as an element of an array; NULL on failure. */
const char *qmp_text_of(struct qmp_reader *reader, struct json_object *value,
                        const char *name);
/* The number of elements where 'value' is an array, else 0 and an error. */
size_t qmp_array_length(struct json_object *value, const char *what,
                        struct error *err);
