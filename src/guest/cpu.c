/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "guest/grammar.h"

static bool is_match_written(const void *object);
static int finish_cpu(struct grammar_reader *reader, const xmlNode *node,
                      void *object);

static const struct grammar_field feature_fields[] = {
    ATTRIBUTE("policy", WORD(guest_cpu_feature, policy, guest_cpu_policy),
              INITIALLY(GUEST_CPU_POLICY_REQUIRE)),
    ATTRIBUTE("name", TEXT(guest_cpu_feature, name), FLAGS(FIELD_REQUIRED),
              .min = 1, .max = 64),
};
static const struct grammar guest_cpu_feature_grammar =
    GRAMMAR(guest_cpu_feature, feature_fields);

static const struct grammar_field model_fields[] = {
    ATTRIBUTE("fallback", WORD(guest_cpu, fallback, guest_cpu_fallback)),
    CONTENT(TEXT(guest_cpu, model), .max = 64),
};
static const struct grammar_field topology_fields[] = {
    ATTRIBUTE("sockets", UNSIGNED(guest_cpu, sockets, 1, GUEST_VCPUS_MAX),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("dies", UNSIGNED(guest_cpu, dies, 1, GUEST_VCPUS_MAX),
              INITIALLY(1)),
    ATTRIBUTE("cores", UNSIGNED(guest_cpu, cores, 1, GUEST_VCPUS_MAX),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("threads", UNSIGNED(guest_cpu, threads, 1, GUEST_VCPUS_MAX),
              FLAGS(FIELD_REQUIRED)),
};
static const struct grammar_field cpu_fields[] = {
    ATTRIBUTE("mode", WORD(guest_cpu, mode, guest_cpu_mode),
              INITIALLY(GUEST_CPU_MODE_CUSTOM)),
    ATTRIBUTE("match", WORD(guest_cpu, match, guest_cpu_match),
              .is_written = is_match_written),
    ATTRIBUTE("check", WORD(guest_cpu, check, guest_cpu_check)),
    ATTRIBUTE("migratable", ON_OFF(guest_cpu, migratable)),
    GROUP("model", model_fields),
    CHILD_CONTENT("vendor", TEXT(guest_cpu, vendor), .min = 1, .max = 12),
    GROUP("topology", topology_fields, PRESENCE(guest_cpu, has_topology)),
    LIST_OF("feature", guest_cpu, features, guest_cpu_feature,
            guest_cpu_feature),
};
const struct grammar guest_cpu_grammar =
    GRAMMAR(guest_cpu, cpu_fields, .finish = finish_cpu);

void
guest_cpu_format(struct text *text, const struct guest_cpu *cpu,
                 unsigned indent)
{
    struct grammar_writer writer = {text, 0, indent};

    grammar_write(&writer, "cpu", &guest_cpu_grammar, cpu);
}

struct guest_cpu *
guest_cpu_copy(const struct guest_cpu *cpu)
{
    return grammar_copy(&guest_cpu_grammar, cpu);
}

void
guest_cpu_free(struct guest_cpu *cpu)
{
    grammar_free(&guest_cpu_grammar, cpu);
}

void
guest_cpu_remove_features(struct guest_cpu *cpu)
{
    while (cpu->features.count > 0) {
        grammar_free(
            &guest_cpu_feature_grammar,
            guest_list_remove(&cpu->features, cpu->features.count - 1));
    }
}

static bool
is_match_written(const void *object)
{
    const struct guest_cpu *cpu = object;

    return cpu->mode == GUEST_CPU_MODE_CUSTOM;
}

static int
finish_cpu(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest_cpu *cpu = object;

    if (cpu->mode != GUEST_CPU_MODE_CUSTOM && cpu->model) {
        return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                              "CPU model specified with mode '%s' at line %ld",
                              guest_cpu_mode_name(cpu->mode),
                              xmlGetLineNo(node));
    }
    if (cpu->mode == GUEST_CPU_MODE_CUSTOM && !cpu->model &&
        cpu->features.count > 0) {
        return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                              "Non-empty feature list specified without CPU "
                              "model");
    }
    if (cpu->mode == GUEST_CPU_MODE_CUSTOM && cpu->model) {
        if (!cpu->match) {
            cpu->match = GUEST_CPU_MATCH_EXACT;
        }
        if (!cpu->fallback) {
            cpu->fallback = GUEST_CPU_FALLBACK_ALLOW;
        }
    }
    for (size_t i = 0; i < cpu->features.count; i++) {
        for (size_t k = 0; k < i; k++) {
            const char *name = cpu->features.items[i]->name;

            if (strcmp(name, cpu->features.items[k]->name) == 0) {
                return error_set_from(
                    reader->err, ERROR_FROM_XML, ERROR_XML,
                    "CPU feature '%s' specified more than once", name);
            }
        }
    }
    return 0;
}
