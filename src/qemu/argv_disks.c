/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_parts.h"

#include <json-c/json.h>

static int add_nodes(struct argv_context *context,
                     const struct guest_disk *disk, struct error *err);
static void add_device(struct argv_context *context,
                       const struct guest_disk *disk);

int
argv_disks(struct argv_context *context, struct error *err)
{
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];

        if (disk->device.alias == NULL || !disk->index.is_set ||
            disk->device.address.type == GUEST_ADDRESS_TYPE_UNSET) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "disk[%s]: it is not complete", disk->target);
        }
        if (disk->path != NULL && add_nodes(context, disk, err) < 0) {
            return -1;
        }
        add_device(context, disk);
    }
    return 0;
}

/* ---- Block nodes
 * -------------------------------------------------------------- */

/* What a cache mode is made of. */
struct cache_mode {
    bool is_direct;
    bool is_without_flush;
    bool is_writeback;
};

static const struct cache_mode cache_modes[GUEST_DISK_CACHE_COUNT] = {
    [GUEST_DISK_CACHE_NONE] = {true,  false, true },
    [GUEST_DISK_CACHE_WRITETHROUGH] = {false, false, false},
    [GUEST_DISK_CACHE_WRITEBACK] = {false, false, true },
    [GUEST_DISK_CACHE_DIRECTSYNC] = {true,  false, false},
    [GUEST_DISK_CACHE_UNSAFE] = {false, true,  true },
};

/* Of a disk that two guests write to, no host may keep a copy. */
static enum guest_disk_cache
cache_of(const struct guest_disk *disk)
{
    bool is_default = disk->cache == GUEST_DISK_CACHE_UNSET ||
                      disk->cache == GUEST_DISK_CACHE_DEFAULT;

    if (!is_default) {
        return disk->cache;
    }
    return disk->is_shareable && !disk->is_readonly ? GUEST_DISK_CACHE_NONE
                                                    : GUEST_DISK_CACHE_DEFAULT;
}

static bool
has_cache(const struct guest_disk *disk)
{
    return cache_of(disk) != GUEST_DISK_CACHE_DEFAULT;
}

static void
add_cache(struct json_object *node, const struct guest_disk *disk)
{
    const struct cache_mode *mode = &cache_modes[cache_of(disk)];
    struct json_object *cache;

    if (!has_cache(disk)) {
        return;
    }
    cache = argv_json("direct", NULL);
    argv_json_bool(cache, "direct", mode->is_direct);
    argv_json_bool(cache, "no-flush", mode->is_without_flush);
    json_object_object_add(node, "cache", cache);
}

/* An image: the file, and the format in it on top. */
struct image {
    enum guest_disk_type type;
    enum guest_disk_format format;
    const char *path;
    uint64_t index;
    bool is_readonly;
    bool has_no_backing; /* Known to stand alone. */
    uint64_t backing;    /* The index of the image below; 0: QEMU finds it. */
};

static void
add_image(struct argv_context *context, const struct guest_disk *disk,
          const struct image *image)
{
    unsigned long long index = image->index;
    struct json_object *storage =
        argv_json("driver", image->type == GUEST_DISK_TYPE_BLOCK ? "host_device"
                                                                 : "file");
    struct json_object *format;

    argv_json_text(storage, "filename", image->path);
    argv_json_text(
        storage, "aio",
        disk->io != GUEST_DISK_IO_UNSET ? guest_disk_io_name(disk->io) : NULL);
    argv_json_textf(storage, "node-name", "libvirt-%llu-storage", index);
    add_cache(storage, disk);
    argv_json_bool(storage, "auto-read-only", true);
    argv_json_text(storage, "discard", "unmap");
    argv_add_json(&context->argv, "-blockdev", storage);

    format = argv_json("node-name", NULL);
    argv_json_textf(format, "node-name", "libvirt-%llu-format", index);
    argv_json_bool(format, "read-only", image->is_readonly);
    argv_json_text(format, "discard", guest_disk_discard_name(disk->discard));
    argv_json_text(format, "detect-zeroes",
                   guest_disk_detect_zeroes_name(disk->detect_zeroes));
    add_cache(format, disk);
    argv_json_text(format, "driver", guest_disk_format_name(image->format));
    argv_json_textf(format, "file", "libvirt-%llu-storage", index);
    if (image->backing != 0) {
        argv_json_textf(format, "backing", "libvirt-%llu-format",
                        (unsigned long long)image->backing);
    } else if (image->has_no_backing &&
               image->format != GUEST_DISK_FORMAT_RAW) {
        json_object_object_add(format, "backing", NULL);
    }
    argv_add_json(&context->argv, "-blockdev", format);
}

/* The lowest image first, since a node refers to the one below it. */
static int
add_backing(struct argv_context *context, const struct guest_disk *disk,
            const struct guest_backing *backing, struct error *err)
{
    const struct guest_backing *next = backing->next;
    struct image image = {
        .type = backing->type,
        .format = backing->format,
        .path = backing->path,
        .index = backing->index.value,
        .is_readonly = true,
    };

    if (!backing->index.is_set || backing->format == GUEST_DISK_FORMAT_UNSET) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "disk[%s]: the image below it has no %s", disk->target,
                         backing->index.is_set ? "format" : "index");
    }
    if (next != NULL && next->path != NULL) {
        if (add_backing(context, disk, next, err) < 0) {
            return -1;
        }
        image.backing = next->index.value;
    }
    image.has_no_backing = next != NULL && next->path == NULL;
    add_image(context, disk, &image);
    return 0;
}

