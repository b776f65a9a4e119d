/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/complete.h"

#include "guest/addresses.h"
#include "guest/complete_devices.h"
#include "guest/complete_names.h"

static int complete_machine(struct guest *guest, const struct guest_host *host,
                            bool *is_q35, struct error *err);
static void complete_cpu(struct guest *guest, const struct guest_host *host);
static void complete_boot(struct guest *guest);

int
guest_complete(struct guest *guest, const struct guest_host *host,
               struct error *err)
{
    bool is_q35;

    if (complete_machine(guest, host, &is_q35, err) < 0) {
        return -1;
    }
    complete_cpu(guest, host);
    complete_boot(guest);
    if (complete_defaults(guest, err) < 0 ||
        complete_controllers(guest, is_q35, err) < 0 ||
        addresses_assign_drives(guest, err) < 0) {
        return -1;
    }
    complete_add_board(guest, is_q35);
    complete_add_implicit(guest);
    complete_add_for_devices(guest);
    if (addresses_check_drives(guest, err) < 0 ||
        addresses_assign_virtio_serial(guest, err) < 0 ||
        addresses_assign_pci(guest, is_q35, err) < 0 ||
        addresses_assign_usb(guest, err) < 0) {
        return -1;
    }
    /* Controllers were added at the end, which is their order for addresses,
     * but not that in which they are written. */
    complete_order(guest);
    complete_indexes(guest);
    return complete_aliases(guest, is_q35, err);
}

static int
complete_machine(struct guest *guest, const struct guest_host *host,
                 bool *is_q35, struct error *err)
{
    const char *machine = guest->os.machine;

    if (guest->emulator == NULL) {
        if (host->emulator == NULL) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "no emulator is configured, and the guest names "
                             "none");
        }
        guest->emulator = xstrdup(host->emulator);
    }
    if (host->find_machine != NULL) {
        machine = host->find_machine(host->owner, guest->emulator, machine);
    }
    if (machine == NULL) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "%s has no machine '%s'", guest->emulator,
                         guest->os.machine != NULL ? guest->os.machine : "");
    }
    if (!is_same_text(machine, guest->os.machine)) {
        char *name = xstrdup(machine);

        free_ref(&guest->os.machine);
        guest->os.machine = name;
    }
    machine = guest->os.machine;
    *is_q35 = has_prefix(machine, "pc-q35") || is_same_text(machine, "q35");
    if (!*is_q35 && !has_prefix(machine, "pc-i440fx") &&
        !is_same_text(machine, "pc")) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "machine '%s' is neither a pc nor a q35", machine);
    }
    return 0;
}

static void
complete_cpu(struct guest *guest, const struct guest_host *host)
{
    struct guest_cpu *cpu;

    if (guest->cpu == NULL) {
        guest->cpu = xcalloc(1, sizeof(*guest->cpu));
    }
    cpu = guest->cpu;
    if (cpu->mode == GUEST_CPU_MODE_UNSET) {
        cpu->mode = GUEST_CPU_MODE_CUSTOM;
    }
    if (cpu->mode == GUEST_CPU_MODE_CUSTOM) {
        if (cpu->model == NULL) {
            cpu->model =
                xstrdup(host->cpu_model != NULL ? host->cpu_model : "qemu64");
            cpu->fallback = GUEST_CPU_FALLBACK_FORBID;
            cpu->check = GUEST_CPU_CHECK_NONE;
        }
        if (cpu->match == GUEST_CPU_MATCH_UNSET) {
            cpu->match = GUEST_CPU_MATCH_EXACT;
        }
        if (cpu->fallback == GUEST_CPU_FALLBACK_UNSET) {
            cpu->fallback = GUEST_CPU_FALLBACK_ALLOW;
        }
    }
    if (cpu->check == GUEST_CPU_CHECK_UNSET) {
        cpu->check = GUEST_CPU_CHECK_NONE;
    }
}

/* Boots from the first disk, unless somebody said from where. */
static void
complete_boot(struct guest *guest)
{
    if (guest->os.boots.count > 0) {
        return;
    }
    for (size_t i = 0; i < guest->disks.count; i++) {
        if (guest->disks.items[i]->boot_order.is_set) {
            return;
        }
    }
    for (size_t i = 0; i < guest->interfaces.count; i++) {
        if (guest->interfaces.items[i]->boot_order.is_set) {
            return;
        }
    }
    struct guest_boot *boot = xcalloc(1, sizeof(*boot));

    boot->device = GUEST_BOOT_DEVICE_HD;
    guest_list_add(&guest->os.boots, boot);
}
