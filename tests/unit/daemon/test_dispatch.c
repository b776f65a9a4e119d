/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may call what, and what the simplest calls answer, as bytes on a
 * socket. */

#include "daemon/dispatch.h"

#include <string.h>

#include "fixture.h"
#include "rpc/client.h"

/* Sends a captured frame, and compares what comes with another one. */
static void
assert_golden(struct fixture *fixture, struct peer *peer, const char *name)
{
    AUTO_FREE char *call_name = xasprintf("%s_call", name);
    AUTO_FREE char *reply_name = xasprintf("%s_reply", name);
    AUTO_MESSAGE call = golden(call_name);
    AUTO_MESSAGE wanted = golden(reply_name);
    AUTO_FREE uint8_t *got = xcalloc(1, wanted.size);

    assert_int_equal(send(peer->fd, call.data, call.size, MSG_NOSIGNAL),
                     call.size);
    assert_int_equal(
        read_from(fixture->daemon.loop, peer->fd, got, wanted.size),
        wanted.size);
    assert_memory_equal(got, wanted.data, wanted.size);
}

/* How many procedures of that access the daemon serves. */
static unsigned
count_served(enum rpc_access access)
{
    const struct rpc_procedure *row;
    unsigned count = 0;

    for (size_t i = 0; (row = rpc_procedure_each(i)); i++) {
        count += !row->is_event && row->is_served && row->access == access;
    }
    return count;
}

static bool
is_of(const struct rpc_procedure *row, enum rpc_access access)
{
    return !row->is_event && row->is_served && row->access == access;
}

static void
a_captured_conversation_goes_as_it_was_captured(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new(fixture);
    struct domain *domain = fixture_define(fixture, "dirty", 'c');

    assert_true(
        uuid_parse("c0ffee03-1234-4abc-8def-0123456789ab", &domain->uuid));
    assert_golden(fixture, &peer, "auth_list");
    assert_golden(fixture, &peer, "supports_feature");
    assert_golden(fixture, &peer, "open");
    assert_golden(fixture, &peer, "lookup_by_name");
    peer_close(&peer);
}

static void
nothing_but_opening_is_allowed_before_it(void **state)
{
    struct fixture *fixture = *state;
    const struct rpc_procedure *row;
    unsigned refused = 0;

    for (size_t i = 0; (row = rpc_procedure_each(i)); i++) {
        if (is_of(row, RPC_ACCESS_READ) || is_of(row, RPC_ACCESS_WRITE)) {
            struct peer peer = peer_new(fixture);

            peer_send_zeros(&peer, row->number);
            AUTO_ANSWER answer = peer_read(fixture, &peer);
            assert_error(&answer, ERROR_INTERNAL,
                         "hypervisor connection not open");
            assert_int_equal(answer.error.origin, ERROR_FROM_RPC);
            peer_close(&peer);
            refused++;
        }
    }
    assert_true(refused > 30);
}

static void
what_is_needed_to_open_is_allowed_before_it(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new(fixture);
    struct remote_connect_supports_feature_args feature = {
        .feature = RPC_FEATURE_MIGRATION_V3,
    };
    AUTO_ANSWER auth = peer_call(fixture, &peer, REMOTE_PROC_AUTH_LIST, NULL);
    AUTO_ANSWER supports = peer_call(
        fixture, &peer, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &feature);

    assert_int_equal(auth.header.status, RPC_OK);
    assert_int_equal(supports.header.status, RPC_OK);
    peer_close(&peer);
}

static void
a_readonly_connection_is_refused_every_change(void **state)
{
    struct fixture *fixture = *state;
    const struct rpc_procedure *row;
    struct peer peer = peer_new_open(fixture, true);
    unsigned refused = 0;

    for (size_t i = 0; (row = rpc_procedure_each(i)); i++) {
        if (is_of(row, RPC_ACCESS_WRITE)) {
            const char *api = rpc_api_name(row->number);
            AUTO_FREE char *text = xasprintf("read only access prevents %s",
                                             api ? api : row->name);

            peer_send_zeros(&peer, row->number);
            AUTO_ANSWER answer = peer_read(fixture, &peer);
            assert_error(&answer, ERROR_OPERATION_DENIED, text);
            refused++;
        }
    }
    assert_int_equal(refused, count_served(RPC_ACCESS_WRITE));
    assert_true(refused > 15);
    peer_close(&peer);
}

