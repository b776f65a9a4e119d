/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Decides how long a pause the source's QEMU may plan for.
 *
 * QEMU stops the guest as soon as it believes that the rest fits into its
 * downtime-limit, and then uses all of it: with its default of 300 ms an idle
 * guest of 1 GiB was paused for 300 to 1600 ms, with 10 to 30 ms for 26 to 48
 * ms, at the same total time.  So the limit starts low, and grows only while
 * the guest writes faster than it is sent, up to what the user allows.
 *
 * Counters in, advice out: ferry/source asks after every pass and does what is
 * advised with migrate-set-parameters. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    CONVERGENCE_START_MS = 20,
    /* Where the user has set no maximum: QEMU's and libvirt's default. */
    CONVERGENCE_DEFAULT_MAX_MS = 300,
    /* The first pass sends all memory and tells nothing; then so many passes
     * at one limit before it grows by half. */
    CONVERGENCE_PATIENCE = 3,
};

/* {0} is not valid: see convergence_init. */
struct convergence {
    uint64_t limit_ms;
    uint64_t max_ms;
    uint64_t last_pass;
    uint64_t last_remaining;
    unsigned stuck; /* Passes without progress at this limit. */
};

/* 'max_ms' 0 means the default. */
void convergence_init(struct convergence *convergence, uint64_t max_ms);
/* The user's maximum changed meanwhile (setmaxdowntime).  True where the limit
 * has to be told to QEMU again: it is never above the maximum. */
bool convergence_set_max(struct convergence *convergence, uint64_t max_ms);

struct convergence_counters {
    uint64_t pass;      /* QEMU's dirty-sync-count. */
    uint64_t remaining; /* Bytes. */
};
/* True where the limit grew: convergence->limit_ms is the new one. */
bool convergence_step(struct convergence *convergence,
                      const struct convergence_counters *counters);
