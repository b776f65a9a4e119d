/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets: listening and connecting, over TCP and unix sockets. */

#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "io/loop.h"
#include "io/pool.h"

/* Where to listen or connect. */
struct socket_address {
    char *path;    /* Owned. A unix socket; NULL for TCP. */
    char *host;    /* Owned. Name or address without brackets; NULL: any. */
    uint16_t port; /* 0: any free one (listening only). */
    mode_t mode;   /* Of a listening socket's file; 0: 0600. */
};

/* "ADDR:PORT", "[V6]:PORT", ":PORT" or a path that begins with '/'. */
int socket_address_parse(const char *text, struct socket_address *address,
                         struct error *err);
/* The same text back; for errors and logs.  Caller frees. */
char *socket_address_format(const struct socket_address *address);
void socket_address_done(struct socket_address *address);

/* Makes a listening socket, for a process of ours or for a listener.  A stale
 * unix socket file, which nobody listens on, is replaced; one that somebody
 * listens on is an error (ERROR_SYSTEM, EADDRINUSE), and a file that is no
 * socket is left alone.  TCP without a host listens on IPv6 and IPv4.  Looks a
 * name up in place, so it is for numeric addresses and for the start. */
int socket_listen(const struct socket_address *address, struct error *err);

/* A listening socket of ours, as from socket_listen().  What it accepts is
 * non-blocking and closes on exec. */
struct listener;
struct listener *listener_new(struct loop *loop,
                              const struct socket_address *address,
                              void (*accepted)(void *owner, int fd), /* takes */
                              void *owner, struct error *err);
/* The same for a socket that listens already (socket activation). Takes 'fd' */
struct listener *listener_new_from_fd(struct loop *loop, int fd,
                                      void (*accepted)(void *owner, int fd),
                                      void *owner);
uint16_t listener_port(const struct listener *listener);
/* Closes, and removes the socket file that it made. */
void listener_free(struct listener *listener);

/* A connection in the making.  Tries each address of a name in turn, each for
 * its share of the time that is left.  'pool' looks names up; it may be NULL
 * for unix sockets and numeric addresses. */
struct connect_attempt;
/* Calls 'done' from the loop, once: with a connected socket, which the callee
 * takes, or with -1 and an error.  Freeing the attempt before that is how it is
 * cancelled; it must be freed afterwards, too. */
struct connect_attempt *
socket_connect(struct loop *loop, struct pool *pool,
               const struct socket_address *address, int64_t timeout_ms,
               void (*done)(void *owner, int fd, const struct error *err),
               void *owner);
void connect_attempt_free(struct connect_attempt *attempt);

/* False for a terminal, a file, ... */
bool socket_is_one(int fd);
/* sendmsg(2), without its signal.  'passed' goes along, over a unix socket; -1:
 * none. */
ssize_t socket_send(int fd, const struct iovec *parts, size_t count,
                    int passed);

/* Who is at the other end: "pid 123 uid 0" for a unix socket, "10.0.0.1:4711"
 * for TCP.  Caller frees. */
char *socket_peer_name(int fd);
