/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "domain/process_times.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

/* Of /proc/PID/stat, counted from the one behind the name. */
enum { FIELD_USER = 11, FIELD_SYSTEM = 12, FIELD_CPU = 36, FIELDS = 37 };

static bool read_line(const char *path, char *line, int size);
static unsigned read_fields(const char *text, unsigned long long *fields);

struct process_times
process_times_read(pid_t pid, pid_t tid)
{
    AUTO_FREE char *folder = tid ? xasprintf("/proc/%d/task/%d", pid, tid)
                                 : xasprintf("/proc/%d", pid);
    AUTO_FREE char *stat = xasprintf("%s/stat", folder);
    AUTO_FREE char *schedule = xasprintf("%s/schedstat", folder);
    struct process_times times = {.cpu = -1};
    unsigned long long fields[FIELDS] = {0}, delay;
    uint64_t tick_ns = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
    char line[1024];
    const char *rest;

    /* The name, in brackets, may have anything in it. */
    rest = read_line(stat, line, sizeof line) ? strrchr(line, ')') : NULL;
    if (rest && strlen(rest) > 4 && read_fields(rest + 4, fields) == FIELDS) {
        times.user_ns = fields[FIELD_USER] * tick_ns;
        times.system_ns = fields[FIELD_SYSTEM] * tick_ns;
        times.cpu = (int)fields[FIELD_CPU];
    }
    if (read_line(schedule, line, sizeof line) &&
        sscanf(line, "%*s %llu", &delay) == 1) {
        times.delay_ns = delay;
    }
    return times;
}

uint64_t
process_resident_kib(pid_t pid)
{
    AUTO_FREE char *path = xasprintf("/proc/%d/statm", pid);
    unsigned long long pages;
    char line[256];

    if (!read_line(path, line, sizeof line) ||
        sscanf(line, "%*s %llu", &pages) != 1) {
        return 0;
    }
    return pages * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024);
}

static bool
read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(line, size, file);

    if (file) {
        fclose(file);
    }
    return is_read;
}

/* The first is the state, a letter, which 'text' begins behind. */
static unsigned
read_fields(const char *text, unsigned long long *fields)
{
    unsigned count = 1;
    int length;

    while (count < FIELDS &&
           sscanf(text, "%lld%n", (long long *)&fields[count], &length) == 1) {
        text += length;
        count++;
    }
    return count;
}
