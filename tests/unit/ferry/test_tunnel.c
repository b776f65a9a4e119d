/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two tunnels with a connection between them, and at either end a descriptor
 * in place of QEMU. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/tunnel.h"
#include "rpc/connection.h"

enum {
    STALL_MS = 100,
    PATIENCE_MS = 10000,
    PIECE = 65536,
    /* Of what the two sockets of QEMUs, the connection and the tunnels may keep
     * among them. */
    QUEUED_MAX = 3 << 20,
};

struct end {
    struct rpc_connection *connection;
    struct tunnel *tunnel;
    int qemu;
    bool has_begun;
    bool is_finished;
    bool has_failed;
    struct error why;
};

struct pair {
    struct loop *loop;
    struct end source;
    struct end destination;
    bool is_prepared;
};

static void
began(void *owner)
{
    ((struct end *)owner)->has_begun = true;
}

static void
finished(void *owner)
{
    ((struct end *)owner)->is_finished = true;
}

static void
failed(void *owner, const struct error *why)
{
    struct end *end = owner;

    assert_false(end->has_failed);
    end->has_failed = true;
    error_copy(&end->why, why);
}

static const struct tunnel_callbacks tunnel_callbacks = {
    .began = began,
    .finished = finished,
    .failed = failed,
};

static void
called(void *owner, struct rpc_call *call)
{
    struct pair *pair = owner;
    char name[] = "host-b";
    struct remote_connect_get_hostname_ret ret = {.hostname = name};
    AUTO_ERROR err = {0};
    int fd;

    assert_int_equal(tunnel_make_sockets(&pair->destination.qemu, &fd, &err),
                     0);
    tunnel_receive(pair->destination.tunnel, call, fd);
    rpc_call_reply(call, &ret);
}

static void
closed(void *owner, const struct error *why)
{
    (void)owner;
    (void)why;
}

static void
prepared(void *owner, const void *result, const struct error *err)
{
    struct pair *pair = owner;
    AUTO_ERROR failure = {0};
    int fd;

    assert_non_null(result);
    assert_null(err);
    assert_int_equal(tunnel_make_sockets(&pair->source.qemu, &fd, &failure), 0);
    tunnel_send(pair->source.tunnel, fd);
    pair->is_prepared = true;
}

static void
run_until(struct pair *pair, const bool *is_true)
{
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};

    while (!*is_true) {
        assert_true(monotonic_ms() < deadline);
        assert_int_equal(loop_step(pair->loop, 100, &err), 0);
    }
}

static void
run_idle(struct pair *pair)
{
    AUTO_ERROR err = {0};

    for (int i = 0; i < 64; i++) {
        assert_int_equal(loop_step(pair->loop, 0, &err), 0);
    }
}

