/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/resolve.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"

static struct resolve_verdict decide_alone(const struct resolve_side *here,
                                           const struct resolve_side *there);
static struct resolve_verdict decide_unsure(const struct resolve_side *here,
                                            const struct resolve_side *there);
static struct resolve_verdict
decide_two_copies(const struct resolve_side *here,
                  const struct resolve_side *there);
static struct resolve_verdict undecided(const struct resolve_side *here,
                                        enum resolve_risk run);
static bool is_the_others(const struct resolve_side *there);
static int find(const char *const *names, size_t count, const char *name);

struct resolve_verdict
resolve_decide(const struct resolve_side *here,
               const struct resolve_side *there)
{
    if (here->copy == RESOLVE_COPY_RUNNING || here->copy == RESOLVE_COPY_NONE ||
        !here->is_unsure) {
        return decide_alone(here, there);
    }
    return decide_unsure(here, there);
}

/* Where nothing is to be done here. */
static struct resolve_verdict
decide_alone(const struct resolve_side *here, const struct resolve_side *there)
{
    bool runs_there = there->is_known && there->copy == RESOLVE_COPY_RUNNING;
    enum resolve_finding finding;

    if (here->copy == RESOLVE_COPY_RUNNING) {
        finding = runs_there ? RESOLVE_RUNS_TWICE : RESOLVE_RUNS_HERE;
    } else if (is_the_others(there)) {
        finding =
            here->role == RESOLVE_NOBODY || here->copy == RESOLVE_COPY_NONE
                ? RESOLVE_RUNS_THERE
                : RESOLVE_GOES_ON;
    } else if (here->copy == RESOLVE_COPY_NONE) {
        finding = RESOLVE_ABSENT;
    } else {
        finding =
            here->role == RESOLVE_NOBODY ? RESOLVE_SETTLED : RESOLVE_GOES_ON;
    }
    return (struct resolve_verdict){.finding = finding};
}

/* A copy stands still here, and its migration's end was not heard. */
static struct resolve_verdict
decide_unsure(const struct resolve_side *here, const struct resolve_side *there)
{
    if (is_the_others(there)) {
        return (struct resolve_verdict){
            .finding = RESOLVE_RUNS_THERE,
            .deed = RESOLVE_DISCARD,
            .discard = RESOLVE_RISK_NO,
        };
    }
    if (here->is_in_use) {
        return (struct resolve_verdict){
            .finding = RESOLVE_IN_USE,
            .discard = RESOLVE_RISK_LOSS,
        };
    }
    if (!there->is_known) {
        return undecided(here, RESOLVE_RISK_TWICE);
    }
    switch (there->copy) {
    case RESOLVE_COPY_NONE:
        if (there->outcome == RESOLVE_OUTCOME_RETURNED &&
            here->copy == RESOLVE_COPY_PAUSED) {
            return (struct resolve_verdict){
                .finding = RESOLVE_GIVEN_BACK,
                .deed = RESOLVE_RUN,
                .run = RESOLVE_RISK_NO,
                .discard = RESOLVE_RISK_LOSS,
            };
        }
        return undecided(here, RESOLVE_RISK_AGED);
    case RESOLVE_COPY_PARTIAL:
    case RESOLVE_COPY_PAUSED:
        return decide_two_copies(here, there);
    default:
        /* It may run there this moment: it has to end there first. */
        return undecided(here, RESOLVE_RISK_NEVER);
    }
}

/* Both stand still.  Two that keep tokens agree by themselves: one of them may
 * run it, and the other one asks. */
static struct resolve_verdict
decide_two_copies(const struct resolve_side *here,
                  const struct resolve_side *there)
{
    if (there->token == RESOLVE_TOKEN_HERE) {
        /* A token that was not given away is of a source that has the guest. */
        return (struct resolve_verdict){
            .finding = RESOLVE_GOES_ON,
            .discard = there->role == RESOLVE_SOURCE ? RESOLVE_RISK_NO
                                                     : RESOLVE_RISK_LOSS,
        };
    }
    if (there->token == RESOLVE_TOKEN_AWAY) {
        return (struct resolve_verdict){
            .finding = RESOLVE_GOES_ON,
            .discard = RESOLVE_RISK_LOSS,
        };
    }
    return undecided(here, RESOLVE_RISK_TWICE);
}

static struct resolve_verdict
undecided(const struct resolve_side *here, enum resolve_risk run)
{
    return (struct resolve_verdict){
        .finding = RESOLVE_UNDECIDED,
        .run = here->copy == RESOLVE_COPY_PAUSED ? run : RESOLVE_RISK_NEVER,
        .discard = RESOLVE_RISK_LOSS,
    };
}

static bool
is_the_others(const struct resolve_side *there)
{
    return there->is_known && (there->copy == RESOLVE_COPY_RUNNING ||
                               there->outcome == RESOLVE_OUTCOME_TAKEN);
}

bool
resolve_may(const struct resolve_verdict *verdict, enum resolve_deed deed)
{
    switch (deed) {
    case RESOLVE_LOOK:
        return true;
    case RESOLVE_RUN:
        return verdict->run != RESOLVE_RISK_NEVER;
    case RESOLVE_DISCARD:
        return verdict->discard != RESOLVE_RISK_NEVER;
    }
    return false;
}

#define X(name, text) text,
static const char *const findings[] = {RESOLVE_FINDINGS(X)};
static const char *const risks[] = {RESOLVE_RISKS(X)};
static const char *const copies[] = {RESOLVE_COPIES(X)};
static const char *const tokens[] = {RESOLVE_TOKENS(X)};
static const char *const outcomes[] = {RESOLVE_OUTCOMES(X)};
#undef X

const char *
resolve_finding_text(enum resolve_finding finding)
{
    return finding < RESOLVE_FINDING_COUNT ? findings[finding] : "";
}

const char *
resolve_risk_text(enum resolve_risk risk)
{
    return risk < RESOLVE_RISK_COUNT ? risks[risk] : "";
}

const char *
resolve_copy_name(enum resolve_copy copy)
{
    return copies[copy];
}

const char *
resolve_token_name(enum resolve_token token)
{
    return tokens[token];
}

const char *
resolve_outcome_name(enum resolve_outcome outcome)
{
    return outcomes[outcome];
}

enum resolve_copy
resolve_copy_find(const char *name)
{
    int found = find(copies, ARRAY_COUNT(copies), name);

    return found < 0 ? RESOLVE_COPY_UNSEEN : (enum resolve_copy)found;
}

enum resolve_token
resolve_token_find(const char *name)
{
    int found = find(tokens, ARRAY_COUNT(tokens), name);

    return found < 0 ? RESOLVE_TOKEN_NONE : (enum resolve_token)found;
}

enum resolve_outcome
resolve_outcome_find(const char *name)
{
    int found = find(outcomes, ARRAY_COUNT(outcomes), name);

    return found < 0 ? RESOLVE_OUTCOME_NOTHING : (enum resolve_outcome)found;
}

static int
find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (name && strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
