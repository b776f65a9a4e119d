/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <capabilities>
 *   <cap name='xbzrle' auto='no'/>
 * </capabilities>
 *
 * What the sender's QEMU can do for a migration, and what of it the sender
 * switches on without being asked. */

#include "migrate/cookie_sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

void
migration_cookie_add_capability(struct migration_cookie *cookie,
                                const char *name, bool is_auto)
{
    struct cookie_capabilities *list = &cookie->capabilities;

    list->items = array_grow(list->items, &list->capacity, list->count,
                             sizeof(*list->items));
    list->items[list->count++] = (struct cookie_capability){
        .name = xstrdup(name),
        .is_auto = is_auto,
    };
    cookie->sections |= COOKIE_CAPABILITIES;
}

bool
migration_cookie_has_capability(const struct migration_cookie *cookie,
                                const char *name, bool *is_auto)
{
    const struct cookie_capabilities *list = &cookie->capabilities;

    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            if (is_auto) {
                *is_auto = list->items[i].is_auto;
            }
            return true;
        }
    }
    return false;
}

int
cookie_parse_capabilities(struct migration_cookie *cookie, xmlNode *section,
                          struct error *err)
{
    for (const xmlNode *node = cookie_child(section, "cap"); node;
         node = cookie_next(node, "cap")) {
        AUTO_FREE char *name = cookie_attribute(node, "name");
        AUTO_FREE char *is_auto = cookie_attribute(node, "auto");

        if (!name) {
            return error_set(err, ERROR_INTERNAL,
                             "missing migration capability name");
        }
        if (cookie->capabilities.count >= MIGRATION_COOKIE_MAX_ITEMS) {
            return error_set(err, ERROR_INTERNAL,
                             "Too many capabilities in migration cookie");
        }
        migration_cookie_add_capability(cookie, name,
                                        is_same_text(is_auto, "yes"));
    }
    return 0;
}

void
cookie_format_capabilities(const struct migration_cookie *cookie,
                           struct text *text)
{
    const struct cookie_capabilities *list = &cookie->capabilities;

    text_add(text, "  <capabilities>\n");
    for (size_t i = 0; i < list->count; i++) {
        text_add(text, "    <cap");
        cookie_add_attribute(text, "name", list->items[i].name);
        text_addf(text, " auto='%s'/>\n",
                  list->items[i].is_auto ? "yes" : "no");
    }
    text_add(text, "  </capabilities>\n");
}

void
cookie_done_capabilities(struct migration_cookie *cookie)
{
    for (size_t i = 0; i < cookie->capabilities.count; i++) {
        free(cookie->capabilities.items[i].name);
    }
    free(cookie->capabilities.items);
}
