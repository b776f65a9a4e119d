/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a QEMU binary can do.  It is asked once, over QMP, with no machine; the
 * replies are kept on disk for as long as the binary (path, time and size) and
 * the access to KVM stay what they were.  What comes from the disk goes through
 * the same checks as what comes from QEMU. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"

struct qemu_machine {
    char *name;        /* Owned.  "pc-i440fx-7.2" */
    char *alias;       /* Owned.  "pc"; NULL where it has none. */
    char *default_cpu; /* Owned.  "qemu64"; NULL where QEMU does not say. */
    unsigned max_cpus;
    bool is_default;
    bool is_deprecated;
};

struct qemu_cpu_model {
    char *name;     /* Owned. */
    char *alias_of; /* Owned.  NULL where it is no alias. */
    /* Whether this host can run all of it, with KVM where that is enabled. */
    bool is_usable;
    bool is_deprecated;
};

struct qemu_capabilities {
    char *binary;  /* Owned. */
    char *package; /* Owned.  "Debian 1:7.2+dfsg-7"; "" */
    char *arch;    /* Owned.  "x86_64" */
    unsigned major;
    unsigned minor;
    unsigned micro;
    bool is_kvm_present;           /* Built in. */
    bool is_kvm_enabled;           /* Works on this host. */
    struct qemu_machine *machines; /* Owned, with what is in it. */
    size_t machine_count;
    struct qemu_cpu_model *cpu_models; /* Owned, with what is in it. */
    size_t cpu_model_count;
    uint32_t migration_capabilities; /* Bits of QMP_CAPABILITY_*. */
};

/* QEMU's own number: 7.2.22 is 7002022. */
unsigned qemu_capabilities_version(const struct qemu_capabilities *caps);
/* By name or alias; NULL: the default one.  NULL where there is none. */
const struct qemu_machine *
qemu_capabilities_find_machine(const struct qemu_capabilities *caps,
                               const char *name);
/* Its full name: "pc" -> "pc-i440fx-7.2".  NULL where there is none. */
const char *qemu_capabilities_machine(const struct qemu_capabilities *caps,
                                      const char *name);
const struct qemu_cpu_model *
qemu_capabilities_find_cpu_model(const struct qemu_capabilities *caps,
                                 const char *name);

/* All that is known about binaries, on disk and in memory. */
struct qemu_capabilities_cache;

/* 'folder' (copied) exists; NULL: nothing is kept on disk. */
struct qemu_capabilities_cache *qemu_capabilities_cache_new(struct loop *loop,
                                                            const char *folder);
/* Ends probes that are under way; their callbacks are not called.  What the
 * cache gave out is gone with it.  Not from inside of its callbacks. */
void qemu_capabilities_cache_free(struct qemu_capabilities_cache *cache);

/* Calls 'done' once, from the loop.  What it gets lives as long as the cache,
 * also when the binary has changed since.  Requests for the same binary share
 * one probe. */
void qemu_capabilities_get(struct qemu_capabilities_cache *cache,
                           const char *binary,
                           void (*done)(void *owner,
                                        const struct qemu_capabilities *caps,
                                        const struct error *err),
                           void *owner);
/* 'done' is not called for that owner any more. */
void qemu_capabilities_forget(struct qemu_capabilities_cache *cache,
                              const void *owner);
/* At once, and only from memory: NULL where qemu_capabilities_get() has not
 * been answered for this binary as it is now. */
const struct qemu_capabilities *
qemu_capabilities_known(const struct qemu_capabilities_cache *cache,
                        const char *binary);
