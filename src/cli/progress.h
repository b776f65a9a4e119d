/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration in words: one line while it is under way, and the report at its
 * end.  Text in, text out; who prints it decides where. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmferry.h"

/* What the line is made of. 0 where the daemon did not say. */
struct copy_numbers {
    uint64_t total_bytes;
    uint64_t processed_bytes;
    uint64_t remaining_bytes;
    uint64_t rate;       /* Bytes per second. */
    uint64_t dirty_rate; /* The same: what the guest writes. */
    uint64_t iteration;
    uint64_t downtime_ms; /* Expected. */
};

void copy_numbers_read(const struct vmferry_values *statistics,
                       struct copy_numbers *numbers);

enum { PROGRESS_SIZE = 256 };
/* "perform  43%  1.2 GiB of 2.8 GiB  118 MiB/s ...".  Returns 'text'. */
const char *progress_line(const struct copy_numbers *numbers,
                          char text[PROGRESS_SIZE]);
/* "the destination makes room": what a phase does. */
const char *phase_meaning(enum vmferry_phase phase, bool is_stopping);

/* The report of a migration that has moved the guest. */
void report_print(FILE *file, const char *destination,
                  const struct vmferry_report *report);
