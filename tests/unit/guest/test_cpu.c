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

static const char in_cookie[] =
    "  <cpu mode='custom' match='exact' check='full'>\n"
    "    <model fallback='forbid'>qemu64</model>\n"
    "    <feature policy='require' name='hypervisor'/>\n"
    "    <feature policy='require' name='lahf_lm'/>\n"
    "  </cpu>\n";

static void
assert_cpu_refused(const char *xml, enum error_code code, const char *message)
{
    AUTO_ERROR err = {0};

    assert_null(guest_cpu_parse(xml, strlen(xml), &err));
    if (!strstr(err.message, message)) {
        fail_msg("'%s' is not in '%s'", message, err.message);
    }
    assert_int_equal(err.code, code);
}

static void
the_cpu_of_a_cookie_is_read_and_written(void **state)
{
    AUTO_ERROR err = {0};
    AUTO(guest_cpu) *cpu = guest_cpu_parse(in_cookie, strlen(in_cookie), &err);
    AUTO(guest_cpu) *copy = guest_cpu_copy(cpu);
    AUTO_TEXT text = {0};

    (void)state;
    assert_non_null(cpu);
    guest_cpu_format(&text, copy, 2);
    assert_string_equal(text.data, in_cookie);
    assert_int_equal(cpu->check, GUEST_CPU_CHECK_FULL);
    assert_string_equal(cpu->features.items[1]->name, "lahf_lm");
}

static void
a_cpu_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    assert_cpu_refused("<cpu><feature name='a'/></cpu>", ERROR_XML,
                       "Non-empty feature list specified without CPU model");
    assert_cpu_refused("<cpu mode='maximum'><model>a</model></cpu>", ERROR_XML,
                       "CPU model specified with mode 'maximum'");
    assert_cpu_refused("<cpu><model>a</model><feature name='b'/>"
                       "<feature name='b' policy='disable'/></cpu>",
                       ERROR_XML, "'b' specified more than once");
    assert_cpu_refused("<cpu mode='quantum'/>", ERROR_CONFIG_UNSUPPORTED,
                       "unsupported value 'quantum' of attribute 'mode'");
    assert_cpu_refused("<cpu><topology sockets='1' cores='0' threads='1'/>"
                       "</cpu>",
                       ERROR_CONFIG_UNSUPPORTED, "unsupported value '0'");
    assert_cpu_refused("<cpu><topology sockets='1'/></cpu>", ERROR_XML,
                       "missing attribute 'cores' of <topology>");
    assert_cpu_refused("<domain/>", ERROR_XML, "expecting <cpu>");
}

static void
what_a_user_leaves_out_is_libvirts_default(void **state)
{
    static const struct {
        const char *type, *cpu;
        enum guest_cpu_check check;
    } cases[] = {
        {"qemu", "<cpu><model>Nehalem</model></cpu>", GUEST_CPU_CHECK_NONE   },
        {"kvm",  "<cpu><model>Nehalem</model></cpu>", GUEST_CPU_CHECK_PARTIAL},
        {"kvm",  "<cpu mode='host-model'/>",          GUEST_CPU_CHECK_PARTIAL},
        {"kvm",  "<cpu mode='host-passthrough'/>",    GUEST_CPU_CHECK_NONE   },
        {"qemu", "<cpu mode='maximum'/>",             GUEST_CPU_CHECK_NONE   },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO_FREE char *xml =
            xasprintf("<domain type='%s'><name>a</name><memory>1</memory>"
                      "<os><type>hvm</type></os>%s</domain>",
                      cases[i].type, cases[i].cpu);
        AUTO(guest) *guest = guest_of(xml, GUEST_PARSE_INACTIVE);

        assert_int_equal(guest->cpu->check, cases[i].check);
        if (guest->cpu->mode == GUEST_CPU_MODE_CUSTOM) {
            assert_int_equal(guest->cpu->match, GUEST_CPU_MATCH_EXACT);
            assert_int_equal(guest->cpu->fallback, GUEST_CPU_FALLBACK_ALLOW);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cpu_of_a_cookie_is_read_and_written),
        cmocka_unit_test(a_cpu_that_contradicts_itself_is_refused),
        cmocka_unit_test(what_a_user_leaves_out_is_libvirts_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
