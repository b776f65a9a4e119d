/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "beat.h"

#define PIIX4_POWER 0x7113
#define PM_BASE     0x600
#define PM_CONTROL  (PM_BASE + 4)
#define SLEEP_NOW   0x2000

static uint32_t
pci_address(uint32_t device, uint32_t function, uint32_t offset)
{
    return 0x80000000u | device << 11 | function << 8 | (offset & 0xfc);
}

uint32_t
pci_read(uint32_t device, uint32_t function, uint32_t offset)
{
    port_write32(0xcf8, pci_address(device, function, offset));
    return port_read32(0xcfc);
}

void
pci_write(uint32_t device, uint32_t function, uint32_t offset, uint32_t value)
{
    port_write32(0xcf8, pci_address(device, function, offset));
    port_write32(0xcfc, value);
}

/* Nobody has placed the ACPI registers yet: do so, then ask for S5. */
void
power_off(void)
{
    if (pci_read(1, 3, 0) >> 16 == PIIX4_POWER) {
        pci_write(1, 3, 0x40, PM_BASE | 1);
        pci_write(1, 3, 0x80, pci_read(1, 3, 0x80) | 1);
        pci_write(1, 3, 4, pci_read(1, 3, 4) | 1);
    } else {
        pci_write(31, 0, 0x40, PM_BASE | 1);
        pci_write(31, 0, 0x44, pci_read(31, 0, 0x44) | 0x80);
    }
    port_write16(PM_CONTROL, SLEEP_NOW);
}

void
power_reset(void)
{
    port_write8(0xcf9, 2);
    port_write8(0xcf9, 6);
    port_write8(0x64, 0xfe);
}