static int
add_nodes(struct argv_context *context, const struct guest_disk *disk,
          struct error *err)
{
    const struct guest_backing *backing = disk->backing;
    struct image image = {
        .type = disk->type,
        .format = disk->format == GUEST_DISK_FORMAT_UNSET
                      ? GUEST_DISK_FORMAT_RAW
                      : disk->format,
        .path = disk->path,
        .index = disk->index.value,
        .is_readonly = disk->is_readonly,
        .has_no_backing = backing != NULL && backing->path == NULL,
    };

    if (backing != NULL && backing->path != NULL) {
        if (add_backing(context, disk, backing, err) < 0) {
            return -1;
        }
        image.backing = backing->index.value;
    }
    add_image(context, disk, &image);
    return 0;
}

/* ---- Devices
 * ------------------------------------------------------------------ */

static const char *
driver(const struct guest_disk *disk)
{
    bool is_cdrom = disk->kind == GUEST_DISK_DEVICE_CDROM;

    switch (disk->bus) {
    case GUEST_DISK_BUS_VIRTIO:
        return "virtio-blk-pci";
    case GUEST_DISK_BUS_SCSI:
        return is_cdrom ? "scsi-cd" : "scsi-hd";
    case GUEST_DISK_BUS_USB:
        return "usb-storage";
    case GUEST_DISK_BUS_FDC:
        return "floppy";
    default:
        return is_cdrom ? "ide-cd" : "ide-hd";
    }
}

static bool
is_lsi(const struct guest *guest, unsigned index)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        const struct guest_controller *controller = guest->controllers.items[i];

        if (controller->type == GUEST_CONTROLLER_TYPE_SCSI &&
            controller->index.value == index) {
            return controller->model == GUEST_CONTROLLER_MODEL_LSILOGIC;
        }
    }
    return false;
}

/* Where on its controller a disk sits, in the words of the bus. */
static void
add_place(const struct argv_context *context, struct json_object *device,
          const struct guest_disk *disk)
{
    const struct guest_address *at = &disk->device.address;

    switch (disk->bus) {
    case GUEST_DISK_BUS_IDE:
        argv_json_textf(device, "bus", "ide.%u", at->bus);
        argv_json_number(device, "unit", at->unit);
        break;
    case GUEST_DISK_BUS_FDC:
        argv_json_number(device, "unit", at->unit);
        break;
    case GUEST_DISK_BUS_SATA:
        if (at->controller == 0 && context->is_q35) {
            argv_json_textf(device, "bus", "ide.%u", at->unit);
        } else {
            argv_json_textf(device, "bus", "sata%u.%u", at->controller,
                            at->unit);
        }
        break;
    case GUEST_DISK_BUS_SCSI:
        argv_json_textf(device, "bus", "scsi%u.0", at->controller);
        if (is_lsi(context->guest, at->controller)) {
            argv_json_number(device, "scsi-id", at->unit);
        } else {
            argv_json_number(device, "channel", at->bus);
            argv_json_number(device, "scsi-id", at->target);
            argv_json_number(device, "lun", at->unit);
        }
        argv_json_textf(device, "device_id", "drive-%s", disk->device.alias);
        break;
    default:
        argv_address(context, device, at);
        break;
    }
}

/* Its own number, or that of the first of its kind in <os>. */
static uint64_t
bootindex(struct argv_context *context, const struct guest_disk *disk)
{
    unsigned *first = disk->kind == GUEST_DISK_DEVICE_CDROM
                          ? &context->boot_cdrom
                          : &context->boot_disk;
    uint64_t index = disk->boot_order.value;

    if (disk->bus == GUEST_DISK_BUS_FDC) {
        return 0; /* On its controller. */
    }
    if (!disk->boot_order.is_set) {
        index = *first;
        *first = 0;
    }
    return index;
}

/* QEMU's word; NULL for none. */
static const char *
policy(enum guest_disk_error_policy policy)
{
    return policy == GUEST_DISK_ERROR_POLICY_ENOSPACE
               ? "enospc"
               : guest_disk_error_policy_name(policy);
}

static void
add_device(struct argv_context *context, const struct guest_disk *disk)
{
    struct json_object *device = argv_json("driver", driver(disk));
    uint64_t boot = bootindex(context, disk);

    if (disk->iothread.is_set) {
        argv_json_textf(device, "iothread", "iothread%llu",
                        (unsigned long long)disk->iothread.value);
    }
    if (disk->queues.is_set) {
        argv_json_number(device, "num-queues", disk->queues.value);
    }
    add_place(context, device, disk);
    if (disk->is_shareable && disk->bus != GUEST_DISK_BUS_FDC) {
        argv_json_bool(device, "share-rw", true);
    }
    if (disk->path != NULL) {
        argv_json_textf(device, "drive", "libvirt-%llu-format",
                        (unsigned long long)disk->index.value);
    }
    argv_json_text(device, "id", disk->device.alias);
    if (boot != 0) {
        argv_json_number(device, "bootindex", boot);
    }
    if (disk->bus == GUEST_DISK_BUS_USB) {
        argv_json_bool(device, "removable", false);
    }
    if (has_cache(disk)) {
        argv_json_text(device, "write-cache",
                       cache_modes[cache_of(disk)].is_writeback ? "on" : "off");
    }
    argv_json_text(device, "werror", policy(disk->error_policy));
    argv_json_text(device, "rerror", policy(disk->rerror_policy));
    argv_json_text(device, "serial", disk->serial);
    argv_add_json(&context->argv, "-device", device);
}
