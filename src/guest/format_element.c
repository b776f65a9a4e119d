/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "guest/grammar.h"

/* An element while it is put together. */
struct element {
    struct text attributes;
    struct text content; /* Has data if there is content. */
    struct text children;
    struct grammar_writer inner; /* Writes into 'children'. */
    /* Whether anything in it says more than its being there. */
    bool is_strong;
};

struct table {
    const struct grammar_field *fields;
    size_t count;
};

static bool write_element(struct grammar_writer *writer, const char *name,
                          struct table table, const void *object,
                          bool is_forced);
static void add_field(struct element *element,
                      const struct grammar_field *field, const void *object);
static void add_child(struct element *element,
                      const struct grammar_field *field, const void *object);
static void add_list(struct element *element, const struct grammar_field *field,
                     const void *object);
static void add_kept(struct element *element, const struct grammar_field *field,
                     const void *object);
static bool is_kept_here(const struct grammar_field *field, const char *xml);
static bool is_in_form(const struct grammar_field *field, const void *object,
                       unsigned flags);
static char *format_value(const struct grammar_field *field, const void *object,
                          unsigned flags);
static char *format_number(const struct grammar_field *field,
                           const void *object);
static char *format_switch(const char *member, const char *on, const char *off);
static void add_indent(struct text *text, unsigned indent);

void
grammar_write(struct grammar_writer *writer, const char *name,
              const struct grammar *grammar, const void *object)
{
    write_element(writer, name,
                  (struct table){grammar->fields, grammar->field_count}, object,
                  true);
}

void
grammar_escape(struct text *text, const char *value, bool is_attribute)
{
    for (; *value; value++) {
        switch (*value) {
        case '&':
            text_add(text, "&amp;");
            break;
        case '<':
            text_add(text, "&lt;");
            break;
        case '>':
            text_add(text, "&gt;");
            break;
        case '\'':
            text_add(text, "&apos;");
            break;
        case '"':
            text_add(text, "&quot;");
            break;
        case '\r':
            text_add(text, "&#13;");
            break;
        case '\n':
        case '\t':
            if (is_attribute) {
                text_addf(text, "&#%d;", *value);
                break;
            }
            /* Fall through. */
        default:
            text_add_bytes(text, value, 1);
        }
    }
}

char *
grammar_dump(const xmlNode *node)
{
    xmlDoc *document = xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *copy = xmlDocCopyNode((xmlNode *)(uintptr_t)node, document, 1);
    xmlBuffer *buffer = xmlBufferCreate();
    char *xml;

    xmlDocSetRootElement(document, copy);
    xmlNodeDump(buffer, document, copy, 0, 0);
    xml = xstrdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    xmlFreeDoc(document);
    return xml;
}

void
grammar_write_dump(struct grammar_writer *writer, const char *xml)
{
    xmlDoc *document =
        xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                      XML_PARSE_NONET | XML_PARSE_NOBLANKS | XML_PARSE_NOERROR |
                          XML_PARSE_NOWARNING);
    xmlBuffer *buffer = xmlBufferCreate();

    add_indent(writer->text, writer->indent);
    if (document) {
        xmlNodeDump(buffer, document, xmlDocGetRootElement(document),
                    (int)writer->indent / 2, 1);
        text_add(writer->text, (const char *)xmlBufferContent(buffer));
    }
    text_add(writer->text, "\n");
    xmlBufferFree(buffer);
    xmlFreeDoc(document);
}

/* False, and nothing written, where nothing in it is worth it. */
static bool
write_element(struct grammar_writer *writer, const char *name,
              struct table table, const void *object, bool is_forced)
{
    struct element element = {
        .inner = {NULL, writer->flags, writer->indent + 2},
        .is_strong = is_forced,
    };

