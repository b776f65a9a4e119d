/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_parts.h"

#include <json-c/json.h>
#include <string.h>

/* ---- Network
 * ------------------------------------------------------------------ */

static void
add_tap(struct json_object *netdev, const struct argv_context *context,
        size_t number)
{
    const struct guest_interface *interface =
        context->guest->interfaces.items[number];
    const struct qemu_argv_tap *tap = number < context->options->tap_count
                                          ? &context->options->taps[number]
                                          : NULL;

    if (tap != NULL && tap->name == NULL && tap->fd >= 0) {
        argv_json_textf(netdev, "fd", "%d", tap->fd);
        if (tap->vhost_fd >= 0) {
            argv_json_bool(netdev, "vhost", true);
            argv_json_textf(netdev, "vhostfd", "%d", tap->vhost_fd);
        }
        return;
    }
    argv_json_text(netdev, "ifname",
                   tap != NULL && tap->name != NULL ? tap->name
                                                    : interface->tap);
    argv_json_text(netdev, "script", "no");
    argv_json_text(netdev, "downscript", "no");
}

static const char *
interface_driver(enum guest_interface_model model)
{
    return model == GUEST_INTERFACE_MODEL_VIRTIO
               ? "virtio-net-pci"
               : guest_interface_model_name(model);
}

static bool
has_tap(const struct argv_context *context, size_t number)
{
    const struct qemu_argv_tap *tap = number < context->options->tap_count
                                          ? &context->options->taps[number]
                                          : NULL;

    return context->guest->interfaces.items[number]->tap != NULL ||
           (tap != NULL && (tap->name != NULL || tap->fd >= 0));
}

int
argv_interfaces(struct argv_context *context, struct error *err)
{
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < guest->interfaces.count; i++) {
        const struct guest_interface *interface = guest->interfaces.items[i];
        bool is_user = interface->type == GUEST_INTERFACE_TYPE_USER;
        uint64_t boot = interface->boot_order.value;
        struct json_object *netdev;
        struct json_object *device;

        if (interface->device.alias == NULL ||
            (!is_user && !has_tap(context, i))) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "interface[%s]: it has no %s", interface->mac,
                             interface->device.alias == NULL ? "alias"
                                                             : "tap device");
        }
        netdev = argv_json("type", is_user ? "user" : "tap");
        if (!is_user) {
            add_tap(netdev, context, i);
        }
        argv_json_textf(netdev, "id", "host%s", interface->device.alias);
        argv_add_json(&context->argv, "-netdev", netdev);

        device = argv_json("driver", interface_driver(interface->model));
        argv_json_textf(device, "netdev", "host%s", interface->device.alias);
        argv_json_text(device, "id", interface->device.alias);
        argv_json_text(device, "mac", interface->mac);
        if (!interface->boot_order.is_set) {
            boot = context->boot_network;
            context->boot_network = 0;
        }
        if (boot != 0) {
            argv_json_number(device, "bootindex", boot);
        }
        argv_address(context, device, &interface->device.address);
        argv_add_json(&context->argv, "-device", device);
    }
    return 0;
}

/* ---- Input, graphics, video
 * --------------------------------------------------- */

void
argv_inputs(struct argv_context *context)
{
    static const char *const usb[GUEST_INPUT_TYPE_COUNT] = {
        [GUEST_INPUT_TYPE_MOUSE] = "usb-mouse",
        [GUEST_INPUT_TYPE_TABLET] = "usb-tablet",
        [GUEST_INPUT_TYPE_KEYBOARD] = "usb-kbd",
    };
    static const char *const virtio[GUEST_INPUT_TYPE_COUNT] = {
        [GUEST_INPUT_TYPE_MOUSE] = "virtio-mouse-pci",
        [GUEST_INPUT_TYPE_TABLET] = "virtio-tablet-pci",
        [GUEST_INPUT_TYPE_KEYBOARD] = "virtio-keyboard-pci",
    };
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < guest->inputs.count; i++) {
        const struct guest_input *input = guest->inputs.items[i];
        struct json_object *device;

        if (input->bus == GUEST_INPUT_BUS_PS2) {
            continue; /* On the board. */
        }
        device = argv_json("driver", input->bus == GUEST_INPUT_BUS_VIRTIO
                                         ? virtio[input->type]
                                         : usb[input->type]);
        argv_json_text(device, "id", input->device.alias);
        argv_address(context, device, &input->device.address);
        argv_add_json(&context->argv, "-device", device);
    }
}

