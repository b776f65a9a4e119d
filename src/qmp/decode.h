/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the JSON of a reply to the structs of qmp/commands.h, without a session:
 * for the commands themselves, for replies that were kept, and for tests.  What
 * is filled is borrowed from 'result'; what is allocated is released by the
 * _done functions, also after a failure. */

#pragma once

#include "qmp/commands.h"

int qmp_decode_status(struct json_object *result, struct qmp_status *status,
                      struct error *err);
/* The text member of that name, NULL where it is missing. */
int qmp_decode_text(struct json_object *result, const char *command,
                    const char *member, const char **text, struct error *err);
int qmp_decode_balloon(struct json_object *result, uint64_t *size,
                       struct error *err);
int qmp_decode_chardevs(struct json_object *result, struct qmp_chardevs *list,
                        struct error *err);
int qmp_decode_vnc(struct json_object *result, struct qmp_vnc *vnc,
                   struct error *err);
int qmp_decode_blockstats(struct json_object *result,
                          struct qmp_blockstats_list *list, struct error *err);
int qmp_decode_cpus(struct json_object *result, struct qmp_cpus *list,
                    struct error *err);
int qmp_decode_cpu_model(struct json_object *result,
                         struct qmp_cpu_model *model, struct error *err);
int qmp_decode_qom_list(struct json_object *result, struct qmp_properties *list,
                        struct error *err);
int qmp_decode_value(struct json_object *result, struct qmp_value *value,
                     struct error *err);
int qmp_decode_texts(struct json_object *result, struct qmp_texts *texts,
                     struct error *err);
int qmp_decode_migration(struct json_object *result,
                         struct qmp_migration *migration, struct error *err);
int qmp_decode_migration_capabilities(struct json_object *result,
                                      struct qmp_migration_capabilities *set,
                                      struct error *err);
int qmp_decode_migration_parameters(struct json_object *result,
                                    struct qmp_migration_parameters *parameters,
                                    struct error *err);
int qmp_decode_machines(struct json_object *result, struct qmp_machines *list,
                        struct error *err);
int qmp_decode_cpu_definitions(struct json_object *result,
                               struct qmp_cpu_definitions *list,
                               struct error *err);
int qmp_decode_kvm(struct json_object *result, struct qmp_kvm *kvm,
                   struct error *err);
