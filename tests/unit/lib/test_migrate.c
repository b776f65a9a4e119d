/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "vmferry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "fake_daemon.h"
#include "rpc/message.h"

static const struct fake_daemon_script willing = {
    .has_parameters = true,
    .has_v3 = true,
};

/* Two daemons and a handle that is connected to the first. */
struct world {
    struct fake_daemon source;
    struct fake_daemon destination;
    struct vmferry *handle;
    struct vmferry_report report;
    int result;
    unsigned interruptions; /* To be sent once the guest is copied. */
    unsigned flags;         /* Beside LIVE. */
};

static void
done(struct world *world)
{
    vmferry_report_done(&world->report);
    vmferry_free(world->handle);
    fake_daemon_stop(&world->source);
    fake_daemon_stop(&world->destination);
}
#define AUTO_WORLD __attribute__((cleanup(done))) struct world

static void
progress(void *owner, const struct vmferry_progress *progress)
{
    struct world *world = owner;

    if (progress->phase == VMFERRY_PHASE_PERFORM && progress->is_new_phase) {
        for (unsigned i = 0; i < world->interruptions; i++) {
            vmferry_interrupt(world->handle);
        }
    }
}

static void
connect_source(struct world *world, const struct fake_daemon_script *script)
{
    fake_daemon_start(&world->source, script);
    world->handle = vmferry_new();
    assert_int_equal(vmferry_connect(world->handle, world->source.uri, 0), 0);
}

static void
migrate(struct world *world, const struct fake_daemon_script *source,
        const struct fake_daemon_script *destination)
{
    const struct vmferry_migrate_options options = {
        .flags = VMFERRY_MIGRATE_LIVE | world->flags,
        .interval_ms = world->flags & VMFERRY_MIGRATE_PEER2PEER ? 10 : 0,
        .progress = progress,
        .owner = world,
    };

    connect_source(world, source);
    fake_daemon_start(&world->destination, destination);
    world->result =
        vmferry_migrate(world->handle, "web1", world->destination.uri, &options,
                        &world->report);
}

static void
assert_heard(const struct fake_daemon *daemon, const char *expected)
{
    AUTO_FREE char *heard = fake_daemon_heard(daemon);

    assert_string_equal(heard, expected);
}

static void
guest_moves_with_typed_parameters(void **state)
{
    AUTO_WORLD world = {0};
    uint64_t downtime;

    (void)state;
    migrate(&world, &willing, &willing);
    assert_int_equal(world.result, 0);
    assert_heard(&world.source, "DOMAIN_LOOKUP_BY_NAME\n"
                                "DOMAIN_MIGRATE_BEGIN3_PARAMS 0x101\n"
                                "DOMAIN_GET_STATE\n"
                                "DOMAIN_MIGRATE_PERFORM3_PARAMS\n"
                                "DOMAIN_MIGRATE_CONFIRM3_PARAMS 0x101 "
                                "cancelled=0\n");
    assert_heard(&world.destination,
                 "DOMAIN_MIGRATE_PREPARE3_PARAMS\n"
                 "DOMAIN_MIGRATE_FINISH3_PARAMS 0x1 cancelled=0\n"
                 "DOMAIN_LOOKUP_BY_NAME\n"
                 "DOMAIN_GET_STATE\n"
                 "DOMAIN_GET_JOB_STATS\n");
    assert_int_equal(world.report.outcome, VMFERRY_MOVED);
    assert_int_equal(world.report.state, VMFERRY_STATE_RUNNING);
    assert_string_equal(world.report.name, "web1");
    assert_true(
        vmferry_values_number(world.report.statistics, "downtime", &downtime));
    assert_int_equal(downtime, 54);
    assert_true(world.report.total_us > 0);
}

