/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/differ_fields.h"

#include <string.h>

static int differ_disks(const struct guest *there, const struct guest *here,
                        struct error *err);
static int differ_controllers(const struct guest *there,
                              const struct guest *here, struct error *err);
static int differ_interfaces(const struct guest *there,
                             const struct guest *here, struct error *err);
static int differ_chardevs(const struct guest *there, const struct guest *here,
                           struct error *err);
static int differ_inputs(const struct guest *there, const struct guest *here,
                         struct error *err);
static int differ_videos(const struct guest *there, const struct guest *here,
                         struct error *err);
static int differ_memballoons(const struct guest *there,
                              const struct guest *here, struct error *err);
static int differ_others(const struct guest *there, const struct guest *here,
                         struct error *err);

/* What is compared one by one, in order: sets 'path' to that of element 'i' and
 * compares the addresses.  Both lists have the same length. */
#define EACH_PATH(kind, i) AUTO_FREE char *path = xasprintf(kind "[%zu]", i)

int
differ_devices(const struct guest *source, const struct guest *destination,
               struct error *err)
{
    static int (*const kinds[])(const struct guest *, const struct guest *,
                                struct error *) = {
        differ_disks,  differ_controllers, differ_interfaces,  differ_chardevs,
        differ_inputs, differ_videos,      differ_memballoons, differ_others,
    };

    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (kinds[i](source, destination, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- Disks: by their targets
 * ------------------------------------------------------ */

static const struct guest_disk *
find_disk(const struct guest *guest, const char *target)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        if (strcmp(guest->disks.items[i]->target, target) == 0) {
            return guest->disks.items[i];
        }
    }
    return NULL;
}

static int
missing(const char *path, bool is_there, struct error *err)
{
    return error_set(err, ERROR_CONFIG_UNSUPPORTED, "%s: is %s and not %s",
                     path, is_there ? "there" : "here",
                     is_there ? "here" : "there");
}

static int
differ_disk(const struct guest_disk *there, const struct guest_disk *here,
            struct error *err)
{
    AUTO_FREE char *path = xasprintf("devices/disk[%s]", there->target);
    AUTO_FREE char *target = xasprintf("%s/target", path);

