/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/frame.h"

#include <arpa/inet.h>
#include <string.h>

static uint32_t get_word(const uint8_t *data, unsigned index);
static void put_word(uint8_t *data, unsigned index, uint32_t word);

int
rpc_frame_find(const uint8_t *data, size_t size, size_t *frame_size,
               struct error *err)
{
    uint32_t length;

    if (size < sizeof(length)) {
        *frame_size = 0;
        return 0;
    }
    length = get_word(data, 0);
    if (length < RPC_HEADER_SIZE) {
        return error_set_from(err, ERROR_FROM_RPC, ERROR_RPC,
                              "a message of %u bytes is shorter than a header",
                              length);
    }
    if (length > RPC_FRAME_MAX) {
        return error_set_from(err, ERROR_FROM_RPC, ERROR_RPC,
                              "a message of %u bytes is longer than %d", length,
                              RPC_FRAME_MAX);
    }
    *frame_size = size < length ? 0 : length;
    return 0;
}

void
rpc_header_parse(const uint8_t data[RPC_HEADER_SIZE], struct rpc_header *header)
{
    *header = (struct rpc_header){
        .length = get_word(data, 0),
        .program = get_word(data, 1),
        .version = get_word(data, 2),
        .procedure = (int32_t)get_word(data, 3),
        .type = (int32_t)get_word(data, 4),
        .serial = get_word(data, 5),
        .status = (int32_t)get_word(data, 6),
    };
}

void
rpc_header_format(const struct rpc_header *header,
                  uint8_t data[RPC_HEADER_SIZE])
{
    put_word(data, 0, header->length);
    put_word(data, 1, header->program);
    put_word(data, 2, header->version);
    put_word(data, 3, (uint32_t)header->procedure);
    put_word(data, 4, (uint32_t)header->type);
    put_word(data, 5, header->serial);
    put_word(data, 6, (uint32_t)header->status);
}

static uint32_t
get_word(const uint8_t *data, unsigned index)
{
    uint32_t word;

    memcpy(&word, data + index * sizeof(word), sizeof(word));
    return ntohl(word);
}

static void
put_word(uint8_t *data, unsigned index, uint32_t word)
{
    word = htonl(word);
    memcpy(data + index * sizeof(word), &word, sizeof(word));
}
