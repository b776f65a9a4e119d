/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_parts.h"

#include <json-c/json.h>

static int add_backend(struct argv_context *context,
                       const struct guest_chardev *chardev, struct error *err);
static void add_serial(struct argv_context *context,
                       const struct guest_chardev *serial);
static void add_port(struct argv_context *context, const char *driver,
                     const struct guest_chardev *chardev);

int
argv_chardevs(struct argv_context *context, struct error *err)
{
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < guest->serials.count; i++) {
        if (add_backend(context, guest->serials.items[i], err) < 0) {
            return -1;
        }
        add_serial(context, guest->serials.items[i]);
    }
    for (size_t i = 0; i < guest->parallels.count; i++) {
        const struct guest_chardev *parallel = guest->parallels.items[i];
        struct json_object *device;

        if (add_backend(context, parallel, err) < 0) {
            return -1;
        }
        device = argv_json("driver", "isa-parallel");
        argv_json_textf(device, "chardev", "char%s", parallel->device.alias);
        argv_json_text(device, "id", parallel->device.alias);
        argv_add_json(&context->argv, "-device", device);
    }
    for (size_t i = 0; i < guest->channels.count; i++) {
        if (add_backend(context, guest->channels.items[i], err) < 0) {
            return -1;
        }
        add_port(context, "virtserialport", guest->channels.items[i]);
    }
    for (size_t i = 0; i < guest->consoles.count; i++) {
        /* The other kind is a serial port's second name. */
        if (guest->consoles.items[i]->target != GUEST_CHARDEV_TARGET_VIRTIO) {
            continue;
        }
        if (add_backend(context, guest->consoles.items[i], err) < 0) {
            return -1;
        }
        add_port(context, "virtconsole", guest->consoles.items[i]);
    }
    return 0;
}

static int
add_path(struct text *text, const struct guest_chardev *chardev,
         struct error *err)
{
    if (chardev->path == NULL) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED, "%s: it has no path",
                         chardev->device.alias);
    }
    argv_text_pair(text, "path", chardev->path);
    return 0;
}

static void
add_mode(struct text *text, const struct guest_chardev *chardev)
{
    if (chardev->mode != GUEST_CHARDEV_MODE_CONNECT) {
        argv_text_pair(text, "server", "on");
        argv_text_pair(text, "wait", "off");
    }
}

/* A guest that comes here must not lose what its console said before. */
static const char *
append(const struct argv_context *context, const struct guest_chardev *chardev)
{
    switch (chardev->append) {
    case GUEST_SWITCH_ON:
        return "on";
    case GUEST_SWITCH_OFF:
        return "off";
    default:
        return context->options->is_incoming ? "on" : NULL;
    }
}

/* -chardev, "<kind>,id=char<alias>" and so on. */
static int
add_backend(struct argv_context *context, const struct guest_chardev *chardev,
            struct error *err)
{
    static const char *const kinds[GUEST_CHARDEV_TYPE_COUNT] = {
        [GUEST_CHARDEV_TYPE_NOTHING] = "null",
        [GUEST_CHARDEV_TYPE_PTY] = "pty",
        [GUEST_CHARDEV_TYPE_FILE] = "file",
        [GUEST_CHARDEV_TYPE_UNIX] = "socket",
        [GUEST_CHARDEV_TYPE_TCP] = "socket",
    };
    const char *alias = chardev->device.alias;
    AUTO_TEXT text = {0};

    if (alias == NULL || kinds[chardev->type] == NULL) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "a character device is not complete");
    }
    text_addf(&text, "%s,id=char%s", kinds[chardev->type], alias);
    switch (chardev->type) {
    case GUEST_CHARDEV_TYPE_FILE:
        if (add_path(&text, chardev, err) < 0) {
            return -1;
        }
        argv_text_pair(&text, "append", append(context, chardev));
        break;
    case GUEST_CHARDEV_TYPE_UNIX:
        if (add_path(&text, chardev, err) < 0) {
            return -1;
        }
        add_mode(&text, chardev);
        break;
    case GUEST_CHARDEV_TYPE_TCP:
        if (chardev->host == NULL || chardev->service == NULL) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "%s: it has no host or no port", alias);
        }
        argv_text_pair(&text, "host", chardev->host);
        argv_text_pair(&text, "port", chardev->service);
        if (chardev->protocol == GUEST_CHARDEV_PROTOCOL_TELNET) {
            argv_text_pair(&text, "telnet", "on");
        }
        add_mode(&text, chardev);
        break;
    default:
        break;
    }
    argv_add_text(&context->argv, "-chardev", &text);
    return 0;
}

static void
add_serial(struct argv_context *context, const struct guest_chardev *serial)
{
    const char *alias = serial->device.alias;
    struct json_object *device =
        argv_json("driver", guest_serial_model_name(serial->model));

    argv_json_textf(device, "chardev", "char%s", alias);
    argv_json_text(device, "id", alias);
    if (serial->target == GUEST_CHARDEV_TARGET_ISA_SERIAL) {
        argv_json_number(device, "index", serial->port.value);
        if (serial->device.address.iobase.is_set) {
            argv_json_number(device, "iobase",
                             serial->device.address.iobase.value);
        }
        if (serial->device.address.irq.is_set) {
            argv_json_number(device, "irq", serial->device.address.irq.value);
        }
    } else {
        argv_address(context, device, &serial->device.address);
    }
    argv_add_json(&context->argv, "-device", device);
}

static void
add_port(struct argv_context *context, const char *driver,
         const struct guest_chardev *chardev)
{
    struct json_object *device = argv_json("driver", driver);

    argv_address(context, device, &chardev->device.address);
    argv_json_textf(device, "chardev", "char%s", chardev->device.alias);
    argv_json_text(device, "id", chardev->device.alias);
    argv_json_text(device, "name", chardev->name);
    argv_add_json(&context->argv, "-device", device);
}
