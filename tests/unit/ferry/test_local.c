/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end of a coordinator that is a domain of this daemon; the destination is
 * called by hand. */

#include "crossing.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/coordinator_local.h"

enum { PEER = 9 };

/* What the local end answered. */
struct heard {
    unsigned count;
    char *cookie; /* Owned. */
    size_t cookie_size;
    char *xml; /* Owned. */
    bool is_paused;
    struct error err;
};

struct test {
    struct crossing *c;
    struct coordinator_local local;
    struct parameters parameters;
    struct heard heard;
};

static void
forget_heard(struct heard *heard)
{
    free(heard->cookie);
    free(heard->xml);
    error_clear(&heard->err);
    *heard = (struct heard){0};
}

static void
answered(void *owner, const struct coordinator_answer *answer,
         const struct error *err)
{
    struct heard *heard = owner;

    heard->count++;
    if (err) {
        error_copy(&heard->err, err);
        return;
    }
    heard->cookie_size = answer->cookie_size;
    heard->cookie = answer->cookie_size > 0
                        ? xmemdup(answer->cookie, answer->cookie_size)
                        : NULL;
    heard->xml = xstrdup_null(answer->xml);
    heard->is_paused = answer->is_paused;
}

static void
set_up(struct test *test, void **state)
{
    *test = (struct test){.c = *state};
    test->c->flags |= VIR_MIGRATE_PEER2PEER;
    test->local = (struct coordinator_local){
        .domain = test->c->domain,
        .client_id = PEER,
        .client_name = "a peer",
        .api = "remoteDispatchTest",
    };
    parameters_add_string(&test->parameters, VIR_MIGRATE_PARAM_URI,
                          test->c->parameters.migrate_uri);
}

static void
tear_down(struct test *test)
{
    coordinator_local_operations.forget(&test->local);
    parameters_done(&test->parameters);
    forget_heard(&test->heard);
}
#define AUTO_TEST __attribute__((cleanup(tear_down))) struct test

/* Calls the end, which must not answer before the loop runs again. */
static void
start(struct test *test,
      void (*call)(void *end, const struct coordinator_request *request,
                   coordinator_answered *answered, void *owner),
      const char *cookie, size_t cookie_size)
{
    struct coordinator_request request = {
        .flags = test->c->flags,
        .parameters = &test->parameters,
        .cookie = cookie,
        .cookie_size = cookie_size,
    };

    forget_heard(&test->heard);
    call(&test->local, &request, answered, &test->heard);
    assert_int_equal(test->heard.count, 0);
}

static void
wait_heard(struct test *test)
{
    lab_wait(&test->c->lab, &test->heard.count, 1);
}

static void
begin_here(struct test *test)
{
    start(test, coordinator_local_operations.begin, NULL, 0);
    wait_heard(test);
    assert_false(error_is_set(&test->heard.err));
}

static void
prepare_there(struct test *test)
{
    struct answer *begun = &test->c->begun;

    begun->cookie = xmemdup(test->heard.cookie, test->heard.cookie_size);
    begun->cookie_size = test->heard.cookie_size;
    begun->xml = xstrdup(test->heard.xml);
    prepare(test->c);
}

static void
start_perform_here(struct test *test)
{
    start(test, coordinator_local_operations.perform, test->c->prepared.cookie,
          test->c->prepared.cookie_size);
}

static void
finish_there(struct test *test)
{
    struct answer *performed = &test->c->performed;

    performed->cookie = xmemdup(test->heard.cookie, test->heard.cookie_size);
    performed->cookie_size = test->heard.cookie_size;
    finish(test->c);
}

static void
a_guest_moves(void **state)
{
    AUTO_TEST test;

    set_up(&test, state);
    begin_here(&test);
    assert_int_equal(job_lock_async(&test.c->domain->jobs),
                     VIR_JOB_MIGRATION_OUT);
    prepare_there(&test);
    start_perform_here(&test);
    wait_heard(&test);
    assert_false(error_is_set(&test.heard.err));
    finish_there(&test);
    start(&test, coordinator_local_operations.confirm, test.c->finished.cookie,
          test.c->finished.cookie_size);
    wait_heard(&test);
    assert_false(error_is_set(&test.heard.err));
    assert_state(test.c->domain, VIR_DOMAIN_SHUTOFF,
                 VIR_DOMAIN_SHUTOFF_MIGRATED);
    assert_free(test.c->domain);
}

