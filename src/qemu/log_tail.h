/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a QEMU wrote to its log, for error messages: its last lines, made short
 * and harmless.  Many failures are told there and nowhere else. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Opens a log to append to it, and writes a line with the time and 'headline'.
 * 'offset' becomes the place after that. */
int qemu_log_open(const char *path, const char *headline, int64_t *offset,
                  struct error *err);
/* What stands after 'offset', see qemu_log_shorten().  "" where it can't be
 * read.  Caller frees. */
char *qemu_log_tail(int fd, int64_t offset);
/* One line made of the last lines of a text: without time stamps and QEMU's
 * name, without warnings where there is anything else, "; " between them.
 * Always printable UTF-8.  Caller frees. */
char *qemu_log_shorten(const char *text, size_t length);
