/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processes, monitors and typed commands together: the flow that the ferry
 * uses, with the fake QEMU and with the real one, which keeps the fake honest;
 * and what goes wrong, with the fake alone. */

#include "qemu/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "qemu_fixture.h"

/* One of the two. */
struct side {
    struct fixture *f;
    struct text events; /* Names, states of MIGRATION; spaces between. */
    char *text;         /* 'events', as it was looked at last. */
};

struct pair {
    struct side source;
    struct side destination;
    uint16_t port;
    struct qmp_migration last; /* Only its numbers. */
    unsigned queried;
};

static const struct qemu_process_callbacks *side_callbacks(void);
static void side_start(struct side *side, const char *binary, bool is_incoming);
static void side_free(struct side *side);
static const char *events(struct side *side);
static void wait_for(struct pair *pair, struct side *side, const char *event);
static void migration_came(void *owner, const struct qmp_migration *migration,
                           const struct error *err);
static void query(struct pair *pair, struct side *side);
static void must(struct side *side);
static enum qmp_run_state run_state(struct side *side);
static void pair_start(struct pair *pair, const char *binary);
static void pair_connect(struct pair *pair);
static void pair_free(struct pair *pair);

#define BOTH_CAPABILITIES (QMP_CAPABILITY_EVENTS | QMP_CAPABILITY_RETURN_PATH)

static struct qmp_session *
monitor(struct side *side)
{
    return qemu_process_monitor(side->f->process);
}

/* The whole flow, with 'binary'. */
static void
migrate_with(const char *binary)
{
    struct pair pair = {0};

    pair_start(&pair, binary);
    assert_int_equal(run_state(&pair.source), QMP_RUN_STATE_RUNNING);
    assert_int_equal(run_state(&pair.destination), QMP_RUN_STATE_INMIGRATE);
    pair_connect(&pair);
    wait_for(&pair, &pair.source, "pre-switchover");
    assert_int_equal(run_state(&pair.source), QMP_RUN_STATE_FINISH_MIGRATE);
    query(&pair, &pair.source);
    assert_int_equal(pair.last.status, QMP_MIGRATION_PRE_SWITCHOVER);
    assert_true(pair.last.has_ram && pair.last.ram.has_total);
    assert_true(pair.last.ram.transferred > 0);

    qmp_migrate_continue(monitor(&pair.source), done_came, pair.source.f);
    must(&pair.source);
    wait_for(&pair, &pair.source, "completed");
    wait_for(&pair, &pair.destination, "completed");
    /* QEMU tells before it has left its state of before. */
    for (int i = 0;
         i < 1000 && run_state(&pair.source) == QMP_RUN_STATE_FINISH_MIGRATE;
         i++) {
    }
    assert_int_equal(run_state(&pair.source), QMP_RUN_STATE_POSTMIGRATE);
    assert_int_equal(run_state(&pair.destination), QMP_RUN_STATE_PAUSED);
    query(&pair, &pair.source);
    assert_int_equal(pair.last.status, QMP_MIGRATION_COMPLETED);
    assert_true(pair.last.has_downtime && pair.last.has_total_time);

    qmp_cont(monitor(&pair.destination), done_came, pair.destination.f);
    must(&pair.destination);
    assert_int_equal(run_state(&pair.destination), QMP_RUN_STATE_RUNNING);
    assert_string_equal(events(&pair.source),
                        "setup active STOP pre-switchover device completed ");
    assert_string_equal(events(&pair.destination),
                        "setup active completed RESUME ");
    pair_free(&pair);
}

static void
fake_qemus_migrate(void **state)
{
    (void)state;
    migrate_with(FAKE_QEMU);
}

static void
real_qemus_migrate(void **state)
{
    const char *qemu = real_qemu();

    (void)state;
    if (!qemu) {
        skip();
    }
    migrate_with(qemu);
}

/* Cancelled when the guest is stopped already. */
static void
cancel_with(const char *binary)
{
    struct pair pair = {0};

    pair_start(&pair, binary);
    pair_connect(&pair);
    wait_for(&pair, &pair.source, "pre-switchover");
    qmp_migrate_cancel(monitor(&pair.source), done_came, pair.source.f);
    must(&pair.source);
    wait_for(&pair, &pair.source, "cancelled");
    wait_for(&pair, &pair.source, "RESUME");
    assert_int_equal(run_state(&pair.source), QMP_RUN_STATE_RUNNING);
    run_until(pair.destination.f, &pair.destination.f->ended_count, 1);
    assert_non_null(
        strstr(pair.destination.f->why.message, "exited with status 1: "));
    assert_non_null(
        strstr(pair.destination.f->why.message, "load of migration failed: "));
    pair_free(&pair);
}

