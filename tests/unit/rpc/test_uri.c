/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/uri.h"

static struct rpc_uri
parsed(const char *text)
{
    struct rpc_uri uri = {0};
    AUTO_ERROR err = {0};

    if (rpc_uri_parse(text, &uri, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return uri;
}

static void
assert_refused(const char *text, enum error_code code, const char *part)
{
    struct rpc_uri uri = {0};
    AUTO_ERROR err = {0};

    assert_int_equal(rpc_uri_parse(text, &uri, &err), -1);
    assert_int_equal(err.code, code);
    if (!strstr(err.message, part) || !strstr(err.message, text)) {
        fail_msg("'%s' has no '%s'", err.message, part);
    }
    assert_null(uri.name);
}

static void
a_socket_can_be_chosen(void **state)
{
    AUTO_RPC_URI uri = parsed("qemu+unix:///system?socket=/tmp/a%20b/sock");

    (void)state;
    assert_int_equal(uri.transport, RPC_TRANSPORT_UNIX);
    assert_string_equal(uri.scheme, "qemu");
    assert_string_equal(uri.address.path, "/tmp/a b/sock");
    assert_string_equal(uri.name, "qemu:///system");
}

static void
without_a_socket_it_is_the_schemes_own(void **state)
{
    AUTO_RPC_URI libvirt = parsed("qemu:///system");
    AUTO_RPC_URI own = parsed("vmferry:///system");

    (void)state;
    assert_string_equal(libvirt.address.path, "/var/run/libvirt/libvirt-sock");
    assert_string_equal(own.address.path, "/run/vmferry/vmferry.sock");
    assert_string_equal(own.name, "vmferry:///system");
}

static void
tcp_has_a_host_and_a_default_port(void **state)
{
    AUTO_RPC_URI uri = parsed("qemu+tcp://host-b.example/system");
    AUTO_RPC_URI port = parsed("vmferry+tcp://10.0.0.1:4711/system");

    (void)state;
    assert_int_equal(uri.transport, RPC_TRANSPORT_TCP);
    assert_string_equal(uri.address.host, "host-b.example");
    assert_int_equal(uri.address.port, 16509);
    assert_null(uri.address.path);
    assert_string_equal(uri.name, "qemu:///system");
    assert_string_equal(port.address.host, "10.0.0.1");
    assert_int_equal(port.address.port, 4711);
    assert_string_equal(port.name, "vmferry:///system");
}

static void
ipv6_addresses_stand_in_brackets(void **state)
{
    AUTO_RPC_URI uri = parsed("qemu+tcp://[fe80::1%25eth0]:99/system");
    AUTO_RPC_URI plain = parsed("qemu+tcp://[::1]/system");

    (void)state;
    assert_string_equal(uri.address.host, "fe80::1%eth0");
    assert_int_equal(uri.address.port, 99);
    assert_string_equal(plain.address.host, "::1");
    assert_int_equal(plain.address.port, 16509);
}

static void
the_daemon_sees_only_parameters_that_are_not_the_clients(void **state)
{
    AUTO_RPC_URI uri = parsed(
        "qemu+unix:///system?a=%26&mode=legacy&socket=/s&&no_verify=1;b=2");
    AUTO_RPC_URI name = parsed("qemu+tcp://h/x?a=1&name=qemu:///other");

    (void)state;
    assert_string_equal(uri.name, "qemu:///system?a=%26&b=2");
    assert_string_equal(uri.address.path, "/s");
    assert_string_equal(name.name, "qemu:///other");
}

static void
what_is_no_uri_is_refused_with_a_reason(void **state)
{
    (void)state;
    assert_refused("", ERROR_INVALID_ARG, "no '://'");
    assert_refused("qemu:/system", ERROR_INVALID_ARG, "no '://'");
    assert_refused("://x", ERROR_INVALID_ARG, "scheme");
    assert_refused("Qe_mu:///x", ERROR_INVALID_ARG, "scheme");
    assert_refused("qemu+tcp://h h/x", ERROR_INVALID_ARG, "blanks");
    assert_refused("qemu+tcp://h/x#y", ERROR_INVALID_ARG, "fragment");
    assert_refused("qemu+tcp://h\n/x", ERROR_INVALID_ARG, "control");
    assert_refused("qemu+foo:///system", ERROR_INVALID_ARG, "'foo'");
    assert_refused("qemu+:///system", ERROR_INVALID_ARG, "transport");
}

static void
transports_that_we_lack_are_named(void **state)
{
    (void)state;
    assert_refused("qemu+tls://h/system", ERROR_NO_SUPPORT, "'tls'");
    assert_refused("qemu+ssh://h/system", ERROR_NO_SUPPORT, "'ssh'");
    assert_refused("qemu://h/system", ERROR_NO_SUPPORT, "qemu+tcp://");
}

static void
wrong_ports_and_hosts_are_refused(void **state)
{
    (void)state;
    assert_refused("qemu+tcp://h:0/x", ERROR_INVALID_ARG, "port");
    assert_refused("qemu+tcp://h:65536/x", ERROR_INVALID_ARG, "port");
    assert_refused("qemu+tcp://h:/x", ERROR_INVALID_ARG, "port");
    assert_refused("qemu+tcp://h:1x/x", ERROR_INVALID_ARG, "port");
    assert_refused("qemu+tcp://::1/x", ERROR_INVALID_ARG, "port");
    assert_refused("qemu+tcp://[::1/x", ERROR_INVALID_ARG, "']'");
    assert_refused("qemu+tcp://[h]/x", ERROR_INVALID_ARG, "IPv6");
    assert_refused("qemu+tcp://[::1]9/x", ERROR_INVALID_ARG, "'9'");
    assert_refused("qemu+tcp://me@h/x", ERROR_INVALID_ARG, "user");
    assert_refused("qemu+tcp://h%zz/x", ERROR_INVALID_ARG, "percent");
    assert_refused("qemu+unix://h/x", ERROR_INVALID_ARG, "host");
}

static void
wrong_sockets_and_percent_signs_are_refused(void **state)
{
    (void)state;
    assert_refused("qemu+unix:///x?socket=sock", ERROR_INVALID_ARG, "absolute");
    assert_refused("qemu+unix:///x?socket", ERROR_INVALID_ARG, "absolute");
    assert_refused("qemu+tcp://h/x?socket=/s", ERROR_INVALID_ARG, "TCP");
    assert_refused("qemu+unix:///x?socket=/a%0", ERROR_INVALID_ARG, "percent");
    assert_refused("qemu+unix:///x?socket=/a%", ERROR_INVALID_ARG, "percent");
    assert_refused("qemu+unix:///x?socket=/%00", ERROR_INVALID_ARG, "percent");
    assert_refused("qemu+unix:///%xx?socket=/s", ERROR_INVALID_ARG, "path");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_can_be_chosen),
        cmocka_unit_test(without_a_socket_it_is_the_schemes_own),
        cmocka_unit_test(tcp_has_a_host_and_a_default_port),
        cmocka_unit_test(ipv6_addresses_stand_in_brackets),
        cmocka_unit_test(
            the_daemon_sees_only_parameters_that_are_not_the_clients),
        cmocka_unit_test(what_is_no_uri_is_refused_with_a_reason),
        cmocka_unit_test(transports_that_we_lack_are_named),
        cmocka_unit_test(wrong_ports_and_hosts_are_refused),
        cmocka_unit_test(wrong_sockets_and_percent_signs_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
