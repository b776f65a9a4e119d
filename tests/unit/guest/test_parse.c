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

static struct guest *
guest_with(const char *rest, const char *devices, unsigned flags)
{
    AUTO_FREE char *xml = domain_with(rest, devices);

    return guest_of(xml, flags);
}

static void
assert_domain_refused(const char *rest, const char *devices,
                      enum error_code code, const char *message)
{
    AUTO_FREE char *xml = domain_with(rest, devices);

    assert_refused(xml, code, message);
}

static void
assert_memory(const char *element, uint64_t kib)
{
    AUTO_FREE char *xml = xasprintf("<domain type='kvm'><name>a</name>%s"
                                    "<os><type>hvm</type></os></domain>",
                                    element);
    AUTO(guest) *guest = guest_of(xml, 0);

    assert_int_equal(guest->memory_kib, kib);
    assert_int_equal(guest->current_memory_kib, kib);
}

static void
memory_is_kept_to_the_kib(void **state)
{
    AUTO(guest) *guest = guest_with("", "", 0);
    AUTO_FREE char *xml = guest_format(guest, 0);

    (void)state;
    assert_non_null(strstr(xml, "<memory unit='KiB'>131080</memory>"));
    assert_memory("<memory>131081</memory>", 131081);
    assert_memory("<memory unit='KiB'> 98305\n</memory>", 98305);
    assert_memory("<memory unit='MiB'>96</memory>", 98304);
    assert_memory("<memory unit='g'>2</memory>", 2 << 20);
    assert_memory("<memory unit='bytes'>1048576</memory>", 1024);
    assert_memory("<memory unit='bytes'>1048577</memory>", 1025);
    assert_memory("<memory unit='MB'>1</memory>", 977);
}

static void
memory_that_is_no_size_is_refused(void **state)
{
    static const char *const sizes[] = {
        "<memory>-1</memory>",
        "<memory>1.5</memory>",
        "<memory></memory>",
        "<memory>0x400</memory>",
        "<memory>1 2</memory>",
        "<memory>0</memory>",
        "<memory><b/>1</memory>",
        "<memory unit='parsec'>1</memory>",
        "<memory dump='1'>1</memory>",
        "<memory>99999999999999999999</memory>",
        "<memory unit='TiB'>99999999</memory>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        AUTO_FREE char *xml = xasprintf("<domain type='kvm'><name>a</name>%s"
                                        "<os><type>hvm</type></os></domain>",
                                        sizes[i]);

        AUTO_ERROR err = {0};
        assert_null(guest_parse(xml, strlen(xml), 0, &err));
    }
}

static void
a_guest_has_a_name_memory_and_an_os(void **state)
{
    (void)state;
    assert_refused("<domain type='qemu'/>", ERROR_XML,
                   "missing element 'name' of <domain> at line 1");
    assert_refused("<domain type='qemu'><name>a</name></domain>", ERROR_XML,
                   "missing element 'memory'");
    assert_refused("<domain type='qemu'><name>a</name><memory>1</memory>"
                   "</domain>",
                   ERROR_XML, "missing element 'os'");
    assert_refused("<domain><name>a</name></domain>", ERROR_XML,
                   "missing attribute 'type' of <domain>");
    assert_refused("<network/>", ERROR_XML, "expecting <domain>");
}

static void
a_uuid_is_generated_where_there_is_none(void **state)
{
    AUTO(guest) *one = guest_with("", "", 0);
    AUTO(guest) *other = guest_with("", "", 0);

    (void)state;
    assert_false(uuid_is_zero(&one->uuid));
    assert_false(uuid_is_equal(&one->uuid, &other->uuid));
    assert_domain_refused("<uuid>1234</uuid>", "", ERROR_CONFIG_UNSUPPORTED,
                          "unsupported value '1234' in <uuid> at line 5");
}

