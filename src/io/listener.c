/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/socket_options.h"

enum {
    BACKLOG = 128,
    /* How long accepting rests where descriptors or memory ran out. */
    REST_MS = 200,
};

struct listener {
    struct loop *loop; /* Borrowed; outlives us. */
    int fd;            /* Owned. */
    struct watch watch;
    struct timer rest;
    void (*accepted)(void *owner, int fd);
    void *owner;      /* Borrowed. */
    char *path;       /* Owned. Of the socket file to remove, or NULL. */
    struct stat file; /* What that file was when we made it. */
};

static int listen_unix(const struct socket_address *address, struct error *err);
static int lock_folder(const char *path);
static int bind_unix(int fd, const struct sockaddr_un *name);
static bool is_alive(const struct sockaddr_un *name);
static int listen_tcp(const struct socket_address *address, struct error *err);
static int listen_any(const struct socket_address *address);
static int listen_named(const struct socket_address *address,
                        const char **failure);
static int listen_on(const struct sockaddr *name, socklen_t size);
static void listener_ready(void *owner, uint32_t events);
static void listener_rested(void *owner);
static void remove_file(const struct listener *listener);

int
socket_listen(const struct socket_address *address, struct error *err)
{
    return address->path ? listen_unix(address, err) : listen_tcp(address, err);
}

struct listener *
listener_new(struct loop *loop, const struct socket_address *address,
             void (*accepted)(void *owner, int fd), void *owner,
             struct error *err)
{
    int fd = socket_listen(address, err);
    struct listener *listener;

    if (fd < 0) {
        return NULL;
    }
    listener = listener_new_from_fd(loop, fd, accepted, owner);
    if (address->path && stat(address->path, &listener->file) == 0) {
        listener->path = xstrdup(address->path);
    }
    return listener;
}

struct listener *
listener_new_from_fd(struct loop *loop, int fd,
                     void (*accepted)(void *owner, int fd), void *owner)
{
    struct listener *listener = xcalloc(1, sizeof *listener);

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    listener->loop = loop;
    listener->fd = fd;
    listener->accepted = accepted;
    listener->owner = owner;
    listener_rested(listener);
    return listener;
}

uint16_t
listener_port(const struct listener *listener)
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;

    if (getsockname(listener->fd, (struct sockaddr *)&name, &size) < 0) {
        return 0;
    }
    if (name.ss_family == AF_INET6) {
        return ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
    }
    if (name.ss_family == AF_INET) {
        return ntohs(((struct sockaddr_in *)&name)->sin_port);
    }
    return 0;
}

void
listener_free(struct listener *listener)
{
    if (!listener) {
        return;
    }
    watch_stop(&listener->watch);
    timer_stop(&listener->rest);
    remove_file(listener);
    close(listener->fd);
    free(listener->path);
    free(listener);
}

static int
listen_unix(const struct socket_address *address, struct error *err)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_CLOSE int lock = -1;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    mode_t mode = address->mode ? address->mode : 0600;

    if (strlen(address->path) >= sizeof name.sun_path) {
        return error_set_errno(err, ENAMETOOLONG, "listening on '%s'",
                               address->path);
    }
    strcpy(name.sun_path, address->path);
    /* Two that start at once must not take each other's socket for stale, in
     * the moment between bind and listen. */
    lock = lock_folder(address->path);
    /* The mode of the socket becomes the file's, less the umask: never is there
     * a moment in which the file is open to more. */
    if (fd < 0 || fchmod(fd, mode) < 0 || bind_unix(fd, &name) < 0 ||
        chmod(address->path, mode) < 0 || listen(fd, BACKLOG) < 0) {
        return error_set_errno(err, errno, "listening on '%s'", address->path);
    }
    return STEAL_FD(fd);
}

/* Until the descriptor is closed; -1 where it can't be had: then it is done
 * without. */
static int
lock_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *folder = slash == path ? xstrdup("/")
                             : slash ? xstrndup(path, (size_t)(slash - path))
                                     : xstrdup(".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        flock(fd, LOCK_EX);
    }
    return fd;
}

