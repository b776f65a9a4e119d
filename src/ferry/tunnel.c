/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/tunnel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "io/stream.h"

enum { INPUT_LIMIT = 256 << 10 }; /* Read ahead from a source's QEMU. */

struct tunnel {
    struct loop *loop; /* Borrowed; outlives us. */
    struct tunnel_callbacks callbacks;
    void *owner; /* Borrowed. */
    int64_t stall_ms;
    struct rpc_flow *flow; /* Owned. */
    struct stream *stream; /* Owned. NULL before it is there and once closed. */
    struct timer stall;    /* While QEMU has to take what came. */
    uint64_t taken;        /* By QEMU, when that began. */
    bool has_begun;
    bool is_ended;       /* The giver (QEMU, or the flow) has no more. */
    bool is_complete;    /* And that is all; receiver: QEMU has loaded it. */
    bool is_finish_sent; /* Sender. */
    bool is_finished;
    bool has_failed;
};

static size_t source_wrote(void *owner, const uint8_t *data, size_t size);
static void source_closed(void *owner, const struct error *why);
static void finish_sending(struct tunnel *tunnel);
static void peer_confirmed(void *owner);
static void peer_failed(void *owner, const struct error *why);
static void peer_has_room(void *owner);
static void peer_sent(void *owner, const uint8_t *data, size_t size);
static void peer_finished(void *owner);
static size_t ignore_input(void *owner, const uint8_t *data, size_t size);
static void destination_closed(void *owner, const struct error *why);
static void destination_took_all(void *owner);
static void watch_destination(struct tunnel *tunnel);
static void destination_hangs(void *owner);
static void finish_receiving(struct tunnel *tunnel);
static void give_up(struct tunnel *tunnel, const char *text);
static void fail(struct tunnel *tunnel, const struct error *why);

struct tunnel *
tunnel_new(struct loop *loop, int64_t stall_ms,
           const struct tunnel_callbacks *callbacks, void *owner)
{
    struct tunnel *tunnel = xcalloc(1, sizeof *tunnel);

    tunnel->loop = loop;
    tunnel->stall_ms = stall_ms;
    tunnel->callbacks = *callbacks;
    tunnel->owner = owner;
    return tunnel;
}

void
tunnel_free(struct tunnel *tunnel)
{
    if (tunnel) {
        timer_stop(&tunnel->stall);
        stream_free(tunnel->stream);
        rpc_flow_free(tunnel->flow);
        free(tunnel);
    }
}

int
tunnel_make_sockets(int *qemu_fd, int *tunnel_fd, struct error *err)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        return error_set_errno(err, errno, "making a tunnel for QEMU");
    }
    *qemu_fd = fds[0];
    *tunnel_fd = fds[1];
    return 0;
}

/* --------------------------------------------------------------- sending */

void
tunnel_expect(struct tunnel *tunnel, const struct rpc_pending *pending)
{
    static const struct rpc_flow_callbacks callbacks = {
        .finished = peer_confirmed,
        .failed = peer_failed,
        .drained = peer_has_room,
    };

    assert(!tunnel->flow);
    tunnel->flow = rpc_flow_expect(pending, &callbacks, tunnel);
}

void
tunnel_send(struct tunnel *tunnel, int fd)
{
    static const struct stream_callbacks callbacks = {
        .input = source_wrote,
        .closed = source_closed,
    };

    assert(tunnel->flow && !tunnel->stream);
    tunnel->stream =
        stream_new(tunnel->loop, fd, INPUT_LIMIT, &callbacks, tunnel);
    if (tunnel->has_failed) {
        stream_free(STEAL(tunnel->stream)); /* QEMU will fail, too. */
    }
}

void
tunnel_complete(struct tunnel *tunnel)
{
    tunnel->is_complete = true;
    finish_sending(tunnel);
}

bool
tunnel_is_finished(const struct tunnel *tunnel)
{
    return tunnel->is_finished;
}

void
tunnel_abort(struct tunnel *tunnel, const struct error *why)
{
    if (tunnel->flow && !tunnel->is_finished) {
        rpc_flow_abort(tunnel->flow, why);
    }
    tunnel->has_failed = true;
    timer_stop(&tunnel->stall);
    stream_free(STEAL(tunnel->stream));
}

static size_t
source_wrote(void *owner, const uint8_t *data, size_t size)
{
    struct tunnel *tunnel = owner;

    if (rpc_flow_is_full(tunnel->flow)) {
        stream_pause(tunnel->stream, true);
        return 0;
    }
    rpc_flow_send(tunnel->flow, data, size);
    return size;
}

static void
source_closed(void *owner, const struct error *why)
{
    struct tunnel *tunnel = owner;

    (void)why; /* QEMU's own word counts. */
    stream_free(STEAL(tunnel->stream));
    tunnel->is_ended = true;
    finish_sending(tunnel);
}

static void
finish_sending(struct tunnel *tunnel)
{
    if (tunnel->is_ended && tunnel->is_complete && !tunnel->is_finish_sent) {
        tunnel->is_finish_sent = true;
        rpc_flow_finish(tunnel->flow);
    }
}

