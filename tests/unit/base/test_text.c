/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static void
a_text_grows_and_is_handed_over(void **state)
{
    AUTO_TEXT text = {0};
    AUTO_FREE char *taken = NULL;

    (void)state;
    text_add(&text, "one");
    text_addf(&text, " %d ", 2);
    text_add_bytes(&text, "three!", 5);
    assert_int_equal(text.length, 11);
    taken = text_take(&text);
    assert_string_equal(taken, "one 2 three");
    assert_null(text.data);
}

static void
a_long_text_keeps_every_byte(void **state)
{
    AUTO_TEXT text = {0};

    (void)state;
    for (int i = 0; i < 10000; i++) {
        text_addf(&text, "%04d", i);
    }
    assert_int_equal(text.length, 40000);
    assert_int_equal(strlen(text.data), 40000);
    assert_memory_equal(text.data + 4 * 5678, "5678", 4);
}

static void
an_empty_text_is_handed_over_as_an_empty_string(void **state)
{
    struct text text = {0};
    AUTO_FREE char *taken = text_take(&text);

    (void)state;
    assert_string_equal(taken, "");
    text_done(&text);
}

static void
an_unsigned_number_is_read_up_to_its_bound(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_true(parse_u64("0", 0, &value));
    assert_int_equal(value, 0);
    assert_true(parse_u64("18446744073709551615", UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_true(parse_u64("007", 7, &value));
    assert_int_equal(value, 7);
    assert_false(parse_u64("8", 7, &value));
    assert_int_equal(value, 7);
}

static void
what_is_no_number_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " 1",
        "1 ",
        "+1",
        "-1",
        "0x1",
        "1x",
        "x",
        "1.0",
        "18446744073709551616",
        "99999999999999999999999",
    };
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (parse_u64(texts[i], UINT64_MAX, &value)) {
            fail_msg("'%s' was taken", texts[i]);
        }
    }
}

static void
a_signed_number_is_read_between_its_bounds(void **state)
{
    static const char *const wrong[] = {"", "-", "--1", "+1", "- 1", "6", "-6"};
    int64_t value = 0;

    (void)state;
    assert_true(parse_i64("-5", -5, 5, &value));
    assert_int_equal(value, -5);
    assert_true(parse_i64("9223372036854775807", 0, INT64_MAX, &value));
    assert_true(value == INT64_MAX);
    assert_true(
        parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &value));
    assert_true(value == INT64_MIN);
    assert_false(
        parse_i64("-9223372036854775809", INT64_MIN, INT64_MAX, &value));
    assert_false(
        parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &value));
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        if (parse_i64(wrong[i], -5, 5, &value)) {
            fail_msg("'%s' was taken", wrong[i]);
        }
    }
}

static void
a_hexadecimal_number_has_one_prefix(void **state)
{
    static const char *const wrong[] = {"",     "0x",   "0x0x5", "0xg", "ff",
                                        "0x-1", "0x 1", "0x0X5", "x10", "-0x1"};
    uint64_t value = 0;

    (void)state;
    assert_true(parse_hex("0xfF", 255, &value));
    assert_int_equal(value, 255);
    assert_true(parse_hex("0X10", 255, &value));
    assert_int_equal(value, 16);
    assert_true(parse_hex("10", 255, &value));
    assert_int_equal(value, 10);
    assert_true(parse_hex("0x0", 255, &value));
    assert_int_equal(value, 0);
    assert_false(parse_hex("0x100", 255, &value));
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        if (parse_hex(wrong[i], UINT64_MAX, &value)) {
            fail_msg("'%s' was taken", wrong[i]);
        }
    }
}

static void
prefixes_and_suffixes_may_be_the_whole_or_nothing(void **state)
{
    (void)state;
    assert_true(has_prefix("abc", "ab"));
    assert_true(has_prefix("abc", ""));
    assert_false(has_prefix("ab", "abc"));
    assert_true(has_suffix("abc", "bc"));
    assert_true(has_suffix("abc", "abc"));
    assert_false(has_suffix("bc", "abc"));
    assert_true(has_suffix("", ""));
}

static void
no_text_is_the_same_as_itself_only(void **state)
{
    (void)state;
    assert_true(is_same_text(NULL, NULL));
    assert_false(is_same_text(NULL, ""));
    assert_false(is_same_text("", NULL));
    assert_true(is_same_text("a", "a"));
    assert_false(is_same_text("a", "b"));
}

static void
utf8_is_told_from_what_only_looks_like_it(void **state)
{
    static const char *const right[] = {
        "",
        "plain",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xef\xbf\xbf",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xc3\xa4z",
    };
    static const char *const wrong[] = {
        "\x80",             /* A continuation alone. */
        "\xc3",             /* Cut short. */
        "\xe2\x82",         /* The same. */
        "\xc3z",            /* Not continued. */
        "\xc0\x80",         /* Too long a way to say NUL. */
        "\xc1\xbf",         /* Too long. */
        "\xe0\x9f\xbf",     /* Too long. */
        "\xf0\x8f\xbf\xbf", /* Too long. */
        "\xed\xa0\x80",     /* A surrogate. */
        "\xf4\x90\x80\x80", /* Beyond the last. */
        "\xf8\x88\x80\x80\x80",
        "\xff",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(right); i++) {
        assert_true(is_utf8(right[i], strlen(right[i])));
    }
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        /* A copy without a NUL, for ASan. */
        AUTO_FREE char *copy = xmemdup(wrong[i], strlen(wrong[i]));

        if (is_utf8(copy, strlen(wrong[i]))) {
            fail_msg("wrong[%zu] was taken", i);
        }
    }
}

static void
test_durations_are_read_by_people(void **state)
{
    const int64_t s = 1000, min = 60 * s, h = 60 * min, d = 24 * h;
    char text[DURATION_SIZE];

    (void)state;
    assert_string_equal(format_duration(0, text), "0 s");
    assert_string_equal(format_duration(min - 1, text), "59 s");
    assert_string_equal(format_duration(min, text), "1 min");
    assert_string_equal(format_duration(h - 1, text), "59 min");
    assert_string_equal(format_duration(2 * h + 5 * min, text), "2 h 5 min");
    assert_string_equal(format_duration(4 * d + 2 * h + min, text), "4 d 2 h");
    assert_in_range(strlen(format_duration(INT64_MAX, text)), 1,
                    DURATION_SIZE - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_are_read_by_people),
        cmocka_unit_test(a_text_grows_and_is_handed_over),
        cmocka_unit_test(a_long_text_keeps_every_byte),
        cmocka_unit_test(an_empty_text_is_handed_over_as_an_empty_string),
        cmocka_unit_test(an_unsigned_number_is_read_up_to_its_bound),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(a_signed_number_is_read_between_its_bounds),
        cmocka_unit_test(a_hexadecimal_number_has_one_prefix),
        cmocka_unit_test(prefixes_and_suffixes_may_be_the_whole_or_nothing),
        cmocka_unit_test(no_text_is_the_same_as_itself_only),
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
