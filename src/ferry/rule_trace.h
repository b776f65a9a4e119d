/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tells of each step of a rule table: on the log's topic "rules", for a person,
 * and, where the environment variable VMFERRY_TRACE_RULES names a file, in that
 * file, for a program: the tests hold what the daemons did against the tables
 * (tests/harness/rules.py), and count the rules that were taken
 * (tools/rule-coverage).
 *
 * A line of the file has fields with tabs between them:
 *
 *     PID  MACHINE  NUMBER  IN  ON  TO  ACTION  HOST/UUID
 *
 * NUMBER counts the migrations of a process.  "-" stands for what there is not:
 * a TO where no rule lets ON happen; an IN where a state was not reached by a
 * rule (FOUND in a record, or put back as it was UNSAVED).  A process begins
 * with a line of the machine "process".  Each line is one write() to a file
 * that is only appended to, so that many processes can share it.
 *
 * Called by the three machines of ferry/, and by whoever sets a state without a
 * rule. */

#pragma once

#include <stdint.h>

#include "migrate/rules.h"

/* All borrowed. */
struct rule_step {
    const char *machine; /* "source" */
    const char *guest;   /* Its name, for people. */
    const char *host;    /* The daemon's, and ... */
    const char *uuid;    /* ... the guest's; or NULL where unknown. */
    const char *in;      /* NULL: not reached by a rule. */
    const char *on;
    const char *to; /* NULL: no rule lets it happen. */
    const char *act;
};

/* Names of states, event and action; 'event' is what has happened, 'rule' what
 * rules_find() gave: it may be a rule of the event's base. */
struct rule_step rule_step_of(const struct rules *rules, unsigned state,
                              unsigned event, const struct rule *rule);

/* '*number' identifies the migration in this process; 0: it gets one. */
void rule_trace(uint64_t *number, const struct rule_step *step);
