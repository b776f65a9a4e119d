/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/pci_buses.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "guest/devices.h"

static const struct guest_device reserved;
const struct guest_device *const PCI_RESERVED = &reserved;

static bool grow(struct pci_buses *buses, size_t count, unsigned wants);
static bool find_on_bus(const struct pci_bus *bus, unsigned wants,
                        struct guest_address *address);
static bool does_offer(unsigned offers, unsigned wants);

struct bus_kind {
    enum guest_controller_model model;
    unsigned offers;
    unsigned first_slot;
    unsigned last_slot;
};

static const struct bus_kind bus_kinds[] = {
    {GUEST_CONTROLLER_MODEL_PCI_ROOT,
     PCI_CONNECT_PCI | PCI_CONNECT_HOTPLUG | PCI_CONNECT_BRIDGE,       1, 31},
    {GUEST_CONTROLLER_MODEL_PCI_BRIDGE,
     PCI_CONNECT_PCI | PCI_CONNECT_HOTPLUG | PCI_CONNECT_BRIDGE,       1, 31},
    {GUEST_CONTROLLER_MODEL_PCIE_ROOT,
     PCI_CONNECT_PCIE | PCI_CONNECT_ROOT_PORT | PCI_CONNECT_DMI_BRIDGE |
         PCI_CONNECT_PCIE_BRIDGE,                                      1, 31},
    {GUEST_CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE,
     PCI_CONNECT_PCI | PCI_CONNECT_BRIDGE,                             0, 31},
    {GUEST_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE,
     PCI_CONNECT_PCI | PCI_CONNECT_HOTPLUG | PCI_CONNECT_BRIDGE,       1, 31},
    {GUEST_CONTROLLER_MODEL_PCIE_ROOT_PORT,
     PCI_CONNECT_PCIE | PCI_CONNECT_HOTPLUG | PCI_CONNECT_PCIE_BRIDGE, 0, 0 },
};

void
pci_buses_done(struct pci_buses *buses)
{
    free(buses->buses);
    *buses = (struct pci_buses){0};
}

void
pci_buses_set(struct pci_buses *buses, unsigned number,
              enum guest_controller_model model)
{
    assert(number < PCI_BUSES_MAX);
    if (number >= buses->count) {
        buses->buses =
            xrealloc(buses->buses, number + 1, sizeof(*buses->buses));
        for (size_t i = buses->count; i <= number; i++) {
            buses->buses[i] = (struct pci_bus){0};
        }
        buses->count = number + 1;
    }
    for (size_t i = 0; i < ARRAY_COUNT(bus_kinds); i++) {
        const struct bus_kind *kind = &bus_kinds[i];

        if (kind->model == model) {
            buses->buses[number].model = model;
            buses->buses[number].offers = kind->offers;
            buses->buses[number].first_slot = kind->first_slot;
            buses->buses[number].last_slot = kind->last_slot;
            return;
        }
    }
    abort(); /* Every model of a PCI bus is in the table. */
}

void
pci_buses_fill_gaps(struct pci_buses *buses)
{
    enum guest_controller_model usual =
        buses->buses[0].model == GUEST_CONTROLLER_MODEL_PCIE_ROOT
            ? GUEST_CONTROLLER_MODEL_PCIE_ROOT_PORT
            : GUEST_CONTROLLER_MODEL_PCI_BRIDGE;

    for (size_t i = 0; i < buses->count; i++) {
        if (buses->buses[i].model == GUEST_CONTROLLER_MODEL_UNSET) {
            pci_buses_set(buses, (unsigned)i, usual);
        }
    }
}

static bool
is_slot_taken(const struct pci_slot *slot)
{
    for (size_t i = 0; i < PCI_FUNCTIONS; i++) {
        if (slot->functions[i] != NULL) {
            return true;
        }
    }
    return false;
}

bool
pci_buses_has_slot(const struct pci_buses *buses, unsigned bus, unsigned slot)
{
    return bus < buses->count && slot < PCI_SLOTS &&
           is_slot_taken(&buses->buses[bus].slots[slot]);
}

bool
pci_buses_are_full(const struct pci_buses *buses)
{
    for (size_t i = 0; i < buses->count; i++) {
        const struct pci_bus *bus = &buses->buses[i];

        for (unsigned slot = bus->first_slot; slot <= bus->last_slot; slot++) {
            if (!is_slot_taken(&bus->slots[slot])) {
                return false;
            }
        }
    }
    return true;
}

/* What a user asked for by name may mix PCI with PCI Express, and need not be
 * pluggable. */
static unsigned
widen(unsigned offers, unsigned wants)
{
    if (offers & (PCI_CONNECT_PCI | PCI_CONNECT_PCIE)) {
        offers |= PCI_CONNECT_PCI | PCI_CONNECT_PCIE;
    }
    return offers | (wants & PCI_CONNECT_HOTPLUG);
}

