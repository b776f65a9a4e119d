/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "domain/network.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/tap.h"

static int make_tap(struct guest_interface *interface, struct error *err);
static int set_up_tap(const struct guest_interface *interface,
                      struct error *err);
static char *tap_mac(const char *mac);
static int add_fd(struct domain_taps *taps, int fd, int first_fd);
static bool has_tap(const struct guest_interface *interface);
static bool is_foreign(const struct guest_interface *interface);

int
domain_network_make(struct domain *domain, int first_fd,
                    struct domain_taps *taps, struct error *err)
{
    struct guest *live = domain->live;

    taps->count = live->interfaces.count;
    taps->argv = xcalloc(taps->count + 1, sizeof *taps->argv);
    taps->fds = xcalloc(2 * taps->count + 1, sizeof *taps->fds);
    for (size_t i = 0; i < taps->count; i++) {
        struct guest_interface *interface = live->interfaces.items[i];
        int fd;

        taps->argv[i] = (struct qemu_argv_tap){.fd = -1, .vhost_fd = -1};
        if (!has_tap(interface)) {
            continue;
        }
        fd = make_tap(interface, err);
        if (fd < 0) {
            return error_wrap(err, "interface[%s] of domain '%s'",
                              interface->mac, domain->name);
        }
        taps->argv[i].fd = add_fd(taps, fd, first_fd);
        /* Only a help for speed: where it is missing, QEMU does the work. */
        if (live->type == GUEST_TYPE_KVM &&
            interface->model == GUEST_INTERFACE_MODEL_VIRTIO) {
            taps->argv[i].vhost_fd = add_fd(
                taps, open("/dev/vhost-net", O_RDWR | O_CLOEXEC), first_fd);
        }
    }
    return 0;
}

void
domain_taps_done(struct domain_taps *taps)
{
    for (size_t i = 0; i < taps->fd_count; i++) {
        close(taps->fds[i]);
    }
    free(taps->fds);
    free(taps->argv);
}

int
domain_network_set_up(struct domain *domain, bool is_up, struct error *err)
{
    const struct guest *live = domain->live;

    for (size_t i = 0; live && i < live->interfaces.count; i++) {
        const struct guest_interface *interface = live->interfaces.items[i];

        if (has_tap(interface) && !is_foreign(interface) && interface->tap &&
            netdev_set_up(interface->tap, is_up, err) < 0) {
            return error_wrap(err, "interface[%s] of domain '%s'",
                              interface->mac, domain->name);
        }
    }
    return 0;
}

/* Its descriptor. */
static int
make_tap(struct guest_interface *interface, struct error *err)
{
    char name[NETDEV_NAME_SIZE];
    struct tap_options options = {
        .name = interface->tap ? interface->tap : "vnet%d",
        .is_there = is_foreign(interface),
        .has_vnet_header = interface->model == GUEST_INTERFACE_MODEL_VIRTIO,
    };
    bool exists = netdev_exists(options.name);
    AUTO_CLOSE int fd = -1;

    if (options.is_there && !exists) {
        return error_set(err, ERROR_INTERNAL,
                         "target managed='no' but specified dev doesn't exist");
    }
    if (!options.is_there && exists) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "The %s interface already exists", options.name);
    }
    fd = tap_open(&options, name, err);
    if (fd < 0) {
        return -1;
    }
    free(interface->tap);
    interface->tap = xstrdup(name);
    if (!options.is_there && set_up_tap(interface, err) < 0) {
        return -1;
    }
    return STEAL_FD(fd);
}

/* A bridge takes the smallest MTU of its ports: ours has the bridge's. */
static int
set_up_tap(const struct guest_interface *interface, struct error *err)
{
    AUTO_FREE char *mac = tap_mac(interface->mac);
    int mtu;

    if (netdev_set_mac(interface->tap, mac, err) < 0) {
        return -1;
    }
    if (interface->type != GUEST_INTERFACE_TYPE_BRIDGE) {
        return 0;
    }
    return netdev_get_mtu(interface->bridge, &mtu, err) < 0 ||
                   netdev_set_mtu(interface->tap, mtu, err) < 0 ||
                   netdev_add_to_bridge(interface->tap, interface->bridge,
                                        err) < 0
               ? -1
               : 0;
}

/* libvirt's: the guest's own with a first byte that is high, since a bridge
 * takes the lowest address of its ports, and that differs from the guest's.
 * Caller frees. */
static char *
tap_mac(const char *mac)
{
    return xasprintf("%s%s", has_prefix(mac, "fe:") ? "fa" : "fe",
                     mac + strlen("fe"));
}

/* Its number in QEMU.  -1 stays -1. */
static int
add_fd(struct domain_taps *taps, int fd, int first_fd)
{
    if (fd < 0) {
        return -1;
    }
    taps->fds[taps->fd_count++] = fd;
    return first_fd + (int)taps->fd_count - 1;
}

static bool
has_tap(const struct guest_interface *interface)
{
    return interface->type == GUEST_INTERFACE_TYPE_BRIDGE ||
           interface->type == GUEST_INTERFACE_TYPE_ETHERNET;
}

/* Somebody else has made it, and has it up when he likes. */
static bool
is_foreign(const struct guest_interface *interface)
{
    return interface->type == GUEST_INTERFACE_TYPE_ETHERNET &&
           interface->is_tap_managed == GUEST_SWITCH_OFF;
}
