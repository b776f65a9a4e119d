/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/process.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "qemu_fixture.h"

static char *no_guest[] = {"-S",       "-nodefaults", "-display", "none",
                           "-machine", "none",        NULL};

static void
real_qemu_starts_answers_and_tells_its_end(void **state)
{
    const char *qemu = real_qemu();
    struct fixture *f;

    (void)state;
    if (!qemu) {
        skip();
    }
    f = fixture_new();
    assert_non_null(start(f, qemu, no_guest, 0));
    qmp_query_status(qemu_process_monitor(f->process), status_came, f);
    run_until(f, &f->reply_count, 1);
    assert_string_equal(f->order, "sd");
    assert_int_equal(qemu_process_state(f->process), QEMU_PROCESS_READY);
    assert_int_equal(f->run_state, QMP_RUN_STATE_PRELAUNCH);
    assert_int_equal(access(f->monitor_path, F_OK), 0);

    qmp_quit(qemu_process_monitor(f->process), done_came, f);
    run_until(f, &f->ended_count, 1);
    /* The SHUTDOWN event, the reply to quit, the end; in this order. */
    assert_string_equal(f->order, "sdvde");
    assert_int_equal(f->last_event, QMP_EVENT_SHUTDOWN);
    assert_string_equal(f->why.message, "QEMU exited with status 0");
    assert_int_equal(access(f->monitor_path, F_OK), -1);
    qmp_cont(qemu_process_monitor(f->process), done_came, f);
    run_until(f, &f->reply_count, 3);
    assert_int_equal(f->failed.code, ERROR_PEER_LOST);
    fixture_free(f);
}

static void
last_words_are_heard_of_one_that_is_seen_dead_first(void **state)
{
    static char *nothing[] = {NULL};
    struct fixture *f = fixture_new();
    siginfo_t info;

    (void)state;
    assert_non_null(start(f, FAKE_QEMU, nothing, 0));
    run_until(f, &f->started_count, 1);
    qmp_quit(qemu_process_monitor(f->process), done_came, f);
    /* Both are there when the loop looks. */
    assert_int_equal(waitid(P_PID, (id_t)qemu_process_pid(f->process), &info,
                            WEXITED | WNOWAIT),
                     0);
    run_until(f, &f->ended_count, 1);
    assert_string_equal(f->order, "svde");
    fixture_free(f);
}

static void
monitor_that_somebody_else_holds_does_not_hide_a_death(void **state)
{
    struct fixture *f = fixture_new();
    AUTO_FREE char *script =
        write_script(f, "sleep 1000 <&3 & echo $! > \"${0%/*}/child\"; exit 5");
    AUTO_FREE char *path = xasprintf("%s/child", f->folder);
    int child = 0;

    (void)state;
    assert_non_null(start(f, script, no_guest, 0));
    qmp_query_status(qemu_process_monitor(f->process), status_came, f);
    run_until(f, &f->ended_count, 1);
    assert_string_equal(f->order, "de");
    assert_string_equal(f->why.message, "QEMU exited with status 5");
    FILE *file = fopen(path, "r");
    assert_int_equal(fscanf(file, "%d", &child), 1);
    fclose(file);
    kill(child, SIGKILL);
    fixture_free(f);
}

static void
real_qemu_that_refuses_its_options_says_why(void **state)
{
    static char *wrong[] = {"-nodefaults", "-display",   "none",
                            "-device",     "warp-drive", NULL};
    const char *qemu = real_qemu();
    struct fixture *f;

    (void)state;
    if (!qemu) {
        skip();
    }
    f = fixture_new();
    assert_non_null(start(f, qemu, wrong, 0));
    run_until(f, &f->ended_count, 1);
    assert_string_equal(f->order, "e");
    assert_string_equal(f->why.message,
                        "QEMU exited with status 1: -device warp-drive: "
                        "'warp-drive' is not a valid device model name");
    assert_int_equal(f->why.code, ERROR_INTERNAL);
    fixture_free(f);
}

