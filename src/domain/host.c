/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "domain/host.h"

#include <stdarg.h>

#include "base/memory.h"
#include "domain/domain.h"

static const char *find_machine(void *owner, const char *emulator,
                                const char *machine);

void
host_init(struct host *host)
{
    *host = (struct host){0};
    list_init(&host->domains);
    list_init(&host->incoming_errors);
}

void
host_done(struct host *host)
{
    LIST_FOR_EACH (link, &host->domains) {
        struct domain *domain = container_of(link, struct domain, link);

        list_remove(link);
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
            context.phase = qemu_migration_phase_name(
                qemu_migration_job_phase(&domain->migration_job));
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
