/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/capabilities_replies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "qmp/decode.h"
#include "qmp/message.h"
#include "qmp/reader.h"

enum {
    FILE_VERSION = 1,
    FILE_LIMIT = 8 * 1024 * 1024, /* Larger ones are not ours. */
};

static int decode_parts(struct json_object *replies,
                        struct qemu_capabilities *caps, struct error *err);
static int decode_machines(struct json_object *reply,
                           const struct qmp_cpu_definitions *models,
                           struct qemu_capabilities *caps, struct error *err);
static void copy_cpu_models(const struct qmp_cpu_definitions *list,
                            struct qemu_capabilities *caps);
static const char *model_of_type(const struct qmp_cpu_definitions *models,
                                 const char *type);
static char *file_path(const char *folder, const char *binary);
static struct json_object *read_file(const char *path);

struct qemu_capabilities *
qemu_capabilities_decode(struct json_object *replies, const char *binary,
                         struct error *err)
{
    struct qemu_capabilities *caps = xcalloc(1, sizeof(*caps));

    caps->binary = xstrdup(binary);
    if (decode_parts(replies, caps, err) < 0) {
        qemu_capabilities_free(caps);
        return NULL;
    }
    return caps;
}

void
qemu_capabilities_free(struct qemu_capabilities *caps)
{
    if (!caps) {
        return;
    }
    for (size_t i = 0; i < caps->machine_count; i++) {
        free(caps->machines[i].name);
        free(caps->machines[i].alias);
        free(caps->machines[i].default_cpu);
    }
    for (size_t i = 0; i < caps->cpu_model_count; i++) {
        free(caps->cpu_models[i].name);
        free(caps->cpu_models[i].alias_of);
    }
    free(caps->machines);
    free(caps->cpu_models);
    free(caps->binary);
    free(caps->package);
    free(caps->arch);
    free(caps);
}

int
qemu_binary_stamp_read(const char *binary, struct qemu_binary_stamp *stamp,
                       struct error *err)
{
    struct stat status;

    if (stat(binary, &status) < 0) {
        return error_set_errno(err, errno, "looking for QEMU's binary %s",
                               binary);
    }
    *stamp = (struct qemu_binary_stamp){
        .mtime_ns = status.st_mtim.tv_sec * INT64_C(1000000000) +
                    status.st_mtim.tv_nsec,
        .size = status.st_size,
        .may_use_kvm = access("/dev/kvm", R_OK | W_OK) == 0,
    };
    return 0;
}

bool
qemu_binary_stamp_is_equal(const struct qemu_binary_stamp *a,
                           const struct qemu_binary_stamp *b)
{
    return a->mtime_ns == b->mtime_ns && a->size == b->size &&
           a->may_use_kvm == b->may_use_kvm;
}

void
qemu_replies_save(const char *folder, const char *binary,
                  const struct qemu_binary_stamp *stamp,
                  struct json_object *replies)
{
    AUTO_FREE char *path = file_path(folder, binary);
    AUTO_FREE char *temporary = xasprintf("%s.new", path);
    struct json_object *file = json_object_new_object();

    json_object_object_add(file, "version", json_object_new_int(FILE_VERSION));
    json_object_object_add(file, "binary", json_object_new_string(binary));
    json_object_object_add(file, "mtime_ns",
                           json_object_new_int64(stamp->mtime_ns));
    json_object_object_add(file, "size", json_object_new_int64(stamp->size));
    json_object_object_add(file, "may_use_kvm",
                           json_object_new_boolean(stamp->may_use_kvm));
    json_object_object_add(file, "replies", json_object_get(replies));

    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        bool is_written =
            json_object_to_fd(fd, file, JSON_C_TO_STRING_PLAIN) == 0;

        if (close(fd) < 0 || !is_written || rename(temporary, path) < 0) {
            unlink(temporary);
        }
    }
    json_object_put(file);
}

struct json_object *
qemu_replies_load(const char *folder, const char *binary,
                  const struct qemu_binary_stamp *stamp)
{
    AUTO_FREE char *path = file_path(folder, binary);
    AUTO_ERROR err = {0};
    struct json_object *file = read_file(path);
    struct qmp_reader reader = qmp_reader_new(file, path, &err);
    struct qemu_binary_stamp saved = {
        .mtime_ns = qmp_read_signed(&reader, "mtime_ns"),
        .size = qmp_read_signed(&reader, "size"),
        .may_use_kvm = qmp_read_boolean(&reader, "may_use_kvm"),
    };
    struct json_object *replies = qmp_read_object(&reader, "replies").object;

    if (qmp_read_number(&reader, "version", FILE_VERSION) != FILE_VERSION ||
        strcmp(qmp_read_text(&reader, "binary"), binary) != 0 ||
        qmp_reader_end(&reader) < 0 ||
        !qemu_binary_stamp_is_equal(&saved, stamp)) {
        replies = NULL;
    }
    replies = json_object_get(replies);
    json_object_put(file);
    return replies;
}