static void
killed_qemu_is_reported_after_its_commands_failed(void **state)
{
    const char *qemu = real_qemu();
    struct fixture *f;

    (void)state;
    if (!qemu) {
        skip();
    }
    f = fixture_new();
    assert_non_null(start(f, qemu, no_guest, 0));
    run_until(f, &f->started_count, 1);
    kill(qemu_process_pid(f->process), SIGSTOP);
    qmp_query_status(qemu_process_monitor(f->process), status_came, f);
    qemu_process_kill(f->process);
    run_until(f, &f->ended_count, 1);
    assert_string_equal(f->order, "sde");
    assert_int_equal(f->failed.code, ERROR_PEER_LOST);
    assert_string_equal(f->why.message, "QEMU was killed by signal 9 (Killed)");
    assert_int_equal(f->why.code, ERROR_OPERATION_FAILED);
    assert_int_equal(access(f->monitor_path, F_OK), -1);
    fixture_free(f);
}

static void
adopted_qemu_answers_and_its_death_is_seen(void **state)
{
    const char *qemu = real_qemu();
    struct qemu_process_identity identity;
    struct fixture *f;

    (void)state;
    if (!qemu) {
        skip();
    }
    f = fixture_new();
    assert_non_null(start(f, qemu, no_guest, 0));
    run_until(f, &f->started_count, 1);
    identity = qemu_process_identity(f->process);
    identity.monitor_path = f->monitor_path;
    identity.log_path = f->log_path;
    qemu_process_free(f->process);

    f->process = qemu_process_adopt(f->loop, &identity, &fixture_callbacks, f,
                                    &f->failed);
    assert_non_null(f->process);
    qmp_query_status(qemu_process_monitor(f->process), status_came, f);
    run_until(f, &f->reply_count, 1);
    assert_string_equal(f->order, "ssd");
    assert_int_equal(f->run_state, QMP_RUN_STATE_PRELAUNCH);
    qemu_process_terminate(f->process);
    run_until(f, &f->ended_count, 1);
    assert_null(strstr(f->order, "l"));
    fixture_free(f);
}

static void
process_of_another_start_time_is_not_adopted(void **state)
{
    struct fixture *f = fixture_new();
    struct qemu_process_identity identity = {
        .pid = getpid(),
        .start_time = 1,
        .monitor_path = f->monitor_path,
        .log_path = f->log_path,
    };

    (void)state;
    assert_null(qemu_process_adopt(f->loop, &identity, &fixture_callbacks, f,
                                   &f->failed));
    assert_int_equal(f->failed.errnum, ESRCH);
    fixture_free(f);
}

static void
adopting_without_a_monitor_is_a_loss_and_kills_nothing(void **state)
{
    struct fixture *f = fixture_new();
    struct qemu_process_identity identity = {
        .pid = getpid(),
        .monitor_path = f->monitor_path,
        .log_path = f->log_path,
    };

    (void)state;
    assert_true(process_start_time(getpid(), &identity.start_time));
    f->process = qemu_process_adopt(f->loop, &identity, &fixture_callbacks, f,
                                    &f->failed);
    assert_non_null(f->process);
    assert_int_equal(f->lost_count, 0);
    run_until(f, &f->lost_count, 1);
    assert_int_equal(qemu_process_state(f->process), QEMU_PROCESS_MONITOR_LOST);
    assert_non_null(strstr(f->why.message, "No such file or directory"));
    qmp_cont(qemu_process_monitor(f->process), done_came, f);
    run_until(f, &f->reply_count, 1);
    assert_int_equal(f->failed.code, ERROR_PEER_LOST);
    qemu_process_free(STEAL(f->process));
    fixture_free(f);
}

