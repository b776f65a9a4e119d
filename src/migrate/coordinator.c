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

static bool
has_rule(enum coordinator_protocol protocol, enum coordinator_state state,
         enum coordinator_event event)
{
    enum coordinator_action action;

    return coordinator_step(protocol, &state, event, &action);
}

enum coordinator_event
coordinator_event_in(enum coordinator_protocol protocol,
                     enum coordinator_state state, enum coordinator_event event)
{
    if (has_rule(protocol, state, event)) {
        return event;
    }
    switch (event) {
#define X(variant, base)                                                       \
    case COORDINATOR_EVENT_##variant:                                          \
        return COORDINATOR_EVENT_##base;
        COORDINATOR_VARIANTS(X)
#undef X
    default:
        return event;
    }
}

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
    case COORDINATOR_STATE_PARTED:
        return true;
    default:
        return false;
    }
}

bool
coordinator_state_is_way_back(enum coordinator_state state)
{
    switch (state) {
    case COORDINATOR_STATE_STOPPING:
    case COORDINATOR_STATE_BLIND:
    case COORDINATOR_STATE_LEAVING:
    case COORDINATOR_STATE_RECALLING:
    case COORDINATOR_STATE_ABANDONING:
    case COORDINATOR_STATE_WITHDRAWING:
    case COORDINATOR_STATE_CANCELLING:
    case COORDINATOR_STATE_RELEASING:
        return true;
    default:
        return false;
    }
}

enum coordinator_phase
coordinator_state_phase(enum coordinator_state state,
                        enum coordinator_phase now)
{
    switch (state) {
    case COORDINATOR_STATE_IDLE:
        return COORDINATOR_PHASE_CONNECT;
    case COORDINATOR_STATE_BEGINNING:
    case COORDINATOR_STATE_DUMPING:
    case COORDINATOR_STATE_LOOKING:
    case COORDINATOR_STATE_LEAVING:
    case COORDINATOR_STATE_REBEGINNING:
        return COORDINATOR_PHASE_BEGIN;
    case COORDINATOR_STATE_PREPARING:
    case COORDINATOR_STATE_RECALLING:
    case COORDINATOR_STATE_ABANDONING:
    case COORDINATOR_STATE_REPREPARING:
        return COORDINATOR_PHASE_PREPARE;
    case COORDINATOR_STATE_PERFORMING:
    case COORDINATOR_STATE_STOPPING:
    case COORDINATOR_STATE_BLIND:
    case COORDINATOR_STATE_APART:
        return COORDINATOR_PHASE_PERFORM;
    case COORDINATOR_STATE_FINISHING:
    case COORDINATOR_STATE_WITHDRAWING:
    case COORDINATOR_STATE_CANCELLING:
    case COORDINATOR_STATE_ALONE:
    case COORDINATOR_STATE_UNSURE:
    case COORDINATOR_STATE_REJOINING:
        return COORDINATOR_PHASE_FINISH;
    case COORDINATOR_STATE_CONFIRMING:
    case COORDINATOR_STATE_RELEASING:
        return COORDINATOR_PHASE_CONFIRM;
    case COORDINATOR_STATE_DONE:
    case COORDINATOR_STATE_UNCONFIRMED:
    case COORDINATOR_STATE_FAILED:
    case COORDINATOR_STATE_UNKNOWN:
    case COORDINATOR_STATE_STRANDED:
    case COORDINATOR_STATE_PARTED:
        return now;
    }
    return now;
}

#define X(name, text) text,
static const char *const phase_names[] = {COORDINATOR_PHASES(X)};
#undef X

const char *
coordinator_phase_name(enum coordinator_phase phase)
{
    return phase_names[phase];
}

bool
coordinator_phase_parse(const char *name, enum coordinator_phase *phase)
{
    for (size_t i = 0; i < ARRAY_COUNT(phase_names); i++) {
        if (strcmp(name, phase_names[i]) == 0) {
            *phase = (enum coordinator_phase)i;
            return true;
        }
    }
    return false;
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
