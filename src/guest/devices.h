/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The devices of a guest, as in the <devices> element of domain XML.
 *
 * Conventions: a text is owned and NULL where the XML has none; an enumeration
 * is 0 (_UNSET) where the XML has none, unless the comment names what the
 * parser puts there; a number that may be absent is a guest_number.  Every
 * device starts with a struct guest_device.
 *
 * "Live" members say what is so only while the guest runs.  They are written
 * into the XML of a running guest, and not into the inactive or the migratable
 * form. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/names.h"

/* A number that may be absent. */
struct guest_number {
    bool is_set;
    uint64_t value;
};

/* Elements are owned: remove with guest_list_remove() and free. */
#define GUEST_LIST(type)                                                       \
    struct {                                                                   \
        type **items;                                                          \
        size_t count;                                                          \
    }

/* Where a device sits.  Members of other types than 'type' are 0. */
struct guest_address {
    enum guest_address_type type; /* _UNSET: none yet. */
    /* pci: a user may write <address type='pci'/> alone, which leaves all of
     * them 0 and means: PCI, place it for me. */
    unsigned domain;
    unsigned bus; /* Also drive, usb, virtio-serial. */
    unsigned slot;
    unsigned function;
    enum guest_switch multifunction;
    /* drive: controller, bus, target, unit; virtio-serial: controller, bus,
     * virtio_port. */
    unsigned controller;
    unsigned target;
    unsigned unit;
    unsigned virtio_port;
    /* usb: "1", or "1.4" behind a hub; NULL: to be chosen. */
    char *usb_port;
    /* isa */
    struct guest_number iobase;
    struct guest_number irq;
};

/* What all devices have in common: always the first member. */
struct guest_device {
    char *alias; /* Live, unless the user gave it ("ua-..."). */
    struct guest_address address;
};

/* An image below another one.  An empty <backingStore/>, which ends the chain,
 * is one with all members unset. */
struct guest_backing {
    enum guest_disk_type type;
    struct guest_number index; /* Live: libvirt's node number. */
    enum guest_disk_format format;
    char *path;
    struct guest_backing *next; /* Owned; NULL: not known, QEMU finds it. */
};

struct guest_disk {
    struct guest_device device;
    enum guest_disk_type type;     /* FILE where absent. */
    enum guest_disk_device kind;   /* <disk device=>; DISK where absent. */
    enum guest_disk_format format; /* RAW where absent. */
    enum guest_disk_cache cache;
    enum guest_disk_error_policy error_policy;
    enum guest_disk_error_policy rerror_policy;
    enum guest_disk_io io;
    enum guest_disk_discard discard;
    struct guest_number iothread; /* From 1. */
    enum guest_disk_detect_zeroes detect_zeroes;
    struct guest_number queues;
    char *path;                    /* File or block device; NULL: no medium. */
    struct guest_number index;     /* Live: libvirt's node number. */
    struct guest_backing *backing; /* Owned; live (the inactive form has none);
                                    * NULL: not probed. */
    char *target;                  /* "vda"; never NULL after parsing. */
    enum guest_disk_bus bus;       /* Guessed from the target where absent. */
    enum guest_disk_tray tray;
    bool is_readonly; /* Also set for every cdrom. */
    bool is_shareable;
    char *serial;
    struct guest_number boot_order; /* From 1. */
};

struct guest_controller {
    struct guest_device device;
    enum guest_controller_type type;
    struct guest_number index; /* Unset: guest_complete() numbers it. */
    enum guest_controller_model model;
    struct guest_number ports;   /* virtio-serial, usb. */
    struct guest_number vectors; /* virtio-serial. */
    /* pci */
    enum guest_pci_model pci_model;
    struct guest_number chassis_number; /* <target chassisNr=>, pci-bridge. */
    struct guest_number chassis;
    struct guest_number port;
    /* usb companions (ich9-uhci*): <master startport=>. */
    struct guest_number master_port;
};

struct guest_interface {
    struct guest_device device;
    enum guest_interface_type type;
    char *mac;    /* "52:54:00:aa:bb:01", lower case; NULL: to be chosen. */
    char *bridge; /* bridge: its name. */
    char *tap;    /* ethernet: the device; bridge: live unless the user chose
                   * ("vnetN" never is the user's). */
    enum guest_switch is_tap_managed; /* <target managed=>: OFF where the
                                       * device exists already. */
    enum guest_interface_model model;
    struct guest_number boot_order;
};

/* serial, parallel, console, channel. */
struct guest_chardev {
    struct guest_device device;
    enum guest_chardev_type type;
    char *path;                           /* pty: live; file, unix. */
    bool is_path_automatic;               /* unix: chosen by us, so live. */
    enum guest_switch append;             /* file */
    enum guest_chardev_mode mode;         /* unix (BIND where absent), tcp. */
    char *host;                           /* tcp */
    char *service;                        /* tcp: the port. */
    enum guest_chardev_protocol protocol; /* tcp; RAW where absent. */
    enum guest_chardev_target target;     /* serial, console, channel. */
    struct guest_number port;             /* serial, parallel, console. */
    enum guest_serial_model model;        /* serial */
    char *name;                           /* channel */
    enum guest_channel_state state;       /* channel; live. */
};

