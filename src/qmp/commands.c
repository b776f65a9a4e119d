/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/commands.h"

#include <stdlib.h>

#include "base/memory.h"
#include "qmp/command.h"
#include "qmp/decode.h"

static qmp_decode done_came;
static qmp_decode status_came;
static qmp_decode balloon_came;
static qmp_decode chardevs_came;
static qmp_decode vnc_came;
static qmp_decode blockstats_came;
static qmp_decode cpus_came;
static qmp_decode cpu_model_came;
static qmp_decode properties_came;
static qmp_decode value_came;
static qmp_decode texts_came;
static qmp_decode machines_came;
static qmp_decode cpu_definitions_came;
static qmp_decode kvm_came;
static qmp_decode name_came;
static qmp_decode uuid_came;
static qmp_decode target_came;
static void text_came(qmp_text_done *done, void *owner, const char *text,
                      const struct error *err, const struct error *bad);

void
qmp_query_status(struct qmp_session *session, qmp_status_done *done,
                 void *owner)
{
    qmp_execute_decoded(session, "query-status", NULL, status_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_cont(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "cont", NULL, done, owner);
}

void
qmp_stop(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "stop", NULL, done, owner);
}

void
qmp_quit(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "quit", NULL, done, owner);
}

void
qmp_system_powerdown(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "system_powerdown", NULL, done, owner);
}

void
qmp_system_reset(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "system_reset", NULL, done, owner);
}

void
qmp_system_wakeup(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "system_wakeup", NULL, done, owner);
}