static int
set_up(void **state)
{
    static const struct rpc_callbacks server = {.called = called,
                                                .closed = closed};
    static const struct rpc_callbacks client = {.closed = closed};
    struct pair *pair = xcalloc(1, sizeof *pair);
    struct rpc_pending *pending;
    AUTO_ERROR err = {0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    pair->loop = loop_new(&err);
    pair->source.connection =
        rpc_connection_new(pair->loop, fds[0], &client, pair);
    pair->destination.connection =
        rpc_connection_new(pair->loop, fds[1], &server, pair);
    pair->source.tunnel =
        tunnel_new(pair->loop, STALL_MS, &tunnel_callbacks, &pair->source);
    pair->destination.tunnel =
        tunnel_new(pair->loop, STALL_MS, &tunnel_callbacks, &pair->destination);
    pending =
        rpc_request(pair->source.connection, REMOTE_PROC_CONNECT_GET_HOSTNAME,
                    NULL, prepared, pair);
    tunnel_expect(pair->source.tunnel, pending);
    run_until(pair, &pair->is_prepared);
    *state = pair;
    return 0;
}

static int
tear_down(void **state)
{
    struct pair *pair = *state;

    for (int i = 0; i < 2; i++) {
        struct end *end = i ? &pair->source : &pair->destination;

        tunnel_free(end->tunnel);
        rpc_connection_free(end->connection);
        close_ref(&end->qemu);
        error_clear(&end->why);
    }
    loop_free(pair->loop);
    free(pair);
    return 0;
}

/* Writes pieces until 'limit' or until nothing goes in any more; what went. */
static size_t
write_much(struct pair *pair, size_t limit)
{
    static uint8_t piece[PIECE];
    size_t total = 0;

    for (int refusals = 0; refusals < 3 && total < limit;) {
        ssize_t sent = send(pair->source.qemu, piece, sizeof piece,
                            MSG_DONTWAIT | MSG_NOSIGNAL);

        total += sent > 0 ? (size_t)sent : 0;
        refusals = sent > 0 ? 0 : refusals + 1;
        run_idle(pair);
    }
    return total;
}

/* Reads until the end of file or until nothing comes; what came. */
static size_t
read_much(struct pair *pair, size_t limit, bool *is_ended)
{
    static uint8_t piece[PIECE];
    size_t total = 0;

    for (int silences = 0; silences < 3 && total < limit;) {
        ssize_t got =
            recv(pair->destination.qemu, piece, sizeof piece, MSG_DONTWAIT);

        if (got == 0) {
            *is_ended = true;
            break;
        }
        total += got > 0 ? (size_t)got : 0;
        silences = got > 0 ? 0 : silences + 1;
        run_idle(pair);
    }
    return total;
}

static void
what_one_qemu_writes_the_other_one_reads(void **state)
{
    struct pair *pair = *state;
    bool is_ended = false;
    char got[5];

    assert_int_equal(write(pair->source.qemu, "guest", 5), 5);
    run_until(pair, &pair->destination.has_begun);
    assert_int_equal(read(pair->destination.qemu, got, sizeof got), 5);
    assert_memory_equal(got, "guest", 5);
    close(STEAL_FD(pair->source.qemu));
    run_idle(pair);
    /* It may have failed: nobody is told that this was all. */
    assert_int_equal(read_much(pair, 1, &is_ended), 0);
    assert_false(is_ended);
    tunnel_complete(pair->source.tunnel);
    run_idle(pair);
    read_much(pair, 1, &is_ended);
    assert_true(is_ended);
    assert_false(pair->source.is_finished);
    tunnel_confirm(pair->destination.tunnel);
    run_until(pair, &pair->source.is_finished);
    assert_true(tunnel_is_finished(pair->source.tunnel));
}

static void
a_qemu_that_has_loaded_all_may_close_first(void **state)
{
    struct pair *pair = *state;
    char got[5];

    assert_int_equal(write(pair->source.qemu, "guest", 5), 5);
    run_until(pair, &pair->destination.has_begun);
    assert_int_equal(read(pair->destination.qemu, got, sizeof got), 5);
    close(STEAL_FD(pair->destination.qemu));
    tunnel_confirm(pair->destination.tunnel);
    run_idle(pair);
    assert_false(pair->destination.has_failed);
    tunnel_complete(pair->source.tunnel);
    close(STEAL_FD(pair->source.qemu));
    run_until(pair, &pair->source.is_finished);
    assert_true(pair->destination.is_finished);
}

static void
a_slow_destination_stops_the_source(void **state)
{
    struct pair *pair = *state;
    size_t queued = write_much(pair, 64 << 20);
    bool is_ended = false;

    assert_true(queued < QUEUED_MAX);
    assert_int_equal(read_much(pair, SIZE_MAX, &is_ended), queued);
    assert_true(write_much(pair, PIECE) > 0);
    assert_false(pair->source.has_failed);
}

static void
a_destination_that_takes_nothing_ends_it(void **state)
{
    struct pair *pair = *state;

    write_much(pair, 64 << 20);
    run_until(pair, &pair->destination.has_failed);
    run_until(pair, &pair->source.has_failed);
    assert_non_null(strstr(pair->source.why.message, "for too long"));
}

static void
a_qemu_that_dies_there_ends_it(void **state)
{
    struct pair *pair = *state;

    write_much(pair, 1 << 20);
    close(STEAL_FD(pair->destination.qemu));
    run_until(pair, &pair->source.has_failed);
    assert_int_equal(pair->source.why.code, ERROR_OPERATION_FAILED);
}

static void
a_source_that_gives_up_is_heard(void **state)
{
    struct pair *pair = *state;
    AUTO_ERROR why = {0};

    error_set(&why, ERROR_OPERATION_ABORTED, "x");
    write_much(pair, PIECE);
    tunnel_abort(pair->source.tunnel, &why);
    run_until(pair, &pair->destination.has_failed);
    assert_false(pair->source.has_failed);
    assert_non_null(strstr(pair->destination.why.message, "aborted"));
}

static void
a_lost_connection_fails_both(void **state)
{
    struct pair *pair = *state;

    rpc_connection_free(STEAL(pair->destination.connection));
    assert_true(pair->destination.has_failed);
    run_until(pair, &pair->source.has_failed);
    assert_int_equal(pair->source.why.code, ERROR_PEER_LOST);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_one_qemu_writes_the_other_one_reads),
        TEST(a_qemu_that_has_loaded_all_may_close_first),
        TEST(a_slow_destination_stops_the_source),
        TEST(a_destination_that_takes_nothing_ends_it),
        TEST(a_qemu_that_dies_there_ends_it),
        TEST(a_source_that_gives_up_is_heard),
        TEST(a_lost_connection_fails_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
