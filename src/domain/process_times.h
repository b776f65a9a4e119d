/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the kernel says of a process or of one of its threads.  0 where it says
 * nothing (any more). */

#pragma once

#include <stdint.h>
#include <sys/types.h>

struct process_times {
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t delay_ns; /* Ready to run, and waiting for a processor. */
    int cpu;           /* Where it ran last; -1: not known. */
};

/* Of the thread 'tid'; of the whole process where that is 0. */
struct process_times process_times_read(pid_t pid, pid_t tid);
/* Memory of the process that is in RAM. */
uint64_t process_resident_kib(pid_t pid);