static int
add_vnc(struct argv_context *context, const struct guest_graphics *graphics,
        struct error *err)
{
    const char *listen = graphics->listen != NULL ? graphics->listen
                         : context->options->vnc_listen != NULL
                             ? context->options->vnc_listen
                             : "127.0.0.1";
    bool is_ipv6 = strchr(listen, ':') != NULL;
    AUTO_TEXT text = {0};

    if (graphics->port < 5900 || graphics->port > 65535) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "graphics: VNC port %d is not from 5900 to 65535",
                         graphics->port);
    }
    /* "::1" is a word that starts with what is allowed. */
    if (argv_check_word(listen, "the VNC address", err) < 0) {
        return -1;
    }
    text_addf(&text, is_ipv6 ? "[%s]:%d" : "%s:%d", listen,
              graphics->port - 5900);
    if (graphics->websocket > 0) {
        text_addf(&text, ",websocket=%d", graphics->websocket);
    }
    if (graphics->share != GUEST_GRAPHICS_SHARE_UNSET) {
        argv_text_pair(&text, "share",
                       guest_graphics_share_name(graphics->share));
    }
    if (graphics->password != NULL) {
        argv_text_pair(&text, "password", "on");
    }
    argv_text_pair(&text, "audiodev", "audio1");
    argv_add_text(&context->argv, "-vnc", &text);
    if (graphics->keymap != NULL) {
        if (argv_check_word(graphics->keymap, "the keymap", err) < 0) {
            return -1;
        }
        argv_add(&context->argv, "-k", graphics->keymap);
    }
    return 0;
}

