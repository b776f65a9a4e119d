/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which client is told of what. */

#include "daemon/event.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "base/parameters.h"
#include "fixture.h"

static void
emit(struct fixture *fixture, struct domain *domain, int event, int detail)
{
    event_observer.lifecycle(&fixture->daemon, domain, event, detail);
}

/* Registers over the connection; returns the id. */
static int
listen_to(struct fixture *fixture, struct peer *peer, int event,
          const struct domain *only)
{
    struct remote_dom dom;
    struct remote_connect_domain_event_callback_register_any_args args = {
        .eventID = event,
    };

    if (only) {
        dom.name = only->name;
        dom.id = only->id;
        memcpy(dom.uuid, only->uuid.bytes, sizeof dom.uuid);
        args.dom = &dom;
    }
    AUTO_ANSWER answer = peer_call(
        fixture, peer, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
        &args);
    const struct remote_connect_domain_event_callback_register_any_ret *ret =
        answer.value;

    assert_int_equal(answer.header.status, RPC_OK);
    return ret->callbackID;
}

/* The next thing that comes is this lifecycle event. */
static void
assert_told(struct fixture *fixture, struct peer *peer, int id,
            const char *name, int event)
{
    AUTO_ANSWER answer = peer_read(fixture, peer);
    const struct remote_domain_event_callback_lifecycle_msg *message =
        answer.value;

    assert_int_equal(answer.header.type, RPC_MESSAGE);
    assert_int_equal(answer.header.procedure,
                     REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE);
    assert_int_equal(message->callbackID, id);
    assert_string_equal(message->msg.dom.name, name);
    assert_int_equal(message->msg.event, event);
}

static void
a_client_that_did_not_ask_is_told_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);

    emit(fixture, fixture_define(fixture, "demo", 'd'), 0, 0);
    assert_true(peer_has_nothing(fixture, &peer));
    peer_close(&peer);
}

static void
a_lifecycle_event_is_told_as_libvirtd_tells_it(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    int id = listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL);

    emit(fixture, domain, VIR_DOMAIN_EVENT_SUSPENDED,
         VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED);
    AUTO_ANSWER answer = peer_read(fixture, &peer);
    const struct remote_domain_event_callback_lifecycle_msg *message =
        answer.value;

    assert_int_equal(answer.header.length, 68);
    assert_int_equal(answer.header.serial, 0);
    assert_int_equal(answer.header.status, RPC_OK);
    assert_int_equal(message->callbackID, id);
    assert_memory_equal(message->msg.dom.uuid, domain->uuid.bytes, 16);
    assert_int_equal(message->msg.dom.id, -1);
    assert_int_equal(message->msg.event, VIR_DOMAIN_EVENT_SUSPENDED);
    assert_int_equal(message->msg.detail, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED);
    peer_close(&peer);
}

static void
everybody_who_asked_is_told_by_their_own_id(void **state)
{
    struct fixture *fixture = *state;
    struct peer first = peer_new_open(fixture, true);
    struct peer second = peer_new_open(fixture, false);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    int first_id =
        listen_to(fixture, &first, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL);
    int second_id =
        listen_to(fixture, &second, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL);

    assert_int_not_equal(first_id, second_id);
    emit(fixture, domain, VIR_DOMAIN_EVENT_STARTED, 0);
    assert_told(fixture, &first, first_id, "demo", VIR_DOMAIN_EVENT_STARTED);
    assert_told(fixture, &second, second_id, "demo", VIR_DOMAIN_EVENT_STARTED);
    peer_close(&first);
    peer_close(&second);
}

static void
a_filter_lets_only_its_domain_through(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct domain *wanted = fixture_define(fixture, "demo", 'd');
    struct domain *other = fixture_define(fixture, "else", 'e');
    int id = listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_LIFECYCLE, wanted);

    emit(fixture, other, VIR_DOMAIN_EVENT_STARTED, 0);
    emit(fixture, wanted, VIR_DOMAIN_EVENT_STOPPED, 0);
    assert_told(fixture, &peer, id, "demo", VIR_DOMAIN_EVENT_STOPPED);
    assert_true(peer_has_nothing(fixture, &peer));
    peer_close(&peer);
}

static void
one_client_may_ask_twice(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    int all = listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL);
    int one = listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_LIFECYCLE, domain);

    emit(fixture, domain, VIR_DOMAIN_EVENT_STARTED, 0);
    assert_told(fixture, &peer, all, "demo", VIR_DOMAIN_EVENT_STARTED);
    assert_told(fixture, &peer, one, "demo", VIR_DOMAIN_EVENT_STARTED);
    peer_close(&peer);
}

static void
other_events_go_only_to_those_who_asked_for_them(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    int id = listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
                       NULL);

    emit(fixture, domain, VIR_DOMAIN_EVENT_STARTED, 0);
    event_observer.migration_iteration(&fixture->daemon, domain, 7);
    AUTO_ANSWER answer = peer_read(fixture, &peer);
    const struct remote_domain_event_callback_migration_iteration_msg *message =
        answer.value;

    assert_int_equal(answer.header.procedure,
                     REMOTE_PROC_DOMAIN_EVENT_CALLBACK_MIGRATION_ITERATION);
    assert_int_equal(message->callbackID, id);
    assert_int_equal(message->msg.iteration, 7);
    assert_string_equal(message->msg.dom.name, "demo");
    assert_true(peer_has_nothing(fixture, &peer));
    peer_close(&peer);
}

