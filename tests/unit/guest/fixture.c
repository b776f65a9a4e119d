/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

char *
golden_read(const char *name)
{
    AUTO_FREE char *path = xasprintf("%s/%s", GOLDEN_FOLDER, name);
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

struct guest *
guest_of(const char *xml, unsigned flags)
{
    AUTO_ERROR err = {0};
    struct guest *guest = guest_parse(xml, strlen(xml), flags, &err);

    if (!guest) {
        fail_msg("%s", err.message);
    }
    return guest;
}

char *
domain_with(const char *rest, const char *devices)
{
    return xasprintf("<domain type='qemu'>\n"
                     "<name>demo</name>\n"
                     "<memory unit='KiB'>131080</memory>\n"
                     "<os><type machine='pc'>hvm</type></os>\n"
                     "%s\n"
                     "<devices>\n%s\n</devices>\n"
                     "</domain>\n",
                     rest, devices);
}

void
assert_refused(const char *xml, enum error_code code, const char *message)
{
    AUTO_ERROR err = {0};
    AUTO(guest) *guest =
        guest_parse(xml, strlen(xml), GUEST_PARSE_INACTIVE, &err);

    assert_null(guest);
    if (!strstr(err.message, message)) {
        fail_msg("'%s' is not in '%s'", message, err.message);
    }
    assert_int_equal(err.code, code);
}

void
assert_check_fails(const char *rest, const char *devices, enum error_code code,
                   const char *message)
{
    AUTO_FREE char *xml = domain_with(rest, devices);
    AUTO(guest) *guest = guest_of(xml, GUEST_PARSE_INACTIVE);
    AUTO_ERROR err = {0};

    assert_int_equal(guest_check(guest, &err), -1);
    if (!strstr(err.message, message)) {
        fail_msg("'%s' is not in '%s'", message, err.message);
    }
    assert_int_equal(err.code, code);
}
