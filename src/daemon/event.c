/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/event.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "daemon/wire.h"
#include "ferry/ferry.h"
#include "rpc/typed.h"

/* One event on its way to many clients.  The callback's form of every message
 * is the legacy one behind an id. */
struct message {
    int event;
    enum remote_procedure procedure;
    enum remote_procedure legacy; /* 0: there is none. */
    void *args;                   /* The form with an id, which is first. */
    const void *legacy_args;      /* The part behind it. */
    /* NULL, or the same with what only clients know that asked for it. */
    void *own_args;
};

static void send_all(struct daemon *daemon, const struct domain *domain,
                     const struct message *message);
static void lifecycle(void *owner, struct domain *domain, int event,
                      int detail);
static void iteration(void *owner, struct domain *domain, int number);
static void job_completed(void *owner, struct domain *domain,
                          const struct parameters *statistics);
static void guest_reset(void *owner, struct domain *domain);
static void balloon_changed(void *owner, struct domain *domain, uint64_t kib);
static void metadata_changed(void *owner, struct domain *domain, int type,
                             const char *uri);
static void note(void *owner, enum log_level level,
                 const struct log_context *context, const char *text);
static struct event_callback *add(struct client *client, int event);
static int check_event(int event, struct error *err);

const struct host_observer event_observer = {
    .lifecycle = lifecycle,
    .migration_iteration = iteration,
    .job_completed = job_completed,
    .guest_reset = guest_reset,
    .balloon_changed = balloon_changed,
    .metadata_changed = metadata_changed,
    .note = note,
};

int
event_register(struct client *client, int event, const struct uuid *uuid,
               struct error *err)
{
    struct event_callback *callback;

    if (check_event(event, err) < 0) {
        return -1;
    }
    callback = add(client, event);
    callback->id = ++client->daemon->last_callback_id;
    if (uuid) {
        callback->has_filter = true;
        callback->uuid = *uuid;
    }
    return callback->id;
}

int
event_deregister(struct client *client, int id, struct error *err)
{
    LIST_FOR_EACH (link, &client->callbacks) {
        struct event_callback *callback =
            container_of(link, struct event_callback, link);

        if (!callback->is_legacy && callback->id == id) {
            list_remove(link);
            free(callback);
            return 0;
        }
    }
    return error_set_from(err, ERROR_FROM_RPC, ERROR_INTERNAL,
                          "domain event callback %d not registered", id);
}

int
event_register_legacy(struct client *client, int event, struct error *err)
{
    struct event_callback *callback;

    if (check_event(event, err) < 0) {
        return -1;
    }
    LIST_FOR_EACH (link, &client->callbacks) {
        callback = container_of(link, struct event_callback, link);
        if (callback->is_legacy && callback->event == event) {
            return error_set_from(err, ERROR_FROM_RPC, ERROR_INTERNAL,
                                  "domain event %d already registered", event);
        }
    }
    callback = add(client, event);
    callback->is_legacy = true;
    return 0;
}

int
event_deregister_legacy(struct client *client, int event, struct error *err)
{
    LIST_FOR_EACH (link, &client->callbacks) {
        struct event_callback *callback =
            container_of(link, struct event_callback, link);

        if (callback->is_legacy && callback->event == event) {
            list_remove(link);
            free(callback);
            return 0;
        }
    }
    return error_set_from(err, ERROR_FROM_RPC, ERROR_INTERNAL,
                          "domain event %d not registered", event);
}

static void
lifecycle(void *owner, struct domain *domain, int event, int detail)
{
    struct remote_domain_event_callback_lifecycle_msg args = {
        .msg = {.event = event, .detail = detail},
    };
    struct message message = {
        .event = VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        .procedure = REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE,
        .legacy = REMOTE_PROC_DOMAIN_EVENT_LIFECYCLE,
        .args = &args,
        .legacy_args = &args.msg,
    };

    wire_domain(domain, &args.msg.dom);
    send_all(owner, domain, &message);
}

static void
iteration(void *owner, struct domain *domain, int number)
{
    struct remote_domain_event_callback_migration_iteration_msg args = {
        .msg = {.iteration = number},
    };
    struct message message = {
        .event = VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
        .procedure = REMOTE_PROC_DOMAIN_EVENT_CALLBACK_MIGRATION_ITERATION,
        .args = &args,
    };

    wire_domain(domain, &args.msg.dom);
    send_all(owner, domain, &message);
}

