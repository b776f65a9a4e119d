/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool parse_unsigned(const char *text, int base, uint64_t max,
                           uint64_t *value);

void
text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void
text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    if (text->length + length + 1 > text->capacity) {
        text->capacity = (text->length + length + 1) * 2;
        text->data = xrealloc(text->data, text->capacity, 1);
    }
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void
text_addf(struct text *text, const char *format, ...)
{
    AUTO_FREE char *added = NULL;
    va_list args;

    va_start(args, format);
    added = xvasprintf(format, args);
    va_end(args);
    text_add(text, added);
}

char *
text_take(struct text *text)
{
    char *result = text->data ? text->data : xstrdup("");

    *text = (struct text){0};
    return result;
}

void
text_done(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

bool
parse_u64(const char *text, uint64_t max, uint64_t *value)
{
    return parse_unsigned(text, 10, max, value);
}

bool
parse_i64(const char *text, int64_t min, int64_t max, int64_t *value)
{
    bool is_negative = *text == '-';
    uint64_t most = (uint64_t)INT64_MAX + is_negative;
    uint64_t size;
    int64_t result;

    if (!parse_unsigned(text + is_negative, 10, most, &size)) {
        return false;
    }
    result = (int64_t)(is_negative ? -size : size);
    if (result < min || result > max) {
        return false;
    }
    *value = result;
    return true;
}

bool
parse_hex(const char *text, uint64_t max, uint64_t *value)
{
    if (has_prefix(text, "0x") || has_prefix(text, "0X")) {
        return parse_unsigned(text + 2, 16, max, value);
    }
    return parse_unsigned(text, 10, max, value);
}

bool
has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);

    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool
is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool
is_utf8(const char *text, size_t length)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};

    for (size_t i = 0; i < length;) {
        uint8_t first = (uint8_t)text[i++];
        size_t more = first < 0x80             ? 0
                      : (first & 0xe0) == 0xc0 ? 1
                      : (first & 0xf0) == 0xe0 ? 2
                      : (first & 0xf8) == 0xf0 ? 3
                                               : SIZE_MAX;
        uint32_t point;

        if (more > length - i) {
            return false;
        }
        point = more ? first & (0x3fU >> more) : first;
        for (size_t k = 0; k < more; k++, i++) {
            if (((uint8_t)text[i] & 0xc0) != 0x80) {
                return false;
            }
            point = point << 6 | ((uint8_t)text[i] & 0x3f);
        }
        if (point < smallest[more] || point > 0x10ffff ||
            (point >= 0xd800 && point <= 0xdfff)) {
            return false;
        }
    }
    return true;
}

static bool
parse_unsigned(const char *text, int base, uint64_t max, uint64_t *value)
{
    unsigned long long result;
    char *end;

    /* strtoull() skips blanks, takes signs and, again, "0x"; a number has none
     * of them. */
    if (!(*text >= '0' && *text <= '9') &&
        !(base == 16 && strchr("abcdefABCDEF", *text) && *text)) {
        return false;
    }
    if (*text == '0' && (text[1] == 'x' || text[1] == 'X')) {
        return false;
    }
    errno = 0;
    result = strtoull(text, &end, base);
    if (errno != 0 || *end != '\0' || result > max) {
        return false;
    }
    *value = result;
    return true;
}

const char *
format_duration(int64_t ms, char text[DURATION_SIZE])
{
    int64_t s = ms / 1000;
    int64_t min = s / 60;
    int64_t h = min / 60;

    if (s < 60) {
        snprintf(text, DURATION_SIZE, "%" PRId64 " s", s);
    } else if (min < 60) {
        snprintf(text, DURATION_SIZE, "%" PRId64 " min", min);
    } else if (h < 24) {
        snprintf(text, DURATION_SIZE, "%" PRId64 " h %" PRId64 " min", h,
                 min % 60);
    } else {
        snprintf(text, DURATION_SIZE, "%" PRId64 " d %" PRId64 " h", h / 24,
                 h % 24);
    }
    return text;
}
