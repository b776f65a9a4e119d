/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "guest/grammar.h"

/* Of a kind, in one element: far more than any guest has, and few enough for
 * what compares each with each. */
enum { LIST_COUNT_MAX = 1024 };

/* Of a name or a value, in an error. */
enum { EXCERPT_MAX = 64 };

/* The fields of one element: a struct's, or a group's. */
struct table {
    const struct grammar_field *fields;
    size_t count;
};

static int read_fields(struct grammar_reader *reader, const xmlNode *node,
                       struct table table, void *object);
static int read_attributes(struct grammar_reader *reader, const xmlNode *node,
                           struct table table, void *object);
static int read_content(struct grammar_reader *reader, const xmlNode *node,
                        const struct grammar_field *field, void *object);
static int read_children(struct grammar_reader *reader, const xmlNode *node,
                         struct table table, void *object);
static int read_child(struct grammar_reader *reader, const xmlNode *child,
                      const struct grammar_field *field, void *object);
static int read_child_attribute(struct grammar_reader *reader,
                                const xmlNode *child,
                                const struct grammar_field *field,
                                void *object);
static int read_list_item(struct grammar_reader *reader, const xmlNode *child,
                          const struct grammar_field *field, void *object);
static int read_struct(struct grammar_reader *reader, const xmlNode *child,
                       const struct grammar_field *field, void *object);
static int read_group(struct grammar_reader *reader, const xmlNode *child,
                      const struct grammar_field *field, void *object);
static void read_verbatim(const xmlNode *child,
                          const struct grammar_field *field, void *object);
static bool is_readable(const struct grammar_reader *reader,
                        const struct grammar_field *field, const void *object);
static bool is_child_place(const struct grammar_field *field);
static bool is_repeatable(const struct grammar_field *field);
static const struct grammar_field *
find_child(const struct grammar_reader *reader, const xmlNode *child,
           struct table table, const void *object);
static int refuse_missing(struct grammar_reader *reader, const xmlNode *node,
                          const struct grammar_field *field);
static int expect_empty(struct grammar_reader *reader, const xmlNode *node,
                        const char *attribute);
static void drop_live(struct grammar_reader *reader, struct table table,
                      void *object);
static bool is_dropped(const struct grammar_reader *reader,
                       const struct grammar_field *field, const void *object);

int
grammar_read(struct grammar_reader *reader, const xmlNode *node,
             const struct grammar *grammar, void *object)
{
    struct table table = {grammar->fields, grammar->field_count};

    if (read_fields(reader, node, table, object) < 0) {
        return -1;
    }
    if (grammar->finish && grammar->finish(reader, node, object) < 0) {
        return -1;
    }
    drop_live(reader, table, object);
    return 0;
}

char *
grammar_content(struct grammar_reader *reader, const xmlNode *node)
{
    AUTO_TEXT content = {0};

    for (const xmlNode *child = node->children; child; child = child->next) {
        if (child->type == XML_TEXT_NODE ||
            child->type == XML_CDATA_SECTION_NODE) {
            text_add(&content, (const char *)child->content);
        } else if (child->type == XML_ELEMENT_NODE) {
            grammar_refuse_element(reader, child);
            return NULL;
        } else if (child->type == XML_ENTITY_REF_NODE) {
            error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                           "entity in <%s> at line %ld", node->name,
                           xmlGetLineNo(node));
            return NULL;
        }
    }
    return text_take(&content);
}

int
grammar_refuse_element(struct grammar_reader *reader, const xmlNode *node)
{
    const char *name = (const char *)node->name;
    const char *prefix =
        node->ns && node->ns->prefix ? (const char *)node->ns->prefix : "";

    return error_set(reader->err, ERROR_CONFIG_UNSUPPORTED,
                     "unsupported element <%.*s%s%.*s> in <%s> at line %ld",
                     grammar_excerpt(prefix, EXCERPT_MAX), prefix,
                     prefix[0] ? ":" : "", grammar_excerpt(name, EXCERPT_MAX),
                     name, (const char *)node->parent->name,
                     xmlGetLineNo(node));
}

