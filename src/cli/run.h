/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the commands do: a function each, as commands.def names them. */

#pragma once

#include "cli/commands.h"

#define COMMAND(name, usage, least, most, access, summary)                     \
    int run_##name(struct vmferry *handle, const struct arguments *arguments);
#define OPTION(name, letter, value, help)
#include "cli/commands.def"
#undef COMMAND
#undef OPTION

/* Prints the handle's last error, and gives EXIT_FAILED. */
int run_failed(struct vmferry *handle, const struct arguments *arguments);
