/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/child.h"

/* A child and how it ended. */
struct run {
    struct loop *loop;
    struct child *child;
    bool is_ended;
    bool frees_on_end;
    struct child_end end;
};

/* What is told of a child before its program runs. */
struct forked {
    pid_t pid;
    int fd; /* The program writes to its other end. */
};

static void
note_end(void *owner, struct child_end end)
{
    struct run *run = owner;

    assert_false(run->is_ended);
    run->is_ended = true;
    run->end = end;
    if (run->frees_on_end) {
        child_free(STEAL(run->child));
    }
}

static struct child_options
shell(char *const argv[])
{
    return (struct child_options){
        .argv = argv,
        .stdout_fd = -1,
        .stderr_fd = -1,
    };
}

#define SHELL(script) ((char *[]){"/bin/sh", "-c", script, NULL})

static void
start(struct run *run, const struct child_options *options)
{
    AUTO_ERROR err = {0};

    run->child = child_spawn(run->loop, options, note_end, run, &err);
    if (!run->child) {
        fail_msg("%s", err.message);
    }
}

static struct run *
run_new(void)
{
    struct run *run = xcalloc(1, sizeof *run);

    run->loop = test_loop_new();
    return run;
}

static void
run_free(struct run *run)
{
    child_free(run->child);
    loop_free(run->loop);
    free(run);
}

DEFINE_AUTO(run);

/* What a script prints. */
static char *
output_of(struct child_options options)
{
    AUTO(run) *run = run_new();
    AUTO_TEXT text = {0};
    char part[256];
    int ends[2];
    ssize_t got;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    options.stdout_fd = ends[1];
    start(run, &options);
    close(ends[1]);
    while ((got = read(ends[0], part, sizeof part)) > 0) {
        text_add_bytes(&text, part, (size_t)got);
    }
    close(ends[0]);
    run_until(run->loop, &run->is_ended);
    return text_take(&text);
}

