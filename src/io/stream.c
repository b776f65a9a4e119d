/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "io/socket.h"

enum {
    FIRST_SIZE = 4096,      /* Of the input buffer. */
    LARGEST_READ = 131072,  /* In one round of the loop. */
    LARGEST_IDLE = 65536,   /* What an empty input buffer may keep. */
    CHUNK_SIZE = 65536,     /* Of a piece of queued output, at least. */
    CHUNKS_EACH_ROUND = 16, /* So that one fast reader does not own the loop */
};

/* A piece of the output queue. */
struct chunk {
    struct list link;
    size_t start; /* What is before it has left. */
    size_t end;
    size_t size;
    int fd; /* Owned. To go with the first byte; -1: none. */
    uint8_t data[];
};

struct stream {
    struct loop *loop; /* Borrowed; outlives us. */
    int fd;            /* Owned. */
    bool is_socket;    /* Not a terminal. */
    struct watch watch;
    /* For what is due outside of watch_ready(): offers, news of a failure to
     * write, 'drained'. */
    struct deferral later;
    struct stream_callbacks callbacks;
    void *owner; /* Borrowed. */

    uint8_t *input; /* Owned. Bytes 'input_start' to 'input_end' are untaken. */
    size_t input_start;
    size_t input_end;
    size_t input_size;
    size_t input_limit;
    size_t read_size; /* Grows while reads find as much, up to LARGEST_READ. */

    struct list output; /* Of struct chunk, owned. */
    size_t pending;
    uint64_t sent; /* All told. */

    struct error write_error; /* Set: no more output. */
    bool is_paused;
    bool notices_end;  /* Also while it is paused. */
    bool is_finished;  /* No more output is written. */
    bool is_closed;    /* 'closed' was called. */
    bool is_drain_due; /* Something was written since 'drained'. */
    bool is_offer_due; /* Untaken bytes are to be offered again. */
    unsigned depth;    /* Callbacks under way. */
    bool is_freed;     /* stream_free() was called inside of one. */
};

static void stream_ready(void *owner, uint32_t events);
static void stream_later(void *owner);
static void finish_reading(struct stream *stream);
static bool may_read(const struct stream *stream);
static bool is_over(const struct stream *stream);
static ssize_t read_some(struct stream *stream);
static void make_room(struct stream *stream);
static void offer(struct stream *stream);
static void write_parts(struct stream *stream, const struct iovec *parts,
                        size_t count, int fd);
static void queue(struct stream *stream, const uint8_t *bytes, size_t size,
                  int fd);
static void flush(struct stream *stream);
static size_t send_some(struct stream *stream, const struct iovec *parts,
                        size_t count, int fd);
static void finish_output(struct stream *stream);
static void drained(struct stream *stream);
static void close_stream(struct stream *stream, const struct error *why);
static void drop_output(struct stream *stream);
static void enter(struct stream *stream);
static void leave(struct stream *stream);
static uint32_t wanted_events(const struct stream *stream);
static void destroy(struct stream *stream);
static void do_later(struct stream *stream);

struct stream *
stream_new(struct loop *loop, int fd, size_t input_limit,
           const struct stream_callbacks *callbacks, void *owner)
{
    struct stream *stream = xcalloc(1, sizeof *stream);
    int flags = fcntl(fd, F_GETFL);

    assert(flags >= 0);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    stream->loop = loop;
    stream->fd = fd;
    stream->is_socket = socket_is_one(fd);
    stream->input_limit = input_limit;
    stream->read_size = FIRST_SIZE;
    stream->callbacks = *callbacks;
    stream->owner = owner;
    list_init(&stream->output);
    /* Should the kernel refuse, it is told as a failure to write, later. */
    if (watch_start(&stream->watch, loop, fd, EPOLLIN, stream_ready, stream,
                    &stream->write_error) < 0) {
        do_later(stream);
    }
    return stream;
}

