/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks a QEMU which CPU its guest sees.
 *
 * The static expansion of the CPU's model is every feature of CPUID that QEMU
 * has a name for, on or off, with what the command line and the machine make of
 * the model; the CPU's unavailable-features are those that QEMU then could not
 * give.  docs/decisions/008-cpu-as-qemu-says.md has why, and what it costs. */

#pragma once

#include "guest/seen_cpu.h"
#include "qmp/commands.h"

/* 'cpu' (taken) or an error. */
typedef void qemu_cpu_answer(void *owner, struct guest_seen_cpu *cpu,
                             const struct error *err);

/* A question under way.  Its memory is the caller's, who keeps it, zeroed
 * before, until it is answered or qemu_cpu_question_done(). */
struct qemu_cpu_question {
    /* Private. */
    struct qmp_session *session; /* Borrowed. */
    unsigned pending;
    struct guest_seen_cpu *cpu;         /* Owned.  What the model has. */
    struct guest_seen_cpu *unavailable; /* Owned.  Of that. */
    struct error err;
    qemu_cpu_answer *done;
    void *owner;
};

/* Asks for the CPU of 'model': one round trip, save where QEMU calls its first
 * CPU by an unusual name.  'done' is called once, and may ask again. */
void qemu_cpu_ask(struct qemu_cpu_question *question,
                  struct qmp_session *session, const char *model,
                  qemu_cpu_answer *done, void *owner);
/* Ends it before its answer, while the session is there; takes one that was
 * never asked or has been answered, too. */
void qemu_cpu_question_done(struct qemu_cpu_question *question);

/* For qemu_cpu_ask() and tests: from QEMU's answers.  NULL where they make no
 * sense. */
struct guest_seen_cpu *qemu_cpu_read(const char *model,
                                     const struct qmp_cpu_model *expansion,
                                     struct error *err);