static void
cancelled_fake_runs_on_and_its_destination_dies(void **state)
{
    (void)state;
    cancel_with(FAKE_QEMU);
}

static void
cancelled_qemu_runs_on_and_its_destination_dies(void **state)
{
    const char *qemu = real_qemu();

    (void)state;
    if (!qemu) {
        skip();
    }
    cancel_with(qemu);
}

static void
killed_destination_fails_the_source_which_runs_on(void **state)
{
    struct pair pair = {0};

    (void)state;
    pair_start(&pair, FAKE_QEMU);
    pair_connect(&pair);
    wait_for(&pair, &pair.source, "pre-switchover");
    qemu_process_kill(pair.destination.f->process);
    run_until(pair.destination.f, &pair.destination.f->ended_count, 1);
    qmp_migrate_continue(monitor(&pair.source), done_came, pair.source.f);
    must(&pair.source);
    wait_for(&pair, &pair.source, "RESUME");
    assert_string_equal(events(&pair.source),
                        "setup active STOP pre-switchover device failed "
                        "RESUME ");
    query(&pair, &pair.source);
    assert_int_equal(pair.last.status, QMP_MIGRATION_FAILED);
    assert_false(pair.last.has_ram);
    pair_free(&pair);
}

/* Runs the fake with a script, and what is done with it. */
static struct fixture *
start_scripted(const char *script)
{
    static char *nothing[] = {NULL};
    struct fixture *f = fixture_new();
    AUTO_FREE char *path = xasprintf("%s/fake-script", f->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, script, strlen(script)), strlen(script));
    close(fd);
    setenv("FAKE_QEMU_SCRIPT", path, 1);
    assert_non_null(start(f, FAKE_QEMU, nothing, 2000));
    unsetenv("FAKE_QEMU_SCRIPT");
    return f;
}

static void
scripted_error_is_the_commands_error(void **state)
{
    struct fixture *f = start_scripted("stop #1 error Not in the mood\n");

    (void)state;
    run_until(f, &f->started_count, 1);
    qmp_stop(qemu_process_monitor(f->process), done_came, f);
    run_until(f, &f->reply_count, 1);
    assert_string_equal(
        f->failed.message,
        "unable to execute QEMU command 'stop': Not in the mood");
    qmp_stop(qemu_process_monitor(f->process), done_came, f);
    run_until(f, &f->reply_count, 2);
    assert_false(error_is_set(&f->failed));
    fixture_free(f);
}

static void
reply_of_a_wrong_type_is_the_commands_error_and_nothing_more(void **state)
{
    struct fixture *f = start_scripted(
        "query-status #1 return []\n"
        "query-status #2 return {\"status\":\"running\"}\n"
        "query-status #3 return {\"status\":\"running\",\"running\":1}\n"
        "query-status #4 return {\"status\":\"odd\",\"running\":true}\n");
    static const char *const complaints[] = {
        "it is not an object but array",
        "it has no 'running'",
        "'running' is not boolean but int",
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(complaints); i++) {
        qmp_query_status(qemu_process_monitor(f->process), status_came, f);
        run_until(f, &f->reply_count, i + 1);
        assert_non_null(strstr(f->failed.message, complaints[i]));
        assert_int_equal(f->failed.code, ERROR_INTERNAL);
    }
    f->run_state = QMP_RUN_STATE_RUNNING;
    qmp_query_status(qemu_process_monitor(f->process), status_came, f);
    run_until(f, &f->reply_count, 4);
    assert_int_equal(f->run_state, QMP_RUN_STATE_UNKNOWN);
    assert_int_equal(qemu_process_state(f->process), QEMU_PROCESS_READY);
    fixture_free(f);
}