void
stream_free(struct stream *stream)
{
    if (!stream) {
        return;
    }
    assert(!stream->is_freed);
    stream->is_freed = true;
    watch_stop(&stream->watch);
    deferral_cancel(&stream->later);
    close(STEAL_FD(stream->fd));
    drop_output(stream);
    if (stream->depth == 0) {
        destroy(stream);
    }
}

void
stream_write(struct stream *stream, const void *data, size_t size)
{
    struct iovec part = {(void *)(uintptr_t)data, size};

    write_parts(stream, &part, 1, -1);
}

void
stream_write_parts(struct stream *stream, const struct iovec *parts,
                   size_t count)
{
    write_parts(stream, parts, count, -1);
}

void
stream_write_fd(struct stream *stream, const void *data, size_t size, int fd)
{
    struct iovec part = {(void *)(uintptr_t)data, size};

    assert(size > 0);
    write_parts(stream, &part, 1, fd);
}

void
stream_finish(struct stream *stream)
{
    stream->is_finished = true;
    finish_output(stream);
}

size_t
stream_pending(const struct stream *stream)
{
    return stream->pending;
}

uint64_t
stream_sent(const struct stream *stream)
{
    return stream->sent;
}

void
stream_pause(struct stream *stream, bool is_paused)
{
    if (is_over(stream) || stream->is_paused == is_paused) {
        return;
    }
    stream->is_paused = is_paused;
    if (!is_paused) {
        stream->is_offer_due = true;
        do_later(stream);
    }
    watch_set_events(&stream->watch, wanted_events(stream));
}

void
stream_notice_end(struct stream *stream, bool is_noticed)
{
    if (is_over(stream) || stream->notices_end == is_noticed) {
        return;
    }
    stream->notices_end = is_noticed;
    watch_set_events(&stream->watch, wanted_events(stream));
}

int
stream_fd(const struct stream *stream)
{
    return stream->fd;
}

