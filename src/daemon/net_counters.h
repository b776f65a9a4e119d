/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What went through a network device, by the kernel's counters. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

struct net_counters {
    uint64_t rx_bytes, rx_packets, rx_errors, rx_drops;
    uint64_t tx_bytes, tx_packets, tx_errors, tx_drops;
};

/* Of a guest's tap device, as the guest sees it: what the host received, it has
 * sent.  False where there is no such device. */
bool net_counters_read_tap(const char *name, struct net_counters *counters);
