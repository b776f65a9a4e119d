/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names of a complete guest's devices: aliases, which are QEMU's ids, the
 * node indexes of disks, and the words by which errors call a device.
 *
 * Aliases and indexes are libvirt's, since a peer's destination_xml, events and
 * the NBD exports of a storage migration use them.  Called by
 * guest_complete(). */

#pragma once

#include "guest/guest.h"

/* Gives an alias to every device that has none; 'is_q35' says which of the
 * controllers are the board's own.  Two devices with one alias are an error. */
int complete_aliases(struct guest *guest, bool is_q35, struct error *err);

/* Numbers the images of all disks, unless they are numbered. */
void complete_indexes(struct guest *guest);

/* How errors call a device: "disk[vda]", "controller[usb 0]", "rng[1]". */
char *complete_label(const struct guest *guest,
                     const struct guest_device *device);
