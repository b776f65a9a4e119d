/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#include <errno.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/stream.h"

/* One end of a socket pair is a stream, the other one is a plain descriptor. */
struct end {
    struct loop *loop;
    struct stream *stream;
    int peer;
    uint8_t *taken; /* All that was taken. */
    size_t taken_size;
    size_t unit;  /* Takes this much at once, or nothing; 0: everything. */
    size_t offer; /* Size of the last one. */
    int offers;
    bool frees_on_input;
    bool frees_on_close;
    bool frees_on_drain;
    bool pauses_on_input;
    bool has_input;
    bool is_closed;
    bool is_drained;
    struct error why;
};

static void
free_stream(struct end *end)
{
    stream_free(STEAL(end->stream));
}

static size_t
take_input(void *owner, const uint8_t *data, size_t size)
{
    struct end *end = owner;
    size_t taken = end->unit == 0 ? size : size < end->unit ? 0 : end->unit;

    end->offers++;
    end->offer = size;
    end->has_input = true;
    if (end->frees_on_input) {
        free_stream(end);
    }
    if (taken > 0) {
        end->taken = xrealloc(end->taken, end->taken_size + taken, 1);
        memcpy(end->taken + end->taken_size, data, taken);
        end->taken_size += taken;
    }
    if (end->pauses_on_input) {
        stream_pause(end->stream, true);
    }
    return taken;
}

static void
note_close(void *owner, const struct error *why)
{
    struct end *end = owner;

    assert_false(end->is_closed);
    end->is_closed = true;
    if (why) {
        error_copy(&end->why, why);
    }
    if (end->frees_on_close) {
        free_stream(end);
    }
}

static void
note_drain(void *owner)
{
    struct end *end = owner;

    end->is_drained = true;
    if (end->frees_on_drain) {
        free_stream(end);
    }
}

static struct end *
end_new(size_t limit)
{
    static const struct stream_callbacks callbacks = {
        .input = take_input,
        .closed = note_close,
        .drained = note_drain,
    };
    struct end *end = xcalloc(1, sizeof *end);
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    end->loop = test_loop_new();
    end->peer = pair[1];
    end->stream = stream_new(end->loop, pair[0], limit, &callbacks, end);
    return end;
}

static void
end_free(struct end *end)
{
    stream_free(end->stream);
    loop_free(end->loop);
    if (end->peer >= 0) {
        close(end->peer);
    }
    error_clear(&end->why);
    free(end->taken);
    free(end);
}

DEFINE_AUTO(end);

static void
peer_says(struct end *end, const char *text)
{
    ssize_t size = (ssize_t)strlen(text);

    assert_int_equal(write(end->peer, text, (size_t)size), size);
}

static void
assert_taken(const struct end *end, const char *text)
{
    assert_int_equal(end->taken_size, strlen(text));
    assert_memory_equal(end->taken, text, strlen(text));
}

static void
bytes_arrive_and_the_end_is_told_once(void **state)
{
    AUTO(end) *end = end_new(100);

    (void)state;
    peer_says(end, "hello");
    close(STEAL_FD(end->peer));
    run_until(end->loop, &end->is_closed);
    run_until_idle(end->loop);
    assert_taken(end, "hello");
    assert_false(error_is_set(&end->why));
}

static void
bytes_that_are_left_are_offered_again_with_more(void **state)
{
    AUTO(end) *end = end_new(100);

    (void)state;
    end->unit = 4;
    peer_says(end, "ab");
    run_until(end->loop, &end->has_input);
    assert_taken(end, "");
    peer_says(end, "cdefghij");
    run_until_idle(end->loop);
    assert_taken(end, "abcdefgh");
    assert_int_equal(end->offer, 2);
}

static void
reading_stops_beyond_the_limit(void **state)
{
    AUTO(end) *end = end_new(3);

    (void)state;
    end->unit = 1000;
    peer_says(end, "abcd");
    run_until(end->loop, &end->has_input);
    peer_says(end, "efgh");
    run_until_idle(end->loop);
    assert_int_equal(end->offers, 1);
    assert_int_equal(end->offer, 4);
}

