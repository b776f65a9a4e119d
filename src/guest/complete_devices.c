/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/complete_devices.h"

#include <stdlib.h>
#include <string.h>

#include "guest/addresses.h"

enum { VIDEO_RAM_KIB = 16384 };

static void complete_interface(struct guest_interface *interface);
static void complete_serials(struct guest *guest);
static int complete_consoles(struct guest *guest, struct error *err);
static void complete_video(struct guest *guest);

static void
set_default(struct guest_number *number, uint64_t value)
{
    if (!number->is_set) {
        *number = (struct guest_number){true, value};
    }
}

int
complete_defaults(struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->interfaces.count; i++) {
        complete_interface(guest->interfaces.items[i]);
    }
    complete_serials(guest);
    if (complete_consoles(guest, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < guest->inputs.count; i++) {
        struct guest_input *input = guest->inputs.items[i];

        if (input->bus == GUEST_INPUT_BUS_UNSET) {
            input->bus = input->type == GUEST_INPUT_TYPE_TABLET
                             ? GUEST_INPUT_BUS_USB
                             : GUEST_INPUT_BUS_PS2;
        }
    }
    for (size_t i = 0; i < guest->watchdogs.count; i++) {
        struct guest_watchdog *watchdog = guest->watchdogs.items[i];

        if (watchdog->model == GUEST_WATCHDOG_MODEL_UNSET) {
            watchdog->model = GUEST_WATCHDOG_MODEL_I6300ESB;
        }
        if (watchdog->action == GUEST_WATCHDOG_ACTION_UNSET) {
            watchdog->action = GUEST_WATCHDOG_ACTION_RESET;
        }
    }
    for (size_t i = 0; i < guest->rngs.count; i++) {
        struct guest_rng *rng = guest->rngs.items[i];

        if (rng->backend == GUEST_RNG_BACKEND_RANDOM && rng->path == NULL) {
            rng->path = xstrdup("/dev/urandom");
        }
    }
    for (size_t i = 0; i < guest->panics.count; i++) {
        guest->panics.items[i]->model = GUEST_PANIC_MODEL_ISA;
    }
    return 0;
}

static void
complete_interface(struct guest_interface *interface)
{
    if (interface->model == GUEST_INTERFACE_MODEL_UNSET) {
        interface->model = GUEST_INTERFACE_MODEL_RTL8139;
    }
    if (interface->mac == NULL) {
        struct uuid random;

        uuid_generate(&random);
        interface->mac = xasprintf("52:54:00:%02x:%02x:%02x", random.bytes[0],
                                   random.bytes[1], random.bytes[2]);
    }
}

/* ---- Serial ports, consoles -------------------------------------------- */

/* Numbers the ports that have no number: from the highest one on. */
#define NUMBER_PORTS(list)                                                     \
    do {                                                                       \
        uint64_t next = 0;                                                     \
        for (size_t i = 0; i < (list).count; i++) {                            \
            struct guest_number *port = &(list).items[i]->port;                \
            if (port->is_set && port->value >= next) {                         \
                next = port->value + 1;                                        \
            }                                                                  \
        }                                                                      \
        for (size_t i = 0; i < (list).count; i++) {                            \
            if (!(list).items[i]->port.is_set) {                               \
                set_default(&(list).items[i]->port, next++);                   \
            }                                                                  \
        }                                                                      \
    } while (0)

static bool
has_isa_port(const struct guest *guest, uint64_t port)
{
    for (size_t i = 0; i < guest->serials.count; i++) {
        const struct guest_chardev *serial = guest->serials.items[i];

        if (serial->target <= GUEST_CHARDEV_TARGET_ISA_SERIAL &&
            serial->port.is_set && serial->port.value == port) {
            return true;
        }
    }
    return false;
}

/* Those that are called ISA ports have the lowest numbers; only then come those
 * of which nothing is said. */
static void
number_isa_ports(struct guest *guest)
{
    for (size_t i = 0; i < guest->serials.count; i++) {
        struct guest_chardev *serial = guest->serials.items[i];
        uint64_t port = 0;

        if (serial->target != GUEST_CHARDEV_TARGET_ISA_SERIAL) {
            continue;
        }
        while (has_isa_port(guest, port)) {
            port++;
        }
        set_default(&serial->port, port);
    }
}

static void
complete_serials(struct guest *guest)
{
    number_isa_ports(guest);
    for (size_t i = 0; i < guest->serials.count; i++) {
        struct guest_chardev *serial = guest->serials.items[i];
        enum guest_address_type address = serial->device.address.type;

        if (serial->target == GUEST_CHARDEV_TARGET_UNSET) {
            serial->target = address == GUEST_ADDRESS_TYPE_PCI
                                 ? GUEST_CHARDEV_TARGET_PCI_SERIAL
                             : address == GUEST_ADDRESS_TYPE_USB
                                 ? GUEST_CHARDEV_TARGET_USB_SERIAL
                                 : GUEST_CHARDEV_TARGET_ISA_SERIAL;
        }
        if (serial->model == GUEST_SERIAL_MODEL_UNSET) {
            serial->model = serial->target == GUEST_CHARDEV_TARGET_PCI_SERIAL
                                ? GUEST_SERIAL_MODEL_PCI_SERIAL
                            : serial->target == GUEST_CHARDEV_TARGET_USB_SERIAL
                                ? GUEST_SERIAL_MODEL_USB_SERIAL
                                : GUEST_SERIAL_MODEL_ISA_SERIAL;
        }
    }
    NUMBER_PORTS(guest->serials);
    NUMBER_PORTS(guest->parallels);
}

