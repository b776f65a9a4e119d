/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the disks of a guest are safe where two hosts open them in turn. */

#pragma once

#include "domain/host.h"
#include "guest/guest.h"

/* Fails with MIGRATE_UNSAFE where a disk that the guest writes is a file that
 * the other host can't have, or whose contents the page caches of two hosts
 * would see differently.  libvirt's rule: cluster file systems are safe; NFS
 * and its like are with cache none or directsync; block devices are taken to
 * be shared; everything else is not.  What lies in a folder of
 * settings.shared_filesystems is taken for a cluster file system.
 * VIR_MIGRATE_UNSAFE overrides it all.
 *
 * Asks on a worker, since a file server that is gone answers statfs(2) never.
 * 'done' is called once, later. */
void ferry_check_storage(struct host *host, const struct guest *guest,
                         void (*done)(void *owner, const struct error *err),
                         void *owner);
