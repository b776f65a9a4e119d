/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading a document: libxml2 with everything off that reaches outside of the
 * text or makes it grow. */

#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "guest/grammar.h"

enum { DEPTH_MAX = 64 };

static xmlDoc *read_document(const char *xml, size_t length, const char *what,
                             struct error *err);
static void refuse_doctype(void *context, const xmlChar *name,
                           const xmlChar *external, const xmlChar *system);
static int refuse_malformed(xmlParserCtxt *context, const char *what,
                            struct error *err);
static bool is_too_deep(const xmlNode *root);
static void *read_root(const char *xml, size_t length, const char *name,
                       const struct grammar *grammar,
                       struct grammar_reader *reader);

struct guest *
guest_parse(const char *xml, size_t length, unsigned flags, struct error *err)
{
    struct grammar_reader reader = {flags, err};

    return read_root(xml, length, "domain", &guest_grammar, &reader);
}

struct guest_cpu *
guest_cpu_parse(const char *xml, size_t length, struct error *err)
{
    struct grammar_reader reader = {0, err};

    return read_root(xml, length, "cpu", &guest_cpu_grammar, &reader);
}

static void *
read_root(const char *xml, size_t length, const char *name,
          const struct grammar *grammar, struct grammar_reader *reader)
{
    AUTO_FREE char *what = xasprintf("(%s_definition)", name);
    xmlDoc *document = read_document(xml, length, what, reader->err);
    const xmlNode *root;
    void *object = NULL;

    if (!document) {
        return NULL;
    }
    root = xmlDocGetRootElement(document);
    if (root->ns || strcmp((const char *)root->name, name) != 0) {
        error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                       "unexpected root element <%.*s>, expecting <%s>",
                       grammar_excerpt((const char *)root->name, 64),
                       (const char *)root->name, name);
    } else if (is_too_deep(root)) {
        error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                       "%s: more than %d levels of elements", what, DEPTH_MAX);
    } else {
        object = grammar_new(grammar);
        if (grammar_read(reader, root, grammar, object) < 0) {
            grammar_free(grammar, object);
            object = NULL;
        }
    }
    xmlFreeDoc(document);
    return object;
}

static xmlDoc *
read_document(const char *xml, size_t length, const char *what,
              struct error *err)
{
    const int options = XML_PARSE_NONET | XML_PARSE_NOBLANKS |
                        XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                        XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES;
    xmlParserCtxt *context;
    xmlDoc *document;

    if (length > GUEST_XML_SIZE_MAX) {
        error_set_from(err, ERROR_FROM_XML, ERROR_XML, "%s: more than %d bytes",
                       what, GUEST_XML_SIZE_MAX);
        return NULL;
    }
    if (memchr(xml, '\0', length)) {
        error_set_from(err, ERROR_FROM_XML, ERROR_XML, "%s: NUL in the text",
                       what);
        return NULL;
    }
    context = xmlNewParserCtxt();
    context->sax->internalSubset = refuse_doctype;
    document =
        xmlCtxtReadMemory(context, xml, (int)length, NULL, NULL, options);
    if (!document || !context->wellFormed || !xmlDocGetRootElement(document)) {
        refuse_malformed(context, what, err);
        xmlFreeDoc(document);
        document = NULL;
    }
    xmlFreeParserCtxt(context);
    return document;
}

/* Called at "<!DOCTYPE": nothing of it is read. */
static void
refuse_doctype(void *context, const xmlChar *name, const xmlChar *external,
               const xmlChar *system)
{
    xmlParserCtxt *parser = context;

    (void)name;
    (void)external;
    (void)system;
    xmlStopParser(parser);
    parser->errNo = XML_ERR_DOCTYPE_NOT_FINISHED;
    parser->wellFormed = 0;
}

static int
refuse_malformed(xmlParserCtxt *context, const char *what, struct error *err)
{
    const xmlError *reason = xmlCtxtGetLastError(context);

    if (context->errNo == XML_ERR_DOCTYPE_NOT_FINISHED) {
        return error_set_from(err, ERROR_FROM_XML, ERROR_XML,
                              "%s: a DOCTYPE is not allowed", what);
    }
    if (!reason || !reason->message) {
        return error_set_from(err, ERROR_FROM_DOMAIN, ERROR_XML_SYNTAX,
                              "%s: not well formed", what);
    }
    return error_set_from(
        err, ERROR_FROM_DOMAIN, ERROR_XML_SYNTAX, "%s:%d: %.*s", what,
        reason->line, grammar_excerpt(reason->message, 200), reason->message);
}

/* So that whatever recurses later has an end. */
static bool
is_too_deep(const xmlNode *root)
{
    const xmlNode *node = root;
    unsigned depth = 1;

    while (true) {
        if (node->type == XML_ELEMENT_NODE && node->children) {
            node = node->children;
            depth++;
        } else {
            while (node != root && !node->next) {
                node = node->parent;
                depth--;
            }
            if (node == root) {
                return false;
            }
            node = node->next;
        }
        if (depth > DEPTH_MAX) {
            return true;
        }
    }
}
