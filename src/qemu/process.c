/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "qemu/log_tail.h"
#include "qemu/monitor_socket.h"

enum {
    START_TIMEOUT_MS = 30000, /* Where the caller has no opinion. */
    /* A dying QEMU closes its monitor before it is gone: only after that long
     * it counts as alive without a monitor. */
    DYING_MS = 1000,
    /* A dead QEMU's last events are still to be read. */
    LAST_WORDS_MS = 200,
};

struct qemu_process {
    struct loop *loop; /* Borrowed; outlives us. */
    struct qemu_process_callbacks callbacks;
    void *owner;
    void (*forked)(void *owner, struct qemu_process *process);
    enum qemu_process_state state;
    bool is_adopted;
    struct child *child;         /* Owned. */
    struct qmp_session *monitor; /* Owned.  Stays when it is closed. */
    bool is_monitor_closed;
    bool is_dead;
    struct child_end end;   /* If dead. */
    struct error why;       /* Why the monitor is lost; why we killed it. */
    struct deferral report; /* monitor_lost, where adopting found no monitor. */
    struct timer patience;  /* DYING_MS or LAST_WORDS_MS. */
    pid_t pid;
    uint64_t start_time;
    char *monitor_path; /* Owned. */
    char *log_path;     /* Owned. */
    int64_t log_offset;
};

DEFINE_AUTO(qemu_process);

static struct qemu_process *
process_new(struct loop *loop, const struct qemu_process_callbacks *callbacks,
            void *owner, const char *monitor_path, const char *log_path);
static int spawn(struct qemu_process *process,
                 const struct qemu_process_options *options, int listen_fd,
                 struct error *err);
static char **copy_argv(const struct qemu_process_options *options);
static char **environment_with(char *zone);
static char *headline(char *const *argv);
static void forked(void *owner, pid_t pid);
static void open_session(struct qemu_process *process, int fd,
                         int64_t timeout_ms);
static void monitor_ready(void *owner);
static void monitor_event(void *owner, const struct qmp_event *event);
static void monitor_silent(void *owner, const struct error *why);
static void monitor_closed(void *owner, const struct error *why);
static void monitor_gone(void *owner);
static void child_ended(void *owner, struct child_end end);
static void monitor_outlives(void *owner);
static void report_end(struct qemu_process *process);
static char *describe_end(struct child_end end);

struct qemu_process *
qemu_process_start(struct loop *loop,
                   const struct qemu_process_options *options,
                   const struct qemu_process_callbacks *callbacks, void *owner,
                   struct error *err)
{
    AUTO(qemu_process) *process = process_new(
        loop, callbacks, owner, options->monitor_path, options->log_path);
    AUTO_CLOSE int listen_fd = -1;
    AUTO_CLOSE int fd = -1;

    process->forked = options->forked;

    listen_fd = monitor_socket_listen(options->monitor_path, err);
    if (listen_fd < 0) {
        return NULL;
    }
    fd = monitor_socket_connect(options->monitor_path, err);
    if (fd < 0 || spawn(process, options, listen_fd, err) < 0) {
        unlink(options->monitor_path);
        return NULL;
    }
    open_session(process, STEAL_FD(fd),
                 options->start_timeout_ms ? options->start_timeout_ms
                                           : START_TIMEOUT_MS);
    return STEAL(process);
}

struct qemu_process *
qemu_process_adopt(struct loop *loop,
                   const struct qemu_process_identity *identity,
                   const struct qemu_process_callbacks *callbacks, void *owner,
                   struct error *err)
{
    AUTO(qemu_process) *process = process_new(
        loop, callbacks, owner, identity->monitor_path, identity->log_path);

    process->is_adopted = true;
    process->log_offset = identity->log_offset;
    process->child = child_adopt(loop, identity->pid, identity->start_time,
                                 child_ended, process, err);
    if (!process->child) {
        return NULL;
    }
    process->pid = identity->pid;
    process->start_time = identity->start_time;

    int fd = monitor_socket_connect(process->monitor_path, &process->why);
    if (fd < 0) {
        process->is_monitor_closed = true;
        process->monitor = qmp_session_new_closed(loop, &process->why);
        deferral_schedule(&process->report, loop, monitor_gone, process);
    } else {
        open_session(process, fd, START_TIMEOUT_MS);
    }
    return STEAL(process);
}

