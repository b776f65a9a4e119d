/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/decode.h"

#include <limits.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "qmp/reader.h"

/* For each element of an array: reads it into 'item', element of the list. */
typedef void read_item(struct qmp_reader *reader, void *item);

static void *decode_list(struct json_object *result, const char *what,
                         size_t item_size, read_item *read_one, size_t *count,
                         struct error *err);
static void read_chardev(struct qmp_reader *reader, void *item);
static void read_blockstats(struct qmp_reader *reader, void *item);
static void read_cpu(struct qmp_reader *reader, void *item);
static void read_qom_property(struct qmp_reader *reader, void *item);
static void read_machine(struct qmp_reader *reader, void *item);
static void read_cpu_definition(struct qmp_reader *reader, void *item);

int
qmp_decode_status(struct json_object *result, struct qmp_status *status,
                  struct error *err)
{
    struct qmp_reader reader =
        qmp_reader_new(result, "QEMU's reply to 'query-status'", err);

    status->state_name = qmp_read_text(&reader, "status");
    status->state = qmp_run_state_parse(status->state_name);
    status->is_running = qmp_read_boolean(&reader, "running");
    return qmp_reader_end(&reader);
}

int
qmp_decode_text(struct json_object *result, const char *command,
                const char *member, const char **text, struct error *err)
{
    AUTO_FREE char *what = xasprintf("QEMU's reply to '%s'", command);
    struct qmp_reader reader = qmp_reader_new(result, what, err);

    *text = qmp_read_text_or(&reader, member, NULL);
    return qmp_reader_end(&reader);
}

int
qmp_decode_balloon(struct json_object *result, uint64_t *size,
                   struct error *err)
{
    struct qmp_reader reader =
        qmp_reader_new(result, "QEMU's reply to 'query-balloon'", err);

    *size = qmp_read_number(&reader, "actual", UINT64_MAX);
    return qmp_reader_end(&reader);
}

int
qmp_decode_chardevs(struct json_object *result, struct qmp_chardevs *list,
                    struct error *err)
{
    list->items =
        decode_list(result, "QEMU's reply to 'query-chardev'",
                    sizeof(*list->items), read_chardev, &list->count, err);
    return error_is_set(err) ? -1 : 0;
}

int
qmp_decode_vnc(struct json_object *result, struct qmp_vnc *vnc,
               struct error *err)
{
    struct qmp_reader reader =
        qmp_reader_new(result, "QEMU's reply to 'query-vnc'", err);
    const char *service;
    uint64_t port;

    vnc->is_enabled = qmp_read_boolean(&reader, "enabled");
    vnc->host = qmp_read_text_or(&reader, "host", NULL);
    vnc->family = qmp_read_text_or(&reader, "family", NULL);
    service = qmp_read_text_or(&reader, "service", NULL);
    vnc->has_port = service && !is_same_text(vnc->family, "unix");
    if (vnc->has_port) {
        if (!parse_u64(service, UINT16_MAX, &port)) {
            qmp_reader_fail(&reader, "'service' is not a port: %s", service);
            return -1;
        }
        vnc->port = (uint16_t)port;
    }
    return qmp_reader_end(&reader);
}

int
qmp_decode_blockstats(struct json_object *result,
                      struct qmp_blockstats_list *list, struct error *err)
{
    list->items =
        decode_list(result, "QEMU's reply to 'query-blockstats'",
                    sizeof(*list->items), read_blockstats, &list->count, err);
    return error_is_set(err) ? -1 : 0;
}

int
qmp_decode_cpus(struct json_object *result, struct qmp_cpus *list,
                struct error *err)
{
    list->items =
        decode_list(result, "QEMU's reply to 'query-cpus-fast'",
                    sizeof(*list->items), read_cpu, &list->count, err);
    return error_is_set(err) ? -1 : 0;
}

int
qmp_decode_cpu_model(struct json_object *result, struct qmp_cpu_model *model,
                     struct error *err)
{
    struct qmp_reader reader = qmp_reader_new(
        result, "QEMU's reply to 'query-cpu-model-expansion'", err);
    struct qmp_reader inner = qmp_read_object(&reader, "model");