struct guest_input {
    struct guest_device device;
    enum guest_input_type type;
    enum guest_input_bus bus; /* Unset: guest_complete() chooses. */
};

struct guest_graphics {
    struct guest_device device;
    enum guest_graphics_type type;
    /* With autoport ON: -1, or while the guest runs the port that was taken
     * (live).  With autoport OFF: the user's. */
    int port;
    enum guest_switch autoport; /* ON or OFF after parsing. */
    /* 0: none; -1: choose one; while the guest runs, the port (then
     * is_websocket_automatic says whether it is live). */
    int websocket;
    bool is_websocket_automatic;
    char *listen; /* An address; NULL: the daemon's default. */
    char *keymap;
    enum guest_graphics_share share;
    char *password;       /* A secret: written with GUEST_FORMAT_SECURE only. */
    char *password_until; /* passwdValidTo: "2026-01-31T12:00:00", UTC. */
    enum guest_graphics_connected connected;
};

struct guest_audio {
    struct guest_device device; /* Unused. */
    struct guest_number id;
    enum guest_audio_type type;
};

struct guest_video {
    struct guest_device device;
    enum guest_video_type type;
    struct guest_number vram; /* KiB; unset: guest_complete() chooses. */
    struct guest_number heads;
    enum guest_switch primary;
};

struct guest_sound {
    struct guest_device device;
    enum guest_sound_model model;
};

struct guest_watchdog {
    struct guest_device device;
    enum guest_watchdog_model model;
    enum guest_watchdog_action action; /* Unset: reset. */
};

struct guest_memballoon {
    struct guest_device device;
    enum guest_memballoon_model model; /* NONE: there shall be none. */
    enum guest_switch autodeflate;
    enum guest_switch free_page_reporting;
    struct guest_number stats_period; /* Seconds. */
};

struct guest_rng {
    struct guest_device device;
    enum guest_rng_model model;
    struct guest_number rate_bytes;
    struct guest_number rate_period; /* ms */
    enum guest_rng_backend backend;
    char *path; /* random; /dev/urandom where absent. */
};

struct guest_panic {
    struct guest_device device;
    enum guest_panic_model model; /* Unset: isa. */
};

struct guest_hub {
    struct guest_device device;
    enum guest_hub_type type;
};

/* Every kind of device, in the order in which libvirt writes them: the tag of
 * the struct, the list in struct guest, the element. */
#define GUEST_DEVICES(X)                                                       \
    X(guest_disk, disks, "disk")                                               \
    X(guest_controller, controllers, "controller")                             \
    X(guest_interface, interfaces, "interface")                                \
    X(guest_chardev, serials, "serial")                                        \
    X(guest_chardev, parallels, "parallel")                                    \
    X(guest_chardev, consoles, "console")                                      \
    X(guest_chardev, channels, "channel")                                      \
    X(guest_input, inputs, "input")                                            \
    X(guest_graphics, graphics, "graphics")                                    \
    X(guest_sound, sounds, "sound")                                            \
    X(guest_audio, audios, "audio")                                            \
    X(guest_video, videos, "video")                                            \
    X(guest_hub, hubs, "hub")                                                  \
    X(guest_watchdog, watchdogs, "watchdog")                                   \
    X(guest_memballoon, memballoons, "memballoon")                             \
    X(guest_rng, rngs, "rng")                                                  \
    X(guest_panic, panics, "panic")

/* Puts 'element' (takes it) before position 'index' of 'list', which points to
 * a GUEST_LIST.  guest_list_add() puts it at the end. */
void guest_list_insert(void *list, size_t index, void *element);
void guest_list_add(void *list, void *element);
/* Takes the element at 'index' out and returns it: the caller frees it. */
void *guest_list_remove(void *list, size_t index);

struct guest;
/* Put a device (take it) where libvirt sorts it in: disks of a bus by target,
 * controllers of a type by index. */
void guest_add_disk(struct guest *guest, struct guest_disk *disk);
void guest_add_controller(struct guest *guest,
                          struct guest_controller *controller);
/* The position of a target in its bus: 0 for "vda", 26 for "vdaa"; -1 where
 * it is no such name. */
int guest_disk_target_index(const char *target);

/* New ones are all zero (xcalloc); _free takes NULL. */
void guest_disk_free(struct guest_disk *disk);
void guest_controller_free(struct guest_controller *controller);
void guest_interface_free(struct guest_interface *interface);
void guest_chardev_free(struct guest_chardev *chardev);
void guest_input_free(struct guest_input *input);
void guest_graphics_free(struct guest_graphics *graphics);
void guest_sound_free(struct guest_sound *sound);
void guest_audio_free(struct guest_audio *audio);
void guest_video_free(struct guest_video *video);
void guest_hub_free(struct guest_hub *hub);
void guest_watchdog_free(struct guest_watchdog *watchdog);
void guest_memballoon_free(struct guest_memballoon *memballoon);
void guest_rng_free(struct guest_rng *rng);
void guest_panic_free(struct guest_panic *panic);
