/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A QEMU process and its monitor: started, or found again after a restart of
 * ours.  QEMU outlives us on purpose, in a session of its own.
 *
 *   qemu_process_start:  STARTING --QEMU takes commands--> READY
 *   qemu_process_adopt:  the same; nothing is killed when it fails
 *   READY --monitor closed, QEMU lives--> MONITOR_LOST
 *   any   --QEMU is dead-->               ENDED
 *
 * What the command line says is qemu/argv.h's business, except for the monitor:
 * it has to contain QEMU_MONITOR_ARGUMENTS, since the monitor's listening
 * socket is made here, is connected to before QEMU starts, and is QEMU's
 * descriptor 3. Nothing is polled.  Death is seen by pidfd, at once and for
 * certain; a closed monitor is not taken for it. */

#pragma once

#include <sys/types.h>

#include "io/child.h"
#include "io/loop.h"
#include "qmp/session.h"

struct qemu_process;

enum { QEMU_MONITOR_FD = 3 };
/* Four elements of an argv. */
#define QEMU_MONITOR_ARGUMENTS                                                 \
    "-chardev", "socket,id=charmonitor,fd=3,server=on,wait=off", "-mon",       \
        "chardev=charmonitor,id=monitor,mode=control"

enum qemu_process_state {
    QEMU_PROCESS_STARTING,
    QEMU_PROCESS_READY,
    QEMU_PROCESS_MONITOR_LOST,
    QEMU_PROCESS_ENDED
};

/* All are called from the loop, and each may call qemu_process_free(). */
struct qemu_process_callbacks {
    /* QEMU takes commands. */
    void (*started)(void *owner);
    void (*event)(void *owner, const struct qmp_event *event);
    /* QEMU lives and does not answer; NULL: it does again.  Commands have
     * failed with ERROR_OPERATION_TIMEOUT.  May be NULL. */
    void (*silent)(void *owner, const struct error *why);
    /* QEMU lives, but we have lost its monitor, or never got it (adopted ones
     * only).  Commands that were under way have failed already, with
     * ERROR_PEER_LOST.  May be NULL. */
    void (*monitor_lost)(void *owner, const struct error *why);
    /* QEMU is dead, the last of these calls; also where it never started.  The
     * message contains how it ended and the tail of its log. */
    void (*ended)(void *owner, const struct error *why);
};

struct qemu_process_options {
    const char *binary;       /* Absolute path; stands for argv[0]. */
    char *const *argv;        /* See QEMU_MONITOR_ARGUMENTS. */
    const char *timezone;     /* For QEMU's local time; NULL: as ours. */
    const char *log_path;     /* stdout and stderr are appended to it. */
    const char *monitor_path; /* Of the socket; a stale one is replaced. */
    const int *pass_fds;      /* Borrowed; they become 4, 5, ... in QEMU. */
    size_t pass_count;
    /* QEMU has a pid, and begins once this returns: what is to know of it is
     * told before it is there.  The process is the one that is returned later,
     * if the start succeeds.  May be NULL. */
    void (*forked)(void *owner, struct qemu_process *process);
    /* Until QEMU takes commands: then it is killed.  0: 30 seconds. */
    int64_t start_timeout_ms;
};

/* What has to be kept to find a process again. */
struct qemu_process_identity {
    pid_t pid;
    uint64_t start_time;      /* See child_start_time(). */
    const char *monitor_path; /* Borrowed from the process, when got from it. */
    const char *log_path;     /* The same. */
    int64_t log_offset;       /* Where this process's part of the log begins. */
};

/* NULL where the log or the socket can't be made, or the binary can't be
 * executed.  All options are copied. */
struct qemu_process *
qemu_process_start(struct loop *loop,
                   const struct qemu_process_options *options,
                   const struct qemu_process_callbacks *callbacks, void *owner,
                   struct error *err);
/* NULL (ERROR_SYSTEM with ESRCH) where there is no such process any more.  A
 * monitor that can't be reached is reported by 'monitor_lost'. */
struct qemu_process *
qemu_process_adopt(struct loop *loop,
                   const struct qemu_process_identity *identity,
                   const struct qemu_process_callbacks *callbacks, void *owner,
                   struct error *err);
/* Forgets it: QEMU goes on, nothing more is called. */
void qemu_process_free(struct qemu_process *process);

/* How long QEMU may owe an answer; see qmp_session_set_silence_limit(). */
void qemu_process_set_silence_limit(struct qemu_process *process,
                                    int64_t limit_ms);
enum qemu_process_state qemu_process_state(const struct qemu_process *process);
/* Never NULL.  Commands given before it is ready wait; those given after it is
 * lost, or QEMU is dead, fail with ERROR_PEER_LOST. */
struct qmp_session *qemu_process_monitor(struct qemu_process *process);
struct qemu_process_identity
qemu_process_identity(const struct qemu_process *process);
pid_t qemu_process_pid(const struct qemu_process *process);
uint64_t qemu_process_start_time(const struct qemu_process *process);
/* SIGKILL, by pidfd; 'ended' follows. */
void qemu_process_kill(struct qemu_process *process);
/* SIGTERM: QEMU closes its disks and exits; 'ended' follows, some time. */
void qemu_process_terminate(struct qemu_process *process);

/* What QEMU wrote last, on one line, without time stamps and its own name; ""
 * where it wrote nothing.  Caller frees. */
char *qemu_process_log_tail(const struct qemu_process *process);
