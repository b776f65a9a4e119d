/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether somebody else writes a guest's images.
 *
 * A QEMU holds a lock on each image that it may write, and lets go of it when
 * the guest is handed over: between Perform and Finish nobody holds one, and
 * from the resumption on the destination does (QEMU 7.2, block/file-posix.c,
 * and measured).  On a file system that carries locks from host to host (NFS 4,
 * cluster file systems) that is seen here whether or not the other daemon
 * answers.  No lock is no proof of anything. */

#pragma once

#include "domain/domain.h"

enum image_use {
    IMAGES_UNKNOWN, /* There are none, or it can't be found out. */
    IMAGES_FREE,    /* Nobody, as far as this host sees. */
    IMAGES_IN_USE,  /* By another QEMU than this host's. */
};

/* Asks a worker, since a file system may hang: 'done' is called once, from the
 * loop, unless the question is dropped before.  NULL, and it is not known,
 * where that has happened: not all workers are to hang with it. */
struct image_locks *
image_locks_ask(const struct domain *domain,
                void (*done)(void *owner, enum image_use use), void *owner);
/* The worker may go on; nobody hears of it. */
void image_locks_drop(struct image_locks *locks);
/* For ferry_stop(): who waits is told that it is not known. */
void image_locks_stop(struct host *host);
