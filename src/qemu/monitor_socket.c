/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/monitor_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

/* Connections that wait to be accepted: ours and, after a restart, its
 * successors, since QEMU accepts one at a time. */
enum { BACKLOG = 16 };

static int open_socket(const char *path, struct sockaddr_un *address,
                       struct error *err);

int
monitor_socket_listen(const char *path, struct error *err)
{
    struct sockaddr_un address;
    AUTO_CLOSE int fd = open_socket(path, &address, err);

    if (fd < 0) {
        return -1;
    }
    /* The mode of a socket becomes that of its file; no moment between. */
    if (fchmod(fd, 0600) < 0 || (unlink(path) < 0 && errno != ENOENT) ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, BACKLOG) < 0) {
        return error_set_errno(err, errno,
                               "making the socket of QEMU's monitor %s", path);
    }
    return STEAL_FD(fd);
}

int
monitor_socket_connect(const char *path, struct error *err)
{
    struct sockaddr_un address;
    AUTO_CLOSE int fd = open_socket(path, &address, err);

    if (fd < 0) {
        return -1;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        return error_set_errno(err, errno, "connecting to QEMU's monitor %s",
                               path);
    }
    return STEAL_FD(fd);
}

static int
open_socket(const char *path, struct sockaddr_un *address, struct error *err)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(address->sun_path)) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "the path of a monitor's socket is longer than %zu "
                         "characters: %s",
                         sizeof(address->sun_path) - 1, path);
    }
    strcpy(address->sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return error_set_errno(err, errno, "opening a socket");
    }
    return fd;
}
