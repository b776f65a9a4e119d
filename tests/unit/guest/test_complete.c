/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/complete.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"

/* Replaces a text of a guest. */
static void
set_text(char **text, const char *value)
{
    free(*text);
    *text = xstrdup_null(value);
}

/* What a QEMU 7.2 has. */
static const char *
find_machine(void *owner, const char *emulator, const char *machine)
{
    (void)owner;
    (void)emulator;
    if (machine == NULL || strcmp(machine, "pc") == 0) {
        return "pc-i440fx-7.2";
    }
    if (strcmp(machine, "q35") == 0) {
        return "pc-q35-7.2";
    }
    return has_prefix(machine, "pc-") || strcmp(machine, "microvm") == 0
               ? machine
               : NULL;
}

static const struct guest_host host = {
    .find_machine = find_machine,
    .emulator = "/usr/bin/qemu-system-x86_64",
};

static struct guest *
complete(const char *xml, unsigned flags)
{
    AUTO_ERROR err = {0};
    struct guest *guest = guest_of(xml, flags);

    if (guest_complete(guest, &host, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return guest;
}

static struct guest *
complete_devices(const char *machine, const char *devices)
{
    AUTO_FREE char *xml =
        xasprintf("<domain type='qemu'><name>demo</name>"
                  "<uuid>c0ffee00-1234-4abc-8def-0123456789ab</uuid>"
                  "<memory unit='MiB'>96</memory>"
                  "<os><type machine='%s'>hvm</type></os>"
                  "<devices>%s</devices></domain>",
                  machine, devices);

    return complete(xml, GUEST_PARSE_INACTIVE);
}

static void
assert_incomplete(const char *machine, const char *devices, const char *message)
{
    AUTO_FREE char *xml = xasprintf("<domain type='qemu'><name>demo</name>"
                                    "<memory unit='MiB'>96</memory>"
                                    "<os><type machine='%s'>hvm</type></os>"
                                    "<devices>%s</devices></domain>",
                                    machine, devices);
    AUTO(guest) *guest = guest_of(xml, GUEST_PARSE_INACTIVE);
    AUTO_ERROR err = {0};

    assert_int_equal(guest_complete(guest, &host, &err), -1);
    assert_string_equal(err.message, message);
}

/* ---- Golden files: what libvirtd 9.0.0 made of the same XML ----------------
 */

/* Calls 'check' for each NAME for which tests/golden/complete has NAME<suffix>.
 */
static void
each_golden(const char *suffix, void (*check)(const char *name))
{
    struct dirent **entries;
    int count = scandir(GOLDEN_FOLDER, &entries, NULL, alphasort);
    int found = 0;

    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        AUTO_FREE struct dirent *entry = entries[i];

        if (has_suffix(entry->d_name, suffix)) {
            AUTO_FREE char *name =
                xstrndup(entry->d_name, strlen(entry->d_name) - strlen(suffix));

            check(name);
            found++;
        }
    }
    free(entries);
    assert_true(found > 10);
}

static char *
read_case(const char *name, const char *suffix)
{
    AUTO_FREE char *file = xasprintf("%s%s", name, suffix);

    return golden_read(file);
}

/* Shows the first line that differs. */
static void
assert_same_lines(const char *name, const char *ours, const char *expected)
{
    size_t at = 0;

    if (strcmp(ours, expected) == 0) {
        return;
    }
    while (ours[at] == expected[at]) {
        at++;
    }
    while (at > 0 && ours[at - 1] != '\n') {
        at--;
    }
    fail_msg("%s: '%.*s' instead of '%.*s'", name,
             (int)strcspn(ours + at, "\n"), ours + at,
             (int)strcspn(expected + at, "\n"), expected + at);
}

static void
check_completed(const char *name)
{
    AUTO_FREE char *input = read_case(name, ".xml");
    AUTO_FREE char *expected = read_case(name, ".libvirt.xml");
    AUTO(guest) *guest = complete(input, GUEST_PARSE_INACTIVE);
    AUTO_FREE char *ours =
        guest_format(guest, GUEST_FORMAT_INACTIVE | GUEST_FORMAT_SECURE);

    assert_same_lines(name, ours, expected);
}

static void
a_guest_is_completed_as_libvirt_completes_it(void **state)
{
    (void)state;
    each_golden(".libvirt.xml", check_completed);
}

static void
check_again(const char *name)
{
    AUTO_FREE char *input = read_case(name, ".xml");
    AUTO(guest) *guest = complete(input, GUEST_PARSE_INACTIVE);
    AUTO_FREE char *once = guest_format(guest, GUEST_FORMAT_STATUS);
    AUTO_FREE char *twice = NULL;
    AUTO_ERROR err = {0};

    assert_int_equal(guest_complete(guest, &host, &err), 0);
    twice = guest_format(guest, GUEST_FORMAT_STATUS);
    assert_same_lines(name, twice, once);
}

static void
completing_twice_is_completing_once(void **state)
{
    (void)state;
    each_golden(".libvirt.xml", check_again);
}

/* What libvirtd sends of a running guest lacks the USB controller and more. */
static void
check_migrated(const char *name)
{
    AUTO_FREE char *input = read_case(name, ".xml");
    AUTO_FREE char *sent = read_case(name, ".migrated.xml");
    AUTO(guest) *there = complete(input, GUEST_PARSE_INACTIVE);
    AUTO(guest) *here = complete(sent, GUEST_PARSE_MIGRATION);
    AUTO_ERROR err = {0};

    if (guest_compare(there, here, &err) < 0) {
        fail_msg("%s: %s", name, err.message);
    }
}

static void
the_xml_that_libvirt_sends_is_completed_to_the_same_machine(void **state)
{
    (void)state;
    each_golden(".migrated.xml", check_migrated);
}

/* And what we send. */
static void
check_sent(const char *name)
{
    AUTO_FREE char *input = read_case(name, ".xml");
    AUTO(guest) *there = complete(input, GUEST_PARSE_INACTIVE);
    AUTO_FREE char *sent =
        guest_format(there, GUEST_FORMAT_MIGRATABLE | GUEST_FORMAT_SECURE);
    AUTO(guest) *here = complete(sent, GUEST_PARSE_MIGRATION);
    AUTO_ERROR err = {0};

    if (guest_compare(there, here, &err) < 0) {
        fail_msg("%s: %s", name, err.message);
    }
}

static void
the_xml_that_we_send_is_completed_to_the_same_machine(void **state)
{
    (void)state;
    each_golden(".libvirt.xml", check_sent);
}

/* ---- Names
 * ------------------------------------------------------------------- */

static void
aliases_are_those_of_libvirt(void **state)
{
    AUTO(guest) *guest = complete_devices(
        "pc",
        "<disk type='file' device='disk'><target dev='vdc' bus='virtio'/>"
        "</disk>"
        "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>"
        "<disk type='file' device='disk'><target dev='sdb' bus='scsi'/></disk>"
        "<controller type='usb' index='0' model='ich9-ehci1'/>"
        "<controller type='usb' index='0' model='ich9-uhci1'>"
        "<master startport='0'/></controller>"
        "<serial type='pty'/><serial type='pty'/>"
        "<console type='pty'><target type='virtio'/></console>");

    (void)state;
    assert_string_equal(guest->disks.items[0]->device.alias, "virtio-disk2");
    assert_string_equal(guest->disks.items[1]->device.alias, "ide0-1-0");
    assert_string_equal(guest->disks.items[2]->device.alias, "scsi0-0-1");
    assert_string_equal(guest->controllers.items[0]->device.alias, "usb");
    assert_string_equal(guest->controllers.items[1]->device.alias, "usb");
    assert_string_equal(guest->serials.items[1]->device.alias, "serial1");
    assert_string_equal(guest->consoles.items[0]->device.alias, "serial0");
    assert_string_equal(guest->consoles.items[1]->device.alias, "console1");
    assert_string_equal(guest->memballoons.items[0]->device.alias, "balloon0");
}

static void
an_alias_of_the_user_is_kept(void **state)
{
    AUTO(guest) *guest = complete_devices(
        "pc", "<disk type='file'><target dev='vda'/><alias name='ua-root'/>"
              "</disk>");

    (void)state;
    assert_string_equal(guest->disks.items[0]->device.alias, "ua-root");
}

static void
two_devices_with_one_alias_are_refused(void **state)
{
    (void)state;
    assert_incomplete("pc",
                      "<disk type='file'><target dev='vda'/>"
                      "<alias name='ua-x'/></disk>"
                      "<rng model='virtio'><backend model='random'/>"
                      "<alias name='ua-x'/></rng>",
                      "disk[vda] and rng[0] both are called 'ua-x'");
}

static void
images_are_numbered_from_the_last_disk_on(void **state)
{
    AUTO(guest) *guest = complete_devices(
        "pc", "<disk type='file'><target dev='vda'/></disk>"
              "<disk type='file' device='cdrom'><target dev='hda'/></disk>"
              "<disk type='file'><target dev='vdb'/></disk>");

    (void)state;
    assert_string_equal(guest->disks.items[1]->target, "vdb");
    assert_int_equal(guest->disks.items[0]->index.value, 3);
    assert_int_equal(guest->disks.items[1]->index.value, 2);
    assert_int_equal(guest->disks.items[2]->index.value, 1);
}

/* ---- Defaults
 * ------------------------------------------------------------------ */

static void
every_interface_gets_a_mac_of_its_own(void **state)
{
    AUTO(guest) *guest = complete_devices(
        "pc", "<interface type='user'/><interface type='user'/>");
    const char *first = guest->interfaces.items[0]->mac;

    (void)state;
    assert_true(has_prefix(first, "52:54:00:"));
    assert_int_equal(strlen(first), 17);
    assert_string_not_equal(first, guest->interfaces.items[1]->mac);
    assert_int_equal(guest->interfaces.items[0]->model,
                     GUEST_INTERFACE_MODEL_RTL8139);
}

static void
the_host_says_which_emulator_machine_and_cpu(void **state)
{
    AUTO_FREE char *xml = domain_with("", "");
    AUTO(guest) *guest = guest_of(xml, GUEST_PARSE_INACTIVE);
    struct guest_host facts = host;
    AUTO_ERROR err = {0};

    (void)state;
    facts.cpu_model = "kvm64";
    facts.emulator = "/opt/qemu";
    assert_int_equal(guest_complete(guest, &facts, &err), 0);
    assert_string_equal(guest->os.machine, "pc-i440fx-7.2");
    assert_string_equal(guest->emulator, "/opt/qemu");
    assert_string_equal(guest->cpu->model, "kvm64");
    assert_int_equal(guest->cpu->fallback, GUEST_CPU_FALLBACK_FORBID);
}

static void
an_odd_size_of_memory_is_not_rounded(void **state)
{
    AUTO_FREE char *xml = domain_with("", "");
    AUTO(guest) *guest = complete(xml, GUEST_PARSE_INACTIVE);

    (void)state;
    assert_int_equal(guest->memory_kib, 131080);
}

/* ---- What cannot be completed
 * ------------------------------------------------------ */

static void
a_machine_that_is_not_here_is_refused(void **state)
{
    (void)state;
    assert_incomplete("isapc", "",
                      "/usr/bin/qemu-system-x86_64 has no machine 'isapc'");
    assert_incomplete("microvm", "",
                      "machine 'microvm' is neither a pc nor a q35");
}

#define DISK(target, address)                                                  \
    "<disk type='file'><target dev='" target "' bus='virtio'/>"                \
    "<address type='pci' " address "/></disk>"

static void
a_pci_address_that_is_taken_names_both_devices(void **state)
{
    (void)state;
    assert_incomplete("pc",
                      DISK("vda", "slot='0x05'") DISK("vdb", "slot='0x05'"),
                      "disk[vdb]: PCI address 0000:00:05.0 is taken by "
                      "disk[vda]");
    assert_incomplete("pc", DISK("vda", "slot='0x01'"),
                      "disk[vda]: PCI address 0000:00:01.0 is taken by the "
                      "board");
    assert_incomplete("q35", DISK("vda", "slot='0x1f' function='0x2'"),
                      "disk[vda]: PCI address 0000:00:1f.2 is taken by the "
                      "board");
}

static void
a_pci_address_that_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_incomplete("q35", DISK("vda", "bus='0x01' slot='0x03'"),
                      "disk[vda]: PCI address 0000:01:03.0 has a slot that is "
                      "not from 0 to 0, as on a pcie-root-port");
    assert_incomplete("pc",
                      DISK("vda", "bus='0x02' slot='0x00'"
                                  " function='0x1'"),
                      "disk[vda]: PCI address 0000:02:00.1 has a slot that is "
                      "not from 1 to 31, as on a pci-bridge");
    assert_incomplete("pc", DISK("vda", "domain='0x0001' slot='0x03'"),
                      "disk[vda]: PCI address 0001:00:03.0 is out of range");
}

