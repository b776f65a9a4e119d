/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the disks of a guest are safe where two hosts open them in turn. */

#pragma once

#include "guest/guest.h"

/* Fails with MIGRATE_UNSAFE where a disk that the guest writes is a file that
 * the other host can't have, or whose contents the page caches of two hosts
 * would see differently.  libvirt's rule: cluster file systems are safe; NFS
 * and its like are with cache none or directsync; block devices are taken to
 * be shared; everything else is not.  VIR_MIGRATE_UNSAFE overrides it. */
int ferry_check_storage(const struct guest *guest, struct error *err);
