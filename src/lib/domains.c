/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "lib/handle.h"
#include "rpc/typed.h"

/* ---------------------------------------------------------------- look-up */

void
domain_done(struct remote_dom *domain)
{
    free(STEAL(domain->name));
}

void
domain_export(const struct remote_dom *domain, struct vmferry_domain *to)
{
    struct uuid uuid;

    memcpy(uuid.bytes, domain->uuid, sizeof uuid.bytes);
    uuid_format(&uuid, to->uuid);
    to->name = xstrdup(domain->name);
    to->id = domain->id;
}

void
vmferry_domain_done(struct vmferry_domain *domain)
{
    free(STEAL(domain->name));
}

static void
copy_domain(const struct remote_dom *from, struct remote_dom *to)
{
    *to = *from;
    to->name = xstrdup(from->name);
}

/* All look-ups give one domain and nothing else. */
static void
take_found(void *owner, const void *result)
{
    const struct remote_domain_lookup_by_name_ret *ret = result;

    copy_domain(&ret->dom, owner);
}

/* As virsh does: a number may be an id, what looks like a UUID may be one;
 * and all can be names. */
int
handle_find_on(struct vmferry *handle, struct rpc_connection *connection,
               const char *text, struct remote_dom *found, struct error *err)
{
    struct remote_domain_lookup_by_name_args by_name = {.name = (char *)text};
    struct remote_domain_lookup_by_uuid_args by_uuid;
    struct remote_domain_lookup_by_id_args by_id;
    AUTO_ERROR not_this = {0};
    struct uuid uuid;
    int64_t id;
    int result = -1;

    if (!text || text[0] == '\0') {
        return error_set(err, ERROR_INVALID_ARG, "no domain is named");
    }
    if (parse_i64(text, 0, INT32_MAX, &id)) {
        by_id.id = (int)id;
        result =
            handle_call_on(handle, connection, REMOTE_PROC_DOMAIN_LOOKUP_BY_ID,
                           &by_id, take_found, found, &not_this);
    } else if (uuid_parse(text, &uuid)) {
        memcpy(by_uuid.uuid, uuid.bytes, sizeof by_uuid.uuid);
        result = handle_call_on(handle, connection,
                                REMOTE_PROC_DOMAIN_LOOKUP_BY_UUID, &by_uuid,
                                take_found, found, &not_this);
    }
    if (result < 0) {
        result = handle_call_on(handle, connection,
                                REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, &by_name,
                                take_found, found, err);
    }
    return result;
}

int
handle_find(struct vmferry *handle, const char *text, struct remote_dom *found)
{
    AUTO_ERROR err = {0};

    if (handle_find_on(handle, handle->connection, text, found, &err) < 0) {
        return handle_fail(handle, &err);
    }
    return 0;
}

int
vmferry_lookup(struct vmferry *handle, const char *domain,
               struct vmferry_domain *found)
{
    AUTO_DOMAIN dom = {0};

    if (handle_find(handle, domain, &dom) < 0) {
        return -1;
    }
    domain_export(&dom, found);
    return 0;
}

/* ------------------------------------------------------------------- list */

struct domain_list {
    struct vmferry_domain *items;
    size_t count;
};

static void
take_list(void *owner, const void *result)
{
    const struct remote_connect_list_all_domains_ret *ret = result;
    struct domain_list *list = owner;

    list->count = ret->domains.domains_len;
    list->items = xcalloc(list->count + 1, sizeof *list->items);
    for (size_t i = 0; i < list->count; i++) {
        domain_export(&ret->domains.domains_val[i], &list->items[i]);
    }
}

int
vmferry_list(struct vmferry *handle, unsigned flags,
             struct vmferry_domain **domains, size_t *count)
{
    struct remote_connect_list_all_domains_args args = {.need_results = 1,
                                                        .flags = flags};
    struct domain_list list = {0};

    if (handle_call(handle, REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS, &args,
                    take_list, &list) < 0) {
        return -1;
    }
    *domains = list.items;
    *count = list.count;
    return 0;
}

