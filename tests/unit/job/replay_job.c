/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Replays a transcript of a domain's job lock and migration job: events in the
 * first column, what they lead to after "->", one line each.
 *
 *   # A query runs beside a migration, a change of the guest does not.
 *   ask M async:migration-out      -> granted M
 *   ask Q query                    -> granted Q
 *   ask S modify                   -> waits
 *   end                            ->
 *   at 30000                       -> refused S: cannot acquire ...
 *
 * Names are single letters, jobs are those of jobs.def with "-" for a blank,
 * times are in ms.  A migration job answers to start, phase, continue, enter,
 * active, finish, gone, expired; "disk full" and "disk ok" switch the hook that
 * saves. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "job/migration.h"

enum { ACTOR_COUNT = 26, WORD_COUNT = 6, LINE_SIZE = 512 };

struct actor {
    char client[16];
    struct job_request request;
    struct qemu_migration_start start;
    bool is_starting;
};

static struct job_lock lock;
static struct qemu_migration_job migration;
static struct actor actors[ACTOR_COUNT];
static struct text output;
static bool is_disk_full;
static int64_t now_ms;

static void
say(const char *what, const char *who, const struct error *err)
{
    text_addf(&output, "%s%s%s%s%s\n", what, *who ? " " : "", who,
              err ? ": " : "", err ? err->message : "");
}

static const char *
name_of(const struct actor *actor)
{
    static char name[2];

    name[0] = (char)('A' + (actor - actors));
    return name;
}

static void
request_granted(struct job_request *request)
{
    say("granted", name_of(container_of(request, struct actor, request)), NULL);
}

static void
request_refused(struct job_request *request, const struct error *err)
{
    say("refused", name_of(container_of(request, struct actor, request)), err);
}

static void
start_granted(struct qemu_migration_start *start)
{
    struct actor *actor = container_of(start, struct actor, start);

    actor->is_starting = false;
    say("granted", name_of(actor), NULL);
}

static void
start_refused(struct qemu_migration_start *start, const struct error *err)
{
    struct actor *actor = container_of(start, struct actor, start);

    actor->is_starting = false;
    say("refused", name_of(actor), err);
}

static int
changed(void *owner, struct error *err)
{
    (void)owner;
    if (is_disk_full) {
        return error_set(err, ERROR_SYSTEM, "no space for the record");
    }
    text_addf(&output, "saved %s %s%s\n", job_async_name(migration.facts.kind),
              qemu_migration_phase_name(migration.facts.phase),
              migration.facts.is_owned ? " owned" : "");
    return 0;
}

static void
say_result(int result, struct error *err)
{
    if (result < 0) {
        say("error", "", err);
    }
    error_clear(err);
}

static void
fail(const char *what, const char *word)
{
    fprintf(stderr, "replay_job: %s '%s'\n", what, word);
    exit(2);
}

static struct actor *
actor_of(const char *word)
{
    struct actor *actor;

    if (*word < 'A' || *word > 'Z' || word[1]) {
        fail("no name", word);
    }
    actor = &actors[*word - 'A'];
    snprintf(actor->client, sizeof(actor->client), "client %c", *word);
    return actor;
}

static void
ask(struct actor *actor, char *job, const char *wait)
{
    struct job_request *request = &actor->request;
    bool is_async = has_prefix(job, "async:");
    char *name = is_async ? job + strlen("async:") : job;

    for (char *c = name; *c; c++) {
        *c = *c == '-' ? ' ' : *c;
    }
    *request = (struct job_request){.api = "remoteDispatchTest",
                                    .client = actor->client,
                                    .granted = request_granted,
                                    .refused = request_refused};
    if (is_async ? !job_async_parse(name, &request->async)
                 : !job_parse(name, &request->job)) {
        fail("no job", name);
    }
    job_lock_ask(&lock, request, *wait ? atoll(wait) : JOB_LOCK_WAIT_MS,
                 now_ms);
    if (job_request_is_waiting(request)) {
        say("waits", "", NULL);
    }
}

