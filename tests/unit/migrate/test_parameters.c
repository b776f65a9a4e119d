/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/parameters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/flags.h"

/* All that libvirt 9.0.0 knows, each once, disks twice. */
static void
fill(struct parameters *list)
{
    parameters_add_string(list, VIR_MIGRATE_PARAM_URI, "tcp:b:49152");
    parameters_add_string(list, VIR_MIGRATE_PARAM_DEST_NAME, "other");
    parameters_add_string(list, VIR_MIGRATE_PARAM_DEST_XML, "<domain/>");
    parameters_add_string(list, VIR_MIGRATE_PARAM_PERSIST_XML, "<domain/>");
    parameters_add_ullong(list, VIR_MIGRATE_PARAM_BANDWIDTH, 100);
    parameters_add_ullong(list, VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, 50);
    parameters_add_string(list, VIR_MIGRATE_PARAM_GRAPHICS_URI, "spice://b");
    parameters_add_string(list, VIR_MIGRATE_PARAM_LISTEN_ADDRESS, "10.0.0.2");
    parameters_add_string(list, VIR_MIGRATE_PARAM_MIGRATE_DISKS, "vda");
    parameters_add_string(list, VIR_MIGRATE_PARAM_MIGRATE_DISKS, "vdb");
    parameters_add_int(list, VIR_MIGRATE_PARAM_DISKS_PORT, 49300);
    parameters_add_string(list, VIR_MIGRATE_PARAM_DISKS_URI, "tcp://b:1");
    parameters_add_string(list, VIR_MIGRATE_PARAM_COMPRESSION, "xbzrle");
    parameters_add_int(list, VIR_MIGRATE_PARAM_COMPRESSION_MT_LEVEL, 1);
    parameters_add_int(list, VIR_MIGRATE_PARAM_COMPRESSION_MT_THREADS, 2);
    parameters_add_int(list, VIR_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS, 3);
    parameters_add_ullong(list, VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, 4);
    parameters_add_int(list, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, 20);
    parameters_add_int(list, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, 10);
    parameters_add_int(list, VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, 4);
    parameters_add_string(list, VIR_MIGRATE_PARAM_TLS_DESTINATION, "b");
}

static void
every_name_of_libvirts_is_read(void **state)
{
    AUTO_PARAMETERS list = {0};
    AUTO_MIGRATION_PARAMETERS read = {0};
    AUTO_ERROR err = {0};

    (void)state;
    fill(&list);
    assert_int_equal(migration_parameters_parse(&read, &list, &err), 0);
    assert_string_equal(read.migrate_uri, "tcp:b:49152");
    assert_string_equal(read.destination_name, "other");
    assert_true(read.has_bandwidth_mib);
    assert_int_equal(read.bandwidth_mib, 100);
    assert_int_equal(read.migrate_disks.count, 2);
    assert_string_equal(read.migrate_disks.items[1], "vdb");
    assert_int_equal(read.disks_port, 49300);
    assert_int_equal(read.compression_dthreads, 3);
    assert_int_equal(read.compression_xbzrle_cache, 4);
    assert_int_equal(read.auto_converge_increment, 10);
    assert_true(read.has_parallel_connections);
    assert_string_equal(read.tls_destination, "b");
}

static void
assert_unreadable(const struct parameters *list, enum error_code code,
                  const char *message)
{
    AUTO_MIGRATION_PARAMETERS read = {0};
    AUTO_ERROR err = {0};

    assert_int_equal(migration_parameters_parse(&read, list, &err), -1);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
    assert_int_equal(err.origin, ERROR_FROM_NONE);
    assert_null(read.migrate_uri);
}

static void
an_unknown_name_is_refused(void **state)
{
    AUTO_PARAMETERS list = {0};

    (void)state;
    parameters_add_string(&list, "migrate_uri", "tcp:b");
    parameters_add_int(&list, "compression.zlib.level", 1);
    assert_unreadable(&list, ERROR_ARGUMENT_UNSUPPORTED,
                      "parameter 'compression.zlib.level' not supported");
}

static void
a_wrong_type_is_refused_with_both_names(void **state)
{
    AUTO_PARAMETERS list = {0};

    (void)state;
    parameters_add_string(&list, "bandwidth", "100");
    assert_unreadable(&list, ERROR_INVALID_ARG,
                      "invalid type 'string' for parameter 'bandwidth', "
                      "expected 'ullong'");
}

static void
only_lists_may_be_repeated(void **state)
{
    AUTO_PARAMETERS strings = {0};
    AUTO_PARAMETERS numbers = {0};

    (void)state;
    parameters_add_string(&strings, "migrate_uri", "tcp:b");
    parameters_add_string(&strings, "migrate_uri", "tcp:c");
    assert_unreadable(&strings, ERROR_INVALID_ARG,
                      "parameter 'migrate_uri' occurs multiple times");
    parameters_add_ullong(&numbers, "bandwidth", 0);
    parameters_add_ullong(&numbers, "bandwidth", 0);
    assert_unreadable(&numbers, ERROR_INVALID_ARG,
                      "parameter 'bandwidth' occurs multiple times");
}

static void
plain_arguments_say_the_same(void **state)
{
    const struct migration_arguments arguments = {
        .dname = "other", .uri = NULL, .xml = "<domain/>", .resource_mib = 7};
    const struct migration_arguments none = {0};
    AUTO_MIGRATION_PARAMETERS read = {0};
    AUTO_MIGRATION_PARAMETERS empty = {0};

    (void)state;
    migration_parameters_from_arguments(&read, &arguments);
    assert_string_equal(read.destination_name, "other");
    assert_null(read.migrate_uri);
    assert_string_equal(read.destination_xml, "<domain/>");
    assert_true(read.has_bandwidth_mib);
    assert_int_equal(migration_parameters_bandwidth(&read), 7 << 20);
    migration_parameters_from_arguments(&empty, &none);
    assert_false(empty.has_bandwidth_mib);
    assert_int_equal(migration_parameters_bandwidth(&empty), 0);
}

