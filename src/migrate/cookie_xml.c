/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/cookie_xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"

static void refuse_dtd(void *context, const xmlChar *name,
                       const xmlChar *external, const xmlChar *system);
static void set_error(xmlParserCtxt *parser, struct error *err);
static char *take_xml_string(xmlChar *string);

xmlDoc *
cookie_xml_parse(const char *bytes, size_t length, struct error *err)
{
    xmlParserCtxt *parser = xmlNewParserCtxt();
    xmlDoc *document;
    bool has_dtd = false;

    /* Whatever it may declare: other encodings are for nothing but trouble. */
    if (!is_utf8(bytes, length)) {
        xmlFreeParserCtxt(parser);
        error_set(err, ERROR_XML_SYNTAX,
                  "(qemu_migration_cookie): is not UTF-8");
        return NULL;
    }
    if (!parser || length > INT_MAX) {
        xmlFreeParserCtxt(parser);
        error_set(err, ERROR_XML_SYNTAX,
                  "(qemu_migration_cookie): can't be parsed");
        return NULL;
    }
    parser->_private = &has_dtd;
    parser->sax->internalSubset = refuse_dtd;
    document = xmlCtxtReadMemory(parser, bytes, (int)length, NULL, "UTF-8",
                                 XML_PARSE_NONET | XML_PARSE_NOERROR |
                                     XML_PARSE_NOWARNING);
    if (has_dtd) {
        error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                       "(qemu_migration_cookie): has a document type");
    } else if (!document || !xmlDocGetRootElement(document)) {
        set_error(parser, err);
    }
    if (error_is_set(err)) {
        xmlFreeDoc(document);
        document = NULL;
    }
    xmlFreeParserCtxt(parser);
    return document;
}

xmlNode *
cookie_child(const xmlNode *parent, const char *name)
{
    for (xmlNode *node = parent->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE &&
            strcmp((const char *)node->name, name) == 0) {
            return node;
        }
    }
    return NULL;
}

xmlNode *
cookie_next(const xmlNode *element, const char *name)
{
    for (xmlNode *node = element->next; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE &&
            strcmp((const char *)node->name, name) == 0) {
            return node;
        }
    }
    return NULL;
}

char *
cookie_content(const xmlNode *element)
{
    AUTO_FREE char *content = take_xml_string(xmlNodeGetContent(element));

    return content && *content ? STEAL(content) : NULL;
}

char *
cookie_dump(xmlNode *element)
{
    xmlBuffer *buffer = xmlBufferCreate();
    char *text;

    xmlNodeDump(buffer, element->doc, element, 0, 0);
    text = xstrdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

char *
cookie_attribute(const xmlNode *element, const char *name)
{
    return take_xml_string(xmlGetNoNsProp(element, (const xmlChar *)name));
}

bool
cookie_attribute_u64(const xmlNode *element, const char *name, uint64_t max,
                     uint64_t *value)
{
    AUTO_FREE char *text = cookie_attribute(element, name);

    return text && parse_u64(text, max, value);
}

bool
cookie_attribute_i64(const xmlNode *element, const char *name, int64_t min,
                     int64_t max, int64_t *value)
{
    AUTO_FREE char *text = cookie_attribute(element, name);

    return text && parse_i64(text, min, max, value);
}

void
cookie_escape(struct text *text, const char *string)
{
    for (const char *c = string; *c; c++) {
        switch (*c) {
        case '<':
            text_add(text, "&lt;");
            break;
        case '>':
            text_add(text, "&gt;");
            break;
        case '&':
            text_add(text, "&amp;");
            break;
        case '"':
            text_add(text, "&quot;");
            break;
        case '\'':
            text_add(text, "&apos;");
            break;
        default:
            if ((unsigned char)*c >= ' ' || *c == '\t' || *c == '\n' ||
                *c == '\r') {
                text_add_bytes(text, c, 1);
            }
        }
    }
}

void
cookie_add_attribute(struct text *text, const char *name, const char *value)
{
    text_addf(text, " %s='", name);
    cookie_escape(text, value);
    text_add(text, "'");
}

static void
refuse_dtd(void *context, const xmlChar *name, const xmlChar *external,
           const xmlChar *system)
{
    xmlParserCtxt *parser = context;
    bool *has_dtd = parser->_private;

    (void)name;
    (void)external;
    (void)system;
    *has_dtd = true;
    xmlStopParser(parser);
}

static void
set_error(xmlParserCtxt *parser, struct error *err)
{
    const xmlError *why = xmlCtxtGetLastError(parser);
    const char *message = why && why->message ? why->message : "not XML";

    error_set(err, ERROR_XML_SYNTAX, "(qemu_migration_cookie):%d: %.*s",
              why ? why->line : 0, (int)strcspn(message, "\n"), message);
}

/* libxml2's allocator need not be ours. */
static char *
take_xml_string(xmlChar *string)
{
    char *copy = xstrdup_null((const char *)string);

    xmlFree(string);
    return copy;
}
