/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "beat.h"

#define HPET          ((volatile uint32_t *)0xfed00000UL)
#define HPET_PERIOD   1
#define HPET_CONFIG   (0x10 / 4)
#define HPET_COUNTER  (0xf0 / 4)
#define FEMTO_PER_US  1000000000UL
#define APIC_SPURIOUS ((volatile uint32_t *)0xfee000f0UL)
#define APIC_LINT0    ((volatile uint32_t *)0xfee00350UL)
#define PIT_HZ        1193182

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

extern void timer_entry(void), spurious_entry(void), fault_entry(void);

static struct gate gates[64] __attribute__((aligned(16)));
static uint64_t ticks_per_us;

static uint64_t
hpet_ticks(void)
{
    uint32_t high, low;

    do {
        high = HPET[HPET_COUNTER + 1];
        low = HPET[HPET_COUNTER];
    } while (high != HPET[HPET_COUNTER + 1]);
    forget_translations();
    return (uint64_t)high << 32 | low;
}

uint64_t
clock_us(void)
{
    return hpet_ticks() / ticks_per_us;
}

static void
gate_set(int vector, void (*entry)(void))
{
    uint64_t address = (uint64_t)entry;

    gates[vector] = (struct gate){
        .offset_low = (uint16_t)address,
        .selector = 0x18,
        .type = 0x8e,
        .offset_middle = (uint16_t)(address >> 16),
        .offset_high = (uint32_t)(address >> 32),
    };
}

static void
interrupts_init(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) table = {sizeof(gates) - 1, (uint64_t)gates};

    for (int i = 0; i < 64; i++) {
        gate_set(i, i < 32 ? fault_entry : spurious_entry);
    }
    gate_set(32, timer_entry);
    __asm__ volatile("lidt %0" ::"m"(table));
    /* Both interrupt controllers: vectors from 32, only the timer let in. */
    port_write8(0x20, 0x11);
    port_write8(0xa0, 0x11);
    port_write8(0x21, 0x20);
    port_write8(0xa1, 0x28);
    port_write8(0x21, 4);
    port_write8(0xa1, 2);
    port_write8(0x21, 1);
    port_write8(0xa1, 1);
    port_write8(0x21, 0xfe);
    port_write8(0xa1, 0xff);
    /* Local APIC on; its first input passes the controllers' interrupts. */
    *APIC_SPURIOUS = 0x1ff;
    *APIC_LINT0 = 0x700;
}

void
clock_init(void)
{
    uint32_t period = HPET[HPET_PERIOD];
    uint32_t divisor = (uint32_t)(PIT_HZ / config.timer_hz);

    if (period < 100000 || period > 100000000) {
        line_text("NOHPET");
        line_end();
        halt_for_ever();
    }
    ticks_per_us = FEMTO_PER_US / period;
    HPET[HPET_CONFIG] = 1;
    interrupts_init();
    port_write8(0x43, 0x34);
    port_write8(0x40, (uint8_t)divisor);
    port_write8(0x40, (uint8_t)(divisor >> 8));
}
