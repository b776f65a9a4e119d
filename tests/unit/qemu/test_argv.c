/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What QEMU is started with, against what libvirt starts it with, and what
 * differs from one start to the next. */

#include "argv_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "guest/complete.h"
#include "qemu/process.h"

/* ---- Golden files
 * --------------------------------------------------------------- */

static char *
golden_read(const char *folder, const char *name, const char *suffix)
{
    AUTO_FREE char *path =
        xasprintf("%s/%s/%s%s", GOLDEN_FOLDER, folder, name, suffix);
    AUTO_TEXT text = {0};
    char chunk[4096];
    FILE *file = fopen(path, "re");
    size_t size;

    assert_non_null(file);
    while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        text_add_bytes(&text, chunk, size);
    }
    fclose(file);
    return text_take(&text);
}

/* What is decided only when the guest starts. */
static void
decide(struct guest *guest)
{
    for (size_t i = 0; i < guest->graphics.count; i++) {
        if (guest->graphics.items[i]->port < 0) {
            guest->graphics.items[i]->port = 5900;
        }
    }
    for (size_t i = 0; i < guest->channels.count; i++) {
        struct guest_chardev *channel = guest->channels.items[i];

        if (channel->type == GUEST_CHARDEV_TYPE_UNIX && channel->path == NULL) {
            channel->path = xstrdup("/AUTO");
        }
    }
}

static void
check_golden(const char *name)
{
    AUTO_FREE char *xml = golden_read("complete", name, ".xml");
    AUTO_FREE char *expected = golden_read("argv", name, ".argv");
    AUTO(guest) *guest = guest_of(xml);
    AUTO_FREE char *ours = NULL;
    size_t at = 0;

    decide(guest);
    ours = lines_of(guest, &usual);
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
a_command_line_is_that_of_libvirt(void **state)
{
    struct dirent **entries;
    int count = scandir(GOLDEN_FOLDER "/argv", &entries, NULL, alphasort);
    int found = 0;

    (void)state;
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        AUTO_FREE struct dirent *entry = entries[i];

        if (has_suffix(entry->d_name, ".argv")) {
            AUTO_FREE char *name =
                xstrndup(entry->d_name, strlen(entry->d_name) - 5);

            check_golden(name);
            found++;
        }
    }
    free(entries);
    assert_true(found > 50);
}

/* ---- What differs from one start to the next
 * --------------------------------------- */

static void
the_monitor_is_where_the_process_puts_it(void **state)
{
    static const char *const expected[] = {QEMU_MONITOR_ARGUMENTS};
    AUTO(guest) *guest = guest_with("", "");
    AUTO_FREE char *lines = lines_of(guest, &usual);

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        assert_has(lines, expected[i]);
    }
}

static void
an_incoming_guest_waits(void **state)
{
    AUTO(guest) *guest = guest_with("", "<rng model='virtio'>"
                                        "<backend model='random'/></rng>");
    struct qemu_argv_options options = usual;

    (void)state;
    AUTO_FREE char *fresh = lines_of(guest, &options);

    assert_has_not(fresh, "-incoming");
    options.is_incoming = true;
    options.has_sandbox = false;
    AUTO_FREE char *incoming = lines_of(guest, &options);

    assert_has(incoming, "-incoming\ndefer");
    assert_has(incoming, "-S");
    assert_has_not(incoming, "-sandbox");
}

static void
memory_is_exact_to_the_kib(void **state)
{
    AUTO(guest) *guest = guest_with("", "");

    (void)state;
    guest->memory_kib = 131080;
    AUTO_FREE char *odd = lines_of(guest, &usual);

    assert_has(odd, "-m\nsize=131080k\n-object\n"
                    "{\"qom-type\":\"memory-backend-ram\",\"id\":\"pc.ram\","
                    "\"size\":134225920}");
    guest->memory_kib = 98304;
    AUTO_FREE char *even = lines_of(guest, &usual);

    assert_has(even, "-m\n96");
}