static void
copy_text(char **to, const char *from)
{
    char *copy = xstrdup_null(from);

    free(*to);
    *to = copy;
}

/* Makes 'to' the same host side as 'from'. */
static void
copy_backend(struct guest_chardev *to, const struct guest_chardev *from)
{
    to->type = from->type;
    copy_text(&to->path, from->path);
    to->is_path_automatic = from->is_path_automatic;
    to->append = from->append;
    to->mode = from->mode;
    copy_text(&to->host, from->host);
    copy_text(&to->service, from->service);
    to->protocol = from->protocol;
    to->port = from->port;
    if (from->device.address.type == GUEST_ADDRESS_TYPE_ISA) {
        to->device.address = from->device.address;
    }
}

/* The first console is the first serial port, if that is on the board or there
 * is none yet: one device with two elements. */
static int
complete_consoles(struct guest *guest, struct error *err)
{
    struct guest_chardev *first =
        guest->consoles.count > 0 ? guest->consoles.items[0] : NULL;

    if (first != NULL && first->target == GUEST_CHARDEV_TARGET_UNSET) {
        first->target = GUEST_CHARDEV_TARGET_SERIAL;
    }
    for (size_t i = 1; i < guest->consoles.count; i++) {
        if (guest->consoles.items[i]->target != GUEST_CHARDEV_TARGET_VIRTIO) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "console[%zu]: only the first console can be a "
                             "serial port",
                             i);
        }
    }
    if (first != NULL && first->target == GUEST_CHARDEV_TARGET_SERIAL) {
        if (guest->serials.count == 0) {
            struct guest_chardev *serial = xcalloc(1, sizeof(*serial));

            copy_backend(serial, first);
            serial->port = (struct guest_number){true, 0};
            serial->target = GUEST_CHARDEV_TARGET_ISA_SERIAL;
            serial->model = GUEST_SERIAL_MODEL_ISA_SERIAL;
            guest_list_add(&guest->serials, serial);
        }
        copy_backend(first, guest->serials.items[0]);
    } else if (guest->serials.count > 0 &&
               guest->serials.items[0]->target ==
                   GUEST_CHARDEV_TARGET_ISA_SERIAL) {
        struct guest_chardev *console = xcalloc(1, sizeof(*console));

        copy_backend(console, guest->serials.items[0]);
        console->target = GUEST_CHARDEV_TARGET_SERIAL;
        guest_list_insert(&guest->consoles, 0, console);
    }
    for (size_t i = 0; i < guest->consoles.count; i++) {
        if (guest->consoles.items[i]->target == GUEST_CHARDEV_TARGET_VIRTIO) {
            guest->consoles.items[i]->port = (struct guest_number){true, i};
        }
    }
    return 0;
}

/* ---- What is added --------------------------------------------------------
 */

static void
add_input(struct guest *guest, enum guest_input_type type)
{
    struct guest_input *input;

    for (size_t i = 0; i < guest->inputs.count; i++) {
        if (guest->inputs.items[i]->type == type &&
            guest->inputs.items[i]->bus == GUEST_INPUT_BUS_PS2) {
            return;
        }
    }
    input = xcalloc(1, sizeof(*input));
    input->type = type;
    input->bus = GUEST_INPUT_BUS_PS2;
    guest_list_add(&guest->inputs, input);
}

void
complete_add_implicit(struct guest *guest)
{
    add_input(guest, GUEST_INPUT_TYPE_MOUSE);
    add_input(guest, GUEST_INPUT_TYPE_KEYBOARD);
    if (guest->audios.count == 0) {
        struct guest_audio *audio = xcalloc(1, sizeof(*audio));

        audio->id = (struct guest_number){true, 1};
        audio->type = GUEST_AUDIO_TYPE_NONE;
        guest_list_add(&guest->audios, audio);
    }
    if (guest->videos.count == 0 && guest->graphics.count > 0) {
        struct guest_video *video = xcalloc(1, sizeof(*video));

        video->type = GUEST_VIDEO_TYPE_CIRRUS;
        guest_list_add(&guest->videos, video);
    }
    complete_video(guest);
    if (guest->memballoons.count == 0) {
        struct guest_memballoon *balloon = xcalloc(1, sizeof(*balloon));

        balloon->model = GUEST_MEMBALLOON_MODEL_VIRTIO;
        guest_list_add(&guest->memballoons, balloon);
    }
}

/* One video card is the primary one, and comes first. */
static void
complete_video(struct guest *guest)
{
    size_t primary = 0;

    for (size_t i = 0; i < guest->videos.count; i++) {
        struct guest_video *video = guest->videos.items[i];

        if (video->type == GUEST_VIDEO_TYPE_NONE) {
            continue;
        }
        if (video->type != GUEST_VIDEO_TYPE_VIRTIO) {
            set_default(&video->vram, VIDEO_RAM_KIB);
        }
        set_default(&video->heads, 1);
        if (video->primary == GUEST_SWITCH_ON && primary == 0) {
            primary = i;
        }
    }
    if (guest->videos.count == 0) {
        return;
    }
    if (primary != 0) {
        guest_list_insert(&guest->videos, 0,
                          guest_list_remove(&guest->videos, primary));
    }
    if (guest->videos.items[0]->type != GUEST_VIDEO_TYPE_NONE) {
        guest->videos.items[0]->primary = GUEST_SWITCH_ON;
    }
}
