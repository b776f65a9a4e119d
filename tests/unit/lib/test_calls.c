/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "vmferry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_daemon.h"

struct world {
    struct fake_daemon daemon;
    struct vmferry *handle;
    int events;
};

static void
done(struct world *world)
{
    vmferry_free(world->handle);
    fake_daemon_stop(&world->daemon);
}
#define AUTO_WORLD __attribute__((cleanup(done))) struct world

static void
connect_to(struct world *world, const struct fake_daemon_script *script)
{
    fake_daemon_start(&world->daemon, script);
    world->handle = vmferry_new();
    assert_int_equal(vmferry_connect(world->handle, world->daemon.uri, 0), 0);
}

/* -------------------------------------------------- copies that lose writes */

static bool
is_unreliable(unsigned version, uint64_t memory_kib, const char *xml)
{
    const struct fake_daemon_script script = {
        .version = version,
        .memory_kib = memory_kib,
        .xml = xml,
    };
    AUTO_WORLD world = {0};
    bool answer;
    uint64_t kib;

    connect_to(&world, &script);
    assert_int_equal(
        vmferry_is_copy_unreliable(world.handle, "web1", &answer, &kib), 0);
    assert_true(kib == memory_kib);
    return answer;
}

static void
emulated_guest_of_whole_mib_on_an_old_qemu_is_at_risk(void **state)
{
    (void)state;
    assert_true(is_unreliable(7002022, 131072, "<domain type='qemu'>"));
    assert_true(is_unreliable(8002001, 131072,
                              "<domain type='qemu' id='7'>\n  <name>"));
    assert_true(
        is_unreliable(7002022, 131072,
                      "\n<domain xmlns:q='>type=' \n id=\"7\" type=\"qemu\">"));
}

static void
other_guests_are_not_at_risk(void **state)
{
    (void)state;
    assert_false(is_unreliable(7002022, 131072, "<domain type='kvm'>"));
    assert_false(
        is_unreliable(7002022, 131072, "<domain xtype='qemu' type='qemukvm'>"));
    assert_false(is_unreliable(9000000, 131072, "<domain type='qemu'>"));
    assert_false(is_unreliable(7002022, 131080, "<domain type='qemu'>"));
}

static void
domain_xml_that_makes_no_sense_is_an_error(void **state)
{
    static const char *const texts[] = {"",
                                        "<domain",
                                        "<domain/>",
                                        "<domain><x type='qemu'/></domain>",
                                        "<domains type='qemu'>",
                                        "<domain type=qemu>",
                                        "<domain type='qemu>",
                                        "<domain id='7'type='qemu'>",
                                        "<domain ='qemu' type='qemu'>"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct fake_daemon_script script = {.xml = texts[i]};
        AUTO_WORLD world = {0};
        bool answer;
        uint64_t kib;

        connect_to(&world, &script);
        assert_int_equal(
            vmferry_is_copy_unreliable(world.handle, "web1", &answer, &kib),
            -1);
    }
}

/* ----------------------------------------------------------------- events */

static bool
take_two(void *owner, const struct vmferry_event *event)
{
    struct world *world = owner;

    assert_string_equal(event->name, "lifecycle");
    assert_string_equal(event->domain->name, "web1");
    assert_string_equal(event->what, "started");
    assert_string_equal(event->detail, "booted");
    return ++world->events < 2;
}

static void
events_are_kept_for_the_reader_who_takes_as_many_as_it_wants(void **state)
{
    const struct fake_daemon_script script = {.events = 3};
    AUTO_WORLD world = {0};

    (void)state;
    connect_to(&world, &script);
    assert_int_equal(vmferry_events_start(world.handle, 0, NULL), 0);
    assert_int_equal(vmferry_events_wait(world.handle, -1, take_two, &world),
                     0);
    assert_int_equal(world.events, 2);
    assert_int_equal(vmferry_events_wait(world.handle, 0, take_two, &world), 0);
    assert_int_equal(world.events, 3);
}

static void
interruption_ends_the_wait_for_events(void **state)
{
    const struct fake_daemon_script script = {0};
    AUTO_WORLD world = {0};

    (void)state;
    connect_to(&world, &script);
    vmferry_interrupt(world.handle);
    assert_int_equal(vmferry_events_wait(world.handle, -1, take_two, &world),
                     -1);
    assert_int_equal(vmferry_error_code(world.handle), VMFERRY_ERROR_ABORTED);
}

/* ------------------------------------------------------------------ others */

static void
list_has_names_uuids_and_ids(void **state)
{
    const struct fake_daemon_script script = {0};
    struct vmferry_domain *domains;
    AUTO_WORLD world = {0};
    size_t count;

    (void)state;
    connect_to(&world, &script);
    assert_int_equal(vmferry_list(world.handle, 0, &domains, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(domains[0].name, "web1");
    assert_string_equal(domains[0].uuid,
                        "01020300-0000-0000-0000-000000000000");
    assert_int_equal(domains[0].id, 1);
    vmferry_domains_free(domains, count);
}

static void
names_of_numbers_are_never_null(void **state)
{
    (void)state;
    assert_string_equal(vmferry_state_name(1), "running");
    assert_string_equal(vmferry_state_name(-1), "unknown");
    assert_string_equal(vmferry_state_name(1000), "unknown");
    assert_string_equal(vmferry_reason_name(3, 2), "migrating");
    assert_string_equal(vmferry_reason_name(3, 99), "unknown");
    assert_string_equal(vmferry_reason_name(99, 0), "unknown");
    assert_string_equal(vmferry_phase_name(VMFERRY_PHASE_FINISH), "finish");
    assert_null(vmferry_event_name(27));
}

static void
values_keep_their_order_types_and_repetitions(void **state)
{
    const struct vmferry_value first = {
        .name = "compression", .type = VMFERRY_TYPE_STRING, .u.s = "xbzrle"};
    const struct vmferry_value second = {
        .name = "compression", .type = VMFERRY_TYPE_STRING, .u.s = "mt"};
    const struct vmferry_value negative = {
        .name = "offset", .type = VMFERRY_TYPE_LLONG, .u.l = -5};
    struct vmferry_values *values = vmferry_values_new();
    uint64_t number;

    (void)state;
    vmferry_values_add(values, &first);
    vmferry_values_add(values, &second);
    vmferry_values_add(values, &negative);
    assert_int_equal(vmferry_values_count(values), 3);
    assert_string_equal(vmferry_values_item(values, 1).u.s, "mt");
    assert_string_equal(vmferry_values_string(values, "compression"), "xbzrle");
    assert_null(vmferry_values_string(values, "offset"));
    assert_true(vmferry_values_number(values, "offset", &number));
    assert_int_equal(number, 0);
    assert_false(vmferry_values_number(values, "compression", &number));
    assert_false(vmferry_values_number(values, "nothing", &number));
    vmferry_values_free(values);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emulated_guest_of_whole_mib_on_an_old_qemu_is_at_risk),
        cmocka_unit_test(other_guests_are_not_at_risk),
        cmocka_unit_test(domain_xml_that_makes_no_sense_is_an_error),
        cmocka_unit_test(
            events_are_kept_for_the_reader_who_takes_as_many_as_it_wants),
        cmocka_unit_test(interruption_ends_the_wait_for_events),
        cmocka_unit_test(list_has_names_uuids_and_ids),
        cmocka_unit_test(names_of_numbers_are_never_null),
        cmocka_unit_test(values_keep_their_order_types_and_repetitions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