static void
what_is_not_understood_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_domain_refused("", "<tpm model='tpm-crb'/>",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported element <tpm> in <devices> at line 7");
    assert_domain_refused("<launchSecurity type='sev'/>", "",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported element <launchSecurity> in <domain> "
                          "at line 5");
    assert_domain_refused("<features>\n<gic/>\n</features>", "",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported element <gic> in <features> at line 6");
    assert_domain_refused("<cpu>\n<numa/></cpu>", "", ERROR_CONFIG_UNSUPPORTED,
                          "unsupported element <numa> in <cpu> at line 6");
    assert_domain_refused("<memoryBacking><hugepages/></memoryBacking>", "",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported element <hugepages> in <memoryBacking>");
    assert_domain_refused("", "<sound model='es1370'/>",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported value 'es1370' of attribute 'model' of "
                          "<sound> at line 7");
    assert_domain_refused("", "<sound model='ac97' multichannel='yes'/>",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported attribute 'multichannel' of <sound> at "
                          "line 7");
    assert_domain_refused("",
                          "<disk><target dev='vda'/><readonly>no"
                          "</readonly></disk>",
                          ERROR_XML, "unexpected text in <readonly>");
    assert_domain_refused("",
                          "<disk><target dev='vda'/>\n<target dev='vdb'/>"
                          "</disk>",
                          ERROR_XML, "element <target> in <disk> again");
}

static void
an_attribute_of_another_form_is_refused(void **state)
{
    (void)state;
    assert_domain_refused("",
                          "<disk type='file'><source dev='/dev/sda'/>"
                          "<target dev='vda'/></disk>",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported attribute 'dev' of <source>");
    assert_domain_refused("",
                          "<serial type='pty'><protocol type='raw'/>"
                          "</serial>",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported element <protocol> in <serial>");
    assert_domain_refused("",
                          "<input type='mouse' bus='usb'>"
                          "<address type='usb' slot='1'/></input>",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported attribute 'slot' of <address>");
}

static void
only_our_own_record_may_have_what_only_we_write(void **state)
{
    (void)state;
    assert_domain_refused("<configuredCpu mode='maximum'/>", "",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported element <configuredCpu>");
    assert_domain_refused("",
                          "<channel type='unix'><source path='/a' "
                          "automatic='yes'/><target type='virtio'/></channel>",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported attribute 'automatic'");
}

static void
numbers_have_bounds(void **state)
{
    static const char *const attributes[] = {
        "slot='0x20'",       "slot='-1'",
        "slot='0x1g'",       "slot=''",
        "bus='0x100'",       "function='8'",
        "slot='010'",        "domain='0x10000'",
        "slot='4294967296'", "slot='18446744073709551617'",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(attributes); i++) {
        AUTO_FREE char *device =
            xasprintf("<sound model='ac97'><address type='pci' %s/></sound>",
                      attributes[i]);

        assert_domain_refused("", device, ERROR_CONFIG_UNSUPPORTED,
                              "unsupported value");
    }
    assert_domain_refused("<vcpu>0</vcpu>", "", ERROR_CONFIG_UNSUPPORTED,
                          "unsupported value '0' in <vcpu>");
    assert_domain_refused("<vcpu>256</vcpu>", "", ERROR_CONFIG_UNSUPPORTED,
                          "unsupported value '256' in <vcpu>");
    assert_domain_refused("<vcpu>-1</vcpu>", "", ERROR_CONFIG_UNSUPPORTED,
                          "unsupported value '-1' in <vcpu>");
}

static void
metadata_and_what_concerns_the_host_survive(void **state)
{
    AUTO(guest) *guest = guest_with(
        "<title>It's &lt;mine&gt;</title>"
        "<description>two\nlines &amp; more</description>"
        "<metadata><x:a xmlns:x='http://x'>\n  <x:b c='1 &lt; 2'>text</x:b>"
        "</x:a></metadata>"
        "<cputune><shares>7</shares></cputune>"
        "<seclabel type='none'/>"
        "<y:note xmlns:y='http://y'><y:z/></y:note>"
        "<plain xmlns='http://z'/>",
        "", GUEST_PARSE_INACTIVE);
    AUTO_FREE char *first = guest_format(guest, 0);
    AUTO(guest) *again = guest_of(first, GUEST_PARSE_INACTIVE);
    AUTO_FREE char *second = guest_format(again, 0);

    (void)state;
    assert_string_equal(guest->title, "It's <mine>");
    assert_string_equal(guest->description, "two\nlines & more");
    assert_string_equal(guest->metadata,
                        "<metadata><x:a xmlns:x=\"http://x\">"
                        "<x:b c=\"1 &lt; 2\">text</x:b></x:a></metadata>");
    assert_int_equal(guest->kept.count, 4);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "  <metadata>\n    <x:a xmlns:x=\"http://x\">"
                                  "\n      <x:b c=\"1 &lt; 2\">text</x:b>\n"));
    assert_non_null(strstr(first, "<shares>7</shares>"));
    assert_non_null(strstr(first, "<y:note xmlns:y=\"http://y\">"));
    assert_non_null(strstr(first, "<plain xmlns=\"http://z\"/>"));
}

static void
what_the_document_says_is_kept_is_kept(void **state)
{
    AUTO_FREE char *text = golden_read("../../../docs/domain-xml.md");
    const char *line = strstr(text, "host only:\n\n- `");
    size_t count = 0;

    (void)state;
    assert_non_null(line);
    for (line += strlen("host only:\n\n"); has_prefix(line, "- `");
         line = strchr(line, '\n') + 1) {
        AUTO_FREE char *name = xstrndup(line + 3, strcspn(line + 3, "`"));
        AUTO_FREE char *element = xasprintf("<%s a='1'><b/></%s>", name, name);
        AUTO(guest) *guest = guest_with(element, "", 0);
        AUTO_FREE char *xml = guest_format(guest, GUEST_FORMAT_MIGRATABLE);
        AUTO_FREE char *start = xasprintf("\n  <%s a=\"1\">\n    <b/>\n", name);

        assert_non_null(strstr(xml, start));
        count++;
    }
    assert_int_equal(count, 8);
}

static void
namespaces_of_the_root_stay_with_what_uses_them(void **state)
{
    AUTO(guest) *guest = guest_of(
        "<domain type='kvm' xmlns:y='http://y'><name>a</name>"
        "<memory>1</memory><os><type>hvm</type></os><y:note/></domain>",
        0);

    (void)state;
    assert_string_equal(guest->kept.items[0], "<y:note xmlns:y=\"http://y\"/>");
}

static void
qemus_own_command_line_is_refused(void **state)
{
    (void)state;
    assert_domain_refused(
        "<qemu:commandline xmlns:qemu="
        "'http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<qemu:arg value='-S'/></qemu:commandline>",
        "", ERROR_CONFIG_UNSUPPORTED,
        "unsupported element <qemu:commandline> in <domain> at line 5");
}

static void
foreign_elements_are_kept_at_the_domain_only(void **state)
{
    (void)state;
    assert_domain_refused("", "<y:disk xmlns:y='http://y'/>",
                          ERROR_CONFIG_UNSUPPORTED,
                          "unsupported element <y:disk> in <devices>");
}

static void
configuration_has_no_live_facts(void **state)
{
    AUTO_FREE char *xml = golden_read("live-pc.xml");
    AUTO(guest) *guest = guest_of(xml, GUEST_PARSE_INACTIVE);
    AUTO(guest) *migrating = guest_of(xml, GUEST_PARSE_MIGRATION);

    (void)state;
    assert_false(guest->id.is_set);
    assert_null(guest->disks.items[0]->device.alias);
    assert_null(guest->disks.items[0]->backing);
    assert_false(guest->disks.items[0]->index.is_set);
    assert_null(guest->serials.items[0]->path);
    assert_int_equal(guest->graphics.items[0]->port, -1);
    assert_null(guest->live_cpu);
    assert_int_equal(guest->cpu->features.count, 2);
    assert_non_null(migrating->disks.items[0]->backing);
    assert_false(migrating->disks.items[0]->index.is_set);
}

static void
a_users_own_alias_is_configuration(void **state)
{
    AUTO(guest) *guest =
        guest_with("", "<sound model='ac97'><alias name='ua-mine'/></sound>",
                   GUEST_PARSE_INACTIVE);
    AUTO_FREE char *xml = guest_format(guest, GUEST_FORMAT_INACTIVE);

    (void)state;
    assert_non_null(strstr(xml, "<alias name='ua-mine'/>"));
}

static void
a_password_is_written_only_where_secrets_are(void **state)
{
    AUTO(guest) *guest = guest_with("", "<graphics type='vnc' passwd='hush'/>",
                                    GUEST_PARSE_INACTIVE);
    AUTO_FREE char *open = guest_format(guest, GUEST_FORMAT_MIGRATABLE);
    AUTO_FREE char *secure =
        guest_format(guest, GUEST_FORMAT_MIGRATABLE | GUEST_FORMAT_SECURE);

    (void)state;
    assert_null(strstr(open, "hush"));
    assert_non_null(strstr(secure, " passwd='hush'"));
}

static void
assert_graphics(const char *attributes, int port, enum guest_switch autoport)
{
    AUTO_FREE char *device = xasprintf("<graphics type='vnc' %s/>", attributes);
    AUTO(guest) *guest = guest_with("", device, GUEST_PARSE_INACTIVE);

    assert_int_equal(guest->graphics.items[0]->port, port);
    assert_int_equal(guest->graphics.items[0]->autoport, autoport);
}

static void
a_port_is_fixed_or_automatic(void **state)
{
    (void)state;
    assert_graphics("", -1, GUEST_SWITCH_ON);
    assert_graphics("port='-1'", -1, GUEST_SWITCH_ON);
    assert_graphics("port='-1' autoport='no'", -1, GUEST_SWITCH_ON);
    assert_graphics("port='5905'", 5905, GUEST_SWITCH_OFF);
    assert_graphics("port='5905' autoport='yes'", -1, GUEST_SWITCH_ON);
    assert_domain_refused("", "<graphics type='vnc' autoport='no'/>", ERROR_XML,
                          "graphics needs a port");
}

static void
an_automatic_channel_path_stays_at_home(void **state)
{
    AUTO(guest) *guest = guest_with(
        "",
        "<channel type='unix'>"
        "<source mode='bind' path='/var/lib/libvirt/qemu/channel/target/"
        "domain-1-demo/org.qemu.guest_agent.0'/>"
        "<target type='virtio' name='org.qemu.guest_agent.0' "
        "state='connected'/></channel>"
        "<channel type='unix'><source mode='bind' path='/run/mine'/>"
        "<target type='virtio' name='b'/></channel>",
        0);
    AUTO_FREE char *live = guest_format(guest, 0);
    AUTO_FREE char *sent = guest_format(guest, GUEST_FORMAT_MIGRATABLE);

    (void)state;
    assert_non_null(strstr(live, "/domain-1-demo/"));
    assert_non_null(strstr(live, " state='connected'"));
    assert_null(strstr(sent, "/domain-1-demo/"));
    assert_null(strstr(sent, " state="));
    assert_non_null(strstr(sent, "<source mode='bind' path='/run/mine'/>"));
    assert_non_null(strstr(
        sent, "<channel type='unix'>\n"
              "      <target type='virtio' name='org.qemu.guest_agent.0'/>"));
}

static void
disks_are_sorted_by_target_within_their_bus(void **state)
{
    AUTO(guest) *guest = guest_with(
        "",
        "<disk><target dev='vdc'/></disk><disk><target dev='sda'/></disk>"
        "<disk><target dev='vdaa'/></disk><disk><target dev='vda'/></disk>",
        0);
    static const char *const order[] = {"vda", "vdc", "vdaa", "sda"};

    (void)state;
    assert_int_equal(guest->disks.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(guest->disks.items[i]->target, order[i]);
    }
    assert_int_equal(guest->disks.items[3]->bus, GUEST_DISK_BUS_SCSI);
}

static void
firmware_entries_are_read(void **state)
{
    AUTO(guest) *guest =
        guest_with("<sysinfo type='fwcfg'><entry name='opt/a'>one two</entry>"
                   "<entry name='opt/b' file='/etc/b'/></sysinfo>",
                   "", 0);
    const struct guest_sysinfo *sysinfo = guest->sysinfos.items[0];
    AUTO_FREE char *xml = guest_format(guest, 0);

    (void)state;
    assert_int_equal(sysinfo->entries.count, 2);
    assert_string_equal(sysinfo->entries.items[0]->value, "one two");
    assert_string_equal(sysinfo->entries.items[1]->file, "/etc/b");
    assert_non_null(strstr(xml, "    <entry name='opt/a'>one two</entry>\n"
                                "    <entry name='opt/b' file='/etc/b'/>\n"));
}

static void
odd_characters_survive(void **state)
{
    AUTO(guest) *guest = guest_with(
        "",
        "<disk><source file='/a&apos;b&quot;&#10;&#9;&amp;&#13;.img'/>"
        "<target dev='vda'/></disk>",
        0);
    AUTO_FREE char *xml = guest_format(guest, 0);
    AUTO(guest) *again = guest_of(xml, 0);

    (void)state;
    assert_string_equal(guest->disks.items[0]->path, "/a'b\"\n\t&\r.img");
    assert_string_equal(again->disks.items[0]->path,
                        guest->disks.items[0]->path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_kept_to_the_kib),
        cmocka_unit_test(memory_that_is_no_size_is_refused),
        cmocka_unit_test(a_guest_has_a_name_memory_and_an_os),
        cmocka_unit_test(a_uuid_is_generated_where_there_is_none),
        cmocka_unit_test(what_is_not_understood_is_refused_with_its_line),
        cmocka_unit_test(an_attribute_of_another_form_is_refused),
        cmocka_unit_test(only_our_own_record_may_have_what_only_we_write),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(metadata_and_what_concerns_the_host_survive),
        cmocka_unit_test(what_the_document_says_is_kept_is_kept),
        cmocka_unit_test(namespaces_of_the_root_stay_with_what_uses_them),
        cmocka_unit_test(qemus_own_command_line_is_refused),
        cmocka_unit_test(foreign_elements_are_kept_at_the_domain_only),
        cmocka_unit_test(configuration_has_no_live_facts),
        cmocka_unit_test(a_users_own_alias_is_configuration),
        cmocka_unit_test(a_password_is_written_only_where_secrets_are),
        cmocka_unit_test(a_port_is_fixed_or_automatic),
        cmocka_unit_test(an_automatic_channel_path_stays_at_home),
        cmocka_unit_test(disks_are_sorted_by_target_within_their_bus),
        cmocka_unit_test(firmware_entries_are_read),
        cmocka_unit_test(odd_characters_survive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
