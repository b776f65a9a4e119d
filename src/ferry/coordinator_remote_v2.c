/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "ferry/coordinator_calls.h"

static void
dumped(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_get_xml_desc_ret *ret = result;
    struct coordinator_answer answer = {.xml = err ? NULL : ret->xml};

    coordinator_remote_end(owner, &answer, err);
}

/* A source that does not know what another version needs to be spared gets the
 * flags that clients used before there was one for it. */
void
coordinator_remote_dump_xml(void *end,
                            const struct coordinator_request *request,
                            coordinator_answered *answered, void *owner)
{
    struct coordinator_remote *remote = end;
    struct remote_domain_get_xml_desc_args args = {
        .dom = remote->domain,
        .flags = remote->has_migratable_xml
                     ? VIR_DOMAIN_XML_MIGRATABLE
                     : VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_UPDATE_CPU,
    };

    (void)request;
    coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_GET_XML_DESC, &args,
                             dumped, answered, owner);
}

static void
prepared(void *owner, const void *result, const struct error *err)
{
    const struct remote_domain_migrate_prepare2_ret *ret = result;
    struct coordinator_answer answer = {0};

    if (!err) {
        answer.cookie = ret->cookie.cookie_val;
        answer.cookie_size = ret->cookie.cookie_len;
        answer.uri = ret->uri_out ? *ret->uri_out : NULL;
    }
    coordinator_remote_end(owner, &answer, err);
}

void
coordinator_remote_prepare2(struct coordinator_remote *remote,
                            const struct coordinator_request *request,
                            coordinator_answered *answered, void *owner)
{
    char *uri;
    char *name;
    struct remote_domain_migrate_prepare2_args args = {
        .uri_in = coordinator_find_text(request, VIR_MIGRATE_PARAM_URI, &uri),
        .flags = request->flags,
        .dname =
            coordinator_find_text(request, VIR_MIGRATE_PARAM_DEST_NAME, &name),
        .resource = coordinator_find_bandwidth(request),
        .dom_xml = coordinator_need_text(request, VIR_MIGRATE_PARAM_DEST_XML),
    };

    coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_PREPARE2, &args,
                             prepared, answered, owner);
}

static void
performed(void *owner, const void *result, const struct error *err)
{
    struct coordinator_answer answer = {0};

    (void)result;
    coordinator_remote_end(owner, &answer, err);
}

void
coordinator_remote_perform2(struct coordinator_remote *remote,
                            const struct coordinator_request *request,
                            coordinator_answered *answered, void *owner)
{
    char *name;
    struct remote_domain_migrate_perform_args args = {
        .dom = remote->domain,
        .cookie = {(unsigned)request->cookie_size, (char *)request->cookie},
        .uri = coordinator_need_text(request, VIR_MIGRATE_PARAM_URI),
        .flags = request->flags,
        .dname =
            coordinator_find_text(request, VIR_MIGRATE_PARAM_DEST_NAME, &name),
        .resource = coordinator_find_bandwidth(request),
    };

    coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_PERFORM, &args,
                             performed, answered, owner);
}

static void
finished(void *owner, const void *result, const struct error *err)
{
    struct coordinator_answer answer = {.has_domain = !err};

    (void)result;
    coordinator_remote_end(owner, &answer, err);
}

void
coordinator_remote_finish2(struct coordinator_remote *remote,
                           const struct coordinator_request *request,
                           coordinator_answered *answered, void *owner)
{
    struct remote_domain_migrate_finish2_args args = {
        .dname = coordinator_need_text(request, VIR_MIGRATE_PARAM_DEST_NAME),
        .cookie = {(unsigned)request->cookie_size, (char *)request->cookie},
        .uri = coordinator_need_text(request, VIR_MIGRATE_PARAM_URI),
        .flags = request->flags,
        .retcode = request->is_cancelled,
    };

    coordinator_remote_start(remote, REMOTE_PROC_DOMAIN_MIGRATE_FINISH2, &args,
                             finished, answered, owner);
}
