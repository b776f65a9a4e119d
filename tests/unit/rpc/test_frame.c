/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "rpc/frame.h"

static void
a_frame_is_found_once_its_last_byte_is_there(void **state)
{
    AUTO_MESSAGE frame = golden("open_call");
    AUTO_ERROR err = {0};
    size_t size = 1;

    (void)state;
    for (size_t i = 0; i < frame.size; i++) {
        assert_int_equal(rpc_frame_find(frame.data, i, &size, &err), 0);
        assert_int_equal(size, 0);
    }
    assert_int_equal(rpc_frame_find(frame.data, frame.size, &size, &err), 0);
    assert_int_equal(size, 0x38);
}

static void
a_frame_shorter_than_its_header_is_refused(void **state)
{
    uint8_t data[4] = {0, 0, 0, 27};
    AUTO_ERROR err = {0};
    size_t size;

    (void)state;
    assert_int_equal(rpc_frame_find(data, sizeof(data), &size, &err), -1);
    assert_int_equal(err.code, ERROR_RPC);
    error_clear(&err);
    data[3] = 28;
    assert_int_equal(rpc_frame_find(data, sizeof(data), &size, &err), 0);
}

static void
a_frame_beyond_the_limit_is_refused_before_its_bytes_come(void **state)
{
    /* 33554436, which is allowed, and one more. */
    uint8_t data[4] = {2, 0, 0, 4};
    AUTO_ERROR err = {0};
    size_t size = 1;

    (void)state;
    assert_int_equal(rpc_frame_find(data, sizeof(data), &size, &err), 0);
    assert_int_equal(size, 0);
    data[3] = 5;
    assert_int_equal(rpc_frame_find(data, sizeof(data), &size, &err), -1);
    assert_int_equal(err.code, ERROR_RPC);
    error_clear(&err);
    memset(data, 0xff, sizeof(data));
    assert_int_equal(rpc_frame_find(data, sizeof(data), &size, &err), -1);
}

static void
a_header_is_read_as_captured(void **state)
{
    AUTO_MESSAGE frame = golden("create_with_files_call");
    struct rpc_header header;

    (void)state;
    rpc_header_parse(frame.data, &header);
    assert_int_equal(header.length, 0x44);
    assert_int_equal(header.length, frame.size);
    assert_int_equal(header.program, RPC_PROGRAM_REMOTE);
    assert_int_equal(header.version, RPC_VERSION);
    assert_int_equal(header.procedure, 310);
    assert_int_equal(header.type, RPC_CALL_WITH_FDS);
    assert_int_equal(header.serial, 8);
    assert_int_equal(header.status, RPC_OK);
}

static void
a_header_is_written_as_it_was_read(void **state)
{
    static const char *const names[] = {"auth_list_call",
                                        "lookup_by_name_reply",
                                        "keepalive_ping", "keepalive_pong"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        AUTO_MESSAGE frame = golden(names[i]);
        uint8_t copy[RPC_HEADER_SIZE];
        struct rpc_header header;

        rpc_header_parse(frame.data, &header);
        rpc_header_format(&header, copy);
        assert_memory_equal(copy, frame.data, sizeof(copy));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_found_once_its_last_byte_is_there),
        cmocka_unit_test(a_frame_shorter_than_its_header_is_refused),
        cmocka_unit_test(
            a_frame_beyond_the_limit_is_refused_before_its_bytes_come),
        cmocka_unit_test(a_header_is_read_as_captured),
        cmocka_unit_test(a_header_is_written_as_it_was_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
