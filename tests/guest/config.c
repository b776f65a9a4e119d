/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "beat.h"

#define FWCFG_SELECT    0x510
#define FWCFG_DATA      0x511
#define FWCFG_DIRECTORY 0x19

struct config config = {
    .heartbeat_ms = 10,
    .disk_sectors = 64,
    .timer_hz = 250,
};

static bool
same_text(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

uint8_t
fwcfg_read8(void)
{
    return port_read8(FWCFG_DATA);
}

static uint32_t
fwcfg_read32(void)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        value = value << 8 | fwcfg_read8();
    }
    return value;
}

long
fwcfg_open(const char *name)
{
    uint32_t found_size = 0, found_key = 0, count;

    port_write16(FWCFG_SELECT, FWCFG_DIRECTORY);
    count = fwcfg_read32();
    while (count--) {
        uint32_t size = fwcfg_read32();
        uint32_t key = fwcfg_read32() >> 16;
        char entry[57] = {0};

        for (int i = 0; i < 56; i++) {
            entry[i] = (char)fwcfg_read8();
        }
        if (!found_key && same_text(entry, name)) {
            found_key = key;
            found_size = size;
        }
    }
    if (!found_key) {
        return -1;
    }
    port_write16(FWCFG_SELECT, (uint16_t)found_key);
    return (long)found_size;
}

static void
config_set(const char *name, uint64_t value)
{
    static const struct {
        const char *name;
        uint64_t *value;
    } keys[] = {
        {"hb",   &config.heartbeat_ms},
        {"ws",   &config.working_set },
        {"rate", &config.rate        },
        {"wr",   &config.whole_pages },
        {"fill", &config.fill_mib    },
        {"disk", &config.disk_ms     },
        {"nsec", &config.disk_sectors},
        {"hz",   &config.timer_hz    },
        {"tlb",  &config.flush_tlb   },
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (same_text(keys[i].name, name)) {
            *keys[i].value = value;
        }
    }
}

/* "name=number name=number"; what isn't known is ignored. */
static void
config_parse(const char *text)
{
    while (*text) {
        char name[16];
        size_t length = 0;
        uint64_t value = 0;

        while (*text && *text != '=' && *text != ' ') {
            if (length < sizeof(name) - 1) {
                name[length++] = *text;
            }
            text++;
        }
        name[length] = 0;
        if (*text == '=') {
            text++;
            while (*text >= '0' && *text <= '9') {
                value = value * 10 + (uint64_t)(*text++ - '0');
            }
            config_set(name, value);
        }
        while (*text && *text != ' ') {
            text++;
        }
        while (*text == ' ') {
            text++;
        }
    }
}

void
config_read(void)
{
    static char text[512];
    long size = fwcfg_open("opt/vmferry/guest");

    for (long i = 0; i < size && i < (long)sizeof(text) - 1; i++) {
        text[i] = (char)fwcfg_read8();
    }
    config_parse(text);
    if (!config.heartbeat_ms) {
        config.heartbeat_ms = 1;
    }
    if (!config.timer_hz) {
        config.timer_hz = 250;
    }
    if (!config.disk_sectors) {
        config.disk_sectors = 1;
    }
}
