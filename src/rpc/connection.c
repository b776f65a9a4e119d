/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/connection.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/failpoint.h"
#include "rpc/connection_private.h"

static size_t stream_input(void *owner, const uint8_t *data, size_t size);
static void stream_closed(void *owner, const struct error *why);
static void stream_drained(void *owner);
static bool wants_input(const struct rpc_connection *connection);
static void receive(struct rpc_connection *connection, const uint8_t *frame);
static void receive_by_type(struct rpc_connection *connection,
                            const struct rpc_header *header,
                            const uint8_t *payload);
static void do_later(void *owner);
static void finish_timeout(void *owner);
static void fail_flows(struct rpc_connection *connection, const char *text);
static void close_if_finished(struct rpc_connection *connection);
static void trace(const char *direction, const struct rpc_header *header);
static void pass_failpoint(const struct rpc_header *header, bool is_sent);

static const struct stream_callbacks stream_callbacks = {
    .input = stream_input,
    .closed = stream_closed,
    .drained = stream_drained,
};

struct rpc_connection *
rpc_connection_new(struct loop *loop, int fd,
                   const struct rpc_callbacks *callbacks, void *owner)
{
    struct rpc_connection *connection = xcalloc(1, sizeof(*connection));

    connection->loop = loop;
    connection->calls_max = RPC_CALLS_MAX;
    list_init(&connection->calls);
    list_init(&connection->pending);
    list_init(&connection->refused);
    list_init(&connection->flows);
    rpc_connection_set_owner(connection, callbacks, owner);
    connection->stream =
        stream_new(loop, fd, RPC_FRAME_MAX, &stream_callbacks, connection);
    return connection;
}

void
rpc_connection_free(struct rpc_connection *connection)
{
    if (!connection) {
        return;
    }
    assert(!connection->is_freed);
    connection->is_freed = true;
    fail_flows(connection, "the connection is closed");
    rpc_detach_calls(connection);
    rpc_drop_requests(connection);
    timer_stop(&connection->keepalive);
    timer_stop(&connection->finish);
    deferral_cancel(&connection->later);
    stream_free(STEAL(connection->stream));
    error_clear(&connection->close_why);
    if (connection->depth == 0) {
        free(connection);
    }
}

void
rpc_connection_set_owner(struct rpc_connection *connection,
                         const struct rpc_callbacks *callbacks, void *owner)
{
    connection->callbacks = *callbacks;
    connection->owner = owner;
}

bool
rpc_connection_is_open(const struct rpc_connection *connection)
{
    return connection->stream && !connection->is_finishing &&
           !error_is_set(&connection->close_why);
}

int
rpc_connection_fd(const struct rpc_connection *connection)
{
    return connection->stream ? stream_fd(connection->stream) : -1;
}

void
rpc_connection_finish(struct rpc_connection *connection)
{
    if (!rpc_connection_is_open(connection)) {
        return;
    }
    connection->is_finishing = true;
    timer_stop(&connection->keepalive);
    timer_start(&connection->finish, connection->loop, RPC_FINISH_MS,
                finish_timeout, connection);
    rpc_update_pause(connection);
    rpc_later(connection);
}

void
rpc_enter(struct rpc_connection *connection)
{
    connection->depth++;
}

void
rpc_leave(struct rpc_connection *connection)
{
    connection->depth--;
    if (connection->depth == 0 && connection->is_freed) {
        free(connection);
    }
}

void
rpc_close(struct rpc_connection *connection, const struct error *why)
{
    AUTO_ERROR lost = {0};

    if (!connection->stream) {
        return;
    }
    stream_free(STEAL(connection->stream));
    timer_stop(&connection->keepalive);
    timer_stop(&connection->finish);
    error_set_from(&lost, ERROR_FROM_REMOTE, ERROR_PEER_LOST, "%s",
                   why ? why->message : "the other end closed the connection");
    rpc_enter(connection);
    rpc_fail_flows(connection, &lost);
    rpc_fail_requests(connection, &connection->refused, NULL);
    rpc_fail_requests(connection, &connection->pending, &lost);
    if (!connection->is_freed) {
        connection->callbacks.closed(connection->owner, why);
    }
    rpc_leave(connection);
}

