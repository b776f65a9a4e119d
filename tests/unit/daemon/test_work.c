/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls that wait for a domain's job.  The calls are real ones, taken from a
 * connection before dispatch() sees them; what they do is decided here. */

#include "daemon/work.h"

#include <string.h>

#include "base/clock.h"
#include "fixture.h"

enum { STARTED_MAX = 8 };

/* The work that has been granted its job, in order. */
static struct work *started[STARTED_MAX];
static size_t started_count;

/* What the next calls become. */
static struct client *caller;
static struct domain *domain;
static enum job job;
static bool is_new;

static void
run(struct work *work)
{
    assert_true(started_count < STARTED_MAX);
    started[started_count++] = work;
}

static void
called(void *owner, struct rpc_call *call)
{
    (void)owner;
    if (is_new) {
        work_start_new(caller, call, domain, 42, run);
    } else {
        work_start_with(caller, call, domain, job, 42, run);
    }
}

static const struct rpc_callbacks callbacks = {.called = called};

static int
set_up(void **state)
{
    struct fixture *fixture;

    started_count = 0;
    job = JOB_MODIFY;
    is_new = false;
    fixture_set_up(state);
    fixture = *state;
    domain = fixture_define(fixture, "demo", 'd');
    return 0;
}

/* A client that calls; 'called' above is what the daemon makes of it. */
static struct peer
peer_new_caller(struct fixture *fixture)
{
    struct peer peer = peer_new(fixture);

    rpc_connection_set_owner(peer.client->connection, &callbacks, NULL);
    return peer;
}

static void
ask(struct fixture *fixture, struct peer *peer)
{
    caller = peer->client;
    peer_send_zeros(peer, REMOTE_PROC_DOMAIN_SUSPEND);
    run_all(fixture->daemon.loop);
}

static void
a_free_domain_is_worked_on_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_caller(fixture);

    ask(fixture, &peer);
    assert_int_equal(started_count, 1);
    assert_ptr_equal(started[0]->domain, domain);
    assert_ptr_equal(started[0]->client, peer.client);
    assert_int_equal(started[0]->number, 42);
    assert_int_equal(job_lock_job(&domain->jobs), JOB_MODIFY);
    assert_true(peer_has_nothing(fixture, &peer));
    work_done(started[0], NULL);
    assert_int_equal(job_lock_job(&domain->jobs), JOB_NONE);
    AUTO_ANSWER answer = peer_read(fixture, &peer);
    assert_int_equal(answer.header.status, RPC_OK);
    peer_close(&peer);
}

static void
an_error_of_the_work_is_the_calls(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_caller(fixture);
    AUTO_ERROR err = {0};

    ask(fixture, &peer);
    error_set(&err, ERROR_OPERATION_INVALID, "no such luck");
    work_done(started[0], &err);
    AUTO_ANSWER answer = peer_read(fixture, &peer);
    assert_error(&answer, ERROR_OPERATION_INVALID, "no such luck");
    assert_int_equal(job_lock_job(&domain->jobs), JOB_NONE);
    peer_close(&peer);
}

static void
a_result_of_the_work_is_the_calls(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_caller(fixture);
    struct remote_domain_create_with_flags_ret ret;

    caller = peer.client;
    peer_send_zeros(&peer, REMOTE_PROC_DOMAIN_CREATE_WITH_FLAGS);
    run_all(fixture->daemon.loop);
    wire_domain(domain, &ret.dom);
    work_done_with(started[0], &ret);
    AUTO_ANSWER answer = peer_read(fixture, &peer);
    const struct remote_domain_create_with_flags_ret *got = answer.value;
    assert_string_equal(got->dom.name, "demo");
    peer_close(&peer);
}

