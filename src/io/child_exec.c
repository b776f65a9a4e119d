/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/child_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

/* What the child does, in this order; what can fail has a text. */
enum step { STEP_FDS, STEP_FOLDER, STEP_EXEC };

static const char *const step_texts[] = {
    [STEP_FDS] = "handing over file descriptors",
    [STEP_FOLDER] = "entering its folder",
    [STEP_EXEC] = "executing",
};

/* Comes through a pipe that closes itself when exec succeeds. */
struct report {
    enum step step;
    int errnum;
};

/* All that the child needs. */
struct plan {
    char *const *argv;
    char *const *env;
    const char *folder;
    int *fds; /* Owned. They become 0, 1, 2, ... */
    int count;
    int report_fd;
    int hold_fd;  /* A byte comes from it before the exec; -1: none. */
    int hold_end; /* Its other end, which is the parent's. */
};

static pid_t fork_child(struct plan *plan);
static void run_child(struct plan *plan) __attribute__((noreturn));
static void reset_signals(void);
static bool place_fds(struct plan *plan);
static void fail(const struct plan *plan, enum step step)
    __attribute__((noreturn));
static void release(int hold_fd);
static void wait_for_release(const struct plan *plan);
static bool read_report(int fd, struct report *report);

pid_t
child_exec(const struct child_options *options, struct error *err)
{
    const char *program = options->argv[0];
    AUTO_CLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    AUTO_FREE int *fds = xcalloc(3 + options->pass_count, sizeof *fds);
    AUTO_CLOSE int report_read = -1;
    AUTO_CLOSE int report_write = -1;
    AUTO_CLOSE int hold_read = -1;
    AUTO_CLOSE int hold_write = -1;
    struct report report;
    int ends[2];
    pid_t pid;

    if (null_fd < 0 || pipe2(ends, O_CLOEXEC) < 0) {
        return error_set_errno(err, errno, "starting '%s'", program);
    }
    report_read = ends[0];
    report_write = ends[1];
    if (options->forked) {
        if (pipe2(ends, O_CLOEXEC) < 0) {
            return error_set_errno(err, errno, "starting '%s'", program);
        }
        hold_read = ends[0];
        hold_write = ends[1];
    }
    fds[0] = null_fd;
    fds[1] = options->stdout_fd >= 0 ? options->stdout_fd : null_fd;
    fds[2] = options->stderr_fd >= 0 ? options->stderr_fd : null_fd;
    for (size_t i = 0; i < options->pass_count; i++) {
        fds[3 + i] = options->pass_fds[i];
    }
    pid = fork_child(&(struct plan){
        .argv = options->argv,
        .env = options->env ? options->env : environ,
        .folder = options->folder ? options->folder : "/",
        .fds = fds,
        .count = (int)(3 + options->pass_count),
        .report_fd = report_write,
        .hold_fd = hold_read,
        .hold_end = hold_write,
    });
    if (pid < 0) {
        return error_set_errno(err, errno, "starting '%s': fork", program);
    }
    close(STEAL_FD(report_write));
    if (options->forked) {
        close(STEAL_FD(hold_read));
        options->forked(options->forked_owner, pid);
        release(hold_write);
    }
    if (read_report(report_read, &report)) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
        return error_set_errno(err, report.errnum, "starting '%s': %s", program,
                               step_texts[report.step]);
    }
    return pid;
}

/* No handler of ours may run in the child: signals are blocked until it has put
 * the defaults in place. */
static pid_t
fork_child(struct plan *plan)
{
    sigset_t all, before;
    int errnum;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) {
        run_child(plan);
    }
    errnum = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = errnum;
    return pid;
}

/* A child that was killed meanwhile is noticed as one that ended. */
static void
release(int hold_fd)
{
    ssize_t written = write(hold_fd, "", 1);

    (void)written;
}

/* From here to the end of the file, save for read_report(): in the child. */
static void
run_child(struct plan *plan)
{
    setsid();
    reset_signals();
    wait_for_release(plan);
    if (!place_fds(plan)) {
        fail(plan, STEP_FDS);
    }
    if (chdir(plan->folder) < 0) {
        fail(plan, STEP_FOLDER);
    }
    execve(plan->argv[0], plan->argv, plan->env);
    fail(plan, STEP_EXEC);
}

static void
reset_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int signal = 1; signal < _NSIG; signal++) {
        sigaction(signal, &standard, NULL); /* Fails for SIGKILL: no matter. */
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Without a parent there is nobody to start anything for. */
static void
wait_for_release(const struct plan *plan)
{
    char byte;
    ssize_t got;

    if (plan->hold_fd < 0) {
        return;
    }
    close(plan->hold_end);
    do {
        got = read(plan->hold_fd, &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) {
        _exit(127);
    }
}

/* The sources may lie where others have to go: they move out of the way first.
 * Whatever is not wanted closes on exec. */
static bool
place_fds(struct plan *plan)
{
    int moved = fcntl(plan->report_fd, F_DUPFD_CLOEXEC, plan->count);

    if (moved < 0) {
        return false;
    }
    plan->report_fd = moved;
    for (int i = 0; i < plan->count; i++) {
        plan->fds[i] = fcntl(plan->fds[i], F_DUPFD_CLOEXEC, plan->count);
        if (plan->fds[i] < 0) {
            return false;
        }
    }
    for (int i = 0; i < plan->count; i++) {
        if (dup2(plan->fds[i], i) < 0) {
            return false;
        }
    }
    return close_range((unsigned)plan->count, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

static void
fail(const struct plan *plan, enum step step)
{
    struct report report = {step, errno};
    ssize_t written = write(plan->report_fd, &report, sizeof report);

    (void)written; /* Nobody is left to be told. */
    _exit(127);
}

/* Waits for the exec; false where it went well. */
static bool
read_report(int fd, struct report *report)
{
    ssize_t got;

    do {
        got = read(fd, report, sizeof *report);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof *report;
}
