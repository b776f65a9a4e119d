/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/host_info.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* The kernel's files are shorter than this, but for /proc/cpuinfo, of which
 * the beginning is enough. */
enum { FILE_MAX = 32768, NUMBER_MAX = 65535 };

struct numbers {
    unsigned *values; /* Owned. */
    size_t count;
    size_t capacity;
};

static char *read_file(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static void read_numbers(const char *list, struct numbers *numbers);
static void numbers_done(struct numbers *numbers);
static bool has_number(const struct numbers *numbers, unsigned value);
static bool find_kib(const char *text, const char *key, uint64_t *kib);
static unsigned read_mhz(const char *root);
static void read_node(const char *root, struct host_node *node,
                      const struct numbers *online);
static void read_cpu(const char *root, struct host_cpu *cpu);
static unsigned read_topology(const char *root, unsigned cpu, const char *name);
static void read_pages(const char *root, struct host_node *node);
static int compare_pages(const void *a, const void *b);
static void read_distances(const char *root, struct host_node *node);
static unsigned count_sockets(const struct host_node *node);
static unsigned count_cores(const struct host_node *node, unsigned socket);

#define AUTO_NUMBERS __attribute__((cleanup(numbers_done))) struct numbers

int
host_info_read(const char *root, struct host_info *info, struct error *err)
{
    AUTO_FREE char *online_list =
        read_file("%s/sys/devices/system/cpu/online", root);
    AUTO_FREE char *present_list =
        read_file("%s/sys/devices/system/cpu/present", root);
    AUTO_FREE char *node_list =
        read_file("%s/sys/devices/system/node/online", root);
    AUTO_NUMBERS online = {0}, present = {0}, nodes = {0};
    struct host_memory memory;

    read_numbers(online_list ? online_list : "", &online);
    read_numbers(present_list ? present_list : "", &present);
    read_numbers(node_list ? node_list : "0", &nodes);
    if (online.count == 0 || nodes.count == 0) {
        return error_set(err, ERROR_INTERNAL,
                         "no processors found in %s/sys/devices/system", root);
    }
    if (host_memory_read(root, &memory, err) < 0) {
        return -1;
    }
    *info = (struct host_info){
        .mhz = read_mhz(root),
        .nodes = xcalloc(nodes.count, sizeof *info->nodes),
        .node_count = nodes.count,
    };
    for (size_t i = 0; i < present.count; i++) {
        info->offline_count += !has_number(&online, present.values[i]);
    }
    for (size_t i = 0; i < nodes.count; i++) {
        info->nodes[i].number = nodes.values[i];
        info->nodes[i].memory_kib = node_list ? 0 : memory.total_kib;
        read_node(root, &info->nodes[i], &online);
        info->memory_kib += info->nodes[i].memory_kib;
    }
    return 0;
}

void
host_info_done(struct host_info *info)
{
    for (size_t i = 0; i < info->node_count; i++) {
        struct host_node *node = &info->nodes[i];

        for (size_t j = 0; j < node->cpu_count; j++) {
            free(node->cpus[j].siblings);
        }
        free(node->cpus);
        free(node->pages);
        free(node->distances);
    }
    free(info->nodes);
    *info = (struct host_info){0};
}

/* libvirt's rules, so that a client sees the same host behind either daemon:
 * the greatest of each number, and where that does not add up, one socket with
 * as many cores as there are processors. */
struct host_layout
host_info_layout(const struct host_info *info)
{
    struct host_layout layout = {0};

    for (size_t i = 0; i < info->node_count; i++) {
        const struct host_node *node = &info->nodes[i];
        unsigned sockets = count_sockets(node);

        layout.nodes++;
        layout.cpus += (unsigned)node->cpu_count;
        layout.sockets = sockets > layout.sockets ? sockets : layout.sockets;
        for (size_t j = 0; j < node->cpu_count; j++) {
            const struct host_cpu *cpu = &node->cpus[j];
            unsigned cores = count_cores(node, cpu->socket);

            layout.cores = cores > layout.cores ? cores : layout.cores;
            if (cpu->thread_count > layout.threads) {
                layout.threads = cpu->thread_count;
            }
        }
    }
    if ((uint64_t)layout.nodes * layout.sockets * layout.cores *
            layout.threads !=
        (uint64_t)layout.cpus + info->offline_count) {
        layout.nodes = 1;
        layout.sockets = 1;
        layout.cores = layout.cpus + info->offline_count;
        layout.threads = 1;
    }
    return layout;
}

unsigned
host_cpu_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_CONF);

    return count > 0 ? (unsigned)count : 1;
}

