/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines of a QEMU that is our enemy: through the tokener, as greeting, event,
 * error, and as the reply to every typed command. */

#include <stdlib.h>
#include <string.h>

#include "qmp/decode.h"
#include "qmp/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_reply(struct json_object *value);
static void decode_machine_reply(struct json_object *value);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_tokener *tokener;
    AUTO_ERROR err = {0};

    tokener = tokener ? tokener : qmp_tokener_new();
    struct json_object *message =
        qmp_message_parse(tokener, (const char *)data, size, &err);

    if (message) {
        struct qmp_greeting greeting;
        struct qmp_event event;
        struct json_object *value;
        AUTO_ERROR bad = {0};
        AUTO_ERROR why = {0};

        qmp_greeting_decode(message, &greeting, &bad);
        error_clear(&bad);
        qmp_event_decode(message, &event, &bad);
        error_clear(&bad);
        if (json_object_object_get_ex(message, "error", &value)) {
            qmp_refusal_decode(value, "x", &why, &bad);
        }
        if (json_object_object_get_ex(message, "return", &value)) {
            decode_reply(value);
            decode_machine_reply(value);
        }
    }
    json_object_put(message);
    return 0;
}

static void
decode_reply(struct json_object *value)
{
    AUTO_ERROR err = {0};
    struct qmp_status status;
    struct qmp_vnc vnc = {0};
    struct qmp_migration migration = {0};
    struct qmp_migration_capabilities set = {0};
    struct qmp_migration_parameters parameters = {0};
    struct qmp_value property = {0};
    uint64_t number;
    const char *text;

    qmp_decode_status(value, &status, &err);
    error_clear(&err);
    qmp_decode_text(value, "x", "name", &text, &err);
    error_clear(&err);
    qmp_decode_balloon(value, &number, &err);
    error_clear(&err);
    qmp_decode_vnc(value, &vnc, &err);
    error_clear(&err);
    qmp_decode_migration(value, &migration, &err);
    free(migration.blocked_reasons);
    error_clear(&err);
    qmp_decode_migration_capabilities(value, &set, &err);
    error_clear(&err);
    qmp_decode_migration_parameters(value, &parameters, &err);
    error_clear(&err);
    qmp_decode_value(value, &property, &err);
}

static void
decode_machine_reply(struct json_object *value)
{
    AUTO_ERROR err = {0};
    struct qmp_chardevs chardevs = {0};
    struct qmp_blockstats_list blockstats = {0};
    struct qmp_cpus cpus = {0};
    struct qmp_cpu_model model = {0};
    struct qmp_properties properties = {0};
    struct qmp_machines machines = {0};
    struct qmp_cpu_definitions definitions = {0};
    struct qmp_texts texts = {0};
    struct qmp_kvm kvm;

    qmp_decode_chardevs(value, &chardevs, &err);
    free(chardevs.items);
    error_clear(&err);
    qmp_decode_blockstats(value, &blockstats, &err);
    free(blockstats.items);
    error_clear(&err);
    qmp_decode_cpus(value, &cpus, &err);
    free(cpus.items);
    error_clear(&err);
    qmp_decode_cpu_model(value, &model, &err);
    free(model.properties);
    error_clear(&err);
    qmp_decode_qom_list(value, &properties, &err);
    free(properties.items);
    error_clear(&err);
    qmp_decode_machines(value, &machines, &err);
    free(machines.items);
    error_clear(&err);
    qmp_decode_cpu_definitions(value, &definitions, &err);
    free(definitions.items);
    error_clear(&err);
    qmp_decode_kvm(value, &kvm, &err);
    error_clear(&err);
    qmp_decode_texts(value, &texts, &err);
    free(texts.items);
}
