/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/check.h"

#include <string.h>

static int check_names(const struct guest *guest, struct error *err);
static int check_os(const struct guest *guest, struct error *err);
static int check_sysinfo(const struct guest_sysinfo *sysinfo,
                         struct error *err);
static int check_fwcfg(const struct guest_sysinfo_entry *entry,
                       struct error *err);
static int check_cpu(const struct guest *guest, struct error *err);
static int check_clock(const struct guest *guest, struct error *err);
static int check_boot_orders(const struct guest *guest, struct error *err);
static int check_boot_order(const struct guest *guest, size_t count,
                            const struct guest_number *order,
                            struct error *err);

int
guest_check(const struct guest *guest, struct error *err)
{
    static int (*const checks[])(const struct guest *, struct error *) = {
        check_names,
        check_os,
        check_cpu,
        check_clock,
        check_boot_orders,
        guest_check_disks,
        guest_check_controllers,
        guest_check_interfaces,
        guest_check_chardevs,
        guest_check_others,
    };

    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        if (checks[i](guest, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The name becomes part of file names and of lines in logs. */
static int
check_names(const struct guest *guest, struct error *err)
{
    const char *name = guest->name;

    if (strchr(name, '/')) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "name %s cannot contain '/'", name);
    }
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "name cannot be '%s'", name);
    }
    for (const char *at = name; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                  "name cannot contain control characters");
        }
    }
    if (name[strspn(name, " ")] == '\0') {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "name must contain at least one non-whitespace "
                              "character");
    }
    if (guest->title && strchr(guest->title, '\n')) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "Domain title can't contain newlines");
    }
    if (guest->emulator && guest->emulator[0] != '/') {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "emulator '%s' is not an absolute path",
                              guest->emulator);
    }
    return 0;
}

static int
check_os(const struct guest *guest, struct error *err)
{
    const struct guest_os *os = &guest->os;
    bool has_smbios = false;

    if ((os->initrd || os->cmdline) && !os->kernel) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "initrd and cmdline need a kernel");
    }
    if ((os->nvram || os->nvram_template) &&
        os->loader_type != GUEST_LOADER_TYPE_PFLASH) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "nvram needs a loader of type 'pflash'");
    }
    if (os->loader_type == GUEST_LOADER_TYPE_PFLASH && !guest->features.acpi) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "UEFI requires ACPI on this architecture");
    }
    if (os->is_loader_secure == GUEST_SWITCH_ON &&
        (os->loader_type != GUEST_LOADER_TYPE_PFLASH ||
         guest->features.smm != GUEST_SWITCH_ON)) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "Secure boot requires SMM feature enabled and a "
                         "loader of type 'pflash'");
    }
    for (size_t i = 0; i < guest->sysinfos.count; i++) {
        const struct guest_sysinfo *sysinfo = guest->sysinfos.items[i];

        has_smbios |= sysinfo->type == GUEST_SYSINFO_TYPE_SMBIOS;
        for (size_t k = 0; k < i; k++) {
            if (guest->sysinfos.items[k]->type == sysinfo->type) {
                return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                      "sysinfo '%s' twice",
                                      guest_sysinfo_type_name(sysinfo->type));
            }
        }
        if (check_sysinfo(sysinfo, err) < 0) {
            return -1;
        }
    }
    if (os->smbios == GUEST_SMBIOS_MODE_SYSINFO && !has_smbios) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "Domain '%s' sysinfo are not available",
                              guest->name);
    }
    return 0;
}

static int
check_sysinfo(const struct guest_sysinfo *sysinfo, struct error *err)
{
    for (size_t i = 0; i < sysinfo->blocks.count; i++) {
        const struct guest_sysinfo_block *block = sysinfo->blocks.items[i];
        bool has_names = block->section != GUEST_SYSINFO_SECTION_OEM_STRINGS;

        for (size_t k = 0; k < block->entries.count; k++) {
            const struct guest_sysinfo_entry *entry = block->entries.items[k];

            if (has_names != (entry->name != NULL) || entry->file) {
                return error_set_from(
                    err, ERROR_FROM_XML, ERROR_XML,
                    "wrong entry in sysinfo section '%s'",
                    guest_sysinfo_section_name(block->section));
            }
        }
    }
    for (size_t i = 0; i < sysinfo->entries.count; i++) {
        if (check_fwcfg(sysinfo->entries.items[i], err) < 0) {
            return -1;
        }
        for (size_t k = 0; k < i; k++) {
            if (is_same_text(sysinfo->entries.items[i]->name,
                             sysinfo->entries.items[k]->name)) {
                return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                      "fwcfg entry '%s' twice",
                                      sysinfo->entries.items[i]->name);
            }
        }
    }
    return 0;
}

