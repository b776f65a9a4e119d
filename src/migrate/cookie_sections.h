/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sections of the cookie: a parser and a formatter each, in the file that
 * bears its name.  A parser gets the section's element; a formatter adds the
 * lines of its element, indented by two.  Only cookie*.c includes this. */

#pragma once

#include <libxml/tree.h>

#include "base/error.h"
#include "base/text.h"
#include "migrate/cookie.h"

/* name, as in cookie_<name>.c; bit; element; libvirt's order of writing, then
 * ours. */
#define COOKIE_SECTION_LIST(X)                                                 \
    X(graphics, GRAPHICS, "graphics")                                          \
    X(lockstate, LOCKSTATE, "lockstate")                                       \
    X(persistent, PERSISTENT, "domain")                                        \
    X(network, NETWORK, "network")                                             \
    X(nbd, NBD, "nbd")                                                         \
    X(statistics, STATISTICS, "statistics")                                    \
    X(cpu, CPU, "cpu")                                                         \
    X(capabilities, CAPABILITIES, "capabilities")                              \
    X(bitmaps, BITMAPS, "blockDirtyBitmaps")                                   \
    X(seen_cpu, SEEN_CPU, "x-vmferry-cpu")                                     \
    X(handover, HANDOVER, "x-vmferry-handover")

#define X(name, bit, element)                                                  \
    int cookie_parse_##name(struct migration_cookie *cookie, xmlNode *section, \
                            struct error *err);                                \
    void cookie_format_##name(const struct migration_cookie *cookie,           \
                              struct text *text);                              \
    void cookie_done_##name(struct migration_cookie *cookie);
COOKIE_SECTION_LIST(X)
#undef X
