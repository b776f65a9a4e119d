/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/coordinator.h"

#include <string.h>

#include "base/memory.h"

static const struct {
    enum coordinator_state in;
    enum coordinator_event on;
    enum coordinator_state to;
    enum coordinator_action act;
} rules_v3[] = {
#define RULE(in, on, to, act)                                                  \
    {COORDINATOR_STATE_##in, COORDINATOR_EVENT_##on, COORDINATOR_STATE_##to,   \
     COORDINATOR_ACTION_##act},
#include "migrate/coordinator_v3.def"
#undef RULE
};

bool
coordinator_v3_step(enum coordinator_state *state, enum coordinator_event event,
                    enum coordinator_action *action)
{
    for (size_t i = 0; i < ARRAY_COUNT(rules_v3); i++) {
        if (rules_v3[i].in == *state && rules_v3[i].on == event) {
            *state = rules_v3[i].to;
            *action = rules_v3[i].act;
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
