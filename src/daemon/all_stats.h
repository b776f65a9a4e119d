/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `virsh domstats` shows of a domain, made of facts that were gathered
 * (handle_all_stats.c): libvirt's names, types and order. */

#pragma once

#include "base/parameters.h"
#include "daemon/disk_sizes.h"
#include "domain/domain_sample.h"

struct all_stats_facts {
    struct domain *domain;
    unsigned stats; /* VIR_DOMAIN_STATS_*: the groups that are wanted. */
    const struct domain_sample *sample; /* NULL: QEMU didn't say. */
    const struct disk_size *sizes;      /* NULL: not asked. */
    size_t size_count;
};

void all_stats_list(const struct all_stats_facts *facts,
                    struct parameters *list);
