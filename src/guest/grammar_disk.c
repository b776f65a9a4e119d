/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of disks, and of controllers, which they sit on. */

#include <string.h>

#include "guest/grammar.h"

static int finish_disk(struct grammar_reader *reader, const xmlNode *node,
                       void *object);

/* ---- disk --------------------------------------------------------------- */

static const struct grammar_field backing_format_fields[] = {
    ATTRIBUTE("type", WORD(guest_backing, format, guest_disk_format),
              FLAGS(FIELD_REQUIRED)),
};
static const struct grammar_field backing_source_fields[] = {
    ATTRIBUTE("file", TEXT(guest_backing, path), .min = 1,
              WHEN(guest_backing, type, BIT(GUEST_DISK_TYPE_FILE))),
    ATTRIBUTE("dev", TEXT(guest_backing, path), .min = 1,
              WHEN(guest_backing, type, BIT(GUEST_DISK_TYPE_BLOCK))),
};
static const struct grammar guest_backing_grammar;
static const struct grammar_field backing_fields[] = {
    ATTRIBUTE("type", WORD(guest_backing, type, guest_disk_type)),
    ATTRIBUTE("index", NUMBER(guest_backing, index, 0, UINT32_MAX),
              FLAGS(FIELD_LIVE)),
    GROUP("format", backing_format_fields),
    GROUP("source", backing_source_fields),
    STRUCT("backingStore", guest_backing, next, guest_backing),
};
static const struct grammar guest_backing_grammar =
    GRAMMAR(guest_backing, backing_fields);

