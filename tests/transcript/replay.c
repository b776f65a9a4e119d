/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Replays transcripts of a rule table: replay MACHINE FOLDER [--update]
 *
 * A transcript is a story of one migration, an event a line, with what the
 * table makes of it; a line that begins with '#' is for the reader:
 *
 *     # The destination has no room.
 *     BEGUN                  -> LOOKING CALL_LOOK
 *     PREPARE_FAILED         -> not in LOOKING
 *
 * Each .txt file of the folder is a test; it starts in the machine's first
 * state.  One more test fails while a rule of the table is in no story.
 * --update writes the right halves of the lines anew. */

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "migrate/coordinator.h"
#include "migrate/destination.h"
#include "migrate/source.h"

struct named_rule {
    const char *in;
    const char *on;
};

/* A rule table, with everything named.  To add one, add a row to 'machines'. */
struct machine {
    const char *name;
    /* Writes what the event does, and the new state; false: no such event. */
    bool (*step)(int *state, const char *event, char **outcome);
    const char *(*state_name)(int state);
    const struct named_rule *rules;
    size_t rule_count;
};

#define RULE(in, on, to, act) {#in, #on},
static const struct named_rule coordinator_v3_rules[] = {
#include "migrate/coordinator_v3.def"
};
static const struct named_rule coordinator_v2_rules[] = {
#include "migrate/coordinator_v2.def"
};
static const struct named_rule source_named_rules[] = {
#include "migrate/source.def"
};
static const struct named_rule destination_named_rules[] = {
#include "migrate/destination.def"
};
#undef RULE

static const char *
coordinator_name(int state)
{
    return coordinator_state_name((enum coordinator_state)state);
}

static bool
step_coordinator(enum coordinator_protocol protocol, int *state,
                 const char *event, char **outcome)
{
    enum coordinator_state now = (enum coordinator_state) * state;
    enum coordinator_action action;
    enum coordinator_event on;

    if (!coordinator_event_parse(event, &on)) {
        return false;
    }
    on = coordinator_event_in(protocol, now, on);
    if (coordinator_step(protocol, &now, on, &action)) {
        *outcome = xasprintf("%s %s", coordinator_state_name(now),
                             coordinator_action_name(action));
    } else {
        *outcome = xasprintf("not in %s", coordinator_state_name(now));
    }
    *state = (int)now;
    return true;
}

static bool
coordinator_v3(int *state, const char *event, char **outcome)
{
    return step_coordinator(COORDINATOR_V3, state, event, outcome);
}

static bool
coordinator_v2(int *state, const char *event, char **outcome)
{
    return step_coordinator(COORDINATOR_V2, state, event, outcome);
}

static bool
step_rules(const struct rules *rules, int *state, const char *event,
           char **outcome)
{
    int on = rules_name_find(rules->events, rules->event_count, event);
    const struct rule *rule;

    if (on < 0) {
        return false;
    }
    rule = rules_find(rules, (unsigned)*state, (unsigned)on);
    if (rule) {
        *outcome = xasprintf("%s %s", rules->states[rule->to],
                             rules->actions[rule->act]);
        *state = rule->to;
    } else {
        *outcome = xasprintf("not in %s", rules->states[*state]);
    }
    return true;
}

static bool
source_step(int *state, const char *event, char **outcome)
{
    return step_rules(&source_rules, state, event, outcome);
}

static const char *
source_name(int state)
{
    return source_rules.states[state];
}

static bool
destination_step(int *state, const char *event, char **outcome)
{
    return step_rules(&destination_rules, state, event, outcome);
}

static const char *
destination_name(int state)
{
    return destination_rules.states[state];
}

static const struct machine machines[] = {
    {"source",         source_step,      source_name,      source_named_rules,
     ARRAY_COUNT(source_named_rules)     },
    {"destination",    destination_step, destination_name, destination_named_rules,
     ARRAY_COUNT(destination_named_rules)},
    {"coordinator_v3", coordinator_v3,   coordinator_name, coordinator_v3_rules,
     ARRAY_COUNT(coordinator_v3_rules)   },
    {"coordinator_v2", coordinator_v2,   coordinator_name, coordinator_v2_rules,
     ARRAY_COUNT(coordinator_v2_rules)   },
};

