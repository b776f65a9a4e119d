/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/memory.h"

static enum log_level max_level = LOG_LEVEL_INFO;
static unsigned traces;

static const struct {
    const char *name;
    int priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error",   LOG_ERR    },
    [LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info",    LOG_INFO   },
    [LOG_LEVEL_DEBUG] = {"debug",   LOG_DEBUG  },
};

#define X(name) #name,
static const char *const topics[] = {LOG_TOPICS(X)};
#undef X

static bool has_journal(void);
static void write_journal(enum log_level level,
                          const struct log_context *context,
                          const char *message);
static void write_stderr(enum log_level level,
                         const struct log_context *context,
                         const char *message);
static void add_field(char *line, size_t size, const char *key,
                      const char *value);

void
log_set_level(enum log_level level)
{
    max_level = level;
}

bool
log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void
log_line(enum log_level level, const struct log_context *context,
         const char *format, ...)
{
    static const struct log_context nothing;
    AUTO_FREE char *message = NULL;
    va_list args;

    if (level > max_level) {
        return;
    }
    va_start(args, format);
    message = xvasprintf(format, args);
    va_end(args);
    if (has_journal()) {
        write_journal(level, context ? context : &nothing, message);
    } else {
        write_stderr(level, context ? context : &nothing, message);
    }
}

bool
log_set_traces(const char *names)
{
    AUTO_FREE char *copy = xstrdup(names);
    unsigned result = 0;
    char *rest = copy;

    for (char *name; (name = strsep(&rest, ","));) {
        size_t i = 0;

        while (i < ARRAY_COUNT(topics) && strcmp(topics[i], name) != 0) {
            i++;
        }
        if (i == ARRAY_COUNT(topics)) {
            if (*name == '\0') {
                continue;
            }
            return false;
        }
        result |= 1U << i;
    }
    traces = result;
    return true;
}

bool
log_has_trace(enum log_topic topic)
{
    return traces & 1U << topic;
}

void
log_trace(enum log_topic topic, const char *format, ...)
{
    AUTO_FREE char *message = NULL;
    va_list args;

    if (!log_has_trace(topic)) {
        return;
    }
    va_start(args, format);
    message = xvasprintf(format, args);
    va_end(args);
    fprintf(stderr, "trace %s: %s\n", topics[topic], message);
}

/* sd_journal_stream_fd(3): the service manager says which file stderr is. */
static bool
has_journal(void)
{
    static int answer = -1;
    const char *wanted = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat info;

    if (answer < 0) {
        answer = wanted && sscanf(wanted, "%llu:%llu", &device, &inode) == 2 &&
                 fstat(STDERR_FILENO, &info) == 0 && info.st_dev == device &&
                 info.st_ino == inode;
    }
    return answer;
}

static void
write_journal(enum log_level level, const struct log_context *context,
              const char *message)
{
    struct {
        const char *key, *value;
    } fields[] = {
        {"DOMAIN", context->domain},
        {"JOB",    context->job   },
        {"PHASE",  context->phase },
        {"PEER",   context->peer  },
    };
    struct iovec parts[2 + ARRAY_COUNT(fields)];
    char *texts[ARRAY_COUNT(parts)];
    int count = 0;

    texts[count++] = xasprintf("MESSAGE=%s", message);
    texts[count++] = xasprintf("PRIORITY=%d", levels[level].priority);
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        if (fields[i].value) {
            texts[count++] = xasprintf("%s=%s", fields[i].key, fields[i].value);
        }
    }
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){texts[i], strlen(texts[i])};
    }
    sd_journal_sendv(parts, count);
    for (int i = 0; i < count; i++) {
        free(texts[i]);
    }
}

static void
write_stderr(enum log_level level, const struct log_context *context,
             const char *message)
{
    char fields[512] = "";

    add_field(fields, sizeof fields, "domain", context->domain);
    add_field(fields, sizeof fields, "job", context->job);
    add_field(fields, sizeof fields, "phase", context->phase);
    add_field(fields, sizeof fields, "peer", context->peer);
    fprintf(stderr, "%s: %s%s\n", levels[level].name, message, fields);
}

static void
add_field(char *line, size_t size, const char *key, const char *value)
{
    size_t used = strlen(line);

    if (value) {
        snprintf(line + used, size - used, " %s=%s", key, value);
    }
}