static void
a_message_of_exactly_the_limit_is_completed(void **state)
{
    AUTO(end) *end = end_new(4);

    (void)state;
    end->unit = 5;
    peer_says(end, "abcd");
    run_until(end->loop, &end->has_input);
    peer_says(end, "e");
    run_until_idle(end->loop);
    assert_taken(end, "abcde");
}

static void
a_large_queue_leaves_in_order(void **state)
{
    enum { SIZE = 20 << 20 };
    AUTO(end) *end = end_new(100);
    AUTO_FREE uint32_t *sent = xcalloc(SIZE, 1);
    AUTO_FREE uint8_t *got = xcalloc(SIZE, 1);
    size_t offset = 0, total = 0;
    AUTO_ERROR err = {0};

    (void)state;
    for (uint32_t i = 0; i < SIZE / sizeof *sent; i++) {
        sent[i] = i;
    }
    for (size_t part = 1; offset < SIZE; part = part * 3 % 1000003) {
        size_t size = part < SIZE - offset ? part : SIZE - offset;

        stream_write(end->stream, (uint8_t *)sent + offset, size);
        offset += size;
    }
    assert_true(stream_pending(end->stream) > SIZE / 2);
    while (total < SIZE) {
        ssize_t part;

        assert_int_equal(loop_step(end->loop, 0, &err), 0);
        part = recv(end->peer, got + total, SIZE - total, MSG_DONTWAIT);
        total += part > 0 ? (size_t)part : 0;
        assert_true(part > 0 || errno == EAGAIN);
    }
    assert_memory_equal(sent, got, SIZE);
    run_until(end->loop, &end->is_drained);
    assert_int_equal(stream_pending(end->stream), 0);
}

static void
drained_is_told_from_the_loop(void **state)
{
    AUTO(end) *end = end_new(100);

    (void)state;
    stream_write(end->stream, "x", 1);
    assert_int_equal(stream_pending(end->stream), 0);
    assert_false(end->is_drained);
    run_until(end->loop, &end->is_drained);
}

static void
what_was_said_before_a_broken_pipe_is_still_read(void **state)
{
    AUTO(end) *end = end_new(100);

    (void)state;
    peer_says(end, "last words");
    close(STEAL_FD(end->peer));
    stream_write(end->stream, "too late", 8);
    assert_false(end->is_closed);
    run_until(end->loop, &end->is_closed);
    assert_taken(end, "last words");
    assert_int_equal(end->why.errnum, EPIPE);
    stream_write(end->stream, "nothing happens", 15);
    run_until_idle(end->loop);
}

static void
a_peer_that_only_stops_reading_ends_it(void **state)
{
    AUTO(end) *end = end_new(100);

    (void)state;
    shutdown(end->peer, SHUT_RD);
    stream_write(end->stream, "x", 1);
    run_until(end->loop, &end->is_closed);
    assert_int_equal(end->why.errnum, EPIPE);
}

static void
a_broken_pipe_with_output_queued_is_told(void **state)
{
    AUTO(end) *end = end_new(100);
    AUTO_FREE uint8_t *much = xcalloc(8 << 20, 1);

    (void)state;
    stream_write(end->stream, much, 8 << 20);
    assert_true(stream_pending(end->stream) > 0);
    run_until_idle(end->loop);
    close(STEAL_FD(end->peer));
    run_until(end->loop, &end->is_closed);
    assert_int_equal(stream_pending(end->stream), 0);
    assert_false(end->is_drained);
}

static void
a_paused_stream_offers_nothing_until_it_goes_on(void **state)
{
    AUTO(end) *end = end_new(100);

    (void)state;
    end->unit = 1;
    end->pauses_on_input = true;
    peer_says(end, "abc");
    run_until(end->loop, &end->has_input);
    close(STEAL_FD(end->peer));
    run_until_idle(end->loop);
    assert_taken(end, "a");
    stream_pause(end->stream, false);
    assert_taken(end, "a");
    run_until_idle(end->loop);
    assert_taken(end, "ab");
    assert_false(end->is_closed);
    end->pauses_on_input = false;
    stream_pause(end->stream, false);
    run_until(end->loop, &end->is_closed);
    assert_taken(end, "abc");
}

