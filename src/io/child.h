/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processes that outlive us: started in a session of their own, watched by
 * pidfd, found again after a restart by pid and start time. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "io/loop.h"

struct child;

struct child_options {
    char *const *argv;   /* argv[0] is an absolute path. */
    char *const *env;    /* NULL: ours. */
    const char *folder;  /* Working directory; NULL: "/". */
    int stdout_fd;       /* Borrowed; -1: /dev/null. stdin is /dev/null. */
    const int *pass_fds; /* Borrowed; they become 3, 4, ... in the child. */
    size_t pass_count;
    int stderr_fd; /* Borrowed; -1: /dev/null. */
    /* Called before the program is executed, which waits for its return: what
     * dies in it has started nothing.  May be NULL. */
    void (*forked)(void *owner, pid_t pid);
    void *forked_owner;
};

/* How a process ended. */
struct child_end {
    bool is_known; /* False for an adopted one that was not our child. */
    int status;    /* As from waitpid(2). */
};

/* Starts a process in its own session, default signal dispositions, no fds but
 * 0, 1, 2 and those passed.  An exec that fails is reported here.  'ended' is
 * called once, from the loop, after the process is gone and reaped. */
struct child *child_spawn(struct loop *loop,
                          const struct child_options *options,
                          void (*ended)(void *owner, struct child_end end),
                          void *owner, struct error *err);
/* Watches a process that an earlier run of ours started.  Fails (ERROR_SYSTEM,
 * errnum ESRCH) unless there is one of that pid and start time. */
struct child *child_adopt(struct loop *loop, pid_t pid, uint64_t start_time,
                          void (*ended)(void *owner, struct child_end end),
                          void *owner, struct error *err);
/* Forgets it: the process goes on, 'ended' is not called.  Should it end while
 * the loop lives, it is reaped. */
void child_free(struct child *child);
pid_t child_pid(const struct child *child);
/* Of /proc/PID/stat, field 22: clock ticks after boot. */
uint64_t child_start_time(const struct child *child);
/* By pidfd: never hits another process.  A process that is gone is no error. */
void child_kill(struct child *child, int signal);
bool child_is_running(const struct child *child);
/* "exited with status 1", "killed by signal 9 (Killed)", "gone".  Static or
 * thread-local text, valid until the next call. */
const char *child_end_text(struct child_end end);
/* Start time of any process; false if there is none. */
bool process_start_time(pid_t pid, uint64_t *start_time);