int
grammar_refuse_attribute(struct grammar_reader *reader, const xmlNode *node,
                         const char *name)
{
    return error_set(reader->err, ERROR_CONFIG_UNSUPPORTED,
                     "unsupported attribute '%.*s' of <%s> at line %ld",
                     grammar_excerpt(name, EXCERPT_MAX), name, node->name,
                     xmlGetLineNo(node));
}

int
grammar_refuse_value(struct grammar_reader *reader, const xmlNode *node,
                     const char *name, const char *value)
{
    return error_set(reader->err, ERROR_CONFIG_UNSUPPORTED,
                     "unsupported value '%.*s'%s%s%s <%s> at line %ld",
                     grammar_excerpt(value, EXCERPT_MAX), value,
                     name ? " of attribute '" : " in", name ? name : "",
                     name ? "' of" : "", node->name, xmlGetLineNo(node));
}

static int
read_fields(struct grammar_reader *reader, const xmlNode *node,
            struct table table, void *object)
{
    if (read_attributes(reader, node, table, object) < 0) {
        return -1;
    }
    for (size_t i = 0; i < table.count; i++) {
        if (table.fields[i].place == PLACE_CONTENT &&
            is_readable(reader, &table.fields[i], object)) {
            return read_content(reader, node, &table.fields[i], object);
        }
    }
    return read_children(reader, node, table, object);
}

/* In the order of the table, since the first ones say which form the element
 * has, and which others there may be. */
static int
read_attributes(struct grammar_reader *reader, const xmlNode *node,
                struct table table, void *object)
{
    size_t known = 0, given = 0;

    for (size_t i = 0; i < table.count; i++) {
        const struct grammar_field *field = &table.fields[i];

        if (field->place != PLACE_ATTRIBUTE ||
            !is_readable(reader, field, object)) {
            continue;
        }
        AUTO_FREE char *value =
            (char *)xmlGetNoNsProp(node, (const xmlChar *)field->name);
        if (!value) {
            if (field->flags & FIELD_REQUIRED) {
                return refuse_missing(reader, node, field);
            }
            continue;
        }
        known++;
        if (grammar_read_value(reader, node, field, object, value) < 0) {
            return -1;
        }
    }
    for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
        given++;
    }
    if (given == known) {
        return 0;
    }
    for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
        bool is_known = false;

        for (size_t i = 0; i < table.count && !attr->ns; i++) {
            const struct grammar_field *field = &table.fields[i];

            is_known |= field->place == PLACE_ATTRIBUTE &&
                        strcmp(field->name, (const char *)attr->name) == 0 &&
                        is_readable(reader, field, object);
        }
        if (!is_known) {
            return grammar_refuse_attribute(reader, node,
                                            (const char *)attr->name);
        }
    }
    return 0;
}

static int
read_content(struct grammar_reader *reader, const xmlNode *node,
             const struct grammar_field *field, void *object)
{
    AUTO_FREE char *content = grammar_content(reader, node);

    if (!content) {
        return -1;
    }
    if (content[0] == '\0' && !(field->flags & FIELD_REQUIRED)) {
        return 0;
    }
    return grammar_read_value(reader, node, field, object, content);
}

static int
read_children(struct grammar_reader *reader, const xmlNode *node,
              struct table table, void *object)
{
    uint64_t seen = 0;

