/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void parse_chardev(struct options *options, const char *value);
static void parse_qmp(struct options *options, const char *value);
static void parse_memory(struct options *options, const char *value);
static char *find_key(const char *value, const char *key);
static char *first_word(const char *value);

void
options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){
        .monitor_fd = -1,
        .vnc_display = -1,
        .cpus = 1,
        .memory = 128 * 1024 * 1024,
        .machine = xstrdup("pc"),
        .uuid = xstrdup("00000000-0000-0000-0000-000000000000"),
    };
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(name, "-S") == 0) {
            options->is_stopped = true;
        } else if (strcmp(name, "-no-shutdown") == 0) {
            options->stays_after_shutdown = true;
        } else if (strcmp(name, "-incoming") == 0) {
            options->is_incoming = true;
        } else if (strcmp(name, "-chardev") == 0) {
            parse_chardev(options, value);
        } else if (strcmp(name, "-qmp") == 0) {
            parse_qmp(options, value);
        } else if (strcmp(name, "-name") == 0) {
            options->name = find_key(value, "guest");
            options->name = options->name ? options->name : first_word(value);
        } else if (strcmp(name, "-uuid") == 0) {
            options->uuid = xstrdup(value);
        } else if (strcmp(name, "-machine") == 0 || strcmp(name, "-M") == 0) {
            options->machine = first_word(value);
        } else if (strcmp(name, "-m") == 0) {
            parse_memory(options, value);
        } else if (strcmp(name, "-cpu") == 0) {
            options->cpu = xstrdup(value);
        } else if (strcmp(name, "-smp") == 0) {
            options->cpus = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(name, "-vnc") == 0 && strchr(value, ':')) {
            options->vnc_display = atoi(strrchr(value, ':') + 1);
        }
    }
}

/* The monitor's is the one that libvirt's tradition calls charmonitor. */
static void
parse_chardev(struct options *options, const char *value)
{
    char *id = find_key(value, "id");
    char *fd = find_key(value, "fd");

    if (!id) {
        return;
    }
    if (strcmp(id, "charmonitor") == 0) {
        options->monitor_fd = fd ? atoi(fd) : -1;
        options->monitor_path = find_key(value, "path");
        return;
    }
    options->chardevs =
        xrealloc(options->chardevs, options->chardev_count + 1, sizeof(char *));
    options->chardevs[options->chardev_count++] = id;
}

/* unix:PATH,... */
static void
parse_qmp(struct options *options, const char *value)
{
    if (has_prefix(value, "unix:")) {
        options->monitor_path = first_word(value + strlen("unix:"));
    }
}

/* "512", "131080k", "size=131080k,..." */
static void
parse_memory(struct options *options, const char *value)
{
    char *size = find_key(value, "size");
    char *end;

    size = size ? size : first_word(value);
    options->memory = strtoull(size, &end, 10);
    switch (*end) {
    case 'b':
        break;
    case 'k':
    case 'K':
        options->memory <<= 10;
        break;
    case 'g':
    case 'G':
        options->memory <<= 30;
        break;
    default:
        options->memory <<= 20;
        break;
    }
    free(size);
}

/* The value of KEY=VALUE in a list with commas; NULL where it is not there. */
static char *
find_key(const char *value, const char *key)
{
    size_t length = strlen(key);

    for (const char *at = value; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, key, length) == 0 && at[length] == '=') {
            return first_word(at + length + 1);
        }
    }
    return NULL;
}

static char *
first_word(const char *value)
{
    return xstrndup(value, strcspn(value, ","));
}
