/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "lib/handle.h"
#include "lib/names.h"
#include "rpc/typed.h"

/* An event that waits for its reader. */
struct event_item {
    struct list link;
    int number;
    struct vmferry_domain domain; /* Owned. */
    const char *what;             /* Static. */
    const char *detail;           /* Static. */
    struct vmferry_values values;
};

static void
item_free(struct event_item *item)
{
    list_remove(&item->link);
    vmferry_domain_done(&item->domain);
    parameters_done(&item->values.list);
    free(item);
}

void
events_clear(struct vmferry *handle)
{
    LIST_FOR_EACH (link, &handle->events) {
        item_free(container_of(link, struct event_item, link));
    }
}

/* --------------------------------------------------------------- decoding */

static void
add_lifecycle(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_lifecycle_msg *event = args;

    item->what = lifecycle_name(event->msg.event);
    item->detail = lifecycle_detail(event->msg.event, event->msg.detail);
}

static void
add_rtc_change(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_rtc_change_msg *event = args;

    parameters_add_llong(&item->values.list, "offset", event->msg.offset);
}

static void
add_watchdog(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_watchdog_msg *event = args;

    parameters_add_int(&item->values.list, "action", event->msg.action);
}

static void
add_io_error_reason(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_io_error_reason_msg *event = args;

    parameters_add_string(&item->values.list, "path", event->msg.srcPath);
    parameters_add_string(&item->values.list, "device", event->msg.devAlias);
    parameters_add_int(&item->values.list, "action", event->msg.action);
    parameters_add_string(&item->values.list, "reason", event->msg.reason);
}

static void
add_block_job_2(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_block_job_2_msg *event = args;

    parameters_add_string(&item->values.list, "disk", event->msg.dst);
    parameters_add_int(&item->values.list, "type", event->msg.type);
    parameters_add_int(&item->values.list, "status", event->msg.status);
}

static void
add_balloon_change(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_balloon_change_msg *event = args;

    parameters_add_ullong(&item->values.list, "actual", event->msg.actual);
}

static void
add_device_removed(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_device_removed_msg *event = args;

    parameters_add_string(&item->values.list, "device", event->msg.devAlias);
}

static void
add_iteration(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_migration_iteration_msg *event =
        args;

    parameters_add_int(&item->values.list, "iteration", event->msg.iteration);
}

static void
add_job_completed(struct event_item *item, const void *args)
{
    const struct remote_domain_event_callback_job_completed_msg *event = args;
    AUTO_ERROR err = {0};

    rpc_params_decode(event->msg.params.params_val,
                      event->msg.params.params_len, &item->values.list, &err);
}

/* Where the domain is in an event's struct, and what else it tells. */
#define ROW(number, event, NAME, add)                                          \
    {                                                                          \
        REMOTE_PROC_DOMAIN_EVENT_CALLBACK_##NAME, number,                      \
            offsetof(struct remote_domain_event_callback_##event##_msg,        \
                     msg.dom),                                                 \
            add                                                                \
    }

