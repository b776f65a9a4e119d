/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* UUIDs as libvirt writes them: lower case, dashed. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { UUID_TEXT_SIZE = 37 };

struct uuid {
    uint8_t bytes[16];
};

/* Reads 32 hexadecimal digits, dashes allowed between pairs of them. */
bool uuid_parse(const char *text, struct uuid *uuid);
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE]);
/* A random one (version 4). */
void uuid_generate(struct uuid *uuid);
bool uuid_is_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_zero(const struct uuid *uuid);
