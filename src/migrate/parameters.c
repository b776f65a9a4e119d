/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/parameters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/flags.h"
#include "migrate/uri.h"

/* The largest that fits QEMU's signed count of bytes. */
#define BANDWIDTH_MAX_MIB ((uint64_t)INT64_MAX >> 20)

enum kind { KIND_STRING, KIND_STRINGS, KIND_INT, KIND_ULLONG };
enum side { SIDE_SOURCE, SIDE_DESTINATION, SIDE_BOTH };
enum need {
    NEED_NOTHING,
    NEED_POSTCOPY,
    NEED_COMPRESSION,
    NEED_MT,
    NEED_XBZRLE,
    NEED_CONVERGENCE,
    NEED_PARALLEL
};

/* The feature that a parameter tunes, and libvirt's word for it. */
static const struct {
    uint64_t flag;
    const char *text;
} needs[] = {
    [NEED_NOTHING] = {0,                         NULL                 },
    [NEED_POSTCOPY] = {VIR_MIGRATE_POSTCOPY,      "post-copy migration"},
    [NEED_COMPRESSION] = {VIR_MIGRATE_COMPRESSED,    "compression"        },
    [NEED_MT] = {VIR_MIGRATE_COMPRESSED,    "mt compression"     },
    [NEED_XBZRLE] = {VIR_MIGRATE_COMPRESSED,    "xbzrle compression" },
    [NEED_CONVERGENCE] = {VIR_MIGRATE_AUTO_CONVERGE, "auto convergence"   },
    [NEED_PARALLEL] = {VIR_MIGRATE_PARALLEL,      "parallel migration" },
};

#define OFFSET(field)      offsetof(struct migration_parameters, field)
#define HAS_STRING(field)  0
#define HAS_STRINGS(field) 0
#define HAS_INT(field)     OFFSET(has_##field)
#define HAS_ULLONG(field)  OFFSET(has_##field)

static const struct row {
    const char *name;
    enum kind kind;
    enum side side;
    enum need need;
    size_t offset;
    size_t has_offset; /* Of a number's has_... */
} rows[] = {
#define PARAMETER(name, field, type, side, needs)                              \
    {name,         KIND_##type,   SIDE_##side,                                 \
     NEED_##needs, OFFSET(field), HAS_##type(field)},
#include "migrate/parameters.def"
};

static const struct row *find_row(const char *name);
static int read_one(struct migration_parameters *to, const struct row *row,
                    const struct parameter *from, struct error *err);
static void add_string(struct migration_strings *list, const char *value);
static bool is_given(const struct migration_parameters *parameters,
                     const struct row *row);
static int check_needs(const struct migration_parameters *parameters,
                       uint64_t flags, struct error *err);
static int check_bandwidth(uint64_t mib, struct error *err);
static int check_percent(const char *name, bool has_value, int32_t value,
                         struct error *err);

static int check_tunnel(const struct migration_parameters *parameters,
                        uint64_t flags, struct error *err);

static void *
field_of(struct migration_parameters *parameters, const struct row *row)
{
    return (char *)parameters + row->offset;
}

static const void *
const_field_of(const struct migration_parameters *parameters,
               const struct row *row)
{
    return (const char *)parameters + row->offset;
}

int
migration_parameters_parse(struct migration_parameters *to,
                           const struct parameters *from, struct error *err)
{
    AUTO_MIGRATION_PARAMETERS parsed = {0};

    for (size_t i = 0; i < from->count; i++) {
        const struct parameter *item = &from->items[i];
        const struct row *row = find_row(item->name);

        if (!row) {
            return error_set_from(err, ERROR_FROM_NONE,
                                  ERROR_ARGUMENT_UNSUPPORTED,
                                  "parameter '%s' not supported", item->name);
        }
        if (read_one(&parsed, row, item, err) < 0) {
            return -1;
        }
    }
    *to = parsed;
    parsed = (struct migration_parameters){0};
    return 0;
}

void
migration_parameters_from_arguments(struct migration_parameters *to,
                                    const struct migration_arguments *from)
{
    *to = (struct migration_parameters){
        .destination_name = xstrdup_null(from->dname),
        .migrate_uri = xstrdup_null(from->uri),
        .destination_xml = xstrdup_null(from->xml),
        .bandwidth_mib = from->resource_mib,
        .has_bandwidth_mib = from->resource_mib != 0,
    };
}

int
migration_parameters_check(const struct migration_parameters *parameters,
                           uint64_t flags, struct error *err)
{
    const struct migration_parameters *p = parameters;

    if (check_needs(p, flags, err) < 0 || check_tunnel(p, flags, err) < 0 ||
        check_bandwidth(p->bandwidth_mib, err) < 0 ||
        check_bandwidth(p->bandwidth_postcopy_mib, err) < 0 ||
        check_percent("auto_converge.initial", p->has_auto_converge_initial,
                      p->auto_converge_initial, err) < 0 ||
        check_percent("auto_converge.increment", p->has_auto_converge_increment,
                      p->auto_converge_increment, err) < 0) {
        return -1;
    }
    if (p->listen_address && !migration_host_is_valid(p->listen_address)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "listen_address '%s' is not an address",
                         p->listen_address);
    }
    if (p->has_disks_port &&
        (p->disks_port < 0 || p->disks_port > UINT16_MAX)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "disks_port %" PRId32 " is not a port", p->disks_port);
    }
    return 0;
}

/* A tunnel needs no address.  libvirt's texts. */
static int
check_tunnel(const struct migration_parameters *parameters, uint64_t flags,
             struct error *err)
{
    const char *what = parameters->migrate_uri      ? "migration URI"
                       : parameters->listen_address ? "listen address"
                       : parameters->has_disks_port ? "disk port address"
                                                    : NULL;

