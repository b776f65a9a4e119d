/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the data of a migration goes: libvirt's migrate_uri, as a user writes
 * it, as Prepare answers it, and as each QEMU is told.
 *
 *   tcp:host[:port]      the old form, without slashes
 *   tcp://host[:port]
 *   tcp://[v6]:port      (both forms)
 *   unix:path, unix:///path
 *
 * Pure: nothing is resolved or bound.  Called by ferry/. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum migration_transport {
    MIGRATION_TRANSPORT_TCP,
    MIGRATION_TRANSPORT_UNIX,
};

/* libvirt's range of ports for incoming migrations. */
enum { MIGRATION_PORT_FIRST = 49152, MIGRATION_PORT_LAST = 49215 };

/* The longest name of a host, and of a UNIX socket (sun_path). */
enum { MIGRATION_HOST_MAX = 255, MIGRATION_PATH_MAX = 107 };

/* {0} is an empty one. */
struct migration_uri {
    enum migration_transport transport;
    char *host;       /* Owned.  TCP only; an IPv6 address has no brackets. */
    uint16_t port;    /* 0 where none was given. */
    char *path;       /* Owned.  UNIX only. */
    bool has_slashes; /* It was well-formed: "tcp://". */
};

/* No scheme or host: INVALID_ARG; other schemes: ARGUMENT_UNSUPPORTED.  'uri'
 * must be empty, and is on failure. */
int migration_uri_parse(const char *text, struct migration_uri *uri,
                        struct error *err);
/* What Prepare answers where the user gave none: TCP to this host.  Fails
 * (INTERNAL) where the host's name is "localhost" or the like. */
int migration_uri_for_host(const char *hostname, uint16_t port,
                           struct migration_uri *uri, struct error *err);
/* The text for a client or peer, in the form in which it was given.  Caller
 * frees. */
char *migration_uri_format(const struct migration_uri *uri);

/* For QEMU's migrate-incoming, with 'port' (0: the URI's own).
 * 'listen_address' may be NULL: all addresses, of IPv6 too where the host has
 * it.  Caller frees. */
char *migration_uri_listen(const struct migration_uri *uri, uint16_t port,
                           const char *listen_address, bool has_ipv6);
/* For QEMU's migrate.  Caller frees. */
char *migration_uri_connect(const struct migration_uri *uri);

/* Whether it may stand where QEMU expects a host or an address: nothing that
 * QEMU could take for an option. */
bool migration_host_is_valid(const char *host);

void migration_uri_done(struct migration_uri *uri);

#define AUTO_MIGRATION_URI                                                     \
    __attribute__((cleanup(migration_uri_done))) struct migration_uri
