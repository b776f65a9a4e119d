/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The host and its QEMU: names, versions, what a node has. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "base/memory.h"
#include "daemon/capabilities_xml.h"
#include "daemon/dispatch.h"
#include "daemon/host_info.h"
#include "daemon/wire.h"

/* Of libvirt's API, 9.0.0: clients look at it to see what they may ask for. */
enum { API_VERSION = 9000000 };

/* libvirt's VIR_NODE_MEMORY_STATS_ALL_CELLS. */
enum { ALL_CELLS = -1 };

static int read_memory(int cell, struct host_memory *memory, struct error *err);

void
handle_connect_get_type(struct client *client, struct rpc_call *call,
                        const struct remote_nothing *args)
{
    char type[] = "QEMU";
    struct remote_connect_get_type_ret ret = {.type = type};

    (void)client;
    (void)args;
    rpc_call_reply(call, &ret);
}

void
handle_connect_get_version(struct client *client, struct rpc_call *call,
                           const struct remote_nothing *args)
{
    struct remote_connect_get_version_ret ret = {
        .hv_ver = qemu_capabilities_version(client->daemon->host.qemu),
    };

    (void)args;
    rpc_call_reply(call, &ret);
}

void
handle_connect_get_lib_version(struct client *client, struct rpc_call *call,
                               const struct remote_nothing *args)
{
    struct remote_connect_get_lib_version_ret ret = {.lib_ver = API_VERSION};

    (void)client;
    (void)args;
    rpc_call_reply(call, &ret);
}

/* What Prepare would tell a source to connect to: the configured name. */
void
handle_connect_get_hostname(struct client *client, struct rpc_call *call,
                            const struct remote_nothing *args)
{
    AUTO_FREE char *name = xstrdup(client->daemon->host.settings.name);
    struct remote_connect_get_hostname_ret ret = {.hostname = name};

    (void)args;
    rpc_call_reply(call, &ret);
}

/* Of the machine that a guest gets where it names none. */
void
handle_connect_get_max_vcpus(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_get_max_vcpus_args *args)
{
    const struct qemu_capabilities *qemu = client->daemon->host.qemu;
    const struct qemu_machine *machine =
        qemu_capabilities_find_machine(qemu, NULL);
    const char *type = args->type ? *args->type : "qemu";
    bool is_kvm = strcasecmp(type, "kvm") == 0;
    struct remote_connect_get_max_vcpus_ret ret = {
        .max_vcpus = machine ? (int)machine->max_cpus : 1,
    };
    AUTO_ERROR err = {0};

    if (!is_kvm && strcasecmp(type, "qemu") != 0) {
        error_set(&err, ERROR_INVALID_ARG, "unknown type '%s'", type);
    } else if (is_kvm && !qemu->is_kvm_enabled) {
        error_set(&err, ERROR_CONFIG_UNSUPPORTED,
                  "KVM is not available on host '%s'",
                  client->daemon->host.settings.name);
    } else {
        rpc_call_reply(call, &ret);
        return;
    }
    rpc_call_fail(call, &err);
}

void
handle_node_get_info(struct client *client, struct rpc_call *call,
                     const struct remote_nothing *args)
{
    struct remote_node_get_info_ret ret = {0};
    struct host_info info;
    struct host_layout layout;
    struct utsname system;
    AUTO_ERROR err = {0};

    (void)client;
    (void)args;
    if (host_info_read("", &info, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    layout = host_info_layout(&info);
    uname(&system);
    memcpy(ret.model, system.machine,
           strnlen(system.machine, sizeof ret.model - 1));
    ret.memory = info.memory_kib;
    ret.cpus = (int)layout.cpus;
    ret.mhz = (int)info.mhz;
    ret.nodes = (int)layout.nodes;
    ret.sockets = (int)layout.sockets;
    ret.cores = (int)layout.cores;
    ret.threads = (int)layout.threads;
    host_info_done(&info);
    rpc_call_reply(call, &ret);
}

void
handle_connect_get_capabilities(struct client *client, struct rpc_call *call,
                                const struct remote_nothing *args)
{
    const struct host *host = &client->daemon->host;
    struct host_info info;
    struct capabilities_facts facts = {
        .uuid = &host->settings.uuid,
        .info = &info,
        .qemu = host->qemu,
    };
    struct remote_connect_get_capabilities_ret ret;
    AUTO_ERROR err = {0};

    (void)args;
    if (host_info_read("", &info, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.capabilities = capabilities_format(&facts);
    rpc_call_reply(call, &ret);
    free(ret.capabilities);
    host_info_done(&info);
}

/* A client asks for the count first, then for that many. */
void
handle_node_get_memory_stats(
    struct client *client, struct rpc_call *call,
    const struct remote_node_get_memory_stats_args *args)
{
    char total[] = "total", free_[] = "free", buffers[] = "buffers",
         cached[] = "cached";
    struct remote_node_get_memory_stats stats[4];
    struct remote_node_get_memory_stats_ret ret = {0};
    int count = args->cellNum == ALL_CELLS ? 4 : 2;
    struct host_memory memory;
    AUTO_ERROR err = {0};

    (void)client;
    if (wire_check_flags(args->flags, 0, "virHostMemGetStats", &err) < 0 ||
        read_memory(args->cellNum, &memory, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    if (args->nparams == 0) {
        ret.nparams = count;
        rpc_call_reply(call, &ret);
        return;
    }
    if (args->nparams != count) {
        error_set(&err, ERROR_INVALID_ARG,
                  "nparams in virHostMemGetStats must be equal to %d", count);
        rpc_call_fail(call, &err);
        return;
    }
    stats[0] = (struct remote_node_get_memory_stats){total, memory.total_kib};
    stats[1] = (struct remote_node_get_memory_stats){free_, memory.free_kib};
    stats[2] =
        (struct remote_node_get_memory_stats){buffers, memory.buffers_kib};
    stats[3] = (struct remote_node_get_memory_stats){cached, memory.cached_kib};
    ret.params.params_val = stats;
    ret.params.params_len = (unsigned)count;
    rpc_call_reply(call, &ret);
}

/* The arrays of characters include their NULs. */
void
handle_node_get_security_model(struct client *client, struct rpc_call *call,
                               const struct remote_nothing *args)
{
    char model[] = "none", doi[] = "0";
    struct remote_node_get_security_model_ret ret = {
        .model = {sizeof model, model},
        .doi = {sizeof doi,   doi  },
    };

    (void)client;
    (void)args;
    rpc_call_reply(call, &ret);
}

static int
read_memory(int cell, struct host_memory *memory, struct error *err)
{
    AUTO_ERROR absent = {0};

    if (cell == ALL_CELLS) {
        return host_memory_read("", memory, err);
    }
    if (cell < 0 ||
        host_memory_read_node("", (unsigned)cell, memory, &absent) < 0) {
        return error_set(err, ERROR_INVALID_ARG,
                         "this host has no NUMA cell %d", cell);
    }
    return 0;
}
