/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The part of starting a process that happens around fork(2): only io/child.c
 * uses it.  Everything is allocated before, and what runs between fork and exec
 * is async-signal-safe, since worker threads may hold any lock. */

#pragma once

#include <sys/types.h>

#include "io/child.h"

/* Returns the pid of a child that runs the program, or -1 when there is none
 * any more. */
pid_t child_exec(const struct child_options *options, struct error *err);
