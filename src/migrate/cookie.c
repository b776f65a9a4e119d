/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/cookie.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "migrate/cookie_sections.h"
#include "migrate/cookie_xml.h"

static const struct section {
    unsigned bit;
    const char *element;
    int (*parse)(struct migration_cookie *cookie, xmlNode *section,
                 struct error *err);
    void (*format)(const struct migration_cookie *cookie, struct text *text);
    void (*done)(struct migration_cookie *cookie);
} sections[] = {
#define X(name, bit, element)                                                  \
    {COOKIE_##bit, element, cookie_parse_##name, cookie_format_##name,         \
     cookie_done_##name},
    COOKIE_SECTION_LIST(X)
#undef X
};

static const struct {
    unsigned bit;
    const char *name;
} features[] = {
#define X(name, bit, text) {COOKIE_##name, text},
    MIGRATION_COOKIE_SECTIONS(X)
#undef X
};

/* What each call reads.  Of what can only be announced, memory-hotplug,
 * cpu-hotplug and allowReboot are not done here yet, hence refused. */
static const unsigned accepted[] = {
    [MIGRATION_CALL_BEGIN] = 0,
    [MIGRATION_CALL_PREPARE] = COOKIE_LOCKSTATE | COOKIE_NBD | COOKIE_CPU |
                               COOKIE_CAPABILITIES | COOKIE_BITMAPS |
                               COOKIE_SEEN_CPU | COOKIE_HANDOVER,
    [MIGRATION_CALL_PERFORM] = COOKIE_GRAPHICS | COOKIE_NBD |
                               COOKIE_CAPABILITIES | COOKIE_BITMAPS |
                               COOKIE_HANDOVER,
    [MIGRATION_CALL_FINISH] = COOKIE_NETWORK | COOKIE_STATISTICS | COOKIE_NBD |
                              COOKIE_PERSISTENT | COOKIE_HANDOVER,
    [MIGRATION_CALL_CONFIRM] = COOKIE_STATISTICS,
};

const char *const migration_cookie_capability_names[] = {
    "xbzrle",
    "auto-converge",
    "rdma-pin-all",
    "postcopy-ram",
    "compress",
    "pause-before-switchover",
    "late-block-activate",
    "multifd",
    "dirty-bitmaps",
    "return-path",
    "zero-copy-send",
    NULL,
};

static int parse_document(struct migration_cookie *cookie, const xmlDoc *doc,
                          const struct migration_cookie_reader *reader,
                          struct error *err);
static int parse_domain(struct migration_cookie *cookie, const xmlNode *root,
                        const struct migration_cookie_reader *reader,
                        struct error *err);
static int parse_host(struct migration_cookie *cookie, const xmlNode *root,
                      const struct migration_cookie_reader *reader,
                      struct error *err);
static int parse_features(struct migration_cookie *cookie, const xmlNode *root,
                          unsigned accepts, struct error *err);
static int parse_sections(struct migration_cookie *cookie, const xmlNode *root,
                          unsigned accepts, struct error *err);
static char *header_content(const xmlNode *root, const char *name,
                            struct error *err);
static void format_header(const struct migration_cookie *cookie,
                          struct text *text);

unsigned
migration_cookie_accepts(enum migration_call call)
{
    assert(call < MIGRATION_CALL_COUNT);
    return accepted[call];
}

int
migration_cookie_parse(struct migration_cookie *cookie, const char *bytes,
                       size_t size,
                       const struct migration_cookie_reader *reader,
                       struct error *err)
{
    AUTO_MIGRATION_COOKIE parsed = {0};
    xmlDoc *document;
    int result;

    if (size == 0) {
        return 0;
    }
    if (bytes[size - 1] != '\0') {
        return error_set(err, ERROR_INTERNAL,
                         "Migration cookie was not NULL terminated");
    }
    if (size > MIGRATION_COOKIE_MAX_SIZE) {
        return error_set(err, ERROR_INTERNAL,
                         "Migration cookie of %zu bytes is too large", size);
    }
    document = cookie_xml_parse(bytes, size - 1, err);
    if (!document) {
        return -1;
    }
    result = parse_document(&parsed, document, reader, err);
    xmlFreeDoc(document);
    if (result == 0) {
        *cookie = parsed;
        parsed = (struct migration_cookie){0};
    }
    return result;
}

char *
migration_cookie_format(const struct migration_cookie *cookie, size_t *size)
{
    AUTO_TEXT text = {0};

    text_add(&text, "<qemu-migration>\n");
    format_header(cookie, &text);
    for (size_t i = 0; i < ARRAY_COUNT(features); i++) {
        if (cookie->features & features[i].bit) {
            text_addf(&text, "  <feature name='%s'/>\n", features[i].name);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
        if (cookie->sections & sections[i].bit) {
            sections[i].format(cookie, &text);
        }
    }
    text_add(&text, "</qemu-migration>\n");
    *size = text.length + 1;
    return text_take(&text);
}

void
migration_cookie_init(struct migration_cookie *cookie, const char *name,
                      const struct uuid *uuid, const char *hostname,
                      const struct uuid *host_uuid)
{
    *cookie = (struct migration_cookie){
        .is_present = true,
        .name = xstrdup(name),
        .uuid = *uuid,
        .hostname = xstrdup(hostname),
        .host_uuid = *host_uuid,
    };
}

void
migration_cookie_done(struct migration_cookie *cookie)
{
    for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
        sections[i].done(cookie);
    }
    free(cookie->name);
    free(cookie->hostname);
    *cookie = (struct migration_cookie){0};
}

static int
parse_document(struct migration_cookie *cookie, const xmlDoc *doc,
               const struct migration_cookie_reader *reader, struct error *err)
{
    const xmlNode *root = xmlDocGetRootElement(doc);

    if (strcmp((const char *)root->name, "qemu-migration") != 0) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "unexpected root element <%s>, expecting "
                              "<qemu-migration>",
                              (const char *)root->name);
    }
    cookie->is_present = true;
    if (parse_domain(cookie, root, reader, err) < 0 ||
        parse_host(cookie, root, reader, err) < 0 ||
        parse_features(cookie, root, reader->accepts, err) < 0) {
        return -1;
    }
    return parse_sections(cookie, root, reader->accepts, err);
}

