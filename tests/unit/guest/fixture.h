/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests for tests: from the golden files, or from a few lines. */

#pragma once

#include "guest/guest.h"

/* The content of tests/golden/guest/NAME (the caller frees it). */
char *golden_read(const char *name);

/* Reads one that must be right. */
struct guest *guest_of(const char *xml, unsigned flags);

/* A small domain with 'devices' in its <devices>, and with 'rest' before it;
 * the caller frees it. */
char *domain_with(const char *rest, const char *devices);

/* Reads one that must be refused with 'code', and 'message' in its text. */
void assert_refused(const char *xml, enum error_code code, const char *message);

/* The same for one that is read, but not passed by guest_check(). */
void assert_check_fails(const char *rest, const char *devices,
                        enum error_code code, const char *message);
