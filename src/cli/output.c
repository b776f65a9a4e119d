/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/output.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/run.h"

void
output_json(struct json_object *object)
{
    puts(json_object_to_json_string_ext(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
    fflush(stdout);
}

void
output_error(const struct arguments *arguments, int code, const char *message)
{
    struct json_object *document;
    struct json_object *error;

    if (!arguments->is_json) {
        fflush(stdout);
        fprintf(stderr, "vmferry: error: %s\n", message);
        return;
    }
    error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_int(code));
    json_object_object_add(error, "message", json_object_new_string(message));
    document = json_object_new_object();
    json_object_object_add(document, "error", error);
    output_json(document);
}

int
run_failed(struct vmferry *handle, const struct arguments *arguments)
{
    output_error(arguments, vmferry_error_code(handle),
                 vmferry_error_message(handle));
    return EXIT_FAILED;
}

struct json_object *
json_of_domain(const struct vmferry_domain *domain)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "name",
                           json_object_new_string(domain->name));
    json_object_object_add(object, "uuid",
                           json_object_new_string(domain->uuid));
    if (domain->id >= 0) {
        json_object_object_add(object, "id", json_object_new_int(domain->id));
    }
    return object;
}

static struct json_object *
json_of_value(const struct vmferry_value *value)
{
    switch (value->type) {
    case VMFERRY_TYPE_INT:
        return json_object_new_int(value->u.i);
    case VMFERRY_TYPE_UINT:
        return json_object_new_int64(value->u.ui);
    case VMFERRY_TYPE_LLONG:
        return json_object_new_int64(value->u.l);
    case VMFERRY_TYPE_ULLONG:
        return json_object_new_uint64(value->u.ul);
    case VMFERRY_TYPE_DOUBLE:
        return json_object_new_double(value->u.d);
    case VMFERRY_TYPE_BOOLEAN:
        return json_object_new_boolean(value->u.b);
    case VMFERRY_TYPE_STRING:
        return json_object_new_string(value->u.s);
    }
    return NULL;
}

struct json_object *
json_of_values(const struct vmferry_values *values)
{
    struct json_object *object = json_object_new_object();

    for (size_t i = 0; i < vmferry_values_count(values); i++) {
        struct vmferry_value value = vmferry_values_item(values, i);

        json_object_object_add(object, value.name, json_of_value(&value));
    }
    return object;
}

const char *
format_bytes(uint64_t bytes, char text[AMOUNT_SIZE])
{
    static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    double amount = (double)bytes;
    size_t unit = 0;

    while (amount >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        amount /= 1024;
        unit++;
    }
    snprintf(text, AMOUNT_SIZE,
             unit == 0 || amount >= 100 ? "%.0f %s" : "%.1f %s", amount,
             units[unit]);
    return text;
}

const char *
format_time(int64_t us, char text[AMOUNT_SIZE])
{
    int64_t seconds = us / 1000000;

    if (us < 10000) {
        snprintf(text, AMOUNT_SIZE, "%.1f ms", (double)us / 1000);
    } else if (us < 1000000) {
        snprintf(text, AMOUNT_SIZE, "%" PRId64 " ms", us / 1000);
    } else if (seconds < 60) {
        snprintf(text, AMOUNT_SIZE, "%.2f s", (double)us / 1000000);
    } else if (seconds < 3600) {
        snprintf(text, AMOUNT_SIZE, "%" PRId64 " min %" PRId64 " s",
                 seconds / 60, seconds % 60);
    } else {
        snprintf(text, AMOUNT_SIZE, "%" PRId64 " h %" PRId64 " min",
                 seconds / 3600, seconds / 60 % 60);
    }
    return text;
}