void
vmferry_domains_free(struct vmferry_domain *domains, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        vmferry_domain_done(&domains[i]);
    }
    free(domains);
}

/* ------------------------------------------------------------ information */

static void
take_state(void *owner, const void *result)
{
    *(struct remote_domain_get_state_ret *)owner =
        *(const struct remote_domain_get_state_ret *)result;
}

static int
get_state(struct vmferry *handle, const struct remote_dom *dom, int *state,
          int *reason)
{
    struct remote_domain_get_state_args args = {.dom = *dom};
    struct remote_domain_get_state_ret ret;

    if (handle_call(handle, REMOTE_PROC_DOMAIN_GET_STATE, &args, take_state,
                    &ret) < 0) {
        return -1;
    }
    *state = ret.state;
    *reason = ret.reason;
    return 0;
}

int
vmferry_state(struct vmferry *handle, const char *domain, int *state,
              int *reason)
{
    AUTO_DOMAIN dom = {0};

    if (handle_find(handle, domain, &dom) < 0) {
        return -1;
    }
    return get_state(handle, &dom, state, reason);
}

static void
take_info(void *owner, const void *result)
{
    const struct remote_domain_get_info_ret *ret = result;
    struct vmferry_info *info = owner;

    info->max_memory_kib = ret->maxMem;
    info->memory_kib = ret->memory;
    info->vcpus = ret->nrVirtCpu;
    info->cpu_time_ns = ret->cpuTime;
}

static void
take_persistent(void *owner, const void *result)
{
    const struct remote_domain_is_persistent_ret *ret = result;

    *(bool *)owner = ret->persistent != 0;
}

static void
take_autostart(void *owner, const void *result)
{
    const struct remote_domain_get_autostart_ret *ret = result;

    *(bool *)owner = ret->autostart != 0;
}

int
vmferry_info(struct vmferry *handle, const char *domain,
             struct vmferry_info *info)
{
    struct vmferry_info found = {0};
    AUTO_DOMAIN dom = {0};
    struct remote_domain_is_persistent_args args;

    if (handle_find(handle, domain, &dom) < 0 ||
        get_state(handle, &dom, &found.state, &found.reason) < 0) {
        return -1;
    }
    /* The arguments of these three are a domain and nothing else. */
    args.dom = dom;
    if (handle_call(handle, REMOTE_PROC_DOMAIN_GET_INFO, &args, take_info,
                    &found) < 0 ||
        handle_call(handle, REMOTE_PROC_DOMAIN_IS_PERSISTENT, &args,
                    take_persistent, &found.is_persistent) < 0) {
        return -1;
    }
    /* Not every daemon has it. */
    handle_call(handle, REMOTE_PROC_DOMAIN_GET_AUTOSTART, &args, take_autostart,
                &found.has_autostart);
    domain_export(&dom, &found.domain);
    *info = found;
    return 0;
}

void
vmferry_info_done(struct vmferry_info *info)
{
    vmferry_domain_done(&info->domain);
}

/* ------------------------------------------------------------- life cycle */

static void
take_exported(void *owner, const void *result)
{
    const struct remote_domain_define_xml_ret *ret = result;

    if (owner) {
        domain_export(&ret->dom, owner);
    }
}

int
vmferry_define(struct vmferry *handle, const char *xml,
               struct vmferry_domain *defined)
{
    struct remote_domain_define_xml_args args = {.xml = (char *)xml};

    return handle_call(handle, REMOTE_PROC_DOMAIN_DEFINE_XML, &args,
                       take_exported, defined);
}

int
vmferry_create(struct vmferry *handle, const char *xml, bool is_paused,
               struct vmferry_domain *created)
{
    struct remote_domain_create_xml_args args = {
        .xml_desc = (char *)xml,
        .flags = is_paused ? VIR_DOMAIN_START_PAUSED : 0,
    };

    return handle_call(handle, REMOTE_PROC_DOMAIN_CREATE_XML, &args,
                       take_exported, created);
}

