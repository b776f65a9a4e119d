/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small helpers over libxml2 for the sections of the cookie, so that these
 * read like their grammar.  Only cookie*.c includes this. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libxml/tree.h>

#include "base/error.h"
#include "base/text.h"

/* Parses a whole document: no DTD, no entities but the five, no network.
 * Fails with XML. */
xmlDoc *cookie_xml_parse(const char *bytes, size_t length, struct error *err);

/* The first child element of that name, or NULL; and the next one after it. */
xmlNode *cookie_child(const xmlNode *parent, const char *name);
xmlNode *cookie_next(const xmlNode *element, const char *name);

/* All text within.  Caller frees; NULL where there is none. */
char *cookie_content(const xmlNode *element);
/* The element as XML.  Caller frees. */
char *cookie_dump(xmlNode *element);
/* Caller frees; NULL where it is missing. */
char *cookie_attribute(const xmlNode *element, const char *name);
/* False where it is missing or not a number within the bounds. */
bool cookie_attribute_u64(const xmlNode *element, const char *name,
                          uint64_t max, uint64_t *value);
bool cookie_attribute_i64(const xmlNode *element, const char *name, int64_t min,
                          int64_t max, int64_t *value);

/* Adds text, escaped so that it may stand in an element or an attribute;
 * characters that XML can't carry are left out. */
void cookie_escape(struct text *text, const char *string);
/* Adds " name='value'". */
void cookie_add_attribute(struct text *text, const char *name,
                          const char *value);
