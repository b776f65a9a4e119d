/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <nbd port='49311'>
 *   <disk target='vda' capacity='67108864'/>
 * </nbd>
 *
 * From the source: its disks, so that the destination can make room for them.
 * From the destination: where its NBD server is. */

#include "migrate/cookie_sections.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

void
migration_cookie_add_nbd_disk(struct migration_cookie *cookie,
                              const char *target, uint64_t capacity)
{
    struct cookie_nbd *nbd = &cookie->nbd;

    nbd->items =
        array_grow(nbd->items, &nbd->capacity, nbd->count, sizeof(*nbd->items));
    nbd->items[nbd->count++] = (struct cookie_nbd_disk){
        .target = xstrdup(target),
        .capacity = capacity,
    };
    cookie->sections |= COOKIE_NBD;
}

int
cookie_parse_nbd(struct migration_cookie *cookie, xmlNode *section,
                 struct error *err)
{
    AUTO_FREE char *port_text = cookie_attribute(section, "port");
    uint64_t port = 0;

    if (port_text && !parse_u64(port_text, UINT16_MAX, &port)) {
        return error_set(err, ERROR_INTERNAL, "Malformed nbd port '%s'",
                         port_text);
    }
    cookie->nbd.port = (uint16_t)port;
    for (const xmlNode *node = cookie_child(section, "disk"); node;
         node = cookie_next(node, "disk")) {
        AUTO_FREE char *target = cookie_attribute(node, "target");
        uint64_t capacity;

        if (!target) {
            return error_set(err, ERROR_INTERNAL, "Malformed disk target");
        }
        if (!cookie_attribute_u64(node, "capacity", UINT64_MAX, &capacity)) {
            return error_set(err, ERROR_INTERNAL,
                             "Malformed disk capacity of '%s'", target);
        }
        if (cookie->nbd.count >= MIGRATION_COOKIE_MAX_ITEMS) {
            return error_set(err, ERROR_INTERNAL,
                             "Too many disks in migration cookie");
        }
        migration_cookie_add_nbd_disk(cookie, target, capacity);
    }
    return 0;
}

void
cookie_format_nbd(const struct migration_cookie *cookie, struct text *text)
{
    const struct cookie_nbd *nbd = &cookie->nbd;

    text_add(text, "  <nbd");
    if (nbd->port) {
        text_addf(text, " port='%u'", nbd->port);
    }
    if (nbd->count == 0) {
        text_add(text, "/>\n");
        return;
    }
    text_add(text, ">\n");
    for (size_t i = 0; i < nbd->count; i++) {
        text_add(text, "    <disk");
        cookie_add_attribute(text, "target", nbd->items[i].target);
        text_addf(text, " capacity='%" PRIu64 "'/>\n", nbd->items[i].capacity);
    }
    text_add(text, "  </nbd>\n");
}

void
cookie_done_nbd(struct migration_cookie *cookie)
{
    for (size_t i = 0; i < cookie->nbd.count; i++) {
        free(cookie->nbd.items[i].target);
    }
    free(cookie->nbd.items);
}