static void
job_completed(void *owner, struct domain *domain,
              const struct parameters *statistics)
{
    struct remote_domain_event_callback_job_completed_msg args = {0};
    struct remote_domain_event_callback_job_completed_msg own = {0};
    struct message message = {
        .event = VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
        .procedure = REMOTE_PROC_DOMAIN_EVENT_CALLBACK_JOB_COMPLETED,
        .args = &args,
        .own_args = &own,
    };
    AUTO_PARAMETERS plain = {0};
    AUTO_ERROR err = {0};

    for (size_t i = 0; i < statistics->count; i++) {
        if (!has_prefix(statistics->items[i].name, FERRY_OWN_PARAMETER)) {
            parameters_add(&plain, &statistics->items[i]);
        }
    }
    wire_domain(domain, &args.msg.dom);
    own.msg.dom = args.msg.dom;
    if (rpc_params_encode(&plain, REMOTE_JOB_STATS_MAX,
                          &args.msg.params.params_val,
                          &args.msg.params.params_len, &err) == 0 &&
        rpc_params_encode(statistics, REMOTE_JOB_STATS_MAX,
                          &own.msg.params.params_val,
                          &own.msg.params.params_len, &err) == 0) {
        send_all(owner, domain, &message);
    } else {
        log_line(LOG_LEVEL_ERROR, NULL, "%s", err.message);
    }
    rpc_params_free(args.msg.params.params_val, args.msg.params.params_len);
    rpc_params_free(own.msg.params.params_val, own.msg.params.params_len);
}

static void
guest_reset(void *owner, struct domain *domain)
{
    struct remote_domain_event_callback_reboot_msg args = {0};
    struct message message = {
        .event = VIR_DOMAIN_EVENT_ID_REBOOT,
        .procedure = REMOTE_PROC_DOMAIN_EVENT_CALLBACK_REBOOT,
        .legacy = REMOTE_PROC_DOMAIN_EVENT_REBOOT,
        .args = &args,
        .legacy_args = &args.msg,
    };

    wire_domain(domain, &args.msg.dom);
    send_all(owner, domain, &message);
}

static void
balloon_changed(void *owner, struct domain *domain, uint64_t kib)
{
    struct remote_domain_event_callback_balloon_change_msg args = {
        .msg = {.actual = kib},
    };
    struct message message = {
        .event = VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE,
        .procedure = REMOTE_PROC_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE,
        .legacy = REMOTE_PROC_DOMAIN_EVENT_BALLOON_CHANGE,
        .args = &args,
        .legacy_args = &args.msg,
    };

    wire_domain(domain, &args.msg.dom);
    send_all(owner, domain, &message);
}

static void
metadata_changed(void *owner, struct domain *domain, int type, const char *uri)
{
    AUTO_FREE char *copy = xstrdup_null(uri);
    struct remote_domain_event_callback_metadata_change_msg args = {
        .msg = {.type = type, .nsuri = copy ? &copy : NULL},
    };
    struct message message = {
        .event = VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
        .procedure = REMOTE_PROC_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE,
        .args = &args,
    };

    wire_domain(domain, &args.msg.dom);
    send_all(owner, domain, &message);
}

static void
note(void *owner, enum log_level level, const struct log_context *context,
     const char *text)
{
    (void)owner;
    log_line(level, context, "%s", text);
}

static void
send_all(struct daemon *daemon, const struct domain *domain,
         const struct message *message)
{
    LIST_FOR_EACH (client_link, &daemon->clients) {
        struct client *client = container_of(client_link, struct client, link);

        LIST_FOR_EACH (link, &client->callbacks) {
            const struct event_callback *callback =
                container_of(link, struct event_callback, link);

            if (callback->event != message->event ||
                (callback->has_filter &&
                 !uuid_is_equal(&callback->uuid, &domain->uuid))) {
                continue;
            }
            if (!callback->is_legacy) {
                void *args = message->own_args && client->has_phases
                                 ? message->own_args
                                 : message->args;

                *(int *)args = callback->id;
                rpc_send_event(client->connection, message->procedure, args);
            } else if (message->legacy) {
                rpc_send_event(client->connection, message->legacy,
                               message->legacy_args);
            }
        }
    }
}

static struct event_callback *
add(struct client *client, int event)
{
    struct event_callback *callback = xcalloc(1, sizeof *callback);

    callback->event = event;
    list_add(&client->callbacks, &callback->link);
    return callback;
}

static int
check_event(int event, struct error *err)
{
    if (event < 0 || event > VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE) {
        return error_set_from(err, ERROR_FROM_RPC, ERROR_INTERNAL,
                              "unsupported event ID %d", event);
    }
    return 0;
}
