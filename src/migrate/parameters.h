/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parameters of a migration, read from libvirt's typed parameters or from
 * the plain arguments of the older calls into one struct, so that what carries
 * a migration out need not know which of the calls it was.
 *
 * parameters.def is the list.  Called by the daemon's handlers. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/parameters.h"

/* {0} is an empty list. */
struct migration_strings {
    char **items; /* Owned, and each of them. */
    size_t count;
    size_t capacity;
};

/* Strings are NULL where they were not given; each number 'x' has a 'has_x'.
 * {0} is "nothing given". */
struct migration_parameters {
#define MIGRATION_FIELD_STRING(field)  char *field; /* Owned. */
#define MIGRATION_FIELD_STRINGS(field) struct migration_strings field;
#define MIGRATION_FIELD_INT(field)                                             \
    int32_t field;                                                             \
    bool has_##field;
#define MIGRATION_FIELD_ULLONG(field)                                          \
    uint64_t field;                                                            \
    bool has_##field;
#define PARAMETER(name, field, type, side, needs) MIGRATION_FIELD_##type(field)
#include "migrate/parameters.def"
};

/* Reads a list.  Unknown names are ARGUMENT_UNSUPPORTED, wrong types and
 * repeated names INVALID_ARG, with libvirt's texts and no origin.  'to' must
 * be empty, and is on failure. */
int migration_parameters_parse(struct migration_parameters *to,
                               const struct parameters *from,
                               struct error *err);

/* The same from the arguments of the calls without a list.  All may be NULL;
 * a bandwidth of 0 is none. */
struct migration_arguments {
    const char *dname;
    const char *uri;
    const char *xml;
    uint64_t resource_mib;
};
void
migration_parameters_from_arguments(struct migration_parameters *to,
                                    const struct migration_arguments *from);

/* Begin, Prepare and Perform: whether the values are in bounds and fit the
 * flags.  Finish and Confirm do not ask: they must not fail for this. */
int migration_parameters_check(const struct migration_parameters *parameters,
                               uint64_t flags, struct error *err);

void migration_parameters_copy(struct migration_parameters *to,
                               const struct migration_parameters *from);
void migration_parameters_done(struct migration_parameters *parameters);

#define AUTO_MIGRATION_PARAMETERS                                              \
    __attribute__((                                                            \
        cleanup(migration_parameters_done))) struct migration_parameters

/* The other way round: adds what is given to an empty list. */
void migration_parameters_list(const struct migration_parameters *from,
                               struct parameters *to);

/* Whether the destination has a use for it.  A source that drives the other
 * side itself passes only those on; a client passes all to both. */
bool migration_parameter_is_told(const char *name);

/* The form in which a source writes its bandwidth to QEMU: bytes per second,
 * 0 for no limit, which is also what "not given" means: QEMU's own default of
 * 128 MiB/s makes a migration ten times as long as it need be. */
uint64_t
migration_parameters_bandwidth(const struct migration_parameters *parameters);
