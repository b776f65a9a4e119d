/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/session.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "fixture.h"

static void
greeting_is_answered_with_oob_where_it_is_offered(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    say(f, greeting);
    assert_string_equal(hear(f), "{\"execute\":\"qmp_capabilities\","
                                 "\"arguments\":{\"enable\":[\"oob\"]},"
                                 "\"id\":1}\n");
    assert_int_equal(f->ready_count, 0);
    say(f, "{\"return\":{},\"id\":1}");
    run_until(f, &f->ready_count, 1);
    assert_true(qmp_session_is_ready(f->session));
    assert_true(qmp_session_has_oob(f->session));
    assert_int_equal(qmp_session_version(f->session).major, 7);
    assert_int_equal(qmp_session_version(f->session).minor, 2);
    assert_int_equal(qmp_session_version(f->session).micro, 22);
    assert_string_equal(qmp_session_version(f->session).package, "Debian");
    fixture_free(f);
}

static void
oob_is_not_asked_for_where_it_is_not_offered(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    say(f, "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":1,"
           "\"major\":9},\"package\":\"\"},\"capabilities\":[]}}");
    assert_string_equal(hear(f), "{\"execute\":\"qmp_capabilities\","
                                 "\"arguments\":{\"enable\":[]},"
                                 "\"id\":1}\n");
    say(f, "{\"return\":{},\"id\":1}");
    run_until(f, &f->ready_count, 1);
    qmp_execute_oob(f->session, "migrate-pause", NULL, NULL, NULL);
    assert_string_equal(hear(f), "{\"execute\":\"migrate-pause\",\"id\":2}\n");
    fixture_free(f);
}

static void
out_of_band_commands_say_so(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_execute_oob(f->session, "migrate-pause", NULL, command_done, f);
    assert_string_equal(hear(f), "{\"exec-oob\":\"migrate-pause\",\"id\":2}\n");
    fixture_free(f);
}

static void
commands_before_ready_are_sent_afterwards_in_order(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    qmp_execute(f->session, "one", NULL, command_done, f);
    qmp_execute(f->session, "two", NULL, command_done, f);
    say(f, greeting);
    assert_null(strstr(hear(f), "one"));
    say(f, "{\"return\":{},\"id\":1}");
    assert_string_equal(hear(f), "{\"execute\":\"one\",\"id\":2}\n"
                                 "{\"execute\":\"two\",\"id\":3}\n");
    fixture_free(f);
}

static void
replies_find_their_command_by_id_in_any_order(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_execute(f->session, "one", NULL, command_done, f);
    qmp_execute(f->session, "two", NULL, command_done, f);
    assert_int_equal(qmp_session_pending(f->session), 2);
    say(f, "{\"return\":\"second\",\"id\":3}");
    run_until(f, &f->done_count, 1);
    assert_string_equal(f->last_result, "\"second\"");
    say(f, "{\"id\":2,\"return\":[1]}");
    run_until(f, &f->done_count, 2);
    assert_string_equal(f->last_result, "[1]");
    assert_int_equal(qmp_session_pending(f->session), 0);
    fixture_free(f);
}

static void
event_before_the_reply_of_its_command_comes_first(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_execute(f->session, "stop", NULL, command_done, f);
    say(f, "{\"timestamp\":{\"seconds\":1,\"microseconds\":2},"
           "\"event\":\"STOP\"}");
    say(f, "{\"return\":{},\"id\":2}");
    run_until(f, &f->done_count, 1);
    assert_string_equal(f->order, "ed");
    assert_int_equal(f->last_event, QMP_EVENT_STOP);
    fixture_free(f);
}

static void
unknown_event_is_passed_on(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    say(f, "{\"event\":\"FROM_THE_FUTURE\",\"data\":{\"x\":[]}}");
    run_until(f, &f->event_count, 1);
    assert_int_equal(f->last_event, QMP_EVENT_UNKNOWN);
    assert_int_equal(f->closed_count, 0);
    fixture_free(f);
}