void
qemu_process_free(struct qemu_process *process)
{
    if (!process) {
        return;
    }
    timer_stop(&process->patience);
    deferral_cancel(&process->report);
    qmp_session_free(process->monitor);
    child_free(process->child);
    error_clear(&process->why);
    free(process->monitor_path);
    free(process->log_path);
    free(process);
}

void
qemu_process_set_silence_limit(struct qemu_process *process, int64_t limit_ms)
{
    qmp_session_set_silence_limit(process->monitor, limit_ms);
}

enum qemu_process_state
qemu_process_state(const struct qemu_process *process)
{
    return process->state;
}

struct qmp_session *
qemu_process_monitor(struct qemu_process *process)
{
    return process->monitor;
}

struct qemu_process_identity
qemu_process_identity(const struct qemu_process *process)
{
    return (struct qemu_process_identity){
        .pid = process->pid,
        .start_time = process->start_time,
        .monitor_path = process->monitor_path,
        .log_path = process->log_path,
        .log_offset = process->log_offset,
    };
}

pid_t
qemu_process_pid(const struct qemu_process *process)
{
    return process->pid;
}

uint64_t
qemu_process_start_time(const struct qemu_process *process)
{
    return process->start_time;
}

void
qemu_process_kill(struct qemu_process *process)
{
    child_kill(process->child, SIGKILL);
}

void
qemu_process_terminate(struct qemu_process *process)
{
    child_kill(process->child, SIGTERM);
}

