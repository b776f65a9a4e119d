/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opening a connection, against a daemon on a unix socket of our own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "frames.h"
#include "rpc/client.h"
#include "rpc/connection_private.h"

/* How the daemon misbehaves. */
enum mood {
    MOOD_GOOD,
    MOOD_ASKS_FOR_SASL,
    MOOD_REFUSES_OPEN,
    MOOD_OLD, /* Has none of the features, fails to say so. */
    MOOD_SILENT,
    MOOD_HANGS_UP_ON_OPEN,
    MOOD_HANGS_UP_LATE,
};

struct stage {
    char folder[32];
    char *path; /* Owned. */
    struct loop *loop;
    struct listener *listener;

    /* The daemon. */
    enum mood mood;
    struct rpc_connection *server;
    struct text calls; /* "66 60:10 1:qemu:///system,1 60:14 60:15" */

    /* The client. */
    struct rpc_opening *opening;
    struct rpc_opened opened;
    struct error err;
    bool is_done;
    bool frees_when_done;
    bool is_closed;
};

static void
hang_up(struct stage *stage, struct rpc_call *call)
{
    rpc_connection_free(STEAL(stage->server));
    rpc_call_reply(call, &(struct remote_connect_supports_feature_ret){0});
}

static void
answer_auth(struct stage *stage, struct rpc_call *call)
{
    enum remote_auth_type type =
        stage->mood == MOOD_ASKS_FOR_SASL ? REMOTE_AUTH_SASL : REMOTE_AUTH_NONE;
    struct remote_auth_list_ret ret = {
        .types = {.types_len = 1, .types_val = &type}
    };

    text_add(&stage->calls, "66 ");
    rpc_call_reply(call, &ret);
}

static void
answer_open(struct stage *stage, struct rpc_call *call)
{
    const struct remote_connect_open_args *args = rpc_call_args(call);
    AUTO_ERROR err = {0};

    text_addf(&stage->calls, "1:%s,%u ", *args->name, args->flags);
    if (stage->mood == MOOD_HANGS_UP_ON_OPEN) {
        hang_up(stage, call);
    } else if (stage->mood == MOOD_REFUSES_OPEN) {
        error_set(&err, ERROR_ACCESS_DENIED, "not you");
        rpc_call_fail(call, &err);
    } else {
        rpc_call_reply(call, NULL);
    }
}

static void
answer_feature(struct stage *stage, struct rpc_call *call)
{
    const struct remote_connect_supports_feature_args *args =
        rpc_call_args(call);
    struct remote_connect_supports_feature_ret ret = {
        .supported = stage->mood != MOOD_OLD};
    AUTO_ERROR err = {0};

    text_addf(&stage->calls, "60:%d ", args->feature);
    if (stage->mood == MOOD_HANGS_UP_LATE && args->feature == 15) {
        hang_up(stage, call);
    } else if (stage->mood == MOOD_OLD && args->feature > 13) {
        error_set(&err, ERROR_INTERNAL, "what?");
        rpc_call_fail(call, &err);
    } else {
        rpc_call_reply(call, &ret);
    }
}

static void
called(void *owner, struct rpc_call *call)
{
    struct stage *stage = owner;

    switch ((int)rpc_call_procedure(call)) {
    case REMOTE_PROC_AUTH_LIST:
        answer_auth(stage, call);
        return;
    case REMOTE_PROC_CONNECT_OPEN:
        answer_open(stage, call);
        return;
    case REMOTE_PROC_CONNECT_SUPPORTS_FEATURE:
        answer_feature(stage, call);
        return;
    default:
        fail_msg("%d was called", (int)rpc_call_procedure(call));
    }
}

static void
server_closed(void *owner, const struct error *why)
{
    (void)owner;
    (void)why;
}

static const struct rpc_callbacks server_callbacks = {
    .called = called,
    .closed = server_closed,
};

static void
accepted(void *owner, int fd)
{
    struct stage *stage = owner;

    if (stage->mood == MOOD_SILENT) {
        stage->server = rpc_connection_new(stage->loop, fd,
                                           &(struct rpc_callbacks){
                                               .closed = server_closed,
                                           },
                                           stage);
        stream_pause(stage->server->stream, true);
        return;
    }
    stage->server =
        rpc_connection_new(stage->loop, fd, &server_callbacks, stage);
}

static void
client_closed(void *owner, const struct error *why)
{
    struct stage *stage = owner;

    (void)why;
    stage->is_closed = true;
}

static const struct rpc_callbacks client_callbacks = {
    .closed = client_closed,
};

static void
done(void *owner, const struct rpc_opened *opened, const struct error *err)
{
    struct stage *stage = owner;

    assert_false(stage->is_done);
    stage->is_done = true;
    if (err) {
        error_copy(&stage->err, err);
    } else {
        stage->opened = *opened;
    }
    if (stage->frees_when_done) {
        rpc_opening_free(STEAL(stage->opening));
    }
}

