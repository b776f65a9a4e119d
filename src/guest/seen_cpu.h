/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The CPU that a running guest sees, as its QEMU says: its features by QEMU's
 * names, with nothing of ours between.  Says what two of them differ in.  QEMU
 * is asked by qemu/cpu_question.h; the text form is for records and for the
 * migration cookie, and is hostile when it is read. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "guest/guest.h"

enum {
    GUEST_SEEN_CPU_FEATURES_MAX = 4096,
    GUEST_SEEN_CPU_NAME_MAX = 64, /* Bytes of any name in it. */
};

enum guest_seen {
    GUEST_SEEN_NOT, /* QEMU knows it, and it is off. */
    GUEST_SEEN,
    /* The model has it and the guest does not get it: its QEMU could not, when
     * the guest was started first. */
    GUEST_SEEN_WITHHELD,
};

struct guest_seen_feature {
    char *name; /* Owned.  QEMU's: "lahf-lm" */
    enum guest_seen seen;
};

struct guest_seen_cpu {
    char *model; /* Owned.  QEMU's name of it: "qemu64" */
    /* Owned.  Vendor, family and model, "AuthenticAMD/15/107"; NULL: not known.
     * Not the stepping, in which hosts of one kind differ. */
    char *identity;
    struct guest_seen_feature *features; /* Owned.  By name, once sorted. */
    size_t count, capacity;
};

/* Begins one without features; fails where the name makes no sense. */
struct guest_seen_cpu *guest_seen_cpu_new(const char *model, struct error *err);
void guest_seen_cpu_free(struct guest_seen_cpu *cpu);
DEFINE_AUTO(guest_seen_cpu);

/* Fails where there are too many, and where the name makes no sense. */
int guest_seen_cpu_add(struct guest_seen_cpu *cpu, const char *name,
                       enum guest_seen seen, struct error *err);
/* To be called after the last guest_seen_cpu_add(). */
void guest_seen_cpu_sort(struct guest_seen_cpu *cpu);
/* NULL where QEMU does not know it, or has not said so. */
struct guest_seen_feature *guest_seen_cpu_find(const struct guest_seen_cpu *cpu,
                                               const char *name);
/* Marks those features of 'cpu' that 'from' names as withheld. */
void guest_seen_cpu_withhold(struct guest_seen_cpu *cpu,
                             const struct guest_seen_cpu *from);
/* Characters that a name can't have become '_'. */
void guest_seen_cpu_set_identity(struct guest_seen_cpu *cpu, const char *vendor,
                                 int family, int model);

/* "model=qemu64 identity=AuthenticAMD/15/107 +apic +lm -rtm": + is seen, - is
 * withheld; what is just off is left out.  Caller frees. */
char *guest_seen_cpu_format(const struct guest_seen_cpu *cpu);
/* Words that begin in another way are of a later version, and ignored. */
struct guest_seen_cpu *guest_seen_cpu_parse(const char *text,
                                            struct error *err);

/* What a guest that sees 'there' would find changed with 'here': "missing
 * features: a, b; extra features: c".  NULL where it is nothing.  Caller
 * frees. */
char *guest_seen_cpu_difference(const struct guest_seen_cpu *there,
                                const struct guest_seen_cpu *here);
/* The same for a CPU as libvirt tells of it, of which only what it requires is
 * compared, where QEMU knows a feature of that name. */
char *guest_seen_cpu_lacks(const struct guest_seen_cpu *here,
                           const struct guest_cpu *there);
