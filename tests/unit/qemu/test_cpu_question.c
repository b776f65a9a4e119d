/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What QEMU, or who plays it, may answer.  The whole question is in the tests
 * of the ferry, with a fake QEMU, and in tests/functional/test_cpu.py. */

#include "qemu/cpu_question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "base/text.h"
#include "qmp/decode.h"

static struct guest_seen_cpu *
read_reply(const char *text, struct error *err)
{
    struct json_object *reply = json_tokener_parse(text);
    struct qmp_cpu_model model = {0};
    struct guest_seen_cpu *cpu = NULL;

    assert_non_null(reply);
    if (qmp_decode_cpu_model(reply, &model, err) == 0) {
        cpu = qemu_cpu_read("qemu64", &model, err);
    }
    free(model.properties);
    json_object_put(reply);
    return cpu;
}

static void
assert_refused(const char *text, const char *message)
{
    AUTO_ERROR err = {0};

    assert_null(read_reply(text, &err));
    if (!strstr(err.message, message)) {
        fail_msg("'%s' is not in '%s'", message, err.message);
    }
}

static void
features_are_what_is_on_or_off(void **state)
{
    AUTO_ERROR err = {0};
    AUTO(guest_seen_cpu) *cpu = read_reply(
        "{\"model\":{\"name\":\"base\",\"props\":{\"svm\":false,\"lm\":true,"
        "\"vendor\":\"AuthenticAMD\",\"family\":15,\"model\":107,"
        "\"stepping\":1,\"min-level\":13,\"apic\":true,\"x\":null,\"y\":[]}}}",
        &err);
    AUTO_FREE char *text = NULL;

    (void)state;
    assert_non_null(cpu);
    text = guest_seen_cpu_format(cpu);
    assert_string_equal(text,
                        "model=qemu64 identity=AuthenticAMD/15/107 +apic +lm");
    assert_int_equal(guest_seen_cpu_find(cpu, "svm")->seen, GUEST_SEEN_NOT);
    assert_null(guest_seen_cpu_find(cpu, "x"));
}

static void
replies_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    assert_refused("[]", "query-cpu-model-expansion");
    assert_refused("{}", "has no 'model'");
    assert_refused("{\"model\":[]}", "model");
    assert_refused("{\"model\":{\"props\":{}}}", "name");
    assert_refused("{\"model\":{\"name\":\"base\"}}", "has no features");
    assert_refused("{\"model\":{\"name\":\"base\",\"props\":7}}", "props");
    assert_refused("{\"model\":{\"name\":\"base\",\"props\":{\"a\":\"on\"}}}",
                   "has no features");
    assert_refused("{\"model\":{\"name\":\"b\",\"props\":{\"a,b\":true}}}",
                   "that it can't have");
    assert_refused("{\"model\":{\"name\":\"base\",\"props\":{\"\":true}}}",
                   "is empty");
}

static void
numbers_of_the_wrong_type_or_size_are_no_identity(void **state)
{
    AUTO_ERROR err = {0};
    AUTO(guest_seen_cpu) *cpu = read_reply(
        "{\"model\":{\"name\":\"base\",\"props\":{\"lm\":true,\"vendor\":\"V\","
        "\"family\":-1,\"model\":99999999999}}}",
        &err);
    AUTO(guest_seen_cpu) *other = read_reply(
        "{\"model\":{\"name\":\"base\",\"props\":{\"lm\":true,\"vendor\":5}}}",
        &err);

    (void)state;
    assert_string_equal(cpu->identity, "V/0/0");
    assert_null(other->identity);
}

static void
thousands_of_properties_are_read_and_too_many_refused(void **state)
{
    AUTO_TEXT text = {0};
    AUTO_ERROR err = {0};
    AUTO(guest_seen_cpu) *cpu = NULL;

    (void)state;
    text_add(&text, "{\"model\":{\"name\":\"base\",\"props\":{\"a\":1");
    for (unsigned i = 0; i < GUEST_SEEN_CPU_FEATURES_MAX; i++) {
        text_addf(&text, ",\"f%u\":true,\"n%u\":%u", i, i, i);
    }
    size_t length = text.length;

    text_add(&text, "}}}");
    cpu = read_reply(text.data, &err);
    assert_non_null(cpu);
    assert_int_equal(cpu->count, GUEST_SEEN_CPU_FEATURES_MAX);
    text.length = length;
    text_add(&text, ",\"z\":false}}}");
    assert_refused(text.data, "too many features");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_what_is_on_or_off),
        cmocka_unit_test(replies_that_make_no_sense_are_refused),
        cmocka_unit_test(numbers_of_the_wrong_type_or_size_are_no_identity),
        cmocka_unit_test(thousands_of_properties_are_read_and_too_many_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
