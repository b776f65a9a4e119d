/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/event.h"

#include <string.h>

#include "base/memory.h"
#include "qmp/reader.h"

static void decode_timestamp(struct qmp_reader *message, int64_t *timestamp_us);
static void decode_data(struct qmp_reader *data, struct qmp_event *event);
static void decode_io_error(struct qmp_reader *data, struct qmp_event *event);
static void decode_block_job(struct qmp_reader *data, struct qmp_event *event);
static void decode_device(struct qmp_reader *data, struct qmp_event *event);
static enum qmp_event_type parse_type(const char *name);
static bool needs_data(enum qmp_event_type type);

int
qmp_event_decode(struct json_object *message, struct qmp_event *event,
                 struct error *err)
{
    struct qmp_reader reader = qmp_reader_new(message, "QEMU's event", err);
    struct qmp_event decoded = {.name = qmp_read_text(&reader, "event")};

    decoded.type = parse_type(decoded.name);
    decode_timestamp(&reader, &decoded.timestamp_us);
    if (qmp_has(&reader, "data")) {
        decoded.data = qmp_read_object(&reader, "data").object;
    }
    if (qmp_reader_end(&reader) < 0) {
        return -1;
    }
    if (needs_data(decoded.type)) {
        AUTO_FREE char *what = xasprintf("QEMU's event %s", decoded.name);
        struct qmp_reader data = qmp_reader_new(decoded.data, what, err);

        decode_data(&data, &decoded);
        if (qmp_reader_end(&data) < 0) {
            return -1;
        }
    }
    *event = decoded;
    return 0;
}

static void
decode_timestamp(struct qmp_reader *message, int64_t *timestamp_us)
{
    if (!qmp_has(message, "timestamp")) {
        return;
    }
    struct qmp_reader timestamp = qmp_read_object(message, "timestamp");
    int64_t seconds = qmp_read_signed(&timestamp, "seconds");
    int64_t us = qmp_read_signed(&timestamp, "microseconds");

    /* QEMU says -1 and -1 where its clock failed. */
    if (seconds < 0 || seconds > INT64_MAX / 1000000 - 1 || us < 0 ||
        us >= 1000000) {
        return;
    }
    *timestamp_us = seconds * 1000000 + us;
}

static void
decode_data(struct qmp_reader *data, struct qmp_event *event)
{
    switch (event->type) {
    case QMP_EVENT_MIGRATION:
        event->migration.status_name = qmp_read_text(data, "status");
        event->migration.status =
            qmp_migration_status_parse(event->migration.status_name);
        break;
    case QMP_EVENT_MIGRATION_PASS:
        event->pass = qmp_read_number(data, "pass", UINT64_MAX);
        break;
    case QMP_EVENT_SHUTDOWN:
    case QMP_EVENT_RESET:
        event->shutdown.is_by_guest = qmp_read_boolean(data, "guest");
        event->shutdown.cause = qmp_shutdown_cause_parse(
            qmp_read_text_or(data, "reason", "unknown"));
        break;
    case QMP_EVENT_WATCHDOG:
    case QMP_EVENT_GUEST_PANICKED:
        event->action = qmp_action_parse(qmp_read_text(data, "action"));
        break;
    case QMP_EVENT_BLOCK_IO_ERROR:
        decode_io_error(data, event);
        break;
    case QMP_EVENT_BLOCK_JOB_READY:
    case QMP_EVENT_BLOCK_JOB_COMPLETED:
    case QMP_EVENT_BLOCK_JOB_CANCELLED:
        decode_block_job(data, event);
        break;
    case QMP_EVENT_JOB_STATUS_CHANGE:
        event->job.id = qmp_read_text(data, "id");
        event->job.status = qmp_read_text(data, "status");
        break;
    case QMP_EVENT_BALLOON_CHANGE:
        event->balloon.actual = qmp_read_number(data, "actual", UINT64_MAX);
        break;
    case QMP_EVENT_RTC_CHANGE:
        event->rtc.offset_s = qmp_read_signed(data, "offset");
        break;
    case QMP_EVENT_VSERPORT_CHANGE:
        event->port.id = qmp_read_text(data, "id");
        event->port.is_open = qmp_read_boolean(data, "open");
        break;
    case QMP_EVENT_DEVICE_DELETED:
    case QMP_EVENT_DEVICE_TRAY_MOVED:
        decode_device(data, event);
        break;
    default:
        break;
    }
}

static void
decode_io_error(struct qmp_reader *data, struct qmp_event *event)
{
    event->io_error.device = qmp_read_text_or(data, "device", "");
    event->io_error.node_name = qmp_read_text_or(data, "node-name", "");
    event->io_error.reason = qmp_read_text_or(data, "reason", "");
    event->io_error.is_no_space = qmp_read_boolean_or(data, "nospace", false);
    event->io_error.is_write =
        strcmp(qmp_read_text(data, "operation"), "write") == 0;
    event->io_error.action = qmp_action_parse(qmp_read_text(data, "action"));
}

static void
decode_block_job(struct qmp_reader *data, struct qmp_event *event)
{
    event->block_job.id = qmp_read_text(data, "device");
    event->block_job.error = qmp_read_text_or(data, "error", NULL);
    event->block_job.length = qmp_read_number(data, "len", UINT64_MAX);
    event->block_job.offset = qmp_read_number(data, "offset", UINT64_MAX);
}

static void
decode_device(struct qmp_reader *data, struct qmp_event *event)
{
    if (event->type == QMP_EVENT_DEVICE_DELETED) {
        event->device.id = qmp_read_text_or(data, "device", "");
        event->device.path = qmp_read_text(data, "path");
        return;
    }
    event->device.id = qmp_read_text_or(data, "id", "");
    event->device.path = "";
    event->device.is_tray_open = qmp_read_boolean(data, "tray-open");
}

static enum qmp_event_type
parse_type(const char *name)
{
#define X(name) #name,
    static const char *const names[] = {"", QMP_EVENTS(X)};
#undef X

    for (size_t i = 1; i < ARRAY_COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum qmp_event_type)i;
        }
    }
    return QMP_EVENT_UNKNOWN;
}

static bool
needs_data(enum qmp_event_type type)
{
    switch (type) {
    case QMP_EVENT_MIGRATION:
    case QMP_EVENT_MIGRATION_PASS:
    case QMP_EVENT_SHUTDOWN:
    case QMP_EVENT_RESET:
    case QMP_EVENT_WATCHDOG:
    case QMP_EVENT_GUEST_PANICKED:
    case QMP_EVENT_BLOCK_IO_ERROR:
    case QMP_EVENT_BLOCK_JOB_READY:
    case QMP_EVENT_BLOCK_JOB_COMPLETED:
    case QMP_EVENT_BLOCK_JOB_CANCELLED:
    case QMP_EVENT_JOB_STATUS_CHANGE:
    case QMP_EVENT_BALLOON_CHANGE:
    case QMP_EVENT_RTC_CHANGE:
    case QMP_EVENT_VSERPORT_CHANGE:
    case QMP_EVENT_DEVICE_DELETED:
    case QMP_EVENT_DEVICE_TRAY_MOVED:
        return true;
    default:
        return false;
    }
}
