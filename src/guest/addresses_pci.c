/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/addresses.h"

#include <stdlib.h>

#include "guest/complete_names.h"
#include "guest/pci_plan.h"

static int plan_start(struct pci_plan *plan, struct error *err);
static int plan_place_all(struct pci_plan *plan, struct error *err);
static int add_buses(struct pci_plan *plan, uint64_t highest,
                     struct error *err);
static void finish_controllers(struct guest *guest);
static void finish_multifunction(const struct pci_plan *plan);

static void
plan_done(struct pci_plan *plan)
{
    pci_buses_done(&plan->buses);
    free(plan->items);
}

static uint64_t
highest_bus(const struct guest *guest)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < guest->controllers.count; i++) {
        const struct guest_controller *controller = guest->controllers.items[i];

        if (controller->type == GUEST_CONTROLLER_TYPE_PCI &&
            controller->index.value > highest) {
            highest = controller->index.value;
        }
    }
    return highest;
}

static int
plan_run(struct pci_plan *plan, struct error *err)
{
    if (plan_start(plan, err) < 0) {
        return -1;
    }
    if (pci_board_reserve(plan, err) < 0) {
        return -1;
    }
    /* Room for one more bridge, unless everything was given: so a bus that is
     * just full gets a second one. */
    if (plan->is_rehearsal && !plan->is_q35 &&
        !pci_buses_are_full(&plan->buses)) {
        struct guest_address spare = {0};

        pci_buses_place(&plan->buses, PCI_CONNECT_PCI | PCI_CONNECT_HOTPLUG,
                        PCI_RESERVED, &spare);
    }
    return plan_place_all(plan, err);
}

int
addresses_assign_pci(struct guest *guest, bool is_q35, struct error *err)
{
    uint64_t highest = highest_bus(guest);
    __attribute__((cleanup(plan_done))) struct pci_plan rehearsal = {
        .guest = guest,
        .is_q35 = is_q35,
        .is_rehearsal = true,
        .buses = {.may_grow = true},
    };
    __attribute__((cleanup(plan_done))) struct pci_plan plan = {
        .guest = guest,
        .is_q35 = is_q35,
    };

    if (highest >= PCI_BUSES_MAX) {
        return error_set(err, ERROR_XML,
                         "controller[pci %llu]: there are at most %d buses",
                         (unsigned long long)highest, PCI_BUSES_MAX);
    }
    if (plan_run(&rehearsal, err) < 0 ||
        add_buses(&rehearsal, highest, err) < 0 || plan_run(&plan, err) < 0) {
        return -1;
    }
    finish_multifunction(&plan);
    finish_controllers(guest);
    return 0;
}

/* Adds a controller for each bus that the rehearsal has come to. */
static int
add_buses(struct pci_plan *plan, uint64_t highest, struct error *err)
{
    struct guest *guest = plan->guest;

    /* A guest whose buses nobody wrote down gets a port to plug into. */
    if (plan->is_q35 && highest == 0 && plan->buses.count > 1) {
        struct guest_address spare = {0};

        if (!pci_buses_place(&plan->buses,
                             PCI_CONNECT_PCIE | PCI_CONNECT_HOTPLUG,
                             PCI_RESERVED, &spare)) {
            return error_set(err, ERROR_XML, "no more PCI buses");
        }
    }
    for (size_t i = 1; i < plan->buses.count; i++) {
        enum guest_controller_model model = plan->buses.buses[i].model;
        struct guest_address place = {0};
        unsigned wants = PCI_CONNECT_BRIDGE;

        if (addresses_find_controller(guest, GUEST_CONTROLLER_TYPE_PCI, i) !=
            NULL) {
            continue;
        }
        addresses_add_controller(guest, GUEST_CONTROLLER_TYPE_PCI, i, model);
        if (model == GUEST_CONTROLLER_MODEL_PCIE_ROOT_PORT) {
            wants = PCI_CONNECT_ROOT_PORT | PCI_CONNECT_SHARED;
        } else if (model == GUEST_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE) {
            wants = PCI_CONNECT_PCIE_BRIDGE | PCI_CONNECT_HOTPLUG;
        }
        if (!pci_buses_place(&plan->buses, wants, PCI_RESERVED, &place)) {
            return error_set(err, ERROR_XML,
                             "controller[pci %zu]: no PCI slot is left", i);
        }
    }
    return 0;
}

/* ---- Who wants what --------------------------------------------------- */

