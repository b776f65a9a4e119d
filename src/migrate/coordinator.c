/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/coordinator.h"

#include <string.h>

#include "base/memory.h"

struct arrow {
    enum coordinator_state in;
    enum coordinator_event on;
    enum coordinator_state to;
    enum coordinator_action act;
};

#define RULE(in, on, to, act)                                                  \
    {COORDINATOR_STATE_##in, COORDINATOR_EVENT_##on, COORDINATOR_STATE_##to,   \
     COORDINATOR_ACTION_##act},
static const struct arrow rules_v3[] = {
#include "migrate/coordinator_v3.def"
};
static const struct arrow rules_v2[] = {
#include "migrate/coordinator_v2.def"
};
#undef RULE

static const struct {
    const struct arrow *rules;
    size_t count;
} tables[] = {
    [COORDINATOR_V3] = {rules_v3, ARRAY_COUNT(rules_v3)},
    [COORDINATOR_V2] = {rules_v2, ARRAY_COUNT(rules_v2)},
};

bool
coordinator_step(enum coordinator_protocol protocol,
                 enum coordinator_state *state, enum coordinator_event event,
                 enum coordinator_action *action)
{
    for (size_t i = 0; i < tables[protocol].count; i++) {
        const struct arrow *rule = &tables[protocol].rules[i];

        if (rule->in == *state && rule->on == event) {
            *state = rule->to;
            *action = rule->act;
            return true;
        }
    }
    return false;
}

bool
coordinator_state_is_end(enum coordinator_state state)
{
    switch (state) {
    case COORDINATOR_STATE_DONE:
    case COORDINATOR_STATE_UNCONFIRMED:
    case COORDINATOR_STATE_FAILED:
    case COORDINATOR_STATE_UNKNOWN:
    case COORDINATOR_STATE_STRANDED:
        return true;
    default:
        return false;
    }
}

#define X(name) #name,
const char *
coordinator_state_name(enum coordinator_state state)
{
    static const char *const names[] = {COORDINATOR_STATES(X)};

    return names[state];
}

static const char *const event_names[] = {COORDINATOR_EVENTS(X)};

const char *
coordinator_event_name(enum coordinator_event event)
{
    return event_names[event];
}

const char *
coordinator_action_name(enum coordinator_action action)
{
    static const char *const names[] = {COORDINATOR_ACTIONS(X)};

    return names[action];
}
#undef X

bool
coordinator_event_parse(const char *name, enum coordinator_event *event)
{
    for (size_t i = 0; i < ARRAY_COUNT(event_names); i++) {
        if (strcmp(name, event_names[i]) == 0) {
            *event = (enum coordinator_event)i;
            return true;
        }
    }
    return false;
}

bool
coordinator_prefers_finish_error(const struct error *perform,
                                 const struct error *finish)
{
    return perform->code == ERROR_OPERATION_FAILED &&
           perform->origin == ERROR_FROM_QEMU && error_is_set(finish) &&
           finish->origin == ERROR_FROM_QEMU &&
           finish->code != ERROR_MIGRATE_FINISH_OK;
}