static void
work_waits_until_the_work_before_it_is_done(void **state)
{
    struct fixture *fixture = *state;
    struct peer first = peer_new_caller(fixture);
    struct peer second = peer_new_caller(fixture);

    ask(fixture, &first);
    ask(fixture, &second);
    assert_int_equal(started_count, 1);
    assert_int_equal(job_lock_waiting(&domain->jobs), 1);
    assert_true(peer_has_nothing(fixture, &second));
    work_done(started[0], NULL);
    assert_int_equal(started_count, 2);
    assert_ptr_equal(started[1]->client, second.client);
    AUTO_ANSWER answer = peer_read(fixture, &first);
    assert_int_equal(answer.header.status, RPC_OK);
    assert_true(peer_has_nothing(fixture, &second));
    work_done(started[1], NULL);
    peer_close(&first);
    peer_close(&second);
}

static void
work_that_waits_too_long_is_refused_by_who_holds_the_job(void **state)
{
    struct fixture *fixture = *state;
    struct peer first = peer_new_caller(fixture);
    struct peer second = peer_new_caller(fixture);

    ask(fixture, &first);
    fixture->daemon.host.settings.job_timeout_ms = 1;
    ask(fixture, &second);
    AUTO_ANSWER answer = peer_read(fixture, &second);
    assert_error(&answer, ERROR_OPERATION_TIMEOUT,
                 "cannot acquire state change lock"
                 " (held by monitor=remoteDispatchDomainSuspend)");
    assert_non_null(strstr(answer.error.message, first.client->name));
    assert_int_equal(started_count, 1);
    assert_int_equal(second.client->references, 1);
    work_done(started[0], NULL);
    assert_int_equal(started_count, 1);
    peer_close(&first);
    peer_close(&second);
}

static void
the_longest_waits_end_one_after_the_other(void **state)
{
    struct fixture *fixture = *state;
    struct peer first = peer_new_caller(fixture);
    struct peer second = peer_new_caller(fixture);
    struct peer third = peer_new_caller(fixture);

    ask(fixture, &first);
    fixture->daemon.host.settings.job_timeout_ms = 200;
    ask(fixture, &second);
    fixture->daemon.host.settings.job_timeout_ms = 1;
    ask(fixture, &third);
    AUTO_ANSWER short_wait = peer_read(fixture, &third);
    assert_int_equal(short_wait.error.code, ERROR_OPERATION_TIMEOUT);
    AUTO_ANSWER long_wait = peer_read(fixture, &second);
    assert_int_equal(long_wait.error.code, ERROR_OPERATION_TIMEOUT);
    assert_int_equal(job_lock_waiting(&domain->jobs), 0);
    work_done(started[0], NULL);
    peer_close(&first);
    peer_close(&second);
    peer_close(&third);
}

static void
work_that_a_migration_keeps_out_names_the_migration(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_caller(fixture);

    job_lock_restore_async(&domain->jobs, JOB_ASYNC_MIGRATION_OUT,
                           "remoteDispatchDomainMigratePerform3Params",
                           monotonic_ms());
    fixture->daemon.host.settings.job_timeout_ms = 1;
    ask(fixture, &peer);
    AUTO_ANSWER answer = peer_read(fixture, &peer);
    assert_error(&answer, ERROR_OPERATION_TIMEOUT,
                 "(held by monitor=remoteDispatchDomainMigratePerform3Params)"
                 ": migration out");
    assert_int_equal(started_count, 0);
    job_lock_end_async(&domain->jobs, monotonic_ms());
    peer_close(&peer);
}

static void
a_query_runs_beside_a_migration(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_caller(fixture);

    job_lock_restore_async(&domain->jobs, JOB_ASYNC_MIGRATION_OUT, "api",
                           monotonic_ms());
    job = JOB_QUERY;
    ask(fixture, &peer);
    assert_int_equal(started_count, 1);
    work_done(started[0], NULL);
    job_lock_end_async(&domain->jobs, monotonic_ms());
    peer_close(&peer);
}

static void
work_of_a_client_that_went_meanwhile_is_done_for_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct peer first = peer_new_caller(fixture);
    struct peer second = peer_new(fixture);

    ask(fixture, &first);
    caller = second.client;
    rpc_connection_set_owner(second.client->connection, &callbacks, NULL);
    ask(fixture, &second);
    client_close(second.client);
    assert_int_equal(second.client->references, 1);
    assert_int_equal(job_lock_waiting(&domain->jobs), 1);
    work_done(started[0], NULL);
    assert_int_equal(started_count, 2);
    assert_null(started[1]->client->connection);
    work_done(started[1], NULL);
    assert_int_equal(job_lock_job(&domain->jobs), JOB_NONE);
    assert_true(is_closed_by_peer(fixture->daemon.loop, second.fd));
    peer_close(&first);
    peer_close(&second);
}

