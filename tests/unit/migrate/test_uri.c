/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/memory.h"

static void
assert_parsed(const char *text, const char *host, uint16_t port)
{
    AUTO_MIGRATION_URI uri = {0};
    AUTO_FREE char *again = NULL;
    AUTO_ERROR err = {0};

    assert_int_equal(migration_uri_parse(text, &uri, &err), 0);
    assert_int_equal(uri.transport, MIGRATION_TRANSPORT_TCP);
    assert_string_equal(uri.host, host);
    assert_int_equal(uri.port, port);
    again = migration_uri_format(&uri);
    assert_string_equal(again, text);
}

static void
both_forms_of_tcp_are_read_and_kept(void **state)
{
    (void)state;
    assert_parsed("tcp:host-b", "host-b", 0);
    assert_parsed("tcp:host-b:49152", "host-b", 49152);
    assert_parsed("tcp://host-b", "host-b", 0);
    assert_parsed("tcp://10.0.0.2:49152", "10.0.0.2", 49152);
    assert_parsed("tcp:[fe80::1%eth0]:49152", "fe80::1%eth0", 49152);
    assert_parsed("tcp://[::1]", "::1", 0);
}

static void
a_socket_is_a_path(void **state)
{
    AUTO_MIGRATION_URI uri = {0};
    AUTO_FREE char *text = NULL;
    AUTO_FREE char *listen = NULL;
    AUTO_FREE char *connect = NULL;
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(migration_uri_parse("unix:///run/x.sock", &uri, &err), 0);
    assert_int_equal(uri.transport, MIGRATION_TRANSPORT_UNIX);
    assert_string_equal(uri.path, "/run/x.sock");
    text = migration_uri_format(&uri);
    assert_string_equal(text, "unix:///run/x.sock");
    listen = migration_uri_listen(&uri, 1, "ignored", true);
    assert_string_equal(listen, "unix:/run/x.sock");
    connect = migration_uri_connect(&uri);
    assert_string_equal(connect, "unix:/run/x.sock");
}

static void
what_is_wrong_is_refused_with_libvirts_code(void **state)
{
    static const struct {
        const char *text;
        enum error_code code;
        const char *message;
    } cases[] = {
        {"host-b",       ERROR_INVALID_ARG,
         "missing scheme in migration URI: host-b"                                          },
        {"",             ERROR_INVALID_ARG,          "missing scheme in migration URI: "    },
        {"10.0.0.2:1",   ERROR_INVALID_ARG,
         "missing scheme in migration URI: 10.0.0.2:1"                                      },
        {"ssh:host",     ERROR_ARGUMENT_UNSUPPORTED,
         "unsupported scheme ssh in migration URI ssh:host"                                 },
        {"rdma://host",  ERROR_ARGUMENT_UNSUPPORTED,
         "unsupported scheme rdma in migration URI rdma://host"                             },
        {"tcp:",         ERROR_INVALID_ARG,          "missing host in migration URI: tcp:"  },
        {"tcp://:5",     ERROR_INVALID_ARG,
         "missing host in migration URI: tcp://:5"                                          },
        {"tcp:h:65536",  ERROR_INVALID_ARG,
         "invalid port in migration URI: tcp:h:65536"                                       },
        {"tcp:h:",       ERROR_INVALID_ARG,          "invalid port in migration URI: tcp:h:"},
        {"tcp:h:-1",     ERROR_INVALID_ARG,
         "invalid port in migration URI: tcp:h:-1"                                          },
        {"tcp:[::1",     ERROR_INVALID_ARG,          "unable to parse URI: tcp:[::1"        },
        {"tcp:h,to=9:5", ERROR_INVALID_ARG,
         "unable to parse URI: tcp:h,to=9:5"                                                },
        {"tcp://h:5/x",  ERROR_INVALID_ARG,          "unable to parse URI: tcp://h:5/x"     },
        {"unix:x",       ERROR_INVALID_ARG,
         "missing socket path in migration URI: unix:x"                                     },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO_MIGRATION_URI uri = {0};
        AUTO_ERROR err = {0};

        assert_int_equal(migration_uri_parse(cases[i].text, &uri, &err), -1);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.code, cases[i].code);
        assert_null(uri.host);
    }
}

static void
prepare_answers_in_the_old_form(void **state)
{
    AUTO_MIGRATION_URI name = {0};
    AUTO_MIGRATION_URI address = {0};
    AUTO_FREE char *text = NULL;
    AUTO_FREE char *bracketed = NULL;
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(migration_uri_for_host("b.example", 49152, &name, &err),
                     0);
    text = migration_uri_format(&name);
    assert_string_equal(text, "tcp:b.example:49152");
    assert_int_equal(migration_uri_for_host("fe80::1", 49152, &address, &err),
                     0);
    bracketed = migration_uri_format(&address);
    assert_string_equal(bracketed, "tcp:[fe80::1]:49152");
}

static void
a_host_that_only_knows_itself_is_no_destination(void **state)
{
    AUTO_MIGRATION_URI uri = {0};
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(
        migration_uri_for_host("localhost.localdomain", 1, &uri, &err), -1);
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_string_equal(err.message,
                        "hostname on destination resolved to localhost, but "
                        "migration requires an FQDN");
}

static void
assert_listens(const char *address, bool has_ipv6, const char *expected)
{
    AUTO_MIGRATION_URI uri = {0};
    AUTO_FREE char *text = NULL;
    AUTO_ERROR err = {0};

    assert_int_equal(migration_uri_parse("tcp:b", &uri, &err), 0);
    text = migration_uri_listen(&uri, 49160, address, has_ipv6);
    assert_string_equal(text, expected);
}

static void
qemu_listens_everywhere_unless_told(void **state)
{
    (void)state;
    assert_listens(NULL, true, "tcp:[::]:49160");
    assert_listens(NULL, false, "tcp:0.0.0.0:49160");
    assert_listens("10.0.0.2", true, "tcp:10.0.0.2:49160");
    assert_listens("fe80::1", false, "tcp:[fe80::1]:49160");
}

static void
the_source_connects_without_slashes(void **state)
{
    AUTO_MIGRATION_URI uri = {0};
    AUTO_FREE char *text = NULL;
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(migration_uri_parse("tcp://[::1]:5/", &uri, &err), 0);
    text = migration_uri_connect(&uri);
    assert_string_equal(text, "tcp:[::1]:5");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_of_tcp_are_read_and_kept),
        cmocka_unit_test(a_socket_is_a_path),
        cmocka_unit_test(what_is_wrong_is_refused_with_libvirts_code),
        cmocka_unit_test(prepare_answers_in_the_old_form),
        cmocka_unit_test(a_host_that_only_knows_itself_is_no_destination),
        cmocka_unit_test(qemu_listens_everywhere_unless_told),
        cmocka_unit_test(the_source_connects_without_slashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
