/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/commands.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "fixture.h"
#include "qmp/decode.h"

static void
no_result(void *owner, const struct error *err)
{
    command_done(owner, NULL, err);
}

/* What a command looks like on the wire. */
static void
commands_are_written_as_qemu_reads_them(void **state)
{
    struct fixture *f = fixture_new_ready();
    struct qmp_migration_parameters parameters = {
        .has_max_bandwidth = true,
        .has_downtime_limit = true,
        .downtime_limit = 30,
        .has_cpu_throttle_tailslow = true,
        .tls_creds = "",
    };

    (void)state;
    qmp_migrate_set_capabilities(f->session, QMP_CAPABILITY_EVENTS,
                                 QMP_CAPABILITY_MULTIFD | QMP_CAPABILITY_EVENTS,
                                 no_result, f);
    assert_string_equal(hear(f),
                        "{\"execute\":\"migrate-set-capabilities\","
                        "\"arguments\":{\"capabilities\":["
                        "{\"capability\":\"events\",\"state\":true},"
                        "{\"capability\":\"multifd\",\"state\":false}]},"
                        "\"id\":2}\n");
    qmp_migrate_set_parameters(f->session, &parameters, no_result, f);
    assert_string_equal(hear(f), "{\"execute\":\"migrate-set-parameters\","
                                 "\"arguments\":{\"max-bandwidth\":0,"
                                 "\"downtime-limit\":30,"
                                 "\"cpu-throttle-tailslow\":false,"
                                 "\"tls-creds\":\"\"},\"id\":3}\n");
    qmp_migrate(f->session, "tcp:[::1]:49152", no_result, f);
    assert_string_equal(hear(f), "{\"execute\":\"migrate\",\"arguments\":"
                                 "{\"uri\":\"tcp:[::1]:49152\"},\"id\":4}\n");
    qmp_migrate_continue(f->session, no_result, f);
    assert_string_equal(hear(f),
                        "{\"execute\":\"migrate-continue\",\"arguments\":"
                        "{\"state\":\"pre-switchover\"},\"id\":5}\n");
    qmp_migrate_cancel(f->session, no_result, f);
    assert_string_equal(hear(f), "{\"execute\":\"migrate_cancel\",\"id\":6}\n");
    qmp_migrate_recover(f->session, "unix:/x", NULL, NULL);
    assert_string_equal(hear(f),
                        "{\"exec-oob\":\"migrate-recover\",\"arguments\":"
                        "{\"uri\":\"unix:/x\"},\"id\":7}\n");
    qmp_balloon(f->session, UINT64_C(18446744073709551615), no_result, f);
    assert_string_equal(hear(f),
                        "{\"execute\":\"balloon\",\"arguments\":"
                        "{\"value\":18446744073709551615},\"id\":8}\n");
    fixture_free(f);
}

static void
quotes_in_a_text_stay_inside_of_it(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_migrate(f->session, "a\",\"resume\":true,\"b\":\"\n", no_result, f);
    assert_string_equal(hear(f),
                        "{\"execute\":\"migrate\",\"arguments\":{\"uri\":"
                        "\"a\\\",\\\"resume\\\":true,\\\"b\\\":\\\"\\n\"},"
                        "\"id\":2}\n");
    fixture_free(f);
}

static void
migration_of_a_running_one_has_its_numbers(void **state)
{
    struct json_object *reply = json_tokener_parse(
        "{\"expected-downtime\":300,\"status\":\"active\",\"setup-time\":2,"
        "\"total-time\":53,\"cpu-throttle-percentage\":20,\"ram\":{"
        "\"total\":134553600,\"postcopy-requests\":0,\"dirty-sync-count\":1,"
        "\"page-size\":4096,\"remaining\":113451008,\"mbps\":678.25,"
        "\"transferred\":4714674},\"xbzrle-cache\":{\"bytes\":1,\"pages\":2,"
        "\"cache-size\":3,\"cache-miss\":4,\"overflow\":5,"
        "\"cache-miss-rate\":0.5,\"encoding-rate\":0}}");
    struct qmp_migration migration = {0};
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(qmp_decode_migration(reply, &migration, &err), 0);
    assert_int_equal(migration.status, QMP_MIGRATION_ACTIVE);
    assert_true(migration.has_setup_time && migration.setup_time == 2);
    assert_true(migration.has_expected_downtime);
    assert_true(migration.expected_downtime == 300);
    assert_false(migration.has_downtime);
    assert_true(migration.cpu_throttle_percentage == 20);
    assert_true(migration.has_ram && migration.ram.has_remaining);
    assert_true(migration.ram.remaining == 113451008);
    assert_true(migration.ram.mbps == 678.25);
    assert_false(migration.ram.has_skipped);
    assert_true(migration.has_xbzrle && migration.xbzrle.overflow == 5);
    assert_null(migration.error_desc);
    json_object_put(reply);
}

