/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The PCI buses of a guest as they fill up: which slots are taken, where the
 * next device goes, what bus is added when there is no room.
 *
 * Knows kinds of buses and kinds of devices ("connections"), not the guest's
 * devices: addresses_pci.c walks over them.  The search is libvirt's: buses in
 * the order of their numbers, slots from the lowest, function 0 of a slot that
 * nobody uses; only root ports share a slot. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/names.h"

struct guest_address;
struct guest_device;

/* What a device asks for, and a bus offers. */
enum pci_connection {
    PCI_CONNECT_PCI = 1 << 0,     /* Conventional PCI. */
    PCI_CONNECT_PCIE = 1 << 1,    /* PCI Express. */
    PCI_CONNECT_HOTPLUG = 1 << 2, /* Somewhere to plug it out of again. */
    PCI_CONNECT_ROOT_PORT = 1 << 3,
    PCI_CONNECT_DMI_BRIDGE = 1 << 4,
    PCI_CONNECT_PCIE_BRIDGE = 1 << 5, /* pcie-to-pci-bridge */
    PCI_CONNECT_BRIDGE = 1 << 6,      /* pci-bridge */
    PCI_CONNECT_SHARED = 1 << 7,      /* One function of a slot will do. */
};

enum { PCI_BUSES_MAX = 256, PCI_SLOTS = 32, PCI_FUNCTIONS = 8 };

struct pci_slot {
    /* Who has each function; PCI_RESERVED for the board. */
    const struct guest_device *functions[PCI_FUNCTIONS];
    bool is_shared;
};

struct pci_bus {
    enum guest_controller_model model; /* _UNSET: not known yet. */
    unsigned offers;                   /* Of enum pci_connection. */
    unsigned first_slot;
    unsigned last_slot;
    struct pci_slot slots[PCI_SLOTS];
};

struct pci_buses {
    struct pci_bus *buses; /* Owned. */
    size_t count;
    bool may_grow; /* Whether a bus may be added where there is no room. */
};

/* Stands for a device that is soldered to the board. */
extern const struct guest_device *const PCI_RESERVED;

void pci_buses_done(struct pci_buses *buses);
#define AUTO_PCI_BUSES __attribute__((cleanup(pci_buses_done))) struct pci_buses

/* Makes bus 'number', and those below it, which stay of no model. */
void pci_buses_set(struct pci_buses *buses, unsigned number,
                   enum guest_controller_model model);
/* Gives a model to those that have none, by what the root is. */
void pci_buses_fill_gaps(struct pci_buses *buses);

/* Whether any function of a slot is taken. */
bool pci_buses_has_slot(const struct pci_buses *buses, unsigned bus,
                        unsigned slot);
/* Whether all slots of all buses are taken. */
bool pci_buses_are_full(const struct pci_buses *buses);

/* Takes a given address; an address that is wrong or taken gives a text that
 * says why, which the caller frees, and in '*other' who has it; NULL is
 * success.  Does add the buses that are missing if it may. */
char *pci_buses_take(struct pci_buses *buses,
                     const struct guest_address *address, unsigned wants,
                     const struct guest_device *device,
                     const struct guest_device **other);

/* Finds a place, adding a bus if there is none and that is allowed, takes it
 * and writes it into 'address', whose function is the one that is wanted.
 * False: no room. */
bool pci_buses_place(struct pci_buses *buses, unsigned wants,
                     const struct guest_device *device,
                     struct guest_address *address);
