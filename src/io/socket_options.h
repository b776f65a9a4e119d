/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every connected socket of ours is set to, accepted or connected. */

#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Messages leave at once: on TCP they would wait for the answer to the one
 * before.  Fails on a unix socket, which does not wait. */
static inline void
socket_set_options(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
