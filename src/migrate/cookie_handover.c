/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <x-vmferry-handover id='UUID' token='yes' comes-back='yes' uri='...'/>: who
 * may run the guest (docs/decisions/010-a-token-for-the-guest.md).  An element
 * of ours; a libvirtd ignores it. */

#include "migrate/cookie_sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

enum { URI_LENGTH_MAX = 1024 };

static bool is_yes(const xmlNode *section, const char *name);

void
migration_cookie_set_handover(struct migration_cookie *cookie,
                              const struct cookie_handover *from)
{
    char *uri = xstrdup_null(from->uri);

    cookie_done_handover(cookie);
    cookie->handover = *from;
    cookie->handover.uri = uri;
    cookie->sections |= COOKIE_HANDOVER;
}

int
cookie_parse_handover(struct migration_cookie *cookie, xmlNode *section,
                      struct error *err)
{
    struct cookie_handover *handover = &cookie->handover;
    AUTO_FREE char *id = cookie_attribute(section, "id");

    if (!id || !uuid_parse(id, &handover->id)) {
        return error_set(err, ERROR_INTERNAL,
                         "malformed handover id in migration cookie");
    }
    handover->has_token = is_yes(section, "token");
    handover->comes_back = is_yes(section, "comes-back");
    handover->uri = cookie_attribute(section, "uri");
    if (handover->uri && strlen(handover->uri) > URI_LENGTH_MAX) {
        return error_set(err, ERROR_INTERNAL,
                         "handover URI in migration cookie is too long");
    }
    return 0;
}

void
cookie_format_handover(const struct migration_cookie *cookie, struct text *text)
{
    const struct cookie_handover *handover = &cookie->handover;
    char id[UUID_TEXT_SIZE];

    uuid_format(&handover->id, id);
    text_addf(text, "  <x-vmferry-handover id='%s'", id);
    if (handover->has_token) {
        text_add(text, " token='yes'");
    }
    if (handover->comes_back) {
        text_add(text, " comes-back='yes'");
    }
    if (handover->uri) {
        cookie_add_attribute(text, "uri", handover->uri);
    }
    text_add(text, "/>\n");
}

void
cookie_done_handover(struct migration_cookie *cookie)
{
    free(STEAL(cookie->handover.uri));
}

static bool
is_yes(const xmlNode *section, const char *name)
{
    AUTO_FREE char *value = cookie_attribute(section, name);

    return value && strcmp(value, "yes") == 0;
}