    element.inner.text = &element.children;
    for (size_t i = 0; i < table.count; i++) {
        if (is_in_form(&table.fields[i], object, writer->flags)) {
            add_field(&element, &table.fields[i], object);
        }
    }
    if (element.is_strong) {
        struct text *text = writer->text;

        add_indent(text, writer->indent);
        text_addf(text, "<%s%s", name,
                  element.attributes.data ? element.attributes.data : "");
        if (element.content.data) {
            text_addf(text, ">%s</%s>\n", element.content.data, name);
        } else if (element.children.data) {
            text_addf(text, ">\n%s", element.children.data);
            add_indent(text, writer->indent);
            text_addf(text, "</%s>\n", name);
        } else {
            text_add(text, "/>\n");
        }
    }
    text_done(&element.attributes);
    text_done(&element.content);
    text_done(&element.children);
    return element.is_strong;
}

static void
add_field(struct element *element, const struct grammar_field *field,
          const void *object)
{
    AUTO_FREE char *value = NULL;

    if (field->place == PLACE_ATTRIBUTE || field->place == PLACE_CONTENT ||
        field->place == PLACE_CHILD_ATTRIBUTE ||
        field->place == PLACE_CHILD_CONTENT) {
        value = format_value(field, object, element->inner.flags);
        if (!value) {
            return;
        }
        element->is_strong |= !(field->flags & FIELD_WEAK);
    }
    switch (field->place) {
    case PLACE_ATTRIBUTE:
        text_addf(&element->attributes, " %s='", field->name);
        grammar_escape(&element->attributes, value, true);
        text_add(&element->attributes, "'");
        break;
    case PLACE_CONTENT:
        grammar_escape(&element->content, value, false);
        break;
    case PLACE_CHILD_ATTRIBUTE:
        add_indent(&element->children, element->inner.indent);
        text_addf(&element->children, "<%s %s='", field->name,
                  field->attribute);
        grammar_escape(&element->children, value, true);
        text_add(&element->children, "'/>\n");
        break;
    case PLACE_CHILD_CONTENT:
        add_indent(&element->children, element->inner.indent);
        text_addf(&element->children, "<%s>", field->name);
        grammar_escape(&element->children, value, false);
        text_addf(&element->children, "</%s>\n", field->name);
        break;
    default:
        add_child(element, field, object);
    }
}

static void
add_child(struct element *element, const struct grammar_field *field,
          const void *object)
{
    struct table table = {field->fields, field->field_count};
    bool is_forced = (field->flags & FIELD_ALWAYS) != 0;
    const void *part;

    switch (field->place) {
    case PLACE_FLAG:
        if (grammar_get_bool(object, field->offset)) {
            add_indent(&element->children, element->inner.indent);
            text_addf(&element->children, "<%s/>\n", field->name);
            element->is_strong = true;
        }
        break;
    case PLACE_GROUP:
        if (field->has_presence) {
            is_forced = grammar_get_bool(object, field->presence);
            if (!is_forced) {
                break;
            }
        }
        element->is_strong |= write_element(&element->inner, field->name, table,
                                            object, is_forced);
        break;
    case PLACE_STRUCT:
        part = grammar_get_pointer(object, field->offset);
        if (part) {
            grammar_write(&element->inner, field->name, field->grammar, part);
            element->is_strong = true;
        }
        break;
    case PLACE_LIST:
        add_list(element, field, object);
        break;
    case PLACE_VERBATIM:
        part = grammar_get_pointer(object, field->offset);
        if (part) {
            grammar_write_dump(&element->inner, part);
            element->is_strong = true;
        }
        break;
    case PLACE_KEPT:
        add_kept(element, field, object);
        break;
    case PLACE_CUSTOM:
        field->hook->write(&element->inner, object);
        break;
    default:
        break;
    }
}

static void
add_list(struct element *element, const struct grammar_field *field,
         const void *object)
{
    const char *list = (const char *)object + field->offset;

    for (size_t i = 0; i < grammar_list_count(list); i++) {
        const void *item = grammar_list_item(list, i);

        if (field->tag &&
            field->tag != grammar_get_word(item, field->grammar->tag_offset)) {
            continue;
        }
        grammar_write(&element->inner, field->name, field->grammar, item);
        element->is_strong = true;
    }
}

