/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "state/record.h"

#include <assert.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char version_name[] = "version";

struct record {
    struct json_object *object; /* Owned. */
};

static void set(struct record *record, const char *name,
                struct json_object *value);
static struct json_object *find(const struct record *record, const char *name,
                                enum json_type type);
static int must_find(const struct record *record, const char *name,
                     enum json_type type, struct json_object **value,
                     struct error *err);
static const char *type_text(enum json_type type);
static struct json_object *parse_object(const char *text, size_t length,
                                        struct error *err);
static int check_member(const char *name, struct json_object *value,
                        struct error *err);

struct record *
record_new(unsigned version)
{
    struct record *record = xcalloc(1, sizeof *record);

    assert(version >= 1 && version <= INT_MAX);
    record->object = json_object_new_object();
    json_object_object_add(record->object, version_name,
                           json_object_new_int64(version));
    return record;
}

void
record_free(struct record *record)
{
    if (record) {
        json_object_put(record->object);
        free(record);
    }
}

unsigned
record_version(const struct record *record)
{
    return (unsigned)record_find_number(record, version_name, 0);
}

void
record_set_text(struct record *record, const char *name, const char *text)
{
    set(record, name, json_object_new_string(text));
}

void
record_set_number(struct record *record, const char *name, int64_t number)
{
    set(record, name, json_object_new_int64(number));
}

void
record_set_bool(struct record *record, const char *name, bool truth)
{
    set(record, name, json_object_new_boolean(truth));
}

void
record_remove(struct record *record, const char *name)
{
    assert(strcmp(name, version_name) != 0);
    json_object_object_del(record->object, name);
}

bool
record_has(const struct record *record, const char *name)
{
    return json_object_object_get_ex(record->object, name, NULL);
}

int
record_get_text(const struct record *record, const char *name,
                const char **text, struct error *err)
{
    struct json_object *value;

    if (must_find(record, name, json_type_string, &value, err) < 0) {
        return -1;
    }
    *text = json_object_get_string(value);
    return 0;
}

int
record_get_bool(const struct record *record, const char *name, bool *truth,
                struct error *err)
{
    struct json_object *value;

    if (must_find(record, name, json_type_boolean, &value, err) < 0) {
        return -1;
    }
    *truth = json_object_get_boolean(value);
    return 0;
}

int
record_get_number(const struct record *record, const char *name,
                  const int64_t bounds[2], int64_t *number, struct error *err)
{
    struct json_object *value;
    int64_t result;

    if (must_find(record, name, json_type_int, &value, err) < 0) {
        return -1;
    }
    result = json_object_get_int64(value);
    if (result < bounds[0] || result > bounds[1]) {
        return error_set(err, ERROR_INTERNAL,
                         "'%s' of the record is out of bounds: %lld", name,
                         (long long)result);
    }
    *number = result;
    return 0;
}

const char *
record_find_text(const struct record *record, const char *name,
                 const char *missing)
{
    struct json_object *value = find(record, name, json_type_string);

    return value ? json_object_get_string(value) : missing;
}

int64_t
record_find_number(const struct record *record, const char *name,
                   int64_t missing)
{
    struct json_object *value = find(record, name, json_type_int);

    return value ? json_object_get_int64(value) : missing;
}

bool
record_find_bool(const struct record *record, const char *name, bool missing)
{
    struct json_object *value = find(record, name, json_type_boolean);

    return value ? json_object_get_boolean(value) : missing;
}

char *
record_format(const struct record *record)
{
    const char *text = json_object_to_json_string_ext(
        record->object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                            JSON_C_TO_STRING_NOSLASHESCAPE);

    return xasprintf("%s\n", text);
}

struct record *
record_parse(const char *text, size_t length, struct error *err)
{
    AUTO(record) *record = xcalloc(1, sizeof *record);
    int64_t version;

    record->object = parse_object(text, length, err);
    if (!record->object) {
        return NULL;
    }
    json_object_object_foreach(record->object, name, value)
    {
        if (check_member(name, value, err) < 0) {
            return NULL;
        }
    }
    if (record_get_number(record, version_name, (int64_t[]){1, INT_MAX},
                          &version, err) < 0) {
        return NULL;
    }
    return STEAL(record);
}

static void
set(struct record *record, const char *name, struct json_object *value)
{
    assert(strcmp(name, version_name) != 0);
    if (!value) {
        abort(); /* No memory. */
    }
    json_object_object_add(record->object, name, value);
}

static struct json_object *
find(const struct record *record, const char *name, enum json_type type)
{
    struct json_object *value;

    return json_object_object_get_ex(record->object, name, &value) &&
                   json_object_is_type(value, type)
               ? value
               : NULL;
}

static int
must_find(const struct record *record, const char *name, enum json_type type,
          struct json_object **value, struct error *err)
{
    if (!record_has(record, name)) {
        return error_set(err, ERROR_INTERNAL, "the record has no '%s'", name);
    }
    *value = find(record, name, type);
    if (!*value) {
        return error_set(err, ERROR_INTERNAL, "'%s' of the record is no %s",
                         name, type_text(type));
    }
    return 0;
}

static const char *
type_text(enum json_type type)
{
    return type == json_type_string ? "text"
           : type == json_type_int  ? "number"
                                    : "truth value";
}

static struct json_object *
parse_object(const char *text, size_t length, struct error *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(2);
    struct json_object *object = NULL;
    enum json_tokener_error result = json_tokener_error_size;

    if (length < INT_MAX) {
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        object = json_tokener_parse_ex(tokener, text, (int)length);
        result = json_tokener_get_error(tokener);
    }
    if (result == json_tokener_success &&
        json_tokener_get_parse_end(tokener) < length) {
        /* The strict flag does not see what follows a NUL. */
        const char *rest = text + json_tokener_get_parse_end(tokener);
        size_t left = (size_t)(text + length - rest);

        if (strspn(rest, " \t\r\n") < left) {
            result = json_tokener_error_parse_unexpected;
        }
    }
    json_tokener_free(tokener);
    if (result != json_tokener_success) {
        json_object_put(object);
        error_set(err, ERROR_INTERNAL, "the record is damaged: %s",
                  json_tokener_error_desc(result));
        return NULL;
    }
    if (!json_object_is_type(object, json_type_object)) {
        json_object_put(object);
        error_set(err, ERROR_INTERNAL, "the record is no object");
        return NULL;
    }
    return object;
}

static int
check_member(const char *name, struct json_object *value, struct error *err)
{
    size_t length;

    switch (json_object_get_type(value)) {
    case json_type_boolean:
        return 0;
    case json_type_string:
        length = (size_t)json_object_get_string_len(value);
        if (strlen(json_object_get_string(value)) != length) {
            break;
        }
        return 0;
    case json_type_int:
        /* Kept as unsigned where it is too large for int64_t. */
        if (json_object_get_int64(value) == INT64_MAX &&
            json_object_get_uint64(value) > INT64_MAX) {
            break;
        }
        return 0;
    default:
        break;
    }
    return error_set(err, ERROR_INTERNAL,
                     "'%s' of the record is not of an allowed type", name);
}
