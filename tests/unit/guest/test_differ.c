/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/differ.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"
#include "guest/complete.h"

/* Replaces a text of a guest. */
static void
set_text(char **text, const char *value)
{
    free(*text);
    *text = xstrdup_null(value);
}

/* A guest with 'rest' and 'devices', complete. */
static struct guest *
guest_with(const char *rest, const char *devices)
{
    static const struct guest_host host = {.emulator = "/usr/bin/qemu"};
    AUTO_FREE char *all =
        xasprintf("<uuid>c0ffee00-1234-4abc-8def-0123456789ab</uuid>%s", rest);
    AUTO_FREE char *xml = domain_with(all, devices);
    struct guest *guest = guest_of(xml, GUEST_PARSE_INACTIVE);
    AUTO_ERROR err = {0};

    if (guest_complete(guest, &host, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return guest;
}

/* Two guests and what is said of them; NULL: the same. */
static void
assert_difference(const struct guest *there, const struct guest *here,
                  const char *message)
{
    AUTO_ERROR err = {0};
    int result = guest_compare(there, here, &err);

    if (message == NULL) {
        if (result != 0) {
            fail_msg("%s", err.message);
        }
        return;
    }
    assert_int_equal(result, -1);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, ERROR_CONFIG_UNSUPPORTED);
}

static void
assert_devices(const char *there, const char *here, const char *message)
{
    AUTO(guest) *source = guest_with("", there);
    AUTO(guest) *destination = guest_with("", here);

    assert_difference(source, destination, message);
}

static void
assert_rest(const char *there, const char *here, const char *message)
{
    AUTO(guest) *source = guest_with(there, "");
    AUTO(guest) *destination = guest_with(here, "");

    assert_difference(source, destination, message);
}

#define NO_EXTRAS                                                              \
    "<memballoon model='none'/><controller type='usb' model='none'/>"

static void
a_guest_is_the_same_as_itself_and_its_copy(void **state)
{
    AUTO(guest) *guest = guest_with("", "<rng model='virtio'>"
                                        "<backend model='random'/></rng>");
    AUTO(guest) *copy = guest_copy(guest);

    (void)state;
    assert_difference(guest, guest, NULL);
    assert_difference(guest, copy, NULL);
}

static void
host_matters_may_differ(void **state)
{
    (void)state;
    assert_devices(
        "<disk type='file'><driver name='qemu' type='raw' cache='none'/>"
        "<source file='/a/x.img'/><target dev='vda'/></disk>"
        "<serial type='pty'/>"
        "<graphics type='vnc' port='5901' autoport='no'/>",
        "<disk type='block'><driver name='qemu' type='qcow2' io='threads'/>"
        "<source dev='/dev/x'/><target dev='vda'/></disk>"
        "<serial type='file'><source path='/tmp/log'/></serial>"
        "<graphics type='vnc' port='-1' autoport='yes' passwd='x'/>",
        NULL);
    assert_devices("<interface type='user'><mac address='52:54:00:00:00:01'/>"
                   "</interface>",
                   "<interface type='bridge'><mac address='52:54:00:00:00:01'/>"
                   "<source bridge='br0'/></interface>",
                   NULL);
    assert_rest("<title>a</title>", "<iothreads>2</iothreads>", NULL);
}

static void
the_order_of_elements_is_of_no_importance(void **state)
{
    (void)state;
    assert_devices(
        "<disk type='file'><target dev='vda'/><address type='pci' slot='5'/>"
        "</disk>"
        "<disk type='file'><target dev='hda'/></disk>"
        "<input type='mouse' bus='ps2'/><input type='tablet' bus='usb'/>",
        "<input type='tablet' bus='usb'/><input type='keyboard' bus='ps2'/>"
        "<disk type='file'><target dev='hda'/></disk>"
        "<disk type='file'><target dev='vda'/><address type='pci' slot='5'/>"
        "</disk>",
        NULL);
}

static void
the_machine_is_compared(void **state)
{
    AUTO(guest) *there = guest_with("", "");
    AUTO(guest) *here = guest_with("", "");

    (void)state;
    set_text(&here->os.machine, "pc-i440fx-7.1");
    assert_difference(there, here,
                      "os/type: machine is 'pc' there and 'pc-i440fx-7.1' "
                      "here");
    assert_rest("<vcpu>2</vcpu>", "", "vcpu: count is 2 there and 1 here");
    assert_rest("<vcpu current='1'>2</vcpu>", "<vcpu>2</vcpu>",
                "vcpu: current is 1 there and 2 here");
    assert_rest("<features><acpi/></features>", "",
                "features: acpi is 'yes' there and 'no' here");
    assert_rest("", "<features><smm state='off'/></features>",
                "features: smm is absent there and 'off' here");
    assert_rest("<clock offset='utc'><timer name='hpet' present='no'/></clock>",
                "",
                "clock/timer[hpet]: present is 'off' there and absent here");
    assert_rest("<pm><suspend-to-mem enabled='no'/></pm>", "",
                "pm: suspend-to-mem is 'off' there and absent here");
}

static void
every_kib_of_memory_counts(void **state)
{
    AUTO(guest) *there = guest_with("", "");
    AUTO(guest) *here = guest_with("", "");

    (void)state;
    here->memory_kib += 8;
    assert_difference(there, here,
                      "memory: size in KiB is 131080 there and 131088 here");
}

static void
the_uuid_is_seen_and_the_name_is_not(void **state)
{
    AUTO(guest) *there = guest_with("", "");
    AUTO(guest) *here = guest_with("", "");

    (void)state;
    set_text(&here->name, "other");
    assert_difference(there, here, NULL);
    here->uuid.bytes[15] = 0;
    assert_difference(there, here,
                      "domain: uuid is 'c0ffee00-1234-4abc-8def-0123456789ab' "
                      "there and 'c0ffee00-1234-4abc-8def-012345678900' here");
}

static void
the_cpu_is_compared(void **state)
{
    (void)state;
    assert_rest("<cpu mode='maximum'/>", "",
                "cpu: mode is 'maximum' there and 'custom' here");
    assert_rest("<cpu match='exact'><model>Nehalem</model></cpu>",
                "<cpu match='exact'><model>Westmere</model></cpu>",
                "cpu: model is 'Nehalem' there and 'Westmere' here");
    assert_rest("<cpu match='exact'><model>Nehalem</model>"
                "<feature policy='require' name='aes'/>"
                "<feature policy='disable' name='vme'/></cpu>",
                "<cpu match='exact' check='full'>"
                "<model fallback='forbid'>Nehalem</model>"
                "<feature policy='disable' name='vme'/>"
                "<feature policy='require' name='aes'/></cpu>",
                NULL);
    assert_rest("<cpu match='exact'><model>Nehalem</model></cpu>",
                "<cpu match='exact'><model>Nehalem</model>"
                "<feature policy='disable' name='vme'/></cpu>",
                "cpu/feature[vme]: policy is absent there and 'disable' here");
}

static void
the_smbios_tables_are_compared(void **state)
{
    (void)state;
    assert_rest("<sysinfo type='smbios'><system>"
                "<entry name='serial'>1</entry></system></sysinfo>",
                "<sysinfo type='smbios'><system>"
                "<entry name='serial'>2</entry></system></sysinfo>",
                "sysinfo/system: serial is '1' there and '2' here");
}

static void
disks_are_compared_by_target(void **state)
{
    (void)state;
    assert_devices("<disk type='file'><target dev='sda' bus='usb'/></disk>",
                   "<disk type='file'><target dev='sda' bus='scsi'/></disk>",
                   "devices/disk[sda]/target: bus is 'usb' there and 'scsi' "
                   "here");
    assert_devices("<disk type='file'><target dev='vda'/><serial>A</serial>"
                   "</disk>",
                   "<disk type='file'><target dev='vda'/></disk>",
                   "devices/disk[vda]: serial is 'A' there and absent here");
    assert_devices("<disk type='file'><target dev='vda'/><readonly/></disk>",
                   "<disk type='file'><target dev='vda'/></disk>",
                   "devices/disk[vda]: readonly is 'yes' there and 'no' here");
}

static void
a_device_that_only_one_has_is_named(void **state)
{
    (void)state;
    assert_devices("<disk type='file'><target dev='vda'/></disk>", "",
                   "devices/disk[vda]: is there and not here");
    assert_devices("",
                   "<disk type='file' device='cdrom'><target dev='hdc'/>"
                   "</disk>",
                   "devices/disk[hdc]: is here and not there");
    assert_devices("", "<controller type='usb' model='none'/>",
                   "devices/controller[usb 0]: model is 'piix3-uhci' there and "
                   "'none' here");
    assert_devices("<memballoon model='none'/>", "",
                   "devices/memballoon[0]: model is 'none' there and 'virtio' "
                   "here");
    assert_devices("", "<rng model='virtio'><backend model='random'/></rng>",
                   "devices/rng: there are 0 there and 1 here");
    assert_devices("<serial type='pty'/><serial type='pty'/>",
                   "<serial type='pty'/>",
                   "devices/serial: there are 2 there and 1 here");
    assert_devices("<input type='keyboard' bus='virtio'/>" NO_EXTRAS, NO_EXTRAS,
                   "devices/input[0]: is there and not here");
    assert_devices("<panic model='isa'/>", "",
                   "devices/panic: there are 1 there and 0 here");
}

static void
addresses_and_models_are_compared(void **state)
{
    (void)state;
    assert_devices("<rng model='virtio'><backend model='random'/>"
                   "<address type='pci' slot='7'/></rng>",
                   "<rng model='virtio'><backend model='random'/>"
                   "<address type='pci' slot='8'/></rng>",
                   "devices/rng[0]: address is 'pci 0000:00:07.0' there and "
                   "'pci 0000:00:08.0' here");
    assert_devices("<interface type='user'><mac address='52:54:00:00:00:01'/>"
                   "</interface>",
                   "<interface type='user'><mac address='52:54:00:00:00:02'/>"
                   "</interface>",
                   "devices/interface[0]: mac is '52:54:00:00:00:01' there and "
                   "'52:54:00:00:00:02' here");
    assert_devices("<video><model type='vga' vram='16384'/></video>",
                   "<video><model type='vga' vram='32768'/></video>",
                   "devices/video[0]: vram is '16384' there and '32768' here");
    assert_devices("<channel type='null'><target type='virtio' name='a'/>"
                   "</channel>",
                   "<channel type='null'><target type='virtio' name='b'/>"
                   "</channel>",
                   "devices/channel[0]: name is 'a' there and 'b' here");
    assert_devices("<memballoon model='virtio' autodeflate='on'/>", "",
                   "devices/memballoon[0]: autodeflate is 'yes' there and 'no' "
                   "here");
    assert_devices("<sound model='ac97'/>", "<sound model='ich6'/>",
                   "devices/sound[0]: model is 'ac97' there and 'ich6' here");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_the_same_as_itself_and_its_copy),
        cmocka_unit_test(host_matters_may_differ),
        cmocka_unit_test(the_order_of_elements_is_of_no_importance),
        cmocka_unit_test(the_machine_is_compared),
        cmocka_unit_test(every_kib_of_memory_counts),
        cmocka_unit_test(the_uuid_is_seen_and_the_name_is_not),
        cmocka_unit_test(the_cpu_is_compared),
        cmocka_unit_test(the_smbios_tables_are_compared),
        cmocka_unit_test(disks_are_compared_by_target),
        cmocka_unit_test(a_device_that_only_one_has_is_named),
        cmocka_unit_test(addresses_and_models_are_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
