/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "guest/check.h"

/* Which models a type of controller has, as bits; and whether it may be left
 * out. */
struct controller_rule {
    uint64_t models;
    bool may_be_unset;
};

static int check_disk(const struct guest *guest, const struct guest_disk *disk,
                      struct error *err);
static int check_disk_media(const struct guest_disk *disk, struct error *err);
static int check_disk_driver(const struct guest *guest,
                             const struct guest_disk *disk, struct error *err);
static int check_disk_address(const struct guest_disk *disk, struct error *err);
static int check_backing(const struct guest_disk *disk, struct error *err);
static bool is_companion(const struct guest_controller *controller);
static int check_controller(const struct guest_controller *controller,
                            struct error *err);
static bool is_interface_name(const char *name);
static int check_chardev(const struct guest_chardev *chardev,
                         struct error *err);
static int check_inputs(const struct guest *guest, struct error *err);
static int check_graphics(const struct guest *guest, struct error *err);
static int check_count(size_t count, const char *what, struct error *err);

int
guest_check_disks(const struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];

        for (size_t k = 0; k < i; k++) {
            const struct guest_disk *other = guest->disks.items[k];

            if (strcmp(disk->target, other->target) == 0) {
                return error_set_from(
                    err, ERROR_FROM_XML, ERROR_XML,
                    "target '%s' duplicated for disk sources '%s' and '%s'",
                    disk->target, other->path ? other->path : "",
                    disk->path ? disk->path : "");
            }
        }
        if (check_disk(guest, disk, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
check_disk(const struct guest *guest, const struct guest_disk *disk,
           struct error *err)
{
    if (check_disk_media(disk, err) < 0 ||
        check_disk_driver(guest, disk, err) < 0 ||
        check_disk_address(disk, err) < 0) {
        return -1;
    }
    return check_backing(disk, err);
}

static int
check_disk_media(const struct guest_disk *disk, struct error *err)
{
    const char *bus = guest_disk_bus_name(disk->bus);

    if ((disk->kind == GUEST_DISK_DEVICE_FLOPPY) !=
        (disk->bus == GUEST_DISK_BUS_FDC)) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "Invalid bus type '%s' for %s", bus,
                         guest_disk_device_name(disk->kind));
    }
    if ((disk->bus == GUEST_DISK_BUS_FDC) != has_prefix(disk->target, "fd")) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "Invalid name '%s' for a disk on bus '%s'",
                              disk->target, bus);
    }
    if (disk->kind == GUEST_DISK_DEVICE_CDROM &&
        disk->bus == GUEST_DISK_BUS_VIRTIO) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "disk type of '%s' does not support ejectable media",
                         disk->target);
    }
    if (disk->kind == GUEST_DISK_DEVICE_DISK && !disk->path) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "missing source information for device %s",
                              disk->target);
    }
    if (disk->kind == GUEST_DISK_DEVICE_DISK && disk->is_readonly &&
        (disk->bus == GUEST_DISK_BUS_IDE || disk->bus == GUEST_DISK_BUS_SATA)) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "readonly %s disks are not supported", bus);
    }
    if (disk->path && disk->path[0] != '/') {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "source '%s' of disk %s is not an absolute path",
                              disk->path, disk->target);
    }
    return 0;
}

static int
check_disk_driver(const struct guest *guest, const struct guest_disk *disk,
                  struct error *err)
{
    uint64_t iothreads = guest->iothreads.is_set ? guest->iothreads.value : 0;

    if (disk->io == GUEST_DISK_IO_NATIVE &&
        disk->cache != GUEST_DISK_CACHE_NONE &&
        disk->cache != GUEST_DISK_CACHE_DIRECTSYNC) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "native I/O needs either no disk cache or directsync "
                         "cache mode, QEMU will fallback to aio=threads");
    }
    if (disk->rerror_policy == GUEST_DISK_ERROR_POLICY_ENOSPACE) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "unsupported rerror policy 'enospace' of disk %s",
                         disk->target);
    }
    if (disk->iothread.is_set && (disk->bus != GUEST_DISK_BUS_VIRTIO ||
                                  disk->iothread.value > iothreads)) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "Disk iothread '%llu' not defined in iothreads, or "
                         "disk %s is not virtio",
                         (unsigned long long)disk->iothread.value,
                         disk->target);
    }
    if (disk->queues.is_set && disk->bus != GUEST_DISK_BUS_VIRTIO) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "queues attribute in disk driver element is only "
                         "supported by virtio-blk");
    }
    if (disk->is_shareable && !disk->is_readonly &&
        disk->format != GUEST_DISK_FORMAT_RAW) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "shared access for disk '%s' requires use of "
                         "supported storage format",
                         disk->target);
    }
    return 0;
}

