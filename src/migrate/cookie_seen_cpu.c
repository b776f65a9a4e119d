/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <x-vmferry-cpu>model=qemu64 +apic +lm</x-vmferry-cpu>: the CPU that the guest
 * sees, of the source's QEMU's own saying, as guest/ writes and reads it.  An
 * element of ours; a libvirtd ignores it. */

#include "migrate/cookie_sections.h"

#include <stdlib.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

void
migration_cookie_set_seen_cpu(struct migration_cookie *cookie, const char *text)
{
    char *copy = xstrdup(text);

    free(cookie->seen_cpu);
    cookie->seen_cpu = copy;
    cookie->sections |= COOKIE_SEEN_CPU;
}

int
cookie_parse_seen_cpu(struct migration_cookie *cookie, xmlNode *section,
                      struct error *err)
{
    cookie->seen_cpu = cookie_content(section);
    if (!cookie->seen_cpu) {
        return error_set(err, ERROR_INTERNAL,
                         "missing CPU in migration cookie");
    }
    return 0;
}

void
cookie_format_seen_cpu(const struct migration_cookie *cookie, struct text *text)
{
    text_add(text, "  <x-vmferry-cpu>");
    cookie_escape(text, cookie->seen_cpu);
    text_add(text, "</x-vmferry-cpu>\n");
}

void
cookie_done_seen_cpu(struct migration_cookie *cookie)
{
    free(cookie->seen_cpu);
}
