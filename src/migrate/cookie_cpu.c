/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <cpu mode='custom' match='exact' check='full'>...</cpu>: the CPU that the
 * guest really has, fully expanded, as guest/ writes and reads it. */

#include "migrate/cookie_sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

void
migration_cookie_set_cpu(struct migration_cookie *cookie, const char *xml)
{
    char *copy = xstrdup(xml);

    free(cookie->cpu);
    cookie->cpu = copy;
    cookie->sections |= COOKIE_CPU;
}

int
cookie_parse_cpu(struct migration_cookie *cookie, xmlNode *section,
                 struct error *err)
{
    (void)err;
    cookie->cpu = cookie_dump(section);
    return 0;
}

/* Line by line, so that it is indented like the rest. */
void
cookie_format_cpu(const struct migration_cookie *cookie, struct text *text)
{
    const char *line = cookie->cpu;

    while (*line) {
        size_t length = strcspn(line, "\n");

        text_add(text, "  ");
        text_add_bytes(text, line, length);
        text_add(text, "\n");
        line += length;
        line += *line == '\n';
    }
}

void
cookie_done_cpu(struct migration_cookie *cookie)
{
    free(cookie->cpu);
}
