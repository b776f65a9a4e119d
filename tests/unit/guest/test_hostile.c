/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"

#define SMALL "<name>a</name><memory>1</memory><os><type>hvm</type></os>"

static void
a_billion_laughs_are_refused_at_the_doctype(void **state)
{
    (void)state;
    assert_refused("<!DOCTYPE domain [<!ENTITY a 'ha'>"
                   "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
                   "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>"
                   "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]>"
                   "<domain type='qemu'><name>&d;</name></domain>",
                   ERROR_XML, "a DOCTYPE is not allowed");
}

static void
an_external_entity_is_not_fetched(void **state)
{
    (void)state;
    assert_refused("<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
                   "<domain type='qemu'><name>&e;</name></domain>",
                   ERROR_XML, "a DOCTYPE is not allowed");
    assert_refused("<!DOCTYPE d SYSTEM 'http://127.0.0.1:1/d.dtd'>"
                   "<domain type='qemu'/>",
                   ERROR_XML, "a DOCTYPE is not allowed");
    assert_refused("<domain type='qemu'><name>&e;</name></domain>",
                   ERROR_XML_SYNTAX, "(domain_definition):1: ");
}

static void
nesting_has_an_end(void **state)
{
    AUTO_TEXT text = {0};

    (void)state;
    text_add(&text, "<domain type='qemu'>" SMALL "<metadata>");
    for (int i = 0; i < 100; i++) {
        text_add(&text, "<x:a xmlns:x='http://x'>");
    }
    for (int i = 0; i < 100; i++) {
        text_add(&text, "</x:a>");
    }
    text_add(&text, "</metadata></domain>");
    assert_refused(text.data, ERROR_XML, "more than 64 levels of elements");
}

static void
nesting_beyond_the_parsers_own_limit_is_refused(void **state)
{
    AUTO_TEXT text = {0};

    (void)state;
    for (int i = 0; i < 100000; i++) {
        text_add(&text, "<domain>");
    }
    assert_refused(text.data, ERROR_XML_SYNTAX, "(domain_definition):");
}

static void
a_chain_of_images_has_an_end(void **state)
{
    AUTO_TEXT text = {0};

    (void)state;
    text_add(&text, "<disk><target dev='vda'/>");
    for (int i = 0; i < 100; i++) {
        text_add(&text, "<backingStore>");
    }
    for (int i = 0; i < 100; i++) {
        text_add(&text, "</backingStore>");
    }
    text_add(&text, "</disk>");
    AUTO_FREE char *xml = domain_with("", text.data);
    assert_refused(xml, ERROR_XML, "more than 64 levels of elements");
}

static void
size_has_a_bound(void **state)
{
    const size_t size = GUEST_XML_SIZE_MAX + 1;
    AUTO_FREE char *xml = xcalloc(size + 1, 1);

    (void)state;
    memset(xml, ' ', size);
    assert_refused(xml, ERROR_XML, "more than 4194304 bytes");
}

static void
the_number_of_devices_has_a_bound(void **state)
{
    AUTO_TEXT text = {0};

    (void)state;
    for (int i = 0; i < 1025; i++) {
        text_add(&text, "<hub type='usb'/>");
    }
    AUTO_FREE char *xml = domain_with("", text.data);
    assert_refused(xml, ERROR_CONFIG_UNSUPPORTED,
                   "more than 1024 elements <hub> in <devices>");
}

static void
a_nul_is_refused(void **state)
{
    static const char xml[] = "<domain type='qemu'>" SMALL "</domain>\0<x/>";
    AUTO_ERROR err = {0};

    (void)state;
    assert_null(guest_parse(xml, sizeof(xml) - 1, 0, &err));
    assert_int_equal(err.code, ERROR_XML);
    assert_non_null(strstr(err.message, "NUL in the text"));
}

static void
what_is_cut_off_anywhere_is_refused(void **state)
{
    AUTO_FREE char *xml = golden_read("demo-pc.xml");
    size_t length = strlen(xml);

    (void)state;
    while (xml[length - 1] == '\n') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        AUTO_ERROR err = {0};

        assert_null(guest_parse(xml, i, 0, &err));
        assert_int_equal(err.code, ERROR_XML_SYNTAX);
    }
}

static void
bytes_that_are_no_utf8_are_refused(void **state)
{
    (void)state;
    assert_refused("<domain type='qemu'><name>\xff\xfe</name></domain>",
                   ERROR_XML_SYNTAX, "(domain_definition):1: ");
    assert_refused("<domain type='qemu'><name>&#1;</name></domain>",
                   ERROR_XML_SYNTAX, "(domain_definition):1: ");
}

static void
texts_have_bounds(void **state)
{
    AUTO_FREE char *name = xcalloc(5000, 1);

    (void)state;
    memset(name, 'n', 256);
    AUTO_FREE char *long_name =
        xasprintf("<domain type='qemu'><name>%s</name></domain>", name);
    assert_refused(long_name, ERROR_CONFIG_UNSUPPORTED, "in <name> at line 1");
    memset(name, 'n', 4999);
    AUTO_FREE char *device =
        xasprintf("<disk><source file='/%s'/><target dev='vda'/></disk>", name);
    AUTO_FREE char *long_path = domain_with("", device);
    assert_refused(long_path, ERROR_CONFIG_UNSUPPORTED, "'file' of <source>");
}

static void
names_of_elements_that_are_too_long_are_cut(void **state)
{
    AUTO_FREE char *name = xcalloc(40000, 1);
    AUTO_ERROR err = {0};

    (void)state;
    memset(name, 'n', 39999);
    AUTO_FREE char *device = xasprintf("<%s/>", name);
    AUTO_FREE char *xml = domain_with("", device);
    assert_null(guest_parse(xml, strlen(xml), 0, &err));
    assert_true(strlen(err.message) < 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_billion_laughs_are_refused_at_the_doctype),
        cmocka_unit_test(an_external_entity_is_not_fetched),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(nesting_beyond_the_parsers_own_limit_is_refused),
        cmocka_unit_test(a_chain_of_images_has_an_end),
        cmocka_unit_test(size_has_a_bound),
        cmocka_unit_test(the_number_of_devices_has_a_bound),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(what_is_cut_off_anywhere_is_refused),
        cmocka_unit_test(bytes_that_are_no_utf8_are_refused),
        cmocka_unit_test(texts_have_bounds),
        cmocka_unit_test(names_of_elements_that_are_too_long_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