static void
death_inside_of_a_command_is_seen_with_its_last_words(void **state)
{
    struct fixture *f = start_scripted("cont exit 134 assertion failed\n");

    (void)state;
    qmp_cont(qemu_process_monitor(f->process), done_came, f);
    run_until(f, &f->ended_count, 1);
    assert_string_equal(f->order, "sde");
    assert_int_equal(f->failed.code, ERROR_PEER_LOST);
    assert_string_equal(f->why.message,
                        "QEMU exited with status 134: assertion failed");
    fixture_free(f);
}

static void
rubbish_loses_the_monitor_of_a_process_that_lives(void **state)
{
    static const char *const scripts[] = {
        "cont garbage hello\n",
        "cont endless\n",
        "cont garbage {\"return\":{},\"id\":999}\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(scripts); i++) {
        struct fixture *f = start_scripted(scripts[i]);

        qmp_cont(qemu_process_monitor(f->process), done_came, f);
        run_until(f, &f->lost_count, 1);
        assert_string_equal(f->order, "sdl");
        assert_int_equal(qemu_process_state(f->process),
                         QEMU_PROCESS_MONITOR_LOST);
        assert_int_equal(kill(qemu_process_pid(f->process), 0), 0);
        qemu_process_kill(f->process);
        run_until(f, &f->ended_count, 1);
        fixture_free(f);
    }
}

static void
monitor_that_only_closes_is_lost_where_the_process_lives(void **state)
{
    struct fixture *f = start_scripted("cont close\n");

    (void)state;
    qmp_cont(qemu_process_monitor(f->process), done_came, f);
    run_until(f, &f->lost_count, 1);
    assert_string_equal(f->order, "sdl");
    assert_int_equal(f->why.code, ERROR_PEER_LOST);
    fixture_free(f);
}

static void
second_client_is_greeted_when_the_first_is_gone(void **state)
{
    struct fixture *f = start_scripted("");
    struct fixture *other = fixture_new();
    struct qemu_process_identity identity;

    (void)state;
    run_until(f, &f->started_count, 1);
    identity = qemu_process_identity(f->process);
    identity.monitor_path = f->monitor_path;
    identity.log_path = f->log_path;
    other->process = qemu_process_adopt(
        other->loop, &identity, &fixture_callbacks, other, &other->failed);
    assert_non_null(other->process);
    qmp_query_status(qemu_process_monitor(other->process), status_came, other);
    assert_int_equal(other->started_count, 0);
    qemu_process_free(STEAL(f->process));
    run_until(other, &other->reply_count, 1);
    assert_int_equal(other->run_state, QMP_RUN_STATE_RUNNING);
    fixture_free(other);
    fixture_free(f);
}

static void
side_event(void *owner, const struct qmp_event *event)
{
    struct side *side = owner;

    if (event->type == QMP_EVENT_MIGRATION) {
        text_addf(&side->events, "%s ", event->migration.status_name);
    } else if (event->type != QMP_EVENT_MIGRATION_PASS) {
        text_addf(&side->events, "%s ", event->name);
    }
}

static void
side_started(void *owner)
{
    struct side *side = owner;

    fixture_callbacks.started(side->f);
}

static void
side_ended(void *owner, const struct error *why)
{
    struct side *side = owner;

    fixture_callbacks.ended(side->f, why);
}

static const struct qemu_process_callbacks *
side_callbacks(void)
{
    static const struct qemu_process_callbacks callbacks = {
        .started = side_started,
        .event = side_event,
        .ended = side_ended,
    };

    return &callbacks;
}

static void
side_start(struct side *side, const char *binary, bool is_incoming)
{
    char *argv[] = {
        (char *)binary, QEMU_MONITOR_ARGUMENTS,
        "-nodefaults",  "-display",
        "none",         "-machine",
        "pc,accel=tcg", "-m",
        "8200k",        is_incoming ? "-S" : NULL,
        "-incoming",    "defer",
        NULL,
    };
    struct qemu_process_options options = {
        .binary = binary,
        .argv = argv,
        .log_path = side->f->log_path,
        .monitor_path = side->f->monitor_path,
    };

    side->f->process = qemu_process_start(
        side->f->loop, &options, side_callbacks(), side, &side->f->failed);
    assert_non_null(side->f->process);
}

static void
side_free(struct side *side)
{
    free(side->text);
    text_done(&side->events);
}

static const char *
events(struct side *side)
{
    free(side->text);
    side->text = xstrdup(side->events.data ? side->events.data : "");
    return side->text;
}

