/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/seen_cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

static struct guest_seen_cpu *
cpu_of(const char *text)
{
    AUTO_ERROR err = {0};
    struct guest_seen_cpu *cpu = guest_seen_cpu_parse(text, &err);

    if (!cpu) {
        fail_msg("'%s': %s", text, err.message);
    }
    return cpu;
}

static void
assert_difference(const char *there, const char *here, const char *expected)
{
    AUTO(guest_seen_cpu) *one = cpu_of(there);
    AUTO(guest_seen_cpu) *other = cpu_of(here);
    AUTO_FREE char *found = guest_seen_cpu_difference(one, other);

    if (expected) {
        assert_non_null(found);
        assert_string_equal(found, expected);
    } else {
        assert_null(found);
    }
}

static void
assert_refused(const char *text, const char *message)
{
    AUTO_ERROR err = {0};

    assert_null(guest_seen_cpu_parse(text, &err));
    if (!strstr(err.message, message)) {
        fail_msg("'%s' is not in '%s'", message, err.message);
    }
}

static void
what_is_written_is_read_again(void **state)
{
    AUTO(guest_seen_cpu) *cpu =
        cpu_of("model=Skylake-Client identity=GenuineIntel/6/94 -rtm +apic"
               " +sse4.1 +apic");
    AUTO_FREE char *text = guest_seen_cpu_format(cpu);
    AUTO(guest_seen_cpu) *again = cpu_of(text);
    AUTO_FREE char *same = guest_seen_cpu_format(again);

    (void)state;
    assert_string_equal(text, "model=Skylake-Client"
                              " identity=GenuineIntel/6/94 +apic -rtm +sse4.1");
    assert_string_equal(same, text);
}

static void
words_of_a_later_version_are_ignored(void **state)
{
    AUTO(guest_seen_cpu) *cpu =
        cpu_of("model=a  level=13 ?maybe +b\n+c nonsense ");

    (void)state;
    assert_int_equal(cpu->count, 2);
}

static void
what_makes_no_sense_is_refused(void **state)
{
    AUTO_FREE char *long_word = xcalloc(1, 80);

    (void)state;
    memcpy(long_word, "model=", 6);
    memset(long_word + 6, 'a', GUEST_SEEN_CPU_NAME_MAX + 1);
    assert_refused("", "has no model");
    assert_refused("+lm", "has no model");
    assert_refused("model=", "is empty");
    assert_refused(long_word, "too long");
    assert_refused("model=a +", "is empty");
    assert_refused("model=a +b=on,c", "that it can't have");
    assert_refused("model=a --b", "begins with a dash");
    assert_refused("model=a/b", "that it can't have");
    assert_refused("model=a identity=b,c", "that it can't have");
}

static void
features_without_end_are_refused(void **state)
{
    AUTO_TEXT text = {0};

    (void)state;
    text_add(&text, "model=a");
    for (unsigned i = 0; i < GUEST_SEEN_CPU_FEATURES_MAX; i++) {
        text_addf(&text, " +f%u", i);
    }
    guest_seen_cpu_free(cpu_of(text.data));
    text_add(&text, " +one-more");
    assert_refused(text.data, "too many features");
}

static void
equal_cpus_do_not_differ(void **state)
{
    (void)state;
    assert_difference("model=a identity=x/1/2 +b +c", "model=a +c +b", NULL);
    assert_difference("model=a identity=x/1/2 +b", "model=z identity=x/1/2 +b",
                      NULL);
    /* Withheld and unknown are the same to the guest. */
    assert_difference("model=a +b -c", "model=a +b", NULL);
    assert_difference("model=a", "model=a", NULL);
}

static void
each_difference_is_named(void **state)
{
    (void)state;
    assert_difference("model=a +b +c +d", "model=a +c",
                      "missing features: b, d");
    assert_difference("model=a +c", "model=a +b +c", "extra features: b");
    assert_difference("model=a +c", "model=a -c", "missing features: c");
    assert_difference("model=a -c", "model=a +c", "extra features: c");
    assert_difference("model=a identity=x/1/2 +b", "model=a identity=y/1/2 +c",
                      "missing features: b; extra features: c; y/1/2 instead"
                      " of x/1/2");
}

