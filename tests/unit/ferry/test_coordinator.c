/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends.h"

#include <libvirt/libvirt.h>

#include "base/memory.h"

static void
go_to_perform(struct world *world)
{
    start(world, VIR_MIGRATE_LIVE, true);
    answer(&world->source, "begin", ANSWER(COOKIE("B"), .xml = "<domain/>"));
    answer(&world->source, "get_state", ANSWER(.is_paused = false));
    answer(&world->destination, "prepare",
           ANSWER(COOKIE("P"), .uri = "tcp:hostb:49152"));
}

static void
go_to_finish(struct world *world)
{
    go_to_perform(world);
    answer(&world->source, "perform", ANSWER(COOKIE("R")));
}

static void
cookies_xml_uri_and_flags_are_passed_on(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    start(&world,
          VIR_MIGRATE_LIVE | VIR_MIGRATE_ABORT_ON_ERROR |
              VIR_MIGRATE_AUTO_CONVERGE,
          true);
    answer(&world.source, "begin", ANSWER(COOKIE("B"), .xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(.is_paused = false));
    answer(&world.destination, "prepare",
           ANSWER(COOKIE("P"), .uri = "tcp:hostb:49152"));
    answer(&world.source, "perform", ANSWER(COOKIE("R")));
    answer(&world.destination, "finish",
           ANSWER(COOKIE("N"), .has_domain = true));
    answer(&world.source, "confirm", ANSWER(0));

    assert_string_equal(
        world.source.heard.data,
        "begin 0x3101 cookie= xml= uri= name=\n"
        "get_state 0x3101 cookie=B xml=<domain/> uri= name=\n"
        "perform 0x3101 cookie=P xml=<domain/> uri=tcp:hostb:49152 name=\n"
        "confirm 0x3101 cookie=N xml=<domain/> uri=tcp:hostb:49152 "
        "name=web1\n");
    assert_string_equal(
        world.destination.heard.data,
        "prepare 0x1 cookie=B xml=<domain/> uri= name=\n"
        "finish 0x1 cookie=R xml=<domain/> uri=tcp:hostb:49152 name=web1\n");
    assert_int_equal(world.end, COORDINATOR_STATE_DONE);
    assert_false(error_is_set(&world.error));
    assert_false(error_is_set(&world.warning));
}

static void
every_move_is_told(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_finish(&world);
    answer(&world.destination, "finish", ANSWER(.has_domain = true));
    answer(&world.source, "confirm", ANSWER(0));
    assert_string_equal(world.states.data,
                        "BEGINNING LOOKING PREPARING PERFORMING FINISHING "
                        "CONFIRMING DONE ");
}

static void
paused_guest_stays_paused_on_the_destination(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, true);
    answer(&world.source, "begin", ANSWER(COOKIE("B"), .xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(.is_paused = true));
    assert_non_null(strstr(world.destination.heard.data, "prepare 0x21 "));
    answer(&world.destination, "prepare", ANSWER(.uri = "tcp:hostb:1"));
    assert_non_null(strstr(world.source.heard.data, "perform 0x121 "));
}

static void
users_name_uri_and_xml_are_kept_or_replaced(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    parameters_add_string(&world.parameters, VIR_MIGRATE_PARAM_DEST_NAME, "w2");
    parameters_add_string(&world.parameters, VIR_MIGRATE_PARAM_URI, "tcp://b");
    parameters_add_string(&world.parameters, VIR_MIGRATE_PARAM_DEST_XML, "<u>");
    start(&world, 0, true);
    answer(&world.source, "begin", ANSWER(.xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(0));
    answer(&world.destination, "prepare", ANSWER(0));
    assert_non_null(strstr(world.source.heard.data,
                           "begin 0x100 cookie= xml=<u> uri=tcp://b name=w2"));
    assert_non_null(
        strstr(world.source.heard.data,
               "perform 0x100 cookie= xml=<domain/> uri=tcp://b name=w2"));
}

static void
source_without_protection_is_not_asked_to_confirm_what_it_holds_no_job_for(
    void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, false);
    answer(&world.source, "begin", ANSWER(.xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(0));
    refuse(&world.destination, "prepare", ERROR_OPERATION_FAILED, "no room");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_null(strstr(world.source.heard.data, "confirm"));
    assert_non_null(strstr(world.source.heard.data, "begin 0x1 "));
}

static void
failed_prepare_releases_the_source_and_is_the_error(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, true);
    answer(&world.source, "begin", ANSWER(COOKIE("B"), .xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(0));
    refuse(&world.destination, "prepare", ERROR_OPERATION_FAILED, "no room");
    assert_non_null(
        strstr(world.source.heard.data, "confirm 0x101 cancelled cookie= "));
    refuse(&world.source, "confirm", ERROR_INTERNAL, "nonsense");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_int_equal(world.error.code, ERROR_OPERATION_FAILED);
    assert_string_equal(world.error.message, "preparing on hostb: no room");
}

static void
failed_perform_cancels_finish_and_needs_no_confirm(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_perform(&world);
    refuse(&world.source, "perform", ERROR_OPERATION_ABORTED, "cancelled");
    assert_non_null(
        strstr(world.destination.heard.data, "finish 0x1 cancelled cookie= "));
    refuse(&world.destination, "finish", ERROR_MIGRATE_FINISH_OK, "aborted");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_int_equal(world.error.code, ERROR_OPERATION_ABORTED);
    assert_string_equal(world.error.message, "performing on hosta: cancelled");
    assert_null(strstr(world.source.heard.data, "confirm"));
}

static void
destination_knows_better_why_an_operation_failed(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_perform(&world);
    refuse(&world.source, "perform", ERROR_OPERATION_FAILED, "broken pipe");
    refuse(&world.destination, "finish", ERROR_INTERNAL,
           "qemu died: no device");
    assert_int_equal(world.error.code, ERROR_INTERNAL);
    assert_string_equal(world.error.message,
                        "finishing on hostb: qemu died: no device");
}

static void
answer_to_a_cancelled_finish_is_never_the_error(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_perform(&world);
    refuse(&world.source, "perform", ERROR_OPERATION_FAILED, "broken pipe");
    refuse(&world.destination, "finish", ERROR_MIGRATE_FINISH_OK, "aborted");
    assert_string_equal(world.error.message,
                        "performing on hosta: broken pipe");
}

static void
destination_that_says_nowhere_is_cancelled(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, true);
    answer(&world.source, "begin", ANSWER(.xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(0));
    answer(&world.destination, "prepare", ANSWER(COOKIE("P")));
    refuse(&world.destination, "finish", ERROR_MIGRATE_FINISH_OK, "aborted");
    answer(&world.source, "confirm", ANSWER(0));
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_string_equal(world.error.message,
                        "preparing on hostb: it did not set the uri");
}

static void
offline_guest_is_not_performed_and_has_no_cookie_for_finish(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    start(&world, VIR_MIGRATE_OFFLINE | VIR_MIGRATE_PERSIST_DEST, true);
    answer(&world.source, "begin", ANSWER(COOKIE("B"), .xml = "<domain/>"));
    answer(&world.source, "get_state", ANSWER(0));
    answer(&world.destination, "prepare",
           ANSWER(COOKIE("P"), .uri = "tcp:hostb:1"));
    assert_non_null(
        strstr(world.destination.heard.data, "finish 0x408 cookie= "));
    answer(&world.destination, "finish", ANSWER(.has_domain = true));
    answer(&world.source, "confirm", ANSWER(0));
    assert_int_equal(world.end, COORDINATOR_STATE_DONE);
    assert_null(strstr(world.source.heard.data, "perform"));
}

static void
interruption_aborts_perform_whose_error_is_told(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_perform(&world);
    coordinator_interrupt(world.coordinator);
    coordinator_interrupt(world.coordinator);
    assert_string_equal(strstr(world.source.heard.data, "abort"),
                        "abort 0x101 cancelled cookie= xml=<domain/> "
                        "uri=tcp:hostb:49152 name=\n");
    world.source.abort_answered(world.coordinator, ANSWER(0), NULL);
    refuse(&world.source, "perform", ERROR_OPERATION_ABORTED, "by client");
    refuse(&world.destination, "finish", ERROR_MIGRATE_FINISH_OK, "aborted");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_string_equal(world.error.message, "performing on hosta: by client");
}

static void
interruption_before_the_copy_is_the_error_itself(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    start(&world, VIR_MIGRATE_LIVE, true);
    coordinator_interrupt(world.coordinator);
    answer(&world.source, "begin", ANSWER(.xml = "<domain/>"));
    answer(&world.source, "confirm", ANSWER(0));
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_int_equal(world.error.code, ERROR_OPERATION_ABORTED);
    assert_null(world.destination.heard.data);
}

static void
lost_connection_is_heard_once_however_often_it_is_told(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_perform(&world);
    refuse(&world.source, "perform", ERROR_PEER_LOST, "connection reset");
    coordinator_lost(world.coordinator, COORDINATOR_SOURCE, NULL);
    refuse(&world.destination, "finish", ERROR_MIGRATE_FINISH_OK, "aborted");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_string_equal(world.error.message,
                        "lost the connection to hosta: connection reset");
}

static void
lost_destination_aborts_perform(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_perform(&world);
    coordinator_lost(world.coordinator, COORDINATOR_DESTINATION, NULL);
    assert_non_null(strstr(world.source.heard.data, "abort "));
    refuse(&world.source, "perform", ERROR_OPERATION_ABORTED, "by client");
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
    assert_int_equal(world.error.code, ERROR_PEER_LOST);
}

static void
lost_finish_reply_never_lets_the_source_go_on_by_itself(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_finish(&world);
    refuse(&world.destination, "finish", ERROR_PEER_LOST, "connection reset");
    answer(&world.destination, "ask_again",
           ANSWER(.finding = COORDINATOR_FOUND_NOTHING));
    assert_int_equal(world.end, COORDINATOR_STATE_UNKNOWN);
    assert_null(strstr(world.source.heard.data, "confirm"));
    assert_non_null(strstr(world.error.message, "may run on hostb"));
}

static void
lost_finish_reply_is_settled_by_the_destination(void **state)
{
    AUTO_WORLD there = {0};
    AUTO_WORLD here = {0};

    (void)state;
    go_to_finish(&there);
    refuse(&there.destination, "finish", ERROR_PEER_LOST, "connection reset");
    answer(&there.destination, "ask_again",
           ANSWER(.finding = COORDINATOR_FOUND_RUNNING));
    assert_non_null(strstr(there.source.heard.data, "confirm 0x101 cookie= "));
    answer(&there.source, "confirm", ANSWER(0));
    assert_int_equal(there.end, COORDINATOR_STATE_DONE);
    assert_false(error_is_set(&there.error));

    go_to_finish(&here);
    refuse(&here.destination, "finish", ERROR_PEER_LOST, "connection reset");
    answer(&here.destination, "ask_again",
           ANSWER(.finding = COORDINATOR_FOUND_CANCELLED));
    assert_non_null(strstr(here.source.heard.data, "confirm 0x101 cancelled"));
    answer(&here.source, "confirm", ANSWER(0));
    assert_int_equal(here.end, COORDINATOR_STATE_FAILED);
}

static void
failed_confirm_is_only_a_warning(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_finish(&world);
    answer(&world.destination, "finish", ANSWER(.has_domain = true));
    refuse(&world.source, "confirm", ERROR_OPERATION_INVALID, "no job");
    assert_int_equal(world.end, COORDINATOR_STATE_UNCONFIRMED);
    assert_false(error_is_set(&world.error));
    assert_string_equal(world.warning.message, "confirming on hosta: no job");
}

static void
finish_without_a_domain_gives_the_guest_back(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    go_to_finish(&world);
    answer(&world.destination, "finish", ANSWER(.has_domain = false));
    assert_non_null(strstr(world.source.heard.data, "confirm 0x101 cancelled"));
    answer(&world.source, "confirm", ANSWER(0));
    assert_int_equal(world.end, COORDINATOR_STATE_FAILED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_xml_uri_and_flags_are_passed_on),
        cmocka_unit_test(every_move_is_told),
        cmocka_unit_test(paused_guest_stays_paused_on_the_destination),
        cmocka_unit_test(users_name_uri_and_xml_are_kept_or_replaced),
        cmocka_unit_test(
            source_without_protection_is_not_asked_to_confirm_what_it_holds_no_job_for),
        cmocka_unit_test(failed_prepare_releases_the_source_and_is_the_error),
        cmocka_unit_test(failed_perform_cancels_finish_and_needs_no_confirm),
        cmocka_unit_test(destination_knows_better_why_an_operation_failed),
        cmocka_unit_test(answer_to_a_cancelled_finish_is_never_the_error),
        cmocka_unit_test(destination_that_says_nowhere_is_cancelled),
        cmocka_unit_test(
            offline_guest_is_not_performed_and_has_no_cookie_for_finish),
        cmocka_unit_test(interruption_aborts_perform_whose_error_is_told),
        cmocka_unit_test(interruption_before_the_copy_is_the_error_itself),
        cmocka_unit_test(
            lost_connection_is_heard_once_however_often_it_is_told),
        cmocka_unit_test(lost_destination_aborts_perform),
        cmocka_unit_test(
            lost_finish_reply_never_lets_the_source_go_on_by_itself),
        cmocka_unit_test(lost_finish_reply_is_settled_by_the_destination),
        cmocka_unit_test(failed_confirm_is_only_a_warning),
        cmocka_unit_test(finish_without_a_domain_gives_the_guest_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
