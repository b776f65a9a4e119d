/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/log_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    READ_LIMIT = 16 * 1024, /* Bytes looked at. */
    LINES_LIMIT = 10,       /* Lines kept. */
    LINE_LIMIT = 500,       /* Bytes of a line kept. */
};

/* A part of the text. */
struct line {
    const char *start;
    size_t length;
};

static struct line next_line(const char **text, const char *end);
static struct line strip(struct line line);
static struct line strip_time(struct line line);
static struct line strip_name(struct line line);
static bool begins(struct line line, const char *prefix);
static bool is_error(struct line line);
static void add_harmless(struct text *text, struct line line);

int
qemu_log_open(const char *path, const char *headline, int64_t *offset,
              struct error *err)
{
    AUTO_CLOSE int fd =
        open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    time_t now = time(NULL);
    char when[sizeof("2000-01-01T00:00:00Z")];
    struct tm utc;

    if (fd < 0) {
        return error_set_errno(err, errno, "opening QEMU's log %s", path);
    }
    gmtime_r(&now, &utc);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (dprintf(fd, "%s %s\n", when, headline) < 0) {
        return error_set_errno(err, errno, "writing to QEMU's log %s", path);
    }
    *offset = lseek(fd, 0, SEEK_END);
    return STEAL_FD(fd);
}

char *
qemu_log_tail(int fd, int64_t offset)
{
    struct stat status;

    if (fstat(fd, &status) < 0 || status.st_size <= offset) {
        return xstrdup("");
    }
    if (status.st_size - offset > READ_LIMIT) {
        offset = status.st_size - READ_LIMIT;
    }
    AUTO_FREE char *text = xcalloc(READ_LIMIT, 1);
    ssize_t got = pread(fd, text, READ_LIMIT, offset);

    return qemu_log_shorten(text, got > 0 ? (size_t)got : 0);
}

char *
qemu_log_shorten(const char *text, size_t length)
{
    struct line kept[LINES_LIMIT];
    const char *end = text + length;
    size_t count = 0;
    bool has_error = false;
    AUTO_TEXT joined = {0};

    while (text < end) {
        struct line line = strip(next_line(&text, end));

        if (line.length == 0 || (has_error && !is_error(line))) {
            continue;
        }
        if (!has_error && is_error(line)) {
            has_error = true;
            count = 0;
        }
        if (count == LINES_LIMIT) {
            memmove(kept, kept + 1, sizeof(kept) - sizeof(kept[0]));
            count--;
        }
        kept[count++] = line;
    }
    for (size_t i = 0; i < count; i++) {
        text_add(&joined, i > 0 ? "; " : "");
        add_harmless(&joined, kept[i]);
    }
    return text_take(&joined);
}

static struct line
next_line(const char **text, const char *end)
{
    struct line line = {.start = *text};
    const char *newline = memchr(*text, '\n', (size_t)(end - *text));

    line.length = (size_t)((newline ? newline : end) - *text);
    *text = newline ? newline + 1 : end;
    return line;
}

static struct line
strip(struct line line)
{
    line = strip_name(strip_time(line));
    while (line.length > 0 && (line.start[line.length - 1] == '\r' ||
                               line.start[line.length - 1] == ' ')) {
        line.length--;
    }
    return line;
}

/* "2024-01-31T10:00:00.123456Z ", from -msg timestamp=on. */
static struct line
strip_time(struct line line)
{
    static const char pattern[] = "dddd-dd-ddTdd:dd:dd.ddddddZ ";
    const size_t length = sizeof(pattern) - 1;

    if (line.length < length) {
        return line;
    }
    for (size_t i = 0; i < length; i++) {
        bool is_digit = line.start[i] >= '0' && line.start[i] <= '9';

        if (pattern[i] == 'd' ? !is_digit : line.start[i] != pattern[i]) {
            return line;
        }
    }
    return (struct line){line.start + length, line.length - length};
}

/* "qemu-system-x86_64: " */
static struct line
strip_name(struct line line)
{
    const char *colon = memchr(line.start, ':', line.length);
    size_t length = colon ? (size_t)(colon - line.start) : 0;

    if (!begins(line, "qemu") || !colon || length + 2 > line.length ||
        colon[1] != ' ' || memchr(line.start, ' ', length)) {
        return line;
    }
    return (struct line){colon + 2, line.length - length - 2};
}

static bool
begins(struct line line, const char *prefix)
{
    return line.length >= strlen(prefix) &&
           memcmp(line.start, prefix, strlen(prefix)) == 0;
}

/* Not merely a warning or for information. */
static bool
is_error(struct line line)
{
    return !begins(line, "warning: ") && !begins(line, "info: ") &&
           !begins(line, "char device redirected to ");
}

static void
add_harmless(struct text *text, struct line line)
{
    AUTO_FREE char *copy = xstrndup(
        line.start, line.length < LINE_LIMIT ? line.length : LINE_LIMIT);
    bool is_text = is_utf8(copy, strlen(copy));

    for (char *c = copy; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = ' ';
        } else if (!is_text && (unsigned char)*c >= 0x80) {
            *c = '?';
        }
    }
    text_add(text, copy);
}
