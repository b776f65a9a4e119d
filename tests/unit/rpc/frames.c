/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"

enum { PATIENCE_MS = 10000 };

static void
add_word(struct rpc_message *message, uint32_t word)
{
    word = htonl(word);
    message->data = xrealloc(message->data, message->size + sizeof(word), 1);
    memcpy(message->data + message->size, &word, sizeof(word));
    message->size += sizeof(word);
}

struct rpc_message
golden(const char *name)
{
    AUTO_FREE char *path = xasprintf("%s/%s.hex", GOLDEN_FOLDER, name);
    FILE *file = fopen(path, "re");
    struct rpc_message message = {0};
    char line[256];

    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        char *at = line;
        unsigned word;
        int used;

        while (line[0] != '#' && sscanf(at, "%8x%n", &word, &used) == 1) {
            add_word(&message, word);
            at += used;
        }
    }
    fclose(file);
    return message;
}

struct rpc_message
frame_of(const uint32_t *words, size_t count)
{
    struct rpc_message message = {0};

    add_word(&message, (uint32_t)(count * sizeof(*words)));
    for (size_t i = 1; i < count; i++) {
        add_word(&message, words[i]);
    }
    return message;
}

struct rpc_message
message_of(enum remote_procedure procedure, enum rpc_type type, uint32_t serial,
           const void *value)
{
    const struct rpc_procedure *row = rpc_procedure_find(procedure);
    struct rpc_header header = {
        .type = (int32_t)type,
        .serial = serial,
    };
    struct rpc_message message = {0};
    AUTO_ERROR err = {0};

    rpc_header_set_procedure(&header, procedure);
    assert_int_equal(rpc_message_format(
                         &message, &header,
                         type == RPC_REPLY ? row->ret : row->args, value, &err),
                     0);
    return message;
}

void
run_until(struct loop *loop, const bool *is_true)
{
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};

    while (!*is_true) {
        assert_true(monotonic_ms() < deadline);
        assert_int_equal(loop_step(loop, 100, &err), 0);
    }
}

void
run_all(struct loop *loop)
{
    AUTO_ERROR err = {0};

    for (int i = 0; i < 50; i++) {
        assert_int_equal(loop_step(loop, 0, &err), 0);
    }
}

size_t
read_from(struct loop *loop, int fd, uint8_t *data, size_t size)
{
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};
    size_t have = 0;

    while (have < size) {
        ssize_t got = recv(fd, data + have, size - have, MSG_DONTWAIT);

        if (got > 0) {
            have += (size_t)got;
        } else if (got == 0 || errno != EAGAIN) {
            break;
        } else {
            assert_true(monotonic_ms() < deadline);
            assert_int_equal(loop_step(loop, 10, &err), 0);
        }
    }
    return have;
}

bool
is_closed_by_peer(struct loop *loop, int fd)
{
    uint8_t byte;

    return read_from(loop, fd, &byte, 1) == 0;
}
