/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of a command line, each in a file of its own; argv.c puts them into
 * libvirt's order. */

#pragma once

#include "base/error.h"
#include "guest/guest.h"
#include "qemu/argv.h"
#include "qemu/argv_builder.h"

struct argv_context {
    const struct guest *guest;
    const struct qemu_argv_options *options;
    struct argv_builder argv;
    bool is_q35;
    /* The boot devices of <os> that nobody has got yet: 0, or the bootindex of
     * the first disk, CD-ROM, floppy, interface. */
    unsigned boot_disk;
    unsigned boot_cdrom;
    unsigned boot_floppy;
    unsigned boot_network;
};

/* Whether 'word' can stand in a list of options as it is: letters, digits and
 * a few signs.  An error about 'what' if not. */
int argv_check_word(const char *word, const char *what, struct error *err);

/* argv_machine.c: from -name to -uuid, then from -no-user-config to -boot and
 * the kernel. */
int argv_machine(struct argv_context *context, struct error *err);
int argv_board(struct argv_context *context, struct error *err);
/* argv_cpu.c */
int argv_cpu(struct argv_context *context, struct error *err);
/* argv_firmware.c: the nodes of a pflash loader; -bios; -smbios and -fw_cfg. */
void argv_pflash(struct argv_context *context);
void argv_firmware(struct argv_context *context);
void argv_smbios(struct argv_context *context);
void argv_fw_cfg(struct argv_context *context);

/* argv_address.c: adds "bus" and "addr", or what else places a device. */
void argv_address(const struct argv_context *context,
                  struct json_object *device, const struct guest_address *at);

/* argv_controllers.c */
int argv_controllers(struct argv_context *context, struct error *err);
/* argv_disks.c */
int argv_disks(struct argv_context *context, struct error *err);
/* argv_chardevs.c: serial, parallel, channel, console. */
int argv_chardevs(struct argv_context *context, struct error *err);
/* argv_devices.c */
int argv_interfaces(struct argv_context *context, struct error *err);
void argv_inputs(struct argv_context *context);
int argv_graphics(struct argv_context *context, struct error *err);
void argv_videos(struct argv_context *context);
void argv_sounds(struct argv_context *context);
void argv_watchdogs(struct argv_context *context);
void argv_memballoons(struct argv_context *context);
void argv_rngs(struct argv_context *context);
void argv_panics(struct argv_context *context);
