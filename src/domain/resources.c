/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "domain/resources.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

enum { VNC_PORT_FIRST = 5900, VNC_PORT_LAST = 65535 };

static int check_images(const struct guest *guest, struct error *err);
static bool is_taken_by_guest(const struct host *host, int port);
static bool is_free(const char *address, int port);

int
domain_take_resources(struct domain *domain, struct error *err)
{
    if (check_images(domain->live, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < domain->live->graphics.count; i++) {
        struct guest_graphics *display = domain->live->graphics.items[i];
        const char *address = display->listen ? display->listen : "127.0.0.1";
        int port = VNC_PORT_FIRST;

        if (display->type != GUEST_GRAPHICS_TYPE_VNC ||
            display->autoport != GUEST_SWITCH_ON) {
            continue;
        }
        display->port = -1;
        while (port <= VNC_PORT_LAST &&
               (is_taken_by_guest(domain->host, port) ||
                !is_free(address, port))) {
            port++;
        }
        if (port > VNC_PORT_LAST) {
            return error_set(err, ERROR_INTERNAL,
                             "no free port for the VNC display of domain '%s'",
                             domain->name);
        }
        display->port = port;
    }
    return 0;
}

/* QEMU would say so too, with its whole -blockdev around it. */
static int
check_images(const struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        const char *path = guest->disks.items[i]->path;

        if (path && access(path, R_OK) < 0) {
            error_set_errno(err, errno, "Cannot access storage file '%s'",
                            path);
            err->origin = ERROR_FROM_STORAGE;
            return -1;
        }
    }
    return 0;
}

static bool
is_taken_by_guest(const struct host *host, int port)
{
    LIST_FOR_EACH (link, &host->domains) {
        const struct domain *domain = container_of(link, struct domain, link);

        if (!domain->live) {
            continue;
        }
        for (size_t i = 0; i < domain->live->graphics.count; i++) {
            if (domain->live->graphics.items[i]->port == port) {
                return true;
            }
        }
    }
    return false;
}

static bool
is_free(const char *address, int port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port)};
    bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
    AUTO_CLOSE int fd =
        socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) != 1) {
        v4.sin_addr.s_addr = htonl(INADDR_ANY);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return fd >= 0 &&
           (is_v6 ? bind(fd, (struct sockaddr *)&v6, sizeof v6)
                  : bind(fd, (struct sockaddr *)&v4, sizeof v4)) == 0;
}
