/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "guest/grammar.h"

enum { TEXT_LENGTH_MAX = 4096 };

static bool store(const struct grammar_field *field, void *object,
                  const char *value);
static bool store_word(const struct guest_words *words, char *member,
                       const char *value);
static bool store_number(const struct grammar_field *field, char *member,
                         const char *value);
static bool store_text(const struct grammar_field *field, void *object,
                       const char *value);

static const char *const on_off_list[] = {NULL, "on", "off"};
static const char *const yes_no_list[] = {NULL, "yes", "no"};
static const struct guest_words on_off_words = {on_off_list, 3};
static const struct guest_words yes_no_words = {yes_no_list, 3};

int
grammar_read_value(struct grammar_reader *reader, const xmlNode *node,
                   const struct grammar_field *field, void *object,
                   const char *value)
{
    const char *name = field->place == PLACE_ATTRIBUTE ? field->name
                       : field->place == PLACE_CHILD_ATTRIBUTE
                           ? field->attribute
                           : NULL;
    AUTO_FREE char *trimmed = NULL;

    if (field->kind != KIND_TEXT) {
        value = trimmed = grammar_trim(value);
    }
    if (!store(field, object, value)) {
        return grammar_refuse_value(reader, node, name, value);
    }
    return 0;
}

char *
grammar_trim(const char *value)
{
    static const char blanks[] = " \t\r\n";
    size_t length;

    value += strspn(value, blanks);
    length = strlen(value);
    while (length > 0 && strchr(blanks, value[length - 1])) {
        length--;
    }
    return xstrndup(value, length);
}

int
grammar_excerpt(const char *text, int max)
{
    int length = 0;

    while (length < max && text[length] != '\0' && text[length] != '\n') {
        length++;
    }
    /* Not between the bytes of a character. */
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) {
        length--;
    }
    return length;
}

static bool
store(const struct grammar_field *field, void *object, const char *value)
{
    char *member = (char *)object + field->offset;
    bool is_yes = strcmp(value, "yes") == 0;
    int64_t number;

    if (field->hook) {
        return field->hook->parse(object, value);
    }
    switch (field->kind) {
    case KIND_TEXT:
        return store_text(field, object, value);
    case KIND_WORD:
        return store_word(field->words, member, value);
    case KIND_ON_OFF:
        return store_word(&on_off_words, member, value);
    case KIND_YES_NO:
        return store_word(&yes_no_words, member, value);
    case KIND_YES:
        memcpy(member, &is_yes, sizeof(is_yes));
        return is_yes || strcmp(value, "no") == 0;
    case KIND_SIGNED:
        if (!parse_i64(value, INT64_MIN + 1, INT64_MAX, &number)) {
            return false;
        }
        memcpy(member, &number, sizeof(number));
        return true;
    case KIND_FIXED:
        return strcmp(value, field->fixed) == 0;
    case KIND_UNSIGNED:
    case KIND_HEX:
    case KIND_NUMBER:
    case KIND_HEX_NUMBER:
        return store_number(field, member, value);
    case KIND_HOOK:
        break;
    }
    return false;
}

static bool
store_word(const struct guest_words *words, char *member, const char *value)
{
    unsigned word = guest_words_find(words, value);

    if (word == 0) {
        return false;
    }
    memcpy(member, &word, sizeof(word));
    return true;
}

static bool
store_number(const struct grammar_field *field, char *member, const char *value)
{
    bool is_hex = field->kind == KIND_HEX || field->kind == KIND_HEX_NUMBER;
    bool is_plain = field->kind == KIND_UNSIGNED || field->kind == KIND_HEX;
    uint64_t max = field->max ? field->max : is_plain ? UINT32_MAX : INT64_MAX;
    uint64_t number;

    /* "010" would be eight for libvirt: too easily taken for another. */
    if (is_hex && value[0] == '0' && isdigit((unsigned char)value[1])) {
        return false;
    }
    if (!(is_hex ? parse_hex(value, max, &number)
                 : parse_u64(value, max, &number)) ||
        number < field->min) {
        return false;
    }
    if (is_plain) {
        unsigned plain = (unsigned)number;

        memcpy(member, &plain, sizeof(plain));
    } else {
        struct guest_number set = {true, number};

        memcpy(member, &set, sizeof(set));
    }
    return true;
}

static bool
store_text(const struct grammar_field *field, void *object, const char *value)
{
    uint64_t max = field->max ? field->max : TEXT_LENGTH_MAX;
    size_t length = strlen(value);
    char *copy;

    if (length < field->min || length > max) {
        return false;
    }
    grammar_clear_field(field, object);
    copy = xstrdup(value);
    memcpy((char *)object + field->offset, &copy, sizeof(copy));
    return true;
}
