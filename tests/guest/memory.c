/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "beat.h"

#define LOW_BASE      (16UL << 20)
#define PAGE_SHIFT    12
#define WORDS         512
#define REPORTS       20
#define E820_ENTRY    20
#define E820_RAM      1
#define PAGES_PER_MIB 256

/* RAM from 16 MiB up: what lies below the PCI hole, and what lies above 4 GiB,
 * seen as one array of pages. */
static uint64_t low_pages, high_pages, high_base;
static uint64_t filled;
static uint64_t written, errors;
/* The working set is written round and round: in this round, this page next. */
static uint64_t round = 1, position;

uint64_t
mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15UL;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9UL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebUL;
    return value ^ (value >> 31);
}

static uint64_t *
page_at(uint64_t page)
{
    if (page < low_pages) {
        return (uint64_t *)(LOW_BASE + (page << PAGE_SHIFT));
    }
    return (uint64_t *)(high_base + ((page - low_pages) << PAGE_SHIFT));
}

static uint64_t
noise_start(uint64_t page, uint64_t in_round)
{
    return mix(page * 1000003 + in_round) | 1;
}

static uint64_t
noise_next(uint64_t value)
{
    value ^= value << 13;
    value ^= value >> 7;
    return value ^ value << 17;
}

static void
page_fill(uint64_t page, uint64_t in_round)
{
    uint64_t *word = page_at(page);
    uint64_t noise = noise_start(page, in_round);

    for (int i = 0; i < WORDS; i++) {
        noise = noise_next(noise);
        word[i] = noise;
    }
}

static bool
page_is_filled(uint64_t page)
{
    const uint64_t *word = page_at(page);
    uint64_t noise = noise_start(page, 0);

    for (int i = 0; i < WORDS; i++) {
        noise = noise_next(noise);
        if (word[i] != noise) {
            return false;
        }
    }
    return true;
}

/* First and last word of a page of the working set in a given round. */
static uint64_t
stamp(uint64_t page, uint64_t in_round)
{
    return mix((page << 24) ^ in_round ^ 0x5a5aUL << 48);
}

static bool
page_has_stamp(uint64_t page, uint64_t in_round)
{
    const uint64_t *word = page_at(page);
    uint64_t expected = stamp(page, in_round);

    return word[0] == expected && word[WORDS - 1] == expected;
}

static void
page_stamp(uint64_t page, uint64_t in_round)
{
    uint64_t *word = page_at(page);

    word[0] = word[WORDS - 1] = stamp(page, in_round);
}

static void
report_damage(void)
{
    const uint64_t *word = page_at(position);

    errors++;
    if (errors > REPORTS) {
        return;
    }
    line_text("BADMEM");
    line_field("page", position, 8);
    line_field("round", round, 8);
    line_field("first", word[0], 16);
    line_field("last", word[WORDS - 1], 16);
    line_end();
}

void
memory_write_next(void)
{
    if (!page_has_stamp(position, round - 1)) {
        report_damage();
    }
    if (config.whole_pages) {
        page_fill(position, round);
    }
    page_stamp(position, round);
    written++;
    if (++position >= config.working_set) {
        position = 0;
        round++;
    }
}

void
memory_verify(void)
{
    uint64_t bad = 0, looked = 0;

    for (uint64_t i = config.working_set; i < filled; i++, looked++) {
        bad += !page_is_filled(i);
    }
    for (uint64_t i = 0; i < config.working_set; i++, looked++) {
        bad += !page_has_stamp(i, i < position ? round : round - 1);
    }
    line_text("V");
    line_field("pages", looked, 8);
    line_field("bad", bad, 8);
    line_field("memerr", errors, 8);
    line_end();
}

static uint64_t
read_little_endian(int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++) {
        value |= (uint64_t)fwcfg_read8() << (8 * i);
    }
    return value;
}

static void
find_ram(void)
{
    for (long left = fwcfg_open("etc/e820"); left >= E820_ENTRY;
         left -= E820_ENTRY) {
        uint64_t start = read_little_endian(8);
        uint64_t size = read_little_endian(8);
        uint64_t type = read_little_endian(4);

        if (type != E820_RAM) {
            continue;
        }
        if (start < LOW_BASE && start + size > LOW_BASE) {
            low_pages = (start + size - LOW_BASE) >> PAGE_SHIFT;
        }
        if (start >= 1UL << 32) {
            high_base = start;
            high_pages = size >> PAGE_SHIFT;
        }
    }
}

void
memory_init(void)
{
    find_ram();
    filled = config.fill_mib * PAGES_PER_MIB;
    if (filled > memory_pages()) {
        filled = memory_pages();
    }
    if (config.working_set > memory_pages()) {
        config.working_set = memory_pages();
    }
    for (uint64_t i = 0; i < filled; i++) {
        page_fill(i, 0);
    }
    for (uint64_t i = 0; i < config.working_set; i++) {
        page_stamp(i, 0);
    }
}

uint64_t
memory_pages(void)
{
    return low_pages + high_pages;
}

uint64_t
memory_written(void)
{
    return written;
}

uint64_t
memory_errors(void)
{
    return errors;
}
