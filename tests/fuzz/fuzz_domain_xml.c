/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain XML from anybody: it is read, checked, written, and what was written
 * is read again and must be written the same.  Seeds: tests/golden/guest. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "guest/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_form(const struct guest *guest, unsigned format_flags,
           unsigned parse_flags)
{
    AUTO_FREE char *first = guest_format(guest, format_flags);
    AUTO_ERROR err = {0};
    AUTO(guest) *again = guest_parse(first, strlen(first), parse_flags, &err);

    assert(again);
    AUTO_FREE char *second = guest_format(again, format_flags);
    assert(strcmp(first, second) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned flags[] = {0, GUEST_PARSE_INACTIVE,
                                     GUEST_PARSE_MIGRATION, GUEST_PARSE_STATUS};

    for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
        AUTO_ERROR err = {0}, check_err = {0};
        AUTO(guest) *guest =
            guest_parse((const char *)data, size, flags[i], &err);

        assert((guest != NULL) != error_is_set(&err));
        if (!guest) {
            continue;
        }
        AUTO(guest) *copy = guest_copy(guest);
        (void)guest_check(guest, &check_err);
        check_form(copy, GUEST_FORMAT_STATUS, GUEST_PARSE_STATUS);
        check_form(copy, GUEST_FORMAT_SECURE | GUEST_FORMAT_INACTIVE,
                   GUEST_PARSE_INACTIVE);
        check_form(copy, GUEST_FORMAT_SECURE | GUEST_FORMAT_MIGRATABLE,
                   GUEST_PARSE_MIGRATION);
    }
    return 0;
}