void
rpc_close_broken(struct rpc_connection *connection, const char *format, ...)
{
    AUTO_ERROR why = {0};
    AUTO_FREE char *text = NULL;
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    error_set_from(&why, ERROR_FROM_RPC, ERROR_RPC, "%s", text);
    rpc_close(connection, &why);
}

void
rpc_close_later(struct rpc_connection *connection, enum error_code code,
                const char *text)
{
    if (!connection->stream || error_is_set(&connection->close_why)) {
        return;
    }
    error_set_from(&connection->close_why, ERROR_FROM_RPC, code, "%s", text);
    rpc_later(connection);
}

int
rpc_send(struct rpc_connection *connection, const struct rpc_header *header,
         const struct rpc_coder *coder, const void *value, struct error *err)
{
    AUTO_MESSAGE message = {0};

    if (rpc_message_format(&message, header, coder, value, err) < 0) {
        return -1;
    }
    if (connection->stream) {
        trace("->", header);
        stream_write(connection->stream, message.data, message.size);
        pass_failpoint(header, true);
        rpc_update_pause(connection);
    }
    return 0;
}

void
rpc_send_bytes(struct rpc_connection *connection, struct rpc_header *header,
               const uint8_t *data, size_t size)
{
    uint8_t head[RPC_HEADER_SIZE];
    struct iovec parts[] = {
        {head,                    sizeof head},
        {(void *)(uintptr_t)data, size       }
    };

    if (connection->stream) {
        header->length = (uint32_t)(sizeof head + size);
        rpc_header_format(header, head);
        trace("->", header);
        stream_write_parts(connection->stream, parts, size ? 2 : 1);
        rpc_update_pause(connection);
    }
}

void
rpc_update_pause(struct rpc_connection *connection)
{
    bool is_paused = false;

    if (!connection->stream) {
        return;
    }
    /* Only a server may stop for want of a reader: if both ends did, neither
     * would ever go on. */
    if (connection->callbacks.called) {
        is_paused = connection->call_count >= connection->calls_max ||
                    stream_pending(connection->stream) > RPC_OUTPUT_PAUSE;
    }
    is_paused = is_paused || connection->held > 0;
    connection->is_paused = is_paused && !connection->is_finishing;
    stream_pause(connection->stream, connection->is_paused);
    /* A client that is gone while it is not listened to is gone: its calls are
     * nobody's, and what waits for its end must not wait for ever. */
    stream_notice_end(connection->stream, connection->is_paused);
}

void
rpc_later(struct rpc_connection *connection)
{
    deferral_schedule(&connection->later, connection->loop, do_later,
                      connection);
}

static size_t
stream_input(void *owner, const uint8_t *data, size_t size)
{
    struct rpc_connection *connection = owner;
    size_t used = 0;

    if (connection->is_finishing || error_is_set(&connection->close_why)) {
        return size;
    }
    rpc_enter(connection);
    while (wants_input(connection)) {
        AUTO_ERROR err = {0};
        size_t frame_size = 0;

        if (rpc_frame_find(data + used, size - used, &frame_size, &err) < 0) {
            rpc_close(connection, &err);
            break;
        }
        if (frame_size == 0) {
            break;
        }
        receive(connection, data + used);
        used += frame_size;
    }
    connection->partial = size - used;
    rpc_leave(connection);
    return used;
}

static void
stream_closed(void *owner, const struct error *why)
{
    struct rpc_connection *connection = owner;

    if (!why && connection->partial > 0 && !connection->is_paused &&
        !connection->is_finishing) {
        AUTO_ERROR err = {0};

        error_set_from(&err, ERROR_FROM_RPC, ERROR_PEER_LOST,
                       "the connection ended in the middle of a message");
        rpc_close(connection, &err);
        return;
    }
    rpc_close(connection, why);
}