char *
qemu_process_log_tail(const struct qemu_process *process)
{
    AUTO_CLOSE int fd = open(process->log_path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? xstrdup("") : qemu_log_tail(fd, process->log_offset);
}

static struct qemu_process *
process_new(struct loop *loop, const struct qemu_process_callbacks *callbacks,
            void *owner, const char *monitor_path, const char *log_path)
{
    struct qemu_process *process = xcalloc(1, sizeof(*process));

    process->loop = loop;
    process->callbacks = *callbacks;
    process->owner = owner;
    process->monitor_path = xstrdup(monitor_path);
    process->log_path = xstrdup(log_path);
    return process;
}

static int
spawn(struct qemu_process *process, const struct qemu_process_options *options,
      int listen_fd, struct error *err)
{
    AUTO_FREE char *line = headline(options->argv);
    AUTO_CLOSE int log_fd =
        qemu_log_open(options->log_path, line, &process->log_offset, err);
    AUTO_FREE int *fds = xcalloc(options->pass_count + 1, sizeof(*fds));

    if (log_fd < 0) {
        return -1;
    }
    fds[0] = listen_fd;
    for (size_t i = 0; i < options->pass_count; i++) {
        fds[i + 1] = options->pass_fds[i];
    }
    AUTO_FREE char **argv = copy_argv(options);
    AUTO_FREE char *zone =
        xasprintf("TZ=%s", options->timezone ? options->timezone : "");
    AUTO_FREE char **env = options->timezone ? environment_with(zone) : NULL;
    struct child_options child = {
        .argv = argv,
        .env = env,
        .stdout_fd = log_fd,
        .stderr_fd = log_fd,
        .pass_fds = fds,
        .pass_count = options->pass_count + 1,
        .forked = options->forked ? forked : NULL,
        .forked_owner = process,
    };
    process->child =
        child_spawn(process->loop, &child, child_ended, process, err);
    if (!process->child) {
        return error_wrap(err, "starting QEMU");
    }
    process->pid = child_pid(process->child);
    process->start_time = child_start_time(process->child);
    return 0;
}

static void
forked(void *owner, pid_t pid)
{
    struct qemu_process *process = owner;

    process->pid = pid;
    if (process_start_time(pid, &process->start_time)) {
        process->forked(process->owner, process);
    }
}

/* With the binary as argv[0].  Caller frees the array alone. */
static char **
copy_argv(const struct qemu_process_options *options)
{
    size_t count = 0;

    while (options->argv[count]) {
        count++;
    }
    char **argv = xmemdup(options->argv, (count + 1) * sizeof(*argv));
    argv[0] = (char *)options->binary;
    return argv;
}

/* Ours, with another time zone.  Caller frees the array alone. */
static char **
environment_with(char *zone)
{
    size_t count = 0;
    size_t kept = 0;

    while (environ[count]) {
        count++;
    }
    char **env = xcalloc(count + 2, sizeof(*env));
    for (size_t i = 0; i < count; i++) {
        if (!has_prefix(environ[i], "TZ=")) {
            env[kept++] = environ[i];
        }
    }
    env[kept] = zone;
    return env;
}

/* Caller frees. */
static char *
headline(char *const *argv)
{
    AUTO_TEXT line = {0};

    text_add(&line, "starting:");
    for (size_t i = 0; argv[i]; i++) {
        text_addf(&line, " %s", argv[i]);
    }
    return text_take(&line);
}

static void
open_session(struct qemu_process *process, int fd, int64_t timeout_ms)
{
    static const struct qmp_callbacks callbacks = {
        .ready = monitor_ready,
        .event = monitor_event,
        .closed = monitor_closed,
        .silent = monitor_silent,
    };

    process->monitor =
        qmp_session_new(process->loop, fd, timeout_ms, &callbacks, process);
}

static void
monitor_ready(void *owner)
{
    struct qemu_process *process = owner;

    process->state = QEMU_PROCESS_READY;
    process->callbacks.started(process->owner);
}

static void
monitor_event(void *owner, const struct qmp_event *event)
{
    struct qemu_process *process = owner;

    if (process->callbacks.event) {
        process->callbacks.event(process->owner, event);
    }
}

static void
monitor_silent(void *owner, const struct error *why)
{
    struct qemu_process *process = owner;

    if (process->callbacks.silent) {
        process->callbacks.silent(process->owner, why);
    }
}

/* Whether QEMU is dying is not known yet, unless it was us who closed. */
static void
monitor_closed(void *owner, const struct error *why)
{
    struct qemu_process *process = owner;
    bool is_by_us =
        why->code == ERROR_INTERNAL || why->code == ERROR_OPERATION_TIMEOUT;

    process->is_monitor_closed = true;
    error_copy(&process->why, why);
    if (process->is_dead) {
        report_end(process);
    } else if (is_by_us) {
        monitor_gone(process);
    } else {
        timer_start(&process->patience, process->loop, DYING_MS, monitor_gone,
                    process);
    }
}

/* QEMU lives, and its monitor is not ours any more. */
static void
monitor_gone(void *owner)
{
    struct qemu_process *process = owner;

    if (process->state == QEMU_PROCESS_STARTING && !process->is_adopted) {
        /* It has never run a guest. */
        child_kill(process->child, SIGKILL);
        return;
    }
    process->state = QEMU_PROCESS_MONITOR_LOST;
    if (process->callbacks.monitor_lost) {
        process->callbacks.monitor_lost(process->owner, &process->why);
    }
}

static void
child_ended(void *owner, struct child_end end)
{
    struct qemu_process *process = owner;

    process->is_dead = true;
    process->end = end;
    deferral_cancel(&process->report);
    if (process->is_monitor_closed) {
        report_end(process);
    } else {
        timer_start(&process->patience, process->loop, LAST_WORDS_MS,
                    monitor_outlives, process);
    }
}

/* Somebody else holds its end of the monitor. */
static void
monitor_outlives(void *owner)
{
    struct qemu_process *process = owner;
    AUTO_ERROR why = {0};

    error_set(&why, ERROR_PEER_LOST, "QEMU is dead");
    qmp_session_close(process->monitor, &why);
}

static void
report_end(struct qemu_process *process)
{
    AUTO_ERROR why = {0};
    AUTO_FREE char *tail = qemu_process_log_tail(process);
    bool is_start = process->state == QEMU_PROCESS_STARTING;
    /* What we gave up for is more to the point than our own SIGKILL. */
    bool is_by_us = is_start && !process->is_adopted &&
                    error_is_set(&process->why) &&
                    process->why.code != ERROR_PEER_LOST &&
                    process->why.code != ERROR_SYSTEM;

    timer_stop(&process->patience);
    process->state = QEMU_PROCESS_ENDED;
    unlink(process->monitor_path);
    AUTO_FREE char *how = describe_end(process->end);
    error_set(&why, is_start ? ERROR_INTERNAL : ERROR_OPERATION_FAILED,
              "%s%s%s%s", is_by_us ? "QEMU was given up: " : "",
              is_by_us ? process->why.message : how, *tail ? ": " : "", tail);
    process->callbacks.ended(process->owner, &why);
}

/* Caller frees. */
static char *
describe_end(struct child_end end)
{
    const char *is = !end.is_known             ? "is "
                     : WIFSIGNALED(end.status) ? "was "
                                               : "";

    return xasprintf("QEMU %s%s", is, child_end_text(end));
}
