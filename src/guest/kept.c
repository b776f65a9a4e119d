/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base/memory.h"
#include "guest/check.h"
#include "guest/guest.h"

int
guest_check_kept(const struct guest *guest, unsigned format_flags,
                 unsigned parse_flags, struct error *err)
{
    AUTO_FREE char *xml = guest_format(guest, format_flags);
    AUTO(guest) *read = guest_parse(xml, strlen(xml), parse_flags, err);

    if (!read || guest_check(read, err) < 0) {
        return error_wrap(err, "domain '%s' could not be read again",
                          guest->name);
    }
    return 0;
}
