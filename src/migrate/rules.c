/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/rules.h"

#include <stdio.h>
#include <string.h>

const struct rule *
rules_find(const struct rules *rules, unsigned state, unsigned event)
{
    for (size_t i = 0; i < rules->rule_count; i++) {
        const struct rule *rule = &rules->rules[i];

        if (rule->in == state && rule->on == event) {
            rules->taken[i]++;
            return rule;
        }
    }
    return NULL;
}

void
rules_format_step(const struct rules *rules, unsigned state, unsigned event,
                  const struct rule *rule, char *line, size_t size)
{
    if (rule) {
        snprintf(line, size, "%-20s -> %s %s", rules->events[event],
                 rules->states[rule->to], rules->actions[rule->act]);
    } else {
        snprintf(line, size, "%-20s -> not in %s", rules->events[event],
                 rules->states[state]);
    }
}

int
rules_name_find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