/* Whatever zeros mean to them: they answer, and no refusal is about access. */
static void
a_readonly_connection_may_read_everything(void **state)
{
    struct fixture *fixture = *state;
    const struct rpc_procedure *row;
    struct peer peer = peer_new_open(fixture, true);

    for (size_t i = 0; (row = rpc_procedure_each(i)); i++) {
        if (is_of(row, RPC_ACCESS_READ)) {
            peer_send_zeros(&peer, row->number);
            AUTO_ANSWER answer = peer_read(fixture, &peer);
            assert_ptr_equal(rpc_procedure_of(&answer.header), row);
            assert_true(answer.error.code != ERROR_OPERATION_DENIED);
        }
    }
    peer_close(&peer);
}

static void
a_connection_that_is_not_readonly_is_let_through(void **state)
{
    struct fixture *fixture = *state;
    const struct rpc_procedure *row;
    struct peer peer = peer_new_open(fixture, false);

    for (size_t i = 0; (row = rpc_procedure_each(i)); i++) {
        if (is_of(row, RPC_ACCESS_WRITE)) {
            peer_send_zeros(&peer, row->number);
            AUTO_ANSWER answer = peer_read(fixture, &peer);
            assert_ptr_equal(rpc_procedure_of(&answer.header), row);
            assert_true(answer.error.code != ERROR_OPERATION_DENIED);
        }
    }
    peer_close(&peer);
}

static void
a_connection_is_opened_once(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, false);
    struct remote_connect_open_args args = {.flags = 1};
    AUTO_ANSWER answer =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_OPEN, &args);

    assert_error(&answer, ERROR_INTERNAL, "connection already open");
    assert_false(peer.client->is_readonly);
    peer_close(&peer);
}

static void
only_names_of_this_kind_of_daemon_are_opened(void **state)
{
    static const struct {
        const char *name;
        enum error_code code; /* ERROR_NONE: it is opened. */
        bool is_privileged;
    } cases[] = {
        {"",                          ERROR_NONE,        false},
        {"qemu:///session",           ERROR_NONE,        false},
        {"qemu:///session?socket=/x", ERROR_NONE,        false},
        {"vmferry:///session",        ERROR_NONE,        false},
        {"qemu:///system",            ERROR_NONE,        true },
        {"qemu://host-b/system?a=b",  ERROR_NONE,        true },
        {"qemu:///system",            ERROR_INTERNAL,    false},
        {"qemu:///session",           ERROR_INTERNAL,    true },
        {"qemu:///sessions",          ERROR_INTERNAL,    false},
        {"qemu:///",                  ERROR_INTERNAL,    false},
        {"xen:///session",            ERROR_INVALID_ARG, false},
        {"qemu",                      ERROR_INVALID_ARG, false},
        {"test:///default",           ERROR_INVALID_ARG, false},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct peer peer = peer_new(fixture);
        AUTO_FREE char *name = xstrdup(cases[i].name);
        struct remote_connect_open_args args = {.name = &name};

        fixture->daemon.host.settings.is_privileged = cases[i].is_privileged;
        AUTO_ANSWER answer =
            peer_call(fixture, &peer, REMOTE_PROC_CONNECT_OPEN, &args);
        if (answer.error.code != cases[i].code) {
            fail_msg("%s: %s", name,
                     answer.error.message ? answer.error.message : "opened");
        }
        assert_int_equal(peer.client->is_open, cases[i].code == ERROR_NONE);
        peer_close(&peer);
    }
}