static void
a_failed_write_waits_for_a_paused_stream(void **state)
{
    AUTO(end) *end = end_new(100);

    (void)state;
    peer_says(end, "abc");
    close(STEAL_FD(end->peer));
    stream_pause(end->stream, true);
    stream_write(end->stream, "x", 1);
    run_until_idle(end->loop);
    assert_false(end->is_closed);
    stream_pause(end->stream, false);
    run_until(end->loop, &end->is_closed);
    assert_taken(end, "abc");
}

static void
the_end_is_noticed_while_paused_where_that_is_wanted(void **state)
{
    struct end *end = end_new(1000);

    (void)state;
    stream_pause(end->stream, true);
    stream_notice_end(end->stream, true);
    assert_int_equal(write(end->peer, "lost", 4), 4);
    run_until_idle(end->loop);
    assert_false(end->is_closed);
    close(STEAL_FD(end->peer));
    run_until(end->loop, &end->is_closed);
    assert_int_equal(end->offers, 0);
    end_free(end);
}

static void
pieces_arrive_in_order_whatever_is_queued(void **state)
{
    struct end *end = end_new(1000);
    static const char letters[] = "abcd";
    struct iovec parts[] = {
        {(void *)(uintptr_t)letters,       2},
        {(void *)(uintptr_t)(letters + 2), 2}
    };
    AUTO_FREE uint8_t *much = xcalloc(1, 1 << 20);
    char got[4];

    (void)state;
    stream_write_parts(end->stream, parts, 2);
    assert_int_equal(read(end->peer, got, sizeof got), 4);
    assert_memory_equal(got, "abcd", 4);
    stream_write(end->stream, much, 1 << 20);
    stream_write_parts(end->stream, parts, 2);
    for (size_t left = 1 << 20; left > 0;) {
        ssize_t size = recv(end->peer, much, left, MSG_DONTWAIT);

        if (size > 0) {
            left -= (size_t)size;
        }
        run_until_idle(end->loop);
    }
    assert_int_equal(read(end->peer, got, sizeof got), 4);
    assert_memory_equal(got, "abcd", 4);
    end_free(end);
}

static void
finishing_ends_the_output_after_what_is_queued(void **state)
{
    struct end *end = end_new(1000);
    AUTO_FREE uint8_t *much = xcalloc(1, 1 << 20);
    size_t total = 0;
    ssize_t got = -1;

    (void)state;
    stream_write(end->stream, much, 1 << 20);
    stream_finish(end->stream);
    while (got != 0) {
        got = recv(end->peer, much, 1 << 20, MSG_DONTWAIT);
        total += got > 0 ? (size_t)got : 0;
        run_until_idle(end->loop);
    }
    assert_int_equal(total, 1 << 20);
    assert_int_equal(write(end->peer, "back", 4), 4);
    run_until(end->loop, &end->has_input);
    end_free(end);
}

/* What came along with 'size' bytes; -1: nothing. */
static int
receive_fd(int socket, char *bytes, size_t size)
{
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
    struct iovec part = {bytes, size};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    int fd = -1;

    assert_int_equal(recvmsg(socket, &message, MSG_WAITALL), size);
    if (CMSG_FIRSTHDR(&message)) {
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    }
    return fd;
}

static void
a_descriptor_goes_with_its_bytes(void **state)
{
    struct end *end = end_new(1000);
    AUTO_FREE uint8_t *much = xcalloc(1, 1 << 20);
    char bytes[4];
    int pipes[2];

    (void)state;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(pipe(pipes), 0);
        if (round == 1) { /* Behind a queue. */
            stream_write(end->stream, much, 1 << 20);
        }
        stream_write_fd(end->stream, "with", 4, pipes[1]);
        stream_write(end->stream, "less", 4);
        for (size_t left = round == 1 ? 1 << 20 : 0; left > 0;) {
            ssize_t size = recv(end->peer, much, left, MSG_DONTWAIT);

            left -= size > 0 ? (size_t)size : 0;
            run_until_idle(end->loop);
        }
        AUTO_CLOSE int fd = receive_fd(end->peer, bytes, 4);
        assert_memory_equal(bytes, "with", 4);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(read(pipes[0], bytes, 1), 1);
        assert_int_equal(receive_fd(end->peer, bytes, 4), -1);
        assert_memory_equal(bytes, "less", 4);
        close(pipes[0]);
    }
    end_free(end);
}