static void
peer_confirmed(void *owner)
{
    struct tunnel *tunnel = owner;

    if (!tunnel->is_finish_sent) {
        give_up(tunnel, "the destination ended the tunnel too early");
        return;
    }
    tunnel->is_finished = true;
    if (tunnel->callbacks.finished) {
        tunnel->callbacks.finished(tunnel->owner);
    }
}

static void
peer_has_room(void *owner)
{
    struct tunnel *tunnel = owner;

    if (tunnel->stream) {
        stream_pause(tunnel->stream, false);
    }
}

static void
peer_failed(void *owner, const struct error *why)
{
    struct tunnel *tunnel = owner;

    if (!tunnel->is_finished) {
        fail(tunnel, why);
    }
}

/* ------------------------------------------------------------- receiving */

void
tunnel_receive(struct tunnel *tunnel, const struct rpc_call *call, int fd)
{
    static const struct rpc_flow_callbacks flow_callbacks = {
        .data = peer_sent,
        .finished = peer_finished,
        .failed = peer_failed,
    };
    static const struct stream_callbacks stream_callbacks = {
        .input = ignore_input,
        .closed = destination_closed,
        .drained = destination_took_all,
    };

    assert(!tunnel->flow && !tunnel->stream);
    tunnel->flow = rpc_flow_new(call, &flow_callbacks, tunnel);
    tunnel->stream =
        stream_new(tunnel->loop, fd, INPUT_LIMIT, &stream_callbacks, tunnel);
}

void
tunnel_confirm(struct tunnel *tunnel)
{
    tunnel->is_complete = true;
    finish_receiving(tunnel);
}

static void
peer_sent(void *owner, const uint8_t *data, size_t size)
{
    struct tunnel *tunnel = owner;

    if (!tunnel->stream) {
        give_up(tunnel, "QEMU takes no more of the migration");
        return;
    }
    stream_write(tunnel->stream, data, size);
    if (stream_pending(tunnel->stream) > 0) {
        rpc_flow_hold(tunnel->flow, true);
        watch_destination(tunnel);
    }
    if (!tunnel->has_begun) {
        tunnel->has_begun = true;
        if (tunnel->callbacks.began) {
            tunnel->callbacks.began(tunnel->owner);
        }
    }
}

static void
peer_finished(void *owner)
{
    struct tunnel *tunnel = owner;

    tunnel->is_ended = true;
    if (!tunnel->stream || stream_pending(tunnel->stream) == 0) {
        destination_took_all(tunnel);
    }
}

static size_t
ignore_input(void *owner, const uint8_t *data, size_t size)
{
    (void)owner;
    (void)data;
    return size;
}

/* It does so once it has loaded all, too: before the end of the flow comes. */
static void
destination_closed(void *owner, const struct error *why)
{
    struct tunnel *tunnel = owner;
    bool has_all = stream_pending(tunnel->stream) == 0 && !why;

    stream_free(STEAL(tunnel->stream));
    timer_stop(&tunnel->stall);
    if (tunnel->flow) {
        rpc_flow_hold(tunnel->flow, false);
    }
    if (!has_all) {
        give_up(tunnel, "QEMU has closed the tunnel");
    }
}

static void
destination_took_all(void *owner)
{
    struct tunnel *tunnel = owner;

    timer_stop(&tunnel->stall);
    rpc_flow_hold(tunnel->flow, false);
    if (tunnel->is_ended && tunnel->stream) {
        stream_finish(tunnel->stream);
    }
    finish_receiving(tunnel);
}

static void
finish_receiving(struct tunnel *tunnel)
{
    bool is_passed_on = !tunnel->stream || stream_pending(tunnel->stream) == 0;

    if (tunnel->is_ended && is_passed_on && tunnel->is_complete &&
        !tunnel->is_finished && !tunnel->has_failed) {
        tunnel->is_finished = true;
        rpc_flow_finish(tunnel->flow);
        if (tunnel->callbacks.finished) {
            tunnel->callbacks.finished(tunnel->owner);
        }
    }
}

static void
watch_destination(struct tunnel *tunnel)
{
    tunnel->taken = stream_sent(tunnel->stream);
    timer_start(&tunnel->stall, tunnel->loop, tunnel->stall_ms,
                destination_hangs, tunnel);
}

static void
destination_hangs(void *owner)
{
    struct tunnel *tunnel = owner;

    if (tunnel->stream && stream_sent(tunnel->stream) != tunnel->taken) {
        watch_destination(tunnel);
        return;
    }
    give_up(tunnel, "QEMU has taken nothing of the migration for too long");
}

static void
give_up(struct tunnel *tunnel, const char *text)
{
    AUTO_ERROR why = {0};

    error_set(&why, ERROR_OPERATION_FAILED, "%s", text);
    if (!tunnel->is_finished) {
        rpc_flow_abort(tunnel->flow, &why);
        fail(tunnel, &why);
    }
}

static void
fail(struct tunnel *tunnel, const struct error *why)
{
    if (tunnel->has_failed) {
        return;
    }
    tunnel->has_failed = true;
    timer_stop(&tunnel->stall);
    stream_free(STEAL(tunnel->stream));
    tunnel->callbacks.failed(tunnel->owner, why);
}
