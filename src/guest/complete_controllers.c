/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/complete_devices.h"

#include <assert.h>
#include <stdlib.h>

#include "guest/addresses.h"
#include "guest/complete_names.h"

enum {
    CONTROLLER_INDEX_MAX = 255,
    /* So many are added for a disk that is on the last of them. */
    CONTROLLERS_ADDED_MAX = 64,
};

static void complete_model(struct guest_controller *controller, bool is_q35);
static void complete_index(struct guest *guest, size_t number);

/* ---- Order --------------------------------------------------------------- */

void
complete_order(struct guest *guest)
{
    size_t count = guest->controllers.count;
    __typeof__(guest->controllers) unordered = guest->controllers;

    guest->controllers.items = NULL;
    guest->controllers.count = 0;
    for (size_t i = 0; i < count; i++) {
        guest_add_controller(guest, unordered.items[i]);
    }
    free(unordered.items);
}

/* ---- Numbers and models ---------------------------------------------------
 */

static int
check_controller(const struct guest *guest, size_t number, bool is_q35,
                 struct error *err)
{
    const struct guest_controller *controller =
        guest->controllers.items[number];
    AUTO_FREE char *label = complete_label(guest, &controller->device);
    enum guest_controller_model root = is_q35 ? GUEST_CONTROLLER_MODEL_PCIE_ROOT
                                              : GUEST_CONTROLLER_MODEL_PCI_ROOT;

    if (controller->index.value > CONTROLLER_INDEX_MAX) {
        return error_set(err, ERROR_XML, "%s: its index is more than %d", label,
                         CONTROLLER_INDEX_MAX);
    }
    if (controller->type == GUEST_CONTROLLER_TYPE_PCI &&
        (controller->index.value == 0) != (controller->model == root)) {
        return error_set(err, ERROR_XML,
                         "%s: model is '%s', but index 0, and only that, is "
                         "'%s' on this machine",
                         label, guest_controller_model_name(controller->model),
                         guest_controller_model_name(root));
    }
    for (size_t i = 0; i < number; i++) {
        const struct guest_controller *other = guest->controllers.items[i];

        if (other->type == controller->type &&
            other->index.value == controller->index.value &&
            !controller->master_port.is_set) {
            return error_set(err, ERROR_XML, "%s: there are two of it", label);
        }
    }
    return 0;
}

