/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A domain's title, its description, and the notes of management software. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/work.h"
#include "domain/domain_change.h"
#include "guest/metadata.h"

enum {
    KNOWN = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG,
    TYPES = VIR_DOMAIN_METADATA_ELEMENT + 1,
};

static char *get(const struct guest *guest, int type, const char *uri);
static void run_set(struct work *work);
static int set_all(struct domain *domain,
                   const struct remote_domain_set_metadata_args *args,
                   struct error *err);
static int try_live(const struct domain *domain,
                    const struct remote_domain_set_metadata_args *args,
                    struct error *err);
static int set(struct guest *guest,
               const struct remote_domain_set_metadata_args *args,
               struct error *err);
static int check(const struct remote_domain_set_metadata_args *args,
                 struct error *err);

static const char *
optional(char *const *text)
{
    return text ? *text : NULL;
}

void
handle_domain_get_metadata(struct client *client, struct rpc_call *call,
                           const struct remote_domain_get_metadata_args *args)
{
    struct remote_domain_get_metadata_ret ret;
    struct domain_choice choice;
    struct domain *domain = NULL;
    AUTO_FREE char *text = NULL;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, KNOWN, "qemuDomainGetMetadata", &err) ==
        0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (domain && (args->type < 0 || args->type >= TYPES)) {
        error_set_from(&err, ERROR_FROM_DOMAIN, ERROR_INVALID_ARG,
                       "unknown metadata type '%d'", args->type);
    } else if (domain && args->type == VIR_DOMAIN_METADATA_ELEMENT &&
               !args->uri) {
        error_set_from(&err, ERROR_FROM_DOMAIN, ERROR_INVALID_ARG,
                       "an element is asked for by its namespace");
    } else if (domain &&
               domain_choose(domain, args->flags, &choice, &err) == 0) {
        text = get(choice.is_live ? domain->live : domain->definition,
                   args->type, optional(args->uri));
        if (!text) {
            error_set_from(&err, ERROR_FROM_DOMAIN, ERROR_NO_METADATA,
                           "Requested metadata element is not present");
        }
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.metadata = text;
    rpc_call_reply(call, &ret);
}

void
handle_domain_set_metadata(struct client *client, struct rpc_call *call,
                           const struct remote_domain_set_metadata_args *args)
{
    struct domain *domain = NULL;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, KNOWN, "qemuDomainSetMetadata", &err) ==
            0 &&
        check(args, &err) == 0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (!domain) {
        rpc_call_fail(call, &err);
        return;
    }
    work_start(client, call, domain, JOB_MODIFY, run_set);
}

static char *
get(const struct guest *guest, int type, const char *uri)
{
    switch (type) {
    case VIR_DOMAIN_METADATA_DESCRIPTION:
        return xstrdup_null(guest->description);
    case VIR_DOMAIN_METADATA_TITLE:
        return xstrdup_null(guest->title);
    default:
        return guest_metadata_get(guest, uri);
    }
}

static void
run_set(struct work *work)
{
    const struct remote_domain_set_metadata_args *args =
        rpc_call_args(work->call);
    const struct host *host = work->domain->host;
    AUTO_ERROR err = {0};

    if (set_all(work->domain, args, &err) == 0 && host->observer &&
        host->observer->metadata_changed) {
        host->observer->metadata_changed(host->observer_owner, work->domain,
                                         args->type, optional(args->uri));
    }
    work_done(work, &err);
}

static int
set_all(struct domain *domain,
        const struct remote_domain_set_metadata_args *args, struct error *err)
{
    struct domain_choice choice;
    struct guest *guest;

    if (domain_choose(domain, args->flags, &choice, err) < 0 ||
        (choice.is_live && try_live(domain, args, err) < 0)) {
        return -1;
    }
    if (choice.is_config) {
        guest = guest_copy(domain->definition);
        if (set(guest, args, err) < 0) {
            guest_free(guest);
            return -1;
        }
        if (domain_replace_definition(domain, guest, err) < 0) {
            return -1;
        }
    }
    if (choice.is_live) {
        if (set(domain->live, args, err) < 0) {
            return -1;
        }
        domain_save(domain);
    }
    return 0;
}

/* On a copy: a record that can't be read would be lost with the next restart,
 * and the guest with it. */
static int
try_live(const struct domain *domain,
         const struct remote_domain_set_metadata_args *args, struct error *err)
{
    AUTO(guest) *copy = guest_copy(domain->live);

    if (set(copy, args, err) < 0 ||
        guest_check_kept(copy, GUEST_FORMAT_STATUS, GUEST_PARSE_STATUS, err) <
            0) {
        return -1;
    }
    return 0;
}

static int
set(struct guest *guest, const struct remote_domain_set_metadata_args *args,
    struct error *err)
{
    const char *text = optional(args->metadata);
    char **place = args->type == VIR_DOMAIN_METADATA_TITLE
                       ? &guest->title
                       : &guest->description;

    if (args->type == VIR_DOMAIN_METADATA_ELEMENT) {
        return guest_metadata_set(guest, *args->uri, optional(args->key), text,
                                  err);
    }
    free(*place);
    *place = text && *text ? xstrdup(text) : NULL;
    return 0;
}

static int
check(const struct remote_domain_set_metadata_args *args, struct error *err)
{
    const char *text = optional(args->metadata);
    const char *problem = NULL;

    switch (args->type) {
    case VIR_DOMAIN_METADATA_DESCRIPTION:
        break;
    case VIR_DOMAIN_METADATA_TITLE:
        problem = text && strchr(text, '\n')
                      ? "metadata title can't contain newlines"
                      : NULL;
        break;
    case VIR_DOMAIN_METADATA_ELEMENT:
        problem = !args->uri || (text && !args->key)
                      ? "an element needs a namespace and a prefix for it"
                      : NULL;
        break;
    default:
        return error_set_from(err, ERROR_FROM_DOMAIN, ERROR_INVALID_ARG,
                              "unknown metadata type '%d'", args->type);
    }
    return problem ? error_set_from(err, ERROR_FROM_DOMAIN, ERROR_INVALID_FLAGS,
                                    "%s", problem)
                   : 0;
}
