/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *must(void *memory) __attribute__((returns_nonnull));

void *
xcalloc(size_t count, size_t size)
{
    return must(calloc(count ? count : 1, size ? size : 1));
}

void *
xrealloc(void *memory, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        must(NULL);
    }
    return must(realloc(memory, bytes ? bytes : 1));
}

char *
xstrdup(const char *text)
{
    return must(strdup(text));
}

char *
xstrndup(const char *text, size_t length)
{
    return must(strndup(text, length));
}

char *
xstrdup_null(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

void *
xmemdup(const void *memory, size_t size)
{
    void *copy = xcalloc(1, size);

    if (size) {
        memcpy(copy, memory, size);
    }
    return copy;
}

char *
xasprintf(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    return text;
}

char *
xvasprintf(const char *format, va_list args)
{
    char *text;

    return must(vasprintf(&text, format, args) < 0 ? NULL : text);
}

void *
array_grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity ? *capacity * 2 : 8;
    return xrealloc(array, *capacity, size);
}

void
free_ref(void *ref)
{
    free(*(void **)ref);
}

void
close_ref(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static void *
must(void *memory)
{
    if (!memory) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}
