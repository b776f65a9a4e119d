/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/differ.h"

#include <string.h>

#include "guest/differ_fields.h"

static int differ_machine(const struct guest *there, const struct guest *here,
                          struct error *err);
static int differ_features(const struct guest *there, const struct guest *here,
                           struct error *err);
static int differ_cpu(const struct guest_cpu *there,
                      const struct guest_cpu *here, struct error *err);
static int differ_timers(const struct guest_clock *there,
                         const struct guest_clock *here, struct error *err);
static int differ_sysinfo(const struct guest *there, const struct guest *here,
                          struct error *err);

int
guest_compare(const struct guest *source, const struct guest *destination,
              struct error *err)
{
    if (differ_machine(source, destination, err) < 0 ||
        differ_features(source, destination, err) < 0 ||
        differ_cpu(source->cpu, destination->cpu, err) < 0 ||
        differ_timers(&source->clock, &destination->clock, err) < 0 ||
        differ_sysinfo(source, destination, err) < 0) {
        return -1;
    }
    return differ_devices(source, destination, err);
}

static unsigned
current_vcpus(const struct guest *guest)
{
    return guest->current_vcpus.is_set ? (unsigned)guest->current_vcpus.value
                                       : guest->vcpus;
}

static int
differ_firmware(const struct guest_os *there, const struct guest_os *here,
                struct error *err)
{
    /* Which file it is is the host's matter, if the sizes are the same. */
    if (differ_bool("os", "a loader", there->loader != NULL,
                    here->loader != NULL, err) < 0 ||
        differ_bool("os/loader", "type pflash",
                    there->loader_type == GUEST_LOADER_TYPE_PFLASH,
                    here->loader_type == GUEST_LOADER_TYPE_PFLASH, err) < 0 ||
        differ_bool("os", "nvram", there->nvram != NULL, here->nvram != NULL,
                    err) < 0 ||
        differ_bool("os", "a kernel", there->kernel != NULL,
                    here->kernel != NULL, err) < 0) {
        return -1;
    }
    return differ_bool("os/bios", "useserial",
                       there->bios_useserial == GUEST_SWITCH_ON,
                       here->bios_useserial == GUEST_SWITCH_ON, err);
}

static int
differ_machine(const struct guest *there, const struct guest *here,
               struct error *err)
{
    char there_uuid[UUID_TEXT_SIZE];
    char here_uuid[UUID_TEXT_SIZE];

    uuid_format(&there->uuid, there_uuid);
    uuid_format(&here->uuid, here_uuid);
    if (differ_text("domain", "type", guest_type_name(there->type),
                    guest_type_name(here->type), err) < 0 ||
        differ_text("domain", "uuid", there_uuid, here_uuid, err) < 0 ||
        differ_number("memory", "size in KiB", there->memory_kib,
                      here->memory_kib, err) < 0 ||
        differ_number("vcpu", "count", there->vcpus, here->vcpus, err) < 0 ||
        differ_number("vcpu", "current", current_vcpus(there),
                      current_vcpus(here), err) < 0 ||
        differ_text("os/type", "machine", there->os.machine, here->os.machine,
                    err) < 0) {
        return -1;
    }
    return differ_firmware(&there->os, &here->os, err);
}

static int
differ_hyperv(const struct guest_features *there,
              const struct guest_features *here, struct error *err)
{
    for (unsigned i = 1; i < GUEST_HYPERV_FEATURE_COUNT; i++) {
        if (differ_bool("features/hyperv",
                        guest_hyperv_feature_name((enum guest_hyperv_feature)i),
                        there->hyperv[i] == GUEST_SWITCH_ON,
                        here->hyperv[i] == GUEST_SWITCH_ON, err) < 0) {
            return -1;
        }
    }
    if (differ_bool("features/hyperv", "spinlocks",
                    there->hyperv_spinlocks == GUEST_SWITCH_ON,
                    here->hyperv_spinlocks == GUEST_SWITCH_ON, err) < 0) {
        return -1;
    }
    return differ_maybe_number("features/hyperv/spinlocks", "retries",
                               there->hyperv_spinlock_retries,
                               here->hyperv_spinlock_retries, err);
}

static int
differ_features(const struct guest *source, const struct guest *destination,
                struct error *err)
{
    const struct guest_features *there = &source->features;
    const struct guest_features *here = &destination->features;

    if (differ_bool("features", "acpi", there->acpi, here->acpi, err) < 0 ||
        differ_bool("features", "apic", there->apic, here->apic, err) < 0 ||
        differ_bool("features", "pae", there->pae, here->pae, err) < 0 ||
        differ_switch("features/apic", "eoi", there->apic_eoi, here->apic_eoi,
                      err) < 0 ||
        differ_switch("features", "vmport", there->vmport, here->vmport, err) <
            0 ||
        differ_switch("features", "smm", there->smm, here->smm, err) < 0 ||
        differ_switch("pm", "suspend-to-mem", source->suspend_to_mem,
                      destination->suspend_to_mem, err) < 0 ||
        differ_switch("pm", "suspend-to-disk", source->suspend_to_disk,
                      destination->suspend_to_disk, err) < 0) {
        return -1;
    }
    return differ_hyperv(there, here, err);
}

/* ---- CPU
 * ------------------------------------------------------------------------ */

static const char *
feature_policy(const struct guest_cpu *cpu, const char *name)
{
    for (size_t i = 0; i < cpu->features.count; i++) {
        const struct guest_cpu_feature *feature = cpu->features.items[i];

        if (strcmp(feature->name, name) == 0) {
            return guest_cpu_policy_name(feature->policy);
        }
    }
    return NULL;
}