    model->name = qmp_read_text(&inner, "name");
    if (!qmp_has(&inner, "props")) {
        return qmp_reader_end(&inner);
    }
    struct qmp_reader properties = qmp_read_object(&inner, "props");
    if (!properties.object) {
        return -1;
    }
    model->properties =
        xcalloc((size_t)json_object_object_length(properties.object),
                sizeof(*model->properties));
    json_object_object_foreach(properties.object, name, value)
    {
        struct qmp_property *property = &model->properties[model->count++];

        property->name = name;
        if (qmp_decode_value(value, &property->value, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int
qmp_decode_qom_list(struct json_object *result, struct qmp_properties *list,
                    struct error *err)
{
    list->items =
        decode_list(result, "QEMU's reply to 'qom-list'", sizeof(*list->items),
                    read_qom_property, &list->count, err);
    return error_is_set(err) ? -1 : 0;
}

int
qmp_decode_value(struct json_object *result, struct qmp_value *value,
                 struct error *err)
{
    struct qmp_reader reader = {.what = "a property of QEMU's", .err = err};

    switch (json_object_get_type(result)) {
    case json_type_boolean:
        value->kind = QMP_VALUE_BOOL;
        value->boolean = json_object_get_boolean(result);
        break;
    case json_type_int:
        /* QEMU's own unsigned properties may be larger: their bits count. */
        value->kind = QMP_VALUE_NUMBER;
        value->number = json_object_get_int64(result) < 0
                            ? json_object_get_int64(result)
                            : (int64_t)json_object_get_uint64(result);
        break;
    case json_type_string:
        value->kind = QMP_VALUE_TEXT;
        value->text = qmp_text_of(&reader, result, "value");
        break;
    default:
        value->kind = QMP_VALUE_OTHER;
        break;
    }
    return qmp_reader_end(&reader);
}

int
qmp_decode_texts(struct json_object *result, struct qmp_texts *texts,
                 struct error *err)
{
    static const char *what = "a list of QEMU's";
    struct qmp_reader reader = {.what = what, .err = err};
    size_t count = qmp_array_length(result, what, err);

    texts->items = xcalloc(count + 1, sizeof(*texts->items));
    texts->count = count;
    for (size_t i = 0; i < count; i++) {
        texts->items[i] = qmp_text_of(
            &reader, json_object_array_get_idx(result, i), "element");
    }
    return error_is_set(err) ? -1 : 0;
}

int
qmp_decode_machines(struct json_object *result, struct qmp_machines *list,
                    struct error *err)
{
    list->items =
        decode_list(result, "QEMU's reply to 'query-machines'",
                    sizeof(*list->items), read_machine, &list->count, err);
    return error_is_set(err) ? -1 : 0;
}

int
qmp_decode_cpu_definitions(struct json_object *result,
                           struct qmp_cpu_definitions *list, struct error *err)
{
    list->items = decode_list(result, "QEMU's reply to 'query-cpu-definitions'",
                              sizeof(*list->items), read_cpu_definition,
                              &list->count, err);
    return error_is_set(err) ? -1 : 0;
}

int
qmp_decode_kvm(struct json_object *result, struct qmp_kvm *kvm,
               struct error *err)
{
    struct qmp_reader reader =
        qmp_reader_new(result, "QEMU's reply to 'query-kvm'", err);

    kvm->is_present = qmp_read_boolean(&reader, "present");
    kvm->is_enabled = qmp_read_boolean(&reader, "enabled");
    return qmp_reader_end(&reader);
}

/* NULL on failure, and where the list is empty. */
static void *
decode_list(struct json_object *result, const char *what, size_t item_size,
            read_item *read_one, size_t *count, struct error *err)
{
    size_t length = qmp_array_length(result, what, err);

    if (length == 0) {
        return NULL;
    }
    AUTO_FREE char *items = xcalloc(length, item_size);
    for (size_t i = 0; i < length; i++) {
        struct qmp_reader reader =
            qmp_reader_new(json_object_array_get_idx(result, i), what, err);

        read_one(&reader, items + i * item_size);
        if (qmp_reader_end(&reader) < 0) {
            return NULL;
        }
    }
    *count = length;
    return STEAL(items);
}

static void
read_chardev(struct qmp_reader *reader, void *item)
{
    struct qmp_chardev *chardev = item;

    chardev->label = qmp_read_text(reader, "label");
    chardev->filename = qmp_read_text(reader, "filename");
    chardev->is_frontend_open =
        qmp_read_boolean_or(reader, "frontend-open", false);
}

static void
read_blockstats(struct qmp_reader *reader, void *item)
{
    struct qmp_blockstats *stats = item;
    struct qmp_reader inner = qmp_read_object(reader, "stats");
    uint64_t failed = 0;

    stats->device = qmp_read_text_or(reader, "device", "");
    stats->qdev = qmp_read_text_or(reader, "qdev", "");
    stats->node_name = qmp_read_text_or(reader, "node-name", "");
    stats->read_bytes = qmp_read_number(&inner, "rd_bytes", UINT64_MAX);
    stats->read_requests = qmp_read_number(&inner, "rd_operations", UINT64_MAX);
    stats->write_bytes = qmp_read_number(&inner, "wr_bytes", UINT64_MAX);
    stats->write_requests =
        qmp_read_number(&inner, "wr_operations", UINT64_MAX);
    stats->flush_requests =
        qmp_read_number(&inner, "flush_operations", UINT64_MAX);
    qmp_maybe_number(&inner, "rd_total_time_ns", &stats->read_ns);
    qmp_maybe_number(&inner, "wr_total_time_ns", &stats->write_ns);
    qmp_maybe_number(&inner, "flush_total_time_ns", &stats->flush_ns);
    qmp_maybe_number(&inner, "wr_highest_offset", &stats->written_to);
    stats->errors +=
        qmp_maybe_number(&inner, "failed_rd_operations", &failed) ? failed : 0;
    stats->errors +=
        qmp_maybe_number(&inner, "failed_wr_operations", &failed) ? failed : 0;
    stats->errors +=
        qmp_maybe_number(&inner, "failed_flush_operations", &failed) ? failed
                                                                     : 0;
}

static void
read_cpu(struct qmp_reader *reader, void *item)
{
    struct qmp_cpu *cpu = item;

    cpu->index = (unsigned)qmp_read_number(reader, "cpu-index", 65535);
    cpu->thread_id = (pid_t)qmp_read_number(reader, "thread-id", INT_MAX);
    cpu->qom_path = qmp_read_text(reader, "qom-path");
}

static void
read_qom_property(struct qmp_reader *reader, void *item)
{
    struct qmp_property *property = item;

    property->name = qmp_read_text(reader, "name");
    property->value.kind = QMP_VALUE_TEXT;
    property->value.text = qmp_read_text(reader, "type");
}

static void
read_machine(struct qmp_reader *reader, void *item)
{
    struct qmp_machine *machine = item;

    machine->name = qmp_read_text(reader, "name");
    machine->alias = qmp_read_text_or(reader, "alias", NULL);
    machine->default_cpu = qmp_read_text_or(reader, "default-cpu-type", NULL);
    machine->max_cpus = (unsigned)qmp_read_number(reader, "cpu-max", UINT_MAX);
    machine->is_default = qmp_read_boolean_or(reader, "is-default", false);
    machine->is_deprecated = qmp_read_boolean_or(reader, "deprecated", false);
    machine->has_hotpluggable_cpus =
        qmp_read_boolean_or(reader, "hotpluggable-cpus", false);
}

static void
read_cpu_definition(struct qmp_reader *reader, void *item)
{
    struct qmp_cpu_definition *model = item;

    model->name = qmp_read_text(reader, "name");
    model->type = qmp_read_text_or(reader, "typename", "");
    model->alias_of = qmp_read_text_or(reader, "alias-of", NULL);
    model->is_static = qmp_read_boolean_or(reader, "static", false);
    model->is_migration_safe =
        qmp_read_boolean_or(reader, "migration-safe", false);
    model->is_deprecated = qmp_read_boolean_or(reader, "deprecated", false);
    model->has_usable = qmp_has(reader, "unavailable-features");
    if (model->has_usable) {
        struct json_object *missing =
            qmp_read_array(reader, "unavailable-features");

        model->is_usable = missing && json_object_array_length(missing) == 0;
    }
}
