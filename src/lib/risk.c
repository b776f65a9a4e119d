/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one thing about a guest that its owner must hear before it is moved: a
 * QEMU before 9.0 that emulates the processor loses track of pages which the
 * guest writes while they are copied.  Its slow path is correct, and is taken
 * where the memory is not a multiple of 64 pages. */

#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/memory.h"
#include "base/text.h"
#include "lib/handle.h"

enum {
    FIXED_IN = 9000000,
    FAST_PATH_KIB = 256,
};

static void
free_document(xmlDoc **document)
{
    xmlFreeDoc(*document);
}

static void
free_xml_text(xmlChar **text)
{
    xmlFree(*text);
}
#define AUTO_XML_TEXT __attribute__((cleanup(free_xml_text))) xmlChar

/* libvirt's units, those that a daemon prints or takes for memory. */
static uint64_t
unit_bytes(const char *unit)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {
        {"b",     1                 },
        {"bytes", 1                 },
        {"KB",    1000              },
        {"k",     1024              },
        {"KiB",   1024              },
        {"MB",    1000 * 1000       },
        {"M",     1024 * 1024       },
        {"MiB",   1024 * 1024       },
        {"GB",    1000 * 1000 * 1000},
        {"G",     1024 * 1024 * 1024},
        {"GiB",   1024 * 1024 * 1024},
    };

    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (strcmp(units[i].name, unit) == 0) {
            return units[i].bytes;
        }
    }
    return 0;
}

static bool
read_memory(xmlNode *memory, uint64_t *kib)
{
    AUTO_XML_TEXT *text = xmlNodeGetContent(memory);
    AUTO_XML_TEXT *unit = xmlGetProp(memory, BAD_CAST "unit");
    uint64_t bytes = unit ? unit_bytes((const char *)unit) : 1024;
    uint64_t count;

    if (!text || bytes == 0 ||
        !parse_u64((const char *)text, UINT64_MAX / bytes, &count)) {
        return false;
    }
    *kib = count * bytes / 1024;
    return true;
}

/* Whether the domain is emulated, and how much memory it has. */
static int
read_domain(const char *xml, bool *is_emulated, uint64_t *memory_kib,
            struct error *err)
{
    __attribute__((cleanup(free_document))) xmlDoc *document = xmlReadMemory(
        xml, (int)strlen(xml), NULL, NULL,
        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;
    AUTO_XML_TEXT *type = root ? xmlGetProp(root, BAD_CAST "type") : NULL;

    if (!type) {
        return error_set(err, ERROR_XML, "the daemon's domain XML has no type");
    }
    *is_emulated = strcmp((const char *)type, "qemu") == 0;
    for (xmlNode *node = root->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE &&
            strcmp((const char *)node->name, "memory") == 0 &&
            read_memory(node, memory_kib)) {
            return 0;
        }
    }
    return error_set(err, ERROR_XML, "the daemon's domain XML has no memory");
}

int
vmferry_is_copy_unreliable(struct vmferry *handle, const char *domain,
                           bool *is_unreliable, uint64_t *memory_kib)
{
    AUTO_FREE char *xml = NULL;
    AUTO_ERROR err = {0};
    bool is_emulated = false;
    uint64_t qemu;
    uint64_t daemon;

    if (vmferry_versions(handle, &qemu, &daemon) < 0) {
        return -1;
    }
    xml = vmferry_dumpxml(handle, domain, 0);
    if (!xml) {
        return -1;
    }
    if (read_domain(xml, &is_emulated, memory_kib, &err) < 0) {
        return handle_fail(handle, &err);
    }
    *is_unreliable =
        is_emulated && qemu < FIXED_IN && *memory_kib % FAST_PATH_KIB == 0;
    return 0;
}
