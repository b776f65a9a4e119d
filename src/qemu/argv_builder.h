/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pieces of a command line: arguments, lists of "key=value" with values
 * that cannot break out, JSON objects.
 *
 * Used by argv*.c only, which say what is put on it. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct json_object;

struct argv_builder {
    char **items; /* Owned, like its elements. */
    size_t count;
    size_t capacity;
};

/* An option and its value. */
void argv_add(struct argv_builder *argv, const char *option, const char *value);
void argv_addf(struct argv_builder *argv, const char *option,
               const char *format, ...) __attribute__((format(printf, 3, 4)));
/* An option without a value. */
void argv_add_flag(struct argv_builder *argv, const char *option);
/* Takes the text, and empties it. */
void argv_add_text(struct argv_builder *argv, const char *option,
                   struct text *text);
/* Takes the object. */
void argv_add_json(struct argv_builder *argv, const char *option,
                   struct json_object *object);
/* Hands the array over, NULL-terminated, and empties the builder. */
char **argv_take(struct argv_builder *argv);
void argv_done(struct argv_builder *argv);
#define AUTO_ARGV __attribute__((cleanup(argv_done))) struct argv_builder

/* Adds ",key=value" with every comma of the value doubled, which is how QEMU
 * reads a comma that separates nothing.  Nothing for a NULL value. */
void argv_text_pair(struct text *text, const char *key, const char *value);

/* Members in the order in which they are added.  A NULL text adds none. */
struct json_object *argv_json(const char *first_key, const char *value);
void argv_json_text(struct json_object *object, const char *key,
                    const char *value);
void argv_json_textf(struct json_object *object, const char *key,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void argv_json_number(struct json_object *object, const char *key,
                      uint64_t value);
void argv_json_bool(struct json_object *object, const char *key, bool value);
