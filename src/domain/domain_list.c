/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which domains there are, and who may be added to them. */

#include "domain/domain.h"

#include <string.h>

#include "base/memory.h"
#include "domain/domain_internal.h"

static struct domain *add_new(struct host *host, const struct guest *guest);
static int check_identity(struct host *host, const struct guest *guest,
                          struct domain **same, struct error *err);

struct domain *
domain_find_by_name(struct host *host, const char *name)
{
    LIST_FOR_EACH (link, &host->domains) {
        struct domain *domain = container_of(link, struct domain, link);

        if (strcmp(domain->name, name) == 0) {
            return domain;
        }
    }
    return NULL;
}

struct domain *
domain_find_by_uuid(struct host *host, const struct uuid *uuid)
{
    LIST_FOR_EACH (link, &host->domains) {
        struct domain *domain = container_of(link, struct domain, link);

        if (uuid_is_equal(&domain->uuid, uuid)) {
            return domain;
        }
    }
    return NULL;
}

struct domain *
domain_find_by_id(struct host *host, int id)
{
    LIST_FOR_EACH (link, &host->domains) {
        struct domain *domain = container_of(link, struct domain, link);

        if (id >= 0 && domain->id == id) {
            return domain;
        }
    }
    return NULL;
}

struct domain *
domain_define(struct host *host, struct guest *guest, bool *was_updated,
              struct error *err)
{
    struct domain *domain = NULL;

    if (check_identity(host, guest, &domain, err) < 0) {
        guest_free(guest);
        return NULL;
    }
    *was_updated = domain && domain->definition;
    if (domain_save_definition(host, guest, err) < 0) {
        error_wrap(err, "defining domain '%s'", guest->name);
        guest_free(guest);
        return NULL;
    }
    if (!domain) {
        domain = add_new(host, guest);
    }
    guest_free(domain->definition);
    domain->definition = guest;
    return domain;
}

struct domain *
domain_add_live(struct host *host, struct guest *guest, struct error *err)
{
    struct domain *domain = NULL;

    if (check_identity(host, guest, &domain, err) < 0) {
        guest_free(guest);
        return NULL;
    }
    if (domain && (domain_is_active(domain) || domain->live)) {
        error_set_from(err, ERROR_FROM_DOMAIN, ERROR_OPERATION_INVALID,
                       "domain '%s' is already active", domain->name);
        guest_free(guest);
        return NULL;
    }
    if (!domain) {
        domain = add_new(host, guest);
    }
    domain->live = guest;
    return domain;
}

void
domain_drop_live(struct domain *domain)
{
    if (!domain_is_active(domain) && !domain->start) {
        guest_free(STEAL(domain->live));
        domain_remove_if_unused(domain);
    }
}

int
domain_undefine(struct domain *domain, struct error *err)
{
    if (!domain->definition) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "cannot undefine transient domain");
    }
    if (domain_save_autostart(domain, false, err) < 0 ||
        domain_remove_definition(domain, err) < 0) {
        return error_wrap(err, "undefining domain '%s'", domain->name);
    }
    domain->has_autostart = false;
    guest_free(STEAL(domain->definition));
    domain_remove_if_unused(domain);
    return 0;
}

void
domain_remove_if_unused(struct domain *domain)
{
    char uuid[UUID_TEXT_SIZE];
    AUTO_ERROR err = {0};

    if (domain->definition || domain->live || domain->is_removed) {
        return;
    }
    domain->is_removed = true;
    list_remove(&domain->link);
    /* Whoever holds the job may take its time: it does not end at once. */
    uuid_format(&domain->uuid, uuid);
    error_set(&err, ERROR_NO_DOMAIN, "no domain with matching uuid '%s' (%s)",
              uuid, domain->name);
    job_lock_refuse_all(&domain->jobs, &err);
    domain_put(domain);
}

static struct domain *
add_new(struct host *host, const struct guest *guest)
{
    struct domain *domain = domain_new(host, guest->name, &guest->uuid);

    list_add(&host->domains, &domain->link);
    return domain;
}

/* The texts are libvirt's (migration.c and virdomainobjlist.c of 9.0.0 as a
 * client sees them): scripts look at them. */
static int
check_identity(struct host *host, const struct guest *guest,
               struct domain **same, struct error *err)
{
    struct domain *by_name = domain_find_by_name(host, guest->name);
    struct domain *by_uuid = domain_find_by_uuid(host, &guest->uuid);
    char uuid[UUID_TEXT_SIZE];

    if (by_uuid && strcmp(by_uuid->name, guest->name) != 0) {
        uuid_format(&guest->uuid, uuid);
        return error_set_from(err, ERROR_FROM_DOMAIN, ERROR_OPERATION_FAILED,
                              "domain '%s' is already defined with uuid %s",
                              by_uuid->name, uuid);
    }
    if (by_name && by_name != by_uuid) {
        uuid_format(&by_name->uuid, uuid);
        return error_set_from(err, ERROR_FROM_DOMAIN, ERROR_OPERATION_FAILED,
                              "domain '%s' already exists with uuid %s",
                              by_name->name, uuid);
    }
    *same = by_uuid;
    return 0;
}