static void
only_the_readonly_flag_of_opening_means_something(void **state)
{
    struct fixture *fixture = *state;
    struct peer reader = peer_new(fixture), writer = peer_new(fixture);
    struct remote_connect_open_args args = {.flags = 5};
    AUTO_ANSWER readonly =
        peer_call(fixture, &reader, REMOTE_PROC_CONNECT_OPEN, &args);

    assert_int_equal(readonly.header.status, RPC_OK);
    assert_true(reader.client->is_readonly);
    args.flags = 4;
    AUTO_ANSWER full =
        peer_call(fixture, &writer, REMOTE_PROC_CONNECT_OPEN, &args);
    assert_int_equal(full.header.status, RPC_OK);
    assert_false(writer.client->is_readonly);
    peer_close(&reader);
    peer_close(&writer);
}

static void
replies_have_the_size_of_libvirtds(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    struct remote_domain_get_state_args args = {.dom = {.name = domain->name}};
    const struct {
        enum remote_procedure procedure;
        const void *args;
        uint32_t length;
    } replies[] = {
        {REMOTE_PROC_NODE_GET_INFO,             NULL,  188},
        {REMOTE_PROC_NODE_GET_SECURITY_MODEL,   NULL,  64 },
        {REMOTE_PROC_CONNECT_GET_TYPE,          NULL,  36 },
        {REMOTE_PROC_CONNECT_GET_LIB_VERSION,   NULL,  36 },
        {REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME,     &args, 56 },
        {REMOTE_PROC_DOMAIN_GET_STATE,          &args, 36 },
        {REMOTE_PROC_DOMAIN_GET_INFO,           &args, 60 },
        {REMOTE_PROC_DOMAIN_GET_SECURITY_LABEL, &args, 40 },
    };

    memcpy(args.dom.uuid, domain->uuid.bytes, sizeof args.dom.uuid);
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        /* The name is first in either struct: a lookup reads no more. */
        AUTO_ANSWER answer =
            peer_call(fixture, &peer, replies[i].procedure, replies[i].args);

        if (answer.header.status != RPC_OK ||
            answer.header.length != replies[i].length) {
            fail_msg("%s: %u bytes%s%s",
                     rpc_procedure_name(replies[i].procedure),
                     answer.header.length, answer.error.message ? ", " : "",
                     answer.error.message ? answer.error.message : "");
        }
    }
    peer_close(&peer);
}

static void
the_host_tells_what_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    AUTO_ANSWER name =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_GET_HOSTNAME, NULL);
    AUTO_ANSWER version =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_GET_VERSION, NULL);
    AUTO_ANSWER library =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_GET_LIB_VERSION, NULL);
    AUTO_ANSWER node =
        peer_call(fixture, &peer, REMOTE_PROC_NODE_GET_INFO, NULL);
    AUTO_ANSWER model =
        peer_call(fixture, &peer, REMOTE_PROC_NODE_GET_SECURITY_MODEL, NULL);
    const struct remote_connect_get_hostname_ret *name_ret = name.value;
    const struct remote_connect_get_version_ret *version_ret = version.value;
    const struct remote_connect_get_lib_version_ret *library_ret =
        library.value;
    const struct remote_node_get_info_ret *node_ret = node.value;
    const struct remote_node_get_security_model_ret *model_ret = model.value;

    assert_string_equal(name_ret->hostname, "host-a");
    assert_int_equal(version_ret->hv_ver, 7002022);
    assert_int_equal(library_ret->lib_ver, 9000000);
    assert_true(node_ret->cpus > 0 && node_ret->memory > 0);
    assert_int_equal(node_ret->model[31], '\0');
    assert_int_equal(model_ret->model.model_len, 5);
    assert_memory_equal(model_ret->model.model_val, "none", 5);
    assert_int_equal(model_ret->doi.doi_len, 2);
    assert_memory_equal(model_ret->doi.doi_val, "0", 2);
    peer_close(&peer);
}

