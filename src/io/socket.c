/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/memory.h"
#include "base/text.h"

static int parse_path(const char *text, struct socket_address *address,
                      struct error *err);
static char *peer_of_unix(int fd);
static char *peer_of_tcp(const struct sockaddr *name, socklen_t size);

int
socket_address_parse(const char *text, struct socket_address *address,
                     struct error *err)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t length;
    uint64_t port;

    if (*text == '/') {
        return parse_path(text, address, err);
    }
    if (!colon || !parse_u64(colon + 1, UINT16_MAX, &port)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "address '%s' does not end with ':PORT'", text);
    }
    length = (size_t)(colon - text);
    if (length > 0 && text[0] == '[') {
        if (length < 3 || colon[-1] != ']') {
            return error_set(err, ERROR_INVALID_ARG,
                             "address '%s' is not '[ADDRESS]:PORT'", text);
        }
        host++;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "IPv6 address in '%s' needs brackets", text);
    }
    if (memchr(host, '[', length) || memchr(host, ']', length)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "address '%s' has brackets in its name", text);
    }
    *address = (struct socket_address){
        .host = length > 0 ? xstrndup(host, length) : NULL,
        .port = (uint16_t)port,
    };
    return 0;
}

char *
socket_address_format(const struct socket_address *address)
{
    if (address->path) {
        return xstrdup(address->path);
    }
    if (!address->host) {
        return xasprintf(":%u", address->port);
    }
    if (strchr(address->host, ':')) {
        return xasprintf("[%s]:%u", address->host, address->port);
    }
    return xasprintf("%s:%u", address->host, address->port);
}

void
socket_address_done(struct socket_address *address)
{
    free(address->path);
    free(address->host);
    *address = (struct socket_address){0};
}

bool
socket_is_one(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

ssize_t
socket_send(int fd, const struct iovec *parts, size_t count, int passed)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {0};
    struct msghdr message = {
        .msg_iov = (struct iovec *)(uintptr_t)parts,
        .msg_iovlen = count,
    };

    if (passed >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control.bytes;
        *CMSG_FIRSTHDR(&message) = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof passed),
            .cmsg_level = SOL_SOCKET,
            .cmsg_type = SCM_RIGHTS,
        };
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &passed, sizeof passed);
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

char *
socket_peer_name(int fd)
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;

    if (getpeername(fd, (struct sockaddr *)&name, &size) < 0) {
        return xstrdup("unknown");
    }
    if (name.ss_family == AF_UNIX) {
        return peer_of_unix(fd);
    }
    return peer_of_tcp((struct sockaddr *)&name, size);
}

static int
parse_path(const char *text, struct socket_address *address, struct error *err)
{
    size_t length = strlen(text);
    struct sockaddr_un name;

    if (length >= sizeof name.sun_path) {
        return error_set(err, ERROR_INVALID_ARG,
                         "path '%s' is too long for a socket (%zu bytes)", text,
                         length);
    }
    *address = (struct socket_address){.path = xstrdup(text)};
    return 0;
}

static char *
peer_of_unix(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return xstrdup("unknown");
    }
    return xasprintf("pid %d uid %u", (int)peer.pid, (unsigned)peer.uid);
}

static char *
peer_of_tcp(const struct sockaddr *name, socklen_t size)
{
    static const char mapped[] = "::ffff:";
    char host[NI_MAXHOST], port[NI_MAXSERV];
    const char *start = host;

    if (getnameinfo(name, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return xstrdup("unknown");
    }
    /* IPv4 through a socket that listens on both. */
    if (has_prefix(host, mapped) && strchr(host, '.')) {
        start += strlen(mapped);
    }
    return strchr(start, ':') ? xasprintf("[%s]:%s", start, port)
                              : xasprintf("%s:%s", start, port);
}