static void
assert_bad(const struct migration_parameters *read, uint64_t flags,
           enum error_code code, const char *message)
{
    AUTO_ERROR err = {0};

    assert_int_equal(migration_parameters_check(read, flags, &err), -1);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
}

static void
what_tunes_a_feature_needs_it_on(void **state)
{
    const struct migration_parameters converge = {
        .auto_converge_initial = 20, .has_auto_converge_initial = true};
    const struct migration_parameters parallel = {
        .parallel_connections = 2, .has_parallel_connections = true};
    const struct migration_parameters postcopy = {
        .bandwidth_postcopy_mib = 2, .has_bandwidth_postcopy_mib = true};
    const struct migration_parameters disks = {.disks_uri = "tcp://b"};
    AUTO_ERROR err = {0};

    (void)state;
    assert_bad(&converge, VIR_MIGRATE_LIVE, ERROR_INVALID_ARG,
               "Turn auto convergence on to tune it");
    assert_int_equal(
        migration_parameters_check(&converge, VIR_MIGRATE_AUTO_CONVERGE, &err),
        0);
    assert_bad(&parallel, 0, ERROR_INVALID_ARG,
               "Turn parallel migration on to tune it");
    assert_bad(&postcopy, 0, ERROR_INVALID_ARG,
               "Turn post-copy migration on to tune it");
    assert_int_equal(migration_parameters_check(&disks, 0, &err), 0);
}

static void
values_out_of_bounds_are_refused(void **state)
{
    const struct migration_parameters fast = {
        .bandwidth_mib = UINT64_C(8796093022208), .has_bandwidth_mib = true};
    const struct migration_parameters slow = {
        .auto_converge_increment = 100, .has_auto_converge_increment = true};
    const struct migration_parameters address = {.listen_address = "0,to=1"};
    const struct migration_parameters port = {.disks_port = 65536,
                                              .has_disks_port = true};

    (void)state;
    assert_bad(&fast, 0, ERROR_OVERFLOW,
               "bandwidth must be less than 8796093022208");
    assert_bad(&slow, VIR_MIGRATE_AUTO_CONVERGE, ERROR_INVALID_ARG,
               "auto_converge.increment must be between 1 and 99, not 100");
    assert_bad(&address, 0, ERROR_INVALID_ARG,
               "listen_address '0,to=1' is not an address");
    assert_bad(&port, 0, ERROR_INVALID_ARG, "disks_port 65536 is not a port");
}

static void
a_copy_shares_nothing(void **state)
{
    AUTO_PARAMETERS list = {0};
    AUTO_MIGRATION_PARAMETERS read = {0};
    AUTO_MIGRATION_PARAMETERS copy = {0};
    AUTO_ERROR err = {0};

    (void)state;
    fill(&list);
    assert_int_equal(migration_parameters_parse(&read, &list, &err), 0);
    migration_parameters_copy(&copy, &read);
    migration_parameters_done(&read);
    assert_null(read.migrate_uri);
    assert_string_equal(copy.migrate_uri, "tcp:b:49152");
    assert_string_equal(copy.migrate_disks.items[0], "vda");
    assert_int_equal(copy.bandwidth_mib, 100);
}

static void
a_list_of_what_was_given_is_the_same_list(void **state)
{
    AUTO_PARAMETERS list = {0};
    AUTO_PARAMETERS again = {0};
    AUTO_MIGRATION_PARAMETERS parsed = {0};
    AUTO_ERROR err = {0};

    (void)state;
    parameters_add_string(&list, "migrate_uri", "tcp://a");
    parameters_add_ullong(&list, "bandwidth", 5);
    parameters_add_string(&list, "migrate_disks", "vda");
    parameters_add_string(&list, "migrate_disks", "vdb");
    parameters_add_int(&list, "disks_port", 0);
    assert_int_equal(migration_parameters_parse(&parsed, &list, &err), 0);
    migration_parameters_list(&parsed, &again);
    assert_int_equal(again.count, list.count);
    for (size_t i = 0; i < list.count; i++) {
        const struct parameter *item = &list.items[i];
        const struct parameter *copy = &again.items[i];

        assert_string_equal(copy->name, item->name);
        assert_int_equal(copy->type, item->type);
        if (item->type == PARAMETER_STRING) {
            assert_string_equal(copy->value.s, item->value.s);
        } else if (item->type == PARAMETER_ULLONG) {
            assert_int_equal(copy->value.ul, item->value.ul);
        }
    }
}

static void
the_destination_is_told_what_concerns_it(void **state)
{
    (void)state;
    assert_true(migration_parameter_is_told("migrate_uri"));
    assert_true(migration_parameter_is_told("listen_address"));
    assert_true(migration_parameter_is_told("bandwidth"));
    assert_false(migration_parameter_is_told("persistent_xml"));
    assert_false(migration_parameter_is_told("x"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_of_libvirts_is_read),
        cmocka_unit_test(an_unknown_name_is_refused),
        cmocka_unit_test(a_wrong_type_is_refused_with_both_names),
        cmocka_unit_test(only_lists_may_be_repeated),
        cmocka_unit_test(plain_arguments_say_the_same),
        cmocka_unit_test(what_tunes_a_feature_needs_it_on),
        cmocka_unit_test(values_out_of_bounds_are_refused),
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(a_list_of_what_was_given_is_the_same_list),
        cmocka_unit_test(the_destination_is_told_what_concerns_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
