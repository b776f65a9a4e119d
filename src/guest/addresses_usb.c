/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/complete_names.h"

enum {
    HUB_PORTS = 8,
    DEPTH_MAX = 4, /* Hubs in a row, with the controller. */
    PORT_TEXT_SIZE = 64,
};

/* A device that is plugged into a port. */
struct usb_item {
    struct guest_device *device;
    bool is_hub;
};

struct usb_plan {
    struct guest *guest;
    struct usb_item *items; /* Owned. */
    size_t count;
    size_t capacity;
};

static void list_devices(struct usb_plan *plan);
static int check_given(const struct usb_plan *plan, struct error *err);
static bool find_port(const struct usb_plan *plan, unsigned bus,
                      const char *above, unsigned ports, unsigned depth,
                      char text[PORT_TEXT_SIZE]);

static void
plan_done(struct usb_plan *plan)
{
    free(plan->items);
    *plan = (struct usb_plan){.guest = plan->guest};
}

/* The ports of a controller; 0: it has none of its own. */
static unsigned
controller_ports(const struct guest_controller *controller)
{
    if (controller->type != GUEST_CONTROLLER_TYPE_USB ||
        controller->master_port.is_set) {
        return 0;
    }
    switch (controller->model) {
    case GUEST_CONTROLLER_MODEL_PIIX3_UHCI:
    case GUEST_CONTROLLER_MODEL_PIIX4_UHCI:
    case GUEST_CONTROLLER_MODEL_ICH9_UHCI1:
    case GUEST_CONTROLLER_MODEL_ICH9_UHCI2:
    case GUEST_CONTROLLER_MODEL_ICH9_UHCI3:
        return 2;
    case GUEST_CONTROLLER_MODEL_EHCI:
    case GUEST_CONTROLLER_MODEL_ICH9_EHCI1:
        return 6;
    case GUEST_CONTROLLER_MODEL_NEC_XHCI:
    case GUEST_CONTROLLER_MODEL_QEMU_XHCI:
        return controller->ports.is_set && controller->ports.value <= 15
                   ? (unsigned)controller->ports.value
                   : 4;
    default:
        return 0;
    }
}

static unsigned
bus_ports(const struct guest *guest, unsigned bus)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        const struct guest_controller *controller = guest->controllers.items[i];

        if (controller->type == GUEST_CONTROLLER_TYPE_USB &&
            controller->index.value == bus &&
            controller_ports(controller) != 0) {
            return controller_ports(controller);
        }
    }
    return 0;
}

static bool
has_port(const struct guest_device *device)
{
    return device->address.type == GUEST_ADDRESS_TYPE_USB &&
           device->address.usb_port != NULL;
}

/* Adds as many hubs as it takes for all devices to find a port. */
static void
add_hubs(struct usb_plan *plan)
{
    struct guest *guest = plan->guest;
    size_t ports = guest->hubs.count * HUB_PORTS;
    size_t needed;

    for (size_t i = 0; i < guest->controllers.count; i++) {
        ports += controller_ports(guest->controllers.items[i]);
    }
    if (plan->count <= ports || ports == 0) {
        return;
    }
    /* A hub takes a port, too. */
    needed = (plan->count - ports + 1 + HUB_PORTS - 2) / (HUB_PORTS - 1);
    for (size_t i = 0; i < needed; i++) {
        struct guest_hub *hub = xcalloc(1, sizeof(*hub));

        hub->type = GUEST_HUB_TYPE_USB;
        guest_list_add(&guest->hubs, hub);
    }
}

static int
place(const struct usb_plan *plan, const struct usb_item *item,
      struct error *err)
{
    struct guest_address *at = &item->device->address;
    char text[PORT_TEXT_SIZE];
    unsigned first = 0;
    unsigned last = 255;

    if (has_port(item->device)) {
        return 0;
    }
    if (at->type == GUEST_ADDRESS_TYPE_USB) {
        first = last = at->bus;
    }
    for (unsigned bus = first; bus <= last; bus++) {
        if (find_port(plan, bus, "", bus_ports(plan->guest, bus), 0, text)) {
            at->type = GUEST_ADDRESS_TYPE_USB;
            at->bus = bus;
            at->usb_port = xstrdup(text);
            return 0;
        }
    }
    AUTO_FREE char *label = complete_label(plan->guest, item->device);

    return error_set(err, ERROR_XML, "%s: no USB port is left", label);
}

