/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "domain/host.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "domain/domain_internal.h"

static const char *find_machine(void *owner, const char *emulator,
                                const char *machine);
static int check_host(const struct host *host, const struct guest *guest,
                      struct error *err);

void
host_init(struct host *host)
{
    *host = (struct host){0};
    list_init(&host->domains);
    list_init(&host->entries);
    list_init(&host->peers);
    list_init(&host->withdrawals);
    list_init(&host->outcomes);
    list_init(&host->evidence_asks);
    list_init(&host->image_looks);
    list_init(&host->incoming_errors);
}

void
host_done(struct host *host)
{
    while (!list_is_empty(&host->domains)) {
        struct domain *domain =
            domain_get(container_of(host->domains.next, struct domain, link));

        domain_abandon(domain);
        if (!domain->is_removed) {
            domain->is_removed = true;
            list_remove(&domain->link);
            domain_put(domain);
        }
        domain_put(domain);
    }
}

struct guest_host
host_for_guest(struct host *host)
{
    return (struct guest_host){
        .find_machine = find_machine,
        .owner = host,
        .emulator = host->settings.qemu_binary,
    };
}

struct guest *
host_read_guest(struct host *host, const char *xml, unsigned flags,
                struct error *err)
{
    struct guest_host facts = host_for_guest(host);
    struct guest *guest = guest_parse(xml, strlen(xml), flags, err);

    if (!guest) {
        return NULL;
    }
    if (guest_check(guest, err) < 0 || check_host(host, guest, err) < 0 ||
        guest_complete(guest, &facts, err) < 0) {
        guest_free(guest);
        return NULL;
    }
    return guest;
}

void
host_note(struct host *host, enum log_level level, const struct domain *domain,
          const char *format, ...)
{
    AUTO_FREE char *message = NULL;
    struct log_context context = {0};
    va_list args;

    if (!host->observer || !host->observer->note) {
        return;
    }
    va_start(args, format);
    message = xvasprintf(format, args);
    va_end(args);
    if (domain) {
        context.domain = domain->name;
        if (domain->migration) {
            context.job = domain->migration->is_incoming ? "migration in"
                                                         : "migration out";
            context.phase =
                qemu_migration_phase_name(domain->migration_job.facts.phase);
        }
    }
    host->observer->note(host->observer_owner, level, &context, message);
}

/* All guests of this host use the one QEMU that was asked at start. */
static const char *
find_machine(void *owner, const char *emulator, const char *machine)
{
    struct host *host = owner;

    (void)emulator;
    return qemu_capabilities_machine(host->qemu, machine);
}

/* What this host's QEMU can't do.  It would say so itself, but later and less
 * clearly. */
static int
check_host(const struct host *host, const struct guest *guest,
           struct error *err)
{
    const char *machine = guest->os.machine;
    const char *model = guest->cpu && guest->cpu->mode == GUEST_CPU_MODE_CUSTOM
                            ? guest->cpu->model
                            : NULL;

    if (guest->emulator && access(guest->emulator, X_OK) < 0) {
        return error_set_errno(err, errno, "Cannot check QEMU binary %s",
                               guest->emulator);
    }
    if (guest->type == GUEST_TYPE_KVM && !host->qemu->is_kvm_enabled) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "domain '%s' needs KVM, which is not available on"
                         " host '%s'",
                         guest->name, host->settings.name);
    }
    if (machine && !qemu_capabilities_machine(host->qemu, machine)) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "domain '%s' needs the machine type '%s', which QEMU"
                         " %u.%u.%u on host '%s' does not have",
                         guest->name, machine, host->qemu->major,
                         host->qemu->minor, host->qemu->micro,
                         host->settings.name);
    }
    if (model && !qemu_capabilities_find_cpu_model(host->qemu, model)) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "domain '%s' needs the CPU model '%s', which QEMU"
                         " %u.%u.%u on host '%s' does not have",
                         guest->name, model, host->qemu->major,
                         host->qemu->minor, host->qemu->micro,
                         host->settings.name);
    }
    return 0;
}
