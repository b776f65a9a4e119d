/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The helpers of all handlers. */

#include "daemon/wire.h"

#include <string.h>

#include "fixture.h"

/* Answers each call with the name of its dispatcher. */
static void
called(void *owner, struct rpc_call *call)
{
    AUTO_ERROR err = {0};

    (void)owner;
    error_set(&err, ERROR_INTERNAL, "%s", wire_api_name(call));
    rpc_call_fail(call, &err);
}

static const struct rpc_callbacks callbacks = {.called = called};

static void
calls_have_the_names_of_libvirtds_dispatchers(void **state)
{
    static const struct {
        enum remote_procedure procedure;
        const char *name;
    } cases[] = {
        {REMOTE_PROC_DOMAIN_CREATE,                "remoteDispatchDomainCreate"      },
        {REMOTE_PROC_DOMAIN_GET_STATE,             "remoteDispatchDomainGetState"    },
        {REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3_PARAMS,
         "remoteDispatchDomainMigrateBegin3Params"                                   },
        {REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3,
         "remoteDispatchDomainMigratePerform3"                                       },
        {REMOTE_PROC_DOMAIN_CREATE_XML,            "remoteDispatchDomainCreateXML"   },
        {REMOTE_PROC_DOMAIN_GET_XML_DESC,          "remoteDispatchDomainGetXMLDesc"  },
        {REMOTE_PROC_DOMAIN_LOOKUP_BY_UUID,        "remoteDispatchDomainLookupByUUID"},
        {REMOTE_PROC_DOMAIN_LOOKUP_BY_ID,          "remoteDispatchDomainLookupByID"  },
        {REMOTE_PROC_CONNECT_GET_URI,              "remoteDispatchConnectGetURI"     },
    };
    struct fixture *fixture = *state;
    struct peer peer = peer_new(fixture);

    rpc_connection_set_owner(peer.client->connection, &callbacks, NULL);
    /* Twice, since names are kept. */
    for (size_t i = 0; i < 2 * ARRAY_COUNT(cases); i++) {
        size_t row = i % ARRAY_COUNT(cases);

        peer_send_zeros(&peer, cases[row].procedure);
        AUTO_ANSWER answer = peer_read(fixture, &peer);
        assert_string_equal(answer.error.message, cases[row].name);
    }
    peer_close(&peer);
}

static void
a_domain_on_the_wire_has_name_uuid_and_id(void **state)
{
    struct domain *domain = fixture_define(*state, "demo", 'd');
    struct remote_dom wire;

    wire_domain(domain, &wire);
    assert_string_equal(wire.name, "demo");
    assert_int_equal((unsigned char)wire.uuid[15], 0xdd);
    assert_int_equal(wire.id, -1);
    domain->id = 3;
    wire_domain(domain, &wire);
    assert_int_equal(wire.id, 3);
    domain->id = -1;
}

static void
a_domain_is_found_by_its_uuid_whatever_its_name(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new(fixture);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    char old_name[] = "before", other_name[] = "demo";
    struct remote_dom wire;
    AUTO_ERROR err = {0}, absent = {0};

    wire_domain(domain, &wire);
    wire.name = old_name;
    wire.id = 17;
    assert_ptr_equal(wire_find(peer.client, &wire, &err), domain);
    wire.name = other_name;
    wire.uuid[0] = 0;
    assert_null(wire_find(peer.client, &wire, &absent));
    assert_int_equal(absent.code, ERROR_NO_DOMAIN);
    assert_non_null(strstr(absent.message, "(demo)"));
    peer_close(&peer);
}

static void
flags_are_checked_bit_by_bit(void **state)
{
    AUTO_ERROR err = {0}, high = {0};

    (void)state;
    assert_int_equal(wire_check_flags(5, 7, "f", &err), 0);
    assert_int_equal(wire_check_flags(0, 0, "f", &err), 0);
    assert_int_equal(wire_check_flags(13, 7, "virX", &err), -1);
    assert_string_equal(err.message,
                        "unsupported flags (0x8) in function virX");
    assert_int_equal(wire_check_flags(1ULL << 40, 7, "virX", &high), -1);
    assert_non_null(strstr(high.message, "0x10000000000"));
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(calls_have_the_names_of_libvirtds_dispatchers),
        TEST(a_domain_on_the_wire_has_name_uuid_and_id),
        TEST(a_domain_is_found_by_its_uuid_whatever_its_name),
        cmocka_unit_test(flags_are_checked_bit_by_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
