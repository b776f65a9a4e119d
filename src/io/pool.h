/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A few threads for what blocks: name look-up, slow files.  A worker sees its
 * request and nothing else. */

#pragma once

#include "io/loop.h"

struct pool;

struct pool_request {
    /* Caller sets. 'work' runs on a worker, 'done' on the loop. */
    void (*work)(struct pool_request *request);
    void (*done)(struct pool_request *request);
    /* Private. */
    struct pool_request *next;
};

/* Starts 'threads' workers, all signals blocked in them. */
struct pool *pool_new(struct loop *loop, unsigned threads, struct error *err);
/* Waits for the work under way; then the 'done' of every request that was
 * submitted has been called. */
void pool_free(struct pool *pool);
void pool_submit(struct pool *pool, struct pool_request *request);
