/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A tunnel: what a source's QEMU writes goes through the connection of the two
 * daemons, as a flow beside their calls, to the destination's QEMU.
 *
 *   QEMU --socket--> stream | flow ====== flow | stream --socket--> QEMU
 *            tunnel_send()                 tunnel_receive()
 *
 * Bytes go from socket to flow and from flow to socket at once: no rule, no
 * record and no monitor is asked, and none has to wait for them.  Whoever reads
 * too slowly makes the other end stop: neither daemon queues more than what it
 * has read at once.  A QEMU that takes nothing at all for 'stall_ms' ends the
 * tunnel, since the other daemon can't even be heard meanwhile (rpc/flow.h).
 *
 * That QEMU has closed its socket does not say that it has written all: the
 * source says so, with tunnel_complete(). */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rpc/flow.h"

struct tunnel;

/* Called from the loop; each may free the tunnel.  Each but 'failed' may be
 * NULL. */
struct tunnel_callbacks {
    /* Receiver: the first bytes came. */
    void (*began)(void *owner);
    /* All went through.  Sender: and the other daemon has said so. */
    void (*finished)(void *owner);
    /* It is over; nothing is called after it. */
    void (*failed)(void *owner, const struct error *why);
};

struct tunnel *tunnel_new(struct loop *loop, int64_t stall_ms,
                          const struct tunnel_callbacks *callbacks,
                          void *owner);
void tunnel_free(struct tunnel *tunnel);

/* The sender: */

/* For the request that opens it at the other end, which was just made. */
void tunnel_expect(struct tunnel *tunnel, const struct rpc_pending *pending);
/* Once that was answered: takes 'fd', the other end of which QEMU writes to. */
void tunnel_send(struct tunnel *tunnel, int fd);
/* What QEMU has written until it closed its end is all. */
void tunnel_complete(struct tunnel *tunnel);
bool tunnel_is_finished(const struct tunnel *tunnel);
/* It is not wanted any more; nothing is called back. */
void tunnel_abort(struct tunnel *tunnel, const struct error *why);

/* The receiver: for the call that opens it, before its reply.  Takes 'fd', the
 * other end of which QEMU reads. */
void tunnel_receive(struct tunnel *tunnel, const struct rpc_call *call, int fd);

/* QEMU has loaded all: only then is the sender told that all went through, so
 * that what can't be loaded is known while the guest is still at the source. */
void tunnel_confirm(struct tunnel *tunnel);

/* Both: a socket for a QEMU and one for its tunnel, close-on-exec. */
int tunnel_make_sockets(int *qemu_fd, int *tunnel_fd, struct error *err);
