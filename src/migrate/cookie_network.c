/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <network>
 *   <interface index='1' vporttype='openvswitch'>
 *     <portdata>...</portdata>
 *   </interface>
 * </network>
 *
 * What the ports of the guest's interfaces have to take along. */

#include "migrate/cookie_sections.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

static int parse_interface(struct cookie_network *network, const xmlNode *node,
                           struct error *err);

int
cookie_parse_network(struct migration_cookie *cookie, xmlNode *section,
                     struct error *err)
{
    for (const xmlNode *node = cookie_child(section, "interface"); node;
         node = cookie_next(node, "interface")) {
        if (parse_interface(&cookie->network, node, err) < 0) {
            return -1;
        }
    }
    return 0;
}

void
cookie_format_network(const struct migration_cookie *cookie, struct text *text)
{
    text_add(text, "  <network>\n");
    for (size_t i = 0; i < cookie->network.count; i++) {
        const struct cookie_interface *item = &cookie->network.items[i];

        text_addf(text, "    <interface index='%" PRIu32 "'", item->index);
        cookie_add_attribute(text, "vporttype", item->port_type);
        if (!item->port_data) {
            text_add(text, "/>\n");
            continue;
        }
        text_add(text, ">\n      <portdata>");
        cookie_escape(text, item->port_data);
        text_add(text, "</portdata>\n    </interface>\n");
    }
    text_add(text, "  </network>\n");
}

void
cookie_done_network(struct migration_cookie *cookie)
{
    for (size_t i = 0; i < cookie->network.count; i++) {
        free(cookie->network.items[i].port_type);
        free(cookie->network.items[i].port_data);
    }
    free(cookie->network.items);
}

static int
parse_interface(struct cookie_network *network, const xmlNode *node,
                struct error *err)
{
    const xmlNode *data = cookie_child(node, "portdata");
    AUTO_FREE char *type = cookie_attribute(node, "vporttype");
    uint64_t index = 0;

    if (!type) {
        return error_set(err, ERROR_INTERNAL,
                         "missing vporttype attribute in migration data");
    }
    if (!cookie_attribute_u64(node, "index", UINT32_MAX, &index)) {
        return error_set(err, ERROR_INTERNAL,
                         "missing index attribute in migration data");
    }
    if (network->count >= MIGRATION_COOKIE_MAX_ITEMS) {
        return error_set(err, ERROR_INTERNAL,
                         "Too many interfaces in migration cookie");
    }
    network->items = array_grow(network->items, &network->capacity,
                                network->count, sizeof(*network->items));
    network->items[network->count++] = (struct cookie_interface){
        .index = (uint32_t)index,
        .port_type = STEAL(type),
        .port_data = data ? cookie_content(data) : NULL,
    };
    return 0;
}