static int
set_up(void **state)
{
    struct stage *stage = xcalloc(1, sizeof(*stage));
    struct socket_address address = {0};
    AUTO_ERROR err = {0};

    strcpy(stage->folder, "/tmp/vmferry-test-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    stage->path = xasprintf("%s/sock", stage->folder);
    address.path = stage->path;
    stage->loop = loop_new(&err);
    stage->listener =
        listener_new(stage->loop, &address, accepted, stage, &err);
    assert_non_null(stage->listener);
    *state = stage;
    return 0;
}

static int
tear_down(void **state)
{
    struct stage *stage = *state;

    rpc_opening_free(stage->opening);
    rpc_connection_free(stage->opened.connection);
    rpc_connection_free(stage->server);
    listener_free(stage->listener);
    loop_free(stage->loop);
    rmdir(stage->folder);
    text_done(&stage->calls);
    error_clear(&stage->err);
    free(stage->path);
    free(stage);
    return 0;
}

static void
start(struct stage *stage, enum mood mood)
{
    AUTO_FREE char *text =
        xasprintf("qemu+unix:///system?socket=%s", stage->path);
    AUTO_RPC_URI uri = {0};
    AUTO_ERROR err = {0};
    struct rpc_open_options options = {
        .uri = &uri,
        .flags = 1,
        .timeout_ms = mood == MOOD_SILENT ? 100 : 10000,
        .keepalive_interval_s = 5,
        .keepalive_count = 5,
        .callbacks = &client_callbacks,
        .callbacks_owner = stage,
    };

    stage->mood = mood;
    assert_int_equal(rpc_uri_parse(text, &uri, &err), 0);
    stage->opening = rpc_open(stage->loop, NULL, &options, done, stage);
}

static void
assert_fails(struct stage *stage, enum mood mood, enum error_code code,
             const char *part)
{
    start(stage, mood);
    run_until(stage->loop, &stage->is_done);
    assert_null(stage->opened.connection);
    assert_int_equal(stage->err.code, code);
    assert_non_null(strstr(stage->err.message, part));
    assert_non_null(strstr(stage->err.message, stage->path));
}

static void
the_calls_are_virshs_in_its_order(void **state)
{
    struct stage *stage = *state;

    start(stage, MOOD_GOOD);
    run_until(stage->loop, &stage->is_done);
    assert_string_equal(stage->calls.data,
                        "66 60:10 1:qemu:///system,1 60:14 60:15 ");
    assert_non_null(stage->opened.connection);
    assert_true(stage->opened.has_keepalive);
    assert_true(stage->opened.has_event_callbacks);
    assert_true(stage->opened.has_close_callbacks);
    assert_true(timer_is_running(&stage->opened.connection->keepalive));
}

static void
the_connection_has_its_new_owner(void **state)
{
    struct stage *stage = *state;

    stage->frees_when_done = true;
    start(stage, MOOD_GOOD);
    run_until(stage->loop, &stage->is_done);
    assert_null(stage->opening);
    rpc_connection_free(STEAL(stage->server));
    run_until(stage->loop, &stage->is_closed);
}

static void
a_daemon_without_features_is_good_enough(void **state)
{
    struct stage *stage = *state;

    start(stage, MOOD_OLD);
    run_until(stage->loop, &stage->is_done);
    assert_non_null(stage->opened.connection);
    assert_false(stage->opened.has_keepalive);
    assert_false(stage->opened.has_event_callbacks);
    assert_false(stage->opened.has_close_callbacks);
    assert_false(timer_is_running(&stage->opened.connection->keepalive));
}

static void
authentication_that_we_lack_is_named(void **state)
{
    assert_fails(*state, MOOD_ASKS_FOR_SASL, ERROR_AUTH_FAILED, "SASL");
}

static void
a_refusal_is_handed_on(void **state)
{
    assert_fails(*state, MOOD_REFUSES_OPEN, ERROR_ACCESS_DENIED, "not you");
}

static void
a_daemon_that_says_nothing_is_given_up(void **state)
{
    assert_fails(*state, MOOD_SILENT, ERROR_OPERATION_TIMEOUT, "0.1 s");
}

static void
a_daemon_that_hangs_up_is_lost(void **state)
{
    assert_fails(*state, MOOD_HANGS_UP_ON_OPEN, ERROR_PEER_LOST, "closed");
}

static void
a_daemon_that_hangs_up_at_the_end_is_lost(void **state)
{
    assert_fails(*state, MOOD_HANGS_UP_LATE, ERROR_PEER_LOST, "closed");
}

static void
no_daemon_is_an_error(void **state)
{
    struct stage *stage = *state;

    listener_free(STEAL(stage->listener));
    start(stage, MOOD_GOOD);
    run_until(stage->loop, &stage->is_done);
    assert_int_equal(stage->err.code, ERROR_SYSTEM);
    assert_non_null(strstr(stage->err.message, stage->path));
}

static void
freeing_the_opening_cancels_it(void **state)
{
    struct stage *stage = *state;

    start(stage, MOOD_SILENT);
    run_all(stage->loop);
    rpc_opening_free(STEAL(stage->opening));
    run_all(stage->loop);
    assert_false(stage->is_done);
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_calls_are_virshs_in_its_order),
        TEST(the_connection_has_its_new_owner),
        TEST(a_daemon_without_features_is_good_enough),
        TEST(authentication_that_we_lack_is_named),
        TEST(a_refusal_is_handed_on),
        TEST(a_daemon_that_says_nothing_is_given_up),
        TEST(a_daemon_that_hangs_up_is_lost),
        TEST(a_daemon_that_hangs_up_at_the_end_is_lost),
        TEST(no_daemon_is_an_error),
        TEST(freeing_the_opening_cancels_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
