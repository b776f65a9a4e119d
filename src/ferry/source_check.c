/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/source.h"

static int check_xml(struct domain *domain,
                     struct migration_parameters *parameters,
                     const struct guest *guest, struct error *err);

int
source_check(struct domain *domain, struct migration_parameters *parameters,
             unsigned flags, struct error *err)
{
    bool is_offline = flags & VIR_MIGRATE_OFFLINE;

    if (!is_offline && domain_check_active(domain, err) < 0) {
        return -1;
    }
    if (is_offline && !domain->definition) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "domain '%s' is transient: it has no definition that"
                         " could migrate offline",
                         domain->name);
    }
    if (domain->migration) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "nobody has said how an earlier migration of domain"
                         " '%s' ended: resume or destroy it first",
                         domain->name);
    }
    return check_xml(domain, parameters,
                     is_offline ? domain->definition : domain->live, err);
}

/* The user's own XML for the destination must be the same machine. */
static int
check_xml(struct domain *domain, struct migration_parameters *parameters,
          const struct guest *guest, struct error *err)
{
    AUTO(guest) *wanted = NULL;

    if (!parameters->destination_xml) {
        return 0;
    }
    wanted = host_read_guest(domain->host, parameters->destination_xml,
                             GUEST_PARSE_MIGRATION, err);
    if (wanted && strcmp(wanted->name, guest->name) != 0) {
        error_set_from(err, ERROR_FROM_DOMAIN, ERROR_CONFIG_UNSUPPORTED,
                       "Target domain name '%s' does not match source '%s'",
                       wanted->name, guest->name);
    } else if (wanted && guest_compare(guest, wanted, err) < 0) {
        err->origin = ERROR_FROM_DOMAIN;
    }
    if (error_is_set(err)) {
        return error_wrap(err, "the XML for the destination of domain '%s'",
                          domain->name);
    }
    free(parameters->destination_xml);
    parameters->destination_xml =
        guest_format(wanted, GUEST_FORMAT_SECURE | GUEST_FORMAT_MIGRATABLE);
    return 0;
}
