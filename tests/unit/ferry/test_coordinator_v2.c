/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends.h"

#include <libvirt/libvirt.h>

#include "base/memory.h"

#define V2                                                                     \
    {                                                                          \
        .protocol = COORDINATOR_V2                                             \
    }

static void
go_to_perform(struct world *world)
{
    start(world, VIR_MIGRATE_LIVE, false);
    answer(&world->source, "dump_xml", ANSWER(.xml = "<domain/>"));
    answer(&world->source, "get_state", ANSWER(.is_paused = false));
    answer(&world->destination, "prepare", ANSWER(.uri = "tcp:hostb:49152"));
}

static void
go_to_finish(struct world *world)
{
    go_to_perform(world);
    answer(&world->source, "perform", ANSWER(0));
}

static void
xml_uri_and_flags_are_passed_on(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    start(&world, VIR_MIGRATE_LIVE | VIR_MIGRATE_ABORT_ON_ERROR, false);
    answer(&world.source, "dump_xml", ANSWER(.xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(.is_paused = false));
    answer(&world.destination, "prepare", ANSWER(.uri = "tcp:hostb:49152"));
    answer(&world.source, "perform", ANSWER(0));
    answer(&world.destination, "finish", ANSWER(.has_domain = true));

    assert_string_equal(
        world.source.heard.data,
        "dump_xml 0x1001 cookie= xml= uri= name=\n"
        "get_state 0x1001 cookie= xml=<domain/> uri= name=\n"
        "perform 0x1001 cookie= xml=<domain/> uri=tcp:hostb:49152 name=\n");
    assert_string_equal(
        world.destination.heard.data,
        "prepare 0x1 cookie= xml=<domain/> uri= name=\n"
        "finish 0x1 cookie= xml=<domain/> uri=tcp:hostb:49152 name=web1\n");
    assert_int_equal(world.end, COORDINATOR_STATE_DONE);
    assert_false(error_is_set(&world.error));
}

static void
there_is_no_begin_and_no_confirm(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    go_to_finish(&world);
    answer(&world.destination, "finish", ANSWER(.has_domain = true));
    assert_string_equal(world.states.data,
                        "DUMPING LOOKING PREPARING PERFORMING FINISHING DONE ");
}

static void
protection_is_never_asked_for(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, true);
    assert_non_null(strstr(world.source.heard.data, "dump_xml 0x1 "));
}

static void
cookie_of_prepare_goes_to_perform_and_to_finish(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    start(&world, 0, false);
    answer(&world.source, "dump_xml", ANSWER(.xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(0));
    answer(&world.destination, "prepare",
           ANSWER(COOKIE("P"), .uri = "tcp:hostb:1"));
    answer(&world.source, "perform", ANSWER(COOKIE("not there in v2")));
    assert_non_null(strstr(world.source.heard.data, "perform 0x0 cookie=P "));
    assert_non_null(
        strstr(world.destination.heard.data, "finish 0x0 cookie=P "));
}

static void
paused_guest_stays_paused_on_the_destination(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, false);
    answer(&world.source, "dump_xml", ANSWER(.xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(.is_paused = true));
    assert_non_null(strstr(world.destination.heard.data, "prepare 0x21 "));
}

static void
failed_prepare_leaves_nothing_to_clean_up(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, false);
    answer(&world.source, "dump_xml", ANSWER(.xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(0));
    refuse(&world.destination, "prepare", ERROR_OPERATION_FAILED, "no room");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_string_equal(world.error.message, "preparing on hostb: no room");
    assert_null(strstr(world.destination.heard.data, "finish"));
}

static void
failed_perform_cancels_finish(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    go_to_perform(&world);
    refuse(&world.source, "perform", ERROR_OPERATION_ABORTED, "cancelled");
    assert_non_null(
        strstr(world.destination.heard.data, "finish 0x1 cancelled cookie= "));
    refuse(&world.destination, "finish", ERROR_MIGRATE_FINISH_OK, "aborted");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_string_equal(world.error.message, "performing on hosta: cancelled");
}

static void
interruption_before_the_copy_ends_it_at_once(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, false);
    coordinator_interrupt(world.coordinator);
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_int_equal(world.error.code, ERROR_OPERATION_ABORTED);
}

