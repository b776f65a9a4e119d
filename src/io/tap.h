/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tap devices, and what is done to a network device of this host: ioctls, each
 * of which answers at once.
 *
 * A tap that was made here is not persistent: it goes with the last descriptor
 * of it, hence with the QEMU that was given one.  Which guest gets what, and
 * when it is up, is decided by domain/network.c. */

#pragma once

#include <stdbool.h>

#include "base/error.h"

/* The name of a network device, with its NUL. */
enum { NETDEV_NAME_SIZE = 16 };

struct tap_options {
    const char *name;     /* May have one "%d": the next number that is free. */
    bool is_there;        /* Somebody else has made it; otherwise, an error. */
    bool has_vnet_header; /* virtio: checksums and segments are left to us. */
};

/* A descriptor of a tap, close-on-exec; its name is put into 'name'.  A new one
 * is down and nowhere attached. */
int tap_open(const struct tap_options *options, char name[NETDEV_NAME_SIZE],
             struct error *err);

bool netdev_exists(const char *name);
/* As "52:54:00:aa:bb:01". */
int netdev_set_mac(const char *name, const char *mac, struct error *err);
int netdev_get_mtu(const char *name, int *mtu, struct error *err);
int netdev_set_mtu(const char *name, int mtu, struct error *err);
/* No error where it is so already. */
int netdev_set_up(const char *name, bool is_up, struct error *err);
int netdev_add_to_bridge(const char *name, const char *bridge,
                         struct error *err);
