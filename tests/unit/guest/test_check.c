/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"

static void
assert_name_fails(const char *name, const char *message)
{
    AUTO_FREE char *xml =
        xasprintf("<domain type='qemu'><name>%s</name><memory>1</memory>"
                  "<os><type>hvm</type></os></domain>",
                  name);
    AUTO(guest) *guest = guest_of(xml, 0);
    AUTO_ERROR err = {0};

    assert_int_equal(guest_check(guest, &err), -1);
    assert_int_equal(err.code, ERROR_XML);
    assert_non_null(strstr(err.message, message));
}

static void
a_name_can_be_part_of_a_file_name(void **state)
{
    (void)state;
    assert_name_fails("a/b", "name a/b cannot contain '/'");
    assert_name_fails("..", "name cannot be '..'");
    assert_name_fails("a\nb", "control characters");
    assert_name_fails("  ", "at least one non-whitespace");
}

static void
firmware_makes_sense(void **state)
{
    (void)state;
    assert_check_fails(
        "<sysinfo type='fwcfg'><entry name='etc/x'>1</entry></sysinfo>", "",
        ERROR_XML, "Invalid firmware name 'etc/x'");
    assert_check_fails(
        "<sysinfo type='fwcfg'><entry name='opt/ovmf/x'>1</entry></sysinfo>",
        "", ERROR_CONFIG_UNSUPPORTED, "reserved");
    assert_check_fails("<sysinfo type='fwcfg'><entry name='opt/x'/></sysinfo>",
                       "", ERROR_XML, "either value or 'file'");
    assert_check_fails("<sysinfo type='fwcfg'><entry>1</entry></sysinfo>", "",
                       ERROR_XML, "missing 'name'");
    assert_check_fails("<sysinfo type='fwcfg'><entry name='opt/x'>1</entry>"
                       "<entry name='opt/x'>2</entry></sysinfo>",
                       "", ERROR_XML, "'opt/x' twice");
    assert_check_fails(
        "<sysinfo type='smbios'><bios><entry>a</entry></bios></sysinfo>", "",
        ERROR_XML, "wrong entry in sysinfo section 'bios'");
}

static void
cpus_and_timers_make_sense(void **state)
{
    (void)state;
    assert_check_fails("<vcpu current='3'>2</vcpu>", "", ERROR_XML, "(2 < 3)");
    assert_check_fails(
        "<vcpu>2</vcpu><cpu><topology sockets='1' cores='1' threads='1'/>"
        "</cpu>",
        "", ERROR_CONFIG_UNSUPPORTED, "topology");
    assert_check_fails("<cpu mode='host-passthrough'/>", "",
                       ERROR_CONFIG_UNSUPPORTED, "needs KVM");
    assert_check_fails("<cpu migratable='on'><model>a</model></cpu>", "",
                       ERROR_XML, "migratable is only allowed");
    assert_check_fails("<clock><timer name='rtc'/><timer name='rtc'/></clock>",
                       "", ERROR_XML, "timer 'rtc' twice");
}

#define DISK(attributes, body)                                                 \
    "<disk " attributes "><source file='/a'/>" body "</disk>"

static void
disks_make_sense(void **state)
{
    (void)state;
    assert_check_fails(
        "", DISK("", "<target dev='vda'/>") DISK("", "<target dev='vda'/>"),
        ERROR_XML, "target 'vda' duplicated");
    assert_check_fails("", "<disk><target dev='vda'/></disk>", ERROR_XML,
                       "missing source information for device vda");
    assert_check_fails("", "<disk><source file='a'/><target dev='vda'/></disk>",
                       ERROR_XML, "not an absolute path");
    assert_check_fails("", DISK("device='floppy'", "<target dev='vda'/>"),
                       ERROR_CONFIG_UNSUPPORTED,
                       "Invalid bus type 'virtio' for floppy");
    assert_check_fails("", DISK("", "<target dev='fda'/>"),
                       ERROR_CONFIG_UNSUPPORTED,
                       "Invalid bus type 'fdc' for disk");
    assert_check_fails("", DISK("device='cdrom'", "<target dev='vda'/>"),
                       ERROR_CONFIG_UNSUPPORTED, "ejectable");
    assert_check_fails("", DISK("", "<target dev='hda'/><readonly/>"),
                       ERROR_CONFIG_UNSUPPORTED, "readonly ide disks");
    assert_check_fails("", DISK("", "<driver io='native'/><target dev='vda'/>"),
                       ERROR_CONFIG_UNSUPPORTED, "native I/O needs");
    assert_check_fails(
        "", DISK("", "<driver iothread='1'/><target dev='vda'/>"),
        ERROR_CONFIG_UNSUPPORTED, "Disk iothread '1' not defined");
    assert_check_fails("", DISK("", "<driver queues='2'/><target dev='sda'/>"),
                       ERROR_CONFIG_UNSUPPORTED, "virtio-blk");
    assert_check_fails(
        "", DISK("", "<driver type='qcow2'/><target dev='vda'/><shareable/>"),
        ERROR_CONFIG_UNSUPPORTED, "shared access");
    assert_check_fails(
        "", DISK("", "<target dev='vda'/><address type='drive'/>"),
        ERROR_CONFIG_UNSUPPORTED, "address type 'drive' for virtio disk");
    assert_check_fails("",
                       DISK("", "<target dev='vda'/><boot order='1'/>")
                           DISK("", "<target dev='vdb'/><boot order='1'/>"),
                       ERROR_XML, "boot order '1' used");
}