static void
stream_ready(void *owner, uint32_t events)
{
    struct stream *stream = owner;
    ssize_t got;

    enter(stream);
    if (stream->pending > 0 && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        flush(stream);
    }
    if (stream->is_paused && stream->notices_end &&
        (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
        close_stream(stream, NULL);
    } else if ((events & ~(uint32_t)EPOLLOUT) && may_read(stream)) {
        got = read_some(stream);
        if (got > 0) {
            offer(stream);
        } else if (got == 0 || (errno == EIO && !stream->is_socket)) {
            close_stream(stream, NULL); /* EIO: nobody has the terminal. */
        } else if (errno != EAGAIN) {
            AUTO_ERROR err = {0};

            error_set_errno(&err, errno, "reading from the connection");
            close_stream(stream, &err);
        }
    }
    leave(stream);
}

static void
stream_later(void *owner)
{
    struct stream *stream = owner;

    enter(stream);
    if (stream->is_offer_due && !stream->is_paused) {
        offer(stream);
    }
    if (error_is_set(&stream->write_error)) {
        finish_reading(stream);
    }
    drained(stream);
    leave(stream);
}

/* Writing failed.  What the other end said before it went is still to be read:
 * it may be the answer to everything. */
static void
finish_reading(struct stream *stream)
{
    if (is_over(stream) || stream->is_paused) {
        return;
    }
    if (may_read(stream) && read_some(stream) > 0) {
        offer(stream);
        if (!is_over(stream)) {
            do_later(stream);
        }
        return;
    }
    close_stream(stream, &stream->write_error);
}

static bool
may_read(const struct stream *stream)
{
    return !is_over(stream) && !stream->is_paused &&
           stream->input_end - stream->input_start <= stream->input_limit;
}

static bool
is_over(const struct stream *stream)
{
    return stream->is_freed || stream->is_closed;
}

/* As read(2). */
static ssize_t
read_some(struct stream *stream)
{
    size_t room;
    ssize_t got;

    make_room(stream);
    room = stream->input_size - stream->input_end;
    do {
        got = read(stream->fd, stream->input + stream->input_end,
                   room < LARGEST_READ ? room : LARGEST_READ);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        stream->input_end += (size_t)got;
        if ((size_t)got >= stream->read_size) {
            stream->read_size = LARGEST_READ;
        } else if ((size_t)got < FIRST_SIZE) {
            stream->read_size = FIRST_SIZE;
        }
    }
    return got;
}

/* Once half of the room is used up: for a read, and for as much again as there
 * are untaken bytes, so that long messages need few moves. */
static void
make_room(struct stream *stream)
{
    size_t untaken = stream->input_end - stream->input_start;
    size_t wanted = untaken < stream->read_size ? stream->read_size : untaken;

    if (stream->input_size - stream->input_end > stream->read_size / 2) {
        return;
    }
    if (untaken > 0) {
        memmove(stream->input, stream->input + stream->input_start, untaken);
    }
    stream->input_start = 0;
    stream->input_end = untaken;
    if (stream->input_size - untaken < wanted) {
        stream->input_size = untaken + wanted;
        stream->input = xrealloc(stream->input, stream->input_size, 1);
    }
}

static void
offer(struct stream *stream)
{
    size_t taken = 1;

    stream->is_offer_due = false;
    while (taken > 0 && stream->input_end > stream->input_start &&
           !is_over(stream) && !stream->is_paused) {
        size_t untaken = stream->input_end - stream->input_start;

        taken = stream->callbacks.input(
            stream->owner, stream->input + stream->input_start, untaken);
        assert(taken <= untaken);
        stream->input_start += taken;
    }
    if (stream->input_start == stream->input_end) {
        stream->input_start = stream->input_end = 0;
        if (stream->input_size > LARGEST_IDLE &&
            stream->read_size == FIRST_SIZE) {
            free(STEAL(stream->input));
            stream->input_size = 0;
        }
    }
}

/* Takes 'fd'. */
static void
write_parts(struct stream *stream, const struct iovec *parts, size_t count,
            int fd_taken)
{
    AUTO_CLOSE int fd = fd_taken;
    size_t sent = 0;
    bool was_pending = stream->pending > 0;

    if (is_over(stream) || error_is_set(&stream->write_error)) {
        return;
    }
    assert(!stream->is_finished);
    stream->is_drain_due = true;
    if (!was_pending) {
        /* Most output fits into the socket: it need not be copied, nor wait. */
        sent = send_some(stream, parts, count, fd);
        if (sent > 0) {
            close_ref(&fd);
            fd = -1;
        }
    }
    for (size_t i = 0; i < count && !error_is_set(&stream->write_error); i++) {
        size_t part = parts[i].iov_len < sent ? parts[i].iov_len : sent;

        sent -= part;
        if (part < parts[i].iov_len) {
            queue(stream, (const uint8_t *)parts[i].iov_base + part,
                  parts[i].iov_len - part, STEAL_FD(fd));
        }
    }
    if (stream->pending > 0 && !was_pending) {
        watch_set_events(&stream->watch, wanted_events(stream));
    } else if (stream->pending == 0 && stream->callbacks.drained) {
        do_later(stream);
    }
}

/* Adds to the end of the output queue.  Takes 'fd'. */
static void
queue(struct stream *stream, const uint8_t *bytes, size_t size, int fd)
{
    struct chunk *chunk;

    stream->pending += size;
    if (!list_is_empty(&stream->output) && fd < 0) {
        chunk = container_of(stream->output.prev, struct chunk, link);
        size_t room = chunk->size - chunk->end;
        size_t part = room < size ? room : size;

        memcpy(chunk->data + chunk->end, bytes, part);
        chunk->end += part;
        bytes += part;
        size -= part;
    }
    if (size > 0) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

        chunk = xrealloc(NULL, 1, sizeof *chunk + room);
        chunk->start = 0;
        chunk->end = size;
        chunk->size = room;
        chunk->fd = fd;
        memcpy(chunk->data, bytes, size);
        list_add(&stream->output, &chunk->link);
    }
}