    if (differ_text(path, "device", guest_disk_device_name(there->kind),
                    guest_disk_device_name(here->kind), err) < 0 ||
        differ_text(target, "bus", guest_disk_bus_name(there->bus),
                    guest_disk_bus_name(here->bus), err) < 0 ||
        differ_address(path, &there->device.address, &here->device.address,
                       err) < 0 ||
        differ_text(path, "serial", there->serial, here->serial, err) < 0 ||
        differ_bool(path, "readonly", there->is_readonly, here->is_readonly,
                    err) < 0) {
        return -1;
    }
    return differ_maybe_number(path, "queues", there->queues, here->queues,
                               err);
}

static int
differ_disks(const struct guest *source, const struct guest *destination,
             struct error *err)
{
    for (size_t i = 0; i < source->disks.count; i++) {
        const struct guest_disk *there = source->disks.items[i];
        const struct guest_disk *here = find_disk(destination, there->target);

        if (here == NULL) {
            AUTO_FREE char *path = xasprintf("devices/disk[%s]", there->target);

            return missing(path, true, err);
        }
        if (differ_disk(there, here, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < destination->disks.count; i++) {
        const char *target = destination->disks.items[i]->target;

        if (find_disk(source, target) == NULL) {
            AUTO_FREE char *path = xasprintf("devices/disk[%s]", target);

            return missing(path, false, err);
        }
    }
    return 0;
}

/* ---- Controllers: by type and number
 * ----------------------------------------------- */

/* Companions have one number: 'nth' tells them apart. */
static const struct guest_controller *
find_controller(const struct guest *guest,
                const struct guest_controller *wanted, size_t nth)
{
    for (size_t i = 0; i < guest->controllers.count; i++) {
        const struct guest_controller *controller = guest->controllers.items[i];

        if (controller->type == wanted->type &&
            controller->index.value == wanted->index.value && nth-- == 0) {
            return controller;
        }
    }
    return NULL;
}

static size_t
nth_of_number(const struct guest *guest, size_t position)
{
    const struct guest_controller *wanted = guest->controllers.items[position];
    size_t nth = 0;

    for (size_t i = 0; i < position; i++) {
        nth += guest->controllers.items[i]->type == wanted->type &&
               guest->controllers.items[i]->index.value == wanted->index.value;
    }
    return nth;
}

static char *
controller_path(const struct guest_controller *controller)
{
    return xasprintf("devices/controller[%s %llu]",
                     guest_controller_type_name(controller->type),
                     (unsigned long long)controller->index.value);
}

static int
differ_controller(const struct guest_controller *there,
                  const struct guest_controller *here, struct error *err)
{
    AUTO_FREE char *path = controller_path(there);

    if (differ_text(path, "model", guest_controller_model_name(there->model),
                    guest_controller_model_name(here->model), err) < 0 ||
        differ_address(path, &there->device.address, &here->device.address,
                       err) < 0 ||
        differ_maybe_number(path, "ports", there->ports, here->ports, err) <
            0 ||
        differ_maybe_number(path, "vectors", there->vectors, here->vectors,
                            err) < 0 ||
        differ_text(path, "QEMU's model",
                    guest_pci_model_name(there->pci_model),
                    guest_pci_model_name(here->pci_model), err) < 0 ||
        differ_maybe_number(path, "chassisNr", there->chassis_number,
                            here->chassis_number, err) < 0 ||
        differ_maybe_number(path, "chassis", there->chassis, here->chassis,
                            err) < 0 ||
        differ_maybe_number(path, "port", there->port, here->port, err) < 0) {
        return -1;
    }
    return differ_maybe_number(path, "startport", there->master_port,
                               here->master_port, err);
}

static int
differ_controllers(const struct guest *source, const struct guest *destination,
                   struct error *err)
{
    for (size_t i = 0; i < source->controllers.count; i++) {
        const struct guest_controller *there = source->controllers.items[i];
        const struct guest_controller *here =
            find_controller(destination, there, nth_of_number(source, i));

        if (here == NULL) {
            AUTO_FREE char *path = controller_path(there);

            return missing(path, true, err);
        }
        if (differ_controller(there, here, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < destination->controllers.count; i++) {
        const struct guest_controller *here = destination->controllers.items[i];

        if (find_controller(source, here, nth_of_number(destination, i)) ==
            NULL) {
            AUTO_FREE char *path = controller_path(here);

            return missing(path, false, err);
        }
    }
    return 0;
}

/* ---- One by one
 * --------------------------------------------------------------------- */

static int
differ_interfaces(const struct guest *source, const struct guest *destination,
                  struct error *err)
{
    if (differ_count("devices/interface", source->interfaces.count,
                     destination->interfaces.count, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < source->interfaces.count; i++) {
        const struct guest_interface *there = source->interfaces.items[i];
        const struct guest_interface *here = destination->interfaces.items[i];
        EACH_PATH("devices/interface", i);

        if (differ_text(path, "mac", there->mac, here->mac, err) < 0 ||
            differ_text(path, "model", guest_interface_model_name(there->model),
                        guest_interface_model_name(here->model), err) < 0 ||
            differ_address(path, &there->device.address, &here->device.address,
                           err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The console that is a serial port is compared as that. */
static bool
is_device(const struct guest_chardev *chardev)
{
    return chardev->target != GUEST_CHARDEV_TARGET_SERIAL;
}

static int
differ_chardev(const char *path, const struct guest_chardev *there,
               const struct guest_chardev *here, struct error *err)
{
    if (differ_text(path, "target", guest_chardev_target_name(there->target),
                    guest_chardev_target_name(here->target), err) < 0) {
        return -1;
    }
    if (!is_device(there)) {
        return 0;
    }
    if (differ_text(path, "model", guest_serial_model_name(there->model),
                    guest_serial_model_name(here->model), err) < 0 ||
        differ_text(path, "name", there->name, here->name, err) < 0 ||
        differ_address(path, &there->device.address, &here->device.address,
                       err) < 0) {
        return -1;
    }
    /* The number of a virtio console is not seen. */
    return there->target == GUEST_CHARDEV_TARGET_VIRTIO
               ? 0
               : differ_maybe_number(path, "port", there->port, here->port,
                                     err);
}

/* Compares a list of character devices; they all have the same type. */
#define DIFFER_CHARDEVS(list, kind)                                            \
    do {                                                                       \
        if (differ_count(kind, source->list.count, destination->list.count,    \
                         err) < 0) {                                           \
            return -1;                                                         \
        }                                                                      \
        for (size_t i = 0; i < source->list.count; i++) {                      \
            EACH_PATH(kind, i);                                                \
            if (differ_chardev(path, source->list.items[i],                    \
                               destination->list.items[i], err) < 0) {         \
                return -1;                                                     \
            }                                                                  \
        }                                                                      \
    } while (0)

static int
differ_chardevs(const struct guest *source, const struct guest *destination,
                struct error *err)
{
    DIFFER_CHARDEVS(serials, "devices/serial");
    DIFFER_CHARDEVS(parallels, "devices/parallel");
    DIFFER_CHARDEVS(consoles, "devices/console");
    DIFFER_CHARDEVS(channels, "devices/channel");
    return 0;
}

/* The next input that is not part of the board, from '*at' on; NULL: none. */
static const struct guest_input *
next_input(const struct guest *guest, size_t *at)
{
    while (*at < guest->inputs.count) {
        const struct guest_input *input = guest->inputs.items[(*at)++];

        if (input->bus != GUEST_INPUT_BUS_PS2) {
            return input;
        }
    }
    return NULL;
}

static int
differ_inputs(const struct guest *source, const struct guest *destination,
              struct error *err)
{
    size_t there_at = 0;
    size_t here_at = 0;

    for (size_t i = 0;; i++) {
        const struct guest_input *there = next_input(source, &there_at);
        const struct guest_input *here = next_input(destination, &here_at);
        EACH_PATH("devices/input", i);

        if (there == NULL && here == NULL) {
            return 0;
        }
        if (there == NULL || here == NULL) {
            return missing(path, there != NULL, err);
        }
        if (differ_text(path, "type", guest_input_type_name(there->type),
                        guest_input_type_name(here->type), err) < 0 ||
            differ_text(path, "bus", guest_input_bus_name(there->bus),
                        guest_input_bus_name(here->bus), err) < 0 ||
            differ_address(path, &there->device.address, &here->device.address,
                           err) < 0) {
            return -1;
        }
    }
}

static int
differ_videos(const struct guest *source, const struct guest *destination,
              struct error *err)
{
    if (differ_count("devices/video", source->videos.count,
                     destination->videos.count, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < source->videos.count; i++) {
        const struct guest_video *there = source->videos.items[i];
        const struct guest_video *here = destination->videos.items[i];
        EACH_PATH("devices/video", i);

        if (differ_text(path, "type", guest_video_type_name(there->type),
                        guest_video_type_name(here->type), err) < 0 ||
            differ_maybe_number(path, "vram", there->vram, here->vram, err) <
                0 ||
            differ_maybe_number(path, "heads", there->heads, here->heads, err) <
                0 ||
            differ_address(path, &there->device.address, &here->device.address,
                           err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
differ_memballoons(const struct guest *source, const struct guest *destination,
                   struct error *err)
{
    if (differ_count("devices/memballoon", source->memballoons.count,
                     destination->memballoons.count, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < source->memballoons.count; i++) {
        const struct guest_memballoon *there = source->memballoons.items[i];
        const struct guest_memballoon *here = destination->memballoons.items[i];
        EACH_PATH("devices/memballoon", i);

        if (differ_text(path, "model",
                        guest_memballoon_model_name(there->model),
                        guest_memballoon_model_name(here->model), err) < 0 ||
            differ_address(path, &there->device.address, &here->device.address,
                           err) < 0 ||
            /* The guest is told of these. */
            differ_bool(path, "autodeflate",
                        there->autodeflate == GUEST_SWITCH_ON,
                        here->autodeflate == GUEST_SWITCH_ON, err) < 0 ||
            differ_bool(path, "freePageReporting",
                        there->free_page_reporting == GUEST_SWITCH_ON,
                        here->free_page_reporting == GUEST_SWITCH_ON,
                        err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Compares devices that have a word for what they are, and an address. */
#define DIFFER_SIMPLE(list, kind, name, word)                                  \
    do {                                                                       \
        if (differ_count(kind, source->list.count, destination->list.count,    \
                         err) < 0) {                                           \
            return -1;                                                         \
        }                                                                      \
        for (size_t i = 0; i < source->list.count; i++) {                      \
            EACH_PATH(kind, i);                                                \
            if (differ_text(path, #name, word(source->list.items[i]->name),    \
                            word(destination->list.items[i]->name),            \
                            err) < 0 ||                                        \
                differ_address(path, &source->list.items[i]->device.address,   \
                               &destination->list.items[i]->device.address,    \
                               err) < 0) {                                     \
                return -1;                                                     \
            }                                                                  \
        }                                                                      \
    } while (0)

static int
differ_others(const struct guest *source, const struct guest *destination,
              struct error *err)
{
    DIFFER_SIMPLE(sounds, "devices/sound", model, guest_sound_model_name);
    DIFFER_SIMPLE(hubs, "devices/hub", type, guest_hub_type_name);
    DIFFER_SIMPLE(watchdogs, "devices/watchdog", model,
                  guest_watchdog_model_name);
    DIFFER_SIMPLE(rngs, "devices/rng", model, guest_rng_model_name);
    DIFFER_SIMPLE(panics, "devices/panic", model, guest_panic_model_name);
    return 0;
}
