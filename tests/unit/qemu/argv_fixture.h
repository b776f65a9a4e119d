/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests and their command lines, for the tests of qemu/argv.c. */

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/guest.h"
#include "qemu/argv.h"

extern const struct qemu_argv_options usual;

/* Replaces a text of a guest. */
void set_text(char **text, const char *value);

struct guest *guest_of(const char *xml);

struct guest *guest_with(const char *rest, const char *devices);

/* One argument a line. */
char *lines_of(const struct guest *guest,
               const struct qemu_argv_options *options);

/* 'lines' has the arguments, one after the other. */
void assert_has(const char *lines, const char *arguments);

void assert_has_not(const char *lines, const char *part);

void assert_refused(const struct guest *guest, const char *message);
