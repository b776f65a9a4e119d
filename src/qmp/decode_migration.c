/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "qmp/reader.h"

static void read_ram(struct qmp_reader *reader, struct qmp_migration_ram *ram);
static void read_xbzrle(struct qmp_reader *reader,
                        struct qmp_migration_xbzrle *xbzrle);
static void read_blocked_reasons(struct qmp_reader *reader,
                                 struct qmp_migration *migration);
static void read_addresses(struct qmp_reader *reader,
                           struct qmp_migration *migration);

#define MAYBE_NUMBER(name, text)                                               \
    to->has_##name = qmp_maybe_number(reader, text, &to->name);

int
qmp_decode_migration(struct json_object *result,
                     struct qmp_migration *migration, struct error *err)
{
    struct qmp_reader whole =
        qmp_reader_new(result, "QEMU's reply to 'query-migrate'", err);
    struct qmp_reader *reader = &whole;
    struct qmp_migration *to = migration;

    to->status_name = qmp_read_text_or(reader, "status", "none");
    to->status = qmp_migration_status_parse(to->status_name);
    QMP_MIGRATION_NUMBERS(MAYBE_NUMBER)
    to->error_desc = qmp_read_text_or(reader, "error-desc", NULL);
    to->has_ram = qmp_has(reader, "ram");
    if (to->has_ram) {
        struct qmp_reader ram = qmp_read_object(reader, "ram");

        read_ram(&ram, &to->ram);
    }
    to->has_xbzrle = qmp_has(reader, "xbzrle-cache");
    if (to->has_xbzrle) {
        struct qmp_reader xbzrle = qmp_read_object(reader, "xbzrle-cache");

        read_xbzrle(&xbzrle, &to->xbzrle);
    }
    if (qmp_has(reader, "blocked-reasons")) {
        read_blocked_reasons(reader, to);
    }
    if (qmp_has(reader, "socket-address")) {
        read_addresses(reader, to);
    }
    if (qmp_reader_end(reader) < 0) {
        free(STEAL(to->blocked_reasons));
        return -1;
    }
    return 0;
}

int
qmp_decode_migration_capabilities(struct json_object *result,
                                  struct qmp_migration_capabilities *set,
                                  struct error *err)
{
    static const char what[] = "QEMU's reply to 'query-migrate-capabilities'";
    size_t count = qmp_array_length(result, what, err);

    if (error_is_set(err)) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        struct qmp_reader reader =
            qmp_reader_new(json_object_array_get_idx(result, i), what, err);
        uint32_t bit =
            qmp_capability_parse(qmp_read_text(&reader, "capability"));
        bool is_on = qmp_read_boolean(&reader, "state");

        if (qmp_reader_end(&reader) < 0) {
            return -1;
        }
        set->known |= bit;
        set->on |= is_on ? bit : 0;
    }
    return 0;
}

int
qmp_decode_migration_parameters(struct json_object *result,
                                struct qmp_migration_parameters *parameters,
                                struct error *err)
{
    struct qmp_reader whole = qmp_reader_new(
        result, "QEMU's reply to 'query-migrate-parameters'", err);
    struct qmp_reader *reader = &whole;
    struct qmp_migration_parameters *to = parameters;

#define MAYBE_BOOLEAN(name, text)                                              \
    to->has_##name = qmp_has(reader, text);                                    \
    to->name = qmp_read_boolean_or(reader, text, false);
#define MAYBE_TEXT(name, text) to->name = qmp_read_text_or(reader, text, NULL);
    QMP_MIGRATION_PARAMETER_NUMBERS(MAYBE_NUMBER)
    QMP_MIGRATION_PARAMETER_BOOLEANS(MAYBE_BOOLEAN)
    QMP_MIGRATION_PARAMETER_TEXTS(MAYBE_TEXT)
#undef MAYBE_BOOLEAN
#undef MAYBE_TEXT
    return qmp_reader_end(reader);
}

static void
read_ram(struct qmp_reader *reader, struct qmp_migration_ram *ram)
{
    struct qmp_migration_ram *to = ram;

    QMP_MIGRATION_RAM_NUMBERS(MAYBE_NUMBER)
    to->has_mbps = qmp_maybe_real(reader, "mbps", &to->mbps);
}

static void
read_xbzrle(struct qmp_reader *reader, struct qmp_migration_xbzrle *xbzrle)
{
    struct qmp_migration_xbzrle *to = xbzrle;

    QMP_MIGRATION_XBZRLE_NUMBERS(MAYBE_NUMBER)
}

static void
read_blocked_reasons(struct qmp_reader *reader, struct qmp_migration *migration)
{
    struct json_object *reasons = qmp_read_array(reader, "blocked-reasons");
    size_t count = reasons ? json_object_array_length(reasons) : 0;

    migration->blocked_reasons =
        xcalloc(count, sizeof(*migration->blocked_reasons));
    migration->blocked_reason_count = count;
    for (size_t i = 0; i < count; i++) {
        migration->blocked_reasons[i] = qmp_text_of(
            reader, json_object_array_get_idx(reasons, i), "blocked-reasons");
    }
}

static void
read_addresses(struct qmp_reader *reader, struct qmp_migration *migration)
{
    struct json_object *addresses = qmp_read_array(reader, "socket-address");
    size_t count = addresses ? json_object_array_length(addresses) : 0;

    for (size_t i = 0; i < count && !migration->has_port; i++) {
        struct qmp_reader address = qmp_reader_new(
            json_object_array_get_idx(addresses, i), reader->what, reader->err);
        uint64_t port = 0;

        if (qmp_reader_end(&address) < 0 ||
            strcmp(qmp_read_text(&address, "type"), "inet") != 0) {
            continue;
        }
        if (!parse_u64(qmp_read_text(&address, "port"), UINT16_MAX, &port)) {
            qmp_reader_fail(&address, "'port' is not a port");
            return;
        }
        migration->has_port = true;
        migration->port = (uint16_t)port;
    }
}