static int
check_disk_address(const struct guest_disk *disk, struct error *err)
{
    enum guest_address_type type = disk->device.address.type;
    enum guest_address_type wanted =
        disk->bus == GUEST_DISK_BUS_VIRTIO ? GUEST_ADDRESS_TYPE_PCI
        : disk->bus == GUEST_DISK_BUS_USB  ? GUEST_ADDRESS_TYPE_USB
                                           : GUEST_ADDRESS_TYPE_DRIVE;

    if (type && type != wanted) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "unexpected address type '%s' for %s disk %s",
                         guest_address_type_name(type),
                         guest_disk_bus_name(disk->bus), disk->target);
    }
    return 0;
}

static int
check_backing(const struct guest_disk *disk, struct error *err)
{
    for (const struct guest_backing *image = disk->backing; image;
         image = image->next) {
        if (image->type && (!image->path || !image->format)) {
            return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                  "backing store of disk %s needs a format "
                                  "and a source",
                                  disk->target);
        }
        if (!image->type && image->next) {
            return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                  "backing store of disk %s needs a type",
                                  disk->target);
        }
    }
    return 0;
}

int
guest_check_controllers(const struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        const struct guest_controller *one = guest->controllers.items[i];

        if (check_controller(one, err) < 0) {
            return -1;
        }
        for (size_t k = 0; k < i; k++) {
            const struct guest_controller *other = guest->controllers.items[k];

            if (one->type == other->type && one->index.is_set &&
                other->index.is_set && one->index.value == other->index.value &&
                !(is_companion(one) && is_companion(other) &&
                  one->model != other->model)) {
                return error_set_from(
                    err, ERROR_FROM_XML, ERROR_XML,
                    "Multiple '%s' controllers with index '%llu'",
                    guest_controller_type_name(one->type),
                    (unsigned long long)one->index.value);
            }
        }
    }
    return 0;
}

/* The four that together are one USB 2 controller share their index. */
static bool
is_companion(const struct guest_controller *controller)
{
    return controller->type == GUEST_CONTROLLER_TYPE_USB &&
           controller->model >= GUEST_CONTROLLER_MODEL_ICH9_EHCI1 &&
           controller->model <= GUEST_CONTROLLER_MODEL_ICH9_UHCI3;
}

static int
check_controller(const struct guest_controller *controller, struct error *err)
{
#define MODEL(name) (UINT64_C(1) << GUEST_CONTROLLER_MODEL_##name)
    static const struct controller_rule rules[GUEST_CONTROLLER_TYPE_COUNT] = {
        [GUEST_CONTROLLER_TYPE_IDE] = {0,                                                                       true},
        [GUEST_CONTROLLER_TYPE_FDC] = {0,                                                                       true},
        [GUEST_CONTROLLER_TYPE_SATA] = {0,                                                                       true},
        [GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL] = {0,                                                                       true},
        [GUEST_CONTROLLER_TYPE_SCSI] = {MODEL(VIRTIO_SCSI) | MODEL(LSILOGIC),
                                       true                                                                         },
        [GUEST_CONTROLLER_TYPE_USB] =
            {MODEL(NONE) | MODEL(PIIX3_UHCI) | MODEL(PIIX4_UHCI) | MODEL(EHCI) |
                 MODEL(ICH9_EHCI1) | MODEL(ICH9_UHCI1) | MODEL(ICH9_UHCI2) |
                 MODEL(ICH9_UHCI3) | MODEL(NEC_XHCI) | MODEL(QEMU_XHCI),
                                       true                                                                         },
        [GUEST_CONTROLLER_TYPE_PCI] = {MODEL(PCI_ROOT) | MODEL(PCIE_ROOT) |
                                           MODEL(PCI_BRIDGE) |
                                           MODEL(DMI_TO_PCI_BRIDGE) |
                                           MODEL(PCIE_TO_PCI_BRIDGE) |
                                           MODEL(PCIE_ROOT_PORT),
                                       false                                                                        },
    };
#undef MODEL
    const struct controller_rule *rule = &rules[controller->type];
    const char *type = guest_controller_type_name(controller->type);
    enum guest_controller_model model = controller->model;
    bool is_root = model == GUEST_CONTROLLER_MODEL_PCI_ROOT ||
                   model == GUEST_CONTROLLER_MODEL_PCIE_ROOT;

    if (model ? !(rule->models >> model & 1) : !rule->may_be_unset) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "unsupported model '%s' of a '%s' controller",
                         model ? guest_controller_model_name(model) : "", type);
    }
    if (controller->type == GUEST_CONTROLLER_TYPE_PCI &&
        controller->index.is_set && is_root != (controller->index.value == 0)) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "a PCI controller has index 0 where it is the "
                              "root, and only there");
    }
    if (is_root && controller->device.address.type) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "pci-root and pcie-root controllers should not "
                              "have an address");
    }
    return 0;
}