int
host_memory_read(const char *root, struct host_memory *memory,
                 struct error *err)
{
    AUTO_FREE char *text = read_file("%s/proc/meminfo", root);

    if (!text || !find_kib(text, "MemTotal:", &memory->total_kib) ||
        !find_kib(text, "MemFree:", &memory->free_kib) ||
        !find_kib(text, "Buffers:", &memory->buffers_kib) ||
        !find_kib(text, "Cached:", &memory->cached_kib)) {
        return error_set(err, ERROR_INTERNAL,
                         "no numbers of memory found in %s/proc/meminfo", root);
    }
    return 0;
}

int
host_memory_read_node(const char *root, unsigned node,
                      struct host_memory *memory, struct error *err)
{
    AUTO_FREE char *text =
        read_file("%s/sys/devices/system/node/node%u/meminfo", root, node);

    *memory = (struct host_memory){0};
    if (!text || !find_kib(text, "MemTotal:", &memory->total_kib) ||
        !find_kib(text, "MemFree:", &memory->free_kib)) {
        return error_set(err, ERROR_INTERNAL,
                         "no numbers of memory found for NUMA node %u", node);
    }
    return 0;
}

/* NULL where there is no such file.  Without the last newline. */
static char *
read_file(const char *format, ...)
{
    AUTO_FREE char *path = NULL;
    AUTO_CLOSE int fd = -1;
    AUTO_FREE char *bytes = NULL;
    size_t length = 0;
    va_list args;

    va_start(args, format);
    path = xvasprintf(format, args);
    va_end(args);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    bytes = xcalloc(1, FILE_MAX + 1);
    while (length < FILE_MAX) {
        ssize_t got = read(fd, bytes + length, FILE_MAX - length);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return NULL;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    if (length > 0 && bytes[length - 1] == '\n') {
        bytes[length - 1] = '\0';
    }
    return STEAL(bytes);
}

/* The kernel's lists: "0-3,8".  What is none of that ends it. */
static void
read_numbers(const char *list, struct numbers *numbers)
{
    const char *at = list;

    while (*at >= '0' && *at <= '9') {
        char *end;
        unsigned long first = strtoul(at, &end, 10);
        unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

        if (last > NUMBER_MAX || first > last) {
            return;
        }
        for (unsigned long i = first; i <= last; i++) {
            numbers->values =
                array_grow(numbers->values, &numbers->capacity, numbers->count,
                           sizeof *numbers->values);
            numbers->values[numbers->count++] = (unsigned)i;
        }
        at = *end == ',' ? end + 1 : end;
    }
}

static void
numbers_done(struct numbers *numbers)
{
    free(numbers->values);
}

static bool
has_number(const struct numbers *numbers, unsigned value)
{
    for (size_t i = 0; i < numbers->count; i++) {
        if (numbers->values[i] == value) {
            return true;
        }
    }
    return false;
}

/* "MemTotal:   24683620 kB" at the beginning of a line, or, in the files of a
 * node, "Node 0 MemTotal:  ...". */
static bool
find_kib(const char *text, const char *key, uint64_t *kib)
{
    const char *at = text;

    while ((at = strstr(at, key))) {
        if (at == text || at[-1] == '\n' || at[-1] == ' ') {
            *kib = strtoull(at + strlen(key), NULL, 10);
            return true;
        }
        at += strlen(key);
    }
    return false;
}

static unsigned
read_mhz(const char *root)
{
    AUTO_FREE char *text = read_file("%s/proc/cpuinfo", root);
    const char *at = text ? strstr(text, "\ncpu MHz") : NULL;
    const char *colon = at ? strchr(at, ':') : NULL;
    unsigned long mhz = colon ? strtoul(colon + 1, NULL, 10) : 0;

    return mhz <= NUMBER_MAX ? (unsigned)mhz : 0;
}

/* A kernel without NUMA has no such folders: its one node has all of it. */
static void
read_node(const char *root, struct host_node *node,
          const struct numbers *online)
{
    AUTO_FREE char *list = read_file(
        "%s/sys/devices/system/node/node%u/cpulist", root, node->number);
    AUTO_NUMBERS cpus = {0};
    struct host_memory memory;
    AUTO_ERROR absent = {0};

    if (list) {
        read_numbers(list, &cpus);
    }
    node->cpus = xcalloc(online->count, sizeof *node->cpus);
    for (size_t i = 0; i < online->count; i++) {
        if (list && !has_number(&cpus, online->values[i])) {
            continue;
        }
        node->cpus[node->cpu_count].number = online->values[i];
        read_cpu(root, &node->cpus[node->cpu_count++]);
    }
    if (host_memory_read_node(root, node->number, &memory, &absent) == 0) {
        node->memory_kib = memory.total_kib;
    }
    read_pages(root, node);
    read_distances(root, node);
}

static void
read_cpu(const char *root, struct host_cpu *cpu)
{
    AUTO_NUMBERS siblings = {0};

    cpu->socket = read_topology(root, cpu->number, "physical_package_id");
    cpu->die = read_topology(root, cpu->number, "die_id");
    cpu->core = read_topology(root, cpu->number, "core_id");
    cpu->siblings = read_file(
        "%s/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", root,
        cpu->number);
    if (!cpu->siblings) {
        cpu->siblings = xasprintf("%u", cpu->number);
    }
    read_numbers(cpu->siblings, &siblings);
    cpu->thread_count = siblings.count > 0 ? (unsigned)siblings.count : 1;
}

/* Virtual machines say -1 for what they do not know: that is 0 to clients. */
static unsigned
read_topology(const char *root, unsigned cpu, const char *name)
{
    AUTO_FREE char *text = read_file(
        "%s/sys/devices/system/cpu/cpu%u/topology/%s", root, cpu, name);
    uint64_t value = 0;

    return text && parse_u64(text, NUMBER_MAX, &value) ? (unsigned)value : 0;
}

static void
read_pages(const char *root, struct host_node *node)
{
    AUTO_FREE char *folder = xasprintf(
        "%s/sys/devices/system/node/node%u/hugepages", root, node->number);
    uint64_t page_kib = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
    uint64_t huge_kib = 0;
    size_t capacity = 0;
    DIR *dir = opendir(folder);
    struct dirent *entry;

    node->pages = array_grow(node->pages, &capacity, 0, sizeof *node->pages);
    node->pages[node->pages_count++] = (struct host_pages){page_kib, 0};
    while (dir && (entry = readdir(dir))) {
        AUTO_FREE char *count =
            read_file("%s/%s/nr_hugepages", folder, entry->d_name);
        struct host_pages pages = {0};

        if (!count || !has_prefix(entry->d_name, "hugepages-")) {
            continue;
        }
        pages.size_kib =
            strtoull(entry->d_name + strlen("hugepages-"), NULL, 10);
        pages.count = strtoull(count, NULL, 10);
        huge_kib += pages.size_kib * pages.count;
        node->pages = array_grow(node->pages, &capacity, node->pages_count,
                                 sizeof *node->pages);
        node->pages[node->pages_count++] = pages;
    }
    if (dir) {
        closedir(dir);
    }
    if (huge_kib < node->memory_kib) {
        node->pages[0].count = (node->memory_kib - huge_kib) / page_kib;
    }
    qsort(node->pages, node->pages_count, sizeof *node->pages, compare_pages);
}

static int
compare_pages(const void *a, const void *b)
{
    const struct host_pages *first = a, *second = b;

    return (first->size_kib > second->size_kib) -
           (first->size_kib < second->size_kib);
}

static void
read_distances(const char *root, struct host_node *node)
{
    AUTO_FREE char *text = read_file(
        "%s/sys/devices/system/node/node%u/distance", root, node->number);
    const char *at = text;
    size_t capacity = 0;

    while (at) {
        char *end;
        unsigned long distance = strtoul(at, &end, 10);

        if (end == at) {
            break;
        }
        node->distances =
            array_grow(node->distances, &capacity, node->distance_count,
                       sizeof *node->distances);
        node->distances[node->distance_count++] = (unsigned)distance;
        at = end;
    }
}

static unsigned
count_sockets(const struct host_node *node)
{
    unsigned count = 0;

    for (size_t i = 0; i < node->cpu_count; i++) {
        bool is_new = true;

        for (size_t j = 0; j < i && is_new; j++) {
            is_new = node->cpus[j].socket != node->cpus[i].socket;
        }
        count += is_new;
    }
    return count;
}

static unsigned
count_cores(const struct host_node *node, unsigned socket)
{
    unsigned count = 0;

    for (size_t i = 0; i < node->cpu_count; i++) {
        const struct host_cpu *cpu = &node->cpus[i];
        bool is_new = cpu->socket == socket;

        for (size_t j = 0; j < i && is_new; j++) {
            is_new = node->cpus[j].socket != socket ||
                     node->cpus[j].core != cpu->core ||
                     node->cpus[j].die != cpu->die;
        }
        count += is_new;
    }
    return count;
}
