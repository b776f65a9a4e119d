/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <graphics type='spice' port='5901' listen='127.0.0.1' tlsPort='-1'>
 *   <cert info='subject' value='C=...'/>
 * </graphics>
 *
 * Where the destination's display is, so that the source can send its viewers
 * there. */

#include "migrate/cookie_sections.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

static void parse_certificate(struct cookie_graphics *graphics,
                              const xmlNode *section);

int
cookie_parse_graphics(struct migration_cookie *cookie, xmlNode *section,
                      struct error *err)
{
    struct cookie_graphics *graphics = &cookie->graphics;
    int64_t port;
    int64_t tls_port = -1;

    graphics->type = cookie_attribute(section, "type");
    if (!graphics->type) {
        return error_set(err, ERROR_INTERNAL,
                         "missing type attribute in migration data");
    }
    if (!cookie_attribute_i64(section, "port", -1, UINT16_MAX, &port)) {
        return error_set(err, ERROR_INTERNAL,
                         "missing port attribute in migration data");
    }
    if (strcmp(graphics->type, "spice") == 0 &&
        !cookie_attribute_i64(section, "tlsPort", -1, UINT16_MAX, &tls_port)) {
        return error_set(err, ERROR_INTERNAL,
                         "missing tlsPort attribute in migration data");
    }
    graphics->listen = cookie_attribute(section, "listen");
    if (!graphics->listen) {
        return error_set(err, ERROR_INTERNAL,
                         "missing listen attribute in migration data");
    }
    graphics->port = (int32_t)port;
    graphics->tls_port = (int32_t)tls_port;
    parse_certificate(graphics, section);
    return 0;
}

void
cookie_format_graphics(const struct migration_cookie *cookie, struct text *text)
{
    const struct cookie_graphics *graphics = &cookie->graphics;

    text_add(text, "  <graphics");
    cookie_add_attribute(text, "type", graphics->type);
    text_addf(text, " port='%" PRId32 "'", graphics->port);
    cookie_add_attribute(text, "listen", graphics->listen);
    if (strcmp(graphics->type, "spice") == 0) {
        text_addf(text, " tlsPort='%" PRId32 "'", graphics->tls_port);
    }
    if (!graphics->tls_subject) {
        text_add(text, "/>\n");
        return;
    }
    text_add(text, ">\n    <cert info='subject'");
    cookie_add_attribute(text, "value", graphics->tls_subject);
    text_add(text, "/>\n  </graphics>\n");
}

void
cookie_done_graphics(struct migration_cookie *cookie)
{
    free(cookie->graphics.type);
    free(cookie->graphics.listen);
    free(cookie->graphics.tls_subject);
}

static void
parse_certificate(struct cookie_graphics *graphics, const xmlNode *section)
{
    for (const xmlNode *node = cookie_child(section, "cert"); node;
         node = cookie_next(node, "cert")) {
        AUTO_FREE char *info = cookie_attribute(node, "info");

        if (!graphics->tls_subject && is_same_text(info, "subject")) {
            graphics->tls_subject = cookie_attribute(node, "value");
        }
    }
}