static void
a_controller_of_the_board_is_nowhere_else(void **state)
{
    (void)state;
    assert_incomplete("pc",
                      "<controller type='usb' model='piix3-uhci'>"
                      "<address type='pci' slot='0x04'/></controller>",
                      "controller[usb 0]: is on the board, at PCI address "
                      "0000:00:01.2, and nowhere else");
    assert_incomplete("q35",
                      "<disk type='file'><target dev='hda' bus='ide'/></disk>",
                      "controller[ide 0]: machine 'pc-q35-7.2' has no such "
                      "controller");
    assert_incomplete("q35",
                      "<controller type='pci' index='0'"
                      " model='pci-root'/>",
                      "controller[pci 0]: model is 'pci-root', but index 0, "
                      "and only that, is 'pcie-root' on this machine");
}

static void
a_place_on_a_controller_is_given_once(void **state)
{
    (void)state;
    assert_incomplete(
        "pc",
        "<disk type='file'><target dev='hda' bus='ide'/></disk>"
        "<disk type='file'><target dev='hdb' bus='ide'/>"
        "<address type='drive' controller='0' bus='0' unit='0'/></disk>",
        "disk[hdb]: drive address 0:0:0:0 is taken by disk[hda]");
    assert_incomplete(
        "pc",
        "<input type='tablet' bus='usb'><address type='usb' bus='0' port='1'/>"
        "</input>"
        "<input type='mouse' bus='usb'><address type='usb' bus='0' port='1'/>"
        "</input>",
        "input[1]: USB port 1 on bus 0 is taken by input[0]");
    assert_incomplete(
        "pc",
        "<channel type='null'><target type='virtio' name='a'/>"
        "<address type='virtio-serial' controller='0' bus='0' port='1'/>"
        "</channel>"
        "<channel type='null'><target type='virtio' name='b'/>"
        "<address type='virtio-serial' controller='0' bus='0' port='1'/>"
        "</channel>",
        "channel[a]: port 1 of virtio-serial controller 0 is taken by "
        "channel[b]");
}

