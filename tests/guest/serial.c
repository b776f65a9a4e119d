/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "beat.h"

#define COM1 0x3f8

static char line[200];
static size_t line_length;

void
serial_init(void)
{
    port_write8(COM1 + 1, 0);    /* No interrupts. */
    port_write8(COM1 + 3, 0x80); /* Divisor 1: 115200 baud, 8N1. */
    port_write8(COM1, 1);
    port_write8(COM1 + 1, 0);
    port_write8(COM1 + 3, 3);
    port_write8(COM1 + 2, 1); /* FIFO on. */
    port_write8(COM1 + 4, 3);
}

static void
serial_write(char byte)
{
    while (!(port_read8(COM1 + 5) & 0x20)) {
    }
    port_write8(COM1, (uint8_t)byte);
    forget_translations();
}

bool
serial_read(char *byte)
{
    bool is_there = port_read8(COM1 + 5) & 1;

    forget_translations();
    if (!is_there) {
        return false;
    }
    *byte = (char)port_read8(COM1);
    forget_translations();
    return true;
}

void
line_text(const char *text)
{
    while (*text) {
        line[line_length++] = *text++;
    }
}

void
line_hex(uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        line[line_length++] = "0123456789abcdef"[(value >> (4 * i)) & 15];
    }
}

void
line_field(const char *name, uint64_t value, int digits)
{
    line_text(" ");
    line_text(name);
    line_text("=");
    line_hex(value, digits);
}

/* The two digits at the end of each line are the sum of the bytes before the
 * blank, so a line that lost or gained a byte on its way is found. */
void
line_end(void)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < line_length; i++) {
        sum = (uint8_t)(sum + (uint8_t)line[i]);
    }
    line_text(" ");
    line_hex(sum, 2);
    line_text("\n");
    for (size_t i = 0; i < line_length; i++) {
        serial_write(line[i]);
    }
    line_length = 0;
}

void
line_drop(void)
{
    line_length = 0;
}