static void
start(struct actor *actor, const char *kind)
{
    actor->is_starting = true;
    actor->start = (struct qemu_migration_start){
        .kind = strcmp(kind, "in") == 0 ? VIR_JOB_MIGRATION_IN
                                        : VIR_JOB_MIGRATION_OUT,
        .caller = {"remoteDispatchStart", actor->client,
                   (uint64_t)(actor - actors) + 1},
        .wait_ms = JOB_LOCK_WAIT_MS,
        .granted = start_granted,
        .refused = start_refused,
    };
    qemu_migration_job_start(&migration, &actor->start, now_ms);
    if (actor->is_starting) {
        say("waits", "", NULL);
    }
}

static enum qemu_migration_phase
phase_of(const char *word)
{
    enum qemu_migration_phase phase = QEMU_MIGRATION_PHASE_NONE;

    if (!qemu_migration_phase_parse(word, &phase)) {
        fail("no phase", word);
    }
    return phase;
}

static void
enter(const char *phase, const struct actor *actor)
{
    const struct qemu_migration_caller caller = {
        "remoteDispatchEnter", actor->client, (uint64_t)(actor - actors) + 1};
    AUTO_ERROR err = {0};

    say_result(qemu_migration_job_start_phase(&migration, phase_of(phase),
                                              &caller, now_ms, &err),
               &err);
}

/* Restarts the daemon: only the facts survive. */
static void
restart(void)
{
    struct qemu_migration_facts facts = migration.facts;
    AUTO_ERROR err = {0};

    job_lock_done(&lock);
    job_lock_init(&lock, "demo");
    migration.facts = (struct qemu_migration_facts){0};
    migration.client_id = 0;
    say_result(qemu_migration_job_restore(&migration, &facts, now_ms, &err),
               &err);
}

static bool
run_lock(char *words[])
{
    AUTO_ERROR err = {0};

    if (strcmp(words[0], "at") == 0) {
        now_ms = atoll(words[1]);
        job_lock_expire(&lock, now_ms);
    } else if (strcmp(words[0], "ask") == 0) {
        ask(actor_of(words[1]), words[2], words[3]);
    } else if (strcmp(words[0], "cancel") == 0) {
        job_lock_cancel(&lock, &actor_of(words[1])->request);
    } else if (strcmp(words[0], "end") == 0) {
        job_lock_end(&lock, now_ms);
    } else if (strcmp(words[0], "end-async") == 0) {
        job_lock_end_async(&lock, now_ms);
    } else if (strcmp(words[0], "max-queued") == 0) {
        job_lock_set_max_queued(&lock, (unsigned)atoi(words[1]));
    } else if (strcmp(words[0], "deadline") == 0) {
        text_addf(&output, "%" PRId64 "\n", job_lock_next_deadline(&lock));
    } else if (strcmp(words[0], "remove") == 0) {
        error_set(&err, ERROR_NO_DOMAIN, "domain is gone");
        job_lock_refuse_all(&lock, &err);
    } else {
        return false;
    }
    return true;
}

