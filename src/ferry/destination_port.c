/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where an incoming QEMU listens, and what the source is told about it. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "ferry/destination.h"

static bool is_promised(const struct host *host, uint16_t port,
                        const struct destination *except);
static bool is_address(const char *text);
static bool has_ipv6(void);
static bool is_free(uint16_t port);

int
destination_choose_port(struct destination *destination, struct error *err)
{
    struct host *host = destination->domain->host;
    unsigned first = host->settings.migration_port_first;
    unsigned count = host->settings.migration_port_last - first + 1U;

    if (destination->uri.transport == MIGRATION_TRANSPORT_UNIX ||
        destination->uri.port) {
        if (destination->ports_tried++ > 0) {
            return error_set(err, ERROR_INTERNAL, "it was tried already");
        }
        destination->port = destination->uri.port;
        return 0;
    }
    /* Round and round, so that a late source of an earlier migration does not
     * find a new listener where it was told to go. */
    while (destination->ports_tried++ < count) {
        unsigned last = host->last_port < first ? first - 1 : host->last_port;
        uint16_t port = (uint16_t)(first + (last + 1 - first) % count);

        host->last_port = port;
        if (!is_promised(host, port, destination) && is_free(port)) {
            destination->port = port;
            return 0;
        }
    }
    return error_set(err, ERROR_INTERNAL,
                     "Unable to find an unused port in range 'migration'"
                     " (%u-%u)",
                     first, first + count - 1);
}

char *
destination_listen_uri(const struct destination *destination)
{
    const struct host_settings *settings = &destination->domain->host->settings;
    const char *address = destination->listen_address;

    if (!address && settings->migration_address &&
        is_address(settings->migration_address)) {
        address = settings->migration_address;
    }
    return migration_uri_listen(&destination->uri, destination->port, address,
                                has_ipv6());
}

int
destination_answer_uri(const struct destination *destination, char **text,
                       struct error *err)
{
    const struct host_settings *settings = &destination->domain->host->settings;
    AUTO_MIGRATION_URI uri = {0};

    *text = NULL;
    if (destination_is_tunnelled(destination)) {
        return 0;
    }
    if (!destination->has_uri) {
        const char *name = settings->migration_address
                               ? settings->migration_address
                               : settings->name;

        if (migration_uri_for_host(name, destination->port, &uri, err) < 0) {
            return -1;
        }
        *text = migration_uri_format(&uri);
    } else if (destination->uri.transport == MIGRATION_TRANSPORT_TCP &&
               !destination->uri.port) {
        uri = destination->uri; /* Borrowed but for the port. */
        uri.port = destination->port;
        *text = migration_uri_format(&uri);
        uri = (struct migration_uri){0};
    }
    return 0;
}

static bool
is_promised(const struct host *host, uint16_t port,
            const struct destination *except)
{
    LIST_FOR_EACH (link, &host->domains) {
        const struct domain *domain = container_of(link, struct domain, link);
        const struct destination *other = destination_find(domain);

        if (other && other != except && other->port == port) {
            return true;
        }
    }
    return false;
}

static bool
is_address(const char *text)
{
    struct in6_addr address;

    return inet_pton(AF_INET, text, &address) == 1 ||
           inet_pton(AF_INET6, text, &address) == 1;
}

static bool
has_ipv6(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    AUTO_CLOSE int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
}

/* Spares QEMU the ports that somebody else has; the one that is free now may
 * be taken when QEMU binds it, and then the next is tried. */
static bool
is_free(uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
}
