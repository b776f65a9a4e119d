/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames: where a message begins and ends in the bytes of a connection, and
 * the header of 28 bytes that each begins with.
 *
 * Only numbers are looked at here.  Whether they make sense together is
 * connection.c's business, what is behind the header is message.c's. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    RPC_HEADER_SIZE = 28,
    /* The largest value of the length word, which counts itself. */
    RPC_FRAME_MAX = 33554436,
};

enum {
    RPC_PROGRAM_REMOTE = 0x20008086,
    RPC_PROGRAM_QEMU = 0x20008087,
    RPC_PROGRAM_OWN = 0x20766d66, /* vmferry's: see message.h. */
    RPC_PROGRAM_KEEPALIVE = 0x6b656570,
    RPC_VERSION = 1, /* Of each of them. */
};

enum rpc_type {
    RPC_CALL = 0,
    RPC_REPLY = 1,
    RPC_MESSAGE = 2,
    RPC_STREAM = 3,
    RPC_CALL_WITH_FDS = 4,
    RPC_REPLY_WITH_FDS = 5,
    RPC_STREAM_HOLE = 6,
};

enum rpc_status {
    RPC_OK = 0,
    RPC_ERROR = 1,
    RPC_CONTINUE = 2,
};

enum rpc_keepalive {
    RPC_PING = 1,
    RPC_PONG = 2,
};

struct rpc_header {
    uint32_t length; /* Of the whole frame, this word included. */
    uint32_t program;
    uint32_t version;
    int32_t procedure;
    int32_t type; /* enum rpc_type, if the peer is honest. */
    uint32_t serial;
    int32_t status; /* enum rpc_status, if the peer is honest. */
};

/* Looks for a frame at the beginning of 'data'.  Sets '*frame_size' to its
 * size, or to 0 where more bytes have to come first.  Fails (ERROR_RPC) where
 * no frame can begin like this; nothing after it can be trusted. */
int rpc_frame_find(const uint8_t *data, size_t size, size_t *frame_size,
                   struct error *err);

void rpc_header_parse(const uint8_t data[RPC_HEADER_SIZE],
                      struct rpc_header *header);
void rpc_header_format(const struct rpc_header *header,
                       uint8_t data[RPC_HEADER_SIZE]);
