/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/complete_names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_INDEX_MAX = 1000000 };

static char *disk_alias(const struct guest *guest,
                        const struct guest_disk *disk);
static char *controller_alias(const struct guest_controller *controller,
                              bool is_q35);
static char *console_alias(const struct guest *guest, size_t number);
static int check_alias(const struct guest *guest,
                       const struct guest_device *device, struct error *err);

/* Gives "<prefix><number>" to each without an alias, the number being its
 * place in the list. */
#define NUMBER_ALIASES(list, prefix)                                           \
    for (size_t i = 0; i < (list).count; i++) {                                \
        if ((list).items[i]->device.alias == NULL) {                           \
            (list).items[i]->device.alias = xasprintf("%s%zu", prefix, i);     \
        }                                                                      \
    }

struct alias_check {
    const struct guest *guest;
    struct error *err;
    struct guest_device **seen; /* Owned. */
    size_t count;
    size_t capacity;
};

static int
check_one(void *owner, const char *kind, struct guest_device *device)
{
    struct alias_check *check = owner;

    (void)kind;
    if (device->alias == NULL) {
        return 0;
    }
    if (check_alias(check->guest, device, check->err) < 0) {
        return -1;
    }
    check->seen = array_grow(check->seen, &check->capacity, check->count,
                             sizeof(*check->seen));
    check->seen[check->count++] = device;
    return 0;
}

static int
by_alias(const void *a, const void *b)
{
    const struct guest_device *const *left = a;
    const struct guest_device *const *right = b;

    return strcmp((*left)->alias, (*right)->alias);
}

/* The companions of a USB 2 controller are one controller to their users. */
static bool
may_share_alias(const struct guest *guest, const struct guest_device *device)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        if (&guest->controllers.items[i]->device == device) {
            return guest->controllers.items[i]->type ==
                   GUEST_CONTROLLER_TYPE_USB;
        }
    }
    /* The first console is the first serial again. */
    return guest->consoles.count > 0 &&
           &guest->consoles.items[0]->device == device &&
           guest->consoles.items[0]->target == GUEST_CHARDEV_TARGET_SERIAL;
}

static int
check_aliases(struct guest *guest, struct error *err)
{
    struct alias_check check = {.guest = guest, .err = err};
    int result = guest_visit_devices(guest, check_one, &check);
    AUTO_FREE struct guest_device **seen = check.seen;

    if (result != 0 || check.count == 0) {
        return result;
    }
    qsort(seen, check.count, sizeof(seen[0]), by_alias);
    for (size_t i = 1; i < check.count; i++) {
        if (strcmp(seen[i - 1]->alias, seen[i]->alias) == 0 &&
            !may_share_alias(guest, seen[i - 1]) &&
            !may_share_alias(guest, seen[i])) {
            AUTO_FREE char *one = complete_label(guest, seen[i - 1]);
            AUTO_FREE char *other = complete_label(guest, seen[i]);

            return error_set(err, ERROR_XML, "%s and %s both are called '%s'",
                             one, other, seen[i]->alias);
        }
    }
    return 0;
}

int
complete_aliases(struct guest *guest, bool is_q35, struct error *err)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        struct guest_disk *disk = guest->disks.items[i];

        if (disk->device.alias == NULL) {
            disk->device.alias = disk_alias(guest, disk);
        }
    }
    for (size_t i = 0; i < guest->controllers.count; i++) {
        struct guest_controller *controller = guest->controllers.items[i];

        if (controller->device.alias == NULL &&
            controller->model != GUEST_CONTROLLER_MODEL_NONE) {
            controller->device.alias = controller_alias(controller, is_q35);
        }
    }
    NUMBER_ALIASES(guest->interfaces, "net");
    NUMBER_ALIASES(guest->serials, "serial");
    NUMBER_ALIASES(guest->parallels, "parallel");
    NUMBER_ALIASES(guest->channels, "channel");
    NUMBER_ALIASES(guest->inputs, "input");
    NUMBER_ALIASES(guest->sounds, "sound");
    NUMBER_ALIASES(guest->videos, "video");
    NUMBER_ALIASES(guest->hubs, "hub");
    NUMBER_ALIASES(guest->watchdogs, "watchdog");
    NUMBER_ALIASES(guest->rngs, "rng");
    NUMBER_ALIASES(guest->panics, "panic");
    for (size_t i = 0; i < guest->consoles.count; i++) {
        if (guest->consoles.items[i]->device.alias == NULL) {
            guest->consoles.items[i]->device.alias = console_alias(guest, i);
        }
    }
    for (size_t i = 0; i < guest->memballoons.count; i++) {
        struct guest_memballoon *balloon = guest->memballoons.items[i];

        if (balloon->device.alias == NULL &&
            balloon->model != GUEST_MEMBALLOON_MODEL_NONE) {
            balloon->device.alias = xasprintf("balloon%zu", i);
        }
    }
    return check_aliases(guest, err);
}

static bool
is_raw(enum guest_disk_format format)
{
    return format == GUEST_DISK_FORMAT_RAW || format == GUEST_DISK_FORMAT_UNSET;
}

/* Each image of a chain has a number of its own, the last disk the lowest. */
void
complete_indexes(struct guest *guest)
{
    uint64_t index = 0;

    for (size_t i = 0; i < guest->disks.count; i++) {
        if (guest->disks.items[i]->index.is_set) {
            return;
        }
    }
    for (size_t i = guest->disks.count; i-- > 0;) {
        struct guest_disk *disk = guest->disks.items[i];

        disk->index = (struct guest_number){true, ++index};
        if (disk->backing == NULL && disk->path != NULL &&
            is_raw(disk->format)) {
            /* Nothing can lie below it: libvirt's <backingStore/>. */
            disk->backing = xcalloc(1, sizeof *disk->backing);
        }
        for (struct guest_backing *backing = disk->backing; backing != NULL;
             backing = backing->next) {
            if (backing->path != NULL && index < NODE_INDEX_MAX) {
                backing->index = (struct guest_number){true, ++index};
            }
        }
    }
}

