/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void parse_line(struct script *script, char *text, bool *is_for_us,
                       const char *guest);
static void parse_set(struct script *script, char *rest);
static void parse_deed(struct script *script, const char *where, char *rest);
static char *word(char **rest);

void
script_read(struct script *script, const char *guest)
{
    const char *path = getenv("FAKE_QEMU_SCRIPT");
    FILE *file = path ? fopen(path, "r") : NULL;
    bool is_for_us = true;
    char *text = NULL;
    size_t size = 0;

    *script = (struct script){.migration_ms = 100, .passes = 3};
    if (path && !file) {
        fprintf(stderr, "fake_qemu: can't read %s\n", path);
        leave(2);
    }
    while (file && getline(&text, &size, file) > 0) {
        text[strcspn(text, "\n")] = '\0';
        parse_line(script, text, &is_for_us, guest);
    }
    free(text);
    if (file) {
        fclose(file);
    }
}

const struct line *
script_next(struct script *script, const char *where)
{
    const struct line *found = NULL;

    for (size_t i = 0; i < script->count; i++) {
        struct line *line = &script->lines[i];

        if (strcmp(line->where, where) == 0) {
            line->seen++;
            if (!found && (line->nth == 0 || line->nth == line->seen)) {
                found = line;
            }
        }
    }
    return found;
}

static void
parse_line(struct script *script, char *text, bool *is_for_us,
           const char *guest)
{
    char *rest = text;
    const char *first = word(&rest);

    if (*first == '\0' || *first == '#') {
        return;
    }
    if (strcmp(first, "guest") == 0) {
        const char *name = word(&rest);

        *is_for_us = strcmp(name, "*") == 0 || is_same_text(name, guest);
        return;
    }
    if (!*is_for_us) {
        return;
    }
    if (strcmp(first, "set") == 0) {
        parse_set(script, rest);
        return;
    }
    parse_deed(script, first, rest);
}

static void
parse_set(struct script *script, char *rest)
{
    const char *name = word(&rest);
    long value = atol(word(&rest));

    if (strcmp(name, "migration-ms") == 0) {
        script->migration_ms = value;
    } else if (strcmp(name, "passes") == 0) {
        script->passes = value;
    } else if (strcmp(name, "converge-at-downtime-limit") == 0) {
        script->converge_at_ms = value;
    } else if (strcmp(name, "memory-mib") == 0) {
        script->memory_mib = value;
    } else {
        fprintf(stderr, "fake_qemu: script: can't set '%s'\n", name);
        leave(2);
    }
}

static void
parse_deed(struct script *script, const char *where, char *rest)
{
    static const char *const names[] = {
        [DEED_RETURN] = "return",   [DEED_ERROR] = "error",
        [DEED_NEVER] = "never",     [DEED_EXIT] = "exit",
        [DEED_KILL] = "kill",       [DEED_HANG] = "hang",
        [DEED_CLOSE] = "close",     [DEED_ENDLESS] = "endless",
        [DEED_GARBAGE] = "garbage", [DEED_DELAY] = "delay",
        [DEED_FAIL] = "fail",
    };
    struct line line = {.where = xstrdup(where)};
    const char *name = word(&rest);

    if (*name == '#') {
        line.nth = (unsigned)atoi(name + 1);
        name = word(&rest);
    }
    for (size_t i = 1; i < ARRAY_COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            line.deed = (enum deed)i;
        }
    }
    if (line.deed == DEED_DEFAULT) {
        fprintf(stderr, "fake_qemu: script: '%s' is no deed\n", name);
        leave(2);
    }
    if (line.deed == DEED_EXIT || line.deed == DEED_DELAY) {
        line.number = atol(word(&rest));
    }
    line.text = xstrdup(rest);
    script->lines = array_grow(script->lines, &script->capacity, script->count,
                               sizeof(*script->lines));
    script->lines[script->count++] = line;
}

/* Cuts the next word off. */
static char *
word(char **rest)
{
    char *start = *rest + strspn(*rest, " \t");
    size_t length = strcspn(start, " \t");

    *rest = start + length;
    if (**rest) {
        **rest = '\0';
        *rest += 1;
        *rest += strspn(*rest, " \t");
    }
    return start;
}
