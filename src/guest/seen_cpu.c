/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "guest/seen_cpu.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { NAMES_TOLD_MAX = 16 }; /* Of each kind, in an error. */

/* A list of names for a person: "missing features: a, b". */
struct name_list {
    const char *title;
    struct text text;
    size_t count;
};

/* Where a feature of libvirt's is not spelt as QEMU's after '_' has become '-'.
 * QEMU has the names on the left as aliases. */
static const struct {
    const char *alias;
    const char *name;
} aliases[] = {
    {"ffxsr",    "fxsr-opt" },
    {"i64",      "lm"       },
    {"pclmuldq", "pclmulqdq"},
    {"sse3",     "pni"      },
    {"sse4-1",   "sse4.1"   },
    {"sse4-2",   "sse4.2"   },
    {"xd",       "nx"       },
};

static int check_name(const char *name, struct error *err);
static bool is_name_character(char c);
static int compare_features(const void *a, const void *b);
static int parse_word(struct guest_seen_cpu *cpu, const char *word,
                      struct error *err);
static int set_text(char **text, const char *value, char separator,
                    struct error *err);
static void list_absent(struct name_list *list,
                        const struct guest_seen_cpu *from,
                        const struct guest_seen_cpu *in);
static void list_add(struct name_list *list, const char *name);
static void list_end(struct name_list *list, struct text *text);
static bool is_seen(const struct guest_seen_cpu *cpu, const char *name);
static char *qemu_name(const char *name);

struct guest_seen_cpu *
guest_seen_cpu_new(const char *model, struct error *err)
{
    struct guest_seen_cpu *cpu;

    if (check_name(model, err) < 0) {
        return NULL;
    }
    cpu = xcalloc(1, sizeof(*cpu));
    cpu->model = xstrdup(model);
    return cpu;
}

void
guest_seen_cpu_free(struct guest_seen_cpu *cpu)
{
    if (!cpu) {
        return;
    }
    for (size_t i = 0; i < cpu->count; i++) {
        free(cpu->features[i].name);
    }
    free(cpu->features);
    free(cpu->model);
    free(cpu->identity);
    free(cpu);
}

int
guest_seen_cpu_add(struct guest_seen_cpu *cpu, const char *name,
                   enum guest_seen seen, struct error *err)
{
    if (cpu->count >= GUEST_SEEN_CPU_FEATURES_MAX) {
        return error_set(err, ERROR_INTERNAL, "a CPU with too many features");
    }
    if (check_name(name, err) < 0) {
        return -1;
    }
    cpu->features = array_grow(cpu->features, &cpu->capacity, cpu->count,
                               sizeof(*cpu->features));
    cpu->features[cpu->count++] =
        (struct guest_seen_feature){xstrdup(name), seen};
    return 0;
}

/* Of features with one name, the first stays. */
void
guest_seen_cpu_sort(struct guest_seen_cpu *cpu)
{
    size_t kept = 0;

    if (cpu->count == 0) {
        return;
    }
    qsort(cpu->features, cpu->count, sizeof(*cpu->features), compare_features);
    for (size_t i = 1; i < cpu->count; i++) {
        if (strcmp(cpu->features[i].name, cpu->features[kept].name) == 0) {
            free(cpu->features[i].name);
        } else {
            cpu->features[++kept] = cpu->features[i];
        }
    }
    cpu->count = kept + 1;
}

struct guest_seen_feature *
guest_seen_cpu_find(const struct guest_seen_cpu *cpu, const char *name)
{
    const struct guest_seen_feature key = {.name = (char *)name};

    return cpu->count == 0 ? NULL
                           : bsearch(&key, cpu->features, cpu->count,
                                     sizeof(*cpu->features), compare_features);
}

void
guest_seen_cpu_withhold(struct guest_seen_cpu *cpu,
                        const struct guest_seen_cpu *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct guest_seen_feature *feature =
            from->features[i].seen == GUEST_SEEN_WITHHELD
                ? guest_seen_cpu_find(cpu, from->features[i].name)
                : NULL;

        if (feature) {
            feature->seen = GUEST_SEEN_WITHHELD;
        }
    }
}

void
guest_seen_cpu_set_identity(struct guest_seen_cpu *cpu, const char *vendor,
                            int family, int model)
{
    AUTO_FREE char *word = xstrndup(vendor, GUEST_SEEN_CPU_NAME_MAX / 2);

    for (char *c = word; *c; c++) {
        if (!is_name_character(*c)) {
            *c = '_';
        }
    }
    free(cpu->identity);
    cpu->identity = xasprintf("%s/%d/%d", word, family, model);
}

char *
guest_seen_cpu_format(const struct guest_seen_cpu *cpu)
{
    AUTO_TEXT text = {0};

    text_addf(&text, "model=%s", cpu->model);
    if (cpu->identity) {
        text_addf(&text, " identity=%s", cpu->identity);
    }
    for (size_t i = 0; i < cpu->count; i++) {
        const struct guest_seen_feature *feature = &cpu->features[i];

        if (feature->seen != GUEST_SEEN_NOT) {
            text_addf(&text, " %c%s", feature->seen == GUEST_SEEN ? '+' : '-',
                      feature->name);
        }
    }
    return text_take(&text);
}

