/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the tests of io/ share: a loop that runs until something is so. */

#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "io/loop.h"

/* Far more than anything here takes, so that a test that hangs ends. */
enum { PATIENCE_MS = 20000 };

static inline struct loop *
test_loop_new(void)
{
    AUTO_ERROR err = {0};
    struct loop *loop = loop_new(&err);

    assert_non_null(loop);
    return loop;
}

/* Runs the loop until '*flag' is set. */
static inline void
run_until(struct loop *loop, const bool *flag)
{
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};

    while (!*flag) {
        assert_true(monotonic_ms() < deadline);
        assert_int_equal(loop_step(loop, 1000, &err), 0);
    }
}

/* Runs the loop until nothing is left to do at once. */
static inline void
run_until_idle(struct loop *loop)
{
    AUTO_ERROR err = {0};
    int idle = 0;

    /* A round without a call says nothing of its own accord: several are as
     * good as certain, since what is ready has been ready before. */
    while (idle++ < 50) {
        assert_int_equal(loop_step(loop, 0, &err), 0);
    }
}
