/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two clocks.  Deadlines and durations use the monotonic one; what leaves
 * this host or is read by a person uses the real one. */

#pragma once

#include <stdint.h>

/* Milliseconds since some point before the host booted; never goes back. */
int64_t monotonic_ms(void);
/* The same in microseconds. */
int64_t monotonic_us(void);
/* Milliseconds since 1970. */
int64_t realtime_ms(void);