static void
boot_orders_and_boot_devices_exclude_each_other(void **state)
{
    AUTO(guest) *guest = guest_of(
        "<domain type='qemu'><name>a</name><memory>1</memory>"
        "<os><type>hvm</type><boot dev='hd'/></os><devices>"
        "<interface type='user'><boot order='1'/></interface></devices>"
        "</domain>",
        0);
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(guest_check(guest, &err), -1);
    assert_non_null(strstr(err.message, "per-device boot elements"));
}

static void
controllers_make_sense(void **state)
{
    AUTO_FREE char *usb2 =
        domain_with("", "<controller type='usb' index='0' model='ich9-ehci1'/>"
                        "<controller type='usb' index='0' model='ich9-uhci1'>"
                        "<master startport='0'/></controller>");
    AUTO(guest) *guest = guest_of(usb2, 0);
    AUTO_ERROR err = {0};

    (void)state;
    assert_check_fails("", "<controller type='usb' model='virtio-scsi'/>",
                       ERROR_CONFIG_UNSUPPORTED,
                       "model 'virtio-scsi' of a 'usb'");
    assert_check_fails("", "<controller type='pci' index='1'/>",
                       ERROR_CONFIG_UNSUPPORTED, "model '' of a 'pci'");
    assert_check_fails("",
                       "<controller type='pci' index='1' model='pci-root'/>",
                       ERROR_XML, "index 0");
    assert_check_fails("",
                       "<controller type='pci' index='0' model='pci-bridge'/>",
                       ERROR_XML, "index 0");
    assert_check_fails("",
                       "<controller type='usb' index='0' model='qemu-xhci'/>"
                       "<controller type='usb' index='0' model='piix3-uhci'/>",
                       ERROR_XML, "Multiple 'usb' controllers with index '0'");
    assert_int_equal(guest_check(guest, &err), 0);
}

static void
other_devices_make_sense(void **state)
{
    (void)state;
    assert_check_fails(
        "", "<interface type='bridge'><source bridge='a/b'/></interface>",
        ERROR_XML, "'a/b' is not the name of a network device");
    assert_check_fails(
        "", "<interface type='user'><address type='usb'/></interface>",
        ERROR_CONFIG_UNSUPPORTED, "address type 'usb'");
    assert_check_fails("", "<console/><console/>", ERROR_CONFIG_UNSUPPORTED,
                       "Only the first console");
    assert_check_fails(
        "", "<serial type='tcp'><source host='a' service='ssh'/></serial>",
        ERROR_XML, "'ssh' is not a port");
    assert_check_fails("",
                       "<serial type='unix'><source mode='connect'/></serial>",
                       ERROR_XML, "Missing source path");
    assert_check_fails(
        "",
        "<serial><target type='pci-serial'><model name='isa-serial'/>"
        "</target></serial>",
        ERROR_CONFIG_UNSUPPORTED, "requires target type 'isa-serial'");
    assert_check_fails("",
                       "<channel><target type='virtio' name='a'/></channel>"
                       "<channel><target type='virtio' name='a'/></channel>",
                       ERROR_XML, "channel 'a' twice");
    assert_check_fails(
        "", "<memballoon model='none'/><memballoon model='none'/>",
        ERROR_CONFIG_UNSUPPORTED, "only a single memory balloon");
    assert_check_fails("", "<input type='tablet' bus='ps2'/>",
                       ERROR_CONFIG_UNSUPPORTED,
                       "ps2 bus does not support tablet");
    assert_check_fails("", "<graphics type='vnc' port='80'/>",
                       ERROR_CONFIG_UNSUPPORTED, "[5900,65535]");
    assert_check_fails("", "<graphics type='vnc' passwd='123456789'/>",
                       ERROR_CONFIG_UNSUPPORTED, "9 characters long");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_can_be_part_of_a_file_name),
        cmocka_unit_test(firmware_makes_sense),
        cmocka_unit_test(cpus_and_timers_make_sense),
        cmocka_unit_test(disks_make_sense),
        cmocka_unit_test(boot_orders_and_boot_devices_exclude_each_other),
        cmocka_unit_test(controllers_make_sense),
        cmocka_unit_test(other_devices_make_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
