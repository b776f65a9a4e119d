/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the tests of rpc/ share: golden frames, hand-made frames, a loop that is
 * run until something is true. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"
#include "rpc/message.h"

/* The frame in tests/golden/rpc/NAME.hex; freed with rpc_message_done(). */
struct rpc_message golden(const char *name);

/* A frame of words, whose first is set to the length.  Freed likewise. */
struct rpc_message frame_of(const uint32_t *words, size_t count);
#define FRAME(...)                                                             \
    frame_of((const uint32_t[]){__VA_ARGS__},                                  \
             sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* One of our own making. */
struct rpc_message message_of(enum remote_procedure procedure,
                              enum rpc_type type, uint32_t serial,
                              const void *value);

/* Runs the loop until '*is_true'; fails the test after some seconds. */
void run_until(struct loop *loop, const bool *is_true);
/* Runs what is due, until nothing is. */
void run_all(struct loop *loop);

/* Reads until 'size' bytes are there or the other end has closed, running the
 * loop meanwhile.  Returns how many there are. */
size_t read_from(struct loop *loop, int fd, uint8_t *data, size_t size);
/* Whether the other end closes, with nothing before it. */
bool is_closed_by_peer(struct loop *loop, int fd);
