/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The protocol's bound for a string. */
enum { SIZE_MAX_XML = 4194304 };

static char *
read_all(FILE *file, const char *path)
{
    char *data = malloc(SIZE_MAX_XML + 1);
    size_t size;

    if (!data) {
        fputs("vmferry: out of memory\n", stderr);
        exit(1);
    }
    size = fread(data, 1, SIZE_MAX_XML + 1, file);
    if (ferror(file)) {
        fprintf(stderr, "vmferry: reading %s: %s\n", path, strerror(errno));
    } else if (size > SIZE_MAX_XML) {
        fprintf(stderr, "vmferry: %s is larger than 4 MiB\n", path);
    } else if (memchr(data, '\0', size)) {
        fprintf(stderr, "vmferry: %s is not a text file\n", path);
    } else {
        data[size] = '\0';
        return data;
    }
    free(data);
    return NULL;
}

char *
file_read(const char *path)
{
    FILE *file;
    char *data;

    if (strcmp(path, "-") == 0) {
        return read_all(stdin, "standard input");
    }
    file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "vmferry: opening %s: %s\n", path, strerror(errno));
        return NULL;
    }
    data = read_all(file, path);
    fclose(file);
    return data;
}
