/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <domain>...</domain>: the configuration that the destination is to keep, as
 * guest/ writes and reads it. */

#include "migrate/cookie_sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

void
migration_cookie_set_persistent(struct migration_cookie *cookie,
                                const char *xml)
{
    char *copy = xstrdup(xml);

    free(cookie->persistent);
    cookie->persistent = copy;
    cookie->features |= COOKIE_PERSISTENT;
    cookie->sections |= COOKIE_PERSISTENT;
}

int
cookie_parse_persistent(struct migration_cookie *cookie, xmlNode *section,
                        struct error *err)
{
    (void)err;
    cookie->persistent = cookie_dump(section);
    return 0;
}

/* As it is: what spans lines in it may be text, which must not be indented. */
void
cookie_format_persistent(const struct migration_cookie *cookie,
                         struct text *text)
{
    text_addf(text, "  %s", cookie->persistent);
    if (!has_suffix(cookie->persistent, "\n")) {
        text_add(text, "\n");
    }
}

void
cookie_done_persistent(struct migration_cookie *cookie)
{
    free(cookie->persistent);
}
