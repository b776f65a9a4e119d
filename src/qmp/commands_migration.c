/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/commands.h"

#include <stdlib.h>

#include "base/memory.h"
#include "qmp/command.h"
#include "qmp/decode.h"

static qmp_decode migration_came;
static qmp_decode capabilities_came;
static qmp_decode parameters_came;
static struct json_object *uri_arguments(const char *uri);
static void add_capabilities(struct json_object *list, uint32_t set,
                             bool is_on);

void
qmp_query_migrate(struct qmp_session *session, qmp_migration_done *done,
                  void *owner)
{
    qmp_execute_decoded(session, "query-migrate", NULL, migration_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_migrate_capabilities(struct qmp_session *session,
                               qmp_migration_capabilities_done *done,
                               void *owner)
{
    qmp_execute_decoded(session, "query-migrate-capabilities", NULL,
                        capabilities_came, (qmp_untyped_done *)done, owner);
}

void
qmp_migrate_set_capabilities(struct qmp_session *session, uint32_t on,
                             uint32_t off, qmp_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();
    struct json_object *list = json_object_new_array();

    add_capabilities(list, on, true);
    add_capabilities(list, off & ~on, false);
    json_object_object_add(arguments, "capabilities", list);
    qmp_command(session, "migrate-set-capabilities", arguments, done, owner);
}

void
qmp_query_migrate_parameters(struct qmp_session *session,
                             qmp_migration_parameters_done *done, void *owner)
{
    qmp_execute_decoded(session, "query-migrate-parameters", NULL,
                        parameters_came, (qmp_untyped_done *)done, owner);
}

void
qmp_migrate_set_parameters(struct qmp_session *session,
                           const struct qmp_migration_parameters *parameters,
                           qmp_done *done, void *owner)
{
    const struct qmp_migration_parameters *from = parameters;
    struct json_object *to = json_object_new_object();

#define ADD_NUMBER(name, text)                                                 \
    if (from->has_##name) {                                                    \
        json_object_object_add(to, text, json_object_new_uint64(from->name));  \
    }
#define ADD_BOOLEAN(name, text)                                                \
    if (from->has_##name) {                                                    \
        json_object_object_add(to, text, json_object_new_boolean(from->name)); \
    }
#define ADD_TEXT(name, text)                                                   \
    if (from->name) {                                                          \
        json_object_object_add(to, text, json_object_new_string(from->name));  \
    }
    QMP_MIGRATION_PARAMETER_NUMBERS(ADD_NUMBER)
    QMP_MIGRATION_PARAMETER_BOOLEANS(ADD_BOOLEAN)
    QMP_MIGRATION_PARAMETER_TEXTS(ADD_TEXT)
#undef ADD_NUMBER
#undef ADD_BOOLEAN
#undef ADD_TEXT
    qmp_command(session, "migrate-set-parameters", to, done, owner);
}

void
qmp_migrate(struct qmp_session *session, const char *uri, qmp_done *done,
            void *owner)
{
    qmp_command(session, "migrate", uri_arguments(uri), done, owner);
}

void
qmp_migrate_resume(struct qmp_session *session, const char *uri, qmp_done *done,
                   void *owner)
{
    struct json_object *arguments = uri_arguments(uri);

    json_object_object_add(arguments, "resume", json_object_new_boolean(true));
    qmp_command(session, "migrate", arguments, done, owner);
}

void
qmp_migrate_incoming(struct qmp_session *session, const char *uri,
                     qmp_done *done, void *owner)
{
    qmp_command(session, "migrate-incoming", uri_arguments(uri), done, owner);
}

void
qmp_getfd(struct qmp_session *session, const char *name, int fd, qmp_done *done,
          void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "fdname", json_object_new_string(name));
    qmp_command_fd(session, "getfd", arguments, fd, done, owner);
}

void
qmp_migrate_cancel(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "migrate_cancel", NULL, done, owner);
}

void
qmp_migrate_continue(struct qmp_session *session, qmp_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "state",
                           json_object_new_string("pre-switchover"));
    qmp_command(session, "migrate-continue", arguments, done, owner);
}

void
qmp_migrate_start_postcopy(struct qmp_session *session, qmp_done *done,
                           void *owner)
{
    qmp_command(session, "migrate-start-postcopy", NULL, done, owner);
}

void
qmp_migrate_pause(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command_oob(session, "migrate-pause", NULL, done, owner);
}

void
qmp_migrate_recover(struct qmp_session *session, const char *uri,
                    qmp_done *done, void *owner)
{
    qmp_command_oob(session, "migrate-recover", uri_arguments(uri), done,
                    owner);
}

static void
migration_came(qmp_untyped_done *done, void *owner, struct json_object *result,
               const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_migration migration = {0};

    if (!err && qmp_decode_migration(result, &migration, &bad) < 0) {
        err = &bad;
    }
    ((qmp_migration_done *)done)(owner, err ? NULL : &migration, err);
    free(migration.blocked_reasons);
}

static void
capabilities_came(qmp_untyped_done *done, void *owner,
                  struct json_object *result, const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_migration_capabilities set = {0};

    if (!err && qmp_decode_migration_capabilities(result, &set, &bad) < 0) {
        err = &bad;
    }
    ((qmp_migration_capabilities_done *)done)(owner, err ? NULL : &set, err);
}

static void
parameters_came(qmp_untyped_done *done, void *owner, struct json_object *result,
                const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_migration_parameters parameters = {0};

    if (!err &&
        qmp_decode_migration_parameters(result, &parameters, &bad) < 0) {
        err = &bad;
    }
    ((qmp_migration_parameters_done *)done)(owner, err ? NULL : &parameters,
                                            err);
}

static struct json_object *
uri_arguments(const char *uri)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "uri", json_object_new_string(uri));
    return arguments;
}

static void
add_capabilities(struct json_object *list, uint32_t set, bool is_on)
{
    for (unsigned i = 0; i < QMP_CAPABILITY_COUNT; i++) {
        if (!(set & (1u << i))) {
            continue;
        }
        struct json_object *item = json_object_new_object();

        json_object_object_add(item, "capability",
                               json_object_new_string(qmp_capability_name(i)));
        json_object_object_add(item, "state", json_object_new_boolean(is_on));
        json_object_array_add(list, item);
    }
}