static void
add_kept(struct element *element, const struct grammar_field *field,
         const void *object)
{
    const char *list = (const char *)object + field->offset;

    for (size_t i = 0; i < grammar_list_count(list); i++) {
        const char *xml = grammar_list_item(list, i);

        if (is_kept_here(field, xml)) {
            grammar_write_dump(&element->inner, xml);
            element->is_strong = true;
        }
    }
}

/* Is 'xml' an element with the name of 'field'; or, where that has none, one
 * that no other field wants? */
static bool
is_kept_here(const struct grammar_field *field, const char *xml)
{
    AUTO_FREE char *name = xstrndup(xml + 1, strcspn(xml + 1, " \t\r\n/>"));

    return field->name ? strcmp(field->name, name) == 0
                       : guest_words_find(field->words, name) == 0;
}

static bool
is_in_form(const struct grammar_field *field, const void *object,
           unsigned flags)
{
    if (!grammar_is_field_of(field, object) ||
        (field->is_written && !field->is_written(object))) {
        return false;
    }
    if (flags & GUEST_FORMAT_STATUS) {
        return true;
    }
    if (field->flags & FIELD_STATUS) {
        return false;
    }
    if ((field->flags & FIELD_SECRET) && !(flags & GUEST_FORMAT_SECURE)) {
        return false;
    }
    if ((field->flags & FIELD_ACTIVE) && (flags & GUEST_FORMAT_INACTIVE)) {
        return false;
    }
    return !(field->flags & FIELD_LIVE) ||
           !(flags & (GUEST_FORMAT_INACTIVE | GUEST_FORMAT_MIGRATABLE)) ||
           (field->is_live && !field->is_live(object));
}

static char *
format_value(const struct grammar_field *field, const void *object,
             unsigned flags)
{
    const char *member = (const char *)object + field->offset;
    int64_t number;

    if (field->hook && field->hook->format) {
        return field->hook->format(object, flags);
    }
    switch (field->kind) {
    case KIND_TEXT:
        return xstrdup_null(grammar_get_pointer(object, field->offset));
    case KIND_WORD:
        return xstrdup_null(
            field->words->words[grammar_get_word(object, field->offset)]);
    case KIND_ON_OFF:
        return format_switch(member, "on", "off");
    case KIND_YES_NO:
        return format_switch(member, "yes", "no");
    case KIND_YES:
        return grammar_get_bool(object, field->offset) ? xstrdup("yes") : NULL;
    case KIND_SIGNED:
        memcpy(&number, member, sizeof(number));
        return xasprintf("%" PRId64, number);
    case KIND_FIXED:
        return xstrdup(field->fixed);
    case KIND_UNSIGNED:
    case KIND_HEX:
    case KIND_NUMBER:
    case KIND_HEX_NUMBER:
        return format_number(field, object);
    case KIND_HOOK:
        break;
    }
    return NULL;
}

static char *
format_number(const struct grammar_field *field, const void *object)
{
    const char *member = (const char *)object + field->offset;
    struct guest_number number = {true, 0};

    if (field->kind == KIND_UNSIGNED || field->kind == KIND_HEX) {
        number.value = grammar_get_word(object, field->offset);
    } else {
        memcpy(&number, member, sizeof(number));
    }
    if (!number.is_set) {
        return NULL;
    }
    return field->kind == KIND_HEX || field->kind == KIND_HEX_NUMBER
               ? xasprintf("0x%0*" PRIx64, (int)field->width, number.value)
               : xasprintf("%" PRIu64, number.value);
}

static char *
format_switch(const char *member, const char *on, const char *off)
{
    enum guest_switch value;

    memcpy(&value, member, sizeof(value));
    return value == GUEST_SWITCH_UNSET
               ? NULL
               : xstrdup(value == GUEST_SWITCH_ON ? on : off);
}

static void
add_indent(struct text *text, unsigned indent)
{
    while (indent-- > 0) {
        text_add_bytes(text, " ", 1);
    }
}
