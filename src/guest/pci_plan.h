/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One walk over the PCI devices of a guest, shared by addresses_pci.c, which
 * gives out the places, and pci_board.c, which knows what is soldered where. */

#pragma once

#include "base/error.h"
#include "guest/guest.h"
#include "guest/pci_buses.h"

enum { PCI_CONNECT_CONVENTIONAL = PCI_CONNECT_PCI | PCI_CONNECT_HOTPLUG };

/* A device that sits on a PCI bus. */
struct pci_item {
    struct guest_device *device;
    struct guest_controller *controller; /* NULL: something else. */
    unsigned wants;
};

/* One walk over all devices.  The first one is a rehearsal on buses that grow:
 * it finds out how many are needed, and writes nothing down. */
struct pci_plan {
    struct guest *guest;
    bool is_q35;
    bool is_rehearsal;
    struct pci_buses buses;
    struct pci_item *items; /* Owned. In the order in which they get places. */
    size_t count;
    size_t capacity;
};

/* Whether a place is to be found: bus 0, slot 0 never is a device's. */
static inline bool
pci_plan_is_wanted(const struct guest_address *address)
{
    return address->type == GUEST_ADDRESS_TYPE_UNSET ||
           (address->type == GUEST_ADDRESS_TYPE_PCI && address->domain == 0 &&
            address->bus == 0 && address->slot == 0);
}

/* Takes what is the board's own on the root bus, gives the board's controllers
 * their addresses, and puts devices where the real board has them. */
int pci_board_reserve(struct pci_plan *plan, struct error *err);
