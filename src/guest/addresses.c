/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/addresses.h"

#include "guest/complete_names.h"

enum {
    VIRTIO_SERIAL_PORTS = 31, /* Of a controller that does not say. */
    VIRTIO_SERIAL_CONTROLLERS_MAX = 32,
};

struct guest_controller *
addresses_find_controller(const struct guest *guest,
                          enum guest_controller_type type, uint64_t index)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        struct guest_controller *controller = guest->controllers.items[i];

        if (controller->type == type && controller->index.is_set &&
            controller->index.value == index) {
            return controller;
        }
    }
    return NULL;
}

void
addresses_add_controller(struct guest *guest, enum guest_controller_type type,
                         uint64_t index, enum guest_controller_model model)
{
    if (addresses_find_controller(guest, type, index) != NULL) {
        return;
    }
    struct guest_controller *controller = xcalloc(1, sizeof(*controller));

    controller->type = type;
    controller->index = (struct guest_number){true, index};
    controller->model = model;
    guest_list_add(&guest->controllers, controller);
}

/* ---- Disks -------------------------------------------------------------- */

/* The place that libvirt derives from a disk's name, of a controller with
 * 'units' disks on each of its 'buses'. */
struct drive_kind {
    enum guest_disk_bus bus;
    unsigned units;
    unsigned buses;
};

static const struct drive_kind drive_kinds[] = {
    {GUEST_DISK_BUS_IDE,  2, 2},
    {GUEST_DISK_BUS_FDC,  2, 1},
    {GUEST_DISK_BUS_SCSI, 7, 1},
    {GUEST_DISK_BUS_SATA, 6, 1},
};

static const struct drive_kind *
drive_kind_find(enum guest_disk_bus bus)
{
    for (size_t i = 0; i < ARRAY_COUNT(drive_kinds); i++) {
        if (drive_kinds[i].bus == bus) {
            return &drive_kinds[i];
        }
    }
    return NULL;
}

int
addresses_assign_drives(struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        struct guest_disk *disk = guest->disks.items[i];
        const struct drive_kind *kind = drive_kind_find(disk->bus);
        struct guest_address *at = &disk->device.address;
        int signed_number = guest_disk_target_index(disk->target);
        unsigned number = (unsigned)signed_number;

        if (signed_number < 0) {
            return error_set(err, ERROR_XML,
                             "disk[%s]: the target is not the name of a disk",
                             disk->target);
        }
        if (kind == NULL || at->type != GUEST_ADDRESS_TYPE_UNSET) {
            continue;
        }
        at->type = GUEST_ADDRESS_TYPE_DRIVE;
        at->unit = number % kind->units;
        at->bus = number / kind->units % kind->buses;
        at->controller = number / kind->units / kind->buses;
    }
    return 0;
}

static bool
is_drive_in_range(const struct guest *guest, const struct guest_disk *disk)
{
    const struct guest_address *at = &disk->device.address;
    const struct drive_kind *kind = drive_kind_find(disk->bus);
    const struct guest_controller *controller;

    if (disk->bus != GUEST_DISK_BUS_SCSI) {
        return at->unit < kind->units && at->bus < kind->buses &&
               at->target == 0;
    }
    controller = addresses_find_controller(guest, GUEST_CONTROLLER_TYPE_SCSI,
                                           at->controller);
    if (controller != NULL &&
        controller->model == GUEST_CONTROLLER_MODEL_LSILOGIC) {
        return at->unit < kind->units && at->bus == 0 && at->target == 0;
    }
    return at->unit < 16384 && at->target < 256 && at->bus == 0;
}

int
addresses_check_drives(const struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];
        const struct guest_address *at = &disk->device.address;

        if (drive_kind_find(disk->bus) == NULL) {
            continue;
        }
        if (at->type != GUEST_ADDRESS_TYPE_DRIVE ||
            !is_drive_in_range(guest, disk)) {
            return error_set(err, ERROR_XML,
                             "disk[%s]: its address is not one of a disk on "
                             "bus '%s'",
                             disk->target, guest_disk_bus_name(disk->bus));
        }
        for (size_t j = 0; j < i; j++) {
            const struct guest_disk *other = guest->disks.items[j];
            const struct guest_address *there = &other->device.address;

            if (other->bus == disk->bus &&
                there->controller == at->controller && there->bus == at->bus &&
                there->target == at->target && there->unit == at->unit) {
                return error_set(err, ERROR_XML,
                                 "disk[%s]: drive address %u:%u:%u:%u is taken "
                                 "by disk[%s]",
                                 disk->target, at->controller, at->bus,
                                 at->target, at->unit, other->target);
            }
        }
    }
    return 0;
}

