/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A guest: the virtual machine that a domain XML describes, as a struct.
 *
 * This module reads and writes the XML, in libvirt's own layout, and checks
 * what can be said without knowing a host.  It knows no QEMU and no host: the
 * command line is made by qemu/argv.c, defaults that depend on the host are put
 * in by guest_complete() (complete.h), and whether two guests are the same
 * machine is said by guest_compare() (differ.h).  Everything is pure: no file
 * is opened, nothing is asked.
 *
 * What is not understood is refused, with the element and its line: a machine
 * with a part missing would corrupt a migrated guest.  docs/domain-xml.md lists
 * what is kept although it is not understood.  How elements and members belong
 * together is written once, as tables: see grammar.h. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "guest/devices.h"
#include "guest/names.h"

struct guest_host; /* complete.h */

enum {
    GUEST_XML_SIZE_MAX = 4 << 20,
    GUEST_NAME_LENGTH_MAX = 255,
    GUEST_VCPUS_MAX = 255,
};

/* What guest_parse() reads. */
enum guest_parse_flags {
    /* Configuration, as a user wrote it: live members (id, ptys, taken ports,
     * indexes, aliases of ours) are dropped, and a <cpu> is what to configure.
     */
    GUEST_PARSE_INACTIVE = 1 << 0,
    /* The XML of a migration, from a peer: as INACTIVE, but <backingStore> is
     * kept. */
    GUEST_PARSE_MIGRATION = 1 << 1,
    /* What GUEST_FORMAT_STATUS wrote. */
    GUEST_PARSE_STATUS = 1 << 2,
};

/* What guest_format() writes.  0 to 8 are libvirt's VIR_DOMAIN_XML_*. */
enum guest_format_flags {
    GUEST_FORMAT_SECURE = 1 << 0,     /* With passwords. */
    GUEST_FORMAT_INACTIVE = 1 << 1,   /* Without live members. */
    GUEST_FORMAT_UPDATE_CPU = 1 << 2, /* Accepted; the CPU is complete. */
    GUEST_FORMAT_MIGRATABLE = 1 << 3, /* As it is sent to a peer. */
    /* For our own record of a running guest: everything, passwords and both
     * CPUs.  Nobody else can read that. */
    GUEST_FORMAT_STATUS = 1 << 16,
};

/* ---- CPU ------------------------------------------------------------- */

struct guest_cpu_feature {
    enum guest_cpu_policy policy; /* REQUIRE where absent. */
    char *name;                   /* In libvirt's spelling ("lahf_lm"). */
};

struct guest_cpu {
    enum guest_cpu_mode mode; /* CUSTOM where absent. */
    enum guest_cpu_match match;
    enum guest_cpu_check check;
    enum guest_switch migratable; /* host-passthrough, maximum. */
    char *model;                  /* custom */
    enum guest_cpu_fallback fallback;
    char *vendor;
    bool has_topology;
    unsigned sockets; /* From 1 where has_topology, like the others. */
    unsigned dies;
    unsigned cores;
    unsigned threads;
    GUEST_LIST(struct guest_cpu_feature) features;
};

/* ---- Firmware and boot ------------------------------------------------ */

struct guest_boot {
    enum guest_boot_device device;
};

struct guest_os {
    enum guest_os_type type;
    enum guest_arch arch; /* Unset: x86_64. */
    char *machine;        /* As written; canonical after guest_complete(). */
    char *loader;         /* Path; NULL: the machine's own firmware. */
    enum guest_loader_type loader_type; /* Unset: rom. */
    enum guest_switch is_loader_readonly;
    enum guest_switch is_loader_secure;
    char *nvram; /* Path of the variables of a pflash loader. */
    char *nvram_template;
    char *kernel;
    char *initrd;
    char *cmdline;
    GUEST_LIST(struct guest_boot)
    boots; /* In order; disks and interfaces may
            * have boot_order instead. */
    enum guest_switch bootmenu;
    struct guest_number bootmenu_timeout; /* ms */
    enum guest_switch bios_useserial;
    enum guest_smbios_mode smbios;
};

struct guest_sysinfo_entry {
    char *name;  /* "manufacturer"; fwcfg: "opt/..."; NULL in oemStrings. */
    char *file;  /* fwcfg: the value is in this file. */
    char *value; /* NULL where there is a file. */
};

struct guest_sysinfo_block {
    enum guest_sysinfo_section section;
    GUEST_LIST(struct guest_sysinfo_entry) entries;
};

struct guest_sysinfo {
    enum guest_sysinfo_type type;
    GUEST_LIST(struct guest_sysinfo_block) blocks;  /* smbios */
    GUEST_LIST(struct guest_sysinfo_entry) entries; /* fwcfg */
};

/* ---- Features, clock, power ------------------------------------------- */

struct guest_features {
    bool acpi;
    bool apic;
    enum guest_switch apic_eoi;
    bool pae;
    enum guest_switch vmport;
    enum guest_switch smm;
    bool has_hyperv;
    enum guest_hyperv_mode hyperv_mode; /* CUSTOM where absent. */
    enum guest_switch hyperv[GUEST_HYPERV_FEATURE_COUNT];
    enum guest_switch hyperv_spinlocks;
    struct guest_number hyperv_spinlock_retries; /* From 4095. */
};

struct guest_timer {
    enum guest_timer_name name;
    enum guest_timer_policy policy;
    enum guest_timer_track track;
    enum guest_switch is_present;
};

struct guest_clock {
    enum guest_clock_offset offset; /* UTC where absent. */
    char *timezone;                 /* timezone */
    int64_t adjustment;             /* variable: seconds. */
    enum guest_clock_basis basis;   /* variable; UTC where absent. */
    GUEST_LIST(struct guest_timer) timers;
};

