/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "beat.h"

/* Pages written before the serial port is looked at again. */
#define BURST 4096

void beat_main(void);
void beat_fault(const uint64_t *stack);

static uint64_t rate_since_us, rate_since_pages;
static uint64_t heartbeat, heartbeat_due, disk_due;

void
beat_fault(const uint64_t *stack)
{
    line_drop();
    line_text("PANIC");
    line_field("a", stack[0], 16);
    line_field("b", stack[1], 16);
    line_end();
    halt_for_ever();
}

static void
print_config(void)
{
    line_text("C");
    line_field("hb", config.heartbeat_ms, 4);
    line_field("ws", config.working_set, 8);
    line_field("rate", config.rate, 8);
    line_field("fill", config.fill_mib, 4);
    line_field("disk", config.disk_ms, 4);
    line_field("nsec", config.disk_sectors, 4);
    line_field("present", disk_present(), 1);
    line_field("pages", memory_pages(), 8);
    line_field("memerr", memory_errors(), 4);
    line_field("dkerr", disk_errors(), 4);
    line_end();
}

static void
rate_restart(void)
{
    rate_since_us = clock_us();
    rate_since_pages = memory_written();
}

static void
run_command(const char *command)
{
    uint64_t value = 0;

    for (const char *digit = command + 1; *digit >= '0' && *digit <= '9';
         digit++) {
        value = value * 10 + (uint64_t)(*digit - '0');
    }
    switch (*command) {
    case 'r':
        config.rate = value;
        rate_restart();
        break;
    case 'h':
        config.heartbeat_ms = value ? value : 1;
        break;
    case 'd':
        config.disk_ms = value;
        break;
    case 'v':
        memory_verify();
        return;
    case 'p':
        line_text("POWEROFF");
        line_end();
        power_off();
        return;
    case 'z':
        line_text("RESET");
        line_end();
        power_reset();
        return;
    }
    print_config();
}

static void
read_commands(void)
{
    static char command[32];
    static size_t length;
    char byte;

    while (serial_read(&byte)) {
        if (byte != '\n' && byte != '\r') {
            if (length < sizeof(command) - 1) {
                command[length++] = byte;
            }
            continue;
        }
        command[length] = 0;
        if (length) {
            run_command(command);
        }
        length = 0;
    }
}

static void
beat_if_due(uint64_t now_us)
{
    if (now_us < heartbeat_due) {
        return;
    }
    line_text("H ");
    line_hex(heartbeat++, 8);
    line_text(" ");
    line_hex(now_us, 10);
    line_text(" ");
    line_hex(memory_written(), 10);
    line_text(" ");
    line_hex(memory_errors() + disk_errors(), 4);
    line_end();
    heartbeat_due += config.heartbeat_ms * 1000;
    if (heartbeat_due <= now_us) {
        heartbeat_due = now_us + config.heartbeat_ms * 1000;
    }
}

/* Writes as many pages as are due; true where more are left for at once. */
static bool
write_pages(uint64_t now_us)
{
    uint64_t due, limit = BURST;

    if (!config.rate || !config.working_set) {
        return false;
    }
    due = rate_since_pages + (now_us - rate_since_us) * config.rate / 1000000;
    while (memory_written() < due && limit--) {
        memory_write_next();
    }
    if (memory_written() >= due) {
        return false;
    }
    if (due - memory_written() > config.rate) {
        rate_restart(); /* More than a second behind: forget the debt. */
    }
    return true;
}

void
beat_main(void)
{
    serial_init();
    config_read();
    clock_init();
    line_text("T beat 1");
    line_end();
    memory_init();
    if (config.disk_ms) {
        disk_init();
    }
    print_config();
    heartbeat_due = disk_due = clock_us();
    rate_restart();
    __asm__ volatile("sti");
    for (;;) {
        uint64_t now_us = clock_us();

        beat_if_due(now_us);
        if (config.disk_ms && disk_present() && now_us >= disk_due) {
            disk_step(heartbeat);
            disk_due = now_us + config.disk_ms * 1000;
        }
        read_commands();
        if (!write_pages(now_us)) {
            __asm__ volatile("hlt");
            forget_translations();
        }
    }
}
