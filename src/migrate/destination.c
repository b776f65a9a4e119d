/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/destination.h"

#include "base/memory.h"

#define RULE(in, on, to, act)                                                  \
    {DESTINATION_STATE_##in, DESTINATION_EVENT_##on, DESTINATION_STATE_##to,   \
     DESTINATION_ACTION_##act},
static const struct rule table[] = {
#include "migrate/destination.def"
};
#undef RULE
static uint64_t taken[ARRAY_COUNT(table)];

#define X(name, phase) #name,
static const char *const states[] = {DESTINATION_STATES(X)};
#undef X
#define X(name) #name,
static const char *const events[] = {DESTINATION_EVENTS(X)};
static const char *const actions[] = {DESTINATION_ACTIONS(X)};
#undef X

#define X(variant, base)                                                       \
    {DESTINATION_EVENT_##variant, DESTINATION_EVENT_##base},
static const struct rule_variant variants[] = {DESTINATION_VARIANTS(X)};
#undef X

const struct rules destination_rules = {
    .machine = "destination",
    .rules = table,
    .rule_count = ARRAY_COUNT(table),
    .taken = taken,
    .states = states,
    .state_count = ARRAY_COUNT(states),
    .events = events,
    .event_count = ARRAY_COUNT(events),
    .variants = variants,
    .variant_count = ARRAY_COUNT(variants),
    .actions = actions,
    .action_count = ARRAY_COUNT(actions),
};

enum destination_event
destination_event_base(enum destination_event event)
{
    return (enum destination_event)rules_base(&destination_rules, event);
}

enum qemu_migration_phase
destination_phase(enum destination_state state)
{
#define X(name, phase) QEMU_MIGRATION_PHASE_##phase,
    static const enum qemu_migration_phase phases[] = {DESTINATION_STATES(X)};
#undef X

    return phases[state];
}
