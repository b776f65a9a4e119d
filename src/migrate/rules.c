/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/rules.h"

#include <stdio.h>
#include <string.h>

static const struct rule *find(const struct rules *rules, unsigned state,
                               unsigned event);

const struct rule *
rules_find(const struct rules *rules, unsigned state, unsigned event)
{
    const struct rule *rule = find(rules, state, event);

    if (!rule) {
        rule = find(rules, state, rules_base(rules, event));
    }
    if (rule) {
        rules->taken[rule - rules->rules]++;
    }
    return rule;
}

static const struct rule *
find(const struct rules *rules, unsigned state, unsigned event)
{
    for (size_t i = 0; i < rules->rule_count; i++) {
        if (rules->rules[i].in == state && rules->rules[i].on == event) {
            return &rules->rules[i];
        }
    }
    return NULL;
}

unsigned
rules_base(const struct rules *rules, unsigned event)
{
    for (size_t i = 0; i < rules->variant_count; i++) {
        if (rules->variants[i].event == event) {
            return rules->variants[i].base;
        }
    }
    return event;
}

bool
rules_has_own(const struct rules *rules, unsigned state, unsigned event)
{
    return find(rules, state, event);
}

bool
rules_has(const struct rules *rules, unsigned state, unsigned event)
{
    return find(rules, state, event) ||
           find(rules, state, rules_base(rules, event));
}

void
rules_format_step(const struct rules *rules, unsigned state, unsigned event,
                  const struct rule *rule, char *line, size_t size)
{
    if (rule) {
        snprintf(line, size, "%-20s -> %s %s", rules->events[rule->on],
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