static void
line_in_many_pieces_is_one_line(void **state)
{
    struct fixture *f = fixture_new_ready();
    static const char line[] = "{\"return\":{\"a\":1},\"id\":2}\n";

    (void)state;
    qmp_execute(f->session, "x", NULL, command_done, f);
    for (size_t i = 0; i < sizeof(line) - 1; i++) {
        assert_int_equal(f->done_count, 0);
        say_bytes(f, line + i, 1);
        settle(f);
    }
    assert_int_equal(f->done_count, 1);
    assert_string_equal(f->last_result, "{\"a\":1}");
    fixture_free(f);
}

static void
refusal_fails_its_command_alone(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_execute(f->session, "cont", NULL, command_done, f);
    qmp_execute(f->session, "stop", NULL, command_done, f);
    say(f, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no lock\"},"
           "\"id\":2}");
    run_until(f, &f->done_count, 1);
    assert_int_equal(f->failed.code, ERROR_INTERNAL);
    assert_string_equal(f->failed.message,
                        "unable to execute QEMU command 'cont': no lock");
    say(f, "{\"return\":{},\"id\":3}");
    run_until(f, &f->done_count, 2);
    assert_string_equal(f->last_result, "{}");
    fixture_free(f);
}

static void
command_that_qemu_does_not_know_is_unsupported(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_execute(f->session, "x", NULL, command_done, f);
    say(f, "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"no\"},"
           "\"id\":2}");
    run_until(f, &f->done_count, 1);
    assert_int_equal(f->failed.code, ERROR_OPERATION_UNSUPPORTED);
    fixture_free(f);
}

/* A line that makes the stream worthless, and what the error says of it. */
struct rubbish {
    const char *line;
    const char *complaint;
};

static void
rubbish_closes_the_connection_and_fails_what_is_pending(void **state)
{
    static const struct rubbish lines[] = {
        {"hello",                                                 "not a JSON object"             },
        {"{\"return\":{},\"id\":2",                               "not a JSON object"             },
        {"{\"return\":{},\"id\":2} {}",                           "not a JSON object"             },
        {"[]",                                                    "not a JSON object"             },
        {"null",                                                  "not a JSON object"             },
        {"{\"return\":\"\xff\xfe\",\"id\":2}",                    "not a JSON object"             },
        {"{\"return\":{}}",                                       "not asked"                     },
        {"{\"return\":{},\"id\":4711}",                           "not asked"                     },
        {"{\"return\":{},\"id\":\"2\"}",                          "not asked"                     },
        {"{\"return\":{},\"id\":2.0}",                            "not asked"                     },
        {"{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON parse "
         "error\"}}",                                    "not asked"                     },
        {"{\"id\":2}",                                            "neither reply nor event"       },
        {"{\"return\":{},\"error\":{},\"id\":2}",                 "neither reply nor event"       },
        {"{\"error\":\"bad\",\"id\":2}",                          "it is not an object but string"},
        {"{\"error\":{\"class\":\"GenericError\"},\"id\":2}",
         "it has no 'desc'"                                                                       },
        {"{\"error\":{\"class\":1,\"desc\":\"\"},\"id\":2}",
         "'class' is not string but int"                                                          },
        {"{\"event\":7}",                                         "'event' is not string but int" },
        {"{\"event\":\"MIGRATION\"}",                             "it is not an object but null"  },
        {"{\"event\":\"MIGRATION\",\"data\":{}}",                 "it has no 'status'"            },
        {"{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":\"yes\"}}",
         "'guest' is not boolean but string"                                                      },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        struct fixture *f = fixture_new_ready();
        char byte;

        qmp_execute(f->session, "x", NULL, command_done, f);
        hear(f);
        say(f, lines[i].line);
        run_until(f, &f->closed_count, 1);
        assert_string_equal(f->order, "dc");
        assert_int_equal(f->failed.code, ERROR_PEER_LOST);
        assert_int_equal(f->why.code, ERROR_INTERNAL);
        if (!strstr(f->why.message, lines[i].complaint)) {
            fail_msg("%s: %s", lines[i].line, f->why.message);
        }
        assert_int_equal(recv(f->peer, &byte, 1, MSG_DONTWAIT), 0);
        fixture_free(f);
    }
}

