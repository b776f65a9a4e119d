/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/connection.h"

#include "base/clock.h"
#include "rpc/connection_private.h"

static void tick(void *owner);
static void send_keepalive(struct rpc_connection *connection,
                           enum rpc_keepalive procedure);
static void give_up(struct rpc_connection *connection);

void
rpc_keepalive_start(struct rpc_connection *connection, int interval_s,
                    unsigned count)
{
    rpc_keepalive_start_ms(connection, (int64_t)interval_s * 1000, count);
}

void
rpc_keepalive_start_ms(struct rpc_connection *connection, int64_t interval_ms,
                       unsigned count)
{
    if (interval_ms <= 0 || !rpc_connection_is_open(connection)) {
        timer_stop(&connection->keepalive);
        return;
    }
    connection->interval_ms = interval_ms;
    connection->ping_max = count;
    connection->ping_count = 0;
    connection->received_ms = monotonic_ms();
    timer_start(&connection->keepalive, connection->loop, interval_ms, tick,
                connection);
}

void
rpc_keepalive_reset(struct rpc_connection *connection)
{
    if (timer_is_running(&connection->keepalive)) {
        connection->received_ms = monotonic_ms();
        connection->ping_count = 0;
    }
}

void
rpc_receive_keepalive(struct rpc_connection *connection,
                      const struct rpc_header *header)
{
    if (header->version == RPC_VERSION && header->procedure == RPC_PING &&
        stream_pending(connection->stream) <= RPC_OUTPUT_PONG) {
        send_keepalive(connection, RPC_PONG);
    }
}

static void
tick(void *owner)
{
    struct rpc_connection *connection = owner;
    int64_t now = monotonic_ms();
    int64_t idle;

    /* What the other end says while we don't listen is no silence; and where
     * it asks whether we are alive, this is the answer. */
    if (connection->is_paused) {
        connection->received_ms = now;
        if (stream_pending(connection->stream) <= RPC_OUTPUT_PONG) {
            send_keepalive(connection, RPC_PONG);
        }
    }
    idle = now - connection->received_ms;
    if (idle < connection->interval_ms) {
        timer_start(&connection->keepalive, connection->loop,
                    connection->interval_ms - idle, tick, connection);
        return;
    }
    if (connection->ping_count >= connection->ping_max) {
        give_up(connection);
        return;
    }
    connection->ping_count++;
    send_keepalive(connection, RPC_PING);
    timer_start(&connection->keepalive, connection->loop,
                connection->interval_ms, tick, connection);
}

static void
send_keepalive(struct rpc_connection *connection, enum rpc_keepalive procedure)
{
    struct rpc_header header = {
        .program = RPC_PROGRAM_KEEPALIVE,
        .version = RPC_VERSION,
        .procedure = (int32_t)procedure,
        .type = RPC_MESSAGE,
    };
    AUTO_ERROR err = {0};

    /* Without a payload nothing can fail. */
    rpc_send(connection, &header, &rpc_nothing_coder, NULL, &err);
}

static void
give_up(struct rpc_connection *connection)
{
    AUTO_ERROR why = {0};

    error_set_from(&why, ERROR_FROM_RPC, ERROR_PEER_LOST,
                   "no answer to %u keepalive messages",
                   connection->ping_count);
    rpc_close(connection, &why);
}