static void
the_cpu_of_the_running_guest_wins(void **state)
{
    const char *xml = "<cpu mode='custom' match='exact' check='full'>"
                      "<model fallback='forbid'>qemu64</model>"
                      "<feature policy='require' name='hypervisor'/>"
                      "<feature policy='require' name='lahf_lm'/>"
                      "<feature policy='disable' name='svm'/></cpu>";
    AUTO(guest) *guest = guest_with("", "");
    AUTO_ERROR err = {0};

    (void)state;
    guest->live_cpu = guest_cpu_parse(xml, strlen(xml), &err);
    AUTO_FREE char *lines = lines_of(guest, &usual);

    assert_has(lines, "-cpu\nqemu64,hypervisor=on,lahf-lm=on,svm=off");
}

static void
what_was_withheld_from_a_guest_is_off(void **state)
{
    AUTO_ERROR err = {0};
    AUTO(guest_seen_cpu) *cpu =
        guest_seen_cpu_parse("model=Nehalem +lm -rtm -aes", &err);
    AUTO(guest) *guest =
        guest_with("<cpu match='exact'><model>Nehalem</model>"
                   "<feature policy='require' name='aes'/></cpu>",
                   "");
    struct qemu_argv_options options = usual;
    AUTO_FREE char *lines = NULL;

    (void)state;
    options.cpu = cpu;
    lines = lines_of(guest, &options);
    assert_has(lines, "-cpu\nNehalem,aes=on,aes=off,rtm=off");
}

static void
a_newer_qemu_is_told_in_its_words(void **state)
{
    AUTO(guest) *guest = guest_with("<clock offset='utc'>"
                                    "<timer name='hpet' present='no'/></clock>",
                                    "");
    struct qemu_argv_options options = usual;

    (void)state;
    options.qemu_version = 7002022;
    AUTO_FREE char *old = lines_of(guest, &options);

    assert_has(old, "-no-hpet");
    assert_has(old, "-no-acpi");
    options.qemu_version = 9000000;
    AUTO_FREE char *new = lines_of(guest, &options);

    assert_has(new, "-machine\npc-i440fx-7.2,usb=off,dump-guest-core=off,"
                    "acpi=off,hpet=off,memory-backend=pc.ram");
    assert_has_not(new, "-no-acpi");
    assert_has_not(new, "-no-hpet");
}

static void
a_clock_with_an_offset_starts_from_now(void **state)
{
    AUTO(guest) *guest = guest_with(
        "<clock offset='variable' adjustment='3600' basis='utc'/>", "");
    struct qemu_argv_options options = usual;

    (void)state;
    options.now_s = 1700000000;
    AUTO_FREE char *lines = lines_of(guest, &options);

    assert_has(lines, "-rtc\nbase=2023-11-14T23:13:20");
    guest->clock.adjustment = INT64_MAX;
    assert_refused(guest, "clock: no such time, with adjustment "
                          "9223372036854775807");
}

