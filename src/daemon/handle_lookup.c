/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which domains there are. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"

static void reply_found(struct rpc_call *call, const struct domain *domain,
                        const struct error *err);
static size_t count_domains(struct host *host, bool is_active);

void
handle_domain_lookup_by_id(struct client *client, struct rpc_call *call,
                           const struct remote_domain_lookup_by_id_args *args)
{
    struct domain *domain = domain_find_by_id(&client->daemon->host, args->id);
    AUTO_ERROR err = {0};

    if (!domain) {
        error_set(&err, ERROR_NO_DOMAIN, "no domain with matching id %d",
                  args->id);
    }
    reply_found(call, domain, &err);
}

void
handle_domain_lookup_by_name(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_lookup_by_name_args *args)
{
    struct domain *domain =
        domain_find_by_name(&client->daemon->host, args->name);
    AUTO_ERROR err = {0};

    if (!domain) {
        error_set(&err, ERROR_NO_DOMAIN, "no domain with matching name '%s'",
                  args->name);
    }
    reply_found(call, domain, &err);
}

void
handle_domain_lookup_by_uuid(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_lookup_by_uuid_args *args)
{
    struct uuid uuid;
    char text[UUID_TEXT_SIZE];
    struct domain *domain;
    AUTO_ERROR err = {0};

    memcpy(uuid.bytes, args->uuid, sizeof uuid.bytes);
    domain = domain_find_by_uuid(&client->daemon->host, &uuid);
    if (!domain) {
        uuid_format(&uuid, text);
        error_set(&err, ERROR_NO_DOMAIN, "no domain with matching uuid '%s'",
                  text);
    }
    reply_found(call, domain, &err);
}

void
handle_connect_list_all_domains(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_list_all_domains_args *args)
{
    struct host *host = &client->daemon->host;
    AUTO_FREE struct remote_dom *list = NULL;
    struct remote_connect_list_all_domains_ret ret = {0};
    size_t capacity = 0, count = 0;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags,
                         VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT * 2U - 1,
                         "qemuConnectListAllDomains", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }

    LIST_FOR_EACH (link, &host->domains) {
        const struct domain *domain = container_of(link, struct domain, link);

        if (wire_is_wanted(domain, args->flags)) {
            list = array_grow(list, &capacity, count, sizeof *list);
            wire_domain(domain, &list[count++]);
        }
    }
    ret.ret = (unsigned)count;
    if (args->need_results) {
        ret.domains.domains_len = (unsigned)count;
        ret.domains.domains_val = list;
    }
    rpc_call_reply(call, &ret);
}

void
handle_connect_num_of_domains(struct client *client, struct rpc_call *call,
                              const struct remote_nothing *args)
{
    struct remote_connect_num_of_domains_ret ret = {
        .num = (int)count_domains(&client->daemon->host, true),
    };

    (void)args;
    rpc_call_reply(call, &ret);
}

void
handle_connect_list_domains(struct client *client, struct rpc_call *call,
                            const struct remote_connect_list_domains_args *args)
{
    struct host *host = &client->daemon->host;
    struct remote_connect_list_domains_ret ret = {0};
    AUTO_FREE int *ids = xcalloc(count_domains(host, true), sizeof *ids);
    unsigned count = 0;

    LIST_FOR_EACH (link, &host->domains) {
        const struct domain *domain = container_of(link, struct domain, link);

        if (domain_is_active(domain) && (int)count < args->maxids) {
            ids[count++] = domain->id;
        }
    }
    ret.ids.ids_len = count;
    ret.ids.ids_val = ids;
    rpc_call_reply(call, &ret);
}

void
handle_connect_num_of_defined_domains(struct client *client,
                                      struct rpc_call *call,
                                      const struct remote_nothing *args)
{
    struct remote_connect_num_of_defined_domains_ret ret = {
        .num = (int)count_domains(&client->daemon->host, false),
    };

    (void)args;
    rpc_call_reply(call, &ret);
}

void
handle_connect_list_defined_domains(
    struct client *client, struct rpc_call *call,
    const struct remote_connect_list_defined_domains_args *args)
{
    struct host *host = &client->daemon->host;
    struct remote_connect_list_defined_domains_ret ret = {0};
    AUTO_FREE char **names = xcalloc(count_domains(host, false), sizeof *names);
    unsigned count = 0;

    LIST_FOR_EACH (link, &host->domains) {
        const struct domain *domain = container_of(link, struct domain, link);

        if (!domain_is_active(domain) && (int)count < args->maxnames) {
            names[count++] = domain->name;
        }
    }
    ret.names.names_len = count;
    ret.names.names_val = names;
    rpc_call_reply(call, &ret);
}

static void
reply_found(struct rpc_call *call, const struct domain *domain,
            const struct error *err)
{
    /* The results of all look-ups are the same struct. */
    struct remote_domain_lookup_by_name_ret ret;

    if (!domain) {
        rpc_call_fail(call, err);
        return;
    }
    wire_domain(domain, &ret.dom);
    rpc_call_reply(call, &ret);
}

static size_t
count_domains(struct host *host, bool is_active)
{
    size_t count = 0;

    LIST_FOR_EACH (link, &host->domains) {
        count += domain_is_active(container_of(link, struct domain, link)) ==
                 is_active;
    }
    return count;
}