static void
greeting_that_makes_no_sense_closes_the_connection(void **state)
{
    static const struct rubbish lines[] = {
        {"{\"return\":{},\"id\":1}",                                       "it has no 'QMP'"                     },
        {"{\"event\":\"STOP\"}",                                           "it has no 'QMP'"                     },
        {"{\"QMP\":{}}",                                                   "it has no 'version'"                 },
        {"{\"QMP\":{\"version\":{\"qemu\":{\"micro\":\"1\",\"minor\":2,"
         "\"major\":7},\"package\":\"\"},\"capabilities\":[]}}",  "'micro' is not int but string"       },
        {"{\"QMP\":{\"version\":{\"qemu\":{\"micro\":1,\"minor\":2,"
         "\"major\":-7},\"package\":\"\"},\"capabilities\":[]}}", "'major' is out of bounds: -7"        },
        {"{\"QMP\":{\"version\":{\"qemu\":{\"micro\":1,\"minor\":2,"
         "\"major\":7},\"package\":\"\"},\"capabilities\":[1]}}", "'capabilities' is not string but int"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        struct fixture *f = fixture_new();

        say(f, lines[i].line);
        run_until(f, &f->closed_count, 1);
        if (!strstr(f->why.message, lines[i].complaint)) {
            fail_msg("%s: %s", lines[i].line, f->why.message);
        }
        assert_string_equal(hear(f), "");
        fixture_free(f);
    }
}

static void
refused_negotiation_closes_the_connection(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    say(f, greeting);
    settle(f);
    say(f, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},"
           "\"id\":1}");
    run_until(f, &f->closed_count, 1);
    assert_int_equal(f->ready_count, 0);
    fixture_free(f);
}

static void
endless_line_closes_the_connection(void **state)
{
    struct fixture *f = fixture_new_ready();
    const size_t size = QMP_LINE_LIMIT + 1;
    AUTO_FREE char *line = xcalloc(size, 1);

    (void)state;
    memset(line, ' ', size);
    say_bytes(f, line, size);
    run_until(f, &f->closed_count, 1);
    assert_non_null(strstr(f->why.message, "more than 16777216 bytes"));
    fixture_free(f);
}

static void
line_of_a_megabyte_is_a_line(void **state)
{
    struct fixture *f = fixture_new_ready();
    const size_t size = 1024 * 1024;
    AUTO_FREE char *line = xcalloc(size, 1);

    (void)state;
    memset(line, ' ', size);
    qmp_execute(f->session, "x", NULL, command_done, f);
    say_bytes(f, line, size);
    say(f, "{\"return\":{},\"id\":2}");
    run_until(f, &f->done_count, 1);
    assert_string_equal(f->last_result, "{}");
    fixture_free(f);
}

static void
deep_nesting_closes_the_connection(void **state)
{
    struct fixture *f = fixture_new_ready();
    enum { DEPTH = 100000 };
    AUTO_FREE char *line = xcalloc(DEPTH + 1, 1);

    (void)state;
    memset(line, '[', DEPTH);
    say(f, line);
    run_until(f, &f->closed_count, 1);
    assert_non_null(strstr(f->why.message, "nesting too deep"));
    fixture_free(f);
}

static void
missing_greeting_closes_after_the_deadline(void **state)
{
    static const struct qmp_callbacks nothing = {0};
    struct fixture *f = fixture_new();
    struct qmp_session *other;
    int ends[2];

    (void)state;
    qmp_session_free(f->session);
    f->session = NULL;
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    other = qmp_session_new(f->loop, ends[0], 1, &nothing, NULL);
    qmp_execute(other, "x", NULL, command_done, f);
    run_until(f, &f->done_count, 1);
    assert_int_equal(f->failed.code, ERROR_PEER_LOST);
    assert_non_null(strstr(f->failed.message, "no greeting in time"));
    qmp_session_free(other);
    close(ends[1]);
    fixture_free(f);
}