static void
memory_statistics_are_counted_first_and_told_then(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct remote_node_get_memory_stats_args args = {.cellNum = -1};
    AUTO_ANSWER count =
        peer_call(fixture, &peer, REMOTE_PROC_NODE_GET_MEMORY_STATS, &args);
    const struct remote_node_get_memory_stats_ret *ret = count.value;

    assert_int_equal(ret->nparams, 4);
    assert_int_equal(ret->params.params_len, 0);
    args.nparams = 4;
    AUTO_ANSWER told =
        peer_call(fixture, &peer, REMOTE_PROC_NODE_GET_MEMORY_STATS, &args);
    ret = told.value;
    assert_int_equal(ret->params.params_len, 4);
    assert_string_equal(ret->params.params_val[0].field, "total");
    assert_string_equal(ret->params.params_val[3].field, "cached");
    assert_true(ret->params.params_val[0].value >
                ret->params.params_val[1].value);
    args.nparams = 3;
    AUTO_ANSWER few =
        peer_call(fixture, &peer, REMOTE_PROC_NODE_GET_MEMORY_STATS, &args);
    assert_error(&few, ERROR_INVALID_ARG, "must be equal to 4");
    args.cellNum = 60000;
    AUTO_ANSWER absent =
        peer_call(fixture, &peer, REMOTE_PROC_NODE_GET_MEMORY_STATS, &args);
    assert_error(&absent, ERROR_INVALID_ARG, "no NUMA cell 60000");
    args.cellNum = -2;
    AUTO_ANSWER negative =
        peer_call(fixture, &peer, REMOTE_PROC_NODE_GET_MEMORY_STATS, &args);
    assert_error(&negative, ERROR_INVALID_ARG, "no NUMA cell -2");
    peer_close(&peer);
}

static void
the_most_processors_are_those_of_the_default_machine(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    char kvm[] = "KVM", other[] = "xen", *type = kvm;
    struct remote_connect_get_max_vcpus_args args = {0};
    AUTO_ANSWER answer =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_GET_MAX_VCPUS, &args);
    const struct remote_connect_get_max_vcpus_ret *ret = answer.value;

    assert_int_equal(ret->max_vcpus, 8);
    args.type = &type;
    AUTO_ANSWER without_kvm =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_GET_MAX_VCPUS, &args);
    assert_error(&without_kvm, ERROR_CONFIG_UNSUPPORTED, "KVM");
    fixture->qemu.is_kvm_enabled = true;
    AUTO_ANSWER with_kvm =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_GET_MAX_VCPUS, &args);
    assert_int_equal(with_kvm.header.status, RPC_OK);
    type = other;
    AUTO_ANSWER unknown =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_GET_MAX_VCPUS, &args);
    assert_error(&unknown, ERROR_INVALID_ARG, "unknown type 'xen'");
    peer_close(&peer);
}

static void
a_domain_that_is_not_there_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    char name[] = "demo";
    struct remote_domain_get_state_args args = {.dom = {.name = name}};
    AUTO_ANSWER answer =
        peer_call(fixture, &peer, REMOTE_PROC_DOMAIN_GET_STATE, &args);

    assert_error(&answer, ERROR_NO_DOMAIN,
                 "no domain with matching uuid"
                 " '00000000-0000-0000-0000-000000000000' (demo)");
    peer_close(&peer);
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_captured_conversation_goes_as_it_was_captured),
        TEST(nothing_but_opening_is_allowed_before_it),
        TEST(what_is_needed_to_open_is_allowed_before_it),
        TEST(a_readonly_connection_is_refused_every_change),
        TEST(a_readonly_connection_may_read_everything),
        TEST(a_connection_that_is_not_readonly_is_let_through),
        TEST(a_connection_is_opened_once),
        TEST(only_names_of_this_kind_of_daemon_are_opened),
        TEST(only_the_readonly_flag_of_opening_means_something),
        TEST(replies_have_the_size_of_libvirtds),
        TEST(the_host_tells_what_it_is),
        TEST(memory_statistics_are_counted_first_and_told_then),
        TEST(the_most_processors_are_those_of_the_default_machine),
        TEST(a_domain_that_is_not_there_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
