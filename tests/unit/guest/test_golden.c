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

enum {
    MIGRATABLE = GUEST_FORMAT_MIGRATABLE | GUEST_FORMAT_SECURE,
    PERSISTENT = MIGRATABLE | GUEST_FORMAT_INACTIVE,
};

/* What is read as 'from' is written as 'to'. */
static void
assert_written(const char *from, unsigned parse_flags, const char *to,
               unsigned format_flags)
{
    AUTO_FREE char *input = golden_read(from);
    AUTO_FREE char *expected = golden_read(to);
    AUTO(guest) *guest = guest_of(input, parse_flags);
    AUTO(guest) *copy = guest_copy(guest);
    AUTO_FREE char *output = guest_format(guest, format_flags);
    AUTO_FREE char *of_copy = guest_format(copy, format_flags);

    assert_string_equal(output, expected);
    assert_string_equal(of_copy, expected);
}

static void
a_running_guest_is_dumped_as_libvirt_dumps_it(void **state)
{
    (void)state;
    assert_written("live-pc.xml", 0, "live-pc.xml", 0);
    assert_written("live-q35.xml", 0, "live-q35.xml", 0);
}

static void
the_migratable_form_is_libvirts(void **state)
{
    (void)state;
    assert_written("live-pc.xml", 0, "mig-pc.xml", MIGRATABLE);
    assert_written("live-q35.xml", 0, "mig-q35.xml", MIGRATABLE);
}

static void
the_persistent_form_is_libvirts(void **state)
{
    (void)state;
    assert_written("live-pc.xml", 0, "mig-inactive-pc.xml", PERSISTENT);
    assert_written("mig-inactive-pc.xml", GUEST_PARSE_INACTIVE,
                   "mig-inactive-pc.xml", PERSISTENT);
}

static void
what_a_peer_sent_can_be_sent_on(void **state)
{
    static const char *const names[] = {"mig-pc.xml", "mig-q35.xml",
                                        "mig-rich.xml", "mig-rich2.xml"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        assert_written(names[i], GUEST_PARSE_MIGRATION, names[i], MIGRATABLE);
    }
}

static void
captured_guests_pass_the_check(void **state)
{
    static const char *const names[] = {
        "demo-pc.xml", "live-pc.xml",  "mig-pc.xml", "mig-q35.xml",
        "rich.xml",    "mig-rich.xml", "rich2.xml",  "mig-rich2.xml",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        AUTO_FREE char *xml = golden_read(names[i]);
        AUTO(guest) *guest = guest_of(xml, 0);
        AUTO_ERROR err = {0};

        if (guest_check(guest, &err) < 0) {
            fail_msg("%s: %s", names[i], err.message);
        }
    }
}

static void
our_own_record_keeps_both_cpus_and_every_live_fact(void **state)
{
    AUTO_FREE char *xml = golden_read("live-pc.xml");
    AUTO(guest) *guest = guest_of(xml, 0);

    (void)state;
    guest->graphics.items[0]->password = xstrdup("secret");
    AUTO_FREE char *record = guest_format(guest, GUEST_FORMAT_STATUS);
    AUTO(guest) *again = guest_of(record, GUEST_PARSE_STATUS);
    AUTO_FREE char *second = guest_format(again, GUEST_FORMAT_STATUS);
    AUTO_FREE char *live = guest_format(again, 0);

    assert_string_equal(record, second);
    assert_string_equal(live, xml);
    assert_int_equal(again->id.value, 8);
    assert_int_equal(again->cpu->features.count, 0);
    assert_int_equal(again->live_cpu->features.count, 2);
    assert_string_equal(again->graphics.items[0]->password, "secret");
}

static void
an_indented_guest_is_the_one_in_a_cookie(void **state)
{
    AUTO_FREE char *xml = golden_read("mig-rich2.xml");
    AUTO(guest) *guest = guest_of(xml, GUEST_PARSE_MIGRATION);
    AUTO_TEXT text = {0}, expected = {0};

    (void)state;
    for (const char *line = xml; *line; line = strchr(line, '\n') + 1) {
        text_add(&expected, "  ");
        text_add_bytes(&expected, line, strcspn(line, "\n") + 1);
    }
    guest_format_into(&text, guest, MIGRATABLE, 2);
    assert_string_equal(text.data, expected.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_guest_is_dumped_as_libvirt_dumps_it),
        cmocka_unit_test(the_migratable_form_is_libvirts),
        cmocka_unit_test(the_persistent_form_is_libvirts),
        cmocka_unit_test(what_a_peer_sent_can_be_sent_on),
        cmocka_unit_test(captured_guests_pass_the_check),
        cmocka_unit_test(our_own_record_keeps_both_cpus_and_every_live_fact),
        cmocka_unit_test(an_indented_guest_is_the_one_in_a_cookie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
