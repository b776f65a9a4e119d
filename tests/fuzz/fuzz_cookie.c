/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The migration cookie, as any client may send it.  The first byte chooses the
 * call that reads it.  What is accepted must survive being written and read
 * again.  Seeds: tests/golden/cookie, with a byte before. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "guest/seen_cpu.h"
#include "migrate/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct uuid
uuid_of(const char *text)
{
    struct uuid uuid = {0};

    uuid_parse(text, &uuid);
    return uuid;
}

static void
fuzz_seen_cpu(const char *text)
{
    AUTO_ERROR err = {0};
    AUTO(guest_seen_cpu) *cpu = guest_seen_cpu_parse(text, &err);
    AUTO_FREE char *written = cpu ? guest_seen_cpu_format(cpu) : NULL;
    AUTO(guest_seen_cpu) *again =
        cpu ? guest_seen_cpu_parse(written, &err) : NULL;

    assert(error_is_set(&err) == !cpu);
    if (cpu) {
        AUTO_FREE char *difference = guest_seen_cpu_difference(cpu, again);

        assert(!difference);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct uuid demo = uuid_of("c0ffee00-1234-4abc-8def-0123456789ab");
    const struct uuid host = uuid_of("11111111-2222-4333-8444-cccccccccccc");
    struct migration_cookie_reader reader = {
        .name = "demo", .uuid = &demo, .host_uuid = &host};
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_MIGRATION_COOKIE again = {0};
    AUTO_ERROR err = {0};
    AUTO_FREE char *bytes = NULL;
    AUTO_FREE char *text = NULL;
    size_t written;

    if (size == 0) {
        return 0;
    }
    reader.accepts = data[0] < MIGRATION_CALL_COUNT
                         ? migration_cookie_accepts(data[0])
                         : ~0u;
    /* The NUL that every cookie ends with. */
    bytes = xcalloc(1, size);
    memcpy(bytes, data + 1, size - 1);
    if (migration_cookie_parse(&cookie, bytes, size, &reader, &err) < 0) {
        assert(error_is_set(&err) && !cookie.is_present);
        return 0;
    }
    text = migration_cookie_format(&cookie, &written);
    assert(migration_cookie_parse(&again, text, written, &reader, &err) == 0);
    assert(again.sections == cookie.sections);
    assert(again.features == cookie.features);
    if (cookie.seen_cpu) {
        fuzz_seen_cpu(cookie.seen_cpu);
    }
    return 0;
}