static void
migration_of_a_destination_has_its_port(void **state)
{
    struct json_object *reply = json_tokener_parse(
        "{\"socket-address\":[{\"type\":\"unix\",\"path\":\"/x\"},"
        "{\"port\":\"38627\",\"ipv4\":true,\"host\":\"::\","
        "\"type\":\"inet\"}],\"blocked-reasons\":[\"a\",\"b\"]}");
    struct qmp_migration migration = {0};
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(qmp_decode_migration(reply, &migration, &err), 0);
    assert_int_equal(migration.status, QMP_MIGRATION_NONE);
    assert_true(migration.has_port);
    assert_int_equal(migration.port, 38627);
    assert_int_equal(migration.blocked_reason_count, 2);
    assert_string_equal(migration.blocked_reasons[1], "b");
    assert_false(migration.has_ram);
    free(migration.blocked_reasons);
    json_object_put(reply);
}

typedef int decoder(struct json_object *reply, struct error *err);

static int
migration(struct json_object *reply, struct error *err)
{
    struct qmp_migration result = {0};
    int failed = qmp_decode_migration(reply, &result, err);

    free(result.blocked_reasons);
    return failed;
}

static int
capabilities(struct json_object *reply, struct error *err)
{
    struct qmp_migration_capabilities result = {0};

    return qmp_decode_migration_capabilities(reply, &result, err);
}

static int
parameters(struct json_object *reply, struct error *err)
{
    struct qmp_migration_parameters result = {0};

    return qmp_decode_migration_parameters(reply, &result, err);
}

static int
vnc(struct json_object *reply, struct error *err)
{
    struct qmp_vnc result = {0};

    return qmp_decode_vnc(reply, &result, err);
}

static int
cpus(struct json_object *reply, struct error *err)
{
    struct qmp_cpus result = {0};
    int failed = qmp_decode_cpus(reply, &result, err);

    free(result.items);
    return failed;
}

static int
cpu_model(struct json_object *reply, struct error *err)
{
    struct qmp_cpu_model result = {0};
    int failed = qmp_decode_cpu_model(reply, &result, err);

    free(result.properties);
    return failed;
}

static int
machines(struct json_object *reply, struct error *err)
{
    struct qmp_machines result = {0};
    int failed = qmp_decode_machines(reply, &result, err);

    free(result.items);
    return failed;
}

