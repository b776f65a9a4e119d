/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How large the images of a guest's disks are, looked at by a worker: storage
 * that hangs must not hang the daemon. */

#pragma once

#include "domain/domain.h"

struct disk_size {
    bool is_known;       /* The image could be looked at. */
    uint64_t capacity;   /* As the guest sees it; bytes, like the others. */
    uint64_t allocation; /* What the image takes of its storage. */
    uint64_t physical;   /* Where it ends. */
};

/* 'sizes' has one for each disk of 'guest' (those without a medium unknown),
 * and is borrowed during the call; 'count' is their number. */
typedef void disk_sizes_done(void *owner, const struct disk_size *sizes,
                             size_t count);
void disk_sizes_ask(struct host *host, const struct guest *guest,
                    disk_sizes_done *done, void *owner);
