/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/types.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"

#define X(name, text) text,
static const char *const run_states[] = {"unknown", QMP_RUN_STATES(X)};
static const char *const statuses[] = {"unknown", QMP_MIGRATION_STATUSES(X)};
static const char *const causes[] = {"unknown", QMP_SHUTDOWN_CAUSES(X)};
static const char *const actions[] = {"unknown", QMP_ACTIONS(X)};
static const char *const capabilities[] = {QMP_MIGRATION_CAPABILITIES(X)};
#undef X

_Static_assert(QMP_CAPABILITY_COUNT <= 31, "a set of them is an enum");

static size_t find(const char *const *names, size_t count, const char *name);

const char *
qmp_run_state_name(enum qmp_run_state state)
{
    assert(state < ARRAY_COUNT(run_states));
    return run_states[state];
}

const char *
qmp_migration_status_name(enum qmp_migration_status status)
{
    assert(status < ARRAY_COUNT(statuses));
    return statuses[status];
}

const char *
qmp_shutdown_cause_name(enum qmp_shutdown_cause cause)
{
    assert(cause < ARRAY_COUNT(causes));
    return causes[cause];
}

const char *
qmp_action_name(enum qmp_action action)
{
    assert(action < ARRAY_COUNT(actions));
    return actions[action];
}

const char *
qmp_capability_name(enum qmp_migration_capability_number capability)
{
    assert(capability < ARRAY_COUNT(capabilities));
    return capabilities[capability];
}

enum qmp_run_state
qmp_run_state_parse(const char *name)
{
    size_t i = find(run_states, ARRAY_COUNT(run_states), name);

    return i < ARRAY_COUNT(run_states) ? (enum qmp_run_state)i
                                       : QMP_RUN_STATE_UNKNOWN;
}

enum qmp_migration_status
qmp_migration_status_parse(const char *name)
{
    size_t i = find(statuses, ARRAY_COUNT(statuses), name);

    return i < ARRAY_COUNT(statuses) ? (enum qmp_migration_status)i
                                     : QMP_MIGRATION_UNKNOWN;
}

enum qmp_shutdown_cause
qmp_shutdown_cause_parse(const char *name)
{
    size_t i = find(causes, ARRAY_COUNT(causes), name);

    return i < ARRAY_COUNT(causes) ? (enum qmp_shutdown_cause)i
                                   : QMP_SHUTDOWN_UNKNOWN;
}

enum qmp_action
qmp_action_parse(const char *name)
{
    size_t i = find(actions, ARRAY_COUNT(actions), name);

    return i < ARRAY_COUNT(actions) ? (enum qmp_action)i : QMP_ACTION_UNKNOWN;
}

uint32_t
qmp_capability_parse(const char *name)
{
    size_t i = find(capabilities, ARRAY_COUNT(capabilities), name);

    return i < ARRAY_COUNT(capabilities) ? 1u << i : 0;
}

/* 'count' where there is no such name. */
static size_t
find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return count;
}