static void
guest_moves_without_typed_parameters_where_one_host_lacks_them(void **state)
{
    const struct fake_daemon_script old = {.has_v3 = true};
    AUTO_WORLD world = {0};

    (void)state;
    migrate(&world, &willing, &old);
    assert_int_equal(world.result, 0);
    assert_heard(&world.source, "DOMAIN_LOOKUP_BY_NAME\n"
                                "DOMAIN_MIGRATE_BEGIN3\n"
                                "DOMAIN_GET_STATE\n"
                                "DOMAIN_MIGRATE_PERFORM3\n"
                                "DOMAIN_MIGRATE_CONFIRM3\n");
    assert_heard(&world.destination, "DOMAIN_MIGRATE_PREPARE3\n"
                                     "DOMAIN_MIGRATE_FINISH3\n"
                                     "DOMAIN_LOOKUP_BY_NAME\n"
                                     "DOMAIN_GET_STATE\n"
                                     "DOMAIN_GET_JOB_STATS\n");
}

static void
guest_moves_by_version_2_where_there_is_nothing_better(void **state)
{
    const struct fake_daemon_script older = {.has_v2 = true};
    const struct fake_daemon_script source = {
        .has_parameters = true,
        .has_v3 = true,
        .has_v2 = true,
        .xml = "<domain/>",
    };
    AUTO_WORLD world = {0};

    (void)state;
    migrate(&world, &source, &older);
    assert_int_equal(world.result, 0);
    assert_int_equal(world.report.outcome, VMFERRY_MOVED);
    assert_heard(&world.source, "DOMAIN_LOOKUP_BY_NAME\n"
                                "DOMAIN_GET_XML_DESC\n"
                                "DOMAIN_GET_STATE\n"
                                "DOMAIN_MIGRATE_PERFORM\n");
    assert_heard(&world.destination, "DOMAIN_MIGRATE_PREPARE2\n"
                                     "DOMAIN_MIGRATE_FINISH2\n"
                                     "DOMAIN_LOOKUP_BY_NAME\n"
                                     "DOMAIN_GET_STATE\n"
                                     "DOMAIN_GET_JOB_STATS\n");
}

static void
host_that_speaks_no_version_is_not_asked_for_anything(void **state)
{
    const struct fake_daemon_script ancient = {0};
    AUTO_WORLD world = {0};

    (void)state;
    migrate(&world, &willing, &ancient);
    assert_int_equal(world.result, -1);
    assert_int_equal(vmferry_error_code(world.handle), 3);
    assert_heard(&world.destination, "");
}

static void
refusal_is_told_with_phase_host_and_cause(void **state)
{
    const struct fake_daemon_script full = {
        .has_parameters = true,
        .fails = REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS,
    };
    AUTO_WORLD world = {0};
    const char *message;

    (void)state;
    migrate(&world, &willing, &full);
    message = vmferry_error_message(world.handle);
    assert_int_equal(world.result, -1);
    assert_int_equal(vmferry_error_code(world.handle),
                     VMFERRY_ERROR_OPERATION_FAILED);
    assert_non_null(strstr(message, "preparing on "));
    assert_non_null(strstr(message, world.destination.uri));
    assert_non_null(strstr(message, "no room"));
    assert_int_equal(world.report.outcome, VMFERRY_STAYED);
    assert_int_equal(world.report.state, VMFERRY_STATE_RUNNING);
}

static void
interruption_aborts_the_job_and_the_guest_stays(void **state)
{
    const struct fake_daemon_script busy = {
        .has_parameters = true,
        .hangs = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
    };
    AUTO_WORLD world = {.interruptions = 1};

    (void)state;
    migrate(&world, &busy, &willing);
    assert_int_equal(world.result, -1);
    assert_int_equal(vmferry_error_code(world.handle), VMFERRY_ERROR_ABORTED);
    assert_int_equal(world.report.outcome, VMFERRY_STAYED);
    assert_heard(&world.destination,
                 "DOMAIN_MIGRATE_PREPARE3_PARAMS\n"
                 "DOMAIN_MIGRATE_FINISH3_PARAMS 0x1 cancelled=1\n");
}

static void
second_interruption_leaves_at_once(void **state)
{
    const struct fake_daemon_script busy = {
        .has_parameters = true,
        .hangs = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
    };
    AUTO_WORLD world = {.interruptions = 2};

    (void)state;
    migrate(&world, &busy, &willing);
    assert_int_equal(world.result, -1);
    assert_int_equal(world.report.outcome, VMFERRY_UNKNOWN);
    assert_heard(&world.destination, "DOMAIN_MIGRATE_PREPARE3_PARAMS\n");
}

