/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* This host, as the domains on it see it: where things are kept, what QEMU can
 * do, which domains there are, and who is told of what happens to them.
 * Decides nothing. */

#pragma once

#include <stdint.h>

#include "base/list.h"
#include "base/log.h"
#include "base/parameters.h"
#include "base/uuid.h"
#include "guest/complete.h"
#include "io/loop.h"
#include "io/pool.h"
#include "qemu/capabilities.h"

struct domain;

/* What the configuration says.  All strings owned by who fills it in, and alive
 * as long as the host. */
struct host_settings {
    const char *runtime_dir;       /* Dies with the boot, as QEMUs do. */
    const char *state_dir;         /* Definitions; survives. */
    const char *name;              /* What other hosts call this one. */
    struct uuid uuid;              /* Differs from every other daemon's. */
    const char *migration_address; /* Advertised; NULL: the name. */
    const char *peer_uri;          /* Of this daemon, for others; or NULL. */
    uint16_t migration_port_first;
    uint16_t migration_port_last;
    const char *shared_filesystems; /* Folders, colons between; may be NULL. */
    const char *qemu_binary;        /* For guests that name no emulator. */
    bool is_privileged;             /* /system, not /session. */
    int64_t job_timeout_ms;         /* Longest wait for a domain's job. */
    int64_t qemu_timeout_ms;        /* Longest time that a QEMU starts. */
    int64_t monitor_timeout_ms;     /* Longest silence of one that is asked. */
    int64_t begin_timeout_ms;       /* Begin to Perform, Perform to Confirm. */
    int64_t incoming_timeout_ms;    /* Prepare to the source's connection. */
    int64_t stall_timeout_ms;       /* Longest time without a byte migrated. */
    int64_t switchover_timeout_ms;  /* Longest time in QEMU's state "device". */
    /* Peer-to-peer: the connection to the destination's daemon. */
    int64_t peer_timeout_ms;       /* To open it. */
    int64_t rejoin_timeout_ms;     /* To open it again. */
    int peer_keepalive_interval_s; /* A ping after so much silence; */
    unsigned peer_keepalive_count; /* so many without answer: it is lost. */
};

/* Told of everything that clients, logs and metrics want to know.  Every
 * function may be NULL. Numbers are libvirt's. */
struct host_observer {
    void (*lifecycle)(void *owner, struct domain *domain, int event,
                      int detail);
    void (*migration_iteration)(void *owner, struct domain *domain,
                                int iteration);
    void (*job_completed)(void *owner, struct domain *domain,
                          const struct parameters *statistics);
    void (*guest_reset)(void *owner, struct domain *domain);
    void (*balloon_changed)(void *owner, struct domain *domain, uint64_t kib);
    /* 'uri' is NULL but for an element. */
    void (*metadata_changed)(void *owner, struct domain *domain, int type,
                             const char *uri);
    /* A line for a person. 'context' may be NULL. */
    void (*note)(void *owner, enum log_level level,
                 const struct log_context *context, const char *message);
};

struct host {
    /* Creator sets; borrowed. */
    struct loop *loop;
    struct pool *pool;
    struct host_settings settings;
    const struct qemu_capabilities *qemu;
    const struct host_observer *observer;
    void *observer_owner;
    /* Anyone may read. */
    struct list domains; /* struct domain by .link, in no order. */
    int last_id;         /* The id last given to a running domain. */
    /* Private to ferry/source_calls.c. */
    struct list entries; /* Calls that wait for a job or for QEMU. */
    /* Private to ferry/peer.c. */
    struct list peers;         /* Peer-to-peer migrations of ours. */
    uint64_t last_peer_id;     /* How many there were. */
    struct list withdrawals;   /* Of ferry/withdrawal.c. */
    struct list outcomes;      /* Of ferry/ledger.c: not on disk yet. */
    struct list evidence_asks; /* Of ferry/evidence_ask.c. */
    struct list image_looks;   /* Of ferry/image_locks.c. */
    /* Private to ferry/destination.c. */
    struct list incoming_errors; /* Why an incoming guest was given up. */
    uint16_t last_port;          /* The last that was given to QEMU. */
};

void host_init(struct host *host);
/* Frees the domains; their QEMUs go on, and who waits for one is told. */
void host_done(struct host *host);

/* What guest_complete() wants to know of this host. */
struct guest_host host_for_guest(struct host *host);

/* Reads the XML of a guest that is to run here, checks and completes it.
 * 'flags' is of enum guest_parse_flags. */
struct guest *host_read_guest(struct host *host, const char *xml,
                              unsigned flags, struct error *err);

/* Tells the observer; 'domain' may be NULL. */
void host_note(struct host *host, enum log_level level,
               const struct domain *domain, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
