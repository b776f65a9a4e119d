/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Elements of foreign namespaces in <metadata>. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/metadata.h"

static void
assert_element(const struct guest *guest, const char *uri, const char *wanted)
{
    AUTO_FREE char *text = guest_metadata_get(guest, uri);

    if (wanted) {
        assert_non_null(text);
        assert_string_equal(text, wanted);
    } else {
        assert_null(text);
    }
}

static int
new_guest(void **state)
{
    *state = xcalloc(1, sizeof(struct guest));
    return 0;
}

static int
free_guest(void **state)
{
    guest_free(*state);
    return 0;
}

static void
what_was_set_comes_back_without_its_namespace(void **state)
{
    struct guest *guest = *state;
    AUTO_ERROR err = {0};

    assert_element(guest, "urn:x", NULL);
    assert_int_equal(guest_metadata_set(guest, "urn:x", "k",
                                        "<a one='1'><b>text</b></a>", &err),
                     0);
    assert_string_equal(guest->metadata, "<metadata>\n"
                                         "  <k:a xmlns:k=\"urn:x\" one=\"1\">\n"
                                         "    <k:b>text</k:b>\n"
                                         "  </k:a>\n"
                                         "</metadata>");
    assert_element(guest, "urn:x", "<a one=\"1\">\n  <b>text</b>\n</a>");
}

static void
elements_of_other_namespaces_are_left_alone(void **state)
{
    struct guest *guest = *state;
    AUTO_ERROR err = {0};

    assert_int_equal(guest_metadata_set(guest, "urn:x", "k", "<a/>", &err), 0);
    assert_int_equal(guest_metadata_set(guest, "urn:y", "l", "<b/>", &err), 0);
    assert_int_equal(guest_metadata_set(guest, "urn:x", "m", "<c/>", &err), 0);
    assert_element(guest, "urn:x", "<c/>");
    assert_element(guest, "urn:y", "<b/>");
    assert_int_equal(guest_metadata_set(guest, "urn:x", NULL, NULL, &err), 0);
    assert_element(guest, "urn:x", NULL);
    assert_element(guest, "urn:y", "<b/>");
}

static void
nothing_is_left_of_the_last_one(void **state)
{
    struct guest *guest = *state;
    AUTO_ERROR err = {0};

    assert_int_equal(guest_metadata_set(guest, "urn:x", "k", "<a/>", &err), 0);
    assert_int_equal(guest_metadata_set(guest, "urn:x", NULL, NULL, &err), 0);
    assert_null(guest->metadata);
    assert_int_equal(guest_metadata_set(guest, "urn:x", NULL, NULL, &err), 0);
    assert_null(guest->metadata);
}

static void
a_namespace_inside_of_the_element_is_kept(void **state)
{
    struct guest *guest = *state;
    AUTO_ERROR err = {0};

    assert_int_equal(
        guest_metadata_set(guest, "urn:x", "k",
                           "<a><z:b xmlns:z='urn:z'><c/></z:b></a>", &err),
        0);
    assert_element(guest, "urn:x",
                   "<a>\n  <z:b xmlns:z=\"urn:z\">\n    <c/>\n  </z:b>\n</a>");
}

static void
what_is_no_xml_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "", "<a>", "a", "<a/><b/>", "<!DOCTYPE a [<!ENTITY x 'y'>]>", "\xff",
    };
    struct guest *guest = *state;
    AUTO_ERROR first = {0};

    assert_int_equal(guest_metadata_set(guest, "urn:x", "k", "<a/>", &first),
                     0);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        AUTO_ERROR err = {0};

        assert_int_equal(
            guest_metadata_set(guest, "urn:x", "k", texts[i], &err), -1);
        assert_int_equal(err.code, ERROR_XML);
        assert_element(guest, "urn:x", "<a/>");
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_guest, free_guest)
    const struct CMUnitTest tests[] = {
        TEST(what_was_set_comes_back_without_its_namespace),
        TEST(elements_of_other_namespaces_are_left_alone),
        TEST(nothing_is_left_of_the_last_one),
        TEST(a_namespace_inside_of_the_element_is_kept),
        TEST(what_is_no_xml_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