static bool
run_migration(char *words[])
{
    AUTO_ERROR err = {0};

    if (strcmp(words[0], "start") == 0) {
        start(actor_of(words[1]), words[2]);
    } else if (strcmp(words[0], "phase") == 0) {
        say_result(qemu_migration_job_set_phase(&migration, phase_of(words[1]),
                                                now_ms, &err),
                   &err);
    } else if (strcmp(words[0], "continue") == 0) {
        const struct actor *actor = actor_of(words[1]);

        say_result(qemu_migration_job_continue(
                       &migration, (uint64_t)(actor - actors) + 1,
                       *words[2] ? atoll(words[2]) : -1, &err),
                   &err);
    } else if (strcmp(words[0], "enter") == 0) {
        enter(words[1], actor_of(words[2]));
    } else if (strcmp(words[0], "active") == 0) {
        say_result(qemu_migration_job_is_active(&migration,
                                                strcmp(words[1], "in") == 0
                                                    ? VIR_JOB_MIGRATION_IN
                                                    : VIR_JOB_MIGRATION_OUT,
                                                &err),
                   &err);
    } else if (strcmp(words[0], "finish") == 0) {
        qemu_migration_job_finish(&migration, now_ms);
    } else if (strcmp(words[0], "disk") == 0) {
        is_disk_full = strcmp(words[1], "full") == 0;
    } else if (strcmp(words[0], "restart") == 0) {
        restart();
    } else {
        return false;
    }
    return true;
}

static bool
run_question(char *words[])
{
    if (strcmp(words[0], "gone") == 0) {
        const struct actor *actor = actor_of(words[1]);

        say(qemu_migration_job_is_orphaned(&migration,
                                           (uint64_t)(actor - actors) + 1)
                ? "clean up"
                : "nothing",
            "", NULL);
    } else if (strcmp(words[0], "expired") == 0) {
        say(qemu_migration_job_is_expired(&migration, now_ms) ? "yes" : "no",
            "", NULL);
    } else {
        return false;
    }
    return true;
}

static void
run(char *event)
{
    char *words[WORD_COUNT] = {"", "", "", "", "", ""};
    size_t count = 0;

    for (char *word = strtok(event, " "); word && count < WORD_COUNT;
         word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    if (!run_lock(words) && !run_migration(words) && !run_question(words)) {
        fail("no event", words[0]);
    }
}

/* Compares what is left of the output with one expected line; "" stands for
 * "nothing more". */
static bool
expect(const char *expected, const char **rest)
{
    size_t length = strlen(expected);

    if (length == 0) {
        return **rest == '\0';
    }
    if (strncmp(*rest, expected, length) != 0 || (*rest)[length] != '\n') {
        return false;
    }
    *rest += length + 1;
    return true;
}

static char *
trimmed(char *text)
{
    char *end = text + strlen(text);

    while (end > text && strchr(" \n", end[-1])) {
        *--end = '\0';
    }
    return text + strspn(text, " ");
}

static int
replay(FILE *file)
{
    char line[LINE_SIZE];
    const char *rest = "";
    int failures = 0;

    for (unsigned number = 1; fgets(line, sizeof(line), file); number++) {
        char *arrow = strstr(line, "->");
        char *expected = arrow ? trimmed(arrow + 2) : "";
        char *event;

        if (arrow) {
            *arrow = '\0';
        }
        event = trimmed(line);
        if (*event == '#' || (*event == '\0' && !arrow)) {
            continue;
        }
        if (*event) {
            if (*rest) {
                printf("line %u: before it, also: %s", number, rest);
                failures++;
            }
            text_done(&output);
            run(event);
            rest = output.data ? output.data : "";
        }
        if (!expect(expected, &rest)) {
            printf("line %u:\n  expected: %s\n  got: %s", number, expected,
                   *rest ? rest : "(nothing)\n");
            failures++;
            rest = "";
        }
    }
    if (*rest) {
        printf("at the end, also: %s", rest);
        failures++;
    }
    return failures;
}

int
main(int argc, char **argv)
{
    AUTO_ERROR err = {0};
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    int failures;

    if (!file) {
        fprintf(stderr, "usage: replay_job TRANSCRIPT\n");
        return 2;
    }
    job_lock_init(&lock, "demo");
    migration = (struct qemu_migration_job){.lock = &lock, .changed = changed};
    failures = replay(file);
    fclose(file);
    error_set(&err, ERROR_INTERNAL, "the end");
    job_lock_refuse_all(&lock, &err);
    job_lock_done(&lock);
    text_done(&output);
    return failures ? 1 : 0;
}
