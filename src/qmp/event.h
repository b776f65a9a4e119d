/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QEMU's events, decoded.  An event of an unknown name is passed on without
 * being looked into; one that is known must have what is promised here, or the
 * session does not trust the stream any longer. */

#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "qmp/types.h"

#define QMP_EVENTS(X)                                                          \
    X(SHUTDOWN) /* QEMU or the guest is going down: shutdown. */               \
    X(POWERDOWN)                                                               \
    X(RESET) /* shutdown */                                                    \
    X(STOP)                                                                    \
    X(RESUME)                                                                  \
    X(SUSPEND)                                                                 \
    X(SUSPEND_DISK)                                                            \
    X(WAKEUP)                                                                  \
    X(WATCHDOG)       /* action */                                             \
    X(GUEST_PANICKED) /* action */                                             \
    X(GUEST_CRASHLOADED)                                                       \
    X(MEMORY_FAILURE)                                                          \
    X(DEVICE_TRAY_MOVED)   /* device */                                        \
    X(DEVICE_DELETED)      /* device */                                        \
    X(BLOCK_IO_ERROR)      /* io_error */                                      \
    X(BLOCK_JOB_COMPLETED) /* block_job */                                     \
    X(BLOCK_JOB_CANCELLED) /* block_job */                                     \
    X(BLOCK_JOB_ERROR)                                                         \
    X(BLOCK_JOB_READY) /* block_job */                                         \
    X(BLOCK_JOB_PENDING)                                                       \
    X(JOB_STATUS_CHANGE) /* job */                                             \
    X(BALLOON_CHANGE)    /* balloon */                                         \
    X(RTC_CHANGE)        /* rtc */                                             \
    X(MIGRATION)         /* migration */                                       \
    X(MIGRATION_PASS)    /* pass */                                            \
    X(UNPLUG_PRIMARY)                                                          \
    X(VSERPORT_CHANGE) /* port */                                              \
    X(NIC_RX_FILTER_CHANGED)                                                   \
    X(VNC_CONNECTED)                                                           \
    X(VNC_INITIALIZED)                                                         \
    X(VNC_DISCONNECTED)                                                        \
    X(MEMORY_DEVICE_SIZE_CHANGE)                                               \
    X(ACPI_DEVICE_OST)                                                         \
    X(DUMP_COMPLETED)

#define X(name) QMP_EVENT_##name,
enum qmp_event_type { QMP_EVENT_UNKNOWN, QMP_EVENTS(X) };
#undef X

/* Everything is borrowed and valid during the callback. */
struct qmp_event {
    enum qmp_event_type type;
    const char *name;         /* As QEMU wrote it. */
    int64_t timestamp_us;     /* QEMU's real-time clock; 0: it did not say. */
    struct json_object *data; /* An object, or NULL. */
    /* The member that stands beside the type in the list above. */
    union {
        struct {
            bool is_by_guest;
            enum qmp_shutdown_cause cause; /* UNKNOWN where QEMU is silent. */
        } shutdown;
        enum qmp_action action;
        struct {
            const char *id;   /* "" where the device has none. */
            const char *path; /* "" where QEMU does not say. */
            bool is_tray_open;
        } device;
        struct {
            const char *device;    /* "" with -blockdev. */
            const char *node_name; /* "" where there is none. */
            const char *reason;    /* strerror() of the error; "" */
            bool is_write;
            bool is_no_space;
            enum qmp_action action;
        } io_error;
        struct {
            const char *id;
            const char *error; /* NULL where there was none. */
            uint64_t length;
            uint64_t offset;
        } block_job;
        struct {
            const char *id;
            const char *status;
        } job;
        struct {
            uint64_t actual; /* Bytes. */
        } balloon;
        struct {
            int64_t offset_s;
        } rtc;
        struct {
            enum qmp_migration_status status;
            const char *status_name;
        } migration;
        uint64_t pass;
        struct {
            const char *id;
            bool is_open;
        } port;
    };
};

/* Decodes a message that has a member "event".  What it fills is borrowed from
 * 'message'. */
int qmp_event_decode(struct json_object *message, struct qmp_event *event,
                     struct error *err);
