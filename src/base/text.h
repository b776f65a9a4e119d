/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text: a builder that grows, numbers with bounds. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string that grows.  {0} is an empty one. */
struct text {
    char *data;    /* Owned. NUL-terminated; NULL while nothing was added. */
    size_t length; /* Without the NUL. */
    size_t capacity;
};

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_addf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Hands the string over, never NULL, and empties 'text'. */
char *text_take(struct text *text);
void text_done(struct text *text);
#define AUTO_TEXT __attribute__((cleanup(text_done))) struct text

/* Reads a whole decimal number ("0x" not allowed, no sign for the unsigned
 * kind, no blanks).  False where it is not one or outside of the bounds. */
bool parse_u64(const char *text, uint64_t max, uint64_t *value);
bool parse_i64(const char *text, int64_t min, int64_t max, int64_t *value);
/* The same, decimal or 0x-hexadecimal. */
bool parse_hex(const char *text, uint64_t max, uint64_t *value);

bool has_prefix(const char *text, const char *prefix);
bool has_suffix(const char *text, const char *suffix);
/* strcmp() that takes NULL, which equals only itself. */
bool is_same_text(const char *a, const char *b);
/* How long something takes, as a person says it: "4 s", "3 min", "2 h 5 min",
 * "4 d 2 h".  Returns 'text'. */
enum { DURATION_SIZE = 32 };
const char *format_duration(int64_t ms, char text[DURATION_SIZE]);
/* Whether 'text' is well-formed UTF-8. */
bool is_utf8(const char *text, size_t length);
