/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the commands print: JSON where it was asked for, and numbers in a form
 * that a person reads. */

#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmferry.h"

struct arguments;

/* To stderr, or as {"error": {"code": ..., "message": ...}} to stdout. */
void output_error(const struct arguments *arguments, int code,
                  const char *message);
/* A document, and a line feed. Takes 'object'. */
void output_json(struct json_object *object);

struct json_object *json_of_domain(const struct vmferry_domain *domain);
struct json_object *json_of_values(const struct vmferry_values *values);

enum { AMOUNT_SIZE = 32 };
/* "96.3 MiB". Returns 'text'. */
const char *format_bytes(uint64_t bytes, char text[AMOUNT_SIZE]);
/* "54 ms", "1.204 s", "3 min 12 s". */
const char *format_time(int64_t us, char text[AMOUNT_SIZE]);