static void
lost_answer_to_finish_is_asked_for_again(void **state)
{
    const struct fake_daemon_script shy = {
        .has_parameters = true,
        .drops = REMOTE_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS,
    };
    AUTO_WORLD world = {0};

    (void)state;
    migrate(&world, &willing, &shy);
    assert_int_equal(world.result, -1);
    assert_int_equal(world.report.outcome, VMFERRY_STAYED);
    assert_heard(&world.destination,
                 "DOMAIN_MIGRATE_PREPARE3_PARAMS\n"
                 "DOMAIN_MIGRATE_FINISH3_PARAMS 0x1 cancelled=0\n"
                 "DOMAIN_MIGRATE_FINISH3_PARAMS 0x1 cancelled=1\n");
}

static void
guest_that_was_found_running_there_has_moved(void **state)
{
    const struct fake_daemon_script shy = {
        .has_parameters = true,
        .drops = REMOTE_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS,
        .cancelled = ERROR_OPERATION_INVALID,
    };
    AUTO_WORLD world = {0};

    (void)state;
    migrate(&world, &willing, &shy);
    assert_int_equal(world.result, 0);
    assert_int_equal(world.report.outcome, VMFERRY_MOVED);
    assert_heard(&world.source, "DOMAIN_LOOKUP_BY_NAME\n"
                                "DOMAIN_MIGRATE_BEGIN3_PARAMS 0x101\n"
                                "DOMAIN_GET_STATE\n"
                                "DOMAIN_MIGRATE_PERFORM3_PARAMS\n"
                                "DOMAIN_MIGRATE_CONFIRM3_PARAMS 0x101 "
                                "cancelled=0\n");
}

static void
source_that_goes_away_lets_the_destination_forget(void **state)
{
    const struct fake_daemon_script shy = {
        .has_parameters = true,
        .drops = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
    };
    AUTO_WORLD world = {0};

    (void)state;
    migrate(&world, &shy, &willing);
    assert_int_equal(world.result, -1);
    assert_int_equal(world.report.outcome, VMFERRY_STAYED);
    assert_int_equal(world.report.state, 0);
    assert_non_null(
        strstr(vmferry_error_message(world.handle), "lost the connection to"));
    assert_heard(&world.destination,
                 "DOMAIN_MIGRATE_PREPARE3_PARAMS\n"
                 "DOMAIN_MIGRATE_FINISH3_PARAMS 0x1 cancelled=1\n");
}

static void
unreachable_destination_changes_nothing_on_the_source(void **state)
{
    const struct vmferry_migrate_options options = {0};
    AUTO_WORLD world = {0};

    (void)state;
    connect_source(&world, &willing);
    assert_int_equal(vmferry_migrate(world.handle, "web1",
                                     "qemu+unix:///session?socket=/nonexistent",
                                     &options, &world.report),
                     -1);
    assert_non_null(
        strstr(vmferry_error_message(world.handle), "/nonexistent"));
    assert_heard(&world.source, "DOMAIN_LOOKUP_BY_NAME\n");
}

static void
calls_without_a_connection_fail(void **state)
{
    struct vmferry *handle = vmferry_new();
    struct vmferry_domain found;

    (void)state;
    assert_false(vmferry_is_connected(handle));
    assert_int_equal(vmferry_lookup(handle, "web1", &found), -1);
    assert_int_not_equal(vmferry_error_code(handle), 0);
    vmferry_free(handle);
}

static void
peer_to_peer_only_the_source_is_called(void **state)
{
    AUTO_WORLD world = {.flags = VMFERRY_MIGRATE_PEER2PEER};
    uint64_t downtime;

    (void)state;
    migrate(&world, &willing, &willing);
    assert_int_equal(world.result, 0);
    assert_heard(&world.destination, "");
    assert_int_equal(world.report.outcome, VMFERRY_MOVED);
    assert_string_equal(world.report.name, "web1");
    assert_true(
        vmferry_values_number(world.report.statistics, "downtime", &downtime));
    assert_int_equal(downtime, 54);
    assert_int_equal(world.report.phase, VMFERRY_PHASE_CONFIRM);
}

