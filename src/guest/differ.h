/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Says whether two guests are the same machine for the software in it.
 *
 * guest_compare() (declared in guest.h) looks at what the guest can see: the
 * machine, memory, CPUs, and every device with its model, address and
 * identity.  Host matters (paths, bridges, ports, caches, names) may differ.
 * Both guests must be complete.
 *
 * QEMU does not do this: it notices a device that is missing at the
 * destination, late, and one that is there in excess never.  The error is
 * ERROR_CONFIG_UNSUPPORTED and names the path of the first difference:
 * "devices/disk[vda]/target: bus is 'virtio' there and 'ide' here". */

#pragma once

#include "guest/guest.h"