int
addresses_assign_usb(struct guest *guest, struct error *err)
{
    __attribute__((cleanup(plan_done))) struct usb_plan plan = {.guest = guest};

    list_devices(&plan);
    add_hubs(&plan);
    plan_done(&plan);
    list_devices(&plan);
    if (check_given(&plan, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < plan.count; i++) {
        if (place(&plan, &plan.items[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void
plan_add(struct usb_plan *plan, struct guest_device *device, bool is_hub)
{
    plan->items = array_grow(plan->items, &plan->capacity, plan->count,
                             sizeof(*plan->items));
    plan->items[plan->count++] = (struct usb_item){device, is_hub};
}

/* In the order in which ports are given out. */
static void
list_devices(struct usb_plan *plan)
{
    struct guest *guest = plan->guest;

    for (size_t i = 0; i < guest->hubs.count; i++) {
        plan_add(plan, &guest->hubs.items[i]->device, true);
    }
    for (size_t i = 0; i < guest->disks.count; i++) {
        if (guest->disks.items[i]->bus == GUEST_DISK_BUS_USB) {
            plan_add(plan, &guest->disks.items[i]->device, false);
        }
    }
    for (size_t i = 0; i < guest->inputs.count; i++) {
        if (guest->inputs.items[i]->bus == GUEST_INPUT_BUS_USB) {
            plan_add(plan, &guest->inputs.items[i]->device, false);
        }
    }
    for (size_t i = 0; i < guest->serials.count; i++) {
        if (guest->serials.items[i]->target ==
            GUEST_CHARDEV_TARGET_USB_SERIAL) {
            plan_add(plan, &guest->serials.items[i]->device, false);
        }
    }
}

/* Who is at a port; NULL: nobody. */
static const struct usb_item *
find_item(const struct usb_plan *plan, unsigned bus, const char *port)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct guest_device *device = plan->items[i].device;

        if (has_port(device) && device->address.bus == bus &&
            strcmp(device->address.usb_port, port) == 0) {
            return &plan->items[i];
        }
    }
    return NULL;
}

/* Whether a port is there: "2" on the controller, "2.3" on a hub at "2". */
static bool
is_port(const struct usb_plan *plan, unsigned bus, const char *port)
{
    const char *dot = strrchr(port, '.');
    unsigned ports = bus_ports(plan->guest, bus);
    uint64_t number;

    if (dot != NULL) {
        AUTO_FREE char *above = xstrndup(port, (size_t)(dot - port));
        const struct usb_item *hub = find_item(plan, bus, above);

        ports = hub != NULL && hub->is_hub ? HUB_PORTS : 0;
        port = dot + 1;
    }
    return parse_u64(port, ports, &number) && number > 0;
}

static int
check_given(const struct usb_plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct guest_device *device = plan->items[i].device;
        const struct guest_address *at = &device->address;
        const struct usb_item *other;
        AUTO_FREE char *label = complete_label(plan->guest, device);

        if (at->type != GUEST_ADDRESS_TYPE_UNSET &&
            at->type != GUEST_ADDRESS_TYPE_USB) {
            return error_set(
                err, ERROR_XML,
                "%s: an address of type '%s' where it is to be USB", label,
                guest_address_type_name(at->type));
        }
        if (!has_port(device)) {
            continue;
        }
        if (strlen(at->usb_port) >= PORT_TEXT_SIZE ||
            !is_port(plan, at->bus, at->usb_port)) {
            return error_set(err, ERROR_XML,
                             "%s: there is no USB port %.64s on bus %u", label,
                             at->usb_port, at->bus);
        }
        other = find_item(plan, at->bus, at->usb_port);
        if (other != &plan->items[i]) {
            AUTO_FREE char *other_label =
                complete_label(plan->guest, other->device);

            return error_set(err, ERROR_XML,
                             "%s: USB port %s on bus %u is taken by %s", label,
                             at->usb_port, at->bus, other_label);
        }
    }
    return 0;
}

/* A free port of the controller or hub at 'above', or else of the hubs there,
 * the first one first. */
static bool
find_port(const struct usb_plan *plan, unsigned bus, const char *above,
          unsigned ports, unsigned depth, char text[PORT_TEXT_SIZE])
{
    char port[PORT_TEXT_SIZE];

    for (unsigned number = 1; number <= ports; number++) {
        snprintf(port, sizeof(port), "%s%u", above, number);
        if (find_item(plan, bus, port) == NULL) {
            memcpy(text, port, sizeof(port));
            return true;
        }
    }
    if (depth + 1 >= DEPTH_MAX) {
        return false;
    }
    for (unsigned number = 1; number <= ports; number++) {
        const struct usb_item *item;

        snprintf(port, sizeof(port), "%s%u", above, number);
        item = find_item(plan, bus, port);
        if (item != NULL && item->is_hub) {
            char prefix[PORT_TEXT_SIZE];

            if (snprintf(prefix, sizeof(prefix), "%s%u.", above, number) <
                    (int)sizeof(prefix) &&
                find_port(plan, bus, prefix, HUB_PORTS, depth + 1, text)) {
                return true;
            }
        }
    }
    return false;
}