static void
a_completed_job_is_told_with_its_numbers(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    struct parameters numbers = {0};
    int id = listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, NULL);

    parameters_add_ullong(&numbers, "downtime", 12);
    event_observer.job_completed(&fixture->daemon, domain, &numbers);
    parameters_done(&numbers);
    AUTO_ANSWER answer = peer_read(fixture, &peer);
    const struct remote_domain_event_callback_job_completed_msg *message =
        answer.value;

    assert_int_equal(message->callbackID, id);
    assert_int_equal(message->msg.params.params_len, 1);
    assert_string_equal(message->msg.params.params_val[0].field, "downtime");
    peer_close(&peer);
}

static void
who_takes_it_back_is_told_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    struct remote_connect_domain_event_callback_deregister_any_args args;
    int kept = listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL);

    args.callbackID =
        listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL);
    AUTO_ANSWER once = peer_call(
        fixture, &peer,
        REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, &args);
    assert_int_equal(once.header.status, RPC_OK);
    AUTO_ANSWER twice = peer_call(
        fixture, &peer,
        REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, &args);
    assert_error(&twice, ERROR_INTERNAL, "not registered");
    emit(fixture, domain, VIR_DOMAIN_EVENT_STARTED, 0);
    assert_told(fixture, &peer, kept, "demo", VIR_DOMAIN_EVENT_STARTED);
    assert_true(peer_has_nothing(fixture, &peer));
    peer_close(&peer);
}

static void
another_clients_registration_can_not_be_taken_back(void **state)
{
    struct fixture *fixture = *state;
    struct peer owner = peer_new_open(fixture, true);
    struct peer other = peer_new_open(fixture, false);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    struct remote_connect_domain_event_callback_deregister_any_args args = {
        listen_to(fixture, &owner, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL),
    };
    AUTO_ANSWER answer = peer_call(
        fixture, &other,
        REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, &args);

    assert_error(&answer, ERROR_INTERNAL, "not registered");
    emit(fixture, domain, VIR_DOMAIN_EVENT_STARTED, 0);
    assert_told(fixture, &owner, args.callbackID, "demo",
                VIR_DOMAIN_EVENT_STARTED);
    peer_close(&owner);
    peer_close(&other);
}

static void
an_event_that_nobody_knows_is_refused(void **state)
{
    static const int unknown[] = {
        -1, VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE + 1, 100000};
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);

    for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
        struct remote_connect_domain_event_callback_register_any_args args = {
            .eventID = unknown[i],
        };
        AUTO_ANSWER answer = peer_call(
            fixture, &peer,
            REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &args);

        assert_error(&answer, ERROR_INTERNAL, "unsupported event ID");
    }
    assert_true(list_is_empty(&peer.client->callbacks));
    peer_close(&peer);
}

static void
the_old_way_has_no_ids_and_one_registration(void **state)
{
    struct fixture *fixture = *state;
    struct peer peer = peer_new_open(fixture, true);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    AUTO_ERROR err = {0}, again = {0}, absent = {0};

    assert_int_equal(
        event_register_legacy(peer.client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &err),
        0);
    assert_int_equal(event_register_legacy(
                         peer.client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &again),
                     -1);
    assert_non_null(strstr(again.message, "already registered"));
    emit(fixture, domain, VIR_DOMAIN_EVENT_STARTED, 1);
    AUTO_ANSWER answer = peer_read(fixture, &peer);
    const struct remote_domain_event_lifecycle_msg *message = answer.value;

    assert_int_equal(answer.header.procedure,
                     REMOTE_PROC_DOMAIN_EVENT_LIFECYCLE);
    assert_int_equal(answer.header.length, 64);
    assert_int_equal(message->event, VIR_DOMAIN_EVENT_STARTED);
    assert_int_equal(event_deregister_legacy(
                         peer.client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &err),
                     0);
    assert_int_equal(event_deregister_legacy(
                         peer.client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &absent),
                     -1);
    emit(fixture, domain, VIR_DOMAIN_EVENT_STOPPED, 1);
    assert_true(peer_has_nothing(fixture, &peer));
    peer_close(&peer);
}

static void
a_client_that_went_takes_its_registrations_along(void **state)
{
    struct fixture *fixture = *state;
    struct peer gone = peer_new_open(fixture, true);
    struct peer peer = peer_new_open(fixture, true);
    struct domain *domain = fixture_define(fixture, "demo", 'd');
    int id;

    listen_to(fixture, &gone, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL);
    id = listen_to(fixture, &peer, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL);
    peer_close(&gone);
    /* Told before its end was seen, and after. */
    emit(fixture, domain, VIR_DOMAIN_EVENT_STARTED, 0);
    run_all(fixture->daemon.loop);
    assert_ptr_equal(fixture->daemon.clients.next, &peer.client->link);
    emit(fixture, domain, VIR_DOMAIN_EVENT_STOPPED, 0);
    assert_told(fixture, &peer, id, "demo", VIR_DOMAIN_EVENT_STARTED);
    assert_told(fixture, &peer, id, "demo", VIR_DOMAIN_EVENT_STOPPED);
    peer_close(&peer);
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_client_that_did_not_ask_is_told_nothing),
        TEST(a_lifecycle_event_is_told_as_libvirtd_tells_it),
        TEST(everybody_who_asked_is_told_by_their_own_id),
        TEST(a_filter_lets_only_its_domain_through),
        TEST(one_client_may_ask_twice),
        TEST(other_events_go_only_to_those_who_asked_for_them),
        TEST(a_completed_job_is_told_with_its_numbers),
        TEST(who_takes_it_back_is_told_no_more),
        TEST(another_clients_registration_can_not_be_taken_back),
        TEST(an_event_that_nobody_knows_is_refused),
        TEST(the_old_way_has_no_ids_and_one_registration),
        TEST(a_client_that_went_takes_its_registrations_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
