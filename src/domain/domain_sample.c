/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "domain/domain_sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

struct sampling {
    struct domain *domain; /* A reference. */
    struct domain_sample sample;
    struct error err; /* Of the first question that failed. */
    unsigned pending;
    domain_sample_done *done;
    void *owner;
};

static void answered(struct sampling *sampling);
static void disks_known(void *owner, const struct qmp_blockstats_list *list,
                        const struct error *err);
static void cpus_known(void *owner, const struct qmp_cpus *list,
                       const struct error *err);
static bool is_of(const struct qmp_blockstats *stats,
                  const struct guest_disk *disk);

void
domain_sample(struct domain *domain, domain_sample_done *done, void *owner)
{
    AUTO_ERROR err = {0};
    struct qmp_session *monitor;
    struct sampling *sampling;

    if (domain_check_active(domain, &err) < 0) {
        done(owner, NULL, &err);
        return;
    }
    monitor = qemu_process_monitor(domain->qemu);
    if (!monitor) {
        error_set(&err, ERROR_OPERATION_FAILED,
                  "asking the QEMU of domain '%s': its monitor does not answer",
                  domain->name);
        done(owner, NULL, &err);
        return;
    }
    sampling = xcalloc(1, sizeof *sampling);
    sampling->domain = domain_get(domain);
    sampling->done = done;
    sampling->owner = owner;
    sampling->pending = 2;
    qmp_query_blockstats(monitor, disks_known, sampling);
    qmp_query_cpus_fast(monitor, cpus_known, sampling);
}

static void
disks_known(void *owner, const struct qmp_blockstats_list *list,
            const struct error *err)
{
    struct sampling *sampling = owner;
    const struct guest *live = sampling->domain->live;
    struct domain_sample *sample = &sampling->sample;

    if (err || !live || sample->disks) {
        if (err && !error_is_set(&sampling->err)) {
            error_copy(&sampling->err, err);
        }
        answered(sampling);
        return;
    }
    sample->disk_count = live->disks.count;
    sample->disks =
        xcalloc(live->disks.count + 1, sizeof *sampling->sample.disks);
    for (size_t i = 0; i < live->disks.count; i++) {
        for (size_t j = 0; j < list->count; j++) {
            if (is_of(&list->items[j], live->disks.items[i])) {
                sample->disks[i].is_known = true;
                sample->disks[i].counters = list->items[j];
                sample->disks[i].counters.device = NULL;
                sample->disks[i].counters.qdev = NULL;
                sample->disks[i].counters.node_name = NULL;
                break;
            }
        }
    }
    answered(sampling);
}

static void
cpus_known(void *owner, const struct qmp_cpus *list, const struct error *err)
{
    struct sampling *sampling = owner;
    struct domain_sample *sample = &sampling->sample;

    if (err && !error_is_set(&sampling->err)) {
        error_copy(&sampling->err, err);
    }
    if (!err && !sample->threads) {
        sample->threads = xcalloc(list->count + 1, sizeof *sample->threads);
        for (size_t i = 0; i < list->count; i++) {
            sample->threads[sample->thread_count++] = list->items[i].thread_id;
        }
    }
    answered(sampling);
}

/* In whatever order. */
static void
answered(struct sampling *sampling)
{
    struct domain_sample *sample = &sampling->sample;

    if (--sampling->pending > 0) {
        return;
    }
    if (!error_is_set(&sampling->err)) {
        domain_check_active(sampling->domain, &sampling->err);
    }
    if (error_is_set(&sampling->err)) {
        sampling->done(sampling->owner, NULL, &sampling->err);
    } else {
        sampling->done(sampling->owner, sample, NULL);
    }
    error_clear(&sampling->err);
    domain_put(sampling->domain);
    free(sample->disks);
    free(sample->threads);
    free(sampling);
}

/* "/machine/peripheral/virtio-disk0/virtio-backend", or "virtio-disk0". */
static bool
is_of(const struct qmp_blockstats *stats, const struct guest_disk *disk)
{
    const char *alias = disk->device.alias;
    const char *found = alias ? strstr(stats->qdev, alias) : NULL;
    char end = found ? found[strlen(alias)] : 'x';

    return found && (found == stats->qdev || found[-1] == '/') &&
           (end == '\0' || end == '/');
}
