/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A coordinator between two fakes, which write down what they are called with,
 * for the tests of every protocol. */

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "ferry/coordinator.h"

/* An end that writes down what it is called with, and waits for the test to
 * answer. */
struct fake {
    struct text heard; /* A line for each call. */
    const char *call;  /* The one that waits for its answer, or NULL. */
    coordinator_answered *answered;
    void *owner;
    coordinator_answered *abort_answered;
};

struct world {
    enum coordinator_protocol protocol; /* The test sets; 0: v3. */
    struct fake source;
    struct fake destination;
    struct parameters parameters;
    struct coordinator *coordinator;
    struct text states;
    bool is_over;
    enum coordinator_state end;
    struct error error;
    struct error warning;
};

/* As the user's client does: with the parameters that the test has set. */
void start(struct world *world, unsigned flags, bool has_protection);
void done(struct world *world);
#define AUTO_WORLD __attribute__((cleanup(done))) struct world

/* Answers the call that waits, which must be that one. */
void answer(struct fake *fake, const char *call,
            const struct coordinator_answer *answer);
void refuse(struct fake *fake, const char *call, enum error_code code,
            const char *message);

#define ANSWER(...)                                                            \
    &(struct coordinator_answer)                                               \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define COOKIE(text) .cookie = (text), .cookie_size = strlen(text)
