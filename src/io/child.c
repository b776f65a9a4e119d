/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/child_exec.h"

/* Between two looks at a process that has ended but can't be reaped yet, since
 * a debugger holds it. */
enum { REAP_RETRY_MS = 100 };

struct child {
    struct loop *loop; /* Borrowed; outlives us. */
    pid_t pid;
    uint64_t start_time;
    int pidfd;          /* Owned. */
    struct watch watch; /* Of 'pidfd', until it has ended. */
    struct timer retry;
    bool is_running;
    void (*ended)(void *owner, struct child_end end);
    void *owner; /* Borrowed. */
};

static void child_gone(void *owner, uint32_t events);
static void look_again(void *owner);
static bool reap(int pidfd, struct child_end *end);
static int watch_pid(struct child *child, struct error *err);
static void forget(const struct child *child);
static int forgotten_gone(sd_event_source *source, int fd, uint32_t events,
                          void *data);
static void kill_failed_start(pid_t pid);
static bool parse_start_time(char *stat, uint64_t *start_time);

DEFINE_AUTO(child);

struct child *
child_spawn(struct loop *loop, const struct child_options *options,
            void (*ended)(void *owner, struct child_end end), void *owner,
            struct error *err)
{
    AUTO(child) *child = xcalloc(1, sizeof *child);

    child->loop = loop;
    child->pidfd = -1;
    child->ended = ended;
    child->owner = owner;
    child->pid = child_exec(options, err);
    if (child->pid < 0) {
        return NULL;
    }
    if (watch_pid(child, err) < 0) {
        error_wrap(err, "starting '%s'", options->argv[0]);
        kill_failed_start(child->pid);
        return NULL;
    }
    child->is_running = true;
    return STEAL(child);
}

struct child *
child_adopt(struct loop *loop, pid_t pid, uint64_t start_time,
            void (*ended)(void *owner, struct child_end end), void *owner,
            struct error *err)
{
    AUTO(child) *child = xcalloc(1, sizeof *child);

    child->loop = loop;
    child->pidfd = -1;
    child->pid = pid;
    child->ended = ended;
    child->owner = owner;
    if (pid <= 0) {
        error_set_errno(err, ESRCH, "adopting process %d", (int)pid);
        return NULL;
    }
    if (watch_pid(child, err) < 0) {
        error_wrap(err, "adopting process %d", (int)pid);
        return NULL;
    }
    /* The pidfd came first: a number that is given to another process in
     * between has another start time. */
    if (child->start_time != start_time) {
        error_set_errno(err, ESRCH,
                        "adopting process %d: it is another one now", (int)pid);
        return NULL;
    }
    child->is_running = true;
    return STEAL(child);
}

void
child_free(struct child *child)
{
    if (!child) {
        return;
    }
    watch_stop(&child->watch);
    timer_stop(&child->retry);
    if (child->is_running) {
        forget(child);
    }
    close_ref(&child->pidfd);
    free(child);
}

pid_t
child_pid(const struct child *child)
{
    return child->pid;
}

uint64_t
child_start_time(const struct child *child)
{
    return child->start_time;
}

void
child_kill(struct child *child, int signal)
{
    /* ESRCH: it is gone, which is as good. */
    pidfd_send_signal(child->pidfd, signal, NULL, 0);
}

bool
child_is_running(const struct child *child)
{
    return child->is_running;
}

const char *
child_end_text(struct child_end end)
{
    static _Thread_local char text[64];

    if (!end.is_known) {
        return "gone";
    }
    if (WIFSIGNALED(end.status)) {
        int signal = WTERMSIG(end.status);
        const char *name = sigdescr_np(signal);

        snprintf(text, sizeof text, "killed by signal %d (%s)", signal,
                 name ? name : "unknown");
    } else {
        snprintf(text, sizeof text, "exited with status %d",
                 WEXITSTATUS(end.status));
    }
    return text;
}

bool
process_start_time(pid_t pid, uint64_t *start_time)
{
    AUTO_FREE char *path = xasprintf("/proc/%d/stat", (int)pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char stat[4096];
    ssize_t got = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);

    if (got < 0) {
        return false;
    }
    stat[got] = '\0';
    return parse_start_time(stat, start_time);
}

static void
child_gone(void *owner, uint32_t events)
{
    struct child *child = owner;
    struct child_end end;

    (void)events;
    if (!reap(child->pidfd, &end)) {
        watch_set_events(&child->watch, 0);
        timer_start(&child->retry, child->loop, REAP_RETRY_MS, look_again,
                    child);
        return;
    }
    watch_stop(&child->watch);
    child->is_running = false;
    child->ended(child->owner, end);
}

static void
look_again(void *owner)
{
    child_gone(owner, 0);
}

/* False where a process is not to be had yet. */
static bool
reap(int pidfd, struct child_end *end)
{
    siginfo_t info = {0};

    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) {
        *end = (struct child_end){0}; /* ECHILD: not ours. */
        return true;
    }
    if (info.si_pid == 0) {
        return false;
    }
    end->is_known = true;
    if (info.si_code == CLD_EXITED) {
        end->status = (info.si_status & 0xff) << 8;
    } else {
        end->status = info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    }
    return true;
}

static int
watch_pid(struct child *child, struct error *err)
{
    child->pidfd = pidfd_open(child->pid, 0);
    if (child->pidfd < 0) {
        return error_set_errno(err, errno, "opening a pidfd");
    }
    if (!process_start_time(child->pid, &child->start_time)) {
        return error_set_errno(err, ESRCH, "reading its start time");
    }
    return watch_start(&child->watch, child->loop, child->pidfd, EPOLLIN,
                       child_gone, child, err);
}

/* Somebody has to reap it, if it is our child: the loop does, for as long as it
 * lives. */
static void
forget(const struct child *child)
{
    int pidfd = fcntl(child->pidfd, F_DUPFD_CLOEXEC, 3);
    sd_event_source *source;

    if (pidfd < 0) {
        return;
    }
    if (sd_event_add_io(child->loop->event, &source, pidfd, EPOLLIN,
                        forgotten_gone, NULL) < 0) {
        close(pidfd);
        return;
    }
    sd_event_source_set_io_fd_own(source, true);
    sd_event_source_set_floating(source, true);
    sd_event_source_unref(source);
}

static int
forgotten_gone(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct child_end end;

    (void)events;
    (void)data;
    if (!reap(fd, &end)) {
        return 0;
    }
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    sd_event_source_set_floating(source, false);
    return 0;
}

static void
kill_failed_start(pid_t pid)
{
    kill(pid, SIGKILL); /* Not reaped: the number is still its own. */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* Field 22.  The second is the name, in parentheses, with anything in it. */
static bool
parse_start_time(char *stat, uint64_t *start_time)
{
    char *rest = strrchr(stat, ')');
    char *field = NULL;

    if (!rest) {
        return false;
    }
    rest += rest[1] == ' ' ? 2 : 1;
    for (int number = 3; number <= 22; number++) {
        field = strsep(&rest, " ");
    }
    return field && parse_u64(field, UINT64_MAX, start_time);
}