static void
tap_devices_come_from_the_caller(void **state)
{
    const struct qemu_argv_tap taps[] = {
        {.name = NULL,   .fd = 4,  .vhost_fd = 5 },
        {.name = "tap7", .fd = -1, .vhost_fd = -1},
        {.name = NULL,   .fd = 6,  .vhost_fd = -1},
    };
    struct qemu_argv_options options = usual;
    AUTO(guest) *guest = guest_with(
        "", "<interface type='bridge'><source bridge='br0'/></interface>"
            "<interface type='bridge'><source bridge='br0'/></interface>"
            "<interface type='ethernet'><target dev='mytap'/></interface>"
            "<interface type='ethernet'><target dev='t4' managed='no'/>"
            "</interface>");

    (void)state;
    options.taps = taps;
    options.tap_count = ARRAY_COUNT(taps);
    AUTO_FREE char *lines = lines_of(guest, &options);

    assert_has(lines, "-netdev\n{\"type\":\"tap\",\"fd\":\"4\",\"vhost\":true,"
                      "\"vhostfd\":\"5\",\"id\":\"hostnet0\"}");
    assert_has(lines, "-netdev\n{\"type\":\"tap\",\"ifname\":\"tap7\","
                      "\"script\":\"no\",\"downscript\":\"no\","
                      "\"id\":\"hostnet1\"}");
    assert_has(lines,
               "-netdev\n{\"type\":\"tap\",\"fd\":\"6\",\"id\":\"hostnet2\"}");
    assert_has(lines, "-netdev\n{\"type\":\"tap\",\"ifname\":\"t4\","
                      "\"script\":\"no\",\"downscript\":\"no\","
                      "\"id\":\"hostnet3\"}");
    options.taps = NULL;
    options.tap_count = 0;
    AUTO_ERROR err = {0};

    assert_null(qemu_argv_new(guest, &options, &err));
    assert_non_null(strstr(err.message, "it has no tap device"));
}

static void
vnc_listens_where_it_is_told(void **state)
{
    AUTO(guest) *guest =
        guest_with("", "<graphics type='vnc' port='5907' autoport='no'/>");
    struct guest_graphics *graphics = guest->graphics.items[0];
    struct qemu_argv_options options = usual;

    (void)state;
    set_text(&graphics->listen, NULL);
    options.vnc_listen = "10.0.0.1";
    AUTO_FREE char *lines = lines_of(guest, &options);

    assert_has(lines, "-vnc\n10.0.0.1:7,audiodev=audio1");
    set_text(&graphics->listen, "fe80::1");
    AUTO_FREE char *ipv6 = lines_of(guest, &options);

    assert_has(ipv6, "-vnc\n[fe80::1]:7,audiodev=audio1");
    set_text(&graphics->listen, "::1");
    graphics->password = xstrdup("a,b");
    AUTO_FREE char *secret = lines_of(guest, &options);

    assert_has(secret, "-vnc\n[::1]:7,password=on,audiodev=audio1");
    assert_has_not(secret, "a,b");
}

static void
character_devices_have_all_their_kinds(void **state)
{
    AUTO(guest) *guest = guest_with(
        "", "<serial type='pty'/><serial type='null'/>"
            "<serial type='file'><source path='/l' append='on'/></serial>"
            "<serial type='unix'><source mode='connect' path='/s'/></serial>"
            "<channel type='unix'><source mode='bind' path='/b'/>"
            "<target type='virtio' name='x'/></channel>"
            "<channel type='tcp'><source mode='connect' host='h' service='1'/>"
            "<target type='virtio' name='y'/></channel>");
    AUTO_FREE char *lines = lines_of(guest, &usual);

    (void)state;
    assert_has(lines, "-chardev\npty,id=charserial0");
    assert_has(lines, "-chardev\nnull,id=charserial1");
    assert_has(lines, "-chardev\nfile,id=charserial2,path=/l,append=on");
    assert_has(lines, "-chardev\nsocket,id=charserial3,path=/s");
    assert_has(lines, "-chardev\nsocket,id=charchannel0,path=/b,server=on,"
                      "wait=off");
    assert_has(lines, "-chardev\nsocket,id=charchannel1,host=h,port=1");
}

static void
a_log_of_the_guest_survives_its_arrival(void **state)
{
    AUTO(guest) *guest =
        guest_with("", "<serial type='file'><source path='/l'/></serial>");
    struct qemu_argv_options options = usual;

    (void)state;
    AUTO_FREE char *fresh = lines_of(guest, &options);

    assert_has(fresh, "-chardev\nfile,id=charserial0,path=/l");
    options.is_incoming = true;
    AUTO_FREE char *incoming = lines_of(guest, &options);

    assert_has(incoming, "-chardev\nfile,id=charserial0,path=/l,append=on");
}

