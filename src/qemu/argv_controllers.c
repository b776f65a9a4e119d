/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_parts.h"

#include <json-c/json.h>

static int add_type(struct argv_context *context,
                    enum guest_controller_type type, struct error *err);
static void add_floppies(struct argv_context *context);

void
argv_address(const struct argv_context *context, struct json_object *device,
             const struct guest_address *at)
{
    switch (at->type) {
    case GUEST_ADDRESS_TYPE_PCI:
        argv_json_textf(device, "bus", "%s.%u",
                        at->bus == 0 && context->is_q35 ? "pcie" : "pci",
                        at->bus);
        if (at->multifunction != GUEST_SWITCH_UNSET) {
            argv_json_bool(device, "multifunction",
                           at->multifunction == GUEST_SWITCH_ON);
        }
        if (at->function != 0) {
            argv_json_textf(device, "addr", "0x%x.0x%x", at->slot,
                            at->function);
        } else {
            argv_json_textf(device, "addr", "0x%x", at->slot);
        }
        break;
    case GUEST_ADDRESS_TYPE_USB:
        if (at->bus == 0) {
            argv_json_text(device, "bus", "usb.0");
        } else {
            argv_json_textf(device, "bus", "usb%u.0", at->bus);
        }
        argv_json_text(device, "port", at->usb_port);
        break;
    case GUEST_ADDRESS_TYPE_VIRTIO_SERIAL:
        argv_json_textf(device, "bus", "virtio-serial%u.0", at->controller);
        argv_json_number(device, "nr", at->virtio_port);
        break;
    default:
        break;
    }
}

int
argv_controllers(struct argv_context *context, struct error *err)
{
    static const enum guest_controller_type order[] = {
        GUEST_CONTROLLER_TYPE_PCI,  GUEST_CONTROLLER_TYPE_USB,
        GUEST_CONTROLLER_TYPE_SCSI, GUEST_CONTROLLER_TYPE_SATA,
        GUEST_CONTROLLER_TYPE_IDE,  GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL,
    };
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        if (add_type(context, order[i], err) < 0) {
            return -1;
        }
    }
    add_floppies(context);
    for (size_t i = 0; i < guest->hubs.count; i++) {
        struct json_object *device = argv_json("driver", "usb-hub");

        argv_json_text(device, "id", guest->hubs.items[i]->device.alias);
        argv_address(context, device, &guest->hubs.items[i]->device.address);
        argv_add_json(&context->argv, "-device", device);
    }
    return 0;
}

/* ---- PCI --------------------------------------------------------------------
 */

static struct json_object *
pci_device(const struct guest_controller *controller)
{
    struct json_object *device =
        argv_json("driver", guest_pci_model_name(controller->pci_model));

    if (controller->model == GUEST_CONTROLLER_MODEL_PCI_BRIDGE) {
        argv_json_number(device, "chassis_nr",
                         controller->chassis_number.value);
    }
    if (controller->model == GUEST_CONTROLLER_MODEL_PCIE_ROOT_PORT) {
        argv_json_number(device, "port", controller->port.value);
        argv_json_number(device, "chassis", controller->chassis.value);
    }
    return device;
}

/* ---- USB --------------------------------------------------------------------
 */

static const char *
usb_driver(enum guest_controller_model model)
{
    switch (model) {
    case GUEST_CONTROLLER_MODEL_PIIX3_UHCI:
        return "piix3-usb-uhci";
    case GUEST_CONTROLLER_MODEL_PIIX4_UHCI:
        return "piix4-usb-uhci";
    case GUEST_CONTROLLER_MODEL_EHCI:
        return "usb-ehci";
    case GUEST_CONTROLLER_MODEL_ICH9_EHCI1:
        return "ich9-usb-ehci1";
    case GUEST_CONTROLLER_MODEL_ICH9_UHCI1:
        return "ich9-usb-uhci1";
    case GUEST_CONTROLLER_MODEL_ICH9_UHCI2:
        return "ich9-usb-uhci2";
    case GUEST_CONTROLLER_MODEL_ICH9_UHCI3:
        return "ich9-usb-uhci3";
    case GUEST_CONTROLLER_MODEL_NEC_XHCI:
        return "nec-usb-xhci";
    case GUEST_CONTROLLER_MODEL_QEMU_XHCI:
        return "qemu-xhci";
    default:
        return NULL;
    }
}