/* In any order; 'named' is the one whose features are looked up. */
static int
differ_cpu_features(const struct guest_cpu *named,
                    const struct guest_cpu *there, const struct guest_cpu *here,
                    struct error *err)
{
    for (size_t i = 0; i < named->features.count; i++) {
        const char *name = named->features.items[i]->name;
        AUTO_FREE char *path = xasprintf("cpu/feature[%s]", name);

        if (differ_text(path, "policy", feature_policy(there, name),
                        feature_policy(here, name), err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
differ_topology(const struct guest_cpu *there, const struct guest_cpu *here,
                struct error *err)
{
    if (differ_bool("cpu", "a topology", there->has_topology,
                    here->has_topology, err) < 0) {
        return -1;
    }
    if (!there->has_topology) {
        return 0;
    }
    if (differ_number("cpu/topology", "sockets", there->sockets, here->sockets,
                      err) < 0 ||
        differ_number("cpu/topology", "dies", there->dies, here->dies, err) <
            0 ||
        differ_number("cpu/topology", "cores", there->cores, here->cores, err) <
            0) {
        return -1;
    }
    return differ_number("cpu/topology", "threads", there->threads,
                         here->threads, err);
}

static int
differ_cpu(const struct guest_cpu *there, const struct guest_cpu *here,
           struct error *err)
{
    if (there == NULL || here == NULL) {
        return differ_bool("domain", "a cpu", there != NULL, here != NULL, err);
    }
    if (differ_text("cpu", "mode", guest_cpu_mode_name(there->mode),
                    guest_cpu_mode_name(here->mode), err) < 0 ||
        differ_text("cpu", "model", there->model, here->model, err) < 0 ||
        differ_switch("cpu", "migratable", there->migratable, here->migratable,
                      err) < 0 ||
        differ_topology(there, here, err) < 0 ||
        differ_cpu_features(there, there, here, err) < 0) {
        return -1;
    }
    return differ_cpu_features(here, there, here, err);
}

/* ---- Timers
 * ---------------------------------------------------------------------- */

static const struct guest_timer *
find_timer(const struct guest_clock *clock, enum guest_timer_name name)
{
    static const struct guest_timer none;

    for (size_t i = 0; i < clock->timers.count; i++) {
        if (clock->timers.items[i]->name == name) {
            return clock->timers.items[i];
        }
    }
    return &none;
}

static int
differ_timers(const struct guest_clock *source,
              const struct guest_clock *destination, struct error *err)
{
    for (unsigned i = 1; i < GUEST_TIMER_NAME_COUNT; i++) {
        enum guest_timer_name name = (enum guest_timer_name)i;
        const struct guest_timer *there = find_timer(source, name);
        const struct guest_timer *here = find_timer(destination, name);
        AUTO_FREE char *path =
            xasprintf("clock/timer[%s]", guest_timer_name_name(name));

        if (differ_switch(path, "present", there->is_present, here->is_present,
                          err) < 0 ||
            differ_text(path, "tickpolicy",
                        guest_timer_policy_name(there->policy),
                        guest_timer_policy_name(here->policy), err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- What the firmware tells
 * ------------------------------------------------------ */

static int
differ_entries(const char *path, const struct guest_sysinfo_block *there,
               const struct guest_sysinfo_block *here, struct error *err)
{
    if (differ_count(path, there->entries.count, here->entries.count, err) <
        0) {
        return -1;
    }
    for (size_t i = 0; i < there->entries.count; i++) {
        const struct guest_sysinfo_entry *first = there->entries.items[i];
        const struct guest_sysinfo_entry *second = here->entries.items[i];

        if (differ_text(path, "name", first->name, second->name, err) < 0 ||
            differ_text(path, first->name != NULL ? first->name : "a text",
                        first->value, second->value, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
differ_fwcfg(const struct guest_sysinfo *there,
             const struct guest_sysinfo *here, struct error *err)
{
    if (differ_count("sysinfo/entry", there->entries.count, here->entries.count,
                     err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < there->entries.count; i++) {
        const struct guest_sysinfo_entry *first = there->entries.items[i];
        const struct guest_sysinfo_entry *second = here->entries.items[i];

        if (differ_text("sysinfo/entry", "name", first->name, second->name,
                        err) < 0 ||
            differ_bool("sysinfo/entry", "a file", first->file != NULL,
                        second->file != NULL, err) < 0 ||
            differ_text("sysinfo/entry", first->name, first->value,
                        second->value, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
differ_sysinfo(const struct guest *source, const struct guest *destination,
               struct error *err)
{
    if (differ_bool("os/smbios", "mode sysinfo",
                    source->os.smbios == GUEST_SMBIOS_MODE_SYSINFO,
                    destination->os.smbios == GUEST_SMBIOS_MODE_SYSINFO,
                    err) < 0 ||
        differ_count("sysinfo", source->sysinfos.count,
                     destination->sysinfos.count, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < source->sysinfos.count; i++) {
        const struct guest_sysinfo *there = source->sysinfos.items[i];
        const struct guest_sysinfo *here = destination->sysinfos.items[i];

        if (differ_text("sysinfo", "type", guest_sysinfo_type_name(there->type),
                        guest_sysinfo_type_name(here->type), err) < 0 ||
            differ_count("sysinfo", there->blocks.count, here->blocks.count,
                         err) < 0 ||
            differ_fwcfg(there, here, err) < 0) {
            return -1;
        }
        for (size_t j = 0; j < there->blocks.count; j++) {
            const char *section =
                guest_sysinfo_section_name(there->blocks.items[j]->section);
            AUTO_FREE char *path = xasprintf("sysinfo/%s", section);

            if (differ_text(
                    "sysinfo", "section", section,
                    guest_sysinfo_section_name(here->blocks.items[j]->section),
                    err) < 0 ||
                differ_entries(path, there->blocks.items[j],
                               here->blocks.items[j], err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}