static void
a_chain_of_images_is_built_from_the_bottom(void **state)
{
    AUTO(guest) *guest =
        guest_with("", "<disk type='file'><driver name='qemu' type='qcow2'/>"
                       "<source file='/top'/><target dev='vda'/></disk>");
    struct guest_disk *disk = guest->disks.items[0];

    (void)state;
    disk->backing = xcalloc(1, sizeof(*disk->backing));
    disk->backing->path = xstrdup("/base");
    disk->backing->format = GUEST_DISK_FORMAT_QCOW2;
    disk->backing->index = (struct guest_number){true, 2};
    disk->backing->next = xcalloc(1, sizeof(*disk->backing));
    AUTO_FREE char *lines = lines_of(guest, &usual);

    assert_has(lines,
               "-blockdev\n{\"driver\":\"file\",\"filename\":\"/base\","
               "\"node-name\":\"libvirt-2-storage\",\"auto-read-only\":true,"
               "\"discard\":\"unmap\"}\n"
               "-blockdev\n{\"node-name\":\"libvirt-2-format\","
               "\"read-only\":true,\"driver\":\"qcow2\","
               "\"file\":\"libvirt-2-storage\",\"backing\":null}\n"
               "-blockdev\n{\"driver\":\"file\",\"filename\":\"/top\","
               "\"node-name\":\"libvirt-1-storage\",\"auto-read-only\":true,"
               "\"discard\":\"unmap\"}\n"
               "-blockdev\n{\"node-name\":\"libvirt-1-format\","
               "\"read-only\":false,\"driver\":\"qcow2\","
               "\"file\":\"libvirt-1-storage\","
               "\"backing\":\"libvirt-2-format\"}");
}

static void
a_port_or_path_that_nobody_chose_is_refused(void **state)
{
    AUTO(guest) *graphics =
        guest_with("", "<graphics type='vnc' port='-1' autoport='yes'/>");
    AUTO(guest) *channel = guest_with(
        "", "<channel type='unix'><target type='virtio' name='x'/></channel>");

    (void)state;
    assert_refused(graphics, "graphics: VNC port -1 is not from 5900 to 65535");
    assert_refused(channel, "channel0: it has no path");
}

static void
a_log_can_be_read_by_a_shell(void **state)
{
    char *const argv[] = {(char[]){"/bin/qemu"},
                          (char[]){"-name"},
                          (char[]){"guest=it's"},
                          (char[]){"-S"},
                          (char[]){"-append"},
                          (char[]){""},
                          NULL};
    AUTO_FREE char *text = qemu_argv_to_text(argv);

    (void)state;
    assert_string_equal(text, "/bin/qemu \\\n-name 'guest=it'\\''s' \\\n-S "
                              "\\\n-append ''\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_line_is_that_of_libvirt),
        cmocka_unit_test(the_monitor_is_where_the_process_puts_it),
        cmocka_unit_test(an_incoming_guest_waits),
        cmocka_unit_test(memory_is_exact_to_the_kib),
        cmocka_unit_test(the_cpu_of_the_running_guest_wins),
        cmocka_unit_test(what_was_withheld_from_a_guest_is_off),
        cmocka_unit_test(a_newer_qemu_is_told_in_its_words),
        cmocka_unit_test(a_clock_with_an_offset_starts_from_now),
        cmocka_unit_test(tap_devices_come_from_the_caller),
        cmocka_unit_test(vnc_listens_where_it_is_told),
        cmocka_unit_test(character_devices_have_all_their_kinds),
        cmocka_unit_test(a_log_of_the_guest_survives_its_arrival),
        cmocka_unit_test(a_chain_of_images_is_built_from_the_bottom),
        cmocka_unit_test(a_port_or_path_that_nobody_chose_is_refused),
        cmocka_unit_test(a_log_can_be_read_by_a_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
