/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory: allocation that cannot fail, and variables that free themselves.
 *
 * Running out of memory ends the daemon.  QEMU goes on running; the daemon is
 * started again and picks its jobs up from disk, which is the path that the
 * recovery tests walk anyway. */

#pragma once

#include <stdarg.h>
#include <stddef.h>

void *xcalloc(size_t count, size_t size) __attribute__((malloc));
void *xrealloc(void *memory, size_t count, size_t size);
char *xstrdup(const char *text) __attribute__((malloc));
char *xstrndup(const char *text, size_t length) __attribute__((malloc));
/* NULL gives NULL. */
char *xstrdup_null(const char *text);
void *xmemdup(const void *memory, size_t size);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args)
    __attribute__((format(printf, 1, 0)));

/* Makes room for one more element in an array that grows by doubling:
 * 'array' has '*capacity' elements of 'size' bytes, 'count' of them used.
 * Returns the array, moved or not. */
void *array_grow(void *array, size_t *capacity, size_t count, size_t size);

/* Takes the pointer out of a variable, so that its cleanup frees nothing. */
#define STEAL(variable)                                                        \
    ({                                                                         \
        __typeof__(variable) stolen_ = (variable);                             \
        (variable) = NULL;                                                     \
        stolen_;                                                               \
    })

/* The same for a file descriptor. */
#define STEAL_FD(variable)                                                     \
    ({                                                                         \
        int stolen_ = (variable);                                              \
        (variable) = -1;                                                       \
        stolen_;                                                               \
    })

/* Defines what AUTO(NAME) needs, from NAME_free(struct NAME *). */
#define DEFINE_AUTO(name)                                                      \
    static inline void name##_free_ref(struct name **ref)                      \
    {                                                                          \
        name##_free(*ref);                                                     \
    }                                                                          \
    struct name
#define AUTO(name) __attribute__((cleanup(name##_free_ref), unused)) struct name

void free_ref(void *ref);
#define AUTO_FREE __attribute__((cleanup(free_ref)))

/* Closes unless it is negative. */
void close_ref(int *fd);
#define AUTO_CLOSE __attribute__((cleanup(close_ref)))

#define container_of(pointer, type, member)                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
