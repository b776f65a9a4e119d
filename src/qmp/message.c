/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/message.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "qmp/reader.h"

/* Deep enough for a long backing chain, shallow enough for the stack. */
enum { DEPTH_LIMIT = 256 };

struct json_tokener *
qmp_tokener_new(void)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_LIMIT);

    assert(tokener);
    json_tokener_set_flags(tokener,
                           JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    return tokener;
}

struct json_object *
qmp_message_parse(struct json_tokener *tokener, const char *line, size_t length,
                  struct error *err)
{
    json_tokener_reset(tokener);
    struct json_object *message =
        json_tokener_parse_ex(tokener, line, (int)length);
    enum json_tokener_error what = json_tokener_get_error(tokener);

    if (what == json_tokener_success &&
        json_tokener_get_parse_end(tokener) == length &&
        json_object_is_type(message, json_type_object)) {
        return message;
    }
    error_set(err, ERROR_INTERNAL,
              "QEMU sent what is not a JSON object (%s): %.*s",
              what == json_tokener_success ? "of another type"
                                           : json_tokener_error_desc(what),
              length < 100 ? (int)length : 100, line);
    json_object_put(message);
    return NULL;
}

char *
qmp_message_format(const char *command, struct json_object *arguments,
                   uint64_t id, bool is_oob)
{
    struct json_object *message = json_object_new_object();
    AUTO_TEXT line = {0};

    json_object_object_add(message, is_oob ? "exec-oob" : "execute",
                           json_object_new_string(command));
    if (arguments) {
        json_object_object_add(message, "arguments", arguments);
    }
    json_object_object_add(message, "id", json_object_new_uint64(id));
    text_add(&line, json_object_to_json_string_ext(
                        message, JSON_C_TO_STRING_PLAIN |
                                     JSON_C_TO_STRING_NOSLASHESCAPE));
    text_add(&line, "\n");
    json_object_put(message);
    return text_take(&line);
}

int
qmp_greeting_decode(struct json_object *message, struct qmp_greeting *greeting,
                    struct error *err)
{
    struct qmp_reader reader =
        qmp_reader_new(message, "the greeting of QEMU's monitor", err);
    struct qmp_reader qmp = qmp_read_object(&reader, "QMP");
    struct qmp_reader version = qmp_read_object(&qmp, "version");
    struct qmp_reader qemu = qmp_read_object(&version, "qemu");
    struct json_object *offers = qmp_read_array(&qmp, "capabilities");

    *greeting = (struct qmp_greeting){
        .version.major = (unsigned)qmp_read_number(&qemu, "major", 999),
        .version.minor = (unsigned)qmp_read_number(&qemu, "minor", 999),
        .version.micro = (unsigned)qmp_read_number(&qemu, "micro", 999),
        .version.package = qmp_read_text_or(&version, "package", ""),
    };
    for (size_t i = 0; offers && i < json_object_array_length(offers); i++) {
        const char *offer = qmp_text_of(
            &reader, json_object_array_get_idx(offers, i), "capabilities");

        greeting->has_oob |= is_same_text(offer, "oob");
    }
    return qmp_reader_end(&reader);
}

int
qmp_refusal_decode(struct json_object *refusal, const char *command,
                   struct error *why, struct error *err)
{
    AUTO_FREE char *what = xasprintf("QEMU's error for '%s'", command);
    struct qmp_reader reader = qmp_reader_new(refusal, what, err);
    const char *class = qmp_read_text(&reader, "class");
    const char *description = qmp_read_text(&reader, "desc");

    if (qmp_reader_end(&reader) < 0) {
        return -1;
    }
    error_set(why,
              strcmp(class, "CommandNotFound") == 0
                  ? ERROR_OPERATION_UNSUPPORTED
                  : ERROR_INTERNAL,
              "unable to execute QEMU command '%s': %s", command, description);
    return 0;
}