static void
an_exit_status_is_told_once(void **state)
{
    AUTO(run) *run = run_new();
    struct child_options options = shell(SHELL("exit 7"));

    (void)state;
    start(run, &options);
    assert_true(child_is_running(run->child));
    run_until(run->loop, &run->is_ended);
    assert_false(child_is_running(run->child));
    assert_true(run->end.is_known);
    assert_true(WIFEXITED(run->end.status));
    assert_string_equal(child_end_text(run->end), "exited with status 7");
    run_until_idle(run->loop);
    /* And it is reaped. */
    assert_int_equal(waitpid(child_pid(run->child), NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    child_kill(run->child, SIGKILL);
}

static void
a_killed_child_says_by_what(void **state)
{
    AUTO(run) *run = run_new();
    struct child_options options = shell(SHELL("kill -STOP $$"));

    (void)state;
    run->frees_on_end = true;
    start(run, &options);
    child_kill(run->child, SIGKILL);
    run_until(run->loop, &run->is_ended);
    assert_null(run->child);
    assert_int_equal(run->end.status, SIGKILL);
    assert_string_equal(child_end_text(run->end),
                        "killed by signal 9 (Killed)");
}

static void
an_exec_that_fails_is_an_error_at_once(void **state)
{
    AUTO(run) *run = run_new();
    char *argv[] = {"/nonexistent/program", NULL};
    struct child_options options = shell(argv);
    AUTO_ERROR err = {0};

    (void)state;
    assert_null(child_spawn(run->loop, &options, note_end, run, &err));
    assert_int_equal(err.errnum, ENOENT);
    assert_string_equal(err.message,
                        "starting '/nonexistent/program': executing: "
                        "No such file or directory");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void
a_folder_that_is_not_there_is_an_error_at_once(void **state)
{
    AUTO(run) *run = run_new();
    struct child_options options = shell(SHELL("exit 0"));
    AUTO_ERROR err = {0};

    (void)state;
    options.folder = "/nonexistent";
    assert_null(child_spawn(run->loop, &options, note_end, run, &err));
    assert_int_equal(err.errnum, ENOENT);
    assert_non_null(strstr(err.message, "entering its folder"));
}

static void
only_what_is_passed_is_open_in_the_child(void **state)
{
    int low = open("/dev/zero", O_RDONLY);
    int leaked = fcntl(low, F_DUPFD, 50); /* Not even CLOEXEC. */
    int first = open("/dev/full", O_RDWR | O_CLOEXEC);
    int second = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    /* With built-in commands only: others would open something. */
    struct child_options options = shell(
        SHELL("readlink /proc/$$/fd/3 /proc/$$/fd/4 /proc/$$/fd/0 "
              "/proc/$$/fd/2; i=0; while [ $i -lt 100 ]; do "
              "[ -e /proc/$$/fd/$i ] && echo -n $i,; i=$((i + 1)); done"));
    AUTO_FREE char *text = NULL;

    (void)state;
    options.pass_fds = (int[]){first, second};
    options.pass_count = 2;
    text = output_of(options);
    assert_string_equal(text, "/dev/full\n/dev/zero\n/dev/null\n/dev/null\n"
                              "0,1,2,3,4,");
    close(low);
    close(leaked);
    close(first);
    close(second);
}

static void
passed_descriptors_may_lie_in_each_others_places(void **state)
{
    struct child_options options =
        shell(SHELL("readlink /proc/$$/fd/3 /proc/$$/fd/4 /proc/$$/fd/5"));
    AUTO_FREE char *text = NULL;
    int before[3], at[3];

    (void)state;
    /* Puts /dev/full at 5, /dev/zero at 3, and passes them crosswise. */
    for (int i = 0; i < 3; i++) {
        before[i] = dup(3 + i);
    }
    at[0] = dup2(open("/dev/full", O_RDWR), 5);
    at[1] = dup2(open("/dev/zero", O_RDWR), 3);
    at[2] = 0;
    options.pass_fds = (int[]){at[0], at[1], at[0]};
    options.pass_count = 3;
    text = output_of(options);
    assert_string_equal(text, "/dev/full\n/dev/zero\n/dev/full\n");
    for (int i = 0; i < 3; i++) {
        close(3 + i);
        if (before[i] >= 0) {
            dup2(before[i], 3 + i);
            close(before[i]);
        }
    }
}

static void
a_child_has_its_own_session_and_default_signals(void **state)
{
    struct child_options options =
        shell(SHELL("set -- $(cat /proc/$$/stat); echo $(($1 == $6));"
                    "exec grep -E 'Sig(Blk|Ign)' /proc/self/status"));
    AUTO_FREE char *text = NULL;
    char *ignored;
    sigset_t blocked, before;

    (void)state;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    text = output_of(options);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    ignored = strstr(text, "SigIgn:");
    assert_non_null(ignored);
    /* Signals 32 and 33 are glibc's own: a program that posix_spawn() started,
     * as make does, ignores them, and can't change that. */
    assert_int_equal(strtoull(ignored + 7, NULL, 16) & ~(3ULL << 31), 0);
    *ignored = '\0';
    assert_string_equal(text, "1\nSigBlk:\t0000000000000000\n");
}

static void
the_environment_is_what_was_asked_for(void **state)
{
    struct child_options options = shell(SHELL("echo $GREETING$HOME; pwd"));
    AUTO_FREE char *text = NULL;

    (void)state;
    options.env = (char *[]){"GREETING=hello", NULL};
    options.folder = "/proc";
    text = output_of(options);
    assert_string_equal(text, "hello\n/proc\n");
}

static void
a_process_is_adopted_by_pid_and_start_time(void **state)
{
    AUTO(run) *first = run_new();
    AUTO(run) *second = run_new();
    struct child_options options = shell(SHELL("kill -STOP $$"));
    uint64_t start_time;
    AUTO_ERROR err = {0};
    pid_t pid;

    (void)state;
    start(first, &options);
    pid = child_pid(first->child);
    start_time = child_start_time(first->child);
    child_free(STEAL(first->child));
    second->child =
        child_adopt(second->loop, pid, start_time + 1, note_end, second, &err);
    assert_null(second->child);
    assert_int_equal(err.errnum, ESRCH);
    error_clear(&err);
    second->child =
        child_adopt(second->loop, pid, start_time, note_end, second, &err);
    assert_non_null(second->child);
    assert_int_equal(child_pid(second->child), pid);
    assert_int_equal(child_start_time(second->child), start_time);
    child_kill(second->child, SIGKILL);
    run_until(second->loop, &second->is_ended);
    /* Still a child of this process, so that it knows. */
    assert_string_equal(child_end_text(second->end),
                        "killed by signal 9 (Killed)");
}

static void
an_adopted_stranger_is_gone_when_it_ends(void **state)
{
    AUTO(run) *run = run_new();
    AUTO_ERROR err = {0};
    uint64_t start_time;
    pid_t pid;

    (void)state;
    /* Its parent, the shell, is gone before it is adopted. */
    {
        struct child_options options =
            shell(SHELL("sleep 1000 >/dev/null & echo $!"));
        AUTO_FREE char *text = output_of(options);

        pid = (pid_t)atoi(text);
    }
    assert_true(process_start_time(pid, &start_time));
    run->child = child_adopt(run->loop, pid, start_time, note_end, run, &err);
    assert_non_null(run->child);
    child_kill(run->child, SIGKILL);
    run_until(run->loop, &run->is_ended);
    assert_false(run->end.is_known);
    assert_string_equal(child_end_text(run->end), "gone");
}

static void
nonsense_is_not_adopted(void **state)
{
    static const pid_t pids[] = {0, -1, INT32_MAX};
    AUTO(run) *run = run_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(pids); i++) {
        AUTO_ERROR err = {0};

        assert_null(child_adopt(run->loop, pids[i], 0, note_end, run, &err));
        assert_int_equal(err.errnum, ESRCH);
    }
}

static void
a_forgotten_child_goes_on_and_is_reaped(void **state)
{
    AUTO(run) *run = run_new();
    struct child_options options = shell(SHELL("read line"));
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};
    int ends[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    options.argv = SHELL("read line <&3");
    options.pass_fds = &ends[0];
    options.pass_count = 1;
    start(run, &options);
    pid = child_pid(run->child);
    child_free(STEAL(run->child));
    run_until_idle(run->loop);
    assert_int_equal(kill(pid, 0), 0);
    close(ends[0]);
    close(ends[1]);
    /* kill(2) finds a zombie, too. */
    while (kill(pid, 0) == 0 && monotonic_ms() < deadline) {
        assert_int_equal(loop_step(run->loop, 100, &err), 0);
    }
    assert_int_equal(kill(pid, 0), -1);
    assert_false(run->is_ended);
}

static void
note_fork(void *owner, pid_t pid)
{
    struct forked *forked = owner;
    struct pollfd said = {.fd = forked->fd, .events = POLLIN};

    forked->pid = pid;
    /* It has time to say what it should not say yet. */
    assert_int_equal(poll(&said, 1, 50), 0);
}

static void
a_program_waits_until_it_is_noted(void **state)
{
    struct run *run = *state = run_new();
    struct child_options options = shell(SHELL("echo >&3"));
    struct forked forked = {0};
    int ends[2];
    char byte;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    forked.fd = ends[0];
    options.forked = note_fork;
    options.forked_owner = &forked;
    options.pass_fds = &ends[1];
    options.pass_count = 1;
    start(run, &options);
    assert_int_equal(forked.pid, child_pid(run->child));
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    run_free(run);
}

static void
a_name_may_look_like_the_rest_of_the_line(void **state)
{
    static const char *const names[] = {"a b", "x) R (y", ")) S 1 2 3", "("};
    uint64_t start_time = 0, again;
    char before[16];

    (void)state;
    prctl(PR_GET_NAME, before);
    assert_true(process_start_time(getpid(), &start_time));
    assert_true(start_time > 0);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        prctl(PR_SET_NAME, names[i]);
        assert_true(process_start_time(getpid(), &again));
        assert_int_equal(again, start_time);
    }
    prctl(PR_SET_NAME, before);
    assert_false(process_start_time(INT32_MAX, &again));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exit_status_is_told_once),
        cmocka_unit_test(a_killed_child_says_by_what),
        cmocka_unit_test(an_exec_that_fails_is_an_error_at_once),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error_at_once),
        cmocka_unit_test(only_what_is_passed_is_open_in_the_child),
        cmocka_unit_test(passed_descriptors_may_lie_in_each_others_places),
        cmocka_unit_test(a_child_has_its_own_session_and_default_signals),
        cmocka_unit_test(the_environment_is_what_was_asked_for),
        cmocka_unit_test(a_process_is_adopted_by_pid_and_start_time),
        cmocka_unit_test(an_adopted_stranger_is_gone_when_it_ends),
        cmocka_unit_test(nonsense_is_not_adopted),
        cmocka_unit_test(a_forgotten_child_goes_on_and_is_reaped),
        cmocka_unit_test(a_program_waits_until_it_is_noted),
        cmocka_unit_test(a_name_may_look_like_the_rest_of_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