/* Gives the kernel what it takes of the queue.  Calls nobody. */
static void
flush(struct stream *stream)
{
    int chunks = 0;

    LIST_FOR_EACH (link, &stream->output) {
        struct chunk *chunk = container_of(link, struct chunk, link);
        struct iovec part = {chunk->data + chunk->start,
                             chunk->end - chunk->start};
        size_t sent = send_some(stream, &part, 1, chunk->fd);

        if (error_is_set(&stream->write_error)) {
            return;
        }
        stream->pending -= sent;
        chunk->start += sent;
        if (sent > 0) {
            close_ref(&chunk->fd);
            chunk->fd = -1;
        }
        if (chunk->start < chunk->end) {
            return;
        }
        list_remove(&chunk->link);
        free(chunk);
        if (++chunks == CHUNKS_EACH_ROUND) {
            break;
        }
    }
    finish_output(stream);
    if (stream->pending == 0 && stream->callbacks.drained) {
        do_later(stream);
    }
}

/* How much the kernel took.  On failure the rest of the output is dropped; the
 * owner hears of it later. */
static size_t
send_some(struct stream *stream, const struct iovec *parts, size_t count,
          int fd)
{
    ssize_t sent = stream->is_socket ? socket_send(stream->fd, parts, count, fd)
                                     : writev(stream->fd, parts, (int)count);

    if (sent >= 0) {
        stream->sent += (uint64_t)sent;
        return (size_t)sent;
    }
    if (errno != EAGAIN && errno != EINTR) {
        error_set_errno(&stream->write_error, errno,
                        "writing to the connection");
        drop_output(stream);
        do_later(stream);
    }
    return 0;
}

/* A terminal has no such end; where the other end is gone, it needs none. */
static void
finish_output(struct stream *stream)
{
    if (stream->is_finished && stream->pending == 0 && !is_over(stream)) {
        shutdown(stream->fd, SHUT_WR);
    }
}

static void
drained(struct stream *stream)
{
    if (stream->is_drain_due && stream->pending == 0 && !is_over(stream) &&
        !error_is_set(&stream->write_error)) {
        stream->is_drain_due = false;
        if (stream->callbacks.drained) {
            stream->callbacks.drained(stream->owner);
        }
    }
}

static void
close_stream(struct stream *stream, const struct error *why)
{
    stream->is_closed = true;
    watch_stop(&stream->watch);
    deferral_cancel(&stream->later);
    drop_output(stream);
    stream->callbacks.closed(stream->owner, why);
}

static void
drop_output(struct stream *stream)
{
    LIST_FOR_EACH (link, &stream->output) {
        struct chunk *chunk = container_of(link, struct chunk, link);

        list_remove(link);
        close_ref(&chunk->fd);
        free(chunk);
    }
    stream->pending = 0;
}

/* Around everything that may call the owner, who may call stream_free(). */
static void
enter(struct stream *stream)
{
    stream->depth++;
}

static void
leave(struct stream *stream)
{
    stream->depth--;
    if (is_over(stream)) {
        if (stream->is_freed && stream->depth == 0) {
            destroy(stream);
        }
        return;
    }
    watch_set_events(&stream->watch, wanted_events(stream));
}

static uint32_t
wanted_events(const struct stream *stream)
{
    uint32_t events = stream->pending > 0 ? EPOLLOUT : 0;

    if (stream->is_paused && stream->notices_end) {
        events |= EPOLLRDHUP;
    }
    /* After a failure to write finish_reading() does the rest. */
    if (may_read(stream) && !error_is_set(&stream->write_error)) {
        events |= EPOLLIN;
    }
    return events;
}

static void
destroy(struct stream *stream)
{
    error_clear(&stream->write_error);
    free(stream->input);
    free(stream);
}

static void
do_later(struct stream *stream)
{
    deferral_schedule(&stream->later, stream->loop, stream_later, stream);
}
