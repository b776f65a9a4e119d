/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "domain/domain_change.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "domain/domain_internal.h"
#include "state/store.h"

struct autostart {
    struct job_request request;
    struct domain *domain; /* A reference. */
};

static void granted(struct job_request *request);
static void refused(struct job_request *request, const struct error *err);
static void started(void *owner, const struct error *err);

int
domain_choose(const struct domain *domain, unsigned flags,
              struct domain_choice *choice, struct error *err)
{
    bool is_active = domain_is_active(domain);

    flags &= VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG;
    choice->is_live = flags ? flags & VIR_DOMAIN_AFFECT_LIVE : is_active;
    choice->is_config = flags ? flags & VIR_DOMAIN_AFFECT_CONFIG : !is_active;
    if (choice->is_live && domain_check_active(domain, err) < 0) {
        return -1;
    }
    if (choice->is_config && !domain->definition) {
        return error_set_from(
            err, ERROR_FROM_DOMAIN, ERROR_OPERATION_INVALID,
            "transient domains do not have any persistent config");
    }
    return 0;
}

int
domain_replace_definition(struct domain *domain, struct guest *guest,
                          struct error *err)
{
    if (guest_check_kept(guest, GUEST_FORMAT_SECURE | GUEST_FORMAT_INACTIVE,
                         GUEST_PARSE_INACTIVE, err) < 0 ||
        domain_save_definition(domain->host, guest, err) < 0) {
        guest_free(guest);
        return error_wrap(err, "changing the definition of domain '%s'",
                          domain->name);
    }
    guest_free(domain->definition);
    domain->definition = guest;
    return 0;
}

int
domain_set_autostart(struct domain *domain, bool is_on, struct error *err)
{
    if (domain_save_autostart(domain, is_on, err) < 0) {
        return error_wrap(err, "setting the autostart of domain '%s'",
                          domain->name);
    }
    domain->has_autostart = is_on;
    return 0;
}

int
domain_rename(struct domain *domain, const char *name, struct error *err)
{
    struct guest *guest = guest_copy(domain->definition);

    free(guest->name);
    guest->name = xstrdup(name);
    if (guest_check(guest, err) < 0) {
        guest_free(guest);
        return -1;
    }
    if (domain_replace_definition(domain, guest, err) < 0) {
        return -1;
    }
    free(domain->name);
    domain->name = xstrdup(name);
    job_lock_rename(&domain->jobs, name);
    return 0;
}

/* The runtime folder goes with the host's boot, and the mark with it. */
void
domain_autostart_all(struct host *host)
{
    static const char mark[] = "autostarted";
    const char *folder = host->settings.runtime_dir;
    AUTO_ERROR err = {0};
    AUTO_FREE char *found = store_load_text(folder, mark, 1024, &err);

    error_clear(&err);
    if (found || store_save_text(folder, mark, "", &err) < 0) {
        if (error_is_set(&err)) {
            host_note(host, LOG_LEVEL_ERROR, NULL,
                      "no guest is started with the host: %s", err.message);
        }
        return;
    }
    LIST_FOR_EACH (link, &host->domains) {
        struct domain *domain = container_of(link, struct domain, link);
        struct autostart *autostart;

        if (!domain->has_autostart || domain_is_active(domain)) {
            continue;
        }
        autostart = xcalloc(1, sizeof *autostart);
        autostart->domain = domain_get(domain);
        autostart->request.job = JOB_MODIFY;
        autostart->request.api = "autostart";
        autostart->request.granted = granted;
        autostart->request.refused = refused;
        job_lock_ask(&domain->jobs, &autostart->request, 0, monotonic_ms());
    }
}

static void
granted(struct job_request *request)
{
    static const struct domain_start_options options;
    struct autostart *autostart =
        container_of(request, struct autostart, request);

    domain_start(autostart->domain, &options, started, autostart);
}

static void
refused(struct job_request *request, const struct error *err)
{
    struct autostart *autostart =
        container_of(request, struct autostart, request);

    host_note(autostart->domain->host, LOG_LEVEL_WARNING, autostart->domain,
              "not started with the host: %s", err->message);
    domain_put(autostart->domain);
    free(autostart);
}

static void
started(void *owner, const struct error *err)
{
    struct autostart *autostart = owner;

    job_lock_end(&autostart->domain->jobs, monotonic_ms());
    if (err) {
        refused(&autostart->request, err);
        return;
    }
    domain_put(autostart->domain);
    free(autostart);
}