static void
silence_is_no_silence_while_nothing_is_asked(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_session_set_silence_limit(f->session, 1);
    pass_time(f, 3);
    assert_int_equal(f->silences, 0);
    assert_int_equal(qmp_session_waiting_ms(f->session), -1);
    fixture_free(f);
}

static void
silence_fails_what_was_asked_and_what_is_asked_meanwhile(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_session_set_silence_limit(f->session, 1);
    qmp_execute(f->session, "x", NULL, command_done, f);
    hear(f);
    run_until(f, &f->done_count, 1);
    assert_int_equal(f->failed.code, ERROR_OPERATION_TIMEOUT);
    assert_int_equal(f->silences, 1);
    assert_true(qmp_session_waiting_ms(f->session) >= 1);
    qmp_execute(f->session, "y", NULL, command_done, f);
    assert_int_equal(f->done_count, 1);
    run_until(f, &f->done_count, 2);
    assert_int_equal(f->failed.code, ERROR_OPERATION_TIMEOUT);
    assert_int_equal(f->closed_count, 0);
    fixture_free(f);
}

static void
monitor_that_speaks_again_is_used_again(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_session_set_silence_limit(f->session, 1);
    qmp_execute(f->session, "x", NULL, command_done, f);
    hear(f);
    run_until(f, &f->done_count, 1);
    qmp_session_set_silence_limit(f->session, 0);
    /* The reply that nobody waits for any more. */
    say(f, "{\"return\":{},\"id\":2}");
    run_until(f, &f->speeches, 1);
    assert_int_equal(f->done_count, 1);
    qmp_execute(f->session, "y", NULL, command_done, f);
    hear(f);
    say(f, "{\"return\":{},\"id\":3}");
    run_until(f, &f->done_count, 2);
    assert_string_equal(f->last_result, "{}");
    fixture_free(f);
}

static void
who_is_patient_waits_through_a_silence(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_session_set_silence_limit(f->session, 1);
    qmp_session_set_patient(f->session, f);
    qmp_execute(f->session, "x", NULL, command_done, f);
    hear(f);
    run_until(f, &f->silences, 1);
    qmp_execute(f->session, "y", NULL, command_done, f);
    hear(f);
    pass_time(f, 3);
    assert_int_equal(f->done_count, 0);
    say(f, "{\"return\":{},\"id\":2}");
    say(f, "{\"return\":{},\"id\":3}");
    run_until(f, &f->done_count, 2);
    assert_int_equal(f->failed.code, ERROR_NONE);
    fixture_free(f);
}

static void
end_of_qemu_fails_what_is_pending_and_what_comes_later(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_execute(f->session, "x", NULL, command_done, f);
    hear(f);
    close(f->peer);
    f->peer = -1;
    run_until(f, &f->closed_count, 1);
    assert_string_equal(f->order, "dc");
    assert_int_equal(f->why.code, ERROR_PEER_LOST);
    qmp_execute(f->session, "y", NULL, command_done, f);
    assert_int_equal(f->done_count, 1);
    run_until(f, &f->done_count, 2);
    assert_int_equal(f->failed.code, ERROR_PEER_LOST);
    assert_int_equal(f->closed_count, 1);
    fixture_free(f);
}

static void
reply_that_came_before_the_end_is_heard(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    qmp_execute(f->session, "quit", NULL, command_done, f);
    hear(f);
    say(f, "{\"return\":{},\"id\":2}");
    close(f->peer);
    f->peer = -1;
    run_until(f, &f->closed_count, 1);
    assert_string_equal(f->order, "dc");
    assert_false(error_is_set(&f->failed));
    fixture_free(f);
}

static void
asking_again_for_ever_does_not_hold_up_the_loop(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    f->asks_again_when_failed = true;
    qmp_execute(f->session, "x", NULL, command_done, f);
    hear(f);
    close(f->peer);
    f->peer = -1;
    run_until(f, &f->closed_count, 1);
    run_until(f, &f->done_count, 3);
    f->asks_again_when_failed = false;
    fixture_free(f);
}