int
argv_graphics(struct argv_context *context, struct error *err)
{
    const struct guest *guest = context->guest;
    struct json_object *audio = argv_json("id", "audio1");

    argv_json_text(audio, "driver", "none");
    argv_add_json(&context->argv, "-audiodev", audio);
    for (size_t i = 0; i < guest->graphics.count; i++) {
        if (add_vnc(context, guest->graphics.items[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

static struct json_object *
video_device(const struct guest_video *video, bool is_primary)
{
    struct json_object *device;

    switch (video->type) {
    case GUEST_VIDEO_TYPE_CIRRUS:
        device = argv_json("driver", "cirrus-vga");
        argv_json_text(device, "id", video->device.alias);
        break;
    case GUEST_VIDEO_TYPE_VIRTIO:
        device =
            argv_json("driver", is_primary ? "virtio-vga" : "virtio-gpu-pci");
        argv_json_text(device, "id", video->device.alias);
        argv_json_number(device, "max_outputs",
                         video->heads.is_set ? video->heads.value : 1);
        break;
    default:
        device = argv_json("driver", is_primary ? "VGA" : "secondary-vga");
        argv_json_text(device, "id", video->device.alias);
        if (video->vram.is_set) {
            argv_json_number(device, "vgamem_mb", video->vram.value / 1024);
        }
        break;
    }
    return device;
}

void
argv_videos(struct argv_context *context)
{
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < guest->videos.count; i++) {
        const struct guest_video *video = guest->videos.items[i];
        struct json_object *device;

        if (video->type == GUEST_VIDEO_TYPE_NONE) {
            continue;
        }
        device = video_device(video, i == 0);
        argv_address(context, device, &video->device.address);
        argv_add_json(&context->argv, "-device", device);
    }
}

/* ---- The rest
 * ------------------------------------------------------------------ */

static void
add_hda(struct argv_context *context, const struct guest_sound *sound)
{
    const char *alias = sound->device.alias;
    struct json_object *device = argv_json(
        "driver", sound->model == GUEST_SOUND_MODEL_ICH9 ? "ich9-intel-hda"
                                                         : "intel-hda");

    argv_json_text(device, "id", alias);
    argv_address(context, device, &sound->device.address);
    argv_add_json(&context->argv, "-device", device);

    device = argv_json("driver", "hda-duplex");
    argv_json_textf(device, "id", "%s-codec0", alias);
    argv_json_textf(device, "bus", "%s.0", alias);
    argv_json_number(device, "cad", 0);
    argv_json_text(device, "audiodev", "audio1");
    argv_add_json(&context->argv, "-device", device);
}

void
argv_sounds(struct argv_context *context)
{
    for (size_t i = 0; i < context->guest->sounds.count; i++) {
        const struct guest_sound *sound = context->guest->sounds.items[i];
        struct json_object *device;

        if (sound->model != GUEST_SOUND_MODEL_AC97) {
            add_hda(context, sound);
            continue;
        }
        device = argv_json("driver", "AC97");
        argv_json_text(device, "id", sound->device.alias);
        argv_json_text(device, "audiodev", "audio1");
        argv_address(context, device, &sound->device.address);
        argv_add_json(&context->argv, "-device", device);
    }
}

void
argv_watchdogs(struct argv_context *context)
{
    for (size_t i = 0; i < context->guest->watchdogs.count; i++) {
        const struct guest_watchdog *watchdog =
            context->guest->watchdogs.items[i];
        struct json_object *device =
            argv_json("driver", guest_watchdog_model_name(watchdog->model));

        argv_json_text(device, "id", watchdog->device.alias);
        argv_address(context, device, &watchdog->device.address);
        argv_add_json(&context->argv, "-device", device);
        argv_add(&context->argv, "-watchdog-action",
                 guest_watchdog_action_name(watchdog->action));
    }
}

void
argv_memballoons(struct argv_context *context)
{
    for (size_t i = 0; i < context->guest->memballoons.count; i++) {
        const struct guest_memballoon *balloon =
            context->guest->memballoons.items[i];
        struct json_object *device;

        if (balloon->model == GUEST_MEMBALLOON_MODEL_NONE) {
            continue;
        }
        device = argv_json("driver", "virtio-balloon-pci");
        argv_json_text(device, "id", balloon->device.alias);
        if (balloon->autodeflate != GUEST_SWITCH_UNSET) {
            argv_json_bool(device, "deflate-on-oom",
                           balloon->autodeflate == GUEST_SWITCH_ON);
        }
        if (balloon->free_page_reporting != GUEST_SWITCH_UNSET) {
            argv_json_bool(device, "free-page-reporting",
                           balloon->free_page_reporting == GUEST_SWITCH_ON);
        }
        argv_address(context, device, &balloon->device.address);
        argv_add_json(&context->argv, "-device", device);
    }
}

void
argv_rngs(struct argv_context *context)
{
    for (size_t i = 0; i < context->guest->rngs.count; i++) {
        const struct guest_rng *rng = context->guest->rngs.items[i];
        bool is_builtin = rng->backend == GUEST_RNG_BACKEND_BUILTIN;
        struct json_object *device;
        struct json_object *backend =
            argv_json("qom-type", is_builtin ? "rng-builtin" : "rng-random");

        argv_json_textf(backend, "id", "obj%s", rng->device.alias);
        if (!is_builtin) {
            argv_json_text(backend, "filename",
                           rng->path != NULL ? rng->path : "/dev/urandom");
        }
        argv_add_json(&context->argv, "-object", backend);

        device = argv_json("driver", "virtio-rng-pci");
        argv_json_textf(device, "rng", "obj%s", rng->device.alias);
        argv_json_text(device, "id", rng->device.alias);
        if (rng->rate_bytes.is_set) {
            argv_json_number(device, "max-bytes", rng->rate_bytes.value);
            argv_json_number(device, "period",
                             rng->rate_period.is_set ? rng->rate_period.value
                                                     : 1000);
        }
        argv_address(context, device, &rng->device.address);
        argv_add_json(&context->argv, "-device", device);
    }
}

void
argv_panics(struct argv_context *context)
{
    for (size_t i = 0; i < context->guest->panics.count; i++) {
        const struct guest_panic *panic = context->guest->panics.items[i];
        struct json_object *device = argv_json("driver", "pvpanic");

        if (panic->device.address.type == GUEST_ADDRESS_TYPE_ISA &&
            panic->device.address.iobase.is_set) {
            argv_json_number(device, "ioport",
                             panic->device.address.iobase.value);
        }
        argv_add_json(&context->argv, "-device", device);
    }
}