static void
it_tells_whether_the_guest_is_paused(void **state)
{
    AUTO_TEST test;
    struct result result = {0};

    set_up(&test, state);
    start(&test, coordinator_local_operations.get_state, NULL, 0);
    wait_heard(&test);
    assert_false(test.heard.is_paused);
    domain_suspend(test.c->domain, result_came, &result);
    lab_wait(&test.c->lab, &result.count, 1);
    start(&test, coordinator_local_operations.get_state, NULL, 0);
    wait_heard(&test);
    assert_true(test.heard.is_paused);
}

static void
what_is_wrong_comes_as_an_answer(void **state)
{
    AUTO_TEST test;

    set_up(&test, state);
    parameters_add_string(&test.parameters, "nonsense", "x");
    start(&test, coordinator_local_operations.begin, NULL, 0);
    wait_heard(&test);
    assert_int_equal(test.heard.err.code, ERROR_ARGUMENT_UNSUPPORTED);
    parameters_remove(&test.parameters, "nonsense");
    start(&test, coordinator_local_operations.confirm, NULL, 0);
    wait_heard(&test);
    assert_int_equal(test.heard.err.code, ERROR_OPERATION_INVALID);
    assert_free(test.c->domain);
}

static void
an_abort_stops_perform_for_its_reason(void **state)
{
    static const struct coordinator_request nothing;
    AUTO_TEST test;
    AUTO_ERROR reason = {0};
    struct heard aborted = {0};

    set_up(&test, state);
    error_set(&reason, ERROR_OPERATION_FAILED, "the other host burns");
    test.local.reason = &reason;
    begin_here(&test);
    lab_script(&test.c->lab, "set migration-ms 20000");
    prepare_there(&test);
    start_perform_here(&test);
    wait_source(test.c, SOURCE_STATE_ARMING);
    coordinator_local_operations.abort(&test.local, &nothing, answered,
                                       &aborted);
    assert_int_equal(aborted.count, 1);
    wait_heard(&test);
    assert_string_equal(test.heard.err.message, "the other host burns");
    cancel_finish(test.c);
    assert_stayed(test.c);
}

static void
a_call_that_was_forgotten_is_answered_to_nobody(void **state)
{
    AUTO_TEST test;

    set_up(&test, state);
    start(&test, coordinator_local_operations.begin, NULL, 0);
    coordinator_local_operations.forget(&test.local);
    wait_source(test.c, SOURCE_STATE_BEGUN);
    assert_int_equal(test.heard.count, 0);
    ferry_client_gone(&test.c->here.host, PEER);
    assert_stayed(test.c);
}

static void
an_answer_that_was_forgotten_is_not_delivered(void **state)
{
    AUTO_TEST test;

    set_up(&test, state);
    start(&test, coordinator_local_operations.get_state, NULL, 0);
    coordinator_local_operations.forget(&test.local);
    begin_here(&test);
    assert_int_equal(test.heard.count, 1);
    ferry_client_gone(&test.c->here.host, PEER);
    assert_stayed(test.c);
}

static void
no_client_can_end_what_the_daemon_drives(void **state)
{
    AUTO_TEST test;

    set_up(&test, state);
    begin_here(&test);
    prepare_there(&test);
    start_perform(test.c);
    wait_answer(test.c, &test.c->performed);
    assert_int_equal(test.c->performed.result.err.code,
                     ERROR_OPERATION_INVALID);
    start_perform_here(&test);
    wait_heard(&test);
    assert_false(error_is_set(&test.heard.err));
    start_confirm(test.c, 1);
    wait_answer(test.c, &test.c->confirmed);
    assert_int_equal(test.c->confirmed.result.err.code,
                     ERROR_OPERATION_INVALID);
    assert_int_equal(source_find(test.c->domain)->state, SOURCE_STATE_HANDED);
    ferry_client_gone(&test.c->here.host, PEER);
    wait_source(test.c, SOURCE_STATE_LEFT);
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, crossing_set_up, crossing_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_guest_moves),
        TEST(it_tells_whether_the_guest_is_paused),
        TEST(what_is_wrong_comes_as_an_answer),
        TEST(an_abort_stops_perform_for_its_reason),
        TEST(a_call_that_was_forgotten_is_answered_to_nobody),
        TEST(an_answer_that_was_forgotten_is_not_delivered),
        TEST(no_client_can_end_what_the_daemon_drives),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