static void
plan_add(struct pci_plan *plan, struct guest_device *device, unsigned wants)
{
    plan->items = array_grow(plan->items, &plan->capacity, plan->count,
                             sizeof(*plan->items));
    plan->items[plan->count++] =
        (struct pci_item){.device = device, .wants = wants};
}

/* What a device of this age goes into: virtio and the like are PCI Express
 * devices on a machine that has it. */
static unsigned
modern(const struct pci_plan *plan)
{
    return (plan->is_q35 ? PCI_CONNECT_PCIE : PCI_CONNECT_PCI) |
           PCI_CONNECT_HOTPLUG;
}

static unsigned
bridge_wants(const struct guest_controller *controller)
{
    switch (controller->model) {
    case GUEST_CONTROLLER_MODEL_PCI_BRIDGE:
        return PCI_CONNECT_BRIDGE;
    case GUEST_CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE:
        return PCI_CONNECT_DMI_BRIDGE;
    case GUEST_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE:
        return PCI_CONNECT_PCIE_BRIDGE | PCI_CONNECT_HOTPLUG;
    case GUEST_CONTROLLER_MODEL_PCIE_ROOT_PORT:
        return PCI_CONNECT_ROOT_PORT | PCI_CONNECT_SHARED;
    default:
        return 0;
    }
}

/* 0: not on a PCI bus, or on the board. */
static unsigned
controller_wants(const struct pci_plan *plan,
                 const struct guest_controller *controller)
{
    switch (controller->type) {
    case GUEST_CONTROLLER_TYPE_USB:
        if (controller->model == GUEST_CONTROLLER_MODEL_NONE ||
            (!plan->is_q35 && controller->index.value == 0 &&
             controller->model == GUEST_CONTROLLER_MODEL_PIIX3_UHCI)) {
            return 0;
        }
        return controller->model == GUEST_CONTROLLER_MODEL_QEMU_XHCI ||
                       controller->model == GUEST_CONTROLLER_MODEL_NEC_XHCI
                   ? modern(plan)
                   : PCI_CONNECT_CONVENTIONAL;
    case GUEST_CONTROLLER_TYPE_SCSI:
        return controller->model == GUEST_CONTROLLER_MODEL_VIRTIO_SCSI
                   ? modern(plan)
                   : PCI_CONNECT_CONVENTIONAL;
    case GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL:
        return modern(plan);
    case GUEST_CONTROLLER_TYPE_SATA:
        return plan->is_q35 && controller->index.value == 0
                   ? 0
                   : PCI_CONNECT_CONVENTIONAL;
    default:
        return 0;
    }
}

static void
plan_add_controllers(struct pci_plan *plan, bool are_bridges)
{
    for (size_t i = 0; i < plan->guest->controllers.count; i++) {
        struct guest_controller *controller = plan->guest->controllers.items[i];
        bool is_bridge = controller->type == GUEST_CONTROLLER_TYPE_PCI;
        unsigned wants = is_bridge ? bridge_wants(controller)
                                   : controller_wants(plan, controller);

        if (is_bridge == are_bridges && wants != 0) {
            plan_add(plan, &controller->device, wants);
            plan->items[plan->count - 1].controller = controller;
        }
    }
}

static unsigned
interface_wants(const struct pci_plan *plan,
                const struct guest_interface *interface)
{
    return interface->model == GUEST_INTERFACE_MODEL_VIRTIO ||
                   interface->model == GUEST_INTERFACE_MODEL_E1000E
               ? modern(plan)
               : PCI_CONNECT_CONVENTIONAL;
}

/* Lists all devices on PCI buses in the order in which places are given out.
 */