static void
binary_that_is_not_there_is_an_error_at_once(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    assert_null(start(f, "/nowhere/qemu", no_guest, 0));
    assert_int_equal(f->failed.code, ERROR_SYSTEM);
    assert_int_equal(f->failed.errnum, ENOENT);
    assert_int_equal(access(f->monitor_path, F_OK), -1);
    fixture_free(f);
}

static void
death_before_the_monitor_is_ready_is_seen_with_what_was_said(void **state)
{
    struct fixture *f = fixture_new();
    AUTO_FREE char *script =
        write_script(f, "echo 'qemu-system-x86_64: no room' >&2; exit 3");

    (void)state;
    assert_non_null(start(f, script, no_guest, 0));
    run_until(f, &f->ended_count, 1);
    assert_string_equal(f->order, "e");
    assert_string_equal(f->why.message, "QEMU exited with status 3: no room");
    fixture_free(f);
}

static void
silent_start_is_given_up_and_killed(void **state)
{
    struct fixture *f = fixture_new();
    AUTO_FREE char *script =
        write_script(f, "echo 'waiting for the moon'; exec sleep 1000");

    (void)state;
    assert_non_null(start(f, script, no_guest, 50));
    run_until(f, &f->ended_count, 1);
    assert_string_equal(f->order, "e");
    assert_non_null(
        strstr(f->why.message, "given up: QEMU's monitor sent no greeting"));
    assert_int_equal(kill(qemu_process_pid(f->process), 0), -1);
    fixture_free(f);
}

static void
socket_and_log_are_for_nobody_else(void **state)
{
    struct fixture *f = fixture_new();
    AUTO_FREE char *script = write_script(f, "exec sleep 1000");
    struct stat status;

    (void)state;
    umask(0);
    assert_non_null(start(f, script, no_guest, 0));
    assert_int_equal(stat(f->monitor_path, &status), 0);
    assert_int_equal(status.st_mode, S_IFSOCK | 0600);
    assert_int_equal(stat(f->log_path, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    fixture_free(f);
}

static void
log_is_kept_and_its_older_part_is_not_blamed(void **state)
{
    struct fixture *f = fixture_new();
    AUTO_FREE char *script = write_script(f, "echo \"from $$\"");
    AUTO_FREE char *tail = NULL;
    AUTO_FREE char *expected = NULL;
    pid_t first;

    (void)state;
    assert_non_null(start(f, script, no_guest, 0));
    first = qemu_process_pid(f->process);
    run_until(f, &f->ended_count, 1);
    qemu_process_free(f->process);
    assert_non_null(start(f, script, no_guest, 0));
    assert_int_not_equal(first, qemu_process_pid(f->process));
    run_until(f, &f->ended_count, 2);
    tail = qemu_process_log_tail(f->process);
    expected = xasprintf("from %d", (int)qemu_process_pid(f->process));
    assert_string_equal(tail, expected);
    fixture_free(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_qemu_starts_answers_and_tells_its_end),
        cmocka_unit_test(last_words_are_heard_of_one_that_is_seen_dead_first),
        cmocka_unit_test(
            monitor_that_somebody_else_holds_does_not_hide_a_death),
        cmocka_unit_test(real_qemu_that_refuses_its_options_says_why),
        cmocka_unit_test(killed_qemu_is_reported_after_its_commands_failed),
        cmocka_unit_test(adopted_qemu_answers_and_its_death_is_seen),
        cmocka_unit_test(process_of_another_start_time_is_not_adopted),
        cmocka_unit_test(
            adopting_without_a_monitor_is_a_loss_and_kills_nothing),
        cmocka_unit_test(binary_that_is_not_there_is_an_error_at_once),
        cmocka_unit_test(
            death_before_the_monitor_is_ready_is_seen_with_what_was_said),
        cmocka_unit_test(silent_start_is_given_up_and_killed),
        cmocka_unit_test(socket_and_log_are_for_nobody_else),
        cmocka_unit_test(log_is_kept_and_its_older_part_is_not_blamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