static int
bind_unix(int fd, const struct sockaddr_un *name)
{
    struct stat file;

    if (bind(fd, (const struct sockaddr *)name, sizeof *name) == 0) {
        return 0;
    }
    if (errno != EADDRINUSE) {
        return -1;
    }
    if (lstat(name->sun_path, &file) < 0 || !S_ISSOCK(file.st_mode) ||
        is_alive(name)) {
        errno = EADDRINUSE;
        return -1;
    }
    if (unlink(name->sun_path) < 0) {
        return -1;
    }
    return bind(fd, (const struct sockaddr *)name, sizeof *name);
}

/* Only a refusal says that nobody listens; a full queue, or no permission, does
 * not. */
static bool
is_alive(const struct sockaddr_un *name)
{
    AUTO_CLOSE int fd =
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd < 0 ||
           connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 ||
           errno != ECONNREFUSED;
}

static int
listen_tcp(const struct socket_address *address, struct error *err)
{
    const char *failure = NULL;
    int fd =
        address->host ? listen_named(address, &failure) : listen_any(address);

    if (fd < 0) {
        int errnum = errno;
        AUTO_FREE char *text = socket_address_format(address);

        if (failure) {
            return error_set(err, ERROR_SYSTEM, "listening on '%s': %s", text,
                             failure);
        }
        return error_set_errno(err, errnum, "listening on '%s'", text);
    }
    return fd;
}

static int
listen_any(const struct socket_address *address)
{
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(address->port),
        .sin6_addr = IN6ADDR_ANY_INIT,
    };
    struct sockaddr_in four = {
        .sin_family = AF_INET,
        .sin_port = htons(address->port),
        .sin_addr.s_addr = htonl(INADDR_ANY),
    };
    int fd = listen_on((struct sockaddr *)&six, sizeof six);

    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        fd = listen_on((struct sockaddr *)&four, sizeof four);
    }
    return fd;
}

/* The first address that works. */
static int
listen_named(const struct socket_address *address, const char **failure)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    int fd = -1, result, errnum;

    snprintf(port, sizeof port, "%u", address->port);
    result = getaddrinfo(address->host, port, &hints, &found);
    if (result != 0) {
        *failure = gai_strerror(result);
        return -1;
    }
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = listen_on(at->ai_addr, at->ai_addrlen);
    }
    errnum = errno;
    freeaddrinfo(found);
    errno = errnum;
    return fd;
}

static int
listen_on(const struct sockaddr *name, socklen_t size)
{
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)name;
    int on = 1, off = 0;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (name->sa_family == AF_INET6 &&
        IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr)) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, name, size) < 0 || listen(fd, BACKLOG) < 0) {
        int errnum = errno;

        close(fd);
        errno = errnum;
        return -1;
    }
    return fd;
}

/* One at a time: the callback may free us. */
static void
listener_ready(void *owner, uint32_t events)
{
    struct listener *listener = owner;
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd >= 0) {
        socket_set_options(fd);
        listener->accepted(listener->owner, fd);
        return;
    }
    /* Other failures are of that one connection (accept(2)). */
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
        errno == ENOMEM) {
        watch_stop(&listener->watch);
        timer_start(&listener->rest, listener->loop, REST_MS, listener_rested,
                    listener);
    }
}

static void
listener_rested(void *owner)
{
    struct listener *listener = owner;
    AUTO_ERROR err = {0};

    if (watch_start(&listener->watch, listener->loop, listener->fd, EPOLLIN,
                    listener_ready, listener, &err) < 0) {
        timer_start(&listener->rest, listener->loop, REST_MS, listener_rested,
                    listener);
    }
}

/* Not one that somebody else has put in its place. */
static void
remove_file(const struct listener *listener)
{
    struct stat file;

    if (listener->path && stat(listener->path, &file) == 0 &&
        file.st_dev == listener->file.st_dev &&
        file.st_ino == listener->file.st_ino) {
        unlink(listener->path);
    }
}
