/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a user does to a guest from outside: keys, interrupts, processors, and
 * commands that we don't look into. */

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "qmp/command.h"
#include "qmp/reader.h"

static qmp_decode slots_came;
static qmp_decode human_came;
static qmp_decode raw_came;
static struct json_object *read_command(const char *json);
static bool has_no_number(struct json_object *value);

void
qmp_inject_nmi(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "inject-nmi", NULL, done, owner);
}

void
qmp_send_key(struct qmp_session *session, const unsigned *keys, size_t count,
             unsigned hold_ms, qmp_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < count; i++) {
        struct json_object *key = json_object_new_object();

        json_object_object_add(key, "type", json_object_new_string("number"));
        json_object_object_add(key, "data", json_object_new_int64(keys[i]));
        json_object_array_add(list, key);
    }
    json_object_object_add(arguments, "keys", list);
    if (hold_ms) {
        json_object_object_add(arguments, "hold-time",
                               json_object_new_int64(hold_ms));
    }
    qmp_command(session, "send-key", arguments, done, owner);
}

void
qmp_query_hotpluggable_cpus(struct qmp_session *session,
                            qmp_cpu_slots_done *done, void *owner)
{
    qmp_execute_decoded(session, "query-hotpluggable-cpus", NULL, slots_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_plug_cpu(struct qmp_session *session, const struct qmp_cpu_slot *slot,
             const char *id, qmp_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_foreach(slot->place, name, value)
    {
        json_object_object_add(arguments, name, json_object_get(value));
    }
    json_object_object_add(arguments, "driver",
                           json_object_new_string(slot->type));
    json_object_object_add(arguments, "id", json_object_new_string(id));
    qmp_command(session, "device_add", arguments, done, owner);
}

void
qmp_human_command(struct qmp_session *session, const char *line,
                  qmp_text_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "command-line",
                           json_object_new_string(line));
    qmp_execute_decoded(session, "human-monitor-command", arguments, human_came,
                        (qmp_untyped_done *)done, owner);
}

/* Strictly: to what it does not understand QEMU answers without an id.  NULL
 * where it is no such thing. */
static struct json_object *
read_command(const char *json)
{
    struct json_tokener *tokener = json_tokener_new();
    size_t length = strlen(json);
    struct json_object *command = NULL;

    json_tokener_set_flags(tokener,
                           JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    if (length <= INT_MAX) {
        command = json_tokener_parse_ex(tokener, json, (int)length);
        /* A number or a word may go on: not an object. */
        if (json_tokener_get_error(tokener) != json_tokener_success) {
            json_object_put(command);
            command = NULL;
        }
    }
    json_tokener_free(tokener);
    if (has_no_number(command)) {
        json_object_put(command);
        command = NULL;
    }
    return command;
}

/* NaN and Infinity are json-c's own. */
static bool
has_no_number(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_double:
        return !isfinite(json_object_get_double(value));
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            if (has_no_number(json_object_array_get_idx(value, i))) {
                return true;
            }
        }
        return false;
    case json_type_object: {
        json_object_object_foreach(value, key, member)
        {
            (void)key;
            if (has_no_number(member)) {
                return true;
            }
        }
        return false;
    }
    default:
        return false;
    }
}

int
qmp_raw_command(struct qmp_session *session, const char *json,
                qmp_text_done *done, void *owner, struct error *err)
{
    struct json_object *command = read_command(json);
    struct json_object *name = NULL, *arguments = NULL;
    const char *problem = NULL;

    if (!json_object_is_type(command, json_type_object)) {
        problem = "it is no JSON object";
    } else if (json_object_object_get_ex(command, "id", NULL)) {
        problem = "Unable to append command 'id' string";
    } else if (!json_object_object_get_ex(command, "execute", &name) ||
               !json_object_is_type(name, json_type_string)) {
        problem = "it has no 'execute'";
    } else if (json_object_object_get_ex(command, "arguments", &arguments) &&
               !json_object_is_type(arguments, json_type_object)) {
        problem = "its 'arguments' are no object";
    }
    if (problem) {
        json_object_put(command);
        return error_set(err, ERROR_INTERNAL, "cannot parse json %s: %s", json,
                         problem);
    }
    qmp_execute_decoded(session, json_object_get_string(name),
                        json_object_get(arguments), raw_came,
                        (qmp_untyped_done *)done, owner);
    json_object_put(command);
    return 0;
}

static void
read_slot(struct json_object *value, struct qmp_cpu_slot *slot,
          struct error *err)
{
    struct qmp_reader reader =
        qmp_reader_new(value, "QEMU's reply to 'query-hotpluggable-cpus'", err);

    slot->type = qmp_read_text(&reader, "type");
    slot->is_taken = qmp_has(&reader, "qom-path");
    slot->place = qmp_read_object(&reader, "props").object;
}

/* QEMU lists them from the last to the first. */
static void
slots_came(qmp_untyped_done *done, void *owner, struct json_object *result,
           const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_cpu_slots list = {0};

    if (!err) {
        list.count = qmp_array_length(
            result, "QEMU's reply to 'query-hotpluggable-cpus'", &bad);
        list.items = xcalloc(list.count + 1, sizeof *list.items);
        for (size_t i = 0; i < list.count && !error_is_set(&bad); i++) {
            read_slot(json_object_array_get_idx(result, list.count - 1 - i),
                      &list.items[i], &bad);
        }
        err = error_is_set(&bad) ? &bad : NULL;
    }
    ((qmp_cpu_slots_done *)done)(owner, err ? NULL : &list, err);
    free(list.items);
}

static void
human_came(qmp_untyped_done *done, void *owner, struct json_object *result,
           const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_reader reader = {.what = "QEMU's reply", .err = &bad};
    const char *text = err ? NULL : qmp_text_of(&reader, result, "text");

    if (!err && !text) {
        err = &bad;
    }
    ((qmp_text_done *)done)(owner, text, err);
}

static void
raw_came(qmp_untyped_done *done, void *owner, struct json_object *result,
         const struct error *err)
{
    ((qmp_text_done *)done)(
        owner,
        err ? NULL
            : json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN),
        err);
}