static const struct {
    enum remote_procedure procedure;
    int number;
    size_t domain_offset;
    void (*add)(struct event_item *item, const void *args);
} rows[] = {
    ROW(VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle, LIFECYCLE, add_lifecycle),
    ROW(VIR_DOMAIN_EVENT_ID_REBOOT, reboot, REBOOT, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_RTC_CHANGE, rtc_change, RTC_CHANGE, add_rtc_change),
    ROW(VIR_DOMAIN_EVENT_ID_WATCHDOG, watchdog, WATCHDOG, add_watchdog),
    ROW(VIR_DOMAIN_EVENT_ID_IO_ERROR, io_error, IO_ERROR, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_GRAPHICS, graphics, GRAPHICS, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, io_error_reason, IO_ERROR_REASON,
        add_io_error_reason),
    ROW(VIR_DOMAIN_EVENT_ID_CONTROL_ERROR, control_error, CONTROL_ERROR, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_BLOCK_JOB, block_job, BLOCK_JOB, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_DISK_CHANGE, disk_change, DISK_CHANGE, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, tray_change, TRAY_CHANGE, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_PMWAKEUP, pmwakeup, PMWAKEUP, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_PMSUSPEND, pmsuspend, PMSUSPEND, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, balloon_change, BALLOON_CHANGE,
        add_balloon_change),
    ROW(VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, pmsuspend_disk, PMSUSPEND_DISK,
        NULL),
    ROW(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, device_removed, DEVICE_REMOVED,
        add_device_removed),
    ROW(VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, block_job_2, BLOCK_JOB_2,
        add_block_job_2),
    ROW(VIR_DOMAIN_EVENT_ID_TUNABLE, tunable, TUNABLE, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, agent_lifecycle, AGENT_LIFECYCLE,
        NULL),
    ROW(VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, device_added, DEVICE_ADDED, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, migration_iteration,
        MIGRATION_ITERATION, add_iteration),
    ROW(VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, job_completed, JOB_COMPLETED,
        add_job_completed),
    ROW(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, device_removal_failed,
        DEVICE_REMOVAL_FAILED, NULL),
    ROW(VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, metadata_change, METADATA_CHANGE,
        NULL),
    ROW(VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, block_threshold, BLOCK_THRESHOLD,
        NULL),
    ROW(VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE, memory_failure, MEMORY_FAILURE,
        NULL),
    ROW(VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
        memory_device_size_change, MEMORY_DEVICE_SIZE_CHANGE, NULL),
};

void
events_add(struct vmferry *handle, enum remote_procedure procedure,
           const void *args)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct event_item *item;

        if (rows[i].procedure != procedure) {
            continue;
        }
        item = xcalloc(1, sizeof *item);
        item->number = rows[i].number;
        domain_export(
            (const void *)((const char *)args + rows[i].domain_offset),
            &item->domain);
        if (rows[i].add) {
            rows[i].add(item, args);
        }
        list_add(&handle->events, &item->link);
        return;
    }
}

/* ---------------------------------------------------------------- reading */

int
vmferry_events_start(struct vmferry *handle, int number, const char *domain)
{
    AUTO_DOMAIN dom = {0};
    struct remote_connect_domain_event_callback_register_any_args args = {
        .eventID = number,
        .dom = domain ? &dom : NULL,
    };

    if (handle->connection && !handle->has_event_callbacks) {
        return handle_failf(handle, ERROR_NO_SUPPORT,
                            "the daemon only has the events of old");
    }
    if (domain && handle_find(handle, domain, &dom) < 0) {
        return -1;
    }
    return handle_call(handle,
                       REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                       &args, NULL, NULL);
}

/* Hands out what has come; false where the reader has enough. */
static bool
hand_out(struct vmferry *handle,
         bool (*happened)(void *owner, const struct vmferry_event *event),
         void *owner)
{
    while (!list_is_empty(&handle->events)) {
        struct event_item *item =
            container_of(handle->events.next, struct event_item, link);
        const struct vmferry_event event = {
            .number = item->number,
            .name = vmferry_event_name(item->number),
            .domain = &item->domain,
            .what = item->what,
            .detail = item->detail,
            .values = &item->values,
        };
        bool goes_on;

        /* The reader may call the library, which may add events. */
        list_remove(&item->link);
        goes_on = happened(owner, &event);
        item_free(item);
        if (!goes_on) {
            return false;
        }
    }
    return true;
}

static void
time_over(void *owner)
{
    *(bool *)owner = true;
}

int
vmferry_events_wait(struct vmferry *handle, int timeout_ms,
                    bool (*happened)(void *owner,
                                     const struct vmferry_event *event),
                    void *owner)
{
    struct timer timer = {0};
    AUTO_ERROR err = {0};
    bool is_over = false;

    if (timeout_ms >= 0 && handle->loop) {
        timer_start(&timer, handle->loop, timeout_ms, time_over, &is_over);
    }
    while (hand_out(handle, happened, owner) && !is_over) {
        if (!vmferry_is_connected(handle)) {
            error_set(&err, ERROR_PEER_LOST, "lost the connection to %s",
                      handle->uri ? handle->uri : "the daemon");
            break;
        }
        if (handle_wait(handle, &err) < 0) {
            handle->interruptions = 0;
            break;
        }
    }
    timer_stop(&timer);
    return error_is_set(&err) ? handle_fail(handle, &err) : 0;
}
