/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/source.h"

#include "base/memory.h"

#define RULE(in, on, to, act)                                                  \
    {SOURCE_STATE_##in, SOURCE_EVENT_##on, SOURCE_STATE_##to,                  \
     SOURCE_ACTION_##act},
static const struct rule table[] = {
#include "migrate/source.def"
};
#undef RULE
static uint64_t taken[ARRAY_COUNT(table)];

#define X(name, phase) #name,
static const char *const states[] = {SOURCE_STATES(X)};
#undef X
#define X(name) #name,
static const char *const events[] = {SOURCE_EVENTS(X)};
static const char *const actions[] = {SOURCE_ACTIONS(X)};
#undef X

const struct rules source_rules = {
    .machine = "source",
    .rules = table,
    .rule_count = ARRAY_COUNT(table),
    .taken = taken,
    .states = states,
    .state_count = ARRAY_COUNT(states),
    .events = events,
    .event_count = ARRAY_COUNT(events),
    .actions = actions,
    .action_count = ARRAY_COUNT(actions),
};

enum qemu_migration_phase
source_phase(enum source_state state)
{
#define X(name, phase) QEMU_MIGRATION_PHASE_##phase,
    static const enum qemu_migration_phase phases[] = {SOURCE_STATES(X)};
#undef X

    return phases[state];
}