static void
a_usb_device_without_usb_finds_no_port(void **state)
{
    (void)state;
    assert_incomplete("pc",
                      "<controller type='usb' model='none'/>"
                      "<input type='tablet' bus='usb'/>",
                      "input[0]: no USB port is left");
    assert_incomplete("pc",
                      "<input type='tablet' bus='usb'>"
                      "<address type='usb' bus='0' port='1.2'/></input>",
                      "input[0]: there is no USB port 1.2 on bus 0");
}

static void
more_root_ports_than_pci_has_buses_are_refused(void **state)
{
    AUTO_TEXT text = {0};

    (void)state;
    for (int i = 0; i < 270; i++) {
        text_add(&text, "<interface type='user'><model type='virtio'/>"
                        "</interface>");
    }
    AUTO_FREE char *xml = domain_with("", text.data);
    AUTO(guest) *guest = guest_of(xml, GUEST_PARSE_INACTIVE);
    AUTO_ERROR err = {0};

    set_text(&guest->os.machine, "q35");
    assert_int_equal(guest_complete(guest, &host, &err), -1);
    assert_true(has_suffix(err.message, "no PCI slot is left"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_completed_as_libvirt_completes_it),
        cmocka_unit_test(completing_twice_is_completing_once),
        cmocka_unit_test(
            the_xml_that_libvirt_sends_is_completed_to_the_same_machine),
        cmocka_unit_test(the_xml_that_we_send_is_completed_to_the_same_machine),
        cmocka_unit_test(aliases_are_those_of_libvirt),
        cmocka_unit_test(an_alias_of_the_user_is_kept),
        cmocka_unit_test(two_devices_with_one_alias_are_refused),
        cmocka_unit_test(images_are_numbered_from_the_last_disk_on),
        cmocka_unit_test(every_interface_gets_a_mac_of_its_own),
        cmocka_unit_test(the_host_says_which_emulator_machine_and_cpu),
        cmocka_unit_test(an_odd_size_of_memory_is_not_rounded),
        cmocka_unit_test(a_machine_that_is_not_here_is_refused),
        cmocka_unit_test(a_pci_address_that_is_taken_names_both_devices),
        cmocka_unit_test(a_pci_address_that_cannot_be_is_refused),
        cmocka_unit_test(a_controller_of_the_board_is_nowhere_else),
        cmocka_unit_test(a_place_on_a_controller_is_given_once),
        cmocka_unit_test(a_usb_device_without_usb_finds_no_port),
        cmocka_unit_test(more_root_ports_than_pci_has_buses_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
