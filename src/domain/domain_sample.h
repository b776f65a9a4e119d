/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What only QEMU knows of its guest's work: the threads of its processors, what
 * its disks did.  Asks two harmless questions, without a job. */

#pragma once

#include "domain/domain.h"
#include "qmp/commands.h"

struct domain_sample {
    /* One for each disk of the live guest, in its order; those that QEMU is
     * silent about have 'is_known' false. */
    struct domain_disk_sample {
        bool is_known;
        struct qmp_blockstats counters; /* Its texts are NULL. */
    } * disks;
    size_t disk_count;
    /* By the number of the processor. */
    pid_t *threads;
    size_t thread_count;
};

/* 'sample' is borrowed during the call, NULL with an error. */
typedef void domain_sample_done(void *owner, const struct domain_sample *sample,
                                const struct error *err);
void domain_sample(struct domain *domain, domain_sample_done *done,
                   void *owner);
