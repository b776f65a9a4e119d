/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/pci_plan.h"

#include <assert.h>

#include "guest/complete_names.h"

enum { PIIX3_FUNCTIONS = 4 };

static int reserve_pc(struct pci_plan *plan, struct error *err);
static int reserve_q35(struct pci_plan *plan, struct error *err);
static int check_controllers(const struct pci_plan *plan, struct error *err);

int
pci_board_reserve(struct pci_plan *plan, struct error *err)
{
    if (check_controllers(plan, err) < 0) {
        return -1;
    }
    return plan->is_q35 ? reserve_q35(plan, err) : reserve_pc(plan, err);
}

/* What the boards have one of, or none. */
static int
check_controllers(const struct pci_plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->guest->controllers.count; i++) {
        const struct guest_controller *controller =
            plan->guest->controllers.items[i];
        bool is_ide = controller->type == GUEST_CONTROLLER_TYPE_IDE;

        if ((is_ide && plan->is_q35) ||
            ((is_ide || controller->type == GUEST_CONTROLLER_TYPE_FDC) &&
             controller->index.value > 0)) {
            AUTO_FREE char *label =
                complete_label(plan->guest, &controller->device);

            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "%s: machine '%s' has no such controller", label,
                             plan->guest->os.machine);
        }
    }
    return 0;
}

/* A function of the board, which nobody else may have. */
static int
reserve(struct pci_plan *plan, unsigned slot, unsigned function,
        struct error *err)
{
    struct guest_address address = {
        .type = GUEST_ADDRESS_TYPE_PCI, .slot = slot, .function = function};
    const struct guest_device *other = NULL;
    AUTO_FREE char *reason =
        pci_buses_take(&plan->buses, &address, 0, PCI_RESERVED, &other);

    if (reason == NULL) {
        return 0;
    }
    AUTO_FREE char *label = complete_label(plan->guest, other);

    return error_set(err, ERROR_XML,
                     "%s: PCI address 0000:00:%02x.%x is taken by the board",
                     label, slot, function);
}

/* A controller that is part of the board has the board's address. */
static int
fix(struct pci_plan *plan, struct guest_controller *controller, unsigned slot,
    unsigned function, struct error *err)
{
    struct guest_address *at = &controller->device.address;

    if (at->type == GUEST_ADDRESS_TYPE_UNSET || pci_plan_is_wanted(at)) {
        *at = (struct guest_address){
            .type = GUEST_ADDRESS_TYPE_PCI, .slot = slot, .function = function};
        return 0;
    }
    if (at->type == GUEST_ADDRESS_TYPE_PCI && at->domain == 0 && at->bus == 0 &&
        at->slot == slot && at->function == function) {
        return 0;
    }
    AUTO_FREE char *label = complete_label(plan->guest, &controller->device);

    return error_set(err, ERROR_XML,
                     "%s: is on the board, at PCI address 0000:00:%02x.%x, and "
                     "nowhere else",
                     label, slot, function);
}

/* Puts a device where the real board has it, if that is free. */
static bool
prefer(struct pci_plan *plan, struct guest_device *device, unsigned slot,
       bool is_multifunction)
{
    struct guest_address address = {.type = GUEST_ADDRESS_TYPE_PCI,
                                    .slot = slot};
    const struct guest_device *other = NULL;
    AUTO_FREE char *reason = NULL;

    if (pci_buses_has_slot(&plan->buses, 0, slot)) {
        return false;
    }
    if (is_multifunction) {
        address.multifunction = GUEST_SWITCH_ON;
    }
    reason = pci_buses_take(&plan->buses, &address, 0, device, &other);
    assert(reason == NULL);
    device->address = address;
    return true;
}

/* The first video card has a slot of its own; QEMU would put it there. */
static void
prefer_video(struct pci_plan *plan, unsigned slot)
{
    struct guest_video *video =
        plan->guest->videos.count > 0 ? plan->guest->videos.items[0] : NULL;

    if (video == NULL || video->type == GUEST_VIDEO_TYPE_NONE ||
        !pci_plan_is_wanted(&video->device.address) ||
        prefer(plan, &video->device, slot, false)) {
        return;
    }
    struct guest_address place = {0};

    if (pci_buses_place(&plan->buses, PCI_CONNECT_CONVENTIONAL, &video->device,
                        &place) &&
        !plan->is_rehearsal) {
        video->device.address = place;
    }
}

static int
reserve_pc(struct pci_plan *plan, struct error *err)
{
    /* 00:01 is the PIIX3: ISA bridge, IDE, USB, power management. */
    for (unsigned function = 0; function < PIIX3_FUNCTIONS; function++) {
        if (reserve(plan, 1, function, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < plan->guest->controllers.count; i++) {
        struct guest_controller *controller = plan->guest->controllers.items[i];

        if (controller->index.value != 0) {
            continue;
        }
        if (controller->type == GUEST_CONTROLLER_TYPE_IDE &&
            fix(plan, controller, 1, 1, err) < 0) {
            return -1;
        }
        if (controller->type == GUEST_CONTROLLER_TYPE_USB &&
            controller->model == GUEST_CONTROLLER_MODEL_PIIX3_UHCI &&
            fix(plan, controller, 1, 2, err) < 0) {
            return -1;
        }
    }
    prefer_video(plan, 2);
    return 0;
}

static int
reserve_q35(struct pci_plan *plan, struct error *err)
{
    struct guest *guest = plan->guest;

    for (size_t i = 0; i < guest->controllers.count; i++) {
        struct guest_controller *controller = guest->controllers.items[i];

        if (controller->type == GUEST_CONTROLLER_TYPE_SATA &&
            controller->index.value == 0 &&
            fix(plan, controller, 0x1f, 2, err) < 0) {
            return -1;
        }
        if (!pci_plan_is_wanted(&controller->device.address)) {
            continue;
        }
        if (controller->model == GUEST_CONTROLLER_MODEL_ICH9_UHCI1 &&
            !prefer(plan, &controller->device, 0x1d, true)) {
            prefer(plan, &controller->device, 0x1a, true);
        }
        if (controller->model == GUEST_CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE) {
            prefer(plan, &controller->device, 0x1e, false);
        }
    }
    /* ISA bridge, SATA, SMBus. */
    if (reserve(plan, 0x1f, 0, err) < 0 || reserve(plan, 0x1f, 2, err) < 0 ||
        reserve(plan, 0x1f, 3, err) < 0) {
        return -1;
    }
    prefer_video(plan, 1);
    for (size_t i = 0; i < guest->sounds.count; i++) {
        if (guest->sounds.items[i]->model == GUEST_SOUND_MODEL_ICH9 &&
            pci_plan_is_wanted(&guest->sounds.items[i]->device.address)) {
            prefer(plan, &guest->sounds.items[i]->device, 0x1b, false);
        }
    }
    return 0;
}
