/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static const char example[] = "c7a5fdbd-edaf-9455-926a-d65c16db1809";

static void
a_uuid_is_read_with_and_without_dashes(void **state)
{
    static const char *const texts[] = {
        "C7A5FDBD-EDAF-9455-926A-D65C16DB1809",
        "c7a5fdbdedaf9455926ad65c16db1809",
        "c7-a5-fdbdedaf9455926ad65c16db1809",
    };
    struct uuid wanted, uuid;
    char text[UUID_TEXT_SIZE];

    (void)state;
    assert_true(uuid_parse(example, &wanted));
    assert_int_equal(wanted.bytes[0], 0xc7);
    assert_int_equal(wanted.bytes[15], 0x09);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        assert_true(uuid_parse(texts[i], &uuid));
        assert_true(uuid_is_equal(&uuid, &wanted));
    }
    uuid_format(&wanted, text);
    assert_string_equal(text, example);
}

static void
what_is_no_uuid_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "-",
        "c7a5fdbd-edaf-9455-926a-d65c16db180",
        "c7a5fdbd-edaf-9455-926a-d65c16db18091",
        "c7a5fdbd-edaf-9455-926a-d65c16db1809-",
        "-c7a5fdbd-edaf-9455-926a-d65c16db1809",
        "c-7a5fdbdedaf9455926ad65c16db1809",
        "g7a5fdbd-edaf-9455-926a-d65c16db1809",
        "{c7a5fdbd-edaf-9455-926a-d65c16db1809}",
        " c7a5fdbd-edaf-9455-926a-d65c16db1809",
    };
    struct uuid uuid = {{1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (uuid_parse(texts[i], &uuid)) {
            fail_msg("'%s' was taken", texts[i]);
        }
        assert_int_equal(uuid.bytes[0], 1);
    }
}

static void
a_generated_uuid_is_of_version_4_and_new(void **state)
{
    struct uuid first, second;

    (void)state;
    uuid_generate(&first);
    uuid_generate(&second);
    assert_int_equal(first.bytes[6] >> 4, 4);
    assert_int_equal(first.bytes[8] >> 6, 2);
    assert_false(uuid_is_equal(&first, &second));
    assert_false(uuid_is_zero(&first));
}

static void
the_zero_uuid_is_known(void **state)
{
    struct uuid uuid = {{0}};

    (void)state;
    assert_true(uuid_is_zero(&uuid));
    uuid.bytes[15] = 1;
    assert_false(uuid_is_zero(&uuid));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_is_read_with_and_without_dashes),
        cmocka_unit_test(what_is_no_uuid_is_refused),
        cmocka_unit_test(a_generated_uuid_is_of_version_4_and_new),
        cmocka_unit_test(the_zero_uuid_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
