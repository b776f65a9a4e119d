/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_builder.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"

static void
push(struct argv_builder *argv, char *item)
{
    argv->items = array_grow(argv->items, &argv->capacity, argv->count,
                             sizeof(*argv->items));
    argv->items[argv->count++] = item;
}

void
argv_add(struct argv_builder *argv, const char *option, const char *value)
{
    push(argv, xstrdup(option));
    push(argv, xstrdup(value));
}

void
argv_addf(struct argv_builder *argv, const char *option, const char *format,
          ...)
{
    va_list args;

    push(argv, xstrdup(option));
    va_start(args, format);
    push(argv, xvasprintf(format, args));
    va_end(args);
}

void
argv_add_flag(struct argv_builder *argv, const char *option)
{
    push(argv, xstrdup(option));
}

void
argv_add_text(struct argv_builder *argv, const char *option, struct text *text)
{
    push(argv, xstrdup(option));
    push(argv, text_take(text));
}

void
argv_add_json(struct argv_builder *argv, const char *option,
              struct json_object *object)
{
    push(argv, xstrdup(option));
    push(argv,
         xstrdup(json_object_to_json_string_ext(
             object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
    json_object_put(object);
}

char **
argv_take(struct argv_builder *argv)
{
    char **items;

    push(argv, NULL);
    items = argv->items;
    *argv = (struct argv_builder){0};
    return items;
}

void
argv_done(struct argv_builder *argv)
{
    for (size_t i = 0; i < argv->count; i++) {
        free(argv->items[i]);
    }
    free(argv->items);
    *argv = (struct argv_builder){0};
}

void
argv_text_pair(struct text *text, const char *key, const char *value)
{
    if (value == NULL) {
        return;
    }
    text_addf(text, "%s%s=", text->length > 0 ? "," : "", key);
    for (; *value != '\0'; value++) {
        if (*value == ',') {
            text_add(text, ",");
        }
        text_add_bytes(text, value, 1);
    }
}

struct json_object *
argv_json(const char *first_key, const char *value)
{
    struct json_object *object = json_object_new_object();

    if (object == NULL) {
        abort(); /* Out of memory. */
    }
    argv_json_text(object, first_key, value);
    return object;
}

void
argv_json_text(struct json_object *object, const char *key, const char *value)
{
    if (value != NULL) {
        json_object_object_add(object, key, json_object_new_string(value));
    }
}

void
argv_json_textf(struct json_object *object, const char *key, const char *format,
                ...)
{
    AUTO_FREE char *value = NULL;
    va_list args;

    va_start(args, format);
    value = xvasprintf(format, args);
    va_end(args);
    argv_json_text(object, key, value);
}

void
argv_json_number(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

void
argv_json_bool(struct json_object *object, const char *key, bool value)
{
    json_object_object_add(object, key, json_object_new_boolean(value));
}