int
guest_check_interfaces(const struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->interfaces.count; i++) {
        const struct guest_interface *interface = guest->interfaces.items[i];
        enum guest_address_type type = interface->device.address.type;

        if ((interface->bridge && !is_interface_name(interface->bridge)) ||
            (interface->tap && !is_interface_name(interface->tap))) {
            return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                  "'%s' is not the name of a network device",
                                  interface->bridge &&
                                          !is_interface_name(interface->bridge)
                                      ? interface->bridge
                                      : interface->tap);
        }
        if (type && type != GUEST_ADDRESS_TYPE_PCI) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "unexpected address type '%s' for an interface",
                             guest_address_type_name(type));
        }
    }
    return 0;
}

/* As the kernel has it. */
static bool
is_interface_name(const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return false;
    }
    for (; *name; name++) {
        if ((unsigned char)*name <= ' ' || *name == '/' || *name == ':') {
            return false;
        }
    }
    return true;
}

int
guest_check_chardevs(const struct guest *guest, struct error *err)
{
#define CHECK(list)                                                            \
    for (size_t i = 0; i < guest->list.count; i++) {                           \
        if (check_chardev(guest->list.items[i], err) < 0) {                    \
            return -1;                                                         \
        }                                                                      \
    }
    CHECK(serials)
    CHECK(parallels)
    CHECK(consoles)
    CHECK(channels)
#undef CHECK
    for (size_t i = 1; i < guest->consoles.count; i++) {
        if (guest->consoles.items[i]->target == GUEST_CHARDEV_TARGET_SERIAL) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "Only the first console can be a serial port");
        }
    }
    for (size_t i = 0; i < guest->channels.count; i++) {
        for (size_t k = 0; k < i; k++) {
            const char *name = guest->channels.items[i]->name;

            if (name && is_same_text(name, guest->channels.items[k]->name)) {
                return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                      "channel '%s' twice", name);
            }
        }
    }
    return 0;
}

static int
check_chardev(const struct guest_chardev *chardev, struct error *err)
{
    uint64_t port;

    if (chardev->type == GUEST_CHARDEV_TYPE_UNIX &&
        chardev->mode == GUEST_CHARDEV_MODE_CONNECT && !chardev->path) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "Missing source path attribute for char device");
    }
    if (chardev->type == GUEST_CHARDEV_TYPE_TCP &&
        !parse_u64(chardev->service, 65535, &port)) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "'%s' is not a port of a char device",
                              chardev->service);
    }
    if (chardev->target == GUEST_CHARDEV_TARGET_ISA_SERIAL &&
        chardev->device.address.type &&
        chardev->device.address.type != GUEST_ADDRESS_TYPE_ISA) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "Target type 'isa-serial' requires address type "
                         "'isa'");
    }
    if (chardev->model && chardev->target &&
        strcmp(guest_serial_model_name(chardev->model),
               guest_chardev_target_name(chardev->target)) != 0) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "Target model '%s' requires target type '%s'",
                         guest_serial_model_name(chardev->model),
                         guest_serial_model_name(chardev->model));
    }
    return 0;
}

int
guest_check_others(const struct guest *guest, struct error *err)
{
    if (check_count(guest->watchdogs.count, "watchdog", err) < 0 ||
        check_count(guest->memballoons.count, "memory balloon", err) < 0 ||
        check_count(guest->panics.count, "panic", err) < 0 ||
        check_count(guest->videos.count, "video", err) < 0 ||
        check_count(guest->audios.count, "audio", err) < 0 ||
        check_inputs(guest, err) < 0) {
        return -1;
    }
    return check_graphics(guest, err);
}

static int
check_inputs(const struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->inputs.count; i++) {
        const struct guest_input *input = guest->inputs.items[i];

        if (input->bus == GUEST_INPUT_BUS_PS2 &&
            input->type == GUEST_INPUT_TYPE_TABLET) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "ps2 bus does not support tablet input device");
        }
    }
    return 0;
}

static int
check_graphics(const struct guest *guest, struct error *err)
{
    enum { PASSWORD_MAX = 8, FIRST_PORT = 5900 };

    if (check_count(guest->graphics.count, "vnc graphics", err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < guest->graphics.count; i++) {
        const struct guest_graphics *vnc = guest->graphics.items[i];

        if (vnc->password && strlen(vnc->password) > PASSWORD_MAX) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "VNC password is %zu characters long, only %d "
                             "permitted",
                             strlen(vnc->password), PASSWORD_MAX);
        }
        if (vnc->port > 0 && vnc->port < FIRST_PORT) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "vnc port must be in range [%d,65535]",
                             FIRST_PORT);
        }
    }
    return 0;
}

static int
check_count(size_t count, const char *what, struct error *err)
{
    if (count > 1) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "only a single %s device is supported", what);
    }
    return 0;
}
