/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Numbered writes to the first virtio-blk device on bus 0 (the transitional
 * kind), or else to the first IDE disk. */
#include "beat.h"

#define VIRTIO_BLK    0x10011af4u
#define VIRTIO_PORT   0xc000
#define VIRTIO_QUEUE  8
#define VIRTIO_LENGTH 0x0c
#define VIRTIO_SELECT 0x0e
#define VIRTIO_NOTIFY 0x10
#define VIRTIO_STATUS 0x12
#define VIRTIO_ISR    0x13
#define VIRTIO_SIZE   0x14
#define CHAIN_NEXT    1
#define CHAIN_WRITE   2
#define IDE_DATA      0x1f0
#define IDE_STATUS    0x1f7
#define IDE_CONTROL   0x3f6
#define IDE_BUSY      0x80
#define IDE_WANTS     8
#define MAGIC         0x4b53494454414542UL /* "BEATDISK" */
#define REPORTS       20

enum disk_kind { DISK_NONE, DISK_VIRTIO, DISK_IDE };

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

static enum disk_kind kind;
static uint64_t sectors, writes, errors;
static uint64_t sector[64] __attribute__((aligned(512)));

static uint8_t ring[4 * 4096] __attribute__((aligned(4096)));
static uint16_t ring_length, ring_given, ring_taken;
static struct {
    uint32_t type;
    uint32_t priority;
    uint64_t sector;
} request __attribute__((aligned(16)));
static volatile uint8_t request_status;