    assert(table.count <= 64);
    for (const xmlNode *child = node->children; child; child = child->next) {
        const struct grammar_field *field;
        uint64_t bit;

        if (child->type == XML_COMMENT_NODE || child->type == XML_PI_NODE ||
            (child->type != XML_ELEMENT_NODE && xmlIsBlankNode(child))) {
            continue;
        }
        if (child->type != XML_ELEMENT_NODE) {
            return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                                  "unexpected text in <%s> at line %ld",
                                  node->name, xmlGetLineNo(child));
        }
        field = find_child(reader, child, table, object);
        if (!field) {
            return grammar_refuse_element(reader, child);
        }
        bit = UINT64_C(1) << (field - table.fields);
        if ((seen & bit) && !is_repeatable(field)) {
            return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                                  "element <%s> in <%s> again at line %ld",
                                  child->name, node->name, xmlGetLineNo(child));
        }
        seen |= bit;
        if (is_repeatable(field) &&
            grammar_list_count((char *)object + field->offset) >=
                LIST_COUNT_MAX) {
            return error_set(reader->err, ERROR_CONFIG_UNSUPPORTED,
                             "more than %d elements <%s> in <%s> at line %ld",
                             LIST_COUNT_MAX, child->name, node->name,
                             xmlGetLineNo(child));
        }
        if (read_child(reader, child, field, object) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < table.count; i++) {
        if (is_child_place(&table.fields[i]) &&
            (table.fields[i].flags & FIELD_REQUIRED) && !(seen >> i & 1) &&
            is_readable(reader, &table.fields[i], object)) {
            return refuse_missing(reader, node, &table.fields[i]);
        }
    }
    return 0;
}

static int
read_child(struct grammar_reader *reader, const xmlNode *child,
           const struct grammar_field *field, void *object)
{
    bool yes = true;

    switch (field->place) {
    case PLACE_CHILD_ATTRIBUTE:
        return read_child_attribute(reader, child, field, object);
    case PLACE_CHILD_CONTENT:
        if (child->properties) {
            return grammar_refuse_attribute(
                reader, child, (const char *)child->properties->name);
        }
        return read_content(reader, child, field, object);
    case PLACE_FLAG:
        memcpy((char *)object + field->offset, &yes, sizeof(yes));
        return expect_empty(reader, child, NULL);
    case PLACE_GROUP:
        return read_group(reader, child, field, object);
    case PLACE_STRUCT:
        return read_struct(reader, child, field, object);
    case PLACE_LIST:
        return read_list_item(reader, child, field, object);
    case PLACE_VERBATIM:
        read_verbatim(child, field, object);
        return 0;
    case PLACE_KEPT:
        guest_list_add((char *)object + field->offset, grammar_dump(child));
        return 0;
    case PLACE_CUSTOM:
        return field->hook->read(reader, child, object);
    case PLACE_ATTRIBUTE:
    case PLACE_CONTENT:
        break;
    }
    return 0;
}

static int
read_child_attribute(struct grammar_reader *reader, const xmlNode *child,
                     const struct grammar_field *field, void *object)
{
    AUTO_FREE char *value =
        (char *)xmlGetNoNsProp(child, (const xmlChar *)field->attribute);

    if (!value) {
        return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                              "missing attribute '%s' of <%s> at line %ld",
                              field->attribute, child->name,
                              xmlGetLineNo(child));
    }
    if (expect_empty(reader, child, field->attribute) < 0) {
        return -1;
    }
    return grammar_read_value(reader, child, field, object, value);
}

static int
read_list_item(struct grammar_reader *reader, const xmlNode *child,
               const struct grammar_field *field, void *object)
{
    void *item = grammar_new(field->grammar);

    if (field->tag) {
        memcpy((char *)item + field->grammar->tag_offset, &field->tag,
               sizeof(field->tag));
    }
    if (grammar_read(reader, child, field->grammar, item) < 0) {
        grammar_free(field->grammar, item);
        return -1;
    }
    if (field->insert) {
        field->insert(object, item);
    } else {
        guest_list_add((char *)object + field->offset, item);
    }
    return 0;
}