void
qmp_query_name(struct qmp_session *session, qmp_text_done *done, void *owner)
{
    qmp_execute_decoded(session, "query-name", NULL, name_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_uuid(struct qmp_session *session, qmp_text_done *done, void *owner)
{
    qmp_execute_decoded(session, "query-uuid", NULL, uuid_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_balloon(struct qmp_session *session, uint64_t size, qmp_done *done,
            void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "value", json_object_new_uint64(size));
    qmp_command(session, "balloon", arguments, done, owner);
}

void
qmp_query_balloon(struct qmp_session *session, qmp_number_done *done,
                  void *owner)
{
    qmp_execute_decoded(session, "query-balloon", NULL, balloon_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_chardev(struct qmp_session *session, qmp_chardevs_done *done,
                  void *owner)
{
    qmp_execute_decoded(session, "query-chardev", NULL, chardevs_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_vnc(struct qmp_session *session, qmp_vnc_done *done, void *owner)
{
    qmp_execute_decoded(session, "query-vnc", NULL, vnc_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_blockstats(struct qmp_session *session, qmp_blockstats_done *done,
                     void *owner)
{
    qmp_execute_decoded(session, "query-blockstats", NULL, blockstats_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_announce_self(struct qmp_session *session, qmp_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();

    /* Milliseconds: QEMU's own defaults after a migration. */
    json_object_object_add(arguments, "initial", json_object_new_int(50));
    json_object_object_add(arguments, "max", json_object_new_int(550));
    json_object_object_add(arguments, "rounds", json_object_new_int(5));
    json_object_object_add(arguments, "step", json_object_new_int(100));
    qmp_command(session, "announce-self", arguments, done, owner);
}

void
qmp_query_cpus_fast(struct qmp_session *session, qmp_cpus_done *done,
                    void *owner)
{
    qmp_execute_decoded(session, "query-cpus-fast", NULL, cpus_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_cpu_model_expansion(struct qmp_session *session, const char *type,
                              const struct qmp_cpu_model *model,
                              qmp_cpu_model_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();
    struct json_object *base = json_object_new_object();
    struct json_object *properties = json_object_new_object();

    json_object_object_add(arguments, "type", json_object_new_string(type));
    json_object_object_add(arguments, "model", base);
    json_object_object_add(base, "name", json_object_new_string(model->name));
    for (size_t i = 0; i < model->count; i++) {
        const struct qmp_property *property = &model->properties[i];

        json_object_object_add(
            properties, property->name,
            json_object_new_boolean(property->value.boolean));
    }
    json_object_object_add(base, "props", properties);
    qmp_execute_decoded(session, "query-cpu-model-expansion", arguments,
                        cpu_model_came, (qmp_untyped_done *)done, owner);
}

void
qmp_qom_list(struct qmp_session *session, const char *path,
             qmp_properties_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "path", json_object_new_string(path));
    qmp_execute_decoded(session, "qom-list", arguments, properties_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_qom_get(struct qmp_session *session, const char *path, const char *property,
            qmp_value_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "path", json_object_new_string(path));
    json_object_object_add(arguments, "property",
                           json_object_new_string(property));
    qmp_execute_decoded(session, "qom-get", arguments, value_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_qom_get_texts(struct qmp_session *session, const char *path,
                  const char *property, qmp_texts_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "path", json_object_new_string(path));
    json_object_object_add(arguments, "property",
                           json_object_new_string(property));
    qmp_execute_decoded(session, "qom-get", arguments, texts_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_machines(struct qmp_session *session, qmp_machines_done *done,
                   void *owner)
{
    qmp_execute_decoded(session, "query-machines", NULL, machines_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_cpu_definitions(struct qmp_session *session,
                          qmp_cpu_definitions_done *done, void *owner)
{
    qmp_execute_decoded(session, "query-cpu-definitions", NULL,
                        cpu_definitions_came, (qmp_untyped_done *)done, owner);
}

void
qmp_query_kvm(struct qmp_session *session, qmp_kvm_done *done, void *owner)
{
    qmp_execute_decoded(session, "query-kvm", NULL, kvm_came,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_query_target(struct qmp_session *session, qmp_text_done *done, void *owner)
{
    qmp_execute_decoded(session, "query-target", NULL, target_came,
                        (qmp_untyped_done *)done, owner);
}

static void
done_came(qmp_untyped_done *done, void *owner, struct json_object *result,
          const struct error *err)
{
    (void)result;
    ((qmp_done *)done)(owner, err);
}

void
qmp_command_fd(struct qmp_session *session, const char *command,
               struct json_object *arguments, int fd, qmp_done *done,
               void *owner)
{
    qmp_execute_decoded_fd(session, command, arguments, fd, done_came,
                           (qmp_untyped_done *)done, owner);
}

void
qmp_command_oob(struct qmp_session *session, const char *command,
                struct json_object *arguments, qmp_done *done, void *owner)
{
    qmp_execute_decoded_oob(session, command, arguments, done_came,
                            (qmp_untyped_done *)done, owner);
}

void
qmp_command(struct qmp_session *session, const char *command,
            struct json_object *arguments, qmp_done *done, void *owner)
{
    qmp_execute_decoded(session, command, arguments, done_came,
                        (qmp_untyped_done *)done, owner);
}

static void
status_came(qmp_untyped_done *done, void *owner, struct json_object *result,
            const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_status status = {0};

    if (!err && qmp_decode_status(result, &status, &bad) < 0) {
        err = &bad;
    }
    ((qmp_status_done *)done)(owner, err ? NULL : &status, err);
}

static void
balloon_came(qmp_untyped_done *done, void *owner, struct json_object *result,
             const struct error *err)
{
    AUTO_ERROR bad = {0};
    uint64_t size = 0;

    if (!err && qmp_decode_balloon(result, &size, &bad) < 0) {
        err = &bad;
    }
    ((qmp_number_done *)done)(owner, size, err);
}

static void
chardevs_came(qmp_untyped_done *done, void *owner, struct json_object *result,
              const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_chardevs list = {0};

    if (!err && qmp_decode_chardevs(result, &list, &bad) < 0) {
        err = &bad;
    }
    ((qmp_chardevs_done *)done)(owner, err ? NULL : &list, err);
    free(list.items);
}

static void
vnc_came(qmp_untyped_done *done, void *owner, struct json_object *result,
         const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_vnc vnc = {0};

    if (!err && qmp_decode_vnc(result, &vnc, &bad) < 0) {
        err = &bad;
    }
    ((qmp_vnc_done *)done)(owner, err ? NULL : &vnc, err);
}

static void
blockstats_came(qmp_untyped_done *done, void *owner, struct json_object *result,
                const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_blockstats_list list = {0};

    if (!err && qmp_decode_blockstats(result, &list, &bad) < 0) {
        err = &bad;
    }
    ((qmp_blockstats_done *)done)(owner, err ? NULL : &list, err);
    free(list.items);
}

static void
cpus_came(qmp_untyped_done *done, void *owner, struct json_object *result,
          const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_cpus list = {0};

    if (!err && qmp_decode_cpus(result, &list, &bad) < 0) {
        err = &bad;
    }
    ((qmp_cpus_done *)done)(owner, err ? NULL : &list, err);
    free(list.items);
}

static void
cpu_model_came(qmp_untyped_done *done, void *owner, struct json_object *result,
               const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_cpu_model model = {0};

    if (!err && qmp_decode_cpu_model(result, &model, &bad) < 0) {
        err = &bad;
    }
    ((qmp_cpu_model_done *)done)(owner, err ? NULL : &model, err);
    free(model.properties);
}

static void
properties_came(qmp_untyped_done *done, void *owner, struct json_object *result,
                const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_properties list = {0};

    if (!err && qmp_decode_qom_list(result, &list, &bad) < 0) {
        err = &bad;
    }
    ((qmp_properties_done *)done)(owner, err ? NULL : &list, err);
    free(list.items);
}

static void
value_came(qmp_untyped_done *done, void *owner, struct json_object *result,
           const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_value value = {0};

    if (!err && qmp_decode_value(result, &value, &bad) < 0) {
        err = &bad;
    }
    ((qmp_value_done *)done)(owner, err ? NULL : &value, err);
}

static void
texts_came(qmp_untyped_done *done, void *owner, struct json_object *result,
           const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_texts texts = {0};

    if (!err && qmp_decode_texts(result, &texts, &bad) < 0) {
        err = &bad;
    }
    ((qmp_texts_done *)done)(owner, err ? NULL : &texts, err);
    free(texts.items);
}

static void
machines_came(qmp_untyped_done *done, void *owner, struct json_object *result,
              const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_machines list = {0};

    if (!err && qmp_decode_machines(result, &list, &bad) < 0) {
        err = &bad;
    }
    ((qmp_machines_done *)done)(owner, err ? NULL : &list, err);
    free(list.items);
}

static void
cpu_definitions_came(qmp_untyped_done *done, void *owner,
                     struct json_object *result, const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_cpu_definitions list = {0};

    if (!err && qmp_decode_cpu_definitions(result, &list, &bad) < 0) {
        err = &bad;
    }
    ((qmp_cpu_definitions_done *)done)(owner, err ? NULL : &list, err);
    free(list.items);
}

static void
kvm_came(qmp_untyped_done *done, void *owner, struct json_object *result,
         const struct error *err)
{
    AUTO_ERROR bad = {0};
    struct qmp_kvm kvm = {0};

    if (!err && qmp_decode_kvm(result, &kvm, &bad) < 0) {
        err = &bad;
    }
    ((qmp_kvm_done *)done)(owner, err ? NULL : &kvm, err);
}

static void
name_came(qmp_untyped_done *done, void *owner, struct json_object *result,
          const struct error *err)
{
    AUTO_ERROR bad = {0};
    const char *text = NULL;

    if (!err) {
        qmp_decode_text(result, "query-name", "name", &text, &bad);
    }
    text_came((qmp_text_done *)done, owner, text, err, &bad);
}

static void
uuid_came(qmp_untyped_done *done, void *owner, struct json_object *result,
          const struct error *err)
{
    AUTO_ERROR bad = {0};
    const char *text = NULL;

    if (!err) {
        qmp_decode_text(result, "query-uuid", "UUID", &text, &bad);
    }
    text_came((qmp_text_done *)done, owner, text, err, &bad);
}

static void
target_came(qmp_untyped_done *done, void *owner, struct json_object *result,
            const struct error *err)
{
    AUTO_ERROR bad = {0};
    const char *text = NULL;

    if (!err) {
        qmp_decode_text(result, "query-target", "arch", &text, &bad);
    }
    text_came((qmp_text_done *)done, owner, text, err, &bad);
}

static void
text_came(qmp_text_done *done, void *owner, const char *text,
          const struct error *err, const struct error *bad)
{
    if (!err && error_is_set(bad)) {
        err = bad;
    }
    done(owner, err ? NULL : text, err);
}