static void
stream_drained(void *owner)
{
    struct rpc_connection *connection = owner;

    rpc_update_pause(connection);
    rpc_enter(connection);
    rpc_flows_drained(connection);
    if (!connection->is_freed) {
        close_if_finished(connection);
    }
    rpc_leave(connection);
}

static bool
wants_input(const struct rpc_connection *connection)
{
    return !connection->is_freed && !connection->is_paused &&
           rpc_connection_is_open(connection);
}

static void
receive(struct rpc_connection *connection, const uint8_t *frame)
{
    struct rpc_header header;

    rpc_header_parse(frame, &header);
    trace("<-", &header);
    pass_failpoint(&header, false);
    rpc_keepalive_reset(connection);
    receive_by_type(connection, &header, frame + RPC_HEADER_SIZE);
}

static void
receive_by_type(struct rpc_connection *connection,
                const struct rpc_header *header, const uint8_t *payload)
{
    switch (header->type) {
    case RPC_CALL:
        rpc_receive_call(connection, header, payload);
        return;
    case RPC_REPLY:
        rpc_receive_reply(connection, header, payload);
        return;
    case RPC_MESSAGE:
        if (header->program == RPC_PROGRAM_KEEPALIVE) {
            rpc_receive_keepalive(connection, header);
        } else {
            rpc_receive_event(connection, header, payload);
        }
        return;
    case RPC_STREAM:
    case RPC_STREAM_HOLE:
        rpc_receive_flow(connection, header, payload);
        return;
    default:
        /* File descriptors come with bytes that no length counts: nothing
         * after such a message can be trusted here. */
        rpc_close_broken(connection, "a message of the unexpected type %d",
                         header->type);
    }
}

static void
do_later(void *owner)
{
    struct rpc_connection *connection = owner;

    rpc_enter(connection);
    rpc_fail_requests(connection, &connection->refused, NULL);
    if (!connection->is_freed && error_is_set(&connection->close_why)) {
        AUTO_ERROR why = {0};

        error_move(&why, &connection->close_why);
        rpc_close(connection, &why);
    }
    close_if_finished(connection);
    rpc_leave(connection);
}

static void
finish_timeout(void *owner)
{
    struct rpc_connection *connection = owner;

    rpc_close(connection, NULL);
}

static void
fail_flows(struct rpc_connection *connection, const char *text)
{
    AUTO_ERROR why = {0};

    error_set_from(&why, ERROR_FROM_REMOTE, ERROR_PEER_LOST, "%s", text);
    rpc_fail_flows(connection, &why);
}

static void
close_if_finished(struct rpc_connection *connection)
{
    if (connection->is_finishing && connection->stream &&
        stream_pending(connection->stream) == 0) {
        rpc_close(connection, NULL);
    }
}

static void
trace(const char *direction, const struct rpc_header *header)
{
    static const char *const types[] = {
        "CALL",          "REPLY",          "MESSAGE",    "STREAM",
        "CALL_WITH_FDS", "REPLY_WITH_FDS", "STREAM_HOLE"};
    bool is_known = header->type >= 0 && header->type < (int)ARRAY_COUNT(types);
    const struct rpc_procedure *procedure = rpc_procedure_of(header);

    if (log_has_trace(LOG_TOPIC_rpc)) {
        log_trace(LOG_TOPIC_rpc, "%s %s prog=0x%08x %d=%s ser=%u st=%d",
                  direction, is_known ? types[header->type] : "?",
                  header->program, header->procedure,
                  procedure ? procedure->name : "?", header->serial,
                  header->status);
    }
}

static void
pass_failpoint(const struct rpc_header *header, bool is_sent)
{
    const struct rpc_procedure *procedure = rpc_procedure_of(header);

    if (!procedure) {
        return;
    }
    if (header->type == RPC_CALL) {
        failpoint("%s/%s", is_sent ? "peer/sent" : "rpc/received",
                  procedure->name);
    } else if (header->type == RPC_REPLY) {
        failpoint("%s/%s", is_sent ? "rpc/replied" : "peer/replied",
                  procedure->name);
    }
}
