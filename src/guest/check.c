/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "guest/guest.h"

int
guest_check(const struct guest *guest, struct error *err)
{
    if (strchr(guest->name, '/')) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "name %s cannot contain '/'", guest->name);
    }
    return 0;
}