static int
decode_parts(struct json_object *replies, struct qemu_capabilities *caps,
             struct error *err)
{
    struct qmp_reader reader =
        qmp_reader_new(replies, "what QEMU said of itself", err);
    struct qmp_reader greeting = qmp_read_object(&reader, "greeting");
    struct qmp_cpu_definitions models = {0};
    struct qmp_migration_capabilities migration = {0};
    struct qmp_kvm kvm = {0};
    const char *arch = NULL;
    int result = -1;

    caps->major = (unsigned)qmp_read_number(&greeting, "major", 999);
    caps->minor = (unsigned)qmp_read_number(&greeting, "minor", 999);
    caps->micro = (unsigned)qmp_read_number(&greeting, "micro", 999);
    caps->package = xstrdup(qmp_read_text(&greeting, "package"));
    if (qmp_reader_end(&reader) < 0 ||
        qmp_decode_kvm(json_object_object_get(replies, "query-kvm"), &kvm,
                       err) < 0 ||
        qmp_decode_text(json_object_object_get(replies, "query-target"),
                        "query-target", "arch", &arch, err) < 0 ||
        qmp_decode_migration_capabilities(
            json_object_object_get(replies, "query-migrate-capabilities"),
            &migration, err) < 0) {
        return -1;
    }
    caps->is_kvm_present = kvm.is_present;
    caps->is_kvm_enabled = kvm.is_enabled;
    caps->arch = xstrdup(arch ? arch : "");
    caps->migration_capabilities = migration.known;
    if (!qmp_has(&reader, "query-cpu-definitions") ||
        qmp_decode_cpu_definitions(
            json_object_object_get(replies, "query-cpu-definitions"), &models,
            err) == 0) {
        copy_cpu_models(&models, caps);
        result =
            decode_machines(json_object_object_get(replies, "query-machines"),
                            &models, caps, err);
    }
    free(models.items);
    return result;
}

static int
decode_machines(struct json_object *reply,
                const struct qmp_cpu_definitions *models,
                struct qemu_capabilities *caps, struct error *err)
{
    struct qmp_machines list = {0};

    if (qmp_decode_machines(reply, &list, err) < 0) {
        return -1;
    }
    caps->machines = xcalloc(list.count, sizeof(*caps->machines));
    caps->machine_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        const struct qmp_machine *from = &list.items[i];

        caps->machines[i] = (struct qemu_machine){
            .name = xstrdup(from->name),
            .alias = xstrdup_null(from->alias),
            .default_cpu =
                xstrdup_null(model_of_type(models, from->default_cpu)),
            .max_cpus = from->max_cpus,
            .is_default = from->is_default,
            .is_deprecated = from->is_deprecated,
        };
    }
    free(list.items);
    return 0;
}

static void
copy_cpu_models(const struct qmp_cpu_definitions *list,
                struct qemu_capabilities *caps)
{
    caps->cpu_models = xcalloc(list->count, sizeof(*caps->cpu_models));
    caps->cpu_model_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        const struct qmp_cpu_definition *from = &list->items[i];

        caps->cpu_models[i] = (struct qemu_cpu_model){
            .name = xstrdup(from->name),
            .alias_of = xstrdup_null(from->alias_of),
            .is_usable = from->is_usable,
            .is_deprecated = from->is_deprecated,
        };
    }
}

static const char *
model_of_type(const struct qmp_cpu_definitions *models, const char *type)
{
    for (size_t i = 0; i < models->count; i++) {
        if (is_same_text(models->items[i].type, type)) {
            return models->items[i].name;
        }
    }
    return NULL;
}

/* The hash keeps binaries of the same name apart; one that hits another's file
 * finds its path in it. */
static char *
file_path(const char *folder, const char *binary)
{
    const char *slash = strrchr(binary, '/');
    uint32_t hash = 2166136261u;

    for (const char *c = binary; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    }
    return xasprintf("%s/%.100s-%08x.json", folder, slash ? slash + 1 : binary,
                     hash);
}

static struct json_object *
read_file(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_ERROR err = {0};
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0 || status.st_size > FILE_LIMIT) {
        return NULL;
    }
    size_t size = (size_t)status.st_size;
    AUTO_FREE char *text = xcalloc(size + 1, 1);
    if (read(fd, text, size) != (ssize_t)size) {
        return NULL;
    }
    struct json_tokener *tokener = qmp_tokener_new();
    struct json_object *file = qmp_message_parse(tokener, text, size, &err);

    json_tokener_free(tokener);
    return file;
}
