/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a daemon that offers some of the protocols says it can, and answers. */

#include "daemon/protocols.h"

#include <string.h>

#include "daemon/config.h"
#include "fixture.h"
#include "rpc/client.h"

static bool
has_feature(struct fixture *fixture, struct peer *peer,
            enum rpc_feature feature)
{
    struct remote_connect_supports_feature_args args = {.feature =
                                                            (int)feature};
    AUTO_ANSWER answer =
        peer_call(fixture, peer, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &args);
    const struct remote_connect_supports_feature_ret *ret = answer.value;

    return ret->supported;
}

static void
offer(struct fixture *fixture, const char *list)
{
    AUTO_ERROR err = {0};

    assert_int_equal(config_set(&fixture->config, "protocols", list, &err), 0);
}

static void
features_follow_the_protocols_that_are_offered(void **state)
{
    static const struct {
        const char *list;
        bool has_v2, has_v3, has_params, has_protection, has_offline;
    } rows[] = {
        {"v3,v2",       true,  true,  true,  true,  true },
        {"v3",          false, true,  true,  true,  true },
        {"v3-plain",    false, true,  false, true,  true },
        {"v3-plain,v2", true,  true,  false, true,  true },
        {"v2",          true,  false, false, false, false},
    };
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, false);

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        offer(fixture, rows[i].list);
        assert_int_equal(has_feature(fixture, &peer, RPC_FEATURE_MIGRATION_V2),
                         rows[i].has_v2);
        assert_int_equal(has_feature(fixture, &peer, RPC_FEATURE_MIGRATION_V3),
                         rows[i].has_v3);
        assert_int_equal(
            has_feature(fixture, &peer, RPC_FEATURE_MIGRATION_PARAMS),
            rows[i].has_params);
        assert_int_equal(
            has_feature(fixture, &peer, RPC_FEATURE_CHANGE_PROTECTION),
            rows[i].has_protection);
        assert_int_equal(
            has_feature(fixture, &peer, RPC_FEATURE_MIGRATION_OFFLINE),
            rows[i].has_offline);
        assert_true(has_feature(fixture, &peer, RPC_FEATURE_XML_MIGRATABLE));
        assert_false(has_feature(fixture, &peer, RPC_FEATURE_MIGRATION_V1));
    }
    peer_close(&peer);
}

/* Sends a call of zeros. */
static struct answer
call_of_zeros(struct fixture *fixture, struct peer *peer,
              enum remote_procedure procedure)
{
    peer_send_zeros(peer, procedure);
    return peer_read(fixture, peer);
}

static void
calls_of_a_protocol_that_is_not_offered_do_not_exist(void **state)
{
    static const struct {
        const char *list;
        enum remote_procedure procedure;
        const char *function;
    } rows[] = {
        {"v3",          REMOTE_PROC_DOMAIN_MIGRATE_PREPARE2,        "Prepare2"    },
        {"v3",          REMOTE_PROC_DOMAIN_MIGRATE_PERFORM,         "Perform"     },
        {"v3",          REMOTE_PROC_DOMAIN_MIGRATE_FINISH2,         "Finish2"     },
        {"v2",          REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3,          "Begin3"      },
        {"v2",          REMOTE_PROC_DOMAIN_MIGRATE_FINISH3,         "Finish3"     },
        {"v2",          REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3_PARAMS,   "Begin3Params"},
        {"v3-plain,v2", REMOTE_PROC_DOMAIN_MIGRATE_CONFIRM3_PARAMS,
         "Confirm3Params"                                                         },
    };
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, false);

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_FREE char *function =
            xasprintf("virDomainMigrate%s", rows[i].function);
        AUTO_ANSWER answer = {0};

        offer(fixture, rows[i].list);
        answer = call_of_zeros(fixture, &peer, rows[i].procedure);
        assert_error(&answer, ERROR_NO_SUPPORT, function);
    }
    peer_close(&peer);
}

static void
calls_of_a_protocol_that_is_offered_are_made(void **state)
{
    static const struct {
        const char *list;
        enum remote_procedure procedure;
    } rows[] = {
        {"v2",       REMOTE_PROC_DOMAIN_MIGRATE_PERFORM        },
        {"v2",       REMOTE_PROC_DOMAIN_MIGRATE_FINISH2        },
        {"v3",       REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3         },
        {"v3-plain", REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3         },
        {"v3",       REMOTE_PROC_DOMAIN_MIGRATE_CONFIRM3_PARAMS},
    };
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, false);

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_ANSWER answer = {0};

        offer(fixture, rows[i].list);
        answer = call_of_zeros(fixture, &peer, rows[i].procedure);
        assert_error(&answer, ERROR_NO_DOMAIN, "no domain with matching");
    }
    peer_close(&peer);
}

static void
version_1_does_not_exist(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, false);
    AUTO_ANSWER prepare =
        call_of_zeros(fixture, &peer, REMOTE_PROC_DOMAIN_MIGRATE_PREPARE);
    AUTO_ANSWER finish =
        call_of_zeros(fixture, &peer, REMOTE_PROC_DOMAIN_MIGRATE_FINISH);

    assert_error(&prepare, ERROR_NO_SUPPORT, "virDomainMigratePrepare");
    assert_error(&finish, ERROR_NO_SUPPORT, "virDomainMigrateFinish");
    peer_close(&peer);
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(features_follow_the_protocols_that_are_offered),
        TEST(calls_of_a_protocol_that_is_not_offered_do_not_exist),
        TEST(calls_of_a_protocol_that_is_offered_are_made),
        TEST(version_1_does_not_exist),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
