/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connection URIs: qemu+tcp://host:port/system,
 * qemu+unix:///system?socket=/path and their like.  Takes them apart; client.h
 * connects. */

#pragma once

#include <stdint.h>

#include "base/error.h"
#include "io/socket.h"

enum rpc_transport {
    RPC_TRANSPORT_UNIX,
    RPC_TRANSPORT_TCP,
};

enum { RPC_PORT_TCP = 16509 };

struct rpc_uri {
    char *scheme; /* Owned. "qemu", without the transport. */
    enum rpc_transport transport;
    /* Owned. Complete: where the URI names no socket, it is the one of
     * vmferryd, or of libvirtd for the scheme "qemu", the user's own for
     * /session. */
    struct socket_address address;
    /* Owned. What CONNECT_OPEN says: the URI without transport, host and those
     * query parameters that are the client's business. */
    char *name;
};

/* Fills 'uri', which must be empty ({0}).  ERROR_INVALID_ARG says what is wrong
 * and where; ERROR_NO_SUPPORT a transport that we don't have. */
int rpc_uri_parse(const char *text, struct rpc_uri *uri, struct error *err);
void rpc_uri_done(struct rpc_uri *uri);
#define AUTO_RPC_URI __attribute__((cleanup(rpc_uri_done))) struct rpc_uri
