/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/tap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ether.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

static_assert(NETDEV_NAME_SIZE == IFNAMSIZ, "the kernel's size of a name");

static int fill_name(struct ifreq *request, const char *name);
static int ask(const char *name, unsigned long what, struct ifreq *request);

int
tap_open(const struct tap_options *options, char name[NETDEV_NAME_SIZE],
         struct error *err)
{
    AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    unsigned flags = IFF_TAP | IFF_NO_PI;
    struct ifreq request = {0};

    if (fd < 0) {
        return error_set_errno(err, errno,
                               "Unable to open /dev/net/tun, is tun module"
                               " loaded?");
    }
    if (!options->is_there) {
        flags |= IFF_TUN_EXCL;
    }
    if (options->has_vnet_header) {
        flags |= IFF_VNET_HDR;
    }
    request.ifr_flags = (short)flags;
    if (fill_name(&request, options->name) < 0 ||
        ioctl(fd, TUNSETIFF, &request) < 0) {
        return error_set_errno(err, errno, "Unable to %s tap device %s",
                               options->is_there ? "open" : "create",
                               options->name);
    }
    memcpy(name, request.ifr_name, NETDEV_NAME_SIZE);
    name[NETDEV_NAME_SIZE - 1] = '\0';
    return STEAL_FD(fd);
}

bool
netdev_exists(const char *name)
{
    return if_nametoindex(name) != 0;
}

int
netdev_set_mac(const char *name, const char *mac, struct error *err)
{
    struct ifreq request = {0};
    struct ether_addr address;

    if (!ether_aton_r(mac, &address)) {
        return error_set(err, ERROR_INTERNAL, "'%s' is no MAC address", mac);
    }
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, &address, sizeof address);
    if (ask(name, SIOCSIFHWADDR, &request) < 0) {
        return error_set_errno(
            err, errno, "Cannot set interface MAC to %s on '%s'", mac, name);
    }
    return 0;
}

int
netdev_get_mtu(const char *name, int *mtu, struct error *err)
{
    struct ifreq request = {0};

    if (ask(name, SIOCGIFMTU, &request) < 0) {
        return error_set_errno(err, errno, "Cannot get interface MTU on '%s'",
                               name);
    }
    *mtu = request.ifr_mtu;
    return 0;
}

int
netdev_set_mtu(const char *name, int mtu, struct error *err)
{
    struct ifreq request = {.ifr_mtu = mtu};

    if (ask(name, SIOCSIFMTU, &request) < 0) {
        return error_set_errno(err, errno, "Cannot set interface MTU on '%s'",
                               name);
    }
    return 0;
}

int
netdev_set_up(const char *name, bool is_up, struct error *err)
{
    struct ifreq request = {0};
    unsigned flags;

    if (ask(name, SIOCGIFFLAGS, &request) < 0) {
        return error_set_errno(err, errno, "Cannot get interface flags on '%s'",
                               name);
    }
    flags = (unsigned short)request.ifr_flags;
    if (((flags & IFF_UP) != 0) == is_up) {
        return 0;
    }
    request.ifr_flags = (short)(flags ^ IFF_UP);
    if (ask(name, SIOCSIFFLAGS, &request) < 0) {
        return error_set_errno(err, errno, "Cannot set interface flags on '%s'",
                               name);
    }
    return 0;
}

int
netdev_add_to_bridge(const char *name, const char *bridge, struct error *err)
{
    struct ifreq request = {0};
    unsigned index = if_nametoindex(name);

    if (index == 0) {
        return error_set_errno(err, errno,
                               "Unable to get interface index for"
                               " '%s'",
                               name);
    }
    request.ifr_ifindex = (int)index;
    if (ask(bridge, SIOCBRADDIF, &request) < 0) {
        return error_set_errno(err, errno, "Unable to add bridge %s port %s",
                               bridge, name);
    }
    return 0;
}

/* Too long a name is no device's. */
static int
fill_name(struct ifreq *request, const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length >= sizeof request->ifr_name) {
        errno = ENODEV;
        return -1;
    }
    memcpy(request->ifr_name, name, length + 1);
    return 0;
}

/* With errno. */
static int
ask(const char *name, unsigned long what, struct ifreq *request)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd < 0 || fill_name(request, name) < 0 ? -1
                                                  : ioctl(fd, what, request);
}