static void
a_terminal_is_a_stream_that_ends_with_its_master(void **state)
{
    static const struct stream_callbacks callbacks = {
        .input = take_input,
        .closed = note_close,
    };
    struct end *end = end_new(1000);
    int terminal = -1;
    struct termios raw = {0};

    (void)state;
    free_stream(end);
    close(STEAL_FD(end->peer));
    cfmakeraw(&raw);
    assert_int_equal(openpty(&end->peer, &terminal, NULL, &raw, NULL), 0);
    end->stream = stream_new(end->loop, terminal, 1000, &callbacks, end);
    assert_int_equal(write(end->peer, "hello", 5), 5);
    run_until(end->loop, &end->has_input);
    assert_memory_equal(end->taken, "hello", 5);
    stream_write(end->stream, "back", 4);
    char got[4];
    assert_int_equal(read(end->peer, got, sizeof got), 4);
    assert_memory_equal(got, "back", 4);
    close(STEAL_FD(end->peer));
    run_until(end->loop, &end->is_closed);
    assert_int_equal(end->why.code, ERROR_NONE);
    end_free(end);
}

static void
a_stream_may_be_freed_in_any_of_its_callbacks(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        AUTO(end) *end = end_new(100);

        end->unit = which == 0 ? 1 : 0;
        end->frees_on_input = which == 0;
        end->frees_on_close = which == 1;
        end->frees_on_drain = which == 2;
        peer_says(end, "abc");
        stream_write(end->stream, "x", 1);
        if (which == 1) {
            close(STEAL_FD(end->peer));
        }
        run_until_idle(end->loop);
        assert_null(end->stream);
        assert_int_equal(end->has_input, which != 2);
        assert_int_equal(end->is_closed, which == 1);
    }
}

static void
a_reset_connection_is_an_error(void **state)
{
    AUTO(end) *end = end_new(100);

    (void)state;
    /* A unix socket that is closed with unread bytes resets the other end. */
    stream_write(end->stream, "unread", 6);
    close(STEAL_FD(end->peer));
    run_until(end->loop, &end->is_closed);
    assert_int_equal(end->why.errnum, ECONNRESET);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_and_the_end_is_told_once),
        cmocka_unit_test(bytes_that_are_left_are_offered_again_with_more),
        cmocka_unit_test(reading_stops_beyond_the_limit),
        cmocka_unit_test(a_message_of_exactly_the_limit_is_completed),
        cmocka_unit_test(a_large_queue_leaves_in_order),
        cmocka_unit_test(drained_is_told_from_the_loop),
        cmocka_unit_test(what_was_said_before_a_broken_pipe_is_still_read),
        cmocka_unit_test(a_peer_that_only_stops_reading_ends_it),
        cmocka_unit_test(a_broken_pipe_with_output_queued_is_told),
        cmocka_unit_test(a_paused_stream_offers_nothing_until_it_goes_on),
        cmocka_unit_test(a_failed_write_waits_for_a_paused_stream),
        cmocka_unit_test(the_end_is_noticed_while_paused_where_that_is_wanted),
        cmocka_unit_test(pieces_arrive_in_order_whatever_is_queued),
        cmocka_unit_test(finishing_ends_the_output_after_what_is_queued),
        cmocka_unit_test(a_descriptor_goes_with_its_bytes),
        cmocka_unit_test(a_terminal_is_a_stream_that_ends_with_its_master),
        cmocka_unit_test(a_stream_may_be_freed_in_any_of_its_callbacks),
        cmocka_unit_test(a_reset_connection_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
