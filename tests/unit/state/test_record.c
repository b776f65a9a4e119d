/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "state/record.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct record *
parse(const char *text)
{
    AUTO_ERROR err = {0};
    struct record *record = record_parse(text, strlen(text), &err);

    if (!record) {
        fail_msg("%s", err.message);
    }
    return record;
}

static void
what_is_set_comes_back_after_format_and_parse(void **state)
{
    static const char text[] = "line\n\"quoted\" \\ / \x01 \xff not UTF-8";
    static const int64_t any[] = {INT64_MIN, INT64_MAX};
    AUTO(record) *first = record_new(3);
    AUTO(record) *second = NULL;
    AUTO_FREE char *formatted = NULL;
    AUTO_ERROR err = {0};
    const char *got = NULL;
    int64_t number = 0;
    bool truth = false;

    (void)state;
    record_set_text(first, "name", text);
    record_set_number(first, "least", INT64_MIN);
    record_set_number(first, "most", INT64_MAX);
    record_set_bool(first, "is_running", true);
    formatted = record_format(first);
    second = parse(formatted);
    assert_int_equal(record_version(second), 3);
    assert_int_equal(record_get_text(second, "name", &got, &err), 0);
    assert_string_equal(got, text);
    assert_int_equal(record_get_number(second, "least", any, &number, &err), 0);
    assert_true(number == INT64_MIN);
    assert_int_equal(record_get_number(second, "most", any, &number, &err), 0);
    assert_true(number == INT64_MAX);
    assert_int_equal(record_get_bool(second, "is_running", &truth, &err), 0);
    assert_true(truth);
}

static void
a_record_is_one_member_a_line(void **state)
{
    AUTO(record) *record = record_new(1);
    AUTO_FREE char *text = NULL;

    (void)state;
    record_set_text(record, "path", "/run/x");
    record_set_number(record, "pid", 4);
    text = record_format(record);
    assert_string_equal(text, "{\n"
                              "  \"version\": 1,\n"
                              "  \"path\": \"/run/x\",\n"
                              "  \"pid\": 4\n"
                              "}\n");
}

static void
setting_replaces_and_removing_removes(void **state)
{
    AUTO(record) *record = record_new(1);

    (void)state;
    record_set_text(record, "x", "text");
    record_set_number(record, "x", 5);
    assert_int_equal(record_find_number(record, "x", -1), 5);
    assert_true(record_has(record, "x"));
    record_remove(record, "x");
    record_remove(record, "x");
    assert_false(record_has(record, "x"));
}

static void
what_may_be_missing_has_a_default(void **state)
{
    AUTO(record) *record = parse("{\"version\":1,\"n\":1,\"t\":\"x\"}");

    (void)state;
    assert_string_equal(record_find_text(record, "t", "none"), "x");
    assert_string_equal(record_find_text(record, "n", "none"), "none");
    assert_null(record_find_text(record, "missing", NULL));
    assert_int_equal(record_find_number(record, "t", -1), -1);
    assert_true(record_find_bool(record, "n", true));
    assert_false(record_find_bool(record, "missing", false));
}

static void
assert_fails(int result, struct error *err, const char *message)
{
    assert_int_equal(result, -1);
    assert_int_equal(err->code, ERROR_INTERNAL);
    assert_string_equal(err->message, message);
    error_clear(err);
}

static void
what_must_be_there_is_named_when_it_is_not(void **state)
{
    static const int64_t bounds[] = {2, 5};
    AUTO(record) *record = parse("{\"version\":1,\"n\":1,\"m\":6,\"t\":\"x\"}");
    AUTO_ERROR err = {0};
    const char *text = "untouched";
    int64_t number = 77;
    bool truth = true;

    (void)state;
    assert_fails(record_get_text(record, "who", &text, &err), &err,
                 "the record has no 'who'");
    assert_fails(record_get_text(record, "n", &text, &err), &err,
                 "'n' of the record is no text");
    assert_fails(record_get_bool(record, "n", &truth, &err), &err,
                 "'n' of the record is no truth value");
    assert_fails(record_get_number(record, "t", bounds, &number, &err), &err,
                 "'t' of the record is no number");
    assert_fails(record_get_number(record, "n", bounds, &number, &err), &err,
                 "'n' of the record is out of bounds: 1");
    assert_fails(record_get_number(record, "m", bounds, &number, &err), &err,
                 "'m' of the record is out of bounds: 6");
    assert_string_equal(text, "untouched");
    assert_int_equal(number, 77);
    assert_true(truth);
}

static void
what_is_no_record_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "null",
        "[]",
        "7",
        "{}",
        "{\"version\":0}",
        "{\"version\":-1}",
        "{\"version\":2147483648}",
        "{\"version\":\"1\"}",
        "{\"version\":1",
        "{\"version\":1}x",
        "{\"version\":1}\n{}",
        "{\"version\":1,}",
        "{\"version\":1,\"x\":null}",
        "{\"version\":1,\"x\":{}}",
        "{\"version\":1,\"x\":{\"y\":1}}",
        "{\"version\":1,\"x\":[[[[]]]]}",
        "{\"version\":1,\"x\":1.5}",
        "{\"version\":1,\"x\":9223372036854775808}",
        "{\"version\":1,\"x\":\"a\\u0000b\"}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        AUTO_ERROR err = {0};
        struct record *record = record_parse(texts[i], strlen(texts[i]), &err);

        if (record) {
            fail_msg("taken: %s", texts[i]);
        }
        assert_int_equal(err.code, ERROR_INTERNAL);
    }
}

static void
what_follows_a_nul_is_not_overlooked(void **state)
{
    static const char text[] = "{\"version\":1}\n\0more";
    AUTO_ERROR err = {0};

    (void)state;
    assert_null(record_parse(text, sizeof text - 1, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
}

static void
a_record_that_is_cut_anywhere_is_refused(void **state)
{
    static const char text[] = "{\"version\":1,\"x\":\"abc\",\"y\":true}";

    (void)state;
    for (size_t length = 0; length < strlen(text); length++) {
        AUTO_FREE char *cut = xmemdup(text, length); /* For ASan: no NUL. */
        AUTO_ERROR err = {0};

        assert_null(record_parse(cut, length, &err));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_comes_back_after_format_and_parse),
        cmocka_unit_test(a_record_is_one_member_a_line),
        cmocka_unit_test(setting_replaces_and_removing_removes),
        cmocka_unit_test(what_may_be_missing_has_a_default),
        cmocka_unit_test(what_must_be_there_is_named_when_it_is_not),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(what_follows_a_nul_is_not_overlooked),
        cmocka_unit_test(a_record_that_is_cut_anywhere_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
