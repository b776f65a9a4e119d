/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/flags.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/memory.h"

#define SUPPORT_YES                   ERROR_NONE
#define SUPPORT_OPERATION_UNSUPPORTED ERROR_OPERATION_UNSUPPORTED
#define SUPPORT_ARGUMENT_UNSUPPORTED  ERROR_ARGUMENT_UNSUPPORTED
#define TOLD                          true
#define KEPT                          false

static const struct flag {
    uint64_t bit;
    const char *name;
    bool is_told; /* To the destination. */
    enum error_code refusal;
} flags_known[] = {
#define FLAG(name, told, support)                                              \
    {VIR_MIGRATE_##name, "VIR_MIGRATE_" #name, told, SUPPORT_##support},
#include "migrate/flags.def"
};

/* One flag needs, or excludes, another one. */
static const struct pair {
    uint64_t bit;
    uint64_t other;
    bool is_needed;
} pairs[] = {
    {VIR_MIGRATE_NON_SHARED_DISK, VIR_MIGRATE_NON_SHARED_INC, false},
    {VIR_MIGRATE_POSTCOPY_RESUME, VIR_MIGRATE_POSTCOPY,       true },
};

/* What does not go together and has a text of its own in libvirt. */
static const struct combination {
    uint64_t when;
    uint64_t with;    /* One of these is enough; 0 for no condition. */
    uint64_t without; /* All of these are missing; 0 for no condition. */
    enum error_code code;
    const char *text;
} combinations[] = {
#define REFUSED(when, with, without, code, text)                               \
    {when, with, without, ERROR_##code, text},
#include "migrate/flags.def"
};

static const char *const call_names[] = {
    [MIGRATION_CALL_BEGIN] = "begin",     [MIGRATION_CALL_PREPARE] = "prepare",
    [MIGRATION_CALL_PERFORM] = "perform", [MIGRATION_CALL_FINISH] = "finish",
    [MIGRATION_CALL_CONFIRM] = "confirm",
};

static int check_known(uint64_t flags, const char *function, struct error *err);
static int check_pairs(uint64_t flags, const char *function, struct error *err);
static int check_combinations(uint64_t flags, struct error *err);
static int check_supported(uint64_t flags, struct error *err);

const char *
migration_call_name(enum migration_call call)
{
    assert(call < MIGRATION_CALL_COUNT);
    return call_names[call];
}

int
migration_flags_check(uint64_t flags, const char *function, struct error *err)
{
    if (check_known(flags, function, err) < 0 ||
        check_pairs(flags, function, err) < 0 ||
        check_combinations(flags, err) < 0) {
        return -1;
    }
    return check_supported(flags, err);
}

uint64_t
migration_flags_for_source(uint64_t flags, bool has_protection)
{
    return has_protection ? flags | VIR_MIGRATE_CHANGE_PROTECTION : flags;
}

uint64_t
migration_flags_for_destination(uint64_t flags)
{
    for (size_t i = 0; i < ARRAY_COUNT(flags_known); i++) {
        if (!flags_known[i].is_told) {
            flags &= ~flags_known[i].bit;
        }
    }
    return flags;
}

const char *
migration_flag_name(uint64_t bit)
{
    for (size_t i = 0; i < ARRAY_COUNT(flags_known); i++) {
        if (flags_known[i].bit == bit) {
            return flags_known[i].name;
        }
    }
    return NULL;
}

static int
check_known(uint64_t flags, const char *function, struct error *err)
{
    uint64_t unknown = flags;

    for (size_t i = 0; i < ARRAY_COUNT(flags_known); i++) {
        unknown &= ~flags_known[i].bit;
    }
    if (unknown) {
        return error_set(err, ERROR_INVALID_FLAGS,
                         "unsupported flags (0x%" PRIx64 ") in function %s",
                         unknown, function);
    }
    return 0;
}

static int
check_pairs(uint64_t flags, const char *function, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        const struct pair *pair = &pairs[i];
        bool has_other = (flags & pair->other) != 0;

        if (!(flags & pair->bit) || has_other == pair->is_needed) {
            continue;
        }
        if (pair->is_needed) {
            return error_set(err, ERROR_INVALID_ARG,
                             "flag '%s' is required by flag '%s' in function "
                             "'%s'",
                             migration_flag_name(pair->other),
                             migration_flag_name(pair->bit), function);
        }
        return error_set(err, ERROR_INVALID_ARG,
                         "flags '%s' and '%s' in function '%s' are mutually "
                         "exclusive",
                         migration_flag_name(pair->bit),
                         migration_flag_name(pair->other), function);
    }
    return 0;
}

static int
check_combinations(uint64_t flags, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(combinations); i++) {
        const struct combination *one = &combinations[i];

        if ((flags & one->when) && (!one->with || (flags & one->with)) &&
            !(flags & one->without)) {
            return error_set(err, one->code, "%s", one->text);
        }
    }
    return 0;
}

static int
check_supported(uint64_t flags, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(flags_known); i++) {
        const struct flag *flag = &flags_known[i];

        if ((flags & flag->bit) && flag->refusal != ERROR_NONE) {
            return error_set(err, flag->refusal,
                             "migration with %s is not supported yet",
                             flag->name);
        }
    }
    return 0;
}
