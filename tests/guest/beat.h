/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The beat guest: a machine without an operating system that proves, over its
 * serial port, that it has run without a break and that its memory and disk
 * are whole.  tests/guest/README.rst describes what it prints.
 *
 * It is a BIOS image of 64 KiB for one processor in long mode, sleeping in HLT
 * whenever there is nothing to do.  Everything that it prints follows from its
 * own memory, so two copies that run at once print the same numbers twice. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void
port_write8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline void
port_write16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline void
port_write32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t
port_read8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t
port_read16(uint16_t port)
{
    uint16_t value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t
port_read32(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void
halt_for_ever(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

/* What the guest was asked to do; README.rst has the names. */
struct config {
    uint64_t heartbeat_ms;
    /* Pages that are written in turn, and how many of them in a second. */
    uint64_t working_set;
    uint64_t rate;
    /* Rewrite the whole page instead of 16 bytes of it. */
    uint64_t whole_pages;
    /* MiB of RAM to fill with incompressible data at the start. */
    uint64_t fill_mib;
    /* Milliseconds between disk writes (0: none), and sectors to use. */
    uint64_t disk_ms;
    uint64_t disk_sectors;
    uint64_t timer_hz;
    /* Forget address translations after whatever may have waited for QEMU. */
    uint64_t flush_tlb;
};

extern struct config config;

/* QEMU before 9.0 without KVM does not see writes through a translation that
 * is older than its last look at what was written (README.rst).  It looks while
 * a processor waits to reach a device: so new ones, after each time. */
static inline void
forget_translations(void)
{
    uint64_t table;

    if (config.flush_tlb) {
        __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3"
                         : "=r"(table)::"memory");
    }
}

/* config.c: fw_cfg.  Selects the named file; its size, or -1. */
long fwcfg_open(const char *name);
uint8_t fwcfg_read8(void);
void config_read(void);

/* serial.c: a line is put together piece by piece and sent by line_end(). */
void serial_init(void);
bool serial_read(char *byte);
void line_text(const char *text);
void line_hex(uint64_t value, int digits);
void line_field(const char *name, uint64_t value, int digits);
void line_end(void);
void line_drop(void);

/* clock.c: interrupts and time since reset. */
void clock_init(void);
uint64_t clock_us(void);

/* memory.c */
uint64_t mix(uint64_t value);
void memory_init(void);
/* Writes the next page of the working set after checking what is there. */
void memory_write_next(void);
/* Looks at every page that has been written so far and says what is wrong. */
void memory_verify(void);
uint64_t memory_pages(void);
uint64_t memory_written(void);
uint64_t memory_errors(void);

/* disk.c */
void disk_init(void);
bool disk_present(void);
/* One numbered write, after checking what the sector held. */
void disk_step(uint64_t heartbeat);
uint64_t disk_errors(void);

/* pci.c: configuration space of bus 0. */
uint32_t pci_read(uint32_t device, uint32_t function, uint32_t offset);
void pci_write(uint32_t device, uint32_t function, uint32_t offset,
               uint32_t value);
void power_off(void);
void power_reset(void);