static void
wait_for(struct pair *pair, struct side *side, const char *event)
{
    AUTO_FREE char *word = xasprintf("%s ", event);
    AUTO_ERROR err = {0};

    (void)pair;
    for (int i = 0; !strstr(events(side), word); i++) {
        if (i == 1000) {
            fail_msg("no '%s' in: %s", event, events(side));
        }
        assert_int_equal(loop_step(side->f->loop, 20, &err), 0);
    }
}

static void
migration_came(void *owner, const struct qmp_migration *migration,
               const struct error *err)
{
    struct pair *pair = owner;

    assert_null(err);
    pair->last = *migration;
    pair->port = migration->has_port ? migration->port : pair->port;
    pair->queried++;
}

static void
query(struct pair *pair, struct side *side)
{
    unsigned before = pair->queried;

    qmp_query_migrate(monitor(side), migration_came, pair);
    run_until(side->f, &pair->queried, before + 1);
}

/* The command that was given last succeeds. */
static void
must(struct side *side)
{
    run_until(side->f, &side->f->reply_count, side->f->reply_count + 1);
    if (error_is_set(&side->f->failed)) {
        fail_msg("%s", side->f->failed.message);
    }
}

static enum qmp_run_state
run_state(struct side *side)
{
    qmp_query_status(monitor(side), status_came, side->f);
    must(side);
    return side->f->run_state;
}

static void
pair_start(struct pair *pair, const char *binary)
{
    pair->source.f = fixture_new();
    pair->destination.f = fixture_new();
    /* One loop for both. */
    loop_free(pair->destination.f->loop);
    pair->destination.f->loop = pair->source.f->loop;
    side_start(&pair->source, binary, false);
    side_start(&pair->destination, binary, true);
}

static void
pair_connect(struct pair *pair)
{
    struct qmp_migration_parameters parameters = {
        .has_downtime_limit = true,
        .downtime_limit = 2000,
        .has_max_bandwidth = true,
    };

    qmp_migrate_set_capabilities(monitor(&pair->destination), BOTH_CAPABILITIES,
                                 QMP_CAPABILITY_MULTIFD, done_came,
                                 pair->destination.f);
    must(&pair->destination);
    qmp_migrate_incoming(monitor(&pair->destination), "tcp:127.0.0.1:0",
                         done_came, pair->destination.f);
    must(&pair->destination);
    query(pair, &pair->destination);
    assert_true(pair->port > 0);

    qmp_migrate_set_capabilities(
        monitor(&pair->source),
        BOTH_CAPABILITIES | QMP_CAPABILITY_PAUSE_BEFORE_SWITCHOVER,
        QMP_CAPABILITY_MULTIFD, done_came, pair->source.f);
    must(&pair->source);
    qmp_migrate_set_parameters(monitor(&pair->source), &parameters, done_came,
                               pair->source.f);
    must(&pair->source);
    AUTO_FREE char *uri = xasprintf("tcp:127.0.0.1:%u", pair->port);
    qmp_migrate(monitor(&pair->source), uri, done_came, pair->source.f);
    must(&pair->source);
}

static void
pair_free(struct pair *pair)
{
    struct fixture *second = pair->destination.f;

    qemu_process_kill(second->process);
    run_until(second, &second->ended_count, 1);
    qemu_process_free(STEAL(second->process));
    fixture_free(pair->source.f);
    second->loop = NULL;
    fixture_free(second);
    side_free(&pair->source);
    side_free(&pair->destination);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fake_qemus_migrate),
        cmocka_unit_test(real_qemus_migrate),
        cmocka_unit_test(cancelled_fake_runs_on_and_its_destination_dies),
        cmocka_unit_test(cancelled_qemu_runs_on_and_its_destination_dies),
        cmocka_unit_test(killed_destination_fails_the_source_which_runs_on),
        cmocka_unit_test(scripted_error_is_the_commands_error),
        cmocka_unit_test(
            reply_of_a_wrong_type_is_the_commands_error_and_nothing_more),
        cmocka_unit_test(death_inside_of_a_command_is_seen_with_its_last_words),
        cmocka_unit_test(rubbish_loses_the_monitor_of_a_process_that_lives),
        cmocka_unit_test(
            monitor_that_only_closes_is_lost_where_the_process_lives),
        cmocka_unit_test(second_client_is_greeted_when_the_first_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