char *
pci_buses_take(struct pci_buses *buses, const struct guest_address *address,
               unsigned wants, const struct guest_device *device,
               const struct guest_device **other)
{
    struct pci_bus *bus;
    struct pci_slot *slot;

    if (address->domain != 0 || address->slot >= PCI_SLOTS ||
        address->function >= PCI_FUNCTIONS || address->bus >= PCI_BUSES_MAX) {
        return xstrdup("is out of range");
    }
    if (address->bus >= buses->count &&
        (!buses->may_grow || !grow(buses, address->bus + 1, wants))) {
        return xasprintf("is on a bus that is not there: there are %zu",
                         buses->count);
    }
    bus = &buses->buses[address->bus];
    slot = &bus->slots[address->slot];
    if (!does_offer(widen(bus->offers, wants), wants)) {
        return xasprintf("is on a %s, which does not take such a device",
                         guest_controller_model_name(bus->model));
    }
    if (address->slot < bus->first_slot || address->slot > bus->last_slot) {
        return xasprintf("has a slot that is not from %u to %u, as on a %s",
                         bus->first_slot, bus->last_slot,
                         guest_controller_model_name(bus->model));
    }
    if (slot->functions[address->function] != NULL) {
        *other = slot->functions[address->function];
        return xstrdup("is taken");
    }
    slot->functions[address->function] = device;
    slot->is_shared |= (wants & PCI_CONNECT_SHARED) != 0;
    return NULL;
}

bool
pci_buses_place(struct pci_buses *buses, unsigned wants,
                const struct guest_device *device,
                struct guest_address *address)
{
    struct guest_address place = {.type = GUEST_ADDRESS_TYPE_PCI,
                                  .function = address->function,
                                  .multifunction = address->multifunction};
    struct pci_slot *slot;
    bool is_found = false;

    for (size_t i = 0; i < buses->count && !is_found; i++) {
        if (does_offer(buses->buses[i].offers, wants)) {
            place.bus = (unsigned)i;
            is_found = find_on_bus(&buses->buses[i], wants, &place);
        }
    }
    if (!is_found) {
        if (!buses->may_grow || !grow(buses, buses->count + 1, wants)) {
            return false;
        }
        place.bus = (unsigned)buses->count - 1;
        place.slot = buses->buses[place.bus].first_slot;
    }
    slot = &buses->buses[place.bus].slots[place.slot];
    slot->functions[place.function] = device;
    slot->is_shared |= (wants & PCI_CONNECT_SHARED) != 0;
    *address = place;
    return true;
}

static bool
find_on_bus(const struct pci_bus *bus, unsigned wants,
            struct guest_address *address)
{
    for (unsigned i = bus->first_slot; i <= bus->last_slot; i++) {
        const struct pci_slot *slot = &bus->slots[i];

        address->slot = i;
        if (!is_slot_taken(slot)) {
            return true;
        }
        if ((wants & PCI_CONNECT_SHARED) == 0 || !slot->is_shared) {
            continue;
        }
        for (unsigned function = 0; function < PCI_FUNCTIONS; function++) {
            if (slot->functions[function] == NULL) {
                address->function = function;
                return true;
            }
        }
    }
    return false;
}

static bool
has_offer(const struct pci_buses *buses, unsigned wants)
{
    for (size_t i = 0; i < buses->count; i++) {
        if ((buses->buses[i].offers & wants) != 0) {
            return true;
        }
    }
    return false;
}

/* Adds buses until there are 'count', of which the last takes such a device:
 * one more than asked for where the first bridge from PCI Express to PCI needs
 * a root port below it. */
static bool
grow(struct pci_buses *buses, size_t count, unsigned wants)
{
    bool is_express = buses->buses[0].model == GUEST_CONTROLLER_MODEL_PCIE_ROOT;
    enum guest_controller_model model = GUEST_CONTROLLER_MODEL_PCI_BRIDGE;

    if (count + 1 > PCI_BUSES_MAX) {
        return false;
    }
    if (wants & (PCI_CONNECT_ROOT_PORT | PCI_CONNECT_DMI_BRIDGE)) {
        return false; /* These are on the root only. */
    }
    if (wants & (PCI_CONNECT_PCIE | PCI_CONNECT_PCIE_BRIDGE)) {
        if (!is_express) {
            return false;
        }
        model = GUEST_CONTROLLER_MODEL_PCIE_ROOT_PORT;
    } else if (is_express && !has_offer(buses, PCI_CONNECT_BRIDGE)) {
        pci_buses_set(buses, (unsigned)buses->count,
                      GUEST_CONTROLLER_MODEL_PCIE_ROOT_PORT);
        model = GUEST_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE;
        if (count <= buses->count) {
            count = buses->count + 1;
        }
    }
    while (buses->count < count) {
        pci_buses_set(buses, (unsigned)buses->count, model);
        if (model == GUEST_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE) {
            model = GUEST_CONTROLLER_MODEL_PCI_BRIDGE;
        }
    }
    return true;
}

static bool
does_offer(unsigned offers, unsigned wants)
{
    return ((wants & ~(unsigned)PCI_CONNECT_SHARED) & ~offers) == 0;
}