static const struct machine *
find_machine(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(machines); i++) {
        if (strcmp(machines[i].name, name) == 0) {
            return &machines[i];
        }
    }
    fprintf(stderr, "replay: no machine is called %s\n", name);
    exit(2);
}

static void
mark_walked(const struct machine *machine, bool *walked, int state,
            const char *event)
{
    for (size_t i = 0; i < machine->rule_count; i++) {
        if (strcmp(machine->rules[i].in, machine->state_name(state)) == 0 &&
            strcmp(machine->rules[i].on, event) == 0) {
            walked[i] = true;
        }
    }
}

/* Says what the table makes of 'line', in the form of a transcript's line. */
static char *
play_line(const struct machine *machine, const char *line, int *state,
          bool *walked)
{
    AUTO_FREE char *event = xstrndup(line, strcspn(line, " \t\n"));
    AUTO_FREE char *outcome = NULL;

    if (event[0] == '\0' || event[0] == '#') {
        return xstrdup(line);
    }
    mark_walked(machine, walked, *state, event);
    if (!machine->step(state, event, &outcome)) {
        return xasprintf("%-20s -> no such event\n", event);
    }
    return xasprintf("%-20s -> %s\n", event, outcome);
}

/* Fills 'played' with the whole story; true where it is what is written. */
static bool
play(const struct machine *machine, const char *path, struct text *played,
     bool *walked)
{
    AUTO_FREE char *line = NULL;
    bool is_same = true;
    size_t size = 0;
    unsigned number = 0;
    int state = 0;
    FILE *file = fopen(path, "re");

    if (!file) {
        perror(path);
        exit(2);
    }
    while (getline(&line, &size, file) > 0) {
        AUTO_FREE char *expected = play_line(machine, line, &state, walked);

        number++;
        text_add(played, expected);
        if (strcmp(expected, line) != 0) {
            printf("# %s:%u\n# written: %s# now:     %s", path, number, line,
                   expected);
            is_same = false;
        }
    }
    fclose(file);
    return is_same;
}

static void
rewrite(const char *path, const struct text *played)
{
    FILE *file = fopen(path, "we");

    if (!file || fputs(played->data, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(2);
    }
}

static bool
report_unwalked(const struct machine *machine, const bool *walked)
{
    bool is_complete = true;

    for (size_t i = 0; i < machine->rule_count; i++) {
        if (!walked[i]) {
            printf("# no story has %s in %s\n", machine->rules[i].on,
                   machine->rules[i].in);
            is_complete = false;
        }
    }
    return is_complete;
}

static int
is_transcript(const struct dirent *entry)
{
    return has_suffix(entry->d_name, ".txt");
}

/* One file, as TAP. */
static bool
test_story(const struct machine *machine, const char *path, bool is_update,
           bool *walked)
{
    AUTO_TEXT played = {0};
    bool is_same = play(machine, path, &played, walked);

    if (is_update && !is_same) {
        rewrite(path, &played);
    }
    return is_same;
}

int
main(int argc, char **argv)
{
    const struct machine *machine = find_machine(argc > 2 ? argv[1] : "");
    bool *walked = xcalloc(machine->rule_count, sizeof *walked);
    bool is_update = argc > 3 && strcmp(argv[3], "--update") == 0;
    bool is_good = true;
    struct dirent **entries;
    int count = scandir(argv[2], &entries, is_transcript, alphasort);

    if (count < 0) {
        perror(argv[2]);
        return 2;
    }
    printf("1..%d\n", count + 1);
    for (int i = 0; i < count; i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", argv[2], entries[i]->d_name);
        bool is_same = test_story(machine, path, is_update, walked);

        printf("%s %d - %s\n", is_same ? "ok" : "not ok", i + 1,
               entries[i]->d_name);
        is_good = is_good && is_same;
        free(entries[i]);
    }
    free(entries);
    if (!report_unwalked(machine, walked)) {
        printf("not ");
        is_good = false;
    }
    printf("ok %d - every rule is in a story\n", count + 1);
    free(walked);
    return is_good ? 0 : 1;
}