static void
peer_to_peer_an_older_source_gets_an_older_call(void **state)
{
    static const struct {
        struct fake_daemon_script script;
        const char *call;
    } cases[] = {
        {{.has_parameters = true}, "DOMAIN_MIGRATE_PERFORM3_PARAMS"},
        {{.has_v3 = true},         "DOMAIN_MIGRATE_PERFORM3\n"     },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO_WORLD world = {.flags = VMFERRY_MIGRATE_PEER2PEER};
        AUTO_FREE char *heard = NULL;

        migrate(&world, &cases[i].script, &willing);
        assert_string_equal(vmferry_error_message(world.handle), "no error");
        heard = fake_daemon_heard(&world.source);
        assert_non_null(strstr(heard, cases[i].call));
    }
}

static void
peer_to_peer_a_source_that_can_not_is_not_called(void **state)
{
    const struct fake_daemon_script unable = {
        .has_parameters = true,
        .lacks_p2p = true,
    };
    AUTO_WORLD world = {.flags = VMFERRY_MIGRATE_PEER2PEER};

    (void)state;
    migrate(&world, &unable, &willing);
    assert_int_equal(world.result, -1);
    assert_int_equal(vmferry_error_code(world.handle), 74);
    assert_heard(&world.source, "DOMAIN_LOOKUP_BY_NAME\n");
}

static void
peer_to_peer_an_interruption_aborts_the_sources_job(void **state)
{
    const struct fake_daemon_script busy = {
        .has_parameters = true,
        .hangs = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
    };
    AUTO_WORLD world = {.interruptions = 1, .flags = VMFERRY_MIGRATE_PEER2PEER};
    AUTO_FREE char *heard = NULL;

    (void)state;
    migrate(&world, &busy, &willing);
    assert_int_equal(world.result, -1);
    assert_int_equal(vmferry_error_code(world.handle), VMFERRY_ERROR_ABORTED);
    heard = fake_daemon_heard(&world.source);
    assert_non_null(strstr(heard, "DOMAIN_ABORT_JOB"));
    assert_int_equal(world.report.outcome, VMFERRY_STAYED);
    assert_int_equal(world.report.state, VMFERRY_STATE_RUNNING);
}

static void
peer_to_peer_a_second_interruption_leaves_the_source_to_it(void **state)
{
    const struct fake_daemon_script busy = {
        .has_parameters = true,
        .hangs = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
    };
    AUTO_WORLD world = {.interruptions = 2, .flags = VMFERRY_MIGRATE_PEER2PEER};

    (void)state;
    migrate(&world, &busy, &willing);
    assert_int_equal(world.result, -1);
    assert_int_equal(world.report.outcome, VMFERRY_UNKNOWN);
    assert_non_null(
        strstr(vmferry_error_message(world.handle), "left in phase perform"));
}

static void
peer_to_peer_a_lost_source_leaves_the_outcome_open(void **state)
{
    const struct fake_daemon_script fragile = {
        .has_parameters = true,
        .drops = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
    };
    AUTO_WORLD world = {.flags = VMFERRY_MIGRATE_PEER2PEER};

    (void)state;
    migrate(&world, &fragile, &willing);
    assert_int_equal(world.result, -1);
    assert_int_equal(world.report.outcome, VMFERRY_UNKNOWN);
    assert_non_null(strstr(vmferry_error_message(world.handle),
                           "goes on with the migration by itself"));
}

/* A source that goes on in its client's place. */

static const struct fake_daemon_script loyal = {
    .has_parameters = true,
    .has_stand_in = true,
    .drops = REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS,
};

