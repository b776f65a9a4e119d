/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <blockDirtyBitmaps>
 *   <disk target='vda'>
 *     <bitmap name='bm0' alias='libvirt-vda-bm0'/>
 *   </disk>
 * </blockDirtyBitmaps>
 *
 * Which bitmaps the source would send, then which of them the destination
 * takes. */

#include "migrate/cookie_sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

static int parse_disk(struct migration_cookie *cookie, const xmlNode *disk,
                      struct error *err);
static bool is_same_disk(const struct cookie_bitmaps *list, size_t a, size_t b);

void
migration_cookie_add_bitmap(struct migration_cookie *cookie, const char *disk,
                            const char *name, const char *alias)
{
    struct cookie_bitmaps *list = &cookie->bitmaps;

    list->items = array_grow(list->items, &list->capacity, list->count,
                             sizeof(*list->items));
    list->items[list->count++] = (struct cookie_bitmap){
        .disk = xstrdup(disk),
        .name = xstrdup(name),
        .alias = xstrdup(alias),
    };
    cookie->sections |= COOKIE_BITMAPS;
}

int
cookie_parse_bitmaps(struct migration_cookie *cookie, xmlNode *section,
                     struct error *err)
{
    for (const xmlNode *disk = cookie_child(section, "disk"); disk;
         disk = cookie_next(disk, "disk")) {
        if (parse_disk(cookie, disk, err) < 0) {
            return -1;
        }
    }
    return 0;
}

void
cookie_format_bitmaps(const struct migration_cookie *cookie, struct text *text)
{
    const struct cookie_bitmaps *list = &cookie->bitmaps;

    text_add(text, "  <blockDirtyBitmaps>\n");
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || !is_same_disk(list, i - 1, i)) {
            text_add(text, "    <disk");
            cookie_add_attribute(text, "target", list->items[i].disk);
            text_add(text, ">\n");
        }
        text_add(text, "      <bitmap");
        cookie_add_attribute(text, "name", list->items[i].name);
        cookie_add_attribute(text, "alias", list->items[i].alias);
        text_add(text, "/>\n");
        if (i + 1 == list->count || !is_same_disk(list, i, i + 1)) {
            text_add(text, "    </disk>\n");
        }
    }
    text_add(text, "  </blockDirtyBitmaps>\n");
}

void
cookie_done_bitmaps(struct migration_cookie *cookie)
{
    for (size_t i = 0; i < cookie->bitmaps.count; i++) {
        free(cookie->bitmaps.items[i].disk);
        free(cookie->bitmaps.items[i].name);
        free(cookie->bitmaps.items[i].alias);
    }
    free(cookie->bitmaps.items);
}

static int
parse_disk(struct migration_cookie *cookie, const xmlNode *disk,
           struct error *err)
{
    AUTO_FREE char *target = cookie_attribute(disk, "target");

    if (!target) {
        return error_set(err, ERROR_INTERNAL,
                         "missing target attribute in migration data");
    }
    for (const xmlNode *node = cookie_child(disk, "bitmap"); node;
         node = cookie_next(node, "bitmap")) {
        AUTO_FREE char *name = cookie_attribute(node, "name");
        AUTO_FREE char *alias = cookie_attribute(node, "alias");

        if (!name || !alias) {
            return error_set(err, ERROR_INTERNAL,
                             "missing name or alias of a bitmap in migration "
                             "data");
        }
        if (cookie->bitmaps.count >= MIGRATION_COOKIE_MAX_ITEMS) {
            return error_set(err, ERROR_INTERNAL,
                             "Too many bitmaps in migration cookie");
        }
        migration_cookie_add_bitmap(cookie, target, name, alias);
    }
    return 0;
}

static bool
is_same_disk(const struct cookie_bitmaps *list, size_t a, size_t b)
{
    return strcmp(list->items[a].disk, list->items[b].disk) == 0;
}
