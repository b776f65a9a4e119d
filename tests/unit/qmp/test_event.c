/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

/* Decodes; the message has to be put after the last look at the event. */
static struct json_object *
decode(const char *text, struct qmp_event *event)
{
    struct json_object *message = json_tokener_parse(text);
    AUTO_ERROR err = {0};

    if (qmp_event_decode(message, event, &err) < 0) {
        fail_msg("%s: %s", text, err.message);
    }
    return message;
}

static void
migration_has_its_status_known_or_not(void **state)
{
    struct qmp_event event;
    struct json_object *message;

    (void)state;
    message = decode("{\"timestamp\":{\"seconds\":1795386981,"
                     "\"microseconds\":477026},\"event\":\"MIGRATION\","
                     "\"data\":{\"status\":\"pre-switchover\"}}",
                     &event);
    assert_int_equal(event.type, QMP_EVENT_MIGRATION);
    assert_int_equal(event.migration.status, QMP_MIGRATION_PRE_SWITCHOVER);
    assert_true(event.timestamp_us == INT64_C(1795386981477026));
    json_object_put(message);

    message = decode("{\"event\":\"MIGRATION\",\"data\":{\"status\":\"warp\"}}",
                     &event);
    assert_int_equal(event.migration.status, QMP_MIGRATION_UNKNOWN);
    assert_string_equal(event.migration.status_name, "warp");
    assert_true(event.timestamp_us == 0);
    json_object_put(message);
}

static void
shutdown_has_its_cause_where_qemu_gives_it(void **state)
{
    struct qmp_event event;
    struct json_object *message;

    (void)state;
    message = decode("{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true,"
                     "\"reason\":\"guest-shutdown\"}}",
                     &event);
    assert_true(event.shutdown.is_by_guest);
    assert_int_equal(event.shutdown.cause, QMP_SHUTDOWN_GUEST_SHUTDOWN);
    json_object_put(message);

    message =
        decode("{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":false}}", &event);
    assert_false(event.shutdown.is_by_guest);
    assert_int_equal(event.shutdown.cause, QMP_SHUTDOWN_UNKNOWN);
    json_object_put(message);
}

static void
others_have_what_is_promised(void **state)
{
    struct qmp_event event;
    struct json_object *message;

    (void)state;
    message = decode("{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"\","
                     "\"node-name\":\"d0\",\"operation\":\"write\","
                     "\"action\":\"stop\",\"nospace\":true,"
                     "\"reason\":\"No space left on device\"}}",
                     &event);
    assert_string_equal(event.io_error.node_name, "d0");
    assert_true(event.io_error.is_write && event.io_error.is_no_space);
    assert_int_equal(event.io_error.action, QMP_ACTION_STOP);
    json_object_put(message);

    message = decode("{\"event\":\"RTC_CHANGE\",\"data\":{\"offset\":-3600,"
                     "\"qom-path\":\"/x\"}}",
                     &event);
    assert_true(event.rtc.offset_s == -3600);
    json_object_put(message);

    message = decode("{\"event\":\"WATCHDOG\",\"data\":{\"action\":\"pause\"}}",
                     &event);
    assert_int_equal(event.action, QMP_ACTION_PAUSE);
    json_object_put(message);

    message =
        decode("{\"event\":\"MIGRATION_PASS\",\"data\":{\"pass\":7}}", &event);
    assert_true(event.pass == 7);
    json_object_put(message);

    message = decode("{\"event\":\"BLOCK_JOB_COMPLETED\",\"data\":{\"type\":"
                     "\"mirror\",\"device\":\"m\",\"len\":10,\"offset\":5,"
                     "\"speed\":0,\"error\":\"EIO\"}}",
                     &event);
    assert_string_equal(event.block_job.id, "m");
    assert_string_equal(event.block_job.error, "EIO");
    assert_true(event.block_job.length == 10 && event.block_job.offset == 5);
    json_object_put(message);
}

static void
timestamp_that_is_no_time_is_left_out(void **state)
{
    static const char *const timestamps[] = {
        "{\"seconds\":-1,\"microseconds\":-1}",
        "{\"seconds\":9223372036854775807,\"microseconds\":0}",
        "{\"seconds\":1,\"microseconds\":1000000}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(timestamps); i++) {
        AUTO_FREE char *text =
            xasprintf("{\"event\":\"STOP\",\"timestamp\":%s}", timestamps[i]);
        struct qmp_event event;
        struct json_object *message = decode(text, &event);

        assert_true(event.timestamp_us == 0);
        json_object_put(message);
    }
}

static void
event_that_lacks_what_is_promised_is_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"event\":null}",
        "{\"event\":\"STOP\",\"timestamp\":1}",
        "{\"event\":\"STOP\",\"data\":1}",
        "{\"event\":\"MIGRATION\"}",
        "{\"event\":\"MIGRATION\",\"data\":{\"status\":5}}",
        "{\"event\":\"MIGRATION\",\"data\":{\"status\":\"a\\u0000b\"}}",
        "{\"event\":\"MIGRATION_PASS\",\"data\":{\"pass\":-1}}",
        "{\"event\":\"MIGRATION_PASS\",\"data\":{\"pass\":1.5}}",
        "{\"event\":\"RTC_CHANGE\",\"data\":{\"offset\":\"1\"}}",
        "{\"event\":\"SHUTDOWN\",\"data\":{\"reason\":\"x\"}}",
        "{\"event\":\"JOB_STATUS_CHANGE\",\"data\":{\"id\":\"x\"}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct json_object *message = json_tokener_parse(texts[i]);
        struct qmp_event event;
        AUTO_ERROR err = {0};

        if (qmp_event_decode(message, &event, &err) == 0) {
            fail_msg("taken: %s", texts[i]);
        }
        assert_int_equal(err.code, ERROR_INTERNAL);
        json_object_put(message);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migration_has_its_status_known_or_not),
        cmocka_unit_test(shutdown_has_its_cause_where_qemu_gives_it),
        cmocka_unit_test(others_have_what_is_promised),
        cmocka_unit_test(timestamp_that_is_no_time_is_left_out),
        cmocka_unit_test(event_that_lacks_what_is_promised_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