static void
interruption_aborts_perform(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    go_to_perform(&world);
    coordinator_interrupt(world.coordinator);
    assert_non_null(strstr(world.source.heard.data, "abort "));
    world.source.abort_answered(world.coordinator, ANSWER(0), NULL);
    refuse(&world.source, "perform", ERROR_OPERATION_ABORTED, "by client");
    refuse(&world.destination, "finish", ERROR_MIGRATE_FINISH_OK, "aborted");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_string_equal(world.error.message, "performing on hosta: by client");
}

static void
source_lost_at_perform_never_cancels_the_destination(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    go_to_perform(&world);
    refuse(&world.source, "perform", ERROR_PEER_LOST, "connection reset");
    assert_int_equal(world.end, COORDINATOR_STATE_UNKNOWN);
    assert_null(strstr(world.destination.heard.data, "finish"));
    assert_string_equal(
        world.error.message,
        "the guest is on hosta, or else on hostb, where it may be paused: look"
        " at both: lost the connection to hosta: connection reset");
}

static void
failed_finish_says_that_the_source_has_it_no_more(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    go_to_finish(&world);
    refuse(&world.destination, "finish", ERROR_OPERATION_FAILED, "no lock");
    assert_int_equal(world.end, COORDINATOR_STATE_STRANDED);
    assert_string_equal(
        world.error.message,
        "the guest has left hosta and may be paused on hostb: look there, and"
        " resume it: finishing on hostb: no lock");
}

static void
source_lost_at_finish_is_not_even_a_warning(void **state)
{
    AUTO_WORLD world = V2;

    (void)state;
    go_to_finish(&world);
    coordinator_lost(world.coordinator, COORDINATOR_SOURCE, NULL);
    answer(&world.destination, "finish", ANSWER(.has_domain = true));
    assert_int_equal(world.end, COORDINATOR_STATE_DONE);
    assert_false(error_is_set(&world.warning));
}

static void
lost_finish_reply_is_settled_by_looking(void **state)
{
    AUTO_WORLD found = V2;
    AUTO_WORLD not_found = V2;

    (void)state;
    go_to_finish(&found);
    refuse(&found.destination, "finish", ERROR_PEER_LOST, "connection reset");
    answer(&found.destination, "ask_again",
           ANSWER(.finding = COORDINATOR_FOUND_RUNNING));
    assert_int_equal(found.end, COORDINATOR_STATE_DONE);
    assert_false(error_is_set(&found.error));

    go_to_finish(&not_found);
    refuse(&not_found.destination, "finish", ERROR_PEER_LOST, "reset");
    answer(&not_found.destination, "ask_again",
           ANSWER(.finding = COORDINATOR_FOUND_NOTHING));
    assert_int_equal(not_found.end, COORDINATOR_STATE_STRANDED);
    assert_int_equal(not_found.error.code, ERROR_PEER_LOST);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_uri_and_flags_are_passed_on),
        cmocka_unit_test(there_is_no_begin_and_no_confirm),
        cmocka_unit_test(protection_is_never_asked_for),
        cmocka_unit_test(cookie_of_prepare_goes_to_perform_and_to_finish),
        cmocka_unit_test(paused_guest_stays_paused_on_the_destination),
        cmocka_unit_test(failed_prepare_leaves_nothing_to_clean_up),
        cmocka_unit_test(failed_perform_cancels_finish),
        cmocka_unit_test(interruption_before_the_copy_ends_it_at_once),
        cmocka_unit_test(interruption_aborts_perform),
        cmocka_unit_test(source_lost_at_perform_never_cancels_the_destination),
        cmocka_unit_test(failed_finish_says_that_the_source_has_it_no_more),
        cmocka_unit_test(source_lost_at_finish_is_not_even_a_warning),
        cmocka_unit_test(lost_finish_reply_is_settled_by_looking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