static void
work_under_way_outlives_its_client(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_caller(fixture);
    struct remote_domain_create_with_flags_ret ret;

    ask(fixture, &peer);
    client_close(peer.client);
    assert_int_equal(job_lock_job(&domain->jobs), JOB_MODIFY);
    wire_domain(domain, &ret.dom);
    work_done_with(started[0], &ret);
    assert_int_equal(job_lock_job(&domain->jobs), JOB_NONE);
    peer_close(&peer);
}

static void
a_refusal_of_a_client_that_went_goes_to_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct peer first = peer_new_caller(fixture);
    struct peer second = peer_new_caller(fixture);
    bool is_over = false;

    ask(fixture, &first);
    fixture->daemon.host.settings.job_timeout_ms = 1;
    caller = second.client;
    ask(fixture, &second);
    if (second.client->references > 1) {
        client_close(second.client);
    }
    while (!is_over) {
        AUTO_ERROR err = {0};

        assert_int_equal(loop_step(fixture->daemon.loop, 10, &err), 0);
        is_over = job_lock_waiting(&domain->jobs) == 0;
    }
    work_done(started[0], NULL);
    assert_int_equal(started_count, 1);
    peer_close(&first);
    peer_close(&second);
}

static void
a_domain_that_goes_away_is_not_worked_on_any_more(void **state)
{
    struct fixture *fixture = *state;
    struct peer first = peer_new_caller(fixture);
    struct peer second = peer_new_caller(fixture);
    AUTO_ERROR err = {0};

    ask(fixture, &first);
    ask(fixture, &second);
    assert_int_equal(domain_undefine(started[0]->domain, &err), 0);
    assert_null(domain_find_by_name(&fixture->daemon.host, "demo"));
    assert_string_equal(started[0]->domain->name, "demo");
    work_done(started[0], NULL);
    assert_int_equal(started_count, 1);
    AUTO_ANSWER answer = peer_read(fixture, &second);
    assert_error(&answer, ERROR_NO_DOMAIN, "(demo)");
    peer_close(&first);
    peer_close(&second);
}

static void
a_guest_that_is_only_there_to_be_started_goes_with_the_refusal(void **state)
{
    struct fixture *fixture = *state;
    struct peer first = peer_new_caller(fixture);
    struct peer second = peer_new_caller(fixture);
    AUTO_ERROR err = {0};

    ask(fixture, &first);
    assert_ptr_equal(domain_add_live(&fixture->daemon.host,
                                     guest_copy(domain->definition), &err),
                     domain);
    fixture->daemon.host.settings.job_timeout_ms = 1;
    is_new = true;
    ask(fixture, &second);
    AUTO_ANSWER answer = peer_read(fixture, &second);
    assert_int_equal(answer.error.code, ERROR_OPERATION_TIMEOUT);
    assert_null(domain->live);
    work_done(started[0], NULL);
    peer_close(&first);
    peer_close(&second);
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_free_domain_is_worked_on_at_once),
        TEST(an_error_of_the_work_is_the_calls),
        TEST(a_result_of_the_work_is_the_calls),
        TEST(work_waits_until_the_work_before_it_is_done),
        TEST(work_that_waits_too_long_is_refused_by_who_holds_the_job),
        TEST(the_longest_waits_end_one_after_the_other),
        TEST(work_that_a_migration_keeps_out_names_the_migration),
        TEST(a_query_runs_beside_a_migration),
        TEST(work_of_a_client_that_went_meanwhile_is_done_for_nobody),
        TEST(work_under_way_outlives_its_client),
        TEST(a_refusal_of_a_client_that_went_goes_to_nobody),
        TEST(a_domain_that_goes_away_is_not_worked_on_any_more),
        TEST(a_guest_that_is_only_there_to_be_started_goes_with_the_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
