/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which device of a guest is the console that a client asks for. */

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/console.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"

static const struct guest_chardev *find_device(const struct guest *guest,
                                               const char *alias);
static const struct guest_chardev *
find_by_alias(struct guest_chardev *const *items, size_t count,
              const char *alias);
static int fill_options(const struct domain *domain, const char *alias,
                        struct console_options *options, struct error *err);

void
handle_domain_open_console(struct client *client, struct rpc_call *call,
                           const struct remote_domain_open_console_args *args)
{
    const char *alias = args->dev_name ? *args->dev_name : NULL;
    struct console_options options = {
        .is_forced = args->flags & VIR_DOMAIN_CONSOLE_FORCE,
    };
    AUTO_ERROR err = {0};
    struct domain *domain;

    if (wire_check_flags(args->flags,
                         VIR_DOMAIN_CONSOLE_FORCE | VIR_DOMAIN_CONSOLE_SAFE,
                         "qemuDomainOpenConsole", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (!domain) {
        return;
    }
    if (fill_options(domain, alias, &options, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    console_open(client->daemon, call, &options);
}

static int
fill_options(const struct domain *domain, const char *alias,
             struct console_options *options, struct error *err)
{
    const struct guest_chardev *device;

    if (domain_check_active(domain, err) < 0) {
        return -1;
    }
    device = find_device(domain->live, alias);
    if (!device) {
        return error_set(err, ERROR_INTERNAL, "cannot find character device %s",
                         alias ? alias : "<null>");
    }
    if (device->type != GUEST_CHARDEV_TYPE_PTY &&
        device->type != GUEST_CHARDEV_TYPE_UNIX) {
        return error_set(err, ERROR_INTERNAL,
                         "character device %s is not using a PTY",
                         alias                  ? alias
                         : device->device.alias ? device->device.alias
                                                : "<null>");
    }
    if (!device->path) {
        return error_set(err, ERROR_INTERNAL,
                         "QEMU has not said yet which terminal it uses for"
                         " character device %s",
                         device->device.alias);
    }
    options->path = device->path;
    options->is_socket = device->type == GUEST_CHARDEV_TYPE_UNIX;
    return 0;
}

static const struct guest_chardev *
find_device(const struct guest *guest, const char *alias)
{
    const struct guest_chardev *found;

    if (!alias) {
        return guest->consoles.count  ? guest->consoles.items[0]
               : guest->serials.count ? guest->serials.items[0]
                                      : NULL;
    }
    found = find_by_alias(guest->consoles.items, guest->consoles.count, alias);
    if (!found) {
        found =
            find_by_alias(guest->serials.items, guest->serials.count, alias);
    }
    return found ? found
                 : find_by_alias(guest->parallels.items, guest->parallels.count,
                                 alias);
}

static const struct guest_chardev *
find_by_alias(struct guest_chardev *const *items, size_t count,
              const char *alias)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i]->device.alias &&
            strcmp(items[i]->device.alias, alias) == 0) {
            return items[i];
        }
    }
    return NULL;
}
