/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination of a tunnelled migration: its QEMU reads from a socket of
 * ours, into which the tunnel writes what the source's daemon sends.
 *
 * A socket pair and not a path to connect to: nobody else can come in, nothing
 * is left of it, and it is as fast. */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "ferry/destination.h"
#include "ferry/tunnel.h"

static void tunnel_began(void *owner);
static void tunnel_failed(void *owner, const struct error *why);

bool
destination_is_tunnelled(const struct destination *destination)
{
    return destination->flags & VIR_MIGRATE_TUNNELLED;
}

int
destination_make_tunnel(struct destination *destination, int *qemu_fd,
                        struct error *err)
{
    return tunnel_make_sockets(qemu_fd, &destination->tunnel_fd, err);
}

void
ferry_open_tunnel(struct domain *domain, const struct rpc_call *call)
{
    static const struct tunnel_callbacks callbacks = {
        .began = tunnel_began,
        .failed = tunnel_failed,
    };
    struct destination *destination = destination_find(domain);

    if (destination && destination->tunnel_fd >= 0 && !destination->tunnel) {
        destination->tunnel = tunnel_new(
            domain->host->loop, domain->host->settings.stall_timeout_ms,
            &callbacks, destination);
        tunnel_receive(destination->tunnel, call,
                       STEAL_FD(destination->tunnel_fd));
    }
}

void
destination_confirm_tunnel(struct destination *destination)
{
    if (destination->tunnel) {
        tunnel_confirm(destination->tunnel);
    }
}

void
destination_close_tunnel(struct destination *destination)
{
    struct tunnel *tunnel = STEAL(destination->tunnel);
    AUTO_ERROR why = {0};

    if (tunnel) {
        error_set(&why, ERROR_OPERATION_FAILED, "the incoming guest is gone");
        tunnel_abort(tunnel, &why);
        tunnel_free(tunnel);
    }
}

/* From here on it is the source that knows whether the migration goes on. */
static void
tunnel_began(void *owner)
{
    destination_source_came(owner);
}

/* A client that is gone is heard of by itself. */
static void
tunnel_failed(void *owner, const struct error *why)
{
    struct destination *destination = owner;
    AUTO_ERROR err = {0};

    if (why->code == ERROR_PEER_LOST) {
        return;
    }
    error_set(&err, ERROR_OPERATION_FAILED,
              "job 'migration in' failed: the tunnel broke: %s", why->message);
    destination_fail(destination, &err);
    destination_happened(destination, DESTINATION_EVENT_FAILED);
}