static const struct grammar_field driver_fields[] = {
    ATTRIBUTE("name", FIXED("qemu")),
    ATTRIBUTE("type", WORD(guest_disk, format, guest_disk_format),
              INITIALLY(GUEST_DISK_FORMAT_RAW)),
    ATTRIBUTE("cache", WORD(guest_disk, cache, guest_disk_cache)),
    ATTRIBUTE("error_policy",
              WORD(guest_disk, error_policy, guest_disk_error_policy)),
    ATTRIBUTE("rerror_policy",
              WORD(guest_disk, rerror_policy, guest_disk_error_policy)),
    ATTRIBUTE("io", WORD(guest_disk, io, guest_disk_io)),
    ATTRIBUTE("discard", WORD(guest_disk, discard, guest_disk_discard)),
    ATTRIBUTE("iothread", NUMBER(guest_disk, iothread, 1, 1024)),
    ATTRIBUTE("detect_zeroes",
              WORD(guest_disk, detect_zeroes, guest_disk_detect_zeroes)),
    ATTRIBUTE("queues", NUMBER(guest_disk, queues, 1, 256)),
};
static const struct grammar_field source_fields[] = {
    ATTRIBUTE("file", TEXT(guest_disk, path), .min = 1,
              WHEN(guest_disk, type, BIT(GUEST_DISK_TYPE_FILE))),
    ATTRIBUTE("dev", TEXT(guest_disk, path), .min = 1,
              WHEN(guest_disk, type, BIT(GUEST_DISK_TYPE_BLOCK))),
    ATTRIBUTE("index", NUMBER(guest_disk, index, 0, UINT32_MAX),
              FLAGS(FIELD_LIVE)),
};
static const struct grammar_field target_fields[] = {
    ATTRIBUTE("dev", TEXT(guest_disk, target), FLAGS(FIELD_REQUIRED), .min = 1,
              .max = 16),
    ATTRIBUTE("bus", WORD(guest_disk, bus, guest_disk_bus)),
    ATTRIBUTE("tray", WORD(guest_disk, tray, guest_disk_tray)),
};
static const struct grammar_field disk_fields[] = {
    ATTRIBUTE("type", WORD(guest_disk, type, guest_disk_type),
              INITIALLY(GUEST_DISK_TYPE_FILE)),
    ATTRIBUTE("device", WORD(guest_disk, kind, guest_disk_device),
              INITIALLY(GUEST_DISK_DEVICE_DISK)),
    GROUP("driver", driver_fields),
    GROUP("source", source_fields),
    STRUCT("backingStore", guest_disk, backing, guest_backing,
           FLAGS(FIELD_ACTIVE)),
    GROUP("target", target_fields, FLAGS(FIELD_REQUIRED)),
    FLAG("readonly", guest_disk, is_readonly),
    FLAG("shareable", guest_disk, is_shareable),
    CHILD_CONTENT("serial", TEXT(guest_disk, serial), .min = 1, .max = 64),
    CHILD_ATTRIBUTE("boot", "order",
                    NUMBER(guest_disk, boot_order, 1, INT32_MAX)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_disk_grammar =
    GRAMMAR(guest_disk, disk_fields, .finish = finish_disk);

/* ---- controller ---------------------------------------------------------- */

#define IS_PCI WHEN(guest_controller, type, BIT(GUEST_CONTROLLER_TYPE_PCI))
#define IS_USB WHEN(guest_controller, type, BIT(GUEST_CONTROLLER_TYPE_USB))
#define IS_VIRTIO_SERIAL                                                       \
    WHEN(guest_controller, type, BIT(GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL))
static const struct grammar_field controller_target_fields[] = {
    ATTRIBUTE("chassisNr", NUMBER(guest_controller, chassis_number, 1, 255)),
    ATTRIBUTE("chassis", NUMBER(guest_controller, chassis, 0, 255)),
    ATTRIBUTE("port", HEX_NUMBER(guest_controller, port, 255)),
};
static const struct grammar_field controller_fields[] = {
    ATTRIBUTE("type", WORD(guest_controller, type, guest_controller_type),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("index", NUMBER(guest_controller, index, 0, 255)),
    ATTRIBUTE("model", WORD(guest_controller, model, guest_controller_model)),
    ATTRIBUTE("ports", NUMBER(guest_controller, ports, 1, 31),
              WHEN(guest_controller, type,
                   BIT(GUEST_CONTROLLER_TYPE_USB) |
                       BIT(GUEST_CONTROLLER_TYPE_VIRTIO_SERIAL))),
    ATTRIBUTE("vectors", NUMBER(guest_controller, vectors, 0, 128),
              IS_VIRTIO_SERIAL),
    CHILD_ATTRIBUTE("model", "name",
                    WORD(guest_controller, pci_model, guest_pci_model), IS_PCI),
    GROUP("target", controller_target_fields, IS_PCI),
    DEVICE_ALIAS,
    CHILD_ATTRIBUTE("master", "startport",
                    NUMBER(guest_controller, master_port, 0, 15), IS_USB),
    DEVICE_ADDRESS,
};
const struct grammar guest_controller_grammar =
    GRAMMAR(guest_controller, controller_fields);

/* ---- order ----------------------------------------------------------------
 */

void
guest_add_disk(struct guest *guest, struct guest_disk *disk)
{
    size_t place = SIZE_MAX;

    for (size_t i = guest->disks.count; i-- > 0;) {
        const struct guest_disk *other = guest->disks.items[i];

        if (other->bus != disk->bus) {
            continue;
        }
        if (guest_disk_target_index(other->target) >
            guest_disk_target_index(disk->target)) {
            place = i;
        } else if (place == SIZE_MAX) {
            place = i + 1;
        }
    }
    guest_list_insert(&guest->disks,
                      place == SIZE_MAX ? guest->disks.count : place, disk);
}

/* Whether 'controller' is written before 'other', of the same type. */
static bool
comes_before(const struct guest_controller *controller,
             const struct guest_controller *other)
{
    if (!controller->index.is_set || !other->index.is_set) {
        return false;
    }
    if (controller->index.value != other->index.value) {
        return controller->index.value < other->index.value;
    }
    /* A USB controller comes before its companions. */
    return other->master_port.is_set && !controller->master_port.is_set;
}

void
guest_add_controller(struct guest *guest, struct guest_controller *controller)
{
    size_t place = SIZE_MAX;

    for (size_t i = guest->controllers.count; i-- > 0;) {
        const struct guest_controller *other = guest->controllers.items[i];

        if (other->type != controller->type) {
            continue;
        }
        if (comes_before(controller, other)) {
            place = i;
        } else if (place == SIZE_MAX) {
            place = i + 1;
        }
    }
    guest_list_insert(&guest->controllers,
                      place == SIZE_MAX ? guest->controllers.count : place,
                      controller);
}

int
guest_disk_target_index(const char *target)
{
    static const char *const prefixes[] = {"fd", "hd", "sd", "vd"};
    int index = 0;

    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
        if (!has_prefix(target, prefixes[i])) {
            continue;
        }
        const char *letters = target + strlen(prefixes[i]);
        size_t length = strlen(letters);

        /* Four letters are more disks than anybody has. */
        if (length == 0 || length > 4) {
            return -1;
        }
        for (; *letters; letters++) {
            if (*letters < 'a' || *letters > 'z') {
                return -1;
            }
            index = index * 26 + (*letters - 'a' + 1);
        }
        return index - 1;
    }
    return -1;
}

static int
finish_disk(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest_disk *disk = object;
    const char *target = disk->target;

    if (guest_disk_target_index(target) < 0) {
        return error_set(reader->err, ERROR_CONFIG_UNSUPPORTED,
                         "unsupported disk target '%s' at line %ld", target,
                         xmlGetLineNo(node));
    }
    if (!disk->bus) {
        disk->bus = has_prefix(target, "fd")   ? GUEST_DISK_BUS_FDC
                    : has_prefix(target, "hd") ? GUEST_DISK_BUS_IDE
                    : has_prefix(target, "sd") ? GUEST_DISK_BUS_SCSI
                                               : GUEST_DISK_BUS_VIRTIO;
    }
    if (disk->kind == GUEST_DISK_DEVICE_CDROM) {
        disk->is_readonly = true;
    }
    return 0;
}
