/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/typed.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int decode_one(const struct remote_tparam *item, struct parameters *list,
                      struct error *err);
static void encode_one(const struct parameter *parameter,
                       struct remote_tparam *item);

int
rpc_params_decode(const struct remote_tparam *items, unsigned count,
                  struct parameters *list, struct error *err)
{
    for (unsigned i = 0; i < count; i++) {
        if (decode_one(&items[i], list, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int
rpc_params_encode(const struct parameters *list, unsigned max,
                  struct remote_tparam **items, unsigned *count,
                  struct error *err)
{
    struct remote_tparam *array;

    if (list->count > max) {
        return error_set_from(err, ERROR_FROM_RPC, ERROR_RPC,
                              "%zu parameters are more than %u", list->count,
                              max);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (strlen(list->items[i].name) > REMOTE_FIELD_MAX) {
            return error_set_from(err, ERROR_FROM_RPC, ERROR_RPC,
                                  "the parameter name '%s' is too long",
                                  list->items[i].name);
        }
    }
    array = xcalloc(list->count ? list->count : 1, sizeof(*array));
    for (size_t i = 0; i < list->count; i++) {
        encode_one(&list->items[i], &array[i]);
    }
    *items = array;
    *count = (unsigned)list->count;
    return 0;
}

void
rpc_params_free(struct remote_tparam *items, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        free(items[i].field);
        if (items[i].value.type == PARAMETER_STRING) {
            free(items[i].value.remote_tparam_value_u.s);
        }
    }
    free(items);
}

static int
decode_one(const struct remote_tparam *item, struct parameters *list,
           struct error *err)
{
    __auto_type value = &item->value.remote_tparam_value_u;

    switch (item->value.type) {
    case PARAMETER_INT:
        parameters_add_int(list, item->field, value->i);
        return 0;
    case PARAMETER_UINT:
        parameters_add_uint(list, item->field, value->ui);
        return 0;
    case PARAMETER_LLONG:
        parameters_add_llong(list, item->field, value->l);
        return 0;
    case PARAMETER_ULLONG:
        parameters_add_ullong(list, item->field, value->ul);
        return 0;
    case PARAMETER_DOUBLE:
        parameters_add_double(list, item->field, value->d);
        return 0;
    case PARAMETER_BOOLEAN:
        parameters_add_boolean(list, item->field, value->b);
        return 0;
    case PARAMETER_STRING:
        parameters_add_string(list, item->field, value->s);
        return 0;
    default:
        return error_set_from(err, ERROR_FROM_RPC, ERROR_RPC,
                              "unknown parameter type: %d", item->value.type);
    }
}

static void
encode_one(const struct parameter *parameter, struct remote_tparam *item)
{
    __auto_type value = &item->value.remote_tparam_value_u;

    item->field = xstrdup(parameter->name);
    item->value.type = (int)parameter->type;
    switch (parameter->type) {
    case PARAMETER_INT:
        value->i = parameter->value.i;
        break;
    case PARAMETER_UINT:
        value->ui = parameter->value.ui;
        break;
    case PARAMETER_LLONG:
        value->l = parameter->value.l;
        break;
    case PARAMETER_ULLONG:
        value->ul = parameter->value.ul;
        break;
    case PARAMETER_DOUBLE:
        value->d = parameter->value.d;
        break;
    case PARAMETER_BOOLEAN:
        value->b = parameter->value.b;
        break;
    case PARAMETER_STRING:
        value->s = xstrdup(parameter->value.s);
        break;
    }
}