    if ((flags & VIR_MIGRATE_TUNNELLED) && what) {
        return error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                         "%s is not supported by tunnelled migration", what);
    }
    return 0;
}

void
migration_parameters_copy(struct migration_parameters *to,
                          const struct migration_parameters *from)
{
    *to = *from;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const void *source = const_field_of(from, &rows[i]);
        void *field = field_of(to, &rows[i]);

        if (rows[i].kind == KIND_STRING) {
            *(char **)field = xstrdup_null(*(char *const *)source);
        } else if (rows[i].kind == KIND_STRINGS) {
            const struct migration_strings *list = source;

            *(struct migration_strings *)field = (struct migration_strings){0};
            for (size_t j = 0; j < list->count; j++) {
                add_string(field, list->items[j]);
            }
        }
    }
}

void
migration_parameters_list(const struct migration_parameters *from,
                          struct parameters *to)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        const void *field = const_field_of(from, row);
        const struct migration_strings *list = field;

        if (!is_given(from, row)) {
            continue;
        }
        switch (row->kind) {
        case KIND_STRING:
            parameters_add_string(to, row->name, *(char *const *)field);
            break;
        case KIND_STRINGS:
            for (size_t j = 0; j < list->count; j++) {
                parameters_add_string(to, row->name, list->items[j]);
            }
            break;
        case KIND_INT:
            parameters_add_int(to, row->name, *(const int32_t *)field);
            break;
        case KIND_ULLONG:
            parameters_add_ullong(to, row->name, *(const uint64_t *)field);
            break;
        }
    }
}

void
migration_parameters_done(struct migration_parameters *parameters)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        void *field = field_of(parameters, &rows[i]);

        if (rows[i].kind == KIND_STRING) {
            free(*(char **)field);
        } else if (rows[i].kind == KIND_STRINGS) {
            struct migration_strings *list = field;

            for (size_t j = 0; j < list->count; j++) {
                free(list->items[j]);
            }
            free(list->items);
        }
    }
    *parameters = (struct migration_parameters){0};
}

uint64_t
migration_parameters_bandwidth(const struct migration_parameters *parameters)
{
    return parameters->bandwidth_mib << 20;
}

bool
migration_parameter_is_told(const char *name)
{
    const struct row *row = find_row(name);

    return row && row->side != SIDE_SOURCE;
}

static const struct row *
find_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static int
read_one(struct migration_parameters *to, const struct row *row,
         const struct parameter *from, struct error *err)
{
    static const enum parameter_type types[] = {
        [KIND_STRING] = PARAMETER_STRING,
        [KIND_STRINGS] = PARAMETER_STRING,
        [KIND_INT] = PARAMETER_INT,
        [KIND_ULLONG] = PARAMETER_ULLONG,
    };
    void *field = field_of(to, row);

    if (from->type != types[row->kind]) {
        return error_set_from(err, ERROR_FROM_NONE, ERROR_INVALID_ARG,
                              "invalid type '%s' for parameter '%s', "
                              "expected '%s'",
                              parameter_type_name(from->type), row->name,
                              parameter_type_name(types[row->kind]));
    }
    if (row->kind != KIND_STRINGS && is_given(to, row)) {
        return error_set_from(err, ERROR_FROM_NONE, ERROR_INVALID_ARG,
                              "parameter '%s' occurs multiple times",
                              row->name);
    }
    switch (row->kind) {
    case KIND_STRING:
        *(char **)field = xstrdup(from->value.s ? from->value.s : "");
        return 0;
    case KIND_STRINGS:
        add_string(field, from->value.s ? from->value.s : "");
        return 0;
    case KIND_INT:
        *(int32_t *)field = from->value.i;
        break;
    case KIND_ULLONG:
        *(uint64_t *)field = from->value.ul;
        break;
    }
    *(bool *)((char *)to + row->has_offset) = true;
    return 0;
}

static void
add_string(struct migration_strings *list, const char *value)
{
    list->items = array_grow(list->items, &list->capacity, list->count,
                             sizeof(*list->items));
    list->items[list->count++] = xstrdup(value);
}

static bool
is_given(const struct migration_parameters *parameters, const struct row *row)
{
    const void *field = const_field_of(parameters, row);

    switch (row->kind) {
    case KIND_STRING:
        return *(char *const *)field != NULL;
    case KIND_STRINGS:
        return ((const struct migration_strings *)field)->count > 0;
    case KIND_INT:
    case KIND_ULLONG:
        break;
    }
    return *(const bool *)((const char *)parameters + row->has_offset);
}

static int
check_needs(const struct migration_parameters *parameters, uint64_t flags,
            struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t flag = needs[rows[i].need].flag;

        if (flag && !(flags & flag) && is_given(parameters, &rows[i])) {
            return error_set(err, ERROR_INVALID_ARG, "Turn %s on to tune it",
                             needs[rows[i].need].text);
        }
    }
    return 0;
}

static int
check_bandwidth(uint64_t mib, struct error *err)
{
    if (mib <= BANDWIDTH_MAX_MIB) {
        return 0;
    }
    return error_set(err, ERROR_OVERFLOW,
                     "bandwidth must be less than %" PRIu64,
                     BANDWIDTH_MAX_MIB + 1);
}

static int
check_percent(const char *name, bool has_value, int32_t value,
              struct error *err)
{
    if (!has_value || (value >= 1 && value <= 99)) {
        return 0;
    }
    return error_set(err, ERROR_INVALID_ARG,
                     "%s must be between 1 and 99, not %" PRId32, name, value);
}
