/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that are replaced as a whole or not at all: records, and texts such as
 * definitions.  A file is written under another name, synced, renamed, and the
 * folder is synced; readers see the old one or the new one, also after a crash.
 * Files are private to the user (0600).
 *
 * A name is that of a file in its folder, with its suffix; it may not be empty,
 * begin with a dot, contain a slash, or be longer than 200 bytes
 * (ERROR_INVALID_ARG).  What the operating system refuses is ERROR_SYSTEM with
 * errnum, so ENOENT where there is no such file; what was read but is not a
 * record is ERROR_INTERNAL. */

#pragma once

#include <stddef.h>

#include "state/record.h"

/* Makes a folder (0700) and those above it. */
int store_make_folder(const char *folder, struct error *err);
/* Removes what a crash left half-written.  For the start, while nobody else
 * writes there. */
int store_clean(const char *folder, struct error *err);

int store_save(const char *folder, const char *name,
               const struct record *record, struct error *err);
struct record *store_load(const char *folder, const char *name,
                          struct error *err);

int store_save_text(const char *folder, const char *name, const char *text,
                    struct error *err);
/* NUL-terminated; a file with NULs inside, or of more than 'limit' bytes, is
 * ERROR_INTERNAL.  Caller frees. */
char *store_load_text(const char *folder, const char *name, size_t limit,
                      struct error *err);

/* One that is not there is no error. */
int store_remove(const char *folder, const char *name, struct error *err);
/* Renames what can't be read to NAME.unreadable-N, where N is free: it is kept
 * for a person to look at.  Returns the new name; caller frees. */
char *store_set_aside(const char *folder, const char *name, struct error *err);
/* Calls 'found' for each file or socket whose name ends with 'suffix', in the
 * order of their names.  It may save, remove and set aside.  A folder that is
 * not there has none. */
int store_each(const char *folder, const char *suffix,
               void (*found)(void *owner, const char *name), void *owner,
               struct error *err);