/* ---- virtio-serial --------------------------------------------------------
 */

/* Consoles have a port only if they are given one. */
static bool
has_virtio_port(const struct guest_chardev *chardev)
{
    return chardev->target == GUEST_CHARDEV_TARGET_VIRTIO &&
           chardev->device.address.type == GUEST_ADDRESS_TYPE_VIRTIO_SERIAL;
}

static const struct guest_chardev *
find_port(const struct guest *guest, unsigned controller, unsigned port,
          const struct guest_chardev *but)
{
    for (size_t i = 0; i < guest->consoles.count + guest->channels.count; i++) {
        const struct guest_chardev *chardev =
            i < guest->consoles.count
                ? guest->consoles.items[i]
                : guest->channels.items[i - guest->consoles.count];

        if (chardev != but && has_virtio_port(chardev) &&
            chardev->device.address.controller == controller &&
            chardev->device.address.virtio_port == port) {
            return chardev;
        }
    }
    return NULL;
}

static unsigned
port_count(const struct guest *guest, uint64_t index)
{
    const struct guest_controller *controller = addresses_find_controller(
        guest, GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL, index);

    if (controller == NULL) {
        return 0;
    }
    return controller->ports.is_set && controller->ports.value <= 511
               ? (unsigned)controller->ports.value
               : VIRTIO_SERIAL_PORTS;
}

/* Finds a port for a channel: not port 0, which is for consoles. */
static bool
find_free_port(const struct guest *guest, unsigned controller,
               struct guest_address *at)
{
    unsigned count = port_count(guest, controller);

    for (unsigned port = 1; port < count; port++) {
        if (find_port(guest, controller, port, NULL) == NULL) {
            *at = (struct guest_address){
                .type = GUEST_ADDRESS_TYPE_VIRTIO_SERIAL,
                .controller = controller,
                .virtio_port = port,
            };
            return true;
        }
    }
    return false;
}

static int
assign_channel(struct guest *guest, struct guest_chardev *channel,
               struct error *err)
{
    struct guest_address *at = &channel->device.address;
    struct guest_address place;

    if (at->type == GUEST_ADDRESS_TYPE_VIRTIO_SERIAL) {
        if (at->virtio_port != 0) {
            return 0;
        }
        if (find_free_port(guest, at->controller, &place)) {
            *at = place;
            return 0;
        }
    } else {
        for (unsigned i = 0; i < VIRTIO_SERIAL_CONTROLLERS_MAX; i++) {
            addresses_add_controller(guest, GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL,
                                     i, GUEST_CONTROLLER_MODEL_UNSET);
            if (find_free_port(guest, i, &place)) {
                *at = place;
                return 0;
            }
        }
    }
    AUTO_FREE char *label = complete_label(guest, &channel->device);

    return error_set(err, ERROR_XML, "%s: no virtio-serial port is left",
                     label);
}

static int
check_port(const struct guest *guest, const struct guest_chardev *chardev,
           struct error *err)
{
    const struct guest_address *at = &chardev->device.address;
    const struct guest_chardev *other;

    if (!has_virtio_port(chardev)) {
        return 0;
    }
    AUTO_FREE char *label = complete_label(guest, &chardev->device);

    if (at->bus != 0 || at->virtio_port >= port_count(guest, at->controller)) {
        return error_set(err, ERROR_XML,
                         "%s: there is no port %u on bus %u of virtio-serial "
                         "controller %u",
                         label, at->virtio_port, at->bus, at->controller);
    }
    other = find_port(guest, at->controller, at->virtio_port, chardev);
    if (other != NULL) {
        AUTO_FREE char *other_label = complete_label(guest, &other->device);

        return error_set(err, ERROR_XML,
                         "%s: port %u of virtio-serial controller %u is taken "
                         "by %s",
                         label, at->virtio_port, at->controller, other_label);
    }
    return 0;
}

int
addresses_assign_virtio_serial(struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->channels.count; i++) {
        if (guest->channels.items[i]->target == GUEST_CHARDEV_TARGET_VIRTIO &&
            assign_channel(guest, guest->channels.items[i], err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < guest->consoles.count; i++) {
        if (check_port(guest, guest->consoles.items[i], err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < guest->channels.count; i++) {
        if (check_port(guest, guest->channels.items[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}
