/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a QEMU binary answered, as one JSON object, and as a file:
 *
 *   { "greeting": { "major": 7, "minor": 2, "micro": 22, "package": "..." },
 *     "query-kvm": reply, "query-machines": reply, ... }
 *
 * Here it becomes a struct; nothing else reads it.  For capabilities*.c. */

#pragma once

#include <json-c/json.h>
#include <sys/types.h>

#include "qemu/capabilities.h"

/* The commands whose replies are kept.  What it is called, whether a QEMU that
 * does not have it will do. */
#define QEMU_PROBE_COMMANDS(X)                                                 \
    X("query-kvm", false)                                                      \
    X("query-target", false)                                                   \
    X("query-machines", false)                                                 \
    X("query-cpu-definitions", true)                                           \
    X("query-migrate-capabilities", false)

/* NULL where something is missing or wrong. */
struct qemu_capabilities *qemu_capabilities_decode(struct json_object *replies,
                                                   const char *binary,
                                                   struct error *err);
void qemu_capabilities_free(struct qemu_capabilities *caps);

/* What has to be the same for old replies to be right. */
struct qemu_binary_stamp {
    int64_t mtime_ns;
    int64_t size;
    bool may_use_kvm;
};

int qemu_binary_stamp_read(const char *binary, struct qemu_binary_stamp *stamp,
                           struct error *err);
bool qemu_binary_stamp_is_equal(const struct qemu_binary_stamp *a,
                                const struct qemu_binary_stamp *b);

/* Replaces the file atomically.  A failure is of no consequence: QEMU is asked
 * again next time. */
void qemu_replies_save(const char *folder, const char *binary,
                       const struct qemu_binary_stamp *stamp,
                       struct json_object *replies);
/* The replies, which the caller puts; NULL where there are none for this binary
 * as it is, or the file can't be read. */
struct json_object *qemu_replies_load(const char *folder, const char *binary,
                                      const struct qemu_binary_stamp *stamp);
