/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void set_va(struct error *err, enum error_origin origin,
                   enum error_code code, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

int
error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_va(err, ERROR_FROM_QEMU, code, format, args);
    va_end(args);
    return -1;
}

int
error_set_from(struct error *err, enum error_origin origin,
               enum error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_va(err, origin, code, format, args);
    va_end(args);
    return -1;
}

int
error_set_errno(struct error *err, int errnum, const char *format, ...)
{
    AUTO_FREE char *what = NULL;
    va_list args;

    va_start(args, format);
    what = xvasprintf(format, args);
    va_end(args);
    error_set(err, ERROR_SYSTEM, "%s: %s", what, strerror(errnum));
    err->errnum = errnum;
    return -1;
}

int
error_wrap(struct error *err, const char *format, ...)
{
    AUTO_FREE char *inner = STEAL(err->message);
    AUTO_FREE char *context = NULL;
    va_list args;

    assert(err->code != ERROR_NONE);
    va_start(args, format);
    context = xvasprintf(format, args);
    va_end(args);
    err->message = xasprintf("%s: %s", context, inner);
    return -1;
}

void
error_clear(struct error *err)
{
    free(err->message);
    *err = (struct error){0};
}

void
error_copy(struct error *to, const struct error *from)
{
    assert(to->code == ERROR_NONE);
    *to = *from;
    if (from->message) {
        to->message = xstrdup(from->message);
    }
}

void
error_move(struct error *to, struct error *from)
{
    assert(to->code == ERROR_NONE);
    *to = *from;
    *from = (struct error){0};
}

static void
set_va(struct error *err, enum error_origin origin, enum error_code code,
       const char *format, va_list args)
{
    assert(err->code == ERROR_NONE && code != ERROR_NONE);
    err->message = xvasprintf(format, args);
    err->origin = origin;
    err->code = code;
}
