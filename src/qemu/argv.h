/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes the command line of QEMU from a guest.
 *
 * The guest must be complete (guest_complete()), and what is decided when it
 * starts must be in it: the port of its VNC server, the path of its automatic
 * sockets.  Options come in libvirt's order and in its words, so that a guest
 * looks the same to QEMU whoever starts it.  No text of the guest can become
 * an option: it is an argument of its own, JSON, or has its commas doubled, and
 * what QEMU could not take at all is refused.
 *
 * Nothing is opened and nothing is asked: qemu/process.c runs it. */

#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "guest/guest.h"
#include "guest/seen_cpu.h"

/* The tap device of an interface. */
struct qemu_argv_tap {
    const char *name; /* QEMU opens it by name; NULL: 'fd' is open already. */
    int fd;           /* As QEMU inherits it; -1: by name. */
    int vhost_fd;     /* -1: no vhost. */
};

struct qemu_argv_options {
    const char *binary;     /* argv[0]; NULL: the guest's emulator. */
    int monitor_fd;         /* The listening socket, as QEMU inherits it. */
    bool is_incoming;       /* To wait for a migration. */
    bool has_sandbox;       /* This QEMU can confine itself by seccomp. */
    unsigned qemu_version;  /* 7002000 is 7.2.0; 0 is that, too. */
    int64_t now_s;          /* Seconds since 1970: a clock with offset
                             * 'variable' starts there. */
    const char *vnc_listen; /* Where the guest's XML has none. NULL:
                             * 127.0.0.1. */
    /* One for each interface of the guest, in its order; used for those of
     * type bridge and ethernet.  Where there is none (NULL), or it has neither
     * name nor fd, the interface's own tap device is opened by name. */
    const struct qemu_argv_tap *taps;
    size_t tap_count;
    /* What an incoming guest sees; NULL: not known.  What was withheld from it
     * is switched off here. */
    const struct guest_seen_cpu *cpu;
};

/* The arguments, argv[0] first, NULL-terminated; free with qemu_argv_free().
 * Where the guest has a live_cpu (of the cookie, for an incoming one), that is
 * the CPU.  ERROR_CONFIG_UNSUPPORTED names what cannot be put on a command
 * line. */
char **qemu_argv_new(const struct guest *guest,
                     const struct qemu_argv_options *options,
                     struct error *err);
/* QEMU's name of the CPU that it is started with; NULL: none. */
const char *qemu_cpu_model(const struct guest *guest);
/* Takes NULL. */
void qemu_argv_free(char **argv);

/* For a log: quoted for a shell, an option with its value on a line. */
char *qemu_argv_to_text(char *const *argv);