static void
freeing_inside_of_a_callback_ends_all_callbacks(void **state)
{
    struct fixture *f = fixture_new_ready();

    (void)state;
    f->frees_on_event = true;
    say(f, "{\"event\":\"STOP\"}\n{\"event\":\"RESUME\"}");
    run_until(f, &f->event_count, 1);
    settle(f);
    assert_string_equal(f->order, "e");
    fixture_free(f);

    f = fixture_new_ready();
    f->frees_on_done = true;
    qmp_execute(f->session, "x", NULL, command_done, f);
    qmp_execute(f->session, "y", NULL, command_done, f);
    say(f, "{\"return\":{},\"id\":2}\n{\"return\":{},\"id\":3}");
    run_until(f, &f->done_count, 1);
    settle(f);
    assert_string_equal(f->order, "d");
    fixture_free(f);

    f = fixture_new_ready();
    f->frees_on_done = true;
    qmp_execute(f->session, "x", NULL, command_done, f);
    qmp_execute(f->session, "y", NULL, command_done, f);
    say(f, "rubbish");
    run_until(f, &f->done_count, 1);
    settle(f);
    assert_string_equal(f->order, "d");
    fixture_free(f);

    f = fixture_new_ready();
    f->frees_on_closed = true;
    say(f, "rubbish");
    run_until(f, &f->closed_count, 1);
    fixture_free(f);
}

static void
forgotten_commands_are_answered_to_nobody(void **state)
{
    struct fixture *f = fixture_new_ready();
    int other;

    (void)state;
    qmp_execute(f->session, "x", NULL, command_done, &other);
    qmp_execute(f->session, "y", NULL, command_done, f);
    qmp_forget(f->session, &other);
    say(f, "{\"return\":1,\"id\":2}\n{\"return\":2,\"id\":3}");
    run_until(f, &f->done_count, 1);
    assert_string_equal(f->last_result, "2");
    fixture_free(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greeting_is_answered_with_oob_where_it_is_offered),
        cmocka_unit_test(oob_is_not_asked_for_where_it_is_not_offered),
        cmocka_unit_test(out_of_band_commands_say_so),
        cmocka_unit_test(commands_before_ready_are_sent_afterwards_in_order),
        cmocka_unit_test(replies_find_their_command_by_id_in_any_order),
        cmocka_unit_test(event_before_the_reply_of_its_command_comes_first),
        cmocka_unit_test(unknown_event_is_passed_on),
        cmocka_unit_test(line_in_many_pieces_is_one_line),
        cmocka_unit_test(refusal_fails_its_command_alone),
        cmocka_unit_test(command_that_qemu_does_not_know_is_unsupported),
        cmocka_unit_test(
            rubbish_closes_the_connection_and_fails_what_is_pending),
        cmocka_unit_test(greeting_that_makes_no_sense_closes_the_connection),
        cmocka_unit_test(refused_negotiation_closes_the_connection),
        cmocka_unit_test(endless_line_closes_the_connection),
        cmocka_unit_test(line_of_a_megabyte_is_a_line),
        cmocka_unit_test(deep_nesting_closes_the_connection),
        cmocka_unit_test(missing_greeting_closes_after_the_deadline),
        cmocka_unit_test(silence_is_no_silence_while_nothing_is_asked),
        cmocka_unit_test(
            silence_fails_what_was_asked_and_what_is_asked_meanwhile),
        cmocka_unit_test(monitor_that_speaks_again_is_used_again),
        cmocka_unit_test(who_is_patient_waits_through_a_silence),
        cmocka_unit_test(
            end_of_qemu_fails_what_is_pending_and_what_comes_later),
        cmocka_unit_test(reply_that_came_before_the_end_is_heard),
        cmocka_unit_test(asking_again_for_ever_does_not_hold_up_the_loop),
        cmocka_unit_test(freeing_inside_of_a_callback_ends_all_callbacks),
        cmocka_unit_test(forgotten_commands_are_answered_to_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
