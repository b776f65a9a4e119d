/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/convergence.h"

static bool is_shrinking(uint64_t before, uint64_t after);
static uint64_t grown(uint64_t limit_ms, uint64_t max_ms);

void
convergence_init(struct convergence *convergence, uint64_t max_ms)
{
    *convergence = (struct convergence){.limit_ms = CONVERGENCE_START_MS};
    convergence_set_max(convergence, max_ms);
}

bool
convergence_set_max(struct convergence *convergence, uint64_t max_ms)
{
    convergence->max_ms = max_ms ? max_ms : CONVERGENCE_DEFAULT_MAX_MS;
    if (convergence->limit_ms <= convergence->max_ms) {
        return false;
    }
    convergence->limit_ms = convergence->max_ms;
    return true;
}

bool
convergence_step(struct convergence *convergence,
                 const struct convergence_counters *counters)
{
    bool is_first = convergence->last_pass == 0;
    uint64_t before = convergence->last_remaining;

    if (counters->pass <= convergence->last_pass) {
        return false;
    }
    convergence->last_pass = counters->pass;
    convergence->last_remaining = counters->remaining;
    if (is_first || is_shrinking(before, counters->remaining)) {
        convergence->stuck = 0;
        return false;
    }
    convergence->stuck++;
    if (convergence->stuck < CONVERGENCE_PATIENCE ||
        convergence->limit_ms >= convergence->max_ms) {
        return false;
    }
    convergence->stuck = 0;
    convergence->limit_ms = grown(convergence->limit_ms, convergence->max_ms);
    return true;
}

/* By a quarter at least: less would take too many passes to matter.  Nothing
 * left is as good as it gets. */
static bool
is_shrinking(uint64_t before, uint64_t after)
{
    return after == 0 || after < before - before / 4;
}

static uint64_t
grown(uint64_t limit_ms, uint64_t max_ms)
{
    uint64_t more = limit_ms / 2 > 0 ? limit_ms / 2 : 1;

    return more < max_ms - limit_ms ? limit_ms + more : max_ms;
}
