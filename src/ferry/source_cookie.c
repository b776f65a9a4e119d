/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The cookies that a source sends: Begin's and Perform's. */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "ferry/cookies.h"
#include "ferry/source.h"

static void add_handover(const struct source *source,
                         struct migration_cookie *cookie, bool has_token);

struct ferry_identity
source_identity(const struct domain *domain)
{
    return (struct ferry_identity){domain->host, domain->name, &domain->uuid};
}

char *
source_begin_cookie(struct source *source, size_t *size)
{
    struct domain *domain = source->domain;
    struct ferry_identity identity = source_identity(domain);
    AUTO_MIGRATION_COOKIE cookie = {0};

    ferry_cookie_init(&cookie, &identity);
    /* Every source says that it would understand lock states, as libvirt's
     * does without having any. */
    cookie.features |= COOKIE_LOCKSTATE;
    if (source->flags & VIR_MIGRATE_OFFLINE) {
        return migration_cookie_format(&cookie, size);
    }
    add_handover(source, &cookie, false);
    if (domain->live->live_cpu) {
        AUTO_TEXT cpu = {0};

        guest_cpu_format(&cpu, domain->live->live_cpu, 0);
        migration_cookie_set_cpu(&cookie, cpu.data);
    }
    if (domain->cpu) {
        AUTO_FREE char *seen = guest_seen_cpu_format(domain->cpu);

        migration_cookie_set_seen_cpu(&cookie, seen);
    }
    ferry_cookie_add_capabilities(&cookie, domain->host,
                                  "pause-before-switchover");
    return migration_cookie_format(&cookie, size);
}

char *
source_perform_cookie(struct source *source, size_t *size)
{
    struct domain *domain = source->domain;
    struct ferry_identity identity = source_identity(domain);
    AUTO_MIGRATION_COOKIE cookie = {0};

    ferry_cookie_init(&cookie, &identity);
    if (source->flags & VIR_MIGRATE_PERSIST_DEST) {
        AUTO_FREE char *xml = NULL;

        if (source->parameters.persistent_xml) {
            xml = xstrdup(source->parameters.persistent_xml);
        } else {
            xml = guest_format(domain->definition ? domain->definition
                                                  : domain->live,
                               GUEST_FORMAT_SECURE | GUEST_FORMAT_INACTIVE |
                                   GUEST_FORMAT_MIGRATABLE);
        }
        cookie.features |= COOKIE_PERSISTENT;
        migration_cookie_set_persistent(&cookie, xml);
    }
    migration_cookie_set_statistics(&cookie, &source->statistics);
    if (source->handover.is_kept) {
        add_handover(source, &cookie, true);
    }
    return migration_cookie_format(&cookie, size);
}

static void
add_handover(const struct source *source, struct migration_cookie *cookie,
             bool has_token)
{
    const struct cookie_handover handover = {
        .id = source->handover.id,
        .has_token = has_token,
        .comes_back = source->handover.comes_back,
        .uri = (char *)(uintptr_t)source->domain->host->settings.peer_uri,
    };

    migration_cookie_set_handover(cookie, &handover);
}
