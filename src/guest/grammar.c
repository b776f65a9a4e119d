/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/grammar.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Every GUEST_LIST looks like this. */
struct any_list {
    void *items;
    size_t count;
};

static void set_initial(const struct grammar_field *fields, size_t count,
                        void *object);
static void free_fields(const struct grammar_field *fields, size_t count,
                        void *object);
static void forget_pointers(const struct grammar_field *fields, size_t count,
                            void *object);
static void copy_fields(const struct grammar_field *fields, size_t count,
                        const void *object, void *copy);
static bool is_text(const struct grammar_field *field);
static void free_list(const struct grammar_field *field, void *object);
static void copy_list(const struct grammar_field *field, const void *object,
                      void *copy);

void *
grammar_new(const struct grammar *grammar)
{
    void *object = xcalloc(1, grammar->size);

    set_initial(grammar->fields, grammar->field_count, object);
    return object;
}

void *
grammar_copy(const struct grammar *grammar, const void *object)
{
    void *copy;

    if (!object) {
        return NULL;
    }
    copy = xmemdup(object, grammar->size);
    forget_pointers(grammar->fields, grammar->field_count, copy);
    copy_fields(grammar->fields, grammar->field_count, object, copy);
    return copy;
}

void
grammar_free(const struct grammar *grammar, void *object)
{
    if (object) {
        free_fields(grammar->fields, grammar->field_count, object);
        free(object);
    }
}

bool
grammar_is_field_of(const struct grammar_field *field, const void *object)
{
    return !field->when_mask ||
           (field->when_mask >> grammar_get_word(object, field->when_offset) &
            1) != 0;
}

void
grammar_clear_field(const struct grammar_field *field, void *object)
{
    char *member = (char *)object + field->offset;

    if (field->place == PLACE_STRUCT) {
        grammar_free(field->grammar,
                     grammar_get_pointer(object, field->offset));
        grammar_set_pointer(object, field->offset, NULL);
        return;
    }
    switch (field->kind) {
    case KIND_TEXT:
        free(grammar_get_pointer(object, field->offset));
        grammar_set_pointer(object, field->offset, NULL);
        break;
    case KIND_WORD:
    case KIND_ON_OFF:
    case KIND_YES_NO:
    case KIND_UNSIGNED:
    case KIND_HEX:
        memset(member, 0, sizeof(unsigned));
        break;
    case KIND_YES:
        memset(member, 0, sizeof(bool));
        break;
    case KIND_NUMBER:
    case KIND_HEX_NUMBER:
        memset(member, 0, sizeof(struct guest_number));
        break;
    case KIND_SIGNED:
        memset(member, 0, sizeof(int64_t));
        break;
    case KIND_FIXED:
    case KIND_HOOK:
        break;
    }
}

size_t
grammar_list_count(const void *list)
{
    struct any_list any;

    memcpy(&any, list, sizeof(any));
    return any.count;
}

void *
grammar_list_item(const void *list, size_t index)
{
    struct any_list any;

    memcpy(&any, list, sizeof(any));
    assert(index < any.count);
    return grammar_get_pointer(any.items, index * sizeof(void *));
}

static void
set_initial(const struct grammar_field *fields, size_t count, void *object)
{
    for (size_t i = 0; i < count; i++) {
        const struct grammar_field *field = &fields[i];

        if (field->place == PLACE_GROUP) {
            set_initial(field->fields, field->field_count, object);
        } else if (field->initial) {
            memcpy((char *)object + field->offset, &field->initial,
                   sizeof(field->initial));
        }
    }
}

static void
free_fields(const struct grammar_field *fields, size_t count, void *object)
{
    for (size_t i = 0; i < count; i++) {
        const struct grammar_field *field = &fields[i];

        if (field->place == PLACE_GROUP) {
            free_fields(field->fields, field->field_count, object);
        } else if (field->place == PLACE_LIST || field->place == PLACE_KEPT) {
            free_list(field, object);
        } else if (field->place == PLACE_STRUCT) {
            grammar_clear_field(field, object);
        } else if (is_text(field)) {
            /* Two forms may share a member: it is freed once. */
            free(grammar_get_pointer(object, field->offset));
            grammar_set_pointer(object, field->offset, NULL);
        }
    }
}

/* Of a copy made by memcpy(). */
static void
forget_pointers(const struct grammar_field *fields, size_t count, void *object)
{
    for (size_t i = 0; i < count; i++) {
        const struct grammar_field *field = &fields[i];

        if (field->place == PLACE_GROUP) {
            forget_pointers(field->fields, field->field_count, object);
        } else if (field->place == PLACE_LIST || field->place == PLACE_KEPT) {
            memset((char *)object + field->offset, 0, sizeof(struct any_list));
        } else if (field->place == PLACE_STRUCT || is_text(field)) {
            grammar_set_pointer(object, field->offset, NULL);
        }
    }
}

static void
copy_fields(const struct grammar_field *fields, size_t count,
            const void *object, void *copy)
{
    for (size_t i = 0; i < count; i++) {
        const struct grammar_field *field = &fields[i];

        if (field->place == PLACE_GROUP) {
            copy_fields(field->fields, field->field_count, object, copy);
        } else if (field->place == PLACE_LIST || field->place == PLACE_KEPT) {
            copy_list(field, object, copy);
        } else if (field->place == PLACE_STRUCT) {
            grammar_set_pointer(
                copy, field->offset,
                grammar_copy(field->grammar,
                             grammar_get_pointer(object, field->offset)));
        } else if (is_text(field) &&
                   !grammar_get_pointer(copy, field->offset)) {
            grammar_set_pointer(
                copy, field->offset,
                xstrdup_null(grammar_get_pointer(object, field->offset)));
        }
    }
}

static bool
is_text(const struct grammar_field *field)
{
    return field->place == PLACE_VERBATIM ||
           (field->kind == KIND_TEXT && field->place <= PLACE_CHILD_CONTENT);
}

static void
free_list(const struct grammar_field *field, void *object)
{
    char *list = (char *)object + field->offset;

    for (size_t i = 0; i < grammar_list_count(list); i++) {
        void *item = grammar_list_item(list, i);

        if (field->place == PLACE_KEPT) {
            free(item);
        } else {
            grammar_free(field->grammar, item);
        }
    }
    free(grammar_get_pointer(list, 0));
    memset(list, 0, sizeof(struct any_list));
}

static void
copy_list(const struct grammar_field *field, const void *object, void *copy)
{
    const char *from = (const char *)object + field->offset;
    char *to = (char *)copy + field->offset;

    /* Several fields (one for each tag) may share a list. */
    for (size_t i = grammar_list_count(to); i < grammar_list_count(from); i++) {
        const void *item = grammar_list_item(from, i);

        guest_list_add(to, field->place == PLACE_KEPT
                               ? xstrdup(item)
                               : grammar_copy(field->grammar, item));
    }
}
