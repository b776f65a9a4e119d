/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes a guest complete: everything that libvirt 9.0 would add to its XML.
 *
 * The versioned machine, the emulator, the CPU; the controllers, inputs, the
 * video card and the balloon that nobody wrote down; an address for every
 * device; aliases and the node indexes of disks.  The rules are libvirt's, to
 * the slot, so that a guest that was completed here can move to a libvirtd and
 * back: docs/domain-xml.md.
 *
 * What is given is kept, and a complete guest is not changed: completing twice
 * is the same as once.  Nothing is asked of the host but what is in struct
 * guest_host.  A device that cannot be placed is an error that names it. */

#pragma once

#include "guest/guest.h"

/* What is known of this host. */
struct guest_host {
    /* The name with a version of 'machine' ("pc" -> "pc-i440fx-7.2") of the
     * QEMU at 'emulator', itself where it has one; NULL: there is no such
     * machine.  A 'machine' of NULL asks for the default one.  The result is
     * borrowed until the next call. */
    const char *(*find_machine)(void *owner, const char *emulator,
                                const char *machine);
    void *owner;
    const char *emulator;  /* Where the XML has none. */
    const char *cpu_model; /* Where the XML has none; NULL: qemu64. */
};