/* "kind[what]" or "kind[number]" for the first list that has 'device'. */
#define LABEL_IN(list, kind, what)                                             \
    for (size_t i = 0; i < (list).count; i++) {                                \
        if (&(list).items[i]->device == device) {                              \
            const char *word = (what);                                         \
            return word != NULL ? xasprintf(kind "[%s]", word)                 \
                                : xasprintf(kind "[%zu]", i);                  \
        }                                                                      \
    }

static char *
controller_label(const struct guest_controller *controller)
{
    const char *type = guest_controller_type_name(controller->type);

    if (!controller->index.is_set) {
        return xasprintf("controller[%s]", type);
    }
    return xasprintf("controller[%s %llu]", type,
                     (unsigned long long)controller->index.value);
}

char *
complete_label(const struct guest *guest, const struct guest_device *device)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        if (&guest->controllers.items[i]->device == device) {
            return controller_label(guest->controllers.items[i]);
        }
    }
    LABEL_IN(guest->disks, "disk", guest->disks.items[i]->target);
    LABEL_IN(guest->interfaces, "interface", guest->interfaces.items[i]->mac);
    LABEL_IN(guest->serials, "serial", NULL);
    LABEL_IN(guest->parallels, "parallel", NULL);
    LABEL_IN(guest->consoles, "console", NULL);
    LABEL_IN(guest->channels, "channel", guest->channels.items[i]->name);
    LABEL_IN(guest->inputs, "input", NULL);
    LABEL_IN(guest->graphics, "graphics", NULL);
    LABEL_IN(guest->sounds, "sound", NULL);
    LABEL_IN(guest->audios, "audio", NULL);
    LABEL_IN(guest->videos, "video", NULL);
    LABEL_IN(guest->hubs, "hub", NULL);
    LABEL_IN(guest->watchdogs, "watchdog", NULL);
    LABEL_IN(guest->memballoons, "memballoon", NULL);
    LABEL_IN(guest->rngs, "rng", NULL);
    LABEL_IN(guest->panics, "panic", NULL);
    return xstrdup("device");
}

static char *
disk_alias(const struct guest *guest, const struct guest_disk *disk)
{
    const struct guest_address *at = &disk->device.address;
    const struct guest_controller *scsi = NULL;

    switch (disk->bus) {
    case GUEST_DISK_BUS_VIRTIO:
        return xasprintf("virtio-disk%d",
                         guest_disk_target_index(disk->target));
    case GUEST_DISK_BUS_USB:
        return xasprintf("usb-disk%d", guest_disk_target_index(disk->target));
    default:
        break;
    }
    if (disk->bus != GUEST_DISK_BUS_SCSI) {
        return xasprintf("%s%u-%u-%u", guest_disk_bus_name(disk->bus),
                         at->controller, at->bus, at->unit);
    }
    for (size_t i = 0; i < guest->controllers.count; i++) {
        const struct guest_controller *candidate = guest->controllers.items[i];

        if (candidate->type == GUEST_CONTROLLER_TYPE_SCSI &&
            candidate->index.value == at->controller) {
            scsi = candidate;
        }
    }
    if (scsi != NULL && scsi->model == GUEST_CONTROLLER_MODEL_LSILOGIC) {
        return xasprintf("scsi%u-%u-%u", at->controller, at->bus, at->unit);
    }
    return xasprintf("scsi%u-%u-%u-%u", at->controller, at->bus, at->target,
                     at->unit);
}

static char *
controller_alias(const struct guest_controller *controller, bool is_q35)
{
    unsigned long long index = controller->index.value;

    switch (controller->type) {
    case GUEST_CONTROLLER_TYPE_PCI:
        return xasprintf("%s.%llu", index == 0 && is_q35 ? "pcie" : "pci",
                         index);
    case GUEST_CONTROLLER_TYPE_USB:
        return index == 0 ? xstrdup("usb") : xasprintf("usb%llu", index);
    case GUEST_CONTROLLER_TYPE_IDE:
        return index == 0 ? xstrdup("ide") : xasprintf("ide%llu", index);
    case GUEST_CONTROLLER_TYPE_SATA:
        /* The board's own one has the board's name for it. */
        return index == 0 && is_q35 ? xstrdup("ide")
                                    : xasprintf("sata%llu", index);
    default:
        return xasprintf("%s%llu", guest_controller_type_name(controller->type),
                         index);
    }
}

static char *
console_alias(const struct guest *guest, size_t number)
{
    const struct guest_chardev *console = guest->consoles.items[number];

    if (number == 0 && console->target == GUEST_CHARDEV_TARGET_SERIAL &&
        guest->serials.count > 0) {
        return xstrdup(guest->serials.items[0]->device.alias);
    }
    return xasprintf("console%zu", number);
}

static int
check_alias(const struct guest *guest, const struct guest_device *device,
            struct error *err)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "0123456789-_.";
    size_t length = strlen(device->alias);

    if (length > 0 && length <= 64 &&
        strspn(device->alias, allowed) == length) {
        return 0;
    }
    AUTO_FREE char *label = complete_label(guest, device);

    return error_set(err, ERROR_XML,
                     "%s: alias '%.64s' has other characters than letters, "
                     "digits, '-', '_' and '.', or too many",
                     label, device->alias);
}
