/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <lockstate driver='sanlock'>
 *   <leases>...</leases>
 * </lockstate>
 *
 * There is no lock manager here, so only the word "none" of libvirt's, "nop",
 * is understood.  The feature without the element is what everybody sends. */

#include "migrate/cookie_sections.h"

#include <stdlib.h>
#include <string.h>

#include "migrate/cookie_xml.h"

int
cookie_parse_lockstate(struct migration_cookie *cookie, xmlNode *section,
                       struct error *err)
{
    const xmlNode *leases = cookie_child(section, "leases");

    cookie->lockstate.driver = cookie_attribute(section, "driver");
    if (!cookie->lockstate.driver) {
        return error_set(err, ERROR_INTERNAL,
                         "Missing lock driver name in migration cookie");
    }
    if (strcmp(cookie->lockstate.driver, "nop") != 0) {
        return error_set(err, ERROR_INTERNAL,
                         "Source host lock driver %s different from target nop",
                         cookie->lockstate.driver);
    }
    cookie->lockstate.leases = leases ? cookie_content(leases) : NULL;
    return 0;
}

void
cookie_format_lockstate(const struct migration_cookie *cookie,
                        struct text *text)
{
    text_add(text, "  <lockstate");
    cookie_add_attribute(text, "driver", cookie->lockstate.driver);
    text_add(text, ">\n    <leases>");
    cookie_escape(text,
                  cookie->lockstate.leases ? cookie->lockstate.leases : "");
    text_add(text, "</leases>\n  </lockstate>\n");
}

void
cookie_done_lockstate(struct migration_cookie *cookie)
{
    free(cookie->lockstate.driver);
    free(cookie->lockstate.leases);
}