static void
assert_attached(const struct world *world)
{
    AUTO_FREE char *heard = fake_daemon_heard(&world->source);

    assert_non_null(strstr(heard, "VMFERRY_ATTACH\n"));
    assert_null(strstr(heard, "DOMAIN_MIGRATE_CONFIRM3_PARAMS"));
    assert_int_equal(world->report.outcome, VMFERRY_MOVED);
    assert_int_equal(world->result, 0);
}

static void
lost_source_that_goes_on_is_waited_for(void **state)
{
    AUTO_WORLD world = {0};

    (void)state;
    migrate(&world, &loyal, &willing);
    assert_attached(&world);
    assert_heard(&world.destination, "DOMAIN_MIGRATE_PREPARE3_PARAMS\n");
    assert_string_equal(world.report.destination_uri, world.destination.uri);
}

static void
lost_destination_is_left_to_a_source_that_goes_on(void **state)
{
    const struct fake_daemon_script steady = {
        .has_parameters = true,
        .has_stand_in = true,
    };
    const struct fake_daemon_script shy = {
        .has_parameters = true,
        .drops = REMOTE_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS,
    };
    AUTO_WORLD world = {0};

    (void)state;
    migrate(&world, &steady, &shy);
    assert_attached(&world);
}

static void
peer_to_peer_a_lost_source_is_waited_for(void **state)
{
    AUTO_WORLD world = {.flags = VMFERRY_MIGRATE_PEER2PEER};

    (void)state;
    migrate(&world, &loyal, &willing);
    assert_attached(&world);
}

static void
migration_of_another_client_is_waited_for(void **state)
{
    const struct vmferry_migrate_options options = {0};
    AUTO_WORLD world = {0};

    (void)state;
    connect_source(&world, &loyal);
    world.result =
        vmferry_migrate_resume(world.handle, "web1", &options, &world.report);
    assert_attached(&world);
    assert_string_equal(world.report.destination_uri,
                        "qemu+tcp://there/system");
}

static void
source_that_can_not_be_attached_to_says_so(void **state)
{
    const struct vmferry_migrate_options options = {0};
    AUTO_WORLD world = {0};

    (void)state;
    connect_source(&world, &willing);
    assert_int_equal(
        vmferry_migrate_resume(world.handle, "web1", &options, &world.report),
        -1);
    assert_int_equal(vmferry_error_code(world.handle), 74);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_moves_with_typed_parameters),
        cmocka_unit_test(
            guest_moves_without_typed_parameters_where_one_host_lacks_them),
        cmocka_unit_test(
            guest_moves_by_version_2_where_there_is_nothing_better),
        cmocka_unit_test(host_that_speaks_no_version_is_not_asked_for_anything),
        cmocka_unit_test(refusal_is_told_with_phase_host_and_cause),
        cmocka_unit_test(interruption_aborts_the_job_and_the_guest_stays),
        cmocka_unit_test(second_interruption_leaves_at_once),
        cmocka_unit_test(lost_answer_to_finish_is_asked_for_again),
        cmocka_unit_test(guest_that_was_found_running_there_has_moved),
        cmocka_unit_test(source_that_goes_away_lets_the_destination_forget),
        cmocka_unit_test(unreachable_destination_changes_nothing_on_the_source),
        cmocka_unit_test(calls_without_a_connection_fail),
        cmocka_unit_test(peer_to_peer_only_the_source_is_called),
        cmocka_unit_test(peer_to_peer_an_older_source_gets_an_older_call),
        cmocka_unit_test(peer_to_peer_a_source_that_can_not_is_not_called),
        cmocka_unit_test(peer_to_peer_an_interruption_aborts_the_sources_job),
        cmocka_unit_test(
            peer_to_peer_a_second_interruption_leaves_the_source_to_it),
        cmocka_unit_test(peer_to_peer_a_lost_source_leaves_the_outcome_open),
        cmocka_unit_test(lost_source_that_goes_on_is_waited_for),
        cmocka_unit_test(lost_destination_is_left_to_a_source_that_goes_on),
        cmocka_unit_test(peer_to_peer_a_lost_source_is_waited_for),
        cmocka_unit_test(migration_of_another_client_is_waited_for),
        cmocka_unit_test(source_that_can_not_be_attached_to_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
