/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connected socket, or a terminal, as two queues of bytes.  Never blocks. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "io/loop.h"

struct stream;

struct stream_callbacks {
    /* Bytes have come; returns how many were taken.  What is left stays, and is
     * offered again: at once after some were taken, otherwise with what comes
     * next.  May call stream_free(); 'data' stays valid until it returns. */
    size_t (*input)(void *owner, const uint8_t *data, size_t size);
    /* The other end closed ('why' is NULL) or the socket failed.  Everything
     * that arrived before was offered, also where it was writing that failed.
     * Nothing is called after it; the stream still has to be freed. */
    void (*closed)(void *owner, const struct error *why);
    /* All queued output has left; never from within stream_write().  May be
     * NULL. */
    void (*drained)(void *owner);
};

/* Takes 'fd', a connected stream socket or a terminal, and makes it
 * non-blocking.  Reading stops while more than 'input_limit' bytes are left
 * untaken; a message that can't be taken because it is larger is its owner's to
 * refuse. */
struct stream *stream_new(struct loop *loop, int fd, size_t input_limit,
                          const struct stream_callbacks *callbacks,
                          void *owner);
/* Closes.  What was queued and is not sent is lost. */
void stream_free(struct stream *stream);
/* Queues a copy.  After the end it does nothing. */
void stream_write(struct stream *stream, const void *data, size_t size);
/* The same for a few pieces, one after the other. */
void stream_write_parts(struct stream *stream, const struct iovec *parts,
                        size_t count);
/* The same; 'fd' (taken) is passed to the other end along with the first byte.
 * Only on a unix socket. */
void stream_write_fd(struct stream *stream, const void *data, size_t size,
                     int fd);
/* Says that nothing more is written, once all of it has left: the other end
 * reads an end of file, and may still write. */
void stream_finish(struct stream *stream);
/* Bytes queued and not yet given to the kernel. */
size_t stream_pending(const struct stream *stream);
/* Bytes that the kernel has taken, all told: whether the other end reads. */
uint64_t stream_sent(const struct stream *stream);
/* Stops and starts input: flow control towards the other end.  What was left
 * untaken is offered again (from the loop, not from here) when it starts.
 * While it is stopped, the end of the connection is not noticed either. */
void stream_pause(struct stream *stream, bool is_paused);
/* Has the end of the connection noticed also while input is stopped; what came
 * before it is lost then. */
void stream_notice_end(struct stream *stream, bool is_noticed);
int stream_fd(const struct stream *stream);