static void
plan_list(struct pci_plan *plan)
{
    struct guest *guest = plan->guest;

    plan_add_controllers(plan, true);
    for (size_t i = 0; i < guest->interfaces.count; i++) {
        plan_add(plan, &guest->interfaces.items[i]->device,
                 interface_wants(plan, guest->interfaces.items[i]));
    }
    for (size_t i = 0; i < guest->sounds.count; i++) {
        plan_add(plan, &guest->sounds.items[i]->device,
                 PCI_CONNECT_CONVENTIONAL);
    }
    plan_add_controllers(plan, false);
    for (size_t i = 0; i < guest->disks.count; i++) {
        if (guest->disks.items[i]->bus == GUEST_DISK_BUS_VIRTIO) {
            plan_add(plan, &guest->disks.items[i]->device, modern(plan));
        }
    }
    for (size_t i = 0; i < guest->memballoons.count; i++) {
        if (guest->memballoons.items[i]->model != GUEST_MEMBALLOON_MODEL_NONE) {
            plan_add(plan, &guest->memballoons.items[i]->device, modern(plan));
        }
    }
    for (size_t i = 0; i < guest->rngs.count; i++) {
        plan_add(plan, &guest->rngs.items[i]->device, modern(plan));
    }
    for (size_t i = 0; i < guest->watchdogs.count; i++) {
        if (guest->watchdogs.items[i]->model == GUEST_WATCHDOG_MODEL_I6300ESB) {
            plan_add(plan, &guest->watchdogs.items[i]->device,
                     PCI_CONNECT_CONVENTIONAL);
        }
    }
    for (size_t i = 0; i < guest->videos.count; i++) {
        if (guest->videos.items[i]->type != GUEST_VIDEO_TYPE_NONE) {
            plan_add(plan, &guest->videos.items[i]->device,
                     guest->videos.items[i]->type == GUEST_VIDEO_TYPE_VIRTIO
                         ? modern(plan)
                         : PCI_CONNECT_CONVENTIONAL);
        }
    }
    for (size_t i = 0; i < guest->inputs.count; i++) {
        if (guest->inputs.items[i]->bus == GUEST_INPUT_BUS_VIRTIO) {
            plan_add(plan, &guest->inputs.items[i]->device, modern(plan));
        }
    }
    for (size_t i = 0; i < guest->serials.count; i++) {
        if (guest->serials.items[i]->target ==
            GUEST_CHARDEV_TARGET_PCI_SERIAL) {
            plan_add(plan, &guest->serials.items[i]->device,
                     PCI_CONNECT_CONVENTIONAL);
        }
    }
}

/* ---- Given addresses --------------------------------------------------- */

static int
take_given(struct pci_plan *plan, struct guest_device *device, unsigned wants,
           struct error *err)
{
    const struct guest_address *at = &device->address;
    const struct guest_device *other = NULL;
    AUTO_FREE char *label = NULL;
    AUTO_FREE char *other_label = NULL;
    AUTO_FREE char *reason = NULL;

    if (at->type != GUEST_ADDRESS_TYPE_PCI) {
        label = complete_label(plan->guest, device);
        return error_set(err, ERROR_XML,
                         "%s: an address of type '%s' where it is to be PCI",
                         label, guest_address_type_name(at->type));
    }
    reason = pci_buses_take(&plan->buses, at, wants, device, &other);
    if (reason == NULL) {
        return 0;
    }
    label = complete_label(plan->guest, device);
    if (other != NULL && other != PCI_RESERVED) {
        other_label = complete_label(plan->guest, other);
    }
    return error_set(err, ERROR_XML, "%s: PCI address %04x:%02x:%02x.%x %s%s%s",
                     label, at->domain, at->bus, at->slot, at->function, reason,
                     other != NULL ? " by " : "",
                     other_label != NULL ? other_label
                     : other != NULL     ? "the board"
                                         : "");
}

/* Sets the buses up, and takes what is given. */
static int
plan_start(struct pci_plan *plan, struct error *err)
{
    struct guest *guest = plan->guest;

    for (size_t i = 0; i < guest->controllers.count; i++) {
        const struct guest_controller *controller = guest->controllers.items[i];

        if (controller->type == GUEST_CONTROLLER_TYPE_PCI) {
            pci_buses_set(&plan->buses, (unsigned)controller->index.value,
                          controller->model);
        }
    }
    pci_buses_fill_gaps(&plan->buses);
    plan_list(plan);
    for (size_t i = 0; i < plan->count; i++) {
        if (!pci_plan_is_wanted(&plan->items[i].device->address) &&
            take_given(plan, plan->items[i].device, plan->items[i].wants, err) <
                0) {
            return -1;
        }
    }
    return 0;
}

/* ---- Giving out places -------------------------------------------------- */

static bool
is_usb2(const struct guest_controller *controller)
{
    return controller != NULL &&
           controller->type == GUEST_CONTROLLER_TYPE_USB &&
           controller->model >= GUEST_CONTROLLER_MODEL_ICH9_EHCI1 &&
           controller->model <= GUEST_CONTROLLER_MODEL_ICH9_UHCI3;
}

