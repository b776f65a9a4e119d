/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks a QEMU binary what it can do: starts it without a machine, sends
 * QEMU_PROBE_COMMANDS, kills it.  For capabilities.c. */

#pragma once

#include <json-c/json.h>

#include "io/loop.h"

struct qemu_probe;

/* Calls 'done' once, from the loop, with the replies (borrowed) or an error. */
struct qemu_probe *qemu_probe_start(struct loop *loop, const char *binary,
                                    void (*done)(void *owner,
                                                 struct json_object *replies,
                                                 const struct error *err),
                                    void *owner, struct error *err);
/* Kills what still runs; 'done' is not called any more. */
void qemu_probe_free(struct qemu_probe *probe);