struct guest_seen_cpu *
guest_seen_cpu_parse(const char *text, struct error *err)
{
    AUTO_FREE char *copy = xstrdup(text);
    AUTO(guest_seen_cpu) *cpu = xcalloc(1, sizeof(*cpu));
    char *rest = copy;

    for (char *word = strsep(&rest, " \n"); word; word = strsep(&rest, " \n")) {
        if (parse_word(cpu, word, err) < 0) {
            error_wrap(err, "the CPU that a guest sees");
            return NULL;
        }
    }
    if (!cpu->model) {
        error_set(err, ERROR_INTERNAL,
                  "the CPU that a guest sees has no model");
        return NULL;
    }
    guest_seen_cpu_sort(cpu);
    return STEAL(cpu);
}

char *
guest_seen_cpu_difference(const struct guest_seen_cpu *there,
                          const struct guest_seen_cpu *here)
{
    struct name_list missing = {.title = "missing features"};
    struct name_list extra = {.title = "extra features"};
    AUTO_TEXT text = {0};

    list_absent(&missing, there, here);
    list_absent(&extra, here, there);
    list_end(&missing, &text);
    list_end(&extra, &text);
    if (there->identity && here->identity &&
        strcmp(there->identity, here->identity) != 0) {
        text_addf(&text, "%s%s instead of %s", text.length ? "; " : "",
                  here->identity, there->identity);
    }
    return text.length ? text_take(&text) : NULL;
}

char *
guest_seen_cpu_lacks(const struct guest_seen_cpu *here,
                     const struct guest_cpu *there)
{
    struct name_list missing = {.title = "missing features"};
    AUTO_TEXT text = {0};

    for (size_t i = 0; i < there->features.count; i++) {
        const struct guest_cpu_feature *feature = there->features.items[i];
        AUTO_FREE char *name = qemu_name(feature->name);

        if (feature->policy == GUEST_CPU_POLICY_REQUIRE &&
            guest_seen_cpu_find(here, name) && !is_seen(here, name)) {
            list_add(&missing, name);
        }
    }
    list_end(&missing, &text);
    return text.length ? text_take(&text) : NULL;
}

static int
check_name(const char *name, struct error *err)
{
    size_t length = strlen(name);

    for (const char *c = name; *c; c++) {
        if (!is_name_character(*c)) {
            return error_set(err, ERROR_INTERNAL,
                             "a CPU's name or feature has a character"
                             " that it can't have");
        }
    }
    if (length == 0 || length > GUEST_SEEN_CPU_NAME_MAX || name[0] == '-') {
        return error_set(err, ERROR_INTERNAL,
                         "a CPU's name or feature is empty, too long, or"
                         " begins with a dash");
    }
    return 0;
}

static bool
is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static int
compare_features(const void *a, const void *b)
{
    const struct guest_seen_feature *one = a;
    const struct guest_seen_feature *other = b;

    return strcmp(one->name, other->name);
}

static int
parse_word(struct guest_seen_cpu *cpu, const char *word, struct error *err)
{
    static const char model[] = "model=";
    static const char identity[] = "identity=";

    if (word[0] == '+' || word[0] == '-') {
        return guest_seen_cpu_add(
            cpu, word + 1, word[0] == '+' ? GUEST_SEEN : GUEST_SEEN_WITHHELD,
            err);
    }
    if (has_prefix(word, model)) {
        return set_text(&cpu->model, word + strlen(model), '\0', err);
    }
    if (has_prefix(word, identity)) {
        return set_text(&cpu->identity, word + strlen(identity), '/', err);
    }
    return 0;
}

/* Names with a separator between; '\0': just one. */
static int
set_text(char **text, const char *value, char separator, struct error *err)
{
    AUTO_FREE char *copy = xstrdup(value);

    for (char *c = copy; *c; c++) {
        if (*c == separator) {
            *c = '_';
        }
    }
    if (check_name(copy, err) < 0) {
        return -1;
    }
    free(*text);
    *text = xstrdup(value);
    return 0;
}

static void
list_absent(struct name_list *list, const struct guest_seen_cpu *from,
            const struct guest_seen_cpu *in)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct guest_seen_feature *feature = &from->features[i];

        if (feature->seen == GUEST_SEEN && !is_seen(in, feature->name)) {
            list_add(list, feature->name);
        }
    }
}

static void
list_add(struct name_list *list, const char *name)
{
    if (list->count++ < NAMES_TOLD_MAX) {
        text_addf(&list->text, "%s%s", list->text.length ? ", " : "", name);
    }
}

static void
list_end(struct name_list *list, struct text *text)
{
    if (list->count > 0) {
        text_addf(text, "%s%s: %s", text->length ? "; " : "", list->title,
                  list->text.data);
    }
    if (list->count > NAMES_TOLD_MAX) {
        text_addf(text, " and %zu more", list->count - NAMES_TOLD_MAX);
    }
    text_done(&list->text);
}

static bool
is_seen(const struct guest_seen_cpu *cpu, const char *name)
{
    const struct guest_seen_feature *feature = guest_seen_cpu_find(cpu, name);

    return feature && feature->seen == GUEST_SEEN;
}

static char *
qemu_name(const char *name)
{
    char *own = xstrdup(name);

    for (char *c = own; *c; c++) {
        if (*c == '_') {
            *c = '-';
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(aliases); i++) {
        if (strcmp(own, aliases[i].alias) == 0) {
            free(own);
            return xstrdup(aliases[i].name);
        }
    }
    return own;
}
