/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/memory.h"

static void
assert_refused(uint64_t flags, enum error_code code, const char *message)
{
    AUTO_ERROR err = {0};

    assert_int_equal(
        migration_flags_check(flags, "qemuDomainMigrateBegin3Params", &err),
        -1);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
    assert_int_equal(err.origin, ERROR_FROM_QEMU);
}

static void
what_this_version_can_do_is_accepted(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    assert_int_equal(migration_flags_check(
                         VIR_MIGRATE_LIVE | VIR_MIGRATE_PERSIST_DEST |
                             VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_PAUSED |
                             VIR_MIGRATE_CHANGE_PROTECTION |
                             VIR_MIGRATE_UNSAFE | VIR_MIGRATE_ABORT_ON_ERROR |
                             VIR_MIGRATE_AUTO_CONVERGE,
                         "f", &err),
                     0);
    assert_int_equal(migration_flags_check(0, "f", &err), 0);
    assert_false(error_is_set(&err));
}

static void
unknown_bits_are_named_with_the_function(void **state)
{
    (void)state;
    assert_refused(0x200001, ERROR_INVALID_FLAGS,
                   "unsupported flags (0x200000) in function "
                   "qemuDomainMigrateBegin3Params");
    assert_refused(UINT64_C(1) << 63, ERROR_INVALID_FLAGS,
                   "unsupported flags (0x8000000000000000) in function "
                   "qemuDomainMigrateBegin3Params");
}

static void
what_does_not_go_together_is_refused_with_libvirts_text(void **state)
{
    (void)state;
    assert_refused(VIR_MIGRATE_TUNNELLED, ERROR_OPERATION_INVALID,
                   "cannot perform tunnelled migration without using "
                   "peer2peer flag");
    assert_refused(VIR_MIGRATE_POSTCOPY, ERROR_ARGUMENT_UNSUPPORTED,
                   "post-copy migration is not supported with non-live or "
                   "paused migration");
    assert_refused(VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_LIVE | VIR_MIGRATE_PAUSED,
                   ERROR_ARGUMENT_UNSUPPORTED,
                   "post-copy migration is not supported with non-live or "
                   "paused migration");
    assert_refused(VIR_MIGRATE_OFFLINE, ERROR_OPERATION_INVALID,
                   "offline migration must be specified with the persistent "
                   "flag set");
    assert_refused(VIR_MIGRATE_OFFLINE | VIR_MIGRATE_PERSIST_DEST |
                       VIR_MIGRATE_NON_SHARED_INC,
                   ERROR_OPERATION_INVALID,
                   "offline migration cannot handle non-shared storage");
    assert_refused(VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC,
                   ERROR_INVALID_ARG,
                   "flags 'VIR_MIGRATE_NON_SHARED_DISK' and "
                   "'VIR_MIGRATE_NON_SHARED_INC' in function "
                   "'qemuDomainMigrateBegin3Params' are mutually exclusive");
    assert_refused(VIR_MIGRATE_POSTCOPY_RESUME, ERROR_INVALID_ARG,
                   "flag 'VIR_MIGRATE_POSTCOPY' is required by flag "
                   "'VIR_MIGRATE_POSTCOPY_RESUME' in function "
                   "'qemuDomainMigrateBegin3Params'");
}

static void
what_this_version_cannot_do_is_named(void **state)
{
    static const uint64_t bits[] = {
        VIR_MIGRATE_NON_SHARED_DISK, VIR_MIGRATE_COMPRESSED,
        VIR_MIGRATE_RDMA_PIN_ALL,    VIR_MIGRATE_TLS,
        VIR_MIGRATE_PARALLEL,        VIR_MIGRATE_NON_SHARED_INC};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bits); i++) {
        AUTO_FREE char *message =
            xasprintf("migration with %s is not supported yet",
                      migration_flag_name(bits[i]));

        assert_refused(bits[i], ERROR_OPERATION_UNSUPPORTED, message);
    }
}

static void
the_destination_is_not_told_what_concerns_the_source_only(void **state)
{
    (void)state;
    assert_int_equal(migration_flags_for_destination(0x3fffff),
                     0x3fcfff - 0x100);
    assert_int_equal(migration_flags_for_source(0x1, true), 0x101);
    assert_int_equal(migration_flags_for_source(0x1, false), 0x1);
}

static void
flags_have_libvirts_names(void **state)
{
    (void)state;
    assert_string_equal(migration_flag_name(0x1), "VIR_MIGRATE_LIVE");
    assert_string_equal(migration_flag_name(0x100000), "VIR_MIGRATE_ZEROCOPY");
    assert_null(migration_flag_name(0x200000));
    assert_string_equal(migration_call_name(MIGRATION_CALL_BEGIN), "begin");
    assert_string_equal(migration_call_name(MIGRATION_CALL_CONFIRM), "confirm");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_this_version_can_do_is_accepted),
        cmocka_unit_test(unknown_bits_are_named_with_the_function),
        cmocka_unit_test(
            what_does_not_go_together_is_refused_with_libvirts_text),
        cmocka_unit_test(what_this_version_cannot_do_is_named),
        cmocka_unit_test(
            the_destination_is_not_told_what_concerns_the_source_only),
        cmocka_unit_test(flags_have_libvirts_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