/* ---- The whole -------------------------------------------------------- */

struct guest {
    enum guest_type type;
    struct guest_number id; /* Live. */
    char *name;
    struct uuid uuid; /* Generated where the XML has none. */
    char *title;
    char *description;
    /* The <metadata> element, verbatim. */
    char *metadata;
    uint64_t memory_kib;         /* Exactly; never rounded. */
    uint64_t current_memory_kib; /* = memory_kib where absent. */
    bool is_memory_locked;
    bool has_no_shared_pages; /* <nosharepages/>. */
    unsigned vcpus;
    struct guest_number current_vcpus;        /* Unset: all. */
    enum guest_vcpu_placement vcpu_placement; /* STATIC where absent. */
    char *vcpu_set;                           /* <vcpu cpuset=> */
    struct guest_number iothreads;
    GUEST_LIST(struct guest_sysinfo) sysinfos;
    struct guest_os os;
    struct guest_features features;
    /* What the user, or guest_complete(), chose; NULL before guest_complete()
     * where the XML has none.  Written into the inactive and the migratable
     * form. */
    struct guest_cpu *cpu;
    /* Live: what QEMU gave the guest, with every feature; NULL: not known.
     * Starting an incoming guest, the cookie's CPU is put here and wins. */
    struct guest_cpu *live_cpu;
    struct guest_clock clock;
    enum guest_action on_poweroff; /* DESTROY where absent. */
    enum guest_action on_reboot;   /* RESTART where absent. */
    enum guest_action on_crash;    /* DESTROY where absent. */
    enum guest_switch suspend_to_mem;
    enum guest_switch suspend_to_disk;

    char *emulator; /* NULL before guest_complete() where absent. */
    GUEST_LIST(struct guest_disk) disks;
    GUEST_LIST(struct guest_controller) controllers;
    GUEST_LIST(struct guest_interface) interfaces;
    GUEST_LIST(struct guest_chardev) serials;
    GUEST_LIST(struct guest_chardev) parallels;
    GUEST_LIST(struct guest_chardev)
    consoles; /* The first one with target
               * SERIAL is serials[0] again:
               * no device of its own. */
    GUEST_LIST(struct guest_chardev) channels;
    GUEST_LIST(struct guest_input) inputs;
    GUEST_LIST(struct guest_graphics) graphics;
    GUEST_LIST(struct guest_sound) sounds;
    GUEST_LIST(struct guest_audio) audios;
    GUEST_LIST(struct guest_video) videos;
    GUEST_LIST(struct guest_hub) hubs;
    GUEST_LIST(struct guest_watchdog) watchdogs;
    GUEST_LIST(struct guest_memballoon) memballoons; /* At most one. */
    GUEST_LIST(struct guest_rng) rngs;
    GUEST_LIST(struct guest_panic) panics;

    /* Elements of the domain that concern the host only, and those of foreign
     * namespaces: kept verbatim, never looked into. */
    GUEST_LIST(char) kept;
};

/* Reads a domain XML of 'length' bytes.  ERROR_XML where it is malformed or
 * lacks what every guest has, ERROR_CONFIG_UNSUPPORTED where it asks for what
 * is not here.  'flags' is of enum guest_parse_flags; 0 is the XML of a running
 * guest (dumpxml).  Does not call guest_check(). */
struct guest *guest_parse(const char *xml, size_t length, unsigned flags,
                          struct error *err);

/* Fails where what is written of 'guest' with 'format_flags' can't be read with
 * 'parse_flags', or is no guest that could be: what is to be kept on disk and
 * sent to other hosts must pass it, whoever changed it. */
int guest_check_kept(const struct guest *guest, unsigned format_flags,
                     unsigned parse_flags, struct error *err);

/* Writes it.  'flags' is of enum guest_format_flags; 0 is dumpxml of a running
 * guest.  guest_format_into() indents by 'indent' more blanks, as the element
 * is in a cookie. */
char *guest_format(const struct guest *guest, unsigned flags);
void guest_format_into(struct text *text, const struct guest *guest,
                       unsigned flags, unsigned indent);

/* Limits and combinations that are wrong on every host: to be called for what
 * a user or a peer sent, after guest_parse() and before guest_complete(). */
int guest_check(const struct guest *guest, struct error *err);

struct guest *guest_copy(const struct guest *guest);
void guest_free(struct guest *guest);
DEFINE_AUTO(guest);

/* The <cpu> element alone, as in the migration cookie. */
struct guest_cpu *guest_cpu_parse(const char *xml, size_t length,
                                  struct error *err);
void guest_cpu_format(struct text *text, const struct guest_cpu *cpu,
                      unsigned indent);
struct guest_cpu *guest_cpu_copy(const struct guest_cpu *cpu);
void guest_cpu_free(struct guest_cpu *cpu);
DEFINE_AUTO(guest_cpu);

/* Calls 'visit' for every device, in libvirt's order; 'kind' is the name of
 * its element.  Ends early where it returns non-zero, and returns that. */
int guest_visit_devices(struct guest *guest,
                        int (*visit)(void *owner, const char *kind,
                                     struct guest_device *device),
                        void *owner);

/* Fills in what depends on the host and what libvirt adds: machine alias, the
 * emulator, CPU, implicit controllers, addresses, aliases.  See complete.h. */
int guest_complete(struct guest *guest, const struct guest_host *host,
                   struct error *err);

/* Whether both are the same machine for the software in it; the error names
 * the path of the first difference.  See differ.h. */
int guest_compare(const struct guest *source, const struct guest *destination,
                  struct error *err);
