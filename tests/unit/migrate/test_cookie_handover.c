/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"

#define HEADER                                                                 \
    "<qemu-migration><name>demo</name>"                                        \
    "<uuid>c0ffee00-1234-4abc-8def-0123456789ab</uuid>"                        \
    "<hostname>hostA.example</hostname>"                                       \
    "<hostuuid>11111111-2222-4333-8444-aaaaaaaaaaaa</hostuuid>"
#define END "</qemu-migration>"
#define ID  "22222222-2222-4333-8444-bbbbbbbbbbbb"

static struct uuid demo;
static struct uuid host_a;
static struct uuid host_b;
static struct uuid id;

static int
set_up(void **state)
{
    (void)state;
    assert_true(uuid_parse("c0ffee00-1234-4abc-8def-0123456789ab", &demo));
    assert_true(uuid_parse("11111111-2222-4333-8444-aaaaaaaaaaaa", &host_a));
    assert_true(uuid_parse("11111111-2222-4333-8444-bbbbbbbbbbbb", &host_b));
    assert_true(uuid_parse(ID, &id));
    return 0;
}

static int
parse(struct migration_cookie *cookie, enum migration_call call,
      const char *text, struct error *err)
{
    const struct migration_cookie_reader reader = {
        .accepts = migration_cookie_accepts(call),
        .name = "demo",
        .uuid = &demo,
        .host_uuid = &host_b,
    };

    return migration_cookie_parse(cookie, text, strlen(text) + 1, &reader, err);
}

static void
all_of_it_survives_in_the_calls_that_carry_it(void **state)
{
    static const enum migration_call calls[] = {
        MIGRATION_CALL_PREPARE, MIGRATION_CALL_PERFORM, MIGRATION_CALL_FINISH};
    char uri[] = "qemu+tcp://[::1]:16509/system?a=1&b='<'";
    const struct cookie_handover given = {
        .id = id, .has_token = true, .comes_back = true, .uri = uri};
    AUTO_MIGRATION_COOKIE written = {0};
    AUTO_FREE char *text = NULL;
    size_t size;

    (void)state;
    migration_cookie_init(&written, "demo", &demo, "hostA.example", &host_a);
    migration_cookie_set_handover(&written, &given);
    text = migration_cookie_format(&written, &size);
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
        AUTO_MIGRATION_COOKIE read = {0};
        AUTO_ERROR err = {0};

        assert_int_equal(parse(&read, calls[i], text, &err), 0);
        assert_true(read.sections & COOKIE_HANDOVER);
        assert_true(uuid_is_equal(&read.handover.id, &id));
        assert_true(read.handover.has_token);
        assert_true(read.handover.comes_back);
        assert_string_equal(read.handover.uri, uri);
    }
}

/* A libvirtd refuses features that it does not know. */
static void
it_is_announced_to_nobody(void **state)
{
    const struct cookie_handover given = {.id = id};
    AUTO_MIGRATION_COOKIE written = {0};
    AUTO_FREE char *text = NULL;
    size_t size;

    (void)state;
    migration_cookie_init(&written, "demo", &demo, "hostA.example", &host_a);
    migration_cookie_set_handover(&written, &given);
    text = migration_cookie_format(&written, &size);
    assert_null(strstr(text, "<feature"));
    assert_non_null(strstr(text, "  <x-vmferry-handover id='" ID "'/>\n"));
}

static void
only_a_clear_yes_gives_the_token(void **state)
{
    static const char *const texts[] = {"",
                                        "token='no'",
                                        "token=''",
                                        "token='YES'",
                                        "token='yes '",
                                        "x:token='yes' xmlns:x='urn:x'"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        AUTO_FREE char *text = xasprintf(
            HEADER "<x-vmferry-handover id='" ID "' %s/>" END, texts[i]);
        AUTO_MIGRATION_COOKIE cookie = {0};
        AUTO_ERROR err = {0};

        assert_int_equal(parse(&cookie, MIGRATION_CALL_FINISH, text, &err), 0);
        assert_false(cookie.handover.has_token);
    }
}

static void
assert_refused(const char *text, const char *why)
{
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR err = {0};

    assert_int_equal(parse(&cookie, MIGRATION_CALL_FINISH, text, &err), -1);
    assert_non_null(strstr(err.message, why));
}

static void
what_is_broken_is_refused(void **state)
{
    AUTO_FREE char *uri = xcalloc(1, 2000);
    AUTO_FREE char *text = NULL;

    (void)state;
    memset(uri, 'u', 1999);
    text =
        xasprintf(HEADER "<x-vmferry-handover id='" ID "' uri='%s'/>" END, uri);
    assert_refused(text, "URI in migration cookie is too long");
    assert_refused(HEADER "<x-vmferry-handover/>" END, "malformed handover id");
    assert_refused(HEADER "<x-vmferry-handover id='1' token='yes'/>" END,
                   "malformed handover id");
    assert_refused(HEADER "<x-vmferry-handover id='" ID "'/>"
                          "<x-vmferry-handover id='" ID "' token='yes'/>" END,
                   "Too many x-vmferry-handover elements");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_survives_in_the_calls_that_carry_it),
        cmocka_unit_test(it_is_announced_to_nobody),
        cmocka_unit_test(only_a_clear_yes_gives_the_token),
        cmocka_unit_test(what_is_broken_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
