/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The front of the log: lines for a person, with fields, and traces for a
 * developer.  Only daemon/ and cli/ (and what they hand a callback to) log;
 * everything below returns errors.
 *
 * Lines go to stderr as "LEVEL text key=value ...", or to the journal with the
 * fields DOMAIN=, JOB=, PHASE=, PEER= where stderr is connected to it. */

#pragma once

#include <stdbool.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/* What a line is about.  All borrowed, any may be NULL. */
struct log_context {
    const char *domain;
    const char *job;
    const char *phase;
    const char *peer;
};

/* Lines above 'level' are dropped.  Starts with LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
/* "error", "warning", "info", "debug". */
bool log_level_parse(const char *name, enum log_level *level);

/* 'context' may be NULL. */
void log_line(enum log_level level, const struct log_context *context,
              const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Traces: off unless their topic was named in log_set_traces("rules,qmp"). */
#define LOG_TOPICS(X)                                                          \
    X(rules) /* Every step of a rule table, as transcripts are written. */     \
    X(qmp)   /* Every line from and to QEMU. */                                \
    X(rpc)   /* Every header from and to a client or peer. */

#define X(name) LOG_TOPIC_##name,
enum log_topic { LOG_TOPICS(X) };
#undef X

/* Comma-separated names; false (and nothing changed) where one is unknown. */
bool log_set_traces(const char *topics);
bool log_has_trace(enum log_topic topic);
void log_trace(enum log_topic topic, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