static void
barrier(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

static uint64_t
virtio_transfer(bool write, uint64_t where)
{
    struct descriptor *chain = (void *)ring;
    volatile uint16_t *given = (void *)(ring + 16 * ring_length);
    size_t used_at = (16u * ring_length + 6 + 2u * ring_length + 4095) & ~4095u;
    volatile uint16_t *used = (void *)(ring + used_at);
    uint16_t data_flags = write ? CHAIN_NEXT : CHAIN_NEXT | CHAIN_WRITE;

    request.type = write ? 1 : 0;
    request.sector = where;
    request_status = 0xff;
    chain[0] = (struct descriptor){(uint64_t)&request, 16, CHAIN_NEXT, 1};
    chain[1] = (struct descriptor){(uint64_t)sector, 512, data_flags, 2};
    chain[2] =
        (struct descriptor){(uint64_t)&request_status, 1, CHAIN_WRITE, 0};
    given[2 + ring_given % ring_length] = 0;
    barrier();
    given[1] = ++ring_given;
    barrier();
    port_write16(VIRTIO_PORT + VIRTIO_NOTIFY, 0);
    while (used[1] == ring_taken) {
        __asm__ volatile("pause");
    }
    ring_taken = used[1];
    barrier();
    port_read8(VIRTIO_PORT + VIRTIO_ISR);
    return request_status;
}

/* Waits until the disk isn't busy; true where it reports an error or doesn't
 * want what we have for it. */
static bool
ide_failed(uint8_t wanted)
{
    uint8_t status;

    while ((status = port_read8(IDE_STATUS)) & IDE_BUSY) {
    }
    return (status & 1) || (wanted && !(status & wanted));
}

static uint64_t
ide_transfer(bool write, uint64_t where)
{
    uint16_t *word = (uint16_t *)sector;

    ide_failed(0);
    port_write8(IDE_CONTROL, 2);
    port_write8(IDE_DATA + 6, (uint8_t)(0xe0 | (where >> 24 & 15)));
    port_write8(IDE_DATA + 2, 1);
    port_write8(IDE_DATA + 3, (uint8_t)where);
    port_write8(IDE_DATA + 4, (uint8_t)(where >> 8));
    port_write8(IDE_DATA + 5, (uint8_t)(where >> 16));
    port_write8(IDE_STATUS, write ? 0x30 : 0x20);
    if (ide_failed(IDE_WANTS)) {
        return 1;
    }
    for (int i = 0; i < 256; i++) {
        if (write) {
            port_write16(IDE_DATA, word[i]);
        } else {
            word[i] = port_read16(IDE_DATA);
        }
    }
    return ide_failed(0);
}

static uint64_t
transfer(bool write, uint64_t where)
{
    return kind == DISK_VIRTIO ? virtio_transfer(write, where)
                               : ide_transfer(write, where);
}

static bool
virtio_init(uint32_t device)
{
    pci_write(device, 0, 0x10, VIRTIO_PORT | 1);
    pci_write(device, 0, 4, 7);
    port_write8(VIRTIO_PORT + VIRTIO_STATUS, 0);
    port_write8(VIRTIO_PORT + VIRTIO_STATUS, 1);
    port_write8(VIRTIO_PORT + VIRTIO_STATUS, 3);
    port_write32(VIRTIO_PORT + 4, 0); /* No features. */
    port_write16(VIRTIO_PORT + VIRTIO_SELECT, 0);
    ring_length = port_read16(VIRTIO_PORT + VIRTIO_LENGTH);
    if (ring_length == 0 || ring_length > 256) {
        return false;
    }
    port_write32(VIRTIO_PORT + VIRTIO_QUEUE, (uint32_t)((uint64_t)ring >> 12));
    port_write8(VIRTIO_PORT + VIRTIO_STATUS, 7);
    sectors = port_read32(VIRTIO_PORT + VIRTIO_SIZE) |
              (uint64_t)port_read32(VIRTIO_PORT + VIRTIO_SIZE + 4) << 32;
    return true;
}

static bool
ide_init(void)
{
    uint16_t *word = (uint16_t *)sector;
    uint8_t status = port_read8(IDE_STATUS);

    if (status == 0xff || status == 0) {
        return false;
    }
    port_write8(IDE_CONTROL, 2);
    port_write8(IDE_DATA + 6, 0xe0);
    port_write8(IDE_STATUS, 0xec); /* Identify. */
    if (ide_failed(IDE_WANTS)) {
        return false;
    }
    for (int i = 0; i < 256; i++) {
        word[i] = port_read16(IDE_DATA);
    }
    sectors = (uint64_t)word[61] << 16 | word[60];
    return true;
}

void
disk_init(void)
{
    for (uint32_t device = 0; device < 32; device++) {
        if (pci_read(device, 0, 0) == VIRTIO_BLK && virtio_init(device)) {
            kind = DISK_VIRTIO;
            return;
        }
    }
    if (ide_init()) {
        kind = DISK_IDE;
    }
}

bool
disk_present(void)
{
    return kind != DISK_NONE;
}

/* Does the sector hold the write of one turn ago? */
static void
check_before(uint64_t number, uint64_t where)
{
    uint64_t before = number - config.disk_sectors;

    if (transfer(false, where) == 0 && sector[0] == MAGIC &&
        sector[1] == before && sector[63] == mix(before)) {
        return;
    }
    errors++;
    if (errors <= REPORTS) {
        line_text("BADDISK");
        line_field("n", number, 8);
        line_field("got", sector[1], 16);
        line_end();
    }
}

/* Write n (from 1 on) goes to sector n modulo the number of sectors, and is
 * announced only after the device has completed it. */
void
disk_step(uint64_t heartbeat)
{
    uint64_t number = writes + 1, where = number % config.disk_sectors;
    uint64_t failed;

    if (where >= sectors) {
        return;
    }
    if (number > config.disk_sectors) {
        check_before(number, where);
    }
    for (int i = 0; i < 64; i++) {
        sector[i] = number;
    }
    sector[0] = MAGIC;
    sector[2] = heartbeat;
    sector[63] = mix(number);
    failed = transfer(true, where);
    if (failed) {
        errors++;
        line_text("DISKERR");
        line_field("n", number, 8);
        line_field("status", failed, 2);
        line_end();
        return;
    }
    writes = number;
    line_text("D ");
    line_hex(writes, 8);
    line_end();
}

uint64_t
disk_errors(void)
{
    return errors;
}
