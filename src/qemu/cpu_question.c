/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/cpu_question.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* What the boards of x86 call the first CPU.  All of a guest are alike. */
static const char usual_path[] = "/machine/unattached/device[0]";

static void unavailable_came(void *owner, const struct qmp_texts *texts,
                             const struct error *err);
static void path_came(void *owner, const struct qmp_cpus *list,
                      const struct error *err);
static void elsewhere_came(void *owner, const struct qmp_texts *texts,
                           const struct error *err);
static void expansion_came(void *owner, const struct qmp_cpu_model *model,
                           const struct error *err);
static void answered(struct qemu_cpu_question *question,
                     const struct error *err);
static int read_unavailable(struct qemu_cpu_question *question,
                            const struct qmp_texts *texts, struct error *err);
static const struct qmp_value *find(const struct qmp_cpu_model *expansion,
                                    const char *name, enum qmp_value_kind kind);
static int number_of(const struct qmp_value *value);

void
qemu_cpu_ask(struct qemu_cpu_question *question, struct qmp_session *session,
             const char *model, qemu_cpu_answer *done, void *owner)
{
    struct qmp_cpu_model asked = {.name = model};
    AUTO_ERROR err = {0};

    *question = (struct qemu_cpu_question){
        .session = session,
        .pending = 2,
        .unavailable = guest_seen_cpu_new(model, &err),
        .done = done,
        .owner = owner,
    };
    if (!question->unavailable) {
        question->pending = 1;
        answered(question, &err);
        return;
    }
    qmp_qom_get_texts(session, usual_path, "unavailable-features",
                      unavailable_came, question);
    qmp_query_cpu_model_expansion(session, "static", &asked, expansion_came,
                                  question);
}

void
qemu_cpu_question_done(struct qemu_cpu_question *question)
{
    if (question->pending > 0) {
        qmp_forget(question->session, question);
    }
    guest_seen_cpu_free(question->cpu);
    guest_seen_cpu_free(question->unavailable);
    error_clear(&question->err);
    *question = (struct qemu_cpu_question){0};
}

/* What is on and off.  Numbers and texts are not features, except for those
 * that say whose CPU it is. */
struct guest_seen_cpu *
qemu_cpu_read(const char *model, const struct qmp_cpu_model *expansion,
              struct error *err)
{
    AUTO(guest_seen_cpu) *cpu = guest_seen_cpu_new(model, err);
    const struct qmp_value *vendor = find(expansion, "vendor", QMP_VALUE_TEXT);

    if (!cpu) {
        return NULL;
    }
    for (size_t i = 0; i < expansion->count; i++) {
        const struct qmp_property *property = &expansion->properties[i];

        if (property->value.kind == QMP_VALUE_BOOL &&
            guest_seen_cpu_add(cpu, property->name,
                               property->value.boolean ? GUEST_SEEN
                                                       : GUEST_SEEN_NOT,
                               err) < 0) {
            error_wrap(err, "QEMU's reply to 'query-cpu-model-expansion'");
            return NULL;
        }
    }
    if (cpu->count == 0) {
        error_set(err, ERROR_INTERNAL,
                  "QEMU's reply to 'query-cpu-model-expansion' has no"
                  " features");
        return NULL;
    }
    guest_seen_cpu_sort(cpu);
    if (vendor) {
        guest_seen_cpu_set_identity(
            cpu, vendor->text,
            number_of(find(expansion, "family", QMP_VALUE_NUMBER)),
            number_of(find(expansion, "model", QMP_VALUE_NUMBER)));
    }
    return STEAL(cpu);
}

/* An error may be that the CPU has another name. */
static void
unavailable_came(void *owner, const struct qmp_texts *texts,
                 const struct error *err)
{
    struct qemu_cpu_question *question = owner;

    if (err && err->code != ERROR_PEER_LOST) {
        qmp_query_cpus_fast(question->session, path_came, question);
    } else {
        elsewhere_came(question, texts, err);
    }
}

static void
path_came(void *owner, const struct qmp_cpus *list, const struct error *failed)
{
    struct qemu_cpu_question *question = owner;
    AUTO_ERROR err = {0};

    if (!failed && (list->count == 0 || !list->items[0].qom_path)) {
        error_set(&err, ERROR_INTERNAL, "QEMU tells of no CPU");
        failed = &err;
    }
    if (failed) {
        answered(question, failed);
    } else {
        qmp_qom_get_texts(question->session, list->items[0].qom_path,
                          "unavailable-features", elsewhere_came, question);
    }
}

static void
elsewhere_came(void *owner, const struct qmp_texts *texts,
               const struct error *failed)
{
    struct qemu_cpu_question *question = owner;
    AUTO_ERROR err = {0};

    if (!failed && read_unavailable(question, texts, &err) < 0) {
        failed = &err;
    }
    answered(question, failed);
}

static void
expansion_came(void *owner, const struct qmp_cpu_model *model,
               const struct error *failed)
{
    struct qemu_cpu_question *question = owner;
    AUTO_ERROR err = {0};

    if (!failed) {
        question->cpu =
            qemu_cpu_read(question->unavailable->model, model, &err);
        failed = question->cpu ? NULL : &err;
    }
    answered(question, failed);
}

/* 'done' may ask again, and so reuse the question's memory. */
static void
answered(struct qemu_cpu_question *question, const struct error *err)
{
    AUTO(guest_seen_cpu) *cpu = NULL;
    AUTO_ERROR failure = {0};

    if (err && !error_is_set(&question->err)) {
        error_copy(&question->err, err);
    }
    if (--question->pending > 0) {
        return;
    }
    error_move(&failure, &question->err);
    if (!error_is_set(&failure)) {
        cpu = STEAL(question->cpu);
        guest_seen_cpu_withhold(cpu, question->unavailable);
    }
    qemu_cpu_answer *done = question->done;
    void *owner = question->owner;

    qemu_cpu_question_done(question);
    done(owner, STEAL(cpu), error_is_set(&failure) ? &failure : NULL);
}

static int
read_unavailable(struct qemu_cpu_question *question,
                 const struct qmp_texts *texts, struct error *err)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (guest_seen_cpu_add(question->unavailable, texts->items[i],
                               GUEST_SEEN_WITHHELD, err) < 0) {
            return error_wrap(err, "QEMU's list of unavailable features");
        }
    }
    return 0;
}

/* The last of that name counts, as in JSON. */
static const struct qmp_value *
find(const struct qmp_cpu_model *expansion, const char *name,
     enum qmp_value_kind kind)
{
    const struct qmp_value *found = NULL;

    for (size_t i = 0; i < expansion->count; i++) {
        const struct qmp_property *property = &expansion->properties[i];

        if (property->value.kind == kind && strcmp(property->name, name) == 0) {
            found = &property->value;
        }
    }
    return found;
}

static int
number_of(const struct qmp_value *value)
{
    return value && value->number >= 0 && value->number <= INT_MAX
               ? (int)value->number
               : 0;
}
