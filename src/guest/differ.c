/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/differ.h"

int
guest_compare(const struct guest *source, const struct guest *destination,
              struct error *err)
{
    (void)source;
    (void)destination;
    (void)err;
    return 0;
}
