/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What this host consists of, read from /proc and /sys: processors, memory,
 * NUMA nodes.  Decides nothing; the handlers of the host ask. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct host_cpu {
    unsigned number;
    unsigned socket;
    unsigned die;
    unsigned core;
    unsigned thread_count; /* Threads of its core, itself included. */
    char *siblings;        /* Owned. Their numbers: "0,4". */
};

struct host_pages {
    uint64_t size_kib;
    uint64_t count;
};

struct host_node {
    unsigned number;
    uint64_t memory_kib;
    struct host_cpu *cpus; /* Owned, with what is in it. Those online. */
    size_t cpu_count;
    struct host_pages *pages; /* Owned. The smallest first. */
    size_t pages_count;
    unsigned *distances; /* Owned. To each node, in the order of the nodes. */
    size_t distance_count;
};

struct host_info {
    uint64_t memory_kib;     /* Of all nodes together, as libvirtd counts. */
    unsigned mhz;            /* 0: not known. */
    unsigned offline_count;  /* Processors that are there, but switched off. */
    struct host_node *nodes; /* Owned, with what is in it. At least one. */
    size_t node_count;
};

/* All nodes alike; a host that is not so has a layout like libvirt's: one
 * socket with everything in it. */
struct host_layout {
    unsigned cpus; /* Online. */
    unsigned nodes;
    unsigned sockets; /* Of a node. */
    unsigned cores;   /* Of a socket. */
    unsigned threads; /* Of a core. */
};

struct host_memory {
    uint64_t total_kib;
    uint64_t free_kib;
    uint64_t buffers_kib;
    uint64_t cached_kib;
};

/* 'root' is put before "/proc" and "/sys": "", but for tests. */
int host_info_read(const char *root, struct host_info *info, struct error *err);
void host_info_done(struct host_info *info);
struct host_layout host_info_layout(const struct host_info *info);

/* The numbers that the kernel's processors can have: 0 to one less. */
unsigned host_cpu_count(void);

/* Of the whole host. */
int host_memory_read(const char *root, struct host_memory *memory,
                     struct error *err);
/* Of a NUMA node; without buffers and caches. */
int host_memory_read_node(const char *root, unsigned node,
                          struct host_memory *memory, struct error *err);