int
complete_controllers(struct guest *guest, bool is_q35, struct error *err)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        struct guest_controller *controller = guest->controllers.items[i];

        if (controller->type == GUEST_CONTROLLER_TYPE_PCI &&
            controller->model == GUEST_CONTROLLER_MODEL_UNSET &&
            (!controller->index.is_set || controller->index.value != 0)) {
            return error_set(err, ERROR_XML,
                             "controller[pci]: it has no model");
        }
        complete_model(controller, is_q35);
        complete_index(guest, i);
    }
    for (size_t i = 0; i < guest->controllers.count; i++) {
        if (check_controller(guest, i, is_q35, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static bool
is_root(enum guest_controller_model model)
{
    return model == GUEST_CONTROLLER_MODEL_PCI_ROOT ||
           model == GUEST_CONTROLLER_MODEL_PCIE_ROOT;
}

static void
complete_model(struct guest_controller *controller, bool is_q35)
{
    static const unsigned char masters[] = {
        [GUEST_CONTROLLER_MODEL_ICH9_UHCI1] = 0,
        [GUEST_CONTROLLER_MODEL_ICH9_UHCI2] = 2,
        [GUEST_CONTROLLER_MODEL_ICH9_UHCI3] = 4,
    };

    if (controller->model == GUEST_CONTROLLER_MODEL_UNSET) {
        switch (controller->type) {
        case GUEST_CONTROLLER_TYPE_USB:
            controller->model = GUEST_CONTROLLER_MODEL_PIIX3_UHCI;
            break;
        case GUEST_CONTROLLER_TYPE_SCSI:
            controller->model = GUEST_CONTROLLER_MODEL_LSILOGIC;
            break;
        case GUEST_CONTROLLER_TYPE_PCI:
            controller->model = is_q35 ? GUEST_CONTROLLER_MODEL_PCIE_ROOT
                                       : GUEST_CONTROLLER_MODEL_PCI_ROOT;
            break;
        default:
            break;
        }
    }
    if (controller->model >= GUEST_CONTROLLER_MODEL_ICH9_UHCI1 &&
        controller->model <= GUEST_CONTROLLER_MODEL_ICH9_UHCI3 &&
        !controller->master_port.is_set) {
        controller->master_port =
            (struct guest_number){true, masters[controller->model]};
    }
}

/* The lowest number that is free; a companion has that of the controller
 * before it. */
static void
complete_index(struct guest *guest, size_t number)
{
    struct guest_controller *controller = guest->controllers.items[number];
    uint64_t index = 0;

    if (controller->index.is_set) {
        return;
    }
    if (controller->master_port.is_set && number > 0 &&
        guest->controllers.items[number - 1]->type == controller->type) {
        controller->index = guest->controllers.items[number - 1]->index;
        return;
    }
    if (controller->type == GUEST_CONTROLLER_TYPE_PCI &&
        !is_root(controller->model)) {
        index = 1;
    }
    while (addresses_find_controller(guest, controller->type, index) != NULL) {
        index++;
    }
    controller->index = (struct guest_number){true, index};
}

/* ---- What is added ---------------------------------------------------------
 */

void
complete_add_board(struct guest *guest, bool is_q35)
{
    addresses_add_controller(guest, GUEST_CONTROLLER_TYPE_USB, 0,
                             is_q35 ? GUEST_CONTROLLER_MODEL_QEMU_XHCI
                                    : GUEST_CONTROLLER_MODEL_PIIX3_UHCI);
    if (is_q35) {
        addresses_add_controller(guest, GUEST_CONTROLLER_TYPE_SATA, 0,
                                 GUEST_CONTROLLER_MODEL_UNSET);
    }
    addresses_add_controller(guest, GUEST_CONTROLLER_TYPE_PCI, 0,
                             is_q35 ? GUEST_CONTROLLER_MODEL_PCIE_ROOT
                                    : GUEST_CONTROLLER_MODEL_PCI_ROOT);
}

/* Adds the controllers up to the highest one that a disk is on. */
static void
add_for_disks(struct guest *guest, enum guest_disk_bus bus,
              enum guest_controller_type type)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];

        if (disk->bus != bus ||
            disk->device.address.controller >= CONTROLLERS_ADDED_MAX) {
            continue;
        }
        for (uint64_t index = 0; index <= disk->device.address.controller;
             index++) {
            addresses_add_controller(guest, type, index,
                                     type == GUEST_CONTROLLER_TYPE_SCSI
                                         ? GUEST_CONTROLLER_MODEL_LSILOGIC
                                         : GUEST_CONTROLLER_MODEL_UNSET);
        }
    }
}

static void
add_for_chardev(struct guest *guest, const struct guest_chardev *chardev)
{
    uint64_t index = 0;

    if (chardev->target != GUEST_CHARDEV_TARGET_VIRTIO) {
        return;
    }
    if (chardev->device.address.type == GUEST_ADDRESS_TYPE_VIRTIO_SERIAL &&
        chardev->device.address.controller < CONTROLLERS_ADDED_MAX) {
        index = chardev->device.address.controller;
    }
    addresses_add_controller(guest, GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL, index,
                             GUEST_CONTROLLER_MODEL_UNSET);
}

void
complete_add_for_devices(struct guest *guest)
{
    add_for_disks(guest, GUEST_DISK_BUS_SCSI, GUEST_CONTROLLER_TYPE_SCSI);
    add_for_disks(guest, GUEST_DISK_BUS_FDC, GUEST_CONTROLLER_TYPE_FDC);
    add_for_disks(guest, GUEST_DISK_BUS_IDE, GUEST_CONTROLLER_TYPE_IDE);
    add_for_disks(guest, GUEST_DISK_BUS_SATA, GUEST_CONTROLLER_TYPE_SATA);
    for (size_t i = 0; i < guest->channels.count; i++) {
        add_for_chardev(guest, guest->channels.items[i]);
    }
    for (size_t i = 0; i < guest->consoles.count; i++) {
        add_for_chardev(guest, guest->consoles.items[i]);
    }
}
