/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gives an address to every device that needs one and has none.
 *
 * Addresses that are given are kept and checked: one that is out of range,
 * taken, or on a bus that is not there is an error naming the device.  Where a
 * device finds no room, a bridge, root port, hub or controller is added, as
 * libvirt does.  Called by guest_complete(), in this order. */

#pragma once

#include "guest/guest.h"

/* Disks on a controller, by their names. */
int addresses_assign_drives(struct guest *guest, struct error *err);
/* Whether two disks have one place: after all controllers are there. */
int addresses_check_drives(const struct guest *guest, struct error *err);
/* Ports of virtio-serial controllers, which are added as needed. */
int addresses_assign_virtio_serial(struct guest *guest, struct error *err);
/* PCI; adds bridges and root ports, and sets what these have unset. */
int addresses_assign_pci(struct guest *guest, bool is_q35, struct error *err);
/* USB; adds hubs. */
int addresses_assign_usb(struct guest *guest, struct error *err);

/* The controller of a type and number, NULL: none.  Of several companions the
 * first. */
struct guest_controller *
addresses_find_controller(const struct guest *guest,
                          enum guest_controller_type type, uint64_t index);
/* Adds one, at the end, unless it is there. */
void addresses_add_controller(struct guest *guest,
                              enum guest_controller_type type, uint64_t index,
                              enum guest_controller_model model);
