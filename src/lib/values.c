/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "lib/handle.h"

struct vmferry_values *
vmferry_values_new(void)
{
    return xcalloc(1, sizeof(struct vmferry_values));
}

void
vmferry_values_free(struct vmferry_values *values)
{
    if (!values) {
        return;
    }
    parameters_done(&values->list);
    free(values);
}

void
vmferry_values_add(struct vmferry_values *values,
                   const struct vmferry_value *value)
{
    struct parameter item = {
        .name = (char *)value->name,
        .type = (enum parameter_type)value->type,
    };

    switch (value->type) {
    case VMFERRY_TYPE_INT:
        item.value.i = value->u.i;
        break;
    case VMFERRY_TYPE_UINT:
        item.value.ui = value->u.ui;
        break;
    case VMFERRY_TYPE_LLONG:
        item.value.l = value->u.l;
        break;
    case VMFERRY_TYPE_ULLONG:
        item.value.ul = value->u.ul;
        break;
    case VMFERRY_TYPE_DOUBLE:
        item.value.d = value->u.d;
        break;
    case VMFERRY_TYPE_BOOLEAN:
        item.value.b = value->u.b;
        break;
    case VMFERRY_TYPE_STRING:
        item.value.s = (char *)value->u.s;
        break;
    }
    parameters_add(&values->list, &item);
}

size_t
vmferry_values_count(const struct vmferry_values *values)
{
    return values->list.count;
}

struct vmferry_value
vmferry_values_item(const struct vmferry_values *values, size_t index)
{
    const struct parameter *item = &values->list.items[index];
    struct vmferry_value value = {
        .name = item->name,
        .type = (enum vmferry_type)item->type,
    };

    switch (item->type) {
    case PARAMETER_INT:
        value.u.i = item->value.i;
        break;
    case PARAMETER_UINT:
        value.u.ui = item->value.ui;
        break;
    case PARAMETER_LLONG:
        value.u.l = item->value.l;
        break;
    case PARAMETER_ULLONG:
        value.u.ul = item->value.ul;
        break;
    case PARAMETER_DOUBLE:
        value.u.d = item->value.d;
        break;
    case PARAMETER_BOOLEAN:
        value.u.b = item->value.b;
        break;
    case PARAMETER_STRING:
        value.u.s = item->value.s;
        break;
    }
    return value;
}

bool
vmferry_values_number(const struct vmferry_values *values, const char *name,
                      uint64_t *number)
{
    const struct parameter *item = parameters_find(&values->list, name);

    if (!item) {
        return false;
    }
    switch (item->type) {
    case PARAMETER_INT:
        *number = item->value.i < 0 ? 0 : (uint64_t)item->value.i;
        return true;
    case PARAMETER_UINT:
        *number = item->value.ui;
        return true;
    case PARAMETER_LLONG:
        *number = item->value.l < 0 ? 0 : (uint64_t)item->value.l;
        return true;
    case PARAMETER_ULLONG:
        *number = item->value.ul;
        return true;
    case PARAMETER_DOUBLE:
    case PARAMETER_BOOLEAN:
    case PARAMETER_STRING:
        return false;
    }
    return false;
}

const char *
vmferry_values_string(const struct vmferry_values *values, const char *name)
{
    return parameters_find_string(&values->list, name);
}