static struct json_object *
usb_device(const struct guest_controller *controller)
{
    struct json_object *device =
        argv_json("driver", usb_driver(controller->model));

    if (controller->ports.is_set) {
        argv_json_number(device, "p2", controller->ports.value);
        argv_json_number(device, "p3", controller->ports.value);
    }
    if (controller->master_port.is_set) {
        argv_json_textf(device, "masterbus", "%s.0", controller->device.alias);
        argv_json_number(device, "firstport", controller->master_port.value);
    } else {
        argv_json_text(device, "id", controller->device.alias);
    }
    return device;
}

/* ---- All --------------------------------------------------------------------
 */

/* NULL: it is there without an option. */
static struct json_object *
controller_device(const struct argv_context *context,
                  const struct guest_controller *controller)
{
    bool is_first = controller->index.value == 0;
    struct json_object *device = NULL;

    switch (controller->type) {
    case GUEST_CONTROLLER_TYPE_PCI:
        if (is_first) {
            return NULL;
        }
        device = pci_device(controller);
        break;
    case GUEST_CONTROLLER_TYPE_USB:
        if (controller->model == GUEST_CONTROLLER_MODEL_NONE) {
            return NULL;
        }
        return usb_device(controller);
    case GUEST_CONTROLLER_TYPE_SCSI:
        device = argv_json("driver", controller->model ==
                                             GUEST_CONTROLLER_MODEL_VIRTIO_SCSI
                                         ? "virtio-scsi-pci"
                                         : "lsi");
        break;
    case GUEST_CONTROLLER_TYPE_SATA:
        if (is_first && context->is_q35) {
            return NULL;
        }
        device = argv_json("driver", "ahci");
        break;
    case GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL:
        device = argv_json("driver", "virtio-serial-pci");
        argv_json_text(device, "id", controller->device.alias);
        if (controller->ports.is_set) {
            argv_json_number(device, "max_ports", controller->ports.value);
        }
        if (controller->vectors.is_set) {
            argv_json_number(device, "vectors", controller->vectors.value);
        }
        return device;
    default:
        return NULL;
    }
    argv_json_text(device, "id", controller->device.alias);
    return device;
}

static int
add_type(struct argv_context *context, enum guest_controller_type type,
         struct error *err)
{
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < guest->controllers.count; i++) {
        const struct guest_controller *controller = guest->controllers.items[i];
        struct json_object *device;

        if (controller->type != type) {
            continue;
        }
        device = controller_device(context, controller);
        if (device == NULL) {
            continue;
        }
        if (controller->device.alias == NULL ||
            controller->device.address.type != GUEST_ADDRESS_TYPE_PCI) {
            json_object_put(device);
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "controller[%s %llu]: it is not complete",
                             guest_controller_type_name(type),
                             (unsigned long long)controller->index.value);
        }
        argv_address(context, device, &controller->device.address);
        argv_add_json(&context->argv, "-device", device);
    }
    return 0;
}

/* The floppy controller has the boot indexes of its drives.  It is on the board
 * of a pc, and a device of its own on a q35. */
static void
add_floppies(struct argv_context *context)
{
    const struct guest *guest = context->guest;
    struct json_object *controller = NULL;

    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];
        char name[] = "bootindexA";
        uint64_t bootindex = disk->boot_order.value;

        if (disk->bus != GUEST_DISK_BUS_FDC) {
            continue;
        }
        if (controller == NULL) {
            controller = argv_json("driver", "isa-fdc");
        }
        if (!disk->boot_order.is_set) {
            bootindex = context->boot_floppy;
            context->boot_floppy = 0;
        }
        if (bootindex == 0) {
            continue;
        }
        name[sizeof(name) - 2] = disk->device.address.unit == 0 ? 'A' : 'B';
        argv_json_number(controller, name, bootindex);
        if (!context->is_q35) {
            argv_addf(&context->argv, "-global", "isa-fdc.%s=%llu", name,
                      (unsigned long long)bootindex);
        }
    }
    if (controller != NULL && context->is_q35) {
        argv_add_json(&context->argv, "-device", controller);
    } else if (controller != NULL) {
        json_object_put(controller);
    }
}
