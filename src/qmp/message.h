/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The monitor's lines as JSON: what is one, the greeting, QEMU's errors.  Keeps
 * nothing; qmp/session.c decides what follows from them. */

#pragma once

#include <json-c/json.h>

#include "qmp/session.h"

/* Strict, with a limit of depth.  Caller frees. */
struct json_tokener *qmp_tokener_new(void);
/* One line, without its end: an object that the caller puts, or NULL. */
struct json_object *qmp_message_parse(struct json_tokener *tokener,
                                      const char *line, size_t length,
                                      struct error *err);
/* A command as a line, with its end.  Takes 'arguments' (may be NULL).  Caller
 * frees. */
char *qmp_message_format(const char *command, struct json_object *arguments,
                         uint64_t id, bool is_oob);

struct qmp_greeting {
    struct qmp_version version; /* Borrowed from the message. */
    bool has_oob;
};
int qmp_greeting_decode(struct json_object *message,
                        struct qmp_greeting *greeting, struct error *err);
/* The value of "error", as 'why'; fails where it makes no sense. */
int qmp_refusal_decode(struct json_object *refusal, const char *command,
                       struct error *why, struct error *err);
