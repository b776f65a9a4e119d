/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/metadata.h"

#include <limits.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* No network, no output: the XML is a stranger's. */
enum {
    PARSE = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
            XML_PARSE_NOBLANKS,
};

static int check_element(xmlDoc *given, const char *uri, const char *key,
                         struct error *err);
static xmlDoc *read_text(const char *xml, struct error *err);
static xmlDoc *read_metadata(const struct guest *guest);
static xmlNode *find(xmlNode *root, const char *uri);
static void drop_namespace(xmlNode *node, const xmlNs *space);
static void set_namespace(xmlNode *node, xmlNs *space);
static char *dump(xmlDoc *doc, xmlNode *node);

char *
guest_metadata_get(const struct guest *guest, const char *uri)
{
    xmlDoc *doc = read_metadata(guest);
    xmlNode *node = doc ? find(xmlDocGetRootElement(doc), uri) : NULL;
    char *text = NULL;

    if (node) {
        drop_namespace(node, node->ns);
        text = dump(doc, node);
    }
    xmlFreeDoc(doc);
    return text;
}

int
guest_metadata_set(struct guest *guest, const char *uri, const char *key,
                   const char *xml, struct error *err)
{
    xmlDoc *doc = read_metadata(guest);
    xmlDoc *given = xml ? read_text(xml, err) : NULL;
    xmlNode *root, *old, *node;

    if (xml && !given) {
        xmlFreeDoc(doc);
        return -1;
    }
    if (given && check_element(given, uri, key, err) < 0) {
        xmlFreeDoc(given);
        xmlFreeDoc(doc);
        return -1;
    }
    if (!doc) {
        doc = read_text("<metadata/>", err);
    }
    root = xmlDocGetRootElement(doc);
    old = find(root, uri);
    if (old) {
        xmlUnlinkNode(old);
        xmlFreeNode(old);
    }
    if (given) {
        node = xmlDocCopyNode(xmlDocGetRootElement(given), doc, 1);
        xmlAddChild(root, node);
        set_namespace(
            node, xmlNewNs(node, (const xmlChar *)uri, (const xmlChar *)key));
    }
    free(guest->metadata);
    guest->metadata = xmlFirstElementChild(root) ? dump(doc, root) : NULL;
    xmlFreeDoc(given);
    xmlFreeDoc(doc);
    return 0;
}

/* What could not be found again by its namespace, or would make the domain's
 * XML unreadable, would take the metadata of all others with it. */
static int
check_element(xmlDoc *given, const char *uri, const char *key,
              struct error *err)
{
    const xmlNode *root = xmlDocGetRootElement(given);
    const char *problem = NULL;

    if (given->intSubset || given->extSubset) {
        problem = "a document type is not allowed";
    } else if (!key || xmlValidateNCName((const xmlChar *)key, 0) != 0 ||
               strcmp(key, "xml") == 0 || strcmp(key, "xmlns") == 0) {
        problem = "the prefix of the namespace is not one";
    } else if (!*uri) {
        problem = "the namespace is empty";
    } else if (root->ns && !xmlStrEqual(root->ns->href, (const xmlChar *)uri)) {
        problem = "the element has another namespace";
    } else {
        for (const xmlNs *ns = root->nsDef; ns; ns = ns->next) {
            if (ns->prefix && xmlStrEqual(ns->prefix, (const xmlChar *)key)) {
                problem = "the element declares that prefix itself";
            }
        }
    }
    return problem ? error_set_from(err, ERROR_FROM_DOMAIN, ERROR_XML,
                                    "metadata: %s", problem)
                   : 0;
}

static xmlDoc *
read_text(const char *xml, struct error *err)
{
    size_t length = strlen(xml);
    xmlDoc *doc = length <= GUEST_XML_SIZE_MAX
                      ? xmlReadMemory(xml, (int)length, NULL, NULL, PARSE)
                      : NULL;
    const xmlError *why = xmlGetLastError();

    if (!doc || !xmlDocGetRootElement(doc)) {
        bool is_told = length <= GUEST_XML_SIZE_MAX && why && why->message;

        error_set_from(err, ERROR_FROM_DOMAIN, ERROR_XML, "metadata: %.*s",
                       is_told ? (int)strcspn(why->message, "\n") : INT_MAX,
                       is_told ? why->message : "it is too long, or empty");
        xmlFreeDoc(doc);
        return NULL;
    }
    return doc;
}

/* NULL where the guest has none. */
static xmlDoc *
read_metadata(const struct guest *guest)
{
    AUTO_ERROR err = {0};

    return guest->metadata ? read_text(guest->metadata, &err) : NULL;
}

static xmlNode *
find(xmlNode *root, const char *uri)
{
    for (xmlNode *node = xmlFirstElementChild(root); node;
         node = xmlNextElementSibling(node)) {
        if (node->ns && node->ns->href &&
            strcmp((const char *)node->ns->href, uri) == 0) {
            return node;
        }
    }
    return NULL;
}

static void
drop_namespace(xmlNode *node, const xmlNs *space)
{
    const xmlChar *uri = space->href;

    for (xmlNode *child = node->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE) {
            drop_namespace(child, space);
        }
    }
    if (node->ns && xmlStrEqual(node->ns->href, uri)) {
        node->ns = NULL;
    }
    /* Only the outermost declares it; its memory goes with the document. */
    for (xmlNs **link = &node->nsDef; *link; link = &(*link)->next) {
        if (*link == space) {
            xmlNs *gone = *link;

            *link = gone->next;
            gone->next = node->doc->oldNs;
            node->doc->oldNs = gone;
            break;
        }
    }
}

static void
set_namespace(xmlNode *node, xmlNs *space)
{
    if (!node->ns) {
        node->ns = space;
    }
    for (xmlNode *child = node->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE) {
            set_namespace(child, space);
        }
    }
}

static char *
dump(xmlDoc *doc, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();
    char *text;

    xmlNodeDump(buffer, doc, node, 0, 1);
    text = xstrdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}