static void
replies_of_another_shape_are_errors_that_name_the_member(void **state)
{
    static const struct {
        decoder *decode;
        const char *reply;
        const char *complaint;
    } cases[] = {
        {migration,    "[]",                                                "not an object but array"                 },
        {migration,    "null",                                              "not an object but null"                  },
        {migration,    "{\"status\":1}",                                    "'status' is not string but int"          },
        {migration,    "{\"ram\":1}",                                       "'ram' is not object but int"             },
        {migration,    "{\"ram\":{\"total\":-1}}",                          "'total' is out of bounds: -1"            },
        {migration,    "{\"ram\":{\"total\":1.5}}",                         "'total' is not int"                      },
        {migration,    "{\"ram\":{\"mbps\":\"1\"}}",                        "'mbps' is not double"                    },
        {migration,    "{\"socket-address\":{}}",                           "'socket-address' is not array"           },
        {migration,    "{\"socket-address\":[1]}",                          "not an object but int"                   },
        {migration,
         "{\"socket-address\":[{\"type\":\"inet\",\"port\":\"65536\"}]}",   "'port' is not a port"                    },
        {migration,    "{\"blocked-reasons\":[\"a\",{}]}",
         "'blocked-reasons' is not string but object"                                                                 },
        {capabilities, "{}",                                                "not an array but object"                 },
        {capabilities, "[{\"capability\":\"events\"}]",                     "it has no 'state'"                       },
        {parameters,   "{\"downtime-limit\":\"1\"}",
         "'downtime-limit' is not int but string"                                                                     },
        {parameters,   "{\"tls-creds\":1}",                                 "'tls-creds' is not string but int"       },
        {vnc,          "{\"enabled\":true,\"service\":\"http\"}",
         "'service' is not a port: http"                                                                              },
        {vnc,          "{}",                                                "it has no 'enabled'"                     },
        {cpus,         "[{\"cpu-index\":0,\"qom-path\":\"/\"}]",            "no 'thread-id'"                          },
        {cpus,
         "[{\"cpu-index\":0,\"qom-path\":\"/\",\"thread-id\":4294967296}]", "'thread-id' is out of bounds: 4294967296"},
        {cpu_model,    "{\"model\":{}}",                                    "it has no 'name'"                        },
        {cpu_model,    "{\"model\":{\"name\":\"x\",\"props\":[]}}",
         "'props' is not object but array"                                                                            },
        {machines,     "[{\"name\":\"pc\"}]",                               "it has no 'cpu-max'"                     },
        {machines,     "[{\"name\":\"pc\",\"cpu-max\":1,\"alias\":true}]",
         "'alias' is not string but boolean"                                                                          },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct json_object *reply = json_tokener_parse(cases[i].reply);
        AUTO_ERROR err = {0};

        assert_int_equal(cases[i].decode(reply, &err), -1);
        if (!strstr(err.message, cases[i].complaint)) {
            fail_msg("%s: %s", cases[i].reply, err.message);
        }
        json_object_put(reply);
    }
}

static void
what_a_newer_qemu_adds_is_ignored(void **state)
{
    static const struct {
        decoder *decode;
        const char *reply;
    } cases[] = {
        {migration,    "{\"status\":\"x-ray\",\"x\":[],\"ram\":{\"y\":null}}"        },
        {migration,    "{\"ram\":null,\"error-desc\":null}"                          },
        {capabilities,
         "[{\"capability\":\"teleport\",\"state\":true,\"z\":1}]"                    },
        {parameters,   "{\"tls-creds\":null,\"mode\":\"cpr-exec\"}"                  },
        {vnc,          "{\"enabled\":true,\"family\":\"unix\",\"service\":\"/path\"}"},
        {cpu_model,    "{\"model\":{\"name\":\"x\",\"props\":{\"a\":true,"
                    "\"b\":1,\"c\":\"d\",\"e\":null,\"f\":[]}}}"  },
        {machines,     "[]"                                                          },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct json_object *reply = json_tokener_parse(cases[i].reply);
        AUTO_ERROR err = {0};

        if (cases[i].decode(reply, &err) < 0) {
            fail_msg("%s: %s", cases[i].reply, err.message);
        }
        json_object_put(reply);
    }
}

static void
names_and_numbers_of_words_fit_together(void **state)
{
    (void)state;
    for (unsigned i = 0; i < QMP_CAPABILITY_COUNT; i++) {
        assert_int_equal(qmp_capability_parse(qmp_capability_name(i)), 1u << i);
    }
    assert_int_equal(qmp_capability_parse("teleport"), 0);
    assert_int_equal(qmp_run_state_parse("finish-migrate"),
                     QMP_RUN_STATE_FINISH_MIGRATE);
    assert_string_equal(qmp_run_state_name(QMP_RUN_STATE_COLO), "colo");
    assert_int_equal(qmp_run_state_parse("unknown"), QMP_RUN_STATE_UNKNOWN);
    assert_int_equal(qmp_migration_status_parse("wait-unplug"),
                     QMP_MIGRATION_WAIT_UNPLUG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_written_as_qemu_reads_them),
        cmocka_unit_test(quotes_in_a_text_stay_inside_of_it),
        cmocka_unit_test(migration_of_a_running_one_has_its_numbers),
        cmocka_unit_test(migration_of_a_destination_has_its_port),
        cmocka_unit_test(
            replies_of_another_shape_are_errors_that_name_the_member),
        cmocka_unit_test(what_a_newer_qemu_adds_is_ignored),
        cmocka_unit_test(names_and_numbers_of_words_fit_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
