/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of what leads out of the guest: network interfaces, character
 * devices, graphics. */

#include <stdlib.h>
#include <string.h>

#include "guest/grammar.h"

static bool parse_mac(void *object, const char *value);
static bool is_tap_live(const void *object);
static int finish_interface(struct grammar_reader *reader, const xmlNode *node,
                            void *object);
static bool is_path_live(const void *object);
static bool has_path(const void *object);
static int finish_chardev(struct grammar_reader *reader, const xmlNode *node,
                          void *object);
static int finish_serial(struct grammar_reader *reader, const xmlNode *node,
                         void *object);
static int finish_console(struct grammar_reader *reader, const xmlNode *node,
                          void *object);
static int finish_channel(struct grammar_reader *reader, const xmlNode *node,
                          void *object);
static char *format_tty(const void *object, unsigned flags);
static bool parse_tty(void *object, const char *value);
static bool parse_port(void *object, const char *value);
static char *format_port(const void *object, unsigned flags);
static bool parse_websocket(void *object, const char *value);
static char *format_websocket(const void *object, unsigned flags);
static int read_listen(struct grammar_reader *reader, const xmlNode *node,
                       void *object);
static void write_listen(struct grammar_writer *writer, const void *object);
static int finish_graphics(struct grammar_reader *reader, const xmlNode *node,
                           void *object);

/* ---- interface ----------------------------------------------------------- */

static const struct grammar_hook mac_hook = {.parse = parse_mac};

