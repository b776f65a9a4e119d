/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The host in numbers: free memory, times and numbers of its processors, models
 * that its QEMU knows; and a guest's command line. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "daemon/dispatch.h"
#include "daemon/host_info.h"
#include "daemon/wire.h"
#include "qemu/argv.h"

/* libvirt's VIR_NODE_CPU_STATS_ALL_CPUS. */
enum { ALL_CPUS = -1, CPU_STATS = 4, CELLS_MAX = REMOTE_CELLS_MAX };

static int read_cpu(int cpu, uint64_t numbers_ns[CPU_STATS], struct error *err);
static bool is_named_model(const char *name);
static unsigned count_cells(struct error *err);
static bool is_online(unsigned cpu);
static int to_native(struct host *host, const char *xml, char **text,
                     struct error *err);

void
handle_node_get_free_memory(struct client *client, struct rpc_call *call,
                            const struct remote_nothing *args)
{
    struct remote_node_get_free_memory_ret ret = {0};
    struct host_memory memory;
    AUTO_ERROR err = {0};

    (void)client;
    (void)args;
    if (host_memory_read("", &memory, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.freeMem = memory.free_kib * 1024;
    rpc_call_reply(call, &ret);
}

void
handle_node_get_cells_free_memory(
    struct client *client, struct rpc_call *call,
    const struct remote_node_get_cells_free_memory_args *args)
{
    struct remote_node_get_cells_free_memory_ret ret = {0};
    AUTO_FREE uint64_t *cells = xcalloc(CELLS_MAX, sizeof *cells);
    AUTO_ERROR err = {0};
    unsigned count = count_cells(&err);

    (void)client;
    if (!error_is_set(&err) &&
        (args->startCell < 0 || (unsigned)args->startCell >= count)) {
        error_set_from(&err, ERROR_FROM_NONE, ERROR_INTERNAL,
                       "start cell %d out of range (0-%u)", args->startCell,
                       count - 1);
    }
    for (unsigned i = 0; !error_is_set(&err) && (int)i < args->maxcells &&
                         i < CELLS_MAX && (unsigned)args->startCell + i < count;
         i++) {
        struct host_memory memory;

        if (host_memory_read_node("", (unsigned)args->startCell + i, &memory,
                                  &err) == 0) {
            cells[i] = memory.free_kib * 1024;
            ret.cells.cells_len = i + 1;
        }
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.cells.cells_val = cells;
    rpc_call_reply(call, &ret);
}

/* A client asks for the count first, then for that many. */
void
handle_node_get_cpu_stats(struct client *client, struct rpc_call *call,
                          const struct remote_node_get_cpu_stats_args *args)
{
    char kernel[] = "kernel", user[] = "user", idle[] = "idle",
         iowait[] = "iowait";
    struct remote_node_get_cpu_stats stats[CPU_STATS] = {
        {.field = kernel},
        {.field = user},
        {.field = idle},
        {.field = iowait},
    };
    struct remote_node_get_cpu_stats_ret ret = {0};
    uint64_t numbers[CPU_STATS] = {0};
    AUTO_ERROR err = {0};

    (void)client;
    if (wire_check_flags(args->flags, 0, "virHostCPUGetStats", &err) == 0 &&
        args->nparams != 0 && args->nparams != CPU_STATS) {
        error_set_from(&err, ERROR_FROM_NONE, ERROR_INVALID_ARG,
                       "nparams in virHostCPUGetStatsLinux must be equal to %d",
                       CPU_STATS);
    }
    if (error_is_set(&err) || read_cpu(args->cpuNum, numbers, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    if (args->nparams == 0) {
        ret.nparams = CPU_STATS;
    } else {
        for (size_t i = 0; i < CPU_STATS; i++) {
            stats[i].value = numbers[i];
        }
        ret.params.params_len = CPU_STATS;
        ret.params.params_val = stats;
    }
    rpc_call_reply(call, &ret);
}

void
handle_node_get_cpu_map(struct client *client, struct rpc_call *call,
                        const struct remote_node_get_cpu_map_args *args)
{
    struct remote_node_get_cpu_map_ret ret = {0};
    unsigned count = host_cpu_count();
    char map[REMOTE_CPU_MAP_MAX] = {0};
    AUTO_ERROR err = {0};

    (void)client;
    if (wire_check_flags(args->flags, 0, "virHostCPUGetMap", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    for (unsigned cpu = 0; cpu < count && cpu / 8 < sizeof map; cpu++) {
        if (is_online(cpu)) {
            map[cpu / 8] |= (char)(1 << cpu % 8);
            ret.online++;
        }
    }
    ret.ret = (int)count;
    if (args->need_map) {
        ret.cpumap.cpumap_len = (count + 7) / 8;
        ret.cpumap.cpumap_val = map;
    }
    ret.online = args->need_online ? ret.online : 0;
    rpc_call_reply(call, &ret);
}

void
handle_connect_get_cpu_model_names(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_get_cpu_model_names_args *args)
{
    const struct qemu_capabilities *qemu = client->daemon->host.qemu;
    struct remote_connect_get_cpu_model_names_ret ret = {0};
    AUTO_FREE char **names = NULL;
    unsigned count = 0;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, 0, "qemuConnectGetCPUModelNames", &err) ==
            0 &&
        strcmp(args->arch, "x86_64") != 0) {
        error_set(&err, ERROR_INVALID_ARG, "cannot find architecture %s",
                  args->arch);
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    names = xcalloc(qemu->cpu_model_count + 1, sizeof *names);
    for (size_t i = 0; i < qemu->cpu_model_count; i++) {
        if (is_named_model(qemu->cpu_models[i].name)) {
            names[count++] = qemu->cpu_models[i].name;
        }
    }
    ret.ret = (int)count;
    if (args->need_results) {
        ret.models.models_len = count;
        ret.models.models_val = names;
    }
    rpc_call_reply(call, &ret);
}

void
handle_connect_domain_xml_to_native(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_domain_xml_to_native_args *args)
{
    struct remote_connect_domain_xml_to_native_ret ret;
    AUTO_FREE char *text = NULL;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, 0, "qemuConnectDomainXMLToNative",
                         &err) == 0 &&
        strcmp(args->nativeFormat, "qemu-argv") != 0) {
        error_set(&err, ERROR_INVALID_ARG, "unsupported config type %s",
                  args->nativeFormat);
    }
    if (error_is_set(&err) ||
        to_native(&client->daemon->host, args->domainXml, &text, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.nativeConfig = text;
    rpc_call_reply(call, &ret);
}

/* In the order of the names: kernel, user, idle, iowait. */
static int
read_cpu(int cpu, uint64_t numbers_ns[CPU_STATS], struct error *err)
{
    AUTO_FREE char *name =
        cpu == ALL_CPUS ? xstrdup("cpu ") : xasprintf("cpu%d ", cpu);
    unsigned long long tick_ns =
        1000000000ULL / (unsigned long long)sysconf(_SC_CLK_TCK);
    unsigned long long user, nice, system, idle, iowait, irq, soft;
    FILE *file = fopen("/proc/stat", "re");
    bool is_found = false;
    char line[1024];

    while (file && !is_found && fgets(line, sizeof line, file)) {
        is_found = has_prefix(line, name) &&
                   sscanf(line, "%*s %llu %llu %llu %llu %llu %llu %llu", &user,
                          &nice, &system, &idle, &iowait, &irq, &soft) == 7;
    }
    if (file) {
        fclose(file);
    }
    if (!is_found) {
        return error_set_from(err, ERROR_FROM_NONE, ERROR_INVALID_FLAGS,
                              "Invalid cpuNum in virHostCPUGetStatsLinux");
    }
    numbers_ns[0] = (system + irq + soft) * tick_ns;
    numbers_ns[1] = (user + nice) * tick_ns;
    numbers_ns[2] = idle * tick_ns;
    numbers_ns[3] = iowait * tick_ns;
    return 0;
}

/* Those that follow the host are modes of <cpu>, not models. */
static bool
is_named_model(const char *name)
{
    static const char *const modes[] = {"base", "host", "max"};

    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        if (strcmp(name, modes[i]) == 0) {
            return false;
        }
    }
    return true;
}

static unsigned
count_cells(struct error *err)
{
    struct host_info info;
    unsigned count = 0;

    if (host_info_read("", &info, err) < 0) {
        return 0;
    }
    for (size_t i = 0; i < info.node_count; i++) {
        count =
            info.nodes[i].number >= count ? info.nodes[i].number + 1 : count;
    }
    host_info_done(&info);
    return count;
}

/* Processor 0 has no such file where it can't be switched off. */
static bool
is_online(unsigned cpu)
{
    AUTO_FREE char *path =
        xasprintf("/sys/devices/system/cpu/cpu%u/online", cpu);
    FILE *file = fopen(path, "re");
    int letter = file ? fgetc(file) : '1';

    if (file) {
        fclose(file);
    }
    return letter != '0';
}

static int
to_native(struct host *host, const char *xml, char **text, struct error *err)
{
    struct qemu_argv_options options = {
        .monitor_fd = -1,
        .has_sandbox = true,
        .qemu_version = qemu_capabilities_version(host->qemu),
        .now_s = realtime_ms() / 1000,
    };
    struct guest *guest = host_read_guest(host, xml, GUEST_PARSE_INACTIVE, err);
    char **argv;

    if (!guest) {
        return -1;
    }
    argv = qemu_argv_new(guest, &options, err);
    guest_free(guest);
    if (!argv) {
        return -1;
    }
    *text = qemu_argv_to_text(argv);
    qemu_argv_free(argv);
    return 0;
}