/* The rules are QEMU's: the firmware's own names are not for the user. */
static int
check_fwcfg(const struct guest_sysinfo_entry *entry, struct error *err)
{
    enum { NAME_MAX_LENGTH = 55 };

    if (!entry->name) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "Firmware entry is missing 'name' attribute");
    }
    if (!has_prefix(entry->name, "opt/") ||
        strlen(entry->name) > NAME_MAX_LENGTH) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "Invalid firmware name '%s'", entry->name);
    }
    if (has_prefix(entry->name, "opt/ovmf/") ||
        has_prefix(entry->name, "opt/org.qemu")) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "That firmware name is reserved: '%s'", entry->name);
    }
    if ((entry->file != NULL) == (entry->value != NULL)) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "Firmware entry '%s' must have either value or "
                              "'file' attribute",
                              entry->name);
    }
    return 0;
}

static int
check_cpu(const struct guest *guest, struct error *err)
{
    const struct guest_cpu *cpu = guest->cpu;

    if (guest->current_vcpus.is_set &&
        guest->current_vcpus.value > guest->vcpus) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "maxvcpus must not be less than current vcpus "
                              "(%u < %llu)",
                              guest->vcpus,
                              (unsigned long long)guest->current_vcpus.value);
    }
    if (!cpu) {
        return 0;
    }
    if (cpu->has_topology &&
        (uint64_t)cpu->sockets * cpu->dies * cpu->cores * cpu->threads !=
            guest->vcpus) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "CPU topology doesn't match maximum vcpu count");
    }
    if (cpu->mode == GUEST_CPU_MODE_HOST_PASSTHROUGH &&
        guest->type != GUEST_TYPE_KVM) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "CPU mode 'host-passthrough' needs KVM");
    }
    if (cpu->migratable && cpu->mode != GUEST_CPU_MODE_HOST_PASSTHROUGH &&
        cpu->mode != GUEST_CPU_MODE_MAXIMUM) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "Attribute migratable is only allowed for "
                              "'host-passthrough' / 'maximum' CPU mode");
    }
    return 0;
}

static int
check_clock(const struct guest *guest, struct error *err)
{
    const struct guest_clock *clock = &guest->clock;

    for (size_t i = 0; i < clock->timers.count; i++) {
        enum guest_timer_name name = clock->timers.items[i]->name;

        for (size_t k = 0; k < i; k++) {
            if (clock->timers.items[k]->name == name) {
                return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                      "timer '%s' twice",
                                      guest_timer_name_name(name));
            }
        }
    }
    return 0;
}

static int
check_boot_orders(const struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        if (check_boot_order(guest, i, &guest->disks.items[i]->boot_order,
                             err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < guest->interfaces.count; i++) {
        if (check_boot_order(guest, guest->disks.count + i,
                             &guest->interfaces.items[i]->boot_order,
                             err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Against the 'count' disks and interfaces before it. */
static int
check_boot_order(const struct guest *guest, size_t count,
                 const struct guest_number *order, struct error *err)
{
    size_t disks = guest->disks.count;

    if (!order->is_set) {
        return 0;
    }
    if (guest->os.boots.count > 0) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "per-device boot elements cannot be used together "
                         "with os/boot elements");
    }
    for (size_t i = 0; i < count; i++) {
        const struct guest_number *other =
            i < disks ? &guest->disks.items[i]->boot_order
                      : &guest->interfaces.items[i - disks]->boot_order;

        if (other->is_set && other->value == order->value) {
            return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                                  "boot order '%llu' used for more than one "
                                  "device",
                                  (unsigned long long)order->value);
        }
    }
    return 0;
}
