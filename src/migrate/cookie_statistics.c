/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <statistics>
 *   <started>1795387168022</started>
 *   ...
 * </statistics>
 *
 * The numbers of statistics.h, in libvirt's order.  All of them are optional,
 * and one that makes no sense is taken for missing: no migration shall fail for
 * its statistics. */

#include "migrate/cookie_sections.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/memory.h"
#include "migrate/cookie_xml.h"

/* Which numbers are there together. */
enum presence { ALWAYS, DOWNTIME, SETUP_TIME, PAGES, COMPRESSION, DELTA };

/* Element, member, presence; libvirt's order. */
#define NUMBERS(X)                                                             \
    X(started, started, ALWAYS)                                                \
    X(stopped, stopped, ALWAYS)                                                \
    X(sent, sent, ALWAYS)                                                      \
    X(delta, delta, DELTA)                                                     \
    X(time_elapsed, time_elapsed, ALWAYS)                                      \
    X(downtime, downtime, DOWNTIME)                                            \
    X(setup_time, setup_time, SETUP_TIME)                                      \
    X(memory_total, counters.memory_total, ALWAYS)                             \
    X(memory_processed, counters.memory_processed, ALWAYS)                     \
    X(memory_remaining, counters.memory_remaining, ALWAYS)                     \
    X(memory_bps, counters.memory_bps, ALWAYS)                                 \
    X(memory_constant, counters.memory_constant, PAGES)                        \
    X(memory_normal, counters.memory_normal, PAGES)                            \
    X(memory_normal_bytes, counters.memory_normal_bytes, PAGES)                \
    X(memory_dirty_rate, counters.memory_dirty_rate, ALWAYS)                   \
    X(memory_iteration, counters.memory_iteration, ALWAYS)                     \
    X(memory_postcopy_requests, counters.memory_postcopy_requests, ALWAYS)     \
    X(memory_page_size, counters.memory_page_size, ALWAYS)                     \
    X(disk_total, counters.disk_total, ALWAYS)                                 \
    X(disk_processed, counters.disk_processed, ALWAYS)                         \
    X(disk_remaining, counters.disk_remaining, ALWAYS)                         \
    X(disk_bps, counters.disk_bps, ALWAYS)                                     \
    X(compression_cache, counters.compression_cache, COMPRESSION)              \
    X(compression_bytes, counters.compression_bytes, COMPRESSION)              \
    X(compression_pages, counters.compression_pages, COMPRESSION)              \
    X(compression_cache_misses, counters.compression_cache_misses,             \
      COMPRESSION)                                                             \
    X(compression_overflow, counters.compression_overflow, COMPRESSION)        \
    X(auto_converge_throttle, counters.auto_converge_throttle, ALWAYS)

static const struct number {
    const char *element;
    size_t offset;
    enum presence presence;
} numbers[] = {
#define X(element, member, presence)                                           \
    {#element, offsetof(struct migration_statistics, member), presence},
    NUMBERS(X)
#undef X
};

static bool *presence_of(struct migration_statistics *statistics,
                         enum presence presence);
static bool is_present(const struct migration_statistics *statistics,
                       enum presence presence);

void
migration_cookie_set_statistics(struct migration_cookie *cookie,
                                const struct migration_statistics *from)
{
    cookie->statistics = *from;
    cookie->sections |= COOKIE_STATISTICS;
}

int
cookie_parse_statistics(struct migration_cookie *cookie, xmlNode *section,
                        struct error *err)
{
    struct migration_statistics *statistics = &cookie->statistics;

    (void)err;
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        const struct number *number = &numbers[i];
        const xmlNode *node = cookie_child(section, number->element);
        AUTO_FREE char *content = node ? cookie_content(node) : NULL;
        void *field = (char *)statistics + number->offset;
        bool *has = presence_of(statistics, number->presence);
        bool is_valid =
            content && (number->presence == DELTA
                            ? parse_i64(content, INT64_MIN, INT64_MAX, field)
                            : parse_u64(content, UINT64_MAX, field));

        if (is_valid && has) {
            *has = true;
        }
    }
    return 0;
}

void
cookie_format_statistics(const struct migration_cookie *cookie,
                         struct text *text)
{
    const struct migration_statistics *statistics = &cookie->statistics;

    text_add(text, "  <statistics>\n");
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        const struct number *number = &numbers[i];
        const void *field = (const char *)statistics + number->offset;

        if (!is_present(statistics, number->presence)) {
            continue;
        }
        text_addf(text, "    <%s>", number->element);
        if (number->presence == DELTA) {
            text_addf(text, "%" PRId64, *(const int64_t *)field);
        } else {
            text_addf(text, "%" PRIu64, *(const uint64_t *)field);
        }
        text_addf(text, "</%s>\n", number->element);
    }
    text_add(text, "  </statistics>\n");
}

void
cookie_done_statistics(struct migration_cookie *cookie)
{
    (void)cookie; /* Numbers own nothing. */
}

static bool *
presence_of(struct migration_statistics *statistics, enum presence presence)
{
    switch (presence) {
    case DOWNTIME:
        return &statistics->has_downtime;
    case SETUP_TIME:
        return &statistics->has_setup_time;
    case PAGES:
        return &statistics->counters.has_memory_pages;
    case COMPRESSION:
        return &statistics->counters.has_compression;
    case DELTA:
        return &statistics->has_delta;
    case ALWAYS:
        break;
    }
    return NULL;
}

static bool
is_present(const struct migration_statistics *statistics,
           enum presence presence)
{
    /* A copy, so that one table serves readers and writers. */
    struct migration_statistics copy = *statistics;
    const bool *has = presence_of(&copy, presence);

    return !has || *has;
}
