/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Comparison of single values of two guests, for differ.c.
 *
 * Each returns 0 where both are the same, otherwise -1 with an error that says
 * where ('path', 'name') and what both are.  "There" is the source, "here" the
 * destination. */

#pragma once

#include "guest/guest.h"

/* NULL is "absent". */
int differ_text(const char *path, const char *name, const char *there,
                const char *here, struct error *err);
int differ_number(const char *path, const char *name, uint64_t there,
                  uint64_t here, struct error *err);
int differ_maybe_number(const char *path, const char *name,
                        struct guest_number there, struct guest_number here,
                        struct error *err);
int differ_bool(const char *path, const char *name, bool there, bool here,
                struct error *err);
/* On and off; unset is not the same as either. */
int differ_switch(const char *path, const char *name, enum guest_switch there,
                  enum guest_switch here, struct error *err);
int differ_address(const char *path, const struct guest_address *there,
                   const struct guest_address *here, struct error *err);
/* Two lists of such devices; the path is that of the kind. */
int differ_count(const char *path, size_t there, size_t here,
                 struct error *err);

/* differ_devices.c */
int differ_devices(const struct guest *source, const struct guest *destination,
                   struct error *err);
