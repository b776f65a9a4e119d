/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "argv_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "guest/complete.h"
#include "qemu/process.h"

const struct qemu_argv_options usual = {
    .monitor_fd = QEMU_MONITOR_FD,
    .has_sandbox = true,
};

void
set_text(char **text, const char *value)
{
    free(*text);
    *text = xstrdup_null(value);
}

static const char *
find_machine(void *owner, const char *emulator, const char *machine)
{
    (void)owner;
    (void)emulator;
    return strcmp(machine, "pc") == 0    ? "pc-i440fx-7.2"
           : strcmp(machine, "q35") == 0 ? "pc-q35-7.2"
                                         : machine;
}

struct guest *
guest_of(const char *xml)
{
    static const struct guest_host host = {
        .find_machine = find_machine,
        .emulator = "/usr/bin/qemu-system-x86_64",
    };
    AUTO_ERROR err = {0};
    struct guest *guest =
        guest_parse(xml, strlen(xml), GUEST_PARSE_INACTIVE, &err);

    if (guest == NULL || guest_complete(guest, &host, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return guest;
}

struct guest *
guest_with(const char *rest, const char *devices)
{
    AUTO_FREE char *xml =
        xasprintf("<domain type='qemu'><name>demo</name>"
                  "<uuid>c0ffee00-1234-4abc-8def-0123456789ab</uuid>"
                  "<memory unit='KiB'>98304</memory>"
                  "<os><type machine='pc'>hvm</type></os>"
                  "%s<devices>%s<memballoon model='none'/></devices></domain>",
                  rest, devices);

    return guest_of(xml);
}

char *
lines_of(const struct guest *guest, const struct qemu_argv_options *options)
{
    AUTO_ERROR err = {0};
    AUTO_TEXT text = {0};
    char **argv = qemu_argv_new(guest, options, &err);

    if (argv == NULL) {
        fail_msg("%s", err.message);
        return NULL;
    }
    for (size_t i = 0; argv[i] != NULL; i++) {
        text_addf(&text, "%s\n", argv[i]);
    }
    qemu_argv_free(argv);
    return text_take(&text);
}

void
assert_has(const char *lines, const char *arguments)
{
    AUTO_FREE char *wanted = xasprintf("\n%s\n", arguments);

    if (strstr(lines, wanted) == NULL) {
        fail_msg("no '%s' in:\n%s", arguments, lines);
    }
}

void
assert_has_not(const char *lines, const char *part)
{
    if (strstr(lines, part) != NULL) {
        fail_msg("'%s' in:\n%s", part, lines);
    }
}

void
assert_refused(const struct guest *guest, const char *message)
{
    AUTO_ERROR err = {0};

    assert_null(qemu_argv_new(guest, &usual, &err));
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, ERROR_CONFIG_UNSUPPORTED);
}
