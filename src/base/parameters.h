/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Typed parameters: libvirt's lists of named values, in which a name may occur
 * several times.  The wire's form of them is rpc/typed.h's business. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The numbers are libvirt's (virTypedParameterType). */
enum parameter_type {
    PARAMETER_INT = 1,
    PARAMETER_UINT = 2,
    PARAMETER_LLONG = 3,
    PARAMETER_ULLONG = 4,
    PARAMETER_DOUBLE = 5,
    PARAMETER_BOOLEAN = 6,
    PARAMETER_STRING = 7,
};

struct parameter {
    char *name; /* Owned. */
    enum parameter_type type;
    union {
        int32_t i;
        uint32_t ui;
        int64_t l;
        uint64_t ul;
        double d;
        bool b;
        char *s; /* Owned. */
    } value;
};

/* {0} is an empty list. */
struct parameters {
    struct parameter *items; /* Owned. */
    size_t count;
    size_t capacity;
};

void parameters_add_int(struct parameters *list, const char *name, int32_t v);
void parameters_add_uint(struct parameters *list, const char *name, uint32_t v);
void parameters_add_llong(struct parameters *list, const char *name, int64_t v);
void parameters_add_ullong(struct parameters *list, const char *name,
                           uint64_t v);
void parameters_add_double(struct parameters *list, const char *name, double v);
void parameters_add_boolean(struct parameters *list, const char *name, bool v);
void parameters_add_string(struct parameters *list, const char *name,
                           const char *v);
void parameters_add(struct parameters *list, const struct parameter *item);
void parameters_copy(struct parameters *to, const struct parameters *from);
void parameters_done(struct parameters *list);

/* The first of that name, or NULL. */
const struct parameter *parameters_find(const struct parameters *list,
                                        const char *name);
/* NULL where it is missing or not a string. */
const char *parameters_find_string(const struct parameters *list,
                                   const char *name);
/* Removes all of that name. */
void parameters_remove(struct parameters *list, const char *name);
/* "int", "uint", "llong", "ullong", "double", "boolean", "string": as libvirt's
 * error texts call them. */
const char *parameter_type_name(enum parameter_type type);

#define AUTO_PARAMETERS                                                        \
    __attribute__((cleanup(parameters_done))) struct parameters