static void
many_differences_are_counted(void **state)
{
    AUTO_TEXT there = {0};
    AUTO(guest_seen_cpu) *one = NULL;
    AUTO(guest_seen_cpu) *other = cpu_of("model=a");
    AUTO_FREE char *found = NULL;

    (void)state;
    text_add(&there, "model=a");
    for (unsigned i = 0; i < 1000; i++) {
        text_addf(&there, " +f%03u", i);
    }
    one = cpu_of(there.data);
    found = guest_seen_cpu_difference(one, other);
    assert_true(has_prefix(found, "missing features: f000, f001, "));
    assert_true(has_suffix(found, "f015 and 984 more"));
}

static void
what_one_host_withheld_the_next_does_too(void **state)
{
    AUTO(guest_seen_cpu) *there = cpu_of("model=a +b -c -unknown");
    AUTO(guest_seen_cpu) *here = cpu_of("model=a +b");
    AUTO_ERROR err = {0};
    AUTO_FREE char *text = NULL;

    (void)state;
    assert_int_equal(guest_seen_cpu_add(here, "c", GUEST_SEEN_NOT, &err), 0);
    guest_seen_cpu_sort(here);
    guest_seen_cpu_withhold(here, there);
    text = guest_seen_cpu_format(here);
    assert_string_equal(text, "model=a +b -c");
}

static void
a_vendor_of_any_characters_becomes_a_word(void **state)
{
    AUTO(guest_seen_cpu) *cpu = cpu_of("model=a");
    AUTO_FREE char *text = NULL;

    (void)state;
    guest_seen_cpu_set_identity(cpu, "  Shanghai<> ", 6, 7);
    text = guest_seen_cpu_format(cpu);
    assert_string_equal(text, "model=a identity=__Shanghai___/6/7");
    guest_seen_cpu_free(cpu_of(text));
}

/* What libvirt requires, by names of libvirt's. */
static void
assert_lacks(const char *features, const char *expected)
{
    AUTO_FREE char *xml = xasprintf("<cpu><model>a</model>%s</cpu>", features);
    AUTO_ERROR err = {0};
    AUTO(guest_cpu) *there = guest_cpu_parse(xml, strlen(xml), &err);
    AUTO(guest_seen_cpu) *here = cpu_of("model=a +lahf-lm +pclmulqdq +sse4.1");
    AUTO_FREE char *found = NULL;

    assert_non_null(there);
    assert_int_equal(guest_seen_cpu_add(here, "svm", GUEST_SEEN_NOT, &err), 0);
    guest_seen_cpu_sort(here);
    found = guest_seen_cpu_lacks(here, there);
    if (expected) {
        assert_non_null(found);
        assert_string_equal(found, expected);
    } else {
        assert_null(found);
    }
}

static void
what_a_libvirtd_requires_is_looked_for_by_qemus_names(void **state)
{
    (void)state;
    assert_lacks("<feature policy='require' name='lahf_lm'/>"
                 "<feature policy='require' name='pclmuldq'/>"
                 "<feature policy='require' name='sse4_1'/>",
                 NULL);
    assert_lacks("<feature policy='require' name='lahf_lm'/>"
                 "<feature policy='require' name='svm'/>",
                 "missing features: svm");
}

static void
what_a_libvirtd_does_not_require_or_qemu_not_know_is_passed_over(void **state)
{
    (void)state;
    assert_lacks("<feature policy='disable' name='svm'/>", NULL);
    assert_lacks("<feature policy='optional' name='svm'/>", NULL);
    assert_lacks("<feature policy='require' name='of-another-age'/>", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(words_of_a_later_version_are_ignored),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(features_without_end_are_refused),
        cmocka_unit_test(equal_cpus_do_not_differ),
        cmocka_unit_test(each_difference_is_named),
        cmocka_unit_test(many_differences_are_counted),
        cmocka_unit_test(what_one_host_withheld_the_next_does_too),
        cmocka_unit_test(a_vendor_of_any_characters_becomes_a_word),
        cmocka_unit_test(what_a_libvirtd_requires_is_looked_for_by_qemus_names),
        cmocka_unit_test(
            what_a_libvirtd_does_not_require_or_qemu_not_know_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
