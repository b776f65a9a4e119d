/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/net_counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

bool
net_counters_read_tap(const char *name, struct net_counters *counters)
{
    FILE *file = fopen("/proc/net/dev", "re");
    bool is_found = false;
    char line[512];

    while (file && !is_found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        const char *begin = line + strspn(line, " ");

        if (!colon) {
            continue;
        }
        *colon = '\0';
        is_found = strcmp(begin, name) == 0 &&
                   sscanf(colon + 1,
                          "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
                          " %*u %*u %*u %*u"
                          "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64,
                          &counters->tx_bytes, &counters->tx_packets,
                          &counters->tx_errors, &counters->tx_drops,
                          &counters->rx_bytes, &counters->rx_packets,
                          &counters->rx_errors, &counters->rx_drops) == 8;
    }
    if (file) {
        fclose(file);
    }
    return is_found;
}
