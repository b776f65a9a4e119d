/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether an incoming guest would see the same CPU here as where it runs.  A
 * source that is a vmferryd says what that is in QEMU's own words; a libvirtd
 * says which features it requires.  QEMU itself compares nothing, and the guest
 * would find out at the next instruction that is not there. */

#include "ferry/destination.h"

#include "base/memory.h"
#include "qemu/argv.h"

static char *difference(const struct destination *destination);

int
destination_check_cpu(struct destination *destination,
                      const struct error *unknown, struct error *err)
{
    struct domain *domain = destination->domain;
    const struct qemu_capabilities *qemu = domain->host->qemu;
    AUTO_FREE char *found = NULL;

    if (!destination->cpu_there && !domain->live->live_cpu) {
        return 0;
    }
    found = unknown ? xasprintf("it is not known what it would give: %s",
                                unknown->message)
                    : difference(destination);
    if (found) {
        return error_set(err, ERROR_CPU_INCOMPATIBLE,
                         "the destination's QEMU can't give domain '%s' the CPU"
                         " '%s' that it sees now (host %s, QEMU %u.%u.%u): %s",
                         domain->name, qemu_cpu_model(domain->live),
                         domain->host->settings.name, qemu->major, qemu->minor,
                         qemu->micro, found);
    }
    if (destination->cpu_there) {
        /* So that the next host withholds them, too. */
        guest_seen_cpu_withhold(domain->cpu, destination->cpu_there);
    }
    return 0;
}

/* NULL: none.  Where both are there, the source's own words say more. */
static char *
difference(const struct destination *destination)
{
    const struct domain *domain = destination->domain;

    return destination->cpu_there
               ? guest_seen_cpu_difference(destination->cpu_there, domain->cpu)
               : guest_seen_cpu_lacks(domain->cpu, domain->live->live_cpu);
}