static const struct grammar_field target_fields[] = {
    ATTRIBUTE("dev", TEXT(guest_interface, tap), .min = 1, .max = 15,
              FLAGS(FIELD_LIVE), .is_live = is_tap_live),
    ATTRIBUTE("managed", YES_NO(guest_interface, is_tap_managed),
              WHEN(guest_interface, type, BIT(GUEST_INTERFACE_TYPE_ETHERNET))),
};
static const struct grammar_field interface_fields[] = {
    ATTRIBUTE("type", WORD(guest_interface, type, guest_interface_type),
              FLAGS(FIELD_REQUIRED)),
    CHILD_ATTRIBUTE("mac", "address", TEXT(guest_interface, mac),
                    .hook = &mac_hook),
    CHILD_ATTRIBUTE(
        "source", "bridge", TEXT(guest_interface, bridge), .min = 1, .max = 15,
        FLAGS(FIELD_REQUIRED),
        WHEN(guest_interface, type, BIT(GUEST_INTERFACE_TYPE_BRIDGE))),
    GROUP("target", target_fields,
          WHEN(guest_interface, type,
               BIT(GUEST_INTERFACE_TYPE_BRIDGE) |
                   BIT(GUEST_INTERFACE_TYPE_ETHERNET))),
    CHILD_ATTRIBUTE("model", "type",
                    WORD(guest_interface, model, guest_interface_model)),
    CHILD_ATTRIBUTE("boot", "order",
                    NUMBER(guest_interface, boot_order, 1, INT32_MAX)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_interface_grammar =
    GRAMMAR(guest_interface, interface_fields, .finish = finish_interface);

/* ---- serial, parallel, console, channel ------------------------------------
 */

#define IS(...)   WHEN(guest_chardev, type, __VA_ARGS__)
#define HAS(name) BIT(GUEST_CHARDEV_TYPE_##name)

static const struct grammar_hook tty_hook = {.parse = parse_tty,
                                             .format = format_tty};
static const struct grammar_field chardev_source_fields[] = {
    ATTRIBUTE("mode", WORD(guest_chardev, mode, guest_chardev_mode),
              IS(HAS(TCP))),
    ATTRIBUTE("mode", WORD(guest_chardev, mode, guest_chardev_mode),
              IS(HAS(UNIX)), FLAGS(FIELD_LIVE), .is_live = is_path_live,
              .is_written = has_path),
    ATTRIBUTE("path", TEXT(guest_chardev, path), .min = 1, .max = 4095,
              IS(HAS(PTY) | HAS(FILE) | HAS(UNIX)), FLAGS(FIELD_LIVE),
              .is_live = is_path_live),
    ATTRIBUTE("append", ON_OFF(guest_chardev, append), IS(HAS(FILE))),
    ATTRIBUTE("host", TEXT(guest_chardev, host), .min = 1, IS(HAS(TCP)),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("service", TEXT(guest_chardev, service), .min = 1, .max = 32,
              IS(HAS(TCP)), FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("automatic", YES(guest_chardev, is_path_automatic), IS(HAS(UNIX)),
              FLAGS(FIELD_STATUS)),
};
#define CHARDEV_TYPE                                                           \
    ATTRIBUTE("type", WORD(guest_chardev, type, guest_chardev_type),           \
              INITIALLY(GUEST_CHARDEV_TYPE_PTY))
#define CHARDEV_SOURCE                                                         \
    GROUP("source", chardev_source_fields,                                     \
          IS(HAS(PTY) | HAS(FILE) | HAS(UNIX) | HAS(TCP)))
#define CHARDEV_PROTOCOL                                                       \
    CHILD_ATTRIBUTE("protocol", "type",                                        \
                    WORD(guest_chardev, protocol, guest_chardev_protocol),     \
                    INITIALLY(GUEST_CHARDEV_PROTOCOL_RAW), IS(HAS(TCP)))

static const struct grammar_field serial_target_fields[] = {
    ATTRIBUTE("type", WORD(guest_chardev, target, guest_chardev_target)),
    ATTRIBUTE("port", NUMBER(guest_chardev, port, 0, 255)),
    CHILD_ATTRIBUTE("model", "name",
                    WORD(guest_chardev, model, guest_serial_model)),
};
static const struct grammar_field serial_fields[] = {
    CHARDEV_TYPE,     CHARDEV_SOURCE,
    CHARDEV_PROTOCOL, GROUP("target", serial_target_fields),
    DEVICE_ALIAS,     DEVICE_ADDRESS,
};
const struct grammar guest_serial_grammar =
    GRAMMAR(guest_chardev, serial_fields, .finish = finish_serial);

static const struct grammar_field parallel_target_fields[] = {
    ATTRIBUTE("port", NUMBER(guest_chardev, port, 0, 255)),
};
static const struct grammar_field parallel_fields[] = {
    CHARDEV_TYPE,     CHARDEV_SOURCE,
    CHARDEV_PROTOCOL, GROUP("target", parallel_target_fields),
    DEVICE_ALIAS,     DEVICE_ADDRESS,
};
const struct grammar guest_parallel_grammar =
    GRAMMAR(guest_chardev, parallel_fields, .finish = finish_chardev);

static const struct grammar_field console_target_fields[] = {
    ATTRIBUTE("type", WORD(guest_chardev, target, guest_chardev_target)),
    ATTRIBUTE("port", NUMBER(guest_chardev, port, 0, 255)),
};
static const struct grammar_field console_fields[] = {
    CHARDEV_TYPE,
    /* The path of a pty, again. */
    ATTRIBUTE("tty", HOOK(tty_hook), IS(HAS(PTY)), FLAGS(FIELD_LIVE)),
    CHARDEV_SOURCE,
    CHARDEV_PROTOCOL,
    GROUP("target", console_target_fields),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_console_grammar =
    GRAMMAR(guest_chardev, console_fields, .finish = finish_console);

static const struct grammar_field channel_target_fields[] = {
    ATTRIBUTE("type", WORD(guest_chardev, target, guest_chardev_target),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("name", TEXT(guest_chardev, name), .min = 1, .max = 255),
    ATTRIBUTE("state", WORD(guest_chardev, state, guest_channel_state),
              FLAGS(FIELD_LIVE)),
};
static const struct grammar_field channel_fields[] = {
    CHARDEV_TYPE,
    CHARDEV_SOURCE,
    CHARDEV_PROTOCOL,
    GROUP("target", channel_target_fields, FLAGS(FIELD_REQUIRED)),
    DEVICE_ALIAS,
    DEVICE_ADDRESS,
};
const struct grammar guest_channel_grammar =
    GRAMMAR(guest_chardev, channel_fields, .finish = finish_channel);

/* ---- graphics ---------------------------------------------------------------
 */

static const struct grammar_hook port_hook = {.parse = parse_port,
                                              .format = format_port};
static const struct grammar_hook websocket_hook = {.parse = parse_websocket,
                                                   .format = format_websocket};
static const struct grammar_hook listen_hook = {.read = read_listen,
                                                .write = write_listen};

static const struct grammar_field graphics_fields[] = {
    ATTRIBUTE("type", WORD(guest_graphics, type, guest_graphics_type),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("port", HOOK(port_hook)),
    ATTRIBUTE("autoport", YES_NO(guest_graphics, autoport)),
    ATTRIBUTE("websocket", HOOK(websocket_hook)),
    ATTRIBUTE("websocketAutomatic", YES(guest_graphics, is_websocket_automatic),
              FLAGS(FIELD_STATUS)),
    ATTRIBUTE("listen", TEXT(guest_graphics, listen), .max = 255),
    ATTRIBUTE("keymap", TEXT(guest_graphics, keymap), .min = 1, .max = 64),
    ATTRIBUTE("sharePolicy", WORD(guest_graphics, share, guest_graphics_share)),
    ATTRIBUTE("passwd", TEXT(guest_graphics, password), .max = 255,
              FLAGS(FIELD_SECRET)),
    ATTRIBUTE("passwdValidTo", TEXT(guest_graphics, password_until), .max = 64,
              FLAGS(FIELD_SECRET)),
    ATTRIBUTE("connected",
              WORD(guest_graphics, connected, guest_graphics_connected)),
    CUSTOM("listen", listen_hook),
    DEVICE_ALIAS,
};
const struct grammar guest_graphics_grammar =
    GRAMMAR(guest_graphics, graphics_fields, .finish = finish_graphics);

static bool
parse_mac(void *object, const char *value)
{
    struct guest_interface *interface = object;
    unsigned bytes[6];
    int end = 0;

    for (const char *at = value; *at; at++) {
        if (!strchr("0123456789abcdefABCDEF:", *at)) {
            return false;
        }
    }
    if (sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1],
               &bytes[2], &bytes[3], &bytes[4], &bytes[5], &end) != 6 ||
        value[end] != '\0' || (bytes[0] & 1)) {
        return false;
    }
    free(interface->mac);
    interface->mac =
        xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2],
                  bytes[3], bytes[4], bytes[5]);
    return true;
}

static bool
is_tap_live(const void *object)
{
    const struct guest_interface *interface = object;

    return interface->tap && has_prefix(interface->tap, "vnet");
}

static int
finish_interface(struct grammar_reader *reader, const xmlNode *node,
                 void *object)
{
    const struct guest_interface *interface = object;

    if (interface->type == GUEST_INTERFACE_TYPE_ETHERNET &&
        interface->is_tap_managed == GUEST_SWITCH_OFF && !interface->tap) {
        return error_set_from(
            reader->err, ERROR_FROM_XML, ERROR_XML,
            "target dev must be specified when managed is 'no' at line %ld",
            xmlGetLineNo(node));
    }
    return 0;
}

static bool
is_path_live(const void *object)
{
    const struct guest_chardev *chardev = object;

    return chardev->type == GUEST_CHARDEV_TYPE_PTY ||
           chardev->is_path_automatic;
}

static bool
has_path(const void *object)
{
    const struct guest_chardev *chardev = object;

    return chardev->path != NULL;
}

static int
finish_chardev(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest_chardev *chardev = object;

    if (chardev->type == GUEST_CHARDEV_TYPE_FILE && !chardev->path) {
        return error_set_from(
            reader->err, ERROR_FROM_XML, ERROR_XML,
            "Missing source path attribute for char device at line %ld",
            xmlGetLineNo(node));
    }
    if (chardev->type == GUEST_CHARDEV_TYPE_UNIX && !chardev->mode) {
        chardev->mode = GUEST_CHARDEV_MODE_BIND;
    }
    if (chardev->type == GUEST_CHARDEV_TYPE_TCP && !chardev->mode) {
        chardev->mode = GUEST_CHARDEV_MODE_CONNECT;
    }
    return 0;
}

static int
finish_serial(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    const struct guest_chardev *chardev = object;

    if (chardev->target == GUEST_CHARDEV_TARGET_SERIAL ||
        chardev->target == GUEST_CHARDEV_TARGET_VIRTIO) {
        return grammar_refuse_value(reader, node, "type",
                                    guest_chardev_target_name(chardev->target));
    }
    return finish_chardev(reader, node, object);
}

static int
finish_console(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest_chardev *chardev = object;

    if (!chardev->target) {
        chardev->target = GUEST_CHARDEV_TARGET_SERIAL;
    }
    if (chardev->target != GUEST_CHARDEV_TARGET_SERIAL &&
        chardev->target != GUEST_CHARDEV_TARGET_VIRTIO) {
        return grammar_refuse_value(reader, node, "type",
                                    guest_chardev_target_name(chardev->target));
    }
    return finish_chardev(reader, node, object);
}

static int
finish_channel(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest_chardev *chardev = object;
    const char *end;

    if (chardev->target != GUEST_CHARDEV_TARGET_VIRTIO) {
        return grammar_refuse_value(reader, node, "type",
                                    guest_chardev_target_name(chardev->target));
    }
    /* libvirt's own choice: .../channel/target/[domain-7-]demo/<name> */
    end = chardev->path ? strstr(chardev->path, "/channel/target/") : NULL;
    if (chardev->type == GUEST_CHARDEV_TYPE_UNIX && end && chardev->name &&
        has_suffix(end, chardev->name)) {
        chardev->is_path_automatic = true;
    }
    return finish_chardev(reader, node, object);
}

static char *
format_tty(const void *object, unsigned flags)
{
    const struct guest_chardev *chardev = object;

    (void)flags;
    return xstrdup_null(chardev->path);
}

/* <source path> says the same. */
static bool
parse_tty(void *object, const char *value)
{
    (void)object;
    (void)value;
    return true;
}

static bool
parse_port(void *object, const char *value)
{
    struct guest_graphics *graphics = object;
    int64_t port;

    if (!parse_i64(value, -1, 65535, &port)) {
        return false;
    }
    graphics->port = (int)port;
    return true;
}

static char *
format_port(const void *object, unsigned flags)
{
    const struct guest_graphics *graphics = object;
    bool is_live_port =
        graphics->autoport == GUEST_SWITCH_ON &&
        (flags & (GUEST_FORMAT_INACTIVE | GUEST_FORMAT_MIGRATABLE));

    return xasprintf("%d", is_live_port ? -1 : graphics->port);
}

static bool
parse_websocket(void *object, const char *value)
{
    struct guest_graphics *graphics = object;
    int64_t port;

    if (!parse_i64(value, -1, 65535, &port)) {
        return false;
    }
    graphics->websocket = (int)port;
    graphics->is_websocket_automatic |= port == -1;
    return true;
}

static char *
format_websocket(const void *object, unsigned flags)
{
    const struct guest_graphics *graphics = object;
    bool is_live_port =
        graphics->is_websocket_automatic &&
        (flags & (GUEST_FORMAT_INACTIVE | GUEST_FORMAT_MIGRATABLE));

    return graphics->websocket == 0
               ? NULL
               : xasprintf("%d", is_live_port ? -1 : graphics->websocket);
}

/* <listen type='address' address=>: says what the attribute says, again. */
static int
read_listen(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest_graphics *graphics = object;
    AUTO_FREE char *type = (char *)xmlGetNoNsProp(node, (xmlChar *)"type");
    AUTO_FREE char *address =
        (char *)xmlGetNoNsProp(node, (xmlChar *)"address");

    if (!type || strcmp(type, "address") != 0) {
        return grammar_refuse_value(reader, node, "type", type ? type : "");
    }
    for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
        if (strcmp((const char *)attr->name, "type") != 0 &&
            strcmp((const char *)attr->name, "address") != 0) {
            return grammar_refuse_attribute(reader, node,
                                            (const char *)attr->name);
        }
    }
    if (graphics->listen && address && strcmp(graphics->listen, address) != 0) {
        return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                              "graphics 'listen' attribute '%s' must match "
                              "'address' attribute of first listen element "
                              "(found '%s')",
                              graphics->listen, address);
    }
    if (!graphics->listen && address) {
        if (strlen(address) > 255) {
            return grammar_refuse_value(reader, node, "address", address);
        }
        graphics->listen = STEAL(address);
    }
    return 0;
}

static void
write_listen(struct grammar_writer *writer, const void *object)
{
    const struct guest_graphics *graphics = object;

    text_addf(writer->text, "%*s<listen type='address'", (int)writer->indent,
              "");
    if (graphics->listen) {
        text_add(writer->text, " address='");
        grammar_escape(writer->text, graphics->listen, true);
        text_add(writer->text, "'");
    }
    text_add(writer->text, "/>\n");
}

static int
finish_graphics(struct grammar_reader *reader, const xmlNode *node,
                void *object)
{
    const unsigned configured = GUEST_PARSE_INACTIVE | GUEST_PARSE_MIGRATION;
    struct guest_graphics *graphics = object;

    (void)node;
    /* -1 was the only way to say it once, and still is one. */
    if (!graphics->autoport || graphics->port == -1) {
        graphics->autoport =
            graphics->port > 0 ? GUEST_SWITCH_OFF : GUEST_SWITCH_ON;
    }
    if (graphics->listen && graphics->listen[0] == '\0') {
        free(STEAL(graphics->listen));
    }
    if (graphics->autoport == GUEST_SWITCH_OFF && graphics->port <= 0) {
        return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                              "graphics needs a port where autoport is 'no'");
    }
    if (graphics->autoport == GUEST_SWITCH_ON &&
        ((reader->flags & configured) || graphics->port == 0)) {
        graphics->port = -1;
    }
    return 0;
}
