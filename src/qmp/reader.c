/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/reader.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/memory.h"

static struct json_object *get(struct qmp_reader *reader, const char *name,
                               enum json_type type);
static struct json_object *find(const struct qmp_reader *reader,
                                const char *name);
static struct json_object *check(struct qmp_reader *reader,
                                 struct json_object *value, const char *name,
                                 enum json_type type);
static bool has_failed(const struct qmp_reader *reader);

struct qmp_reader
qmp_reader_new(struct json_object *value, const char *what, struct error *err)
{
    struct qmp_reader reader = {.what = what, .err = err};

    if (!json_object_is_type(value, json_type_object)) {
        qmp_reader_fail(&reader, "it is not an object but %s",
                        json_type_to_name(json_object_get_type(value)));
        return reader;
    }
    reader.object = value;
    return reader;
}

int
qmp_reader_end(const struct qmp_reader *reader)
{
    return has_failed(reader) ? -1 : 0;
}

void
qmp_reader_fail(struct qmp_reader *reader, const char *format, ...)
{
    va_list args;

    if (has_failed(reader)) {
        return;
    }
    va_start(args, format);
    AUTO_FREE char *why = xvasprintf(format, args);
    va_end(args);
    error_set(reader->err, ERROR_INTERNAL, "%s makes no sense: %s",
              reader->what, why);
}

const char *
qmp_read_text(struct qmp_reader *reader, const char *name)
{
    struct json_object *value = get(reader, name, json_type_string);
    const char *text = value ? qmp_text_of(reader, value, name) : NULL;

    return text ? text : "";
}

bool
qmp_read_boolean(struct qmp_reader *reader, const char *name)
{
    return json_object_get_boolean(get(reader, name, json_type_boolean));
}

uint64_t
qmp_read_number(struct qmp_reader *reader, const char *name, uint64_t max)
{
    struct json_object *value = get(reader, name, json_type_int);
    uint64_t number = json_object_get_uint64(value);

    if (!value) {
        return 0;
    }
    if (json_object_get_int64(value) < 0 || number > max) {
        qmp_reader_fail(reader, "'%s' is out of bounds: %s", name,
                        json_object_get_string(value));
        return 0;
    }
    return number;
}

int64_t
qmp_read_signed(struct qmp_reader *reader, const char *name)
{
    struct json_object *value = get(reader, name, json_type_int);

    if (value && json_object_get_uint64(value) > INT64_MAX) {
        qmp_reader_fail(reader, "'%s' is out of bounds: %s", name,
                        json_object_get_string(value));
        return 0;
    }
    return json_object_get_int64(value);
}

struct qmp_reader
qmp_read_object(struct qmp_reader *reader, const char *name)
{
    struct qmp_reader inner = *reader;

    inner.object = get(reader, name, json_type_object);
    return inner;
}

struct json_object *
qmp_read_array(struct qmp_reader *reader, const char *name)
{
    return get(reader, name, json_type_array);
}

bool
qmp_has(const struct qmp_reader *reader, const char *name)
{
    return find(reader, name) != NULL;
}

const char *
qmp_read_text_or(struct qmp_reader *reader, const char *name,
                 const char *fallback)
{
    return qmp_has(reader, name) ? qmp_read_text(reader, name) : fallback;
}

bool
qmp_read_boolean_or(struct qmp_reader *reader, const char *name, bool fallback)
{
    return qmp_has(reader, name) ? qmp_read_boolean(reader, name) : fallback;
}

bool
qmp_maybe_number(struct qmp_reader *reader, const char *name, uint64_t *value)
{
    if (!qmp_has(reader, name)) {
        return false;
    }
    *value = qmp_read_number(reader, name, UINT64_MAX);
    return !has_failed(reader);
}

bool
qmp_maybe_real(struct qmp_reader *reader, const char *name, double *value)
{
    struct json_object *found = find(reader, name);

    if (!found) {
        return false;
    }
    if (!json_object_is_type(found, json_type_int) &&
        !check(reader, found, name, json_type_double)) {
        return false;
    }
    double number = json_object_get_double(found);
    if (!isfinite(number)) {
        qmp_reader_fail(reader, "'%s' is not a number", name);
        return false;
    }
    *value = number;
    return true;
}

const char *
qmp_text_of(struct qmp_reader *reader, struct json_object *value,
            const char *name)
{
    if (!check(reader, value, name, json_type_string)) {
        return NULL;
    }
    const char *text = json_object_get_string(value);
    if (strlen(text) != (size_t)json_object_get_string_len(value)) {
        qmp_reader_fail(reader, "'%s' has a NUL inside", name);
        return NULL;
    }
    return text;
}

size_t
qmp_array_length(struct json_object *value, const char *what, struct error *err)
{
    if (!json_object_is_type(value, json_type_array)) {
        error_set(err, ERROR_INTERNAL,
                  "%s makes no sense: it is not an array but %s", what,
                  json_type_to_name(json_object_get_type(value)));
        return 0;
    }
    return json_object_array_length(value);
}

static struct json_object *
get(struct qmp_reader *reader, const char *name, enum json_type type)
{
    struct json_object *value = NULL;

    if (!reader->object || has_failed(reader)) {
        return NULL;
    }
    if (!json_object_object_get_ex(reader->object, name, &value)) {
        qmp_reader_fail(reader, "it has no '%s'", name);
        return NULL;
    }
    return check(reader, value, name, type);
}

static struct json_object *
find(const struct qmp_reader *reader, const char *name)
{
    struct json_object *value = NULL;

    if (reader->object && !has_failed(reader)) {
        json_object_object_get_ex(reader->object, name, &value);
    }
    return value;
}

static struct json_object *
check(struct qmp_reader *reader, struct json_object *value, const char *name,
      enum json_type type)
{
    if (json_object_is_type(value, type)) {
        return value;
    }
    qmp_reader_fail(reader, "'%s' is not %s but %s", name,
                    json_type_to_name(type),
                    json_type_to_name(json_object_get_type(value)));
    return NULL;
}

static bool
has_failed(const struct qmp_reader *reader)
{
    return error_is_set(reader->err);
}
