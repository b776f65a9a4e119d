/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A guest's interfaces on this host: a tap for each, in its bridge.
 *
 * A tap is made before QEMU starts, which gets the only descriptor of it, so
 * that the two go together.  It is up only while the guest may run here: two
 * hosts must never answer for one MAC address.  When that is, is decided by who
 * starts the guest's CPUs, or hands the guest over (ferry/). */

#pragma once

#include "domain/domain.h"
#include "qemu/argv.h"

/* What a start of QEMU gets, for each interface of the guest. */
struct domain_taps {
    struct qemu_argv_tap *argv; /* Owned.  As QEMU numbers them. */
    size_t count;
    int *fds; /* Owned, with the descriptors.  As we number them. */
    size_t fd_count;
};

/* Makes what the live guest needs, down, and writes the names of the devices
 * into it.  On failure nothing is left.  QEMU's first descriptor of them is
 * 'first_fd'. */
int domain_network_make(struct domain *domain, int first_fd,
                        struct domain_taps *taps, struct error *err);
void domain_taps_done(struct domain_taps *taps);
#define AUTO_DOMAIN_TAPS                                                       \
    __attribute__((cleanup(domain_taps_done))) struct domain_taps

/* Brings all of them up or down, where they are not; devices that somebody else
 * has made are left alone.  Before a guest's CPUs start, they have to be up. */
int domain_network_set_up(struct domain *domain, bool is_up, struct error *err);
