/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/protocols.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "rpc/client.h"

enum { PROTOCOL_V3 = PROTOCOL_V3_PLAIN | PROTOCOL_V3_PARAMS };

static const struct {
    const char *name;
    unsigned protocols;
} names[] = {
    {"v3",       PROTOCOL_V3      },
    {"v3-plain", PROTOCOL_V3_PLAIN},
    {"v2",       PROTOCOL_V2      },
};

/* One of them is enough. */
static const struct {
    int feature;
    unsigned protocols;
} features[] = {
    {RPC_FEATURE_MIGRATION_V2,      PROTOCOL_V2       },
    {RPC_FEATURE_MIGRATION_V3,      PROTOCOL_V3       },
    {RPC_FEATURE_CHANGE_PROTECTION, PROTOCOL_V3       },
    {RPC_FEATURE_MIGRATION_OFFLINE, PROTOCOL_V3       },
    {RPC_FEATURE_MIGRATION_PARAMS,  PROTOCOL_V3_PARAMS},
};

/* The calls, with the name that libvirt gives them in an error. */
static const struct {
    enum remote_procedure procedure;
    unsigned protocol;
    const char *function;
} calls[] = {
#define CALL(NAME, protocol, function)                                         \
    {REMOTE_PROC_DOMAIN_MIGRATE_##NAME, PROTOCOL_##protocol,                   \
     "virDomainMigrate" function},
    CALL(PREPARE2, V2, "Prepare2") CALL(PREPARE_TUNNEL, V2, "PrepareTunnel")
        CALL(PERFORM, V2, "Perform") CALL(FINISH2, V2, "Finish2") CALL(
            BEGIN3, V3_PLAIN, "Begin3") CALL(PREPARE3, V3_PLAIN, "Prepare3")
            CALL(PREPARE_TUNNEL3, V3_PLAIN,
                 "PrepareTunnel3") CALL(PERFORM3, V3_PLAIN, "Perform3")
                CALL(FINISH3, V3_PLAIN, "Finish3") CALL(CONFIRM3, V3_PLAIN,
                                                        "Confirm3")
                    CALL(BEGIN3_PARAMS, V3_PARAMS, "Begin3Params")
                        CALL(PREPARE3_PARAMS, V3_PARAMS, "Prepare3Params") CALL(
                            PREPARE_TUNNEL3_PARAMS, V3_PARAMS,
                            "PrepareTunnel3Params")
                            CALL(PERFORM3_PARAMS, V3_PARAMS, "Perform3Params")
                                CALL(FINISH3_PARAMS, V3_PARAMS, "Finish3Params")
                                    CALL(CONFIRM3_PARAMS, V3_PARAMS,
                                         "Confirm3Params")
#undef CALL
};

static unsigned
find_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            return names[i].protocols;
        }
    }
    return 0;
}

int
protocols_parse(const char *text, unsigned *protocols, struct error *err)
{
    AUTO_FREE char *copy = xstrdup(text);
    char *rest = copy;
    unsigned found = 0;

    while (rest) {
        const char *name = strsep(&rest, ",");
        unsigned some = find_name(name);

        if (!some) {
            return error_set(err, ERROR_INVALID_ARG,
                             "'%s' is not a list of protocols (v3, v3-plain,"
                             " v2)",
                             text);
        }
        found |= some;
    }
    *protocols = found;
    return 0;
}

bool
protocols_have_feature(unsigned protocols, int feature)
{
    for (size_t i = 0; i < ARRAY_COUNT(features); i++) {
        if (features[i].feature == feature) {
            return features[i].protocols & protocols;
        }
    }
    return true;
}

int
protocols_check(unsigned protocols, enum remote_procedure procedure,
                struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
        if (calls[i].procedure == procedure &&
            !(calls[i].protocol & protocols)) {
            return error_set_from(err, ERROR_FROM_DOMAIN, ERROR_NO_SUPPORT,
                                  "%s", calls[i].function);
        }
    }
    return 0;
}
