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

#define X(variant, base) {SOURCE_EVENT_##variant, SOURCE_EVENT_##base},
static const struct rule_variant variants[] = {SOURCE_VARIANTS(X)};
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
    .variants = variants,
    .variant_count = ARRAY_COUNT(variants),
    .actions = actions,
    .action_count = ARRAY_COUNT(actions),
};

enum source_event
source_event_base(enum source_event event)
{
    return (enum source_event)rules_base(&source_rules, event);
}

bool
source_token_is_away(enum source_state state)
{
    return state == SOURCE_STATE_GIVEN || state == SOURCE_STATE_RECHECKING ||
           state == SOURCE_STATE_ASKING || state == SOURCE_STATE_UNSURE ||
           state == SOURCE_STATE_ORPHAN || state == SOURCE_STATE_SHELL_GONE ||
           state == SOURCE_STATE_KILLING;
}

enum qemu_migration_phase
source_phase(enum source_state state)
{
#define X(name, phase) QEMU_MIGRATION_PHASE_##phase,
    static const enum qemu_migration_phase phases[] = {SOURCE_STATES(X)};
#undef X

    return phases[state];
}
