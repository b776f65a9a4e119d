/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/uuid.h"

#include <assert.h>
#include <stddef.h>
#include <sys/types.h>
#include <string.h>
#include <sys/random.h>

static int
hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

bool
uuid_parse(const char *text, struct uuid *uuid)
{
    struct uuid result;

    for (size_t i = 0; i < sizeof result.bytes; i++) {
        int high, low;

        while (i > 0 && *text == '-') {
            text++;
        }
        high = hex_value(text[0]);
        low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0) {
            return false;
        }
        result.bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    if (*text != '\0') {
        return false;
    }
    *uuid = result;
    return true;
}

void
uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *text++ = '-';
        }
        *text++ = digits[uuid->bytes[i] >> 4];
        *text++ = digits[uuid->bytes[i] & 15];
    }
    *text = '\0';
}

void
uuid_generate(struct uuid *uuid)
{
    /* 16 bytes are never cut short (getrandom(2)). */
    ssize_t got = getrandom(uuid->bytes, sizeof uuid->bytes, 0);

    assert(got == (ssize_t)sizeof uuid->bytes);
    uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | 0x40);
    uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);
}

bool
uuid_is_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool
uuid_is_zero(const struct uuid *uuid)
{
    static const struct uuid zero;

    return uuid_is_equal(uuid, &zero);
}
