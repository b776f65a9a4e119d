/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static struct parameter *add_item(struct parameters *list, const char *name,
                                  enum parameter_type type);
static void item_done(struct parameter *item);

void
parameters_add_int(struct parameters *list, const char *name, int32_t v)
{
    add_item(list, name, PARAMETER_INT)->value.i = v;
}

void
parameters_add_uint(struct parameters *list, const char *name, uint32_t v)
{
    add_item(list, name, PARAMETER_UINT)->value.ui = v;
}

void
parameters_add_llong(struct parameters *list, const char *name, int64_t v)
{
    add_item(list, name, PARAMETER_LLONG)->value.l = v;
}

void
parameters_add_ullong(struct parameters *list, const char *name, uint64_t v)
{
    add_item(list, name, PARAMETER_ULLONG)->value.ul = v;
}

void
parameters_add_double(struct parameters *list, const char *name, double v)
{
    add_item(list, name, PARAMETER_DOUBLE)->value.d = v;
}

void
parameters_add_boolean(struct parameters *list, const char *name, bool v)
{
    add_item(list, name, PARAMETER_BOOLEAN)->value.b = v;
}

void
parameters_add_string(struct parameters *list, const char *name, const char *v)
{
    /* 'v' may live in the list's own memory: copied before that moves. */
    char *copy = xstrdup(v);

    add_item(list, name, PARAMETER_STRING)->value.s = copy;
}

void
parameters_add(struct parameters *list, const struct parameter *item)
{
    struct parameter copy = *item;
    struct parameter *added;

    if (copy.type == PARAMETER_STRING) {
        copy.value.s = xstrdup(item->value.s);
    }
    added = add_item(list, copy.name, copy.type);
    added->value = copy.value;
}

void
parameters_copy(struct parameters *to, const struct parameters *from)
{
    struct parameters copy = {0};

    for (size_t i = 0; i < from->count; i++) {
        parameters_add(&copy, &from->items[i]);
    }
    parameters_done(to);
    *to = copy;
}

void
parameters_done(struct parameters *list)
{
    for (size_t i = 0; i < list->count; i++) {
        item_done(&list->items[i]);
    }
    free(list->items);
    *list = (struct parameters){0};
}

const struct parameter *
parameters_find(const struct parameters *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

const char *
parameters_find_string(const struct parameters *list, const char *name)
{
    const struct parameter *item = parameters_find(list, name);

    return item && item->type == PARAMETER_STRING ? item->value.s : NULL;
}

void
parameters_remove(struct parameters *list, const char *name)
{
    /* 'name' may be the one of an item that goes. */
    AUTO_FREE char *wanted = xstrdup(name);
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, wanted) == 0) {
            item_done(&list->items[i]);
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

const char *
parameter_type_name(enum parameter_type type)
{
    static const char *const names[] = {
        [PARAMETER_INT] = "int",       [PARAMETER_UINT] = "uint",
        [PARAMETER_LLONG] = "llong",   [PARAMETER_ULLONG] = "ullong",
        [PARAMETER_DOUBLE] = "double", [PARAMETER_BOOLEAN] = "boolean",
        [PARAMETER_STRING] = "string",
    };
    size_t index = (size_t)type;

    return index < ARRAY_COUNT(names) && names[index] ? names[index]
                                                      : "unknown";
}

static struct parameter *
add_item(struct parameters *list, const char *name, enum parameter_type type)
{
    char *copy = xstrdup(name);
    struct parameter *item;

    list->items = array_grow(list->items, &list->capacity, list->count,
                             sizeof *list->items);
    item = &list->items[list->count++];
    *item = (struct parameter){.name = copy, .type = type};
    return item;
}

static void
item_done(struct parameter *item)
{
    free(item->name);
    if (item->type == PARAMETER_STRING) {
        free(item->value.s);
    }
}
