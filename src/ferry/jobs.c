/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What anybody may ask and change of a migration while it runs: its numbers,
 * its speed, its longest pause, its end; and what happens when a client goes
 * away. */

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/peer.h"
#include "ferry/source.h"
#include "qmp/commands.h"

struct statistics_request {
    struct domain *domain; /* A reference. */
    void (*done)(void *owner, const struct migration_statistics *statistics,
                 const struct error *err);
    void *owner;
};

struct setting {
    void (*done)(void *owner, const struct error *err);
    void *owner;
};

static void set_cancelled(struct error *err);
static struct source *running_source(struct domain *domain);
static void numbers_known(void *owner, const struct qmp_migration *migration,
                          const struct error *failed);
static void tell(struct domain *domain,
                 const struct qmp_migration_parameters *parameters,
                 struct setting setting);
static void told(void *owner, const struct error *failed);

int
ferry_abort(struct domain *domain, const char *client_name, struct error *err)
{
    struct peer *peer = peer_find(domain);
    AUTO_ERROR why = {0};

    if (domain_check_active(domain, err) < 0) {
        return -1;
    }
    set_cancelled(&why);
    if (!(peer && peer_interrupt(peer, &why)) &&
        ferry_stop_perform(domain, &why, err) < 0) {
        return -1;
    }
    host_note(domain->host, LOG_LEVEL_INFO, domain,
              "the migration is aborted by %s",
              client_name ? client_name : "a client");
    return 0;
}

int
ferry_stop_perform(struct domain *domain, const struct error *why,
                   struct error *err)
{
    struct source *source = source_find(domain);
    AUTO_ERROR cancelled = {0};

    set_cancelled(&cancelled);
    if (!source && source_calls_abort(domain, why ? why : &cancelled)) {
        return 0;
    }
    if (!source || job_lock_async(&domain->jobs) != VIR_JOB_MIGRATION_OUT) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "no job is active on the domain");
    }
    if (!source_takes(source, SOURCE_EVENT_ABORT)) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "cannot abort the migration of domain '%s': the guest"
                         " has been handed over (%s)",
                         domain->name, source_rules.states[source->state]);
    }
    source_fail(source, why ? why : &cancelled);
    source_happened(source, SOURCE_EVENT_ABORT);
    return 0;
}

static void
set_cancelled(struct error *err)
{
    error_set(err, ERROR_OPERATION_ABORTED,
              "job 'migration out' canceled by client");
}

void
ferry_client_gone(struct host *host, uint64_t client_id)
{
    source_calls_withdraw(host, client_id);
    peer_client_gone(host, client_id);
    /* Any of them may leave the list, and take others with it: look again from
     * the start until nobody has anything to do with that client. */
    for (bool is_changed = true; is_changed;) {
        is_changed = false;
        LIST_FOR_EACH (link, &host->domains) {
            struct domain *domain = container_of(link, struct domain, link);

            if (domain->migration &&
                domain->migration->client_gone(domain->migration, client_id)) {
                is_changed = true;
                break;
            }
        }
    }
}

void
ferry_job_statistics(struct domain *domain,
                     void (*done)(void *owner,
                                  const struct migration_statistics *statistics,
                                  const struct error *err),
                     void *owner)
{
    struct source *source = running_source(domain);
    struct statistics_request *request;
    AUTO_ERROR err = {0};

    if (domain->migration && domain->migration->is_incoming) {
        error_set(&err, ERROR_OPERATION_UNSUPPORTED,
                  "migration statistics are available only on the source host");
        done(owner, NULL, &err);
        return;
    }
    if (!source) {
        done(owner, NULL, NULL);
        return;
    }
    if (!source_is_copying(source) || !qemu_process_monitor(domain->qemu)) {
        done(owner, &source->statistics, NULL);
        return;
    }
    request = xcalloc(1, sizeof *request);
    *request = (struct statistics_request){domain_get(domain), done, owner};
    qmp_query_migrate(qemu_process_monitor(domain->qemu), numbers_known,
                      request);
}

void
ferry_set_max_downtime(struct domain *domain, uint64_t downtime_ms,
                       void (*done)(void *owner, const struct error *err),
                       void *owner)
{
    struct source *source = running_source(domain);
    struct qmp_migration_parameters parameters = {.has_downtime_limit = true};

    domain->migration_downtime_ms = downtime_ms;
    if (!source || !source_is_copying(source) ||
        !convergence_set_max(&source->convergence, downtime_ms)) {
        done(owner, NULL);
        return;
    }
    parameters.downtime_limit = source->convergence.limit_ms;
    tell(domain, &parameters, (struct setting){done, owner});
}

void
ferry_set_max_speed(struct domain *domain, uint64_t bandwidth_mib,
                    void (*done)(void *owner, const struct error *err),
                    void *owner)
{
    struct source *source = running_source(domain);
    struct qmp_migration_parameters parameters = {
        .has_max_bandwidth = true,
        .max_bandwidth = bandwidth_mib << 20,
    };

    domain->migration_bandwidth_mib = bandwidth_mib;
    if (!source || !source_is_copying(source)) {
        done(owner, NULL);
        return;
    }
    tell(domain, &parameters, (struct setting){done, owner});
}

static struct source *
running_source(struct domain *domain)
{
    struct source *source = source_find(domain);

    return source && source->state != SOURCE_STATE_UNSURE &&
                   source->state != SOURCE_STATE_LEFT
               ? source
               : NULL;
}

static void
numbers_known(void *owner, const struct qmp_migration *migration,
              const struct error *failed)
{
    struct statistics_request *request = owner;
    struct source *source = running_source(request->domain);

    if (source && !failed) {
        source_take_sample(source, migration);
    }
    request->done(request->owner, source ? &source->statistics : NULL, NULL);
    domain_put(request->domain);
    free(request);
}

static void
tell(struct domain *domain, const struct qmp_migration_parameters *parameters,
     struct setting setting)
{
    struct qmp_session *monitor = qemu_process_monitor(domain->qemu);

    if (!monitor) {
        setting.done(setting.owner, NULL);
        return;
    }
    qmp_migrate_set_parameters(monitor, parameters, told,
                               xmemdup(&setting, sizeof setting));
}

static void
told(void *owner, const struct error *failed)
{
    struct setting *setting = owner;

    setting->done(setting->owner, failed);
    free(setting);
}
