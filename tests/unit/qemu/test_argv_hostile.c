/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text that would like to be more than text on QEMU's command line. */

#include "argv_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "guest/complete.h"
#include "qemu/process.h"

/* Closes a string, a JSON object and a list, starts an option. */
#define HOSTILE "a,id=x\",\"b\":1}'\n-incoming,exec:sh $(id)"

static void
a_name_stays_one_argument(void **state)
{
    AUTO(guest) *guest = guest_with("", "");

    (void)state;
    set_text(&guest->name, "x,process=evil,debug-threads=off");
    AUTO_FREE char *lines = lines_of(guest, &usual);

    assert_has(lines, "-name\nguest=x,,process=evil,,debug-threads=off,"
                      "debug-threads=on");
}

/* Counts the arguments, and finds the one that has 'part'. */
static size_t
count_arguments(const struct guest *guest, const char *part, char **found)
{
    AUTO_ERROR err = {0};
    char **argv = qemu_argv_new(guest, &usual, &err);
    size_t count = 0;

    assert_non_null(argv);
    for (; argv[count] != NULL; count++) {
        if (part != NULL && strstr(argv[count], part) != NULL) {
            assert_null(*found);
            *found = xstrdup(argv[count]);
        }
    }
    qemu_argv_free(argv);
    return count;
}

static void
a_path_of_an_image_stays_a_string(void **state)
{
    AUTO(guest) *guest = guest_with(
        "", "<disk type='file'><source file='/plain'/><target dev='vda'/>"
            "</disk>");
    size_t count = count_arguments(guest, NULL, NULL);
    AUTO_FREE char *found = NULL;

    (void)state;
    set_text(&guest->disks.items[0]->path, HOSTILE);
    assert_int_equal(count_arguments(guest, "exec:sh", &found), count);
    assert_string_equal(
        found, "{\"driver\":\"file\",\"filename\":\"a,id=x\\\",\\\"b\\\":1}'\\n"
               "-incoming,exec:sh $(id)\",\"node-name\":\"libvirt-1-storage\","
               "\"auto-read-only\":true,\"discard\":\"unmap\"}");
}

static void
a_path_of_a_character_device_stays_a_value(void **state)
{
    AUTO(guest) *guest =
        guest_with("", "<serial type='file'><source path='/l'/></serial>");
    size_t count = count_arguments(guest, NULL, NULL);
    AUTO_FREE char *found = NULL;

    (void)state;
    set_text(&guest->serials.items[0]->path, HOSTILE);
    assert_int_equal(count_arguments(guest, "exec:sh", &found), count);
    assert_string_equal(found, "file,id=charserial0,path=a,,id=x\",,\"b\":1}'\n"
                               "-incoming,,exec:sh $(id)");
}

static void
texts_for_the_firmware_stay_values(void **state)
{
    AUTO(guest) *guest = guest_with(
        "<sysinfo type='fwcfg'><entry name='opt/a,file=/etc/shadow'>"
        "v,string=w</entry></sysinfo>"
        "<sysinfo type='smbios'><system>"
        "<entry name='serial'>s,file=/etc/shadow</entry></system></sysinfo>",
        "");

    (void)state;
    guest->os.smbios = GUEST_SMBIOS_MODE_SYSINFO;
    AUTO_FREE char *lines = lines_of(guest, &usual);

    assert_has(lines, "-smbios\ntype=1,serial=s,,file=/etc/shadow");
    assert_has(lines, "-fw_cfg\nname=opt/a,,file=/etc/shadow,"
                      "string=v,,string=w");
}

static void
a_kernel_that_looks_like_an_option_is_the_value_of_one(void **state)
{
    AUTO(guest) *guest = guest_with("", "");

    (void)state;
    guest->os.kernel = xstrdup("-daemonize");
    guest->os.cmdline = xstrdup("-monitor stdio,x");
    AUTO_FREE char *lines = lines_of(guest, &usual);

    assert_has(lines, "-kernel\n-daemonize\n-append\n-monitor stdio,x");
}

static void
words_that_cannot_be_quoted_are_refused(void **state)
{
    AUTO(guest) *guest = guest_with(
        "<cpu match='exact'><model>qemu64</model>"
        "<feature policy='require' name='aes'/></cpu>",
        "<graphics type='vnc' port='5900' autoport='no' keymap='de'/>");
    struct guest_cpu *cpu = guest->cpu;

    (void)state;
    set_text(&cpu->features.items[0]->name, "aes=off,x");
    assert_refused(guest, "the CPU feature 'aes=off,x' cannot be put on QEMU's "
                          "command line");
    set_text(&cpu->features.items[0]->name, "aes");
    set_text(&cpu->model, "qemu64,svm=on");
    assert_refused(guest, "the CPU model 'qemu64,svm=on' cannot be put on "
                          "QEMU's command line");
    set_text(&cpu->model, "qemu64");
    set_text(&guest->graphics.items[0]->keymap, "../../etc/passwd");
    assert_refused(guest, "the keymap '../../etc/passwd' cannot be put on "
                          "QEMU's command line");
    set_text(&guest->graphics.items[0]->keymap, NULL);
    set_text(&guest->graphics.items[0]->listen, "unix:/tmp/x,to=9");
    assert_refused(guest, "the VNC address 'unix:/tmp/x,to=9' cannot be put on "
                          "QEMU's command line");
    set_text(&guest->graphics.items[0]->listen, NULL);
    set_text(&guest->os.machine, "pc,accel=kvm");
    assert_refused(guest, "the machine 'pc,accel=kvm' cannot be put on QEMU's "
                          "command line");
}

static void
an_alias_cannot_add_an_option(void **state)
{
    AUTO(guest) *guest = guest_with("", "<serial type='pty'/>");

    (void)state;
    set_text(&guest->serials.items[0]->device.alias, "s,path=/x");
    assert_refused(guest, "the alias 's,path=/x' cannot be put on QEMU's "
                          "command line");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_stays_one_argument),
        cmocka_unit_test(a_path_of_an_image_stays_a_string),
        cmocka_unit_test(a_path_of_a_character_device_stays_a_value),
        cmocka_unit_test(texts_for_the_firmware_stay_values),
        cmocka_unit_test(
            a_kernel_that_looks_like_an_option_is_the_value_of_one),
        cmocka_unit_test(words_that_cannot_be_quoted_are_refused),
        cmocka_unit_test(an_alias_cannot_add_an_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
