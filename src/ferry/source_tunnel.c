/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source of a tunnelled migration: its QEMU writes into a socket of ours,
 * and the tunnel of the peer-to-peer migration takes it from there.
 *
 * Such a QEMU says "completed" when the last byte is in the socket.  For the
 * rules it has completed once the other daemon has it all, too: Finish comes
 * after that. */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "ferry/peer.h"
#include "ferry/source.h"
#include "ferry/tunnel.h"

static const char fd_name[] = "migrate";

static struct tunnel *find_tunnel(const struct source *source);
static void tunnel_finished(void *owner);
static void tunnel_failed(void *owner, const struct error *why);

struct tunnel *
source_tunnel_new(struct domain *domain)
{
    static const struct tunnel_callbacks callbacks = {
        .finished = tunnel_finished,
        .failed = tunnel_failed,
    };

    return tunnel_new(domain->host->loop,
                      domain->host->settings.stall_timeout_ms, &callbacks,
                      domain);
}

bool
source_is_tunnelled(const struct source *source)
{
    return source->flags & VIR_MIGRATE_TUNNELLED;
}

int
source_enter_tunnel(struct source *source, qmp_done *done, struct error *err)
{
    struct qmp_session *monitor = qemu_process_monitor(source->domain->qemu);
    struct tunnel *tunnel = find_tunnel(source);
    int qemu_fd;
    int tunnel_fd;

    if (!tunnel || !monitor) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "the tunnel for domain '%s' is not there",
                         source->domain->name);
    }
    if (tunnel_make_sockets(&qemu_fd, &tunnel_fd, err) < 0) {
        return -1;
    }
    source->has_completed = false;
    tunnel_send(tunnel, tunnel_fd);
    qmp_getfd(monitor, fd_name, qemu_fd, done, source);
    qmp_migrate(monitor, "fd:migrate", done, source);
    return 0;
}

bool
source_leave_tunnel(struct source *source)
{
    struct tunnel *tunnel = find_tunnel(source);

    if (!tunnel || tunnel_is_finished(tunnel)) {
        return true;
    }
    source->has_completed = true;
    tunnel_complete(tunnel);
    return false;
}

void
source_break_tunnel(struct source *source)
{
    struct tunnel *tunnel = find_tunnel(source);
    AUTO_ERROR why = {0};

    if (tunnel && source_is_tunnelled(source)) {
        error_set(&why, ERROR_OPERATION_ABORTED,
                  "the source has given the migration up");
        source->has_completed = false;
        tunnel_abort(tunnel, &why);
    }
}

static struct tunnel *
find_tunnel(const struct source *source)
{
    const struct peer *peer = peer_find(source->domain);

    return peer ? peer->there.tunnel : NULL;
}

static void
tunnel_finished(void *owner)
{
    struct source *source = source_find(owner);

    if (source && source->has_completed) {
        source_happened(source, SOURCE_EVENT_COMPLETED);
    }
}

/* That the connection is lost is heard by the coordinator, too, which says what
 * becomes of the migration. */
static void
tunnel_failed(void *owner, const struct error *why)
{
    struct source *source = source_find(owner);
    AUTO_ERROR err = {0};

    if (!source || why->code == ERROR_PEER_LOST) {
        return;
    }
    error_set(&err, ERROR_OPERATION_FAILED,
              "job 'migration out' failed: the tunnel broke: %s", why->message);
    source_fail(source, &err);
    source_happened(source, SOURCE_EVENT_FAILED);
}