static int
read_struct(struct grammar_reader *reader, const xmlNode *child,
            const struct grammar_field *field, void *object)
{
    void *part = grammar_new(field->grammar);

    if (grammar_read(reader, child, field->grammar, part) < 0) {
        grammar_free(field->grammar, part);
        return -1;
    }
    memcpy((char *)object + field->offset, &part, sizeof(part));
    return 0;
}

static int
read_group(struct grammar_reader *reader, const xmlNode *child,
           const struct grammar_field *field, void *object)
{
    bool yes = true;

    if (field->has_presence) {
        memcpy((char *)object + field->presence, &yes, sizeof(yes));
    }
    return read_fields(reader, child,
                       (struct table){field->fields, field->field_count},
                       object);
}

static void
read_verbatim(const xmlNode *child, const struct grammar_field *field,
              void *object)
{
    char *xml = grammar_dump(child);

    memcpy((char *)object + field->offset, &xml, sizeof(xml));
}

/* Whether the XML may have it, in this form of the element. */
static bool
is_readable(const struct grammar_reader *reader,
            const struct grammar_field *field, const void *object)
{
    return grammar_is_field_of(field, object) &&
           (!(field->flags & FIELD_STATUS) ||
            (reader->flags & GUEST_PARSE_STATUS));
}

static bool
is_child_place(const struct grammar_field *field)
{
    return field->place > PLACE_CONTENT;
}

static bool
is_repeatable(const struct grammar_field *field)
{
    return field->place == PLACE_LIST || field->place == PLACE_KEPT;
}

static const struct grammar_field *
find_child(const struct grammar_reader *reader, const xmlNode *child,
           struct table table, const void *object)
{
    for (size_t i = 0; i < table.count; i++) {
        const struct grammar_field *field = &table.fields[i];

        if (!is_child_place(field) || !is_readable(reader, field, object)) {
            continue;
        }
        if (!field->name) {
            /* Foreign namespaces, but for QEMU's, which changes its command
             * line. */
            if (child->ns &&
                !has_prefix((const char *)child->ns->href,
                            "http://libvirt.org/schemas/domain/qemu/")) {
                return field;
            }
        } else if (!child->ns &&
                   strcmp((const char *)child->name, field->name) == 0) {
            return field;
        }
    }
    return NULL;
}

static int
refuse_missing(struct grammar_reader *reader, const xmlNode *node,
               const struct grammar_field *field)
{
    return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                          "missing %s '%s' of <%s> at line %ld",
                          field->place == PLACE_ATTRIBUTE ? "attribute"
                                                          : "element",
                          field->name, node->name, xmlGetLineNo(node));
}

/* Nothing in it but 'attribute'. */
static int
expect_empty(struct grammar_reader *reader, const xmlNode *node,
             const char *attribute)
{
    for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
        if (attr->ns || !attribute ||
            strcmp((const char *)attr->name, attribute) != 0) {
            return grammar_refuse_attribute(reader, node,
                                            (const char *)attr->name);
        }
    }
    return read_children(reader, node, (struct table){0}, NULL);
}

static void
drop_live(struct grammar_reader *reader, struct table table, void *object)
{
    for (size_t i = 0; i < table.count; i++) {
        const struct grammar_field *field = &table.fields[i];

        if (field->place == PLACE_GROUP) {
            drop_live(reader, (struct table){field->fields, field->field_count},
                      object);
        } else if (grammar_is_field_of(field, object) &&
                   is_dropped(reader, field, object)) {
            grammar_clear_field(field, object);
        }
    }
}

static bool
is_dropped(const struct grammar_reader *reader,
           const struct grammar_field *field, const void *object)
{
    const unsigned configured = GUEST_PARSE_INACTIVE | GUEST_PARSE_MIGRATION;

    if ((field->flags & FIELD_ACTIVE) &&
        (reader->flags & GUEST_PARSE_INACTIVE)) {
        return true;
    }
    return (field->flags & FIELD_LIVE) && (reader->flags & configured) &&
           (!field->is_live || field->is_live(object));
}