/* The parts of a USB 2 controller are the functions of one slot. */
static bool
place_usb2(struct pci_plan *plan, const struct pci_item *item)
{
    static const unsigned functions[] = {
        [GUEST_CONTROLLER_MODEL_ICH9_EHCI1] = 7,
        [GUEST_CONTROLLER_MODEL_ICH9_UHCI1] = 0,
        [GUEST_CONTROLLER_MODEL_ICH9_UHCI2] = 1,
        [GUEST_CONTROLLER_MODEL_ICH9_UHCI3] = 2,
    };
    struct guest_address place = {
        .type = GUEST_ADDRESS_TYPE_PCI,
        .function = functions[item->controller->model],
    };
    const struct guest_device *other = NULL;
    bool is_placed = false;

    if (item->controller->model == GUEST_CONTROLLER_MODEL_ICH9_UHCI1) {
        place.multifunction = GUEST_SWITCH_ON;
    }
    for (size_t i = 0; i < plan->guest->controllers.count && !is_placed; i++) {
        const struct guest_controller *part = plan->guest->controllers.items[i];

        if (is_usb2(part) && part != item->controller &&
            part->index.value == item->controller->index.value &&
            !pci_plan_is_wanted(&part->device.address)) {
            place.bus = part->device.address.bus;
            place.slot = part->device.address.slot;
            is_placed = true;
        }
    }
    if (is_placed) {
        AUTO_FREE char *reason = pci_buses_take(
            &plan->buses, &place, item->wants, item->device, &other);

        if (reason != NULL) {
            return false;
        }
    } else if (!pci_buses_place(&plan->buses, item->wants, item->device,
                                &place)) {
        return false;
    }
    if (!plan->is_rehearsal) {
        item->device->address = place;
    }
    return true;
}

static int
plan_place_all(struct pci_plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct pci_item *item = &plan->items[i];
        struct guest_address place = {0};
        bool is_placed;

        if (!pci_plan_is_wanted(&item->device->address)) {
            continue;
        }
        if (is_usb2(item->controller)) {
            is_placed = place_usb2(plan, item);
        } else {
            place.multifunction = item->device->address.multifunction;
            is_placed = pci_buses_place(&plan->buses, item->wants, item->device,
                                        &place);
            if (is_placed && !plan->is_rehearsal) {
                item->device->address = place;
            }
        }
        if (!is_placed) {
            AUTO_FREE char *label = complete_label(plan->guest, item->device);

            return error_set(err, ERROR_XML, "%s: no PCI slot is left", label);
        }
    }
    return 0;
}

/* Function 0 says whether a slot has more. */
static void
finish_multifunction(const struct pci_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct guest_address *at = &plan->items[i].device->address;
        const struct pci_slot *slot =
            &plan->buses.buses[at->bus].slots[at->slot];

        if (at->function != 0 || at->multifunction != GUEST_SWITCH_UNSET) {
            continue;
        }
        for (unsigned function = 1; function < PCI_FUNCTIONS; function++) {
            if (slot->functions[function] != NULL) {
                at->multifunction = GUEST_SWITCH_ON;
            }
        }
    }
}

static void
set_default(struct guest_number *number, uint64_t value)
{
    if (!number->is_set) {
        *number = (struct guest_number){true, value};
    }
}

/* QEMU's devices for the bridges, and by what they call themselves. */
static void
finish_controllers(struct guest *guest)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        struct guest_controller *controller = guest->controllers.items[i];
        const struct guest_address *at = &controller->device.address;
        enum guest_pci_model model = GUEST_PCI_MODEL_UNSET;

        switch (controller->model) {
        case GUEST_CONTROLLER_MODEL_PCI_BRIDGE:
            model = GUEST_PCI_MODEL_PCI_BRIDGE;
            set_default(&controller->chassis_number, controller->index.value);
            break;
        case GUEST_CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE:
            model = GUEST_PCI_MODEL_I82801B11_BRIDGE;
            break;
        case GUEST_CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE:
            model = GUEST_PCI_MODEL_PCIE_PCI_BRIDGE;
            break;
        case GUEST_CONTROLLER_MODEL_PCIE_ROOT_PORT:
            model = GUEST_PCI_MODEL_PCIE_ROOT_PORT;
            set_default(&controller->chassis, controller->index.value);
            set_default(&controller->port, (at->slot << 3) + at->function);
            break;
        default:
            continue;
        }
        if (controller->pci_model == GUEST_PCI_MODEL_UNSET) {
            controller->pci_model = model;
        }
    }
}
