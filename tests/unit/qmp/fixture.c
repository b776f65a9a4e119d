/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fixture.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"

enum { PATIENCE_MS = 5000 };

const char greeting[] =
    "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":22,\"minor\":2,\"major\":7},"
    "\"package\":\"Debian\"},\"capabilities\":[\"oob\"]}}";

static void time_passed(void *owner);
static void note(struct fixture *f, char letter);
static void session_ready(void *owner);
static void session_event(void *owner, const struct qmp_event *event);
static void session_closed(void *owner, const struct error *why);
static void session_silent(void *owner, const struct error *why);
static void free_session(struct fixture *f);

struct fixture *
fixture_new(void)
{
    static const struct qmp_callbacks callbacks = {
        .ready = session_ready,
        .event = session_event,
        .closed = session_closed,
        .silent = session_silent,
    };
    struct fixture *f = xcalloc(1, sizeof(*f));
    AUTO_ERROR err = {0};
    int ends[2];

    f->loop = loop_new(&err);
    assert_non_null(f->loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    f->peer = ends[1];
    f->session = qmp_session_new(f->loop, ends[0], PATIENCE_MS, &callbacks, f);
    return f;
}

struct fixture *
fixture_new_ready(void)
{
    struct fixture *f = fixture_new();

    say(f, greeting);
    settle(f);
    hear(f);
    say(f, "{\"return\":{},\"id\":1}");
    run_until(f, &f->ready_count, 1);
    memset(f->order, 0, sizeof(f->order));
    return f;
}

void
fixture_free(struct fixture *f)
{
    qmp_session_free(f->session);
    loop_free(f->loop);
    if (f->peer >= 0) {
        close(f->peer);
    }
    error_clear(&f->why);
    error_clear(&f->failed);
    free(f->last_result);
    free(f);
}

void
say(struct fixture *f, const char *line)
{
    say_bytes(f, line, strlen(line));
    say_bytes(f, "\r\n", 2);
}

void
say_bytes(struct fixture *f, const char *bytes, size_t size)
{
    /* More than the socket holds goes out while the loop reads. */
    while (size > 0) {
        ssize_t sent = send(f->peer, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0) {
            AUTO_ERROR err = {0};

            if (f->closed_count > 0) {
                return;
            }
            assert_int_equal(loop_step(f->loop, PATIENCE_MS, &err), 0);
            continue;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
}

void
run_until(struct fixture *f, const unsigned *number, unsigned wanted)
{
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};

    while (*number < wanted) {
        assert_true(monotonic_ms() < deadline);
        assert_int_equal(loop_step(f->loop, 100, &err), 0);
    }
}

void
settle(struct fixture *f)
{
    AUTO_ERROR err = {0};

    for (int i = 0; i < 20; i++) {
        assert_int_equal(loop_step(f->loop, 0, &err), 0);
    }
}

void
pass_time(struct fixture *f, int64_t ms)
{
    struct timer timer = {0};
    AUTO_ERROR err = {0};

    timer_start(&timer, f->loop, ms, time_passed, NULL);
    while (timer_is_running(&timer)) {
        assert_int_equal(loop_step(f->loop, -1, &err), 0);
    }
}

const char *
hear(struct fixture *f)
{
    settle(f);
    ssize_t got = recv(f->peer, f->heard, sizeof(f->heard) - 1, MSG_DONTWAIT);

    f->heard[got > 0 ? got : 0] = '\0';
    return f->heard;
}

void
command_done(void *owner, struct json_object *result, const struct error *err)
{
    struct fixture *f = owner;

    f->done_count++;
    note(f, 'd');
    if (err) {
        error_clear(&f->failed);
        error_copy(&f->failed, err);
        if (f->asks_again_when_failed) {
            qmp_execute(f->session, "again", NULL, command_done, f);
        }
    } else {
        free(f->last_result);
        f->last_result = xstrdup(
            json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
    }
    if (f->frees_on_done) {
        free_session(f);
    }
}

static void
time_passed(void *owner)
{
    (void)owner;
}

static void
note(struct fixture *f, char letter)
{
    size_t length = strlen(f->order);

    if (length < sizeof(f->order) - 1) {
        f->order[length] = letter;
    }
}

static void
session_ready(void *owner)
{
    struct fixture *f = owner;

    f->ready_count++;
    note(f, 'r');
}

static void
session_event(void *owner, const struct qmp_event *event)
{
    struct fixture *f = owner;

    f->event_count++;
    f->last_event = event->type;
    note(f, 'e');
    if (f->frees_on_event) {
        free_session(f);
    }
}

static void
session_silent(void *owner, const struct error *why)
{
    struct fixture *f = owner;

    if (why) {
        assert_int_equal(why->code, ERROR_OPERATION_TIMEOUT);
        f->silences++;
    } else {
        f->speeches++;
    }
}

static void
session_closed(void *owner, const struct error *why)
{
    struct fixture *f = owner;

    assert_non_null(why);
    f->closed_count++;
    note(f, 'c');
    error_copy(&f->why, why);
    if (f->frees_on_closed) {
        free_session(f);
    }
}

static void
free_session(struct fixture *f)
{
    qmp_session_free(f->session);
    f->session = NULL;
}
