/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The migration cookie: what the two sides of a migration tell each other
 * through the client, which passes it on unread.
 *
 * An XML document (root qemu-migration) followed by one NUL byte, which is
 * counted.  The four header elements are mandatory and checked; each further
 * section is read only by the calls that have a use for it, and written where
 * the struct says so.  cookie.c has the table of sections, each section's own
 * grammar is in cookie_<name>.c.
 *
 * What comes in is hostile: size, depth, counts and numbers are bounded, there
 * are no entities and no DTD.  Called by ferry/. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "migrate/flags.h"
#include "migrate/statistics.h"

/* Bit positions and feature names are libvirt's. */
#define MIGRATION_COOKIE_SECTIONS(X)                                           \
    X(GRAPHICS, 0, "graphics")                                                 \
    X(LOCKSTATE, 1, "lockstate")                                               \
    X(PERSISTENT, 2, "persistent")                                             \
    X(NETWORK, 3, "network")                                                   \
    X(NBD, 4, "nbd")                                                           \
    X(STATISTICS, 5, "statistics")                                             \
    X(MEMORY_HOTPLUG, 6, "memory-hotplug")                                     \
    X(CPU_HOTPLUG, 7, "cpu-hotplug")                                           \
    X(CPU, 8, "cpu")                                                           \
    X(ALLOW_REBOOT, 9, "allowReboot")                                          \
    X(CAPABILITIES, 10, "capabilities")                                        \
    X(BITMAPS, 11, "block-dirty-bitmaps")

#define X(name, bit, text) COOKIE_##name = 1u << (bit),
enum migration_cookie_section {
    MIGRATION_COOKIE_SECTIONS(X)
    /* Ours, which others ignore: never announced as a feature. */
    COOKIE_SEEN_CPU = 1u << 31,
    COOKIE_HANDOVER = 1u << 30,
};
#undef X

enum {
    MIGRATION_COOKIE_MAX_SIZE = 4 << 20, /* As on the wire. */
    MIGRATION_COOKIE_MAX_ITEMS = 4096,   /* In any list. */
};

struct cookie_graphics {
    char *type; /* Owned, as all strings here.  "spice". */
    int32_t port;
    int32_t tls_port; /* -1 for none. */
    char *listen;
    char *tls_subject; /* May be NULL. */
};

struct cookie_lockstate {
    char *driver; /* NULL: the feature was announced without data. */
    char *leases;
};

struct cookie_interface {
    uint32_t index; /* Position of the NIC in the XML, from 0. */
    char *port_type;
    char *port_data; /* May be NULL. */
};

struct cookie_network {
    struct cookie_interface *items;
    size_t count, capacity;
};

struct cookie_nbd_disk {
    char *target; /* "vda" */
    uint64_t capacity;
};

struct cookie_nbd {
    uint16_t port; /* 0: not said. */
    struct cookie_nbd_disk *items;
    size_t count, capacity;
};

struct cookie_capability {
    char *name;   /* QEMU's name; unknown ones are kept. */
    bool is_auto; /* The sender will switch it on by itself. */
};

struct cookie_capabilities {
    struct cookie_capability *items;
    size_t count, capacity;
};

struct cookie_bitmap {
    char *disk; /* "vda"; bitmaps of one disk follow each other. */
    char *name;
    char *alias; /* In the stream: "libvirt-vda-bm0". */
};

struct cookie_bitmaps {
    struct cookie_bitmap *items;
    size_t count, capacity;
};

/* Between two of ours.  Begin's and Prepare's: "I keep tokens, and know this
 * migration by that number"; Perform's: the token itself. */
struct cookie_handover {
    struct uuid id;
    bool has_token;
    bool comes_back; /* Begin's: the source itself drives it, and goes on with
                      * it after a lost connection. */
    char *uri;       /* Where the sender's daemon can be asked; may be NULL. */
};

/* {0} is an empty cookie. */
struct migration_cookie {
    /* Was read from, or is to be written to, a cookie of more than 0 bytes. */
    bool is_present;
    /* The header.  'name' is the domain's original name, in both directions,
     * whatever the destination calls it. */
    char *name;
    struct uuid uuid;
    char *hostname;
    struct uuid host_uuid;

    unsigned features; /* COOKIE_* that the reader must understand. */
    unsigned sections; /* COOKIE_* whose data is here. */

    struct cookie_graphics graphics;
    struct cookie_lockstate lockstate;
    char *persistent; /* The whole domain XML, under the source's name. */
    struct cookie_network network;
    struct cookie_nbd nbd;
    struct migration_statistics statistics;
    char *cpu; /* The cpu element, fully expanded, as XML. */
    struct cookie_capabilities capabilities;
    struct cookie_bitmaps bitmaps;
    char *seen_cpu; /* As guest/seen_cpu.h writes it. */
    struct cookie_handover handover;
};

/* What a reader knows about itself, and what it can use. */
struct migration_cookie_reader {
    unsigned accepts; /* COOKIE_*, for instance migration_cookie_accepts(). */
    const char *name; /* The domain's original name. */
    const struct uuid *uuid;
    const struct uuid *host_uuid; /* Its own: the cookie's must differ. */
};

/* What libvirt's side of that call reads. */
unsigned migration_cookie_accepts(enum migration_call call);

/* Reads a cookie; 0 bytes are "none", and no error: is_present is false.
 * Malformed and refused ones are INTERNAL with libvirt's texts, what is not
 * XML is XML.  'cookie' must be empty, and is on failure. */
int migration_cookie_parse(struct migration_cookie *cookie, const char *bytes,
                           size_t size,
                           const struct migration_cookie_reader *reader,
                           struct error *err);

/* Writes the header, the features and the sections that are set.  '*size'
 * counts the NUL at the end.  Caller frees. */
char *migration_cookie_format(const struct migration_cookie *cookie,
                              size_t *size);

/* Starts a cookie of one's own: header only. */
void migration_cookie_init(struct migration_cookie *cookie, const char *name,
                           const struct uuid *uuid, const char *hostname,
                           const struct uuid *host_uuid);
void migration_cookie_add_capability(struct migration_cookie *cookie,
                                     const char *name, bool is_auto);
void migration_cookie_add_nbd_disk(struct migration_cookie *cookie,
                                   const char *target, uint64_t capacity);
void migration_cookie_add_bitmap(struct migration_cookie *cookie,
                                 const char *disk, const char *name,
                                 const char *alias);
void migration_cookie_set_statistics(struct migration_cookie *cookie,
                                     const struct migration_statistics *from);
/* Text of the domain, of the cpu element, of what guest/seen_cpu.h writes;
 * copied. */
void migration_cookie_set_persistent(struct migration_cookie *cookie,
                                     const char *xml);
void migration_cookie_set_cpu(struct migration_cookie *cookie, const char *xml);
void migration_cookie_set_seen_cpu(struct migration_cookie *cookie,
                                   const char *text);
/* Copies. */
void migration_cookie_set_handover(struct migration_cookie *cookie,
                                   const struct cookie_handover *from);
/* Whether the sender's QEMU has it (and whether it switches it on itself, if
 * 'is_auto' is not NULL). */
bool migration_cookie_has_capability(const struct migration_cookie *cookie,
                                     const char *name, bool *is_auto);

/* QEMU's capabilities in the order in which cookies list them, ended by
 * NULL. */
extern const char *const migration_cookie_capability_names[];

void migration_cookie_done(struct migration_cookie *cookie);

#define AUTO_MIGRATION_COOKIE                                                  \
    __attribute__((cleanup(migration_cookie_done))) struct migration_cookie
