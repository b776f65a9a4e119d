/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/rule_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

static void log_step(const struct rule_step *step);
static void write_line(const char *path, const char *line);
static const char *or_dash(const char *text);

struct rule_step
rule_step_of(const struct rules *rules, unsigned state, unsigned event,
             const struct rule *rule)
{
    return (struct rule_step){
        .machine = rules->machine,
        .in = rules->states[state],
        .on = rules->events[rule ? rule->on : event],
        .to = rule ? rules->states[rule->to] : NULL,
        .act = rule ? rules->actions[rule->act] : NULL,
    };
}

void
rule_trace(uint64_t *number, const struct rule_step *step)
{
    static uint64_t last_number;
    static bool has_begun;
    /* Nobody who gives a privileged program its environment chooses a file. */
    const char *path = secure_getenv("VMFERRY_TRACE_RULES");
    AUTO_FREE char *line = NULL;

    if (*number == 0) {
        *number = ++last_number;
    }
    log_step(step);
    if (!path || *path == '\0') {
        return;
    }
    if (!has_begun) {
        AUTO_FREE char *first =
            xasprintf("%d\tprocess\t0\t-\tSTARTED\t-\t-\t-\n", getpid());

        has_begun = true;
        write_line(path, first);
    }
    line =
        xasprintf("%d\t%s\t%llu\t%s\t%s\t%s\t%s\t%s/%s\n", getpid(),
                  step->machine, (unsigned long long)*number, or_dash(step->in),
                  step->on, or_dash(step->to), or_dash(step->act),
                  or_dash(step->host), or_dash(step->uuid));
    write_line(path, line);
}

/* As a transcript, after whom and from where. */
static void
log_step(const struct rule_step *step)
{
    if (!log_has_trace(LOG_TOPIC_rules)) {
        return;
    }
    if (!step->in) {
        log_trace(LOG_TOPIC_rules, "%s %s: %s in %s", step->machine,
                  step->guest, step->on, step->to);
    } else if (step->to) {
        log_trace(LOG_TOPIC_rules, "%s %s %s: %-20s -> %s %s", step->machine,
                  step->guest, step->in, step->on, step->to, step->act);
    } else {
        log_trace(LOG_TOPIC_rules, "%s %s %s: %-20s -> not in %s",
                  step->machine, step->guest, step->in, step->on, step->in);
    }
}

/* The file is for tests, which miss the line: the migration goes on. */
static void
write_line(const char *path, const char *line)
{
    size_t size = strlen(line);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                  0644);

    if (fd < 0 || write(fd, line, size) != (ssize_t)size) {
        log_trace(LOG_TOPIC_rules, "can't write to %s: %s", path,
                  strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
}

static const char *
or_dash(const char *text)
{
    return text ? text : "-";
}