int
vmferry_start(struct vmferry *handle, const char *domain, bool is_paused)
{
    AUTO_DOMAIN dom = {0};
    struct remote_domain_create_with_flags_args args = {
        .flags = is_paused ? VIR_DOMAIN_START_PAUSED : 0,
    };

    if (handle_find(handle, domain, &dom) < 0) {
        return -1;
    }
    args.dom = dom;
    return handle_call(handle, REMOTE_PROC_DOMAIN_CREATE_WITH_FLAGS, &args,
                       NULL, NULL);
}

/* Calls that take a domain and give nothing. */
static int
call_domain(struct vmferry *handle, const char *domain,
            enum remote_procedure procedure)
{
    struct remote_domain_destroy_args args;
    AUTO_DOMAIN dom = {0};

    if (handle_find(handle, domain, &dom) < 0) {
        return -1;
    }
    args.dom = dom;
    return handle_call(handle, procedure, &args, NULL, NULL);
}

int
vmferry_destroy(struct vmferry *handle, const char *domain)
{
    return call_domain(handle, domain, REMOTE_PROC_DOMAIN_DESTROY);
}

int
vmferry_suspend(struct vmferry *handle, const char *domain)
{
    return call_domain(handle, domain, REMOTE_PROC_DOMAIN_SUSPEND);
}

int
vmferry_resume(struct vmferry *handle, const char *domain)
{
    return call_domain(handle, domain, REMOTE_PROC_DOMAIN_RESUME);
}

int
vmferry_undefine(struct vmferry *handle, const char *domain)
{
    struct remote_domain_undefine_flags_args args = {0};
    AUTO_DOMAIN dom = {0};

    if (handle_find(handle, domain, &dom) < 0) {
        return -1;
    }
    args.dom = dom;
    return handle_call(handle, REMOTE_PROC_DOMAIN_UNDEFINE_FLAGS, &args, NULL,
                       NULL);
}

static void
take_xml(void *owner, const void *result)
{
    const struct remote_domain_get_xml_desc_ret *ret = result;
    char **xml = owner;

    *xml = xstrdup(ret->xml);
}

char *
vmferry_dumpxml(struct vmferry *handle, const char *domain, unsigned flags)
{
    struct remote_domain_get_xml_desc_args args = {.flags = flags};
    AUTO_DOMAIN dom = {0};
    char *xml = NULL;

    if (handle_find(handle, domain, &dom) < 0) {
        return NULL;
    }
    args.dom = dom;
    handle_call(handle, REMOTE_PROC_DOMAIN_GET_XML_DESC, &args, take_xml, &xml);
    return xml;
}

/* ------------------------------------------------------------------- jobs */

struct job_stats {
    int type;
    struct parameters list;
    struct error err;
};

static void
take_stats(void *owner, const void *result)
{
    const struct remote_domain_get_job_stats_ret *ret = result;
    struct job_stats *stats = owner;

    stats->type = ret->type;
    rpc_params_decode(ret->params.params_val, ret->params.params_len,
                      &stats->list, &stats->err);
}

int
vmferry_job_stats(struct vmferry *handle, const char *domain, bool is_completed,
                  int *type, struct vmferry_values **values)
{
    struct remote_domain_get_job_stats_args args = {
        .flags = is_completed ? VIR_DOMAIN_JOB_STATS_COMPLETED |
                                    VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
                              : 0,
    };
    struct job_stats stats = {0};
    AUTO_DOMAIN dom = {0};

    if (handle_find(handle, domain, &dom) < 0) {
        return -1;
    }
    args.dom = dom;
    if (handle_call(handle, REMOTE_PROC_DOMAIN_GET_JOB_STATS, &args, take_stats,
                    &stats) < 0) {
        return -1;
    }
    if (error_is_set(&stats.err)) {
        parameters_done(&stats.list);
        return handle_fail(handle, &stats.err);
    }
    *type = stats.type;
    *values = vmferry_values_new();
    (*values)->list = stats.list;
    return 0;
}

int
vmferry_job_abort(struct vmferry *handle, const char *domain)
{
    return call_domain(handle, domain, REMOTE_PROC_DOMAIN_ABORT_JOB);
}