static int
parse_domain(struct migration_cookie *cookie, const xmlNode *root,
             const struct migration_cookie_reader *reader, struct error *err)
{
    AUTO_FREE char *uuid = NULL;
    char expected[UUID_TEXT_SIZE];

    cookie->name = header_content(root, "name", err);
    if (!cookie->name) {
        return -1;
    }
    if (strcmp(cookie->name, reader->name) != 0) {
        return error_set(err, ERROR_INTERNAL,
                         "Incoming cookie data had unexpected name %s vs %s",
                         cookie->name, reader->name);
    }
    uuid = header_content(root, "uuid", err);
    if (!uuid) {
        return -1;
    }
    uuid_format(reader->uuid, expected);
    if (strcmp(uuid, expected) != 0) {
        return error_set(err, ERROR_INTERNAL,
                         "Incoming cookie data had unexpected UUID %s vs %s",
                         uuid, expected);
    }
    cookie->uuid = *reader->uuid;
    return 0;
}

static int
parse_host(struct migration_cookie *cookie, const xmlNode *root,
           const struct migration_cookie_reader *reader, struct error *err)
{
    AUTO_FREE char *uuid = NULL;

    cookie->hostname = header_content(root, "hostname", err);
    if (!cookie->hostname) {
        return -1;
    }
    uuid = header_content(root, "hostuuid", err);
    if (!uuid) {
        return -1;
    }
    if (!uuid_parse(uuid, &cookie->host_uuid)) {
        return error_set(err, ERROR_INTERNAL,
                         "malformed hostuuid element in migration data");
    }
    if (uuid_is_equal(&cookie->host_uuid, reader->host_uuid)) {
        char own[UUID_TEXT_SIZE];

        uuid_format(reader->host_uuid, own);
        return error_set(err, ERROR_INTERNAL,
                         "Attempt to migrate guest to the same host %s", own);
    }
    return 0;
}

static int
parse_features(struct migration_cookie *cookie, const xmlNode *root,
               unsigned accepts, struct error *err)
{
    for (const xmlNode *node = cookie_child(root, "feature"); node;
         node = cookie_next(node, "feature")) {
        AUTO_FREE char *name = cookie_attribute(node, "name");
        unsigned bit = 0;

        if (!name) {
            return error_set(err, ERROR_INTERNAL, "missing feature name");
        }
        for (size_t i = 0; i < ARRAY_COUNT(features); i++) {
            if (strcmp(features[i].name, name) == 0) {
                bit = features[i].bit;
            }
        }
        if (!(bit & accepts)) {
            return error_set(err, ERROR_INTERNAL,
                             "%s migration cookie feature %s",
                             bit ? "Unsupported" : "Unknown", name);
        }
        cookie->features |= bit;
    }
    return 0;
}

static int
parse_sections(struct migration_cookie *cookie, const xmlNode *root,
               unsigned accepts, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
        xmlNode *node = cookie_child(root, sections[i].element);

        if (!node || !(accepts & sections[i].bit)) {
            continue;
        }
        if (cookie_next(node, sections[i].element)) {
            return error_set(err, ERROR_INTERNAL,
                             "Too many %s elements in migration cookie",
                             sections[i].element);
        }
        if (sections[i].parse(cookie, node, err) < 0) {
            return -1;
        }
        cookie->sections |= sections[i].bit;
    }
    return 0;
}

static char *
header_content(const xmlNode *root, const char *name, struct error *err)
{
    const xmlNode *node = cookie_child(root, name);
    char *content = node ? cookie_content(node) : NULL;

    if (!content) {
        error_set(err, ERROR_INTERNAL, "missing %s element in migration data",
                  name);
    }
    return content;
}

static void
format_header(const struct migration_cookie *cookie, struct text *text)
{
    char uuid[UUID_TEXT_SIZE];

    text_add(text, "  <name>");
    cookie_escape(text, cookie->name);
    uuid_format(&cookie->uuid, uuid);
    text_addf(text, "</name>\n  <uuid>%s</uuid>\n  <hostname>", uuid);
    cookie_escape(text, cookie->hostname);
    uuid_format(&cookie->host_uuid, uuid);
    text_addf(text, "</hostname>\n  <hostuuid>%s</hostuuid>\n", uuid);
}
