/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the rule tables have in common: states, events and actions with names,
 * and rules of one arrow each.  Touches nothing, knows no migration.
 *
 * A machine is a .def file of RULE(in, on, to, act) lines, its lists of names,
 * and one `struct rules` made from them (source.c, destination.c).  The same
 * .def is read by tests' transcripts and drawn by tools/draw-rules. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rule {
    uint8_t in;  /* State in which it applies. */
    uint8_t on;  /* Event that it answers. */
    uint8_t to;  /* State afterwards. */
    uint8_t act; /* What the caller has to do, once the state is saved. */
};

/* An event that tells more than another one: in a state that has no rule for
 * it, it is that other one. */
struct rule_variant {
    uint8_t event;
    uint8_t base;
};

struct rules {
    const char *machine; /* "source" */
    const struct rule *rules;
    size_t rule_count;
    uint64_t *taken; /* How often each rule was taken in this process. */
    const char *const *states;
    size_t state_count;
    const char *const *events;
    size_t event_count;
    const struct rule_variant *variants;
    size_t variant_count;
    const char *const *actions;
    size_t action_count;
};

/* Finds the rule for 'event' in 'state', or else for the event that it is a
 * variant of; NULL where there is none: the event is
 * impossible here, and the caller reports that instead of guessing. */
const struct rule *rules_find(const struct rules *rules, unsigned state,
                              unsigned event);

/* The event that a variant is taken for; any other event itself. */
unsigned rules_base(const struct rules *rules, unsigned event);
/* Whether there is a rule. */
/* The same, and it is not that of the event's base. */
bool rules_has_own(const struct rules *rules, unsigned state, unsigned event);
bool rules_has(const struct rules *rules, unsigned state, unsigned event);

/* Writes "EVENT -> STATE ACTION" or "EVENT -> not in STATE": the line of a
 * transcript and of the trace.  'rule' is what rules_find() gave. */
void rules_format_step(const struct rules *rules, unsigned state,
                       unsigned event, const struct rule *rule, char *line,
                       size_t size);

/* The number of a name in one of the lists above, or -1. */
int rules_name_find(const char *const *names, size_t count, const char *name);
