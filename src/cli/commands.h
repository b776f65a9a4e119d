/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of commands (commands.def), help made of it, and a command line
 * taken apart by it.  Runs nothing. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "vmferry.h"

/* Exit status, as documented in vmferry(1). */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,  /* Not done; of migrate: the guest is where it was. */
    EXIT_USAGE = 2,   /* The command line makes no sense. */
    EXIT_CONNECT = 3, /* The daemon can't be reached. */
    EXIT_UNKNOWN = 4, /* Of migrate: look where the guest is. */
    EXIT_INTERRUPTED = 130,
};

struct arguments;

enum command_access { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE };

struct option_row {
    const char *name;
    int letter;
    const char *value;
    const char *help;
};

enum { OPTIONS_MAX = 24, POSITIONALS_MAX = 4 };

struct command {
    const char *name;
    const char *arguments;
    size_t least;
    size_t most;
    enum command_access access;
    const char *summary;
    /* Returns an exit status. */
    int (*run)(struct vmferry *handle, const struct arguments *arguments);
    struct option_row options[OPTIONS_MAX]; /* Ended by name NULL. */
};

/* NULL where there is none of that name. */
const struct command *command_find(const char *name);
/* NULL after the last. */
const struct command *command_each(size_t index);
/* Those of every command. */
extern const struct option_row global_options[];

/* What 'vmferry --help' and 'vmferry help COMMAND' print. */
void help_print(FILE *file);
void help_print_command(FILE *file, const struct command *command);

/* A command line. */
struct arguments {
    const struct command *command; /* NULL: help or version was asked for. */
    const char *positionals[POSITIONALS_MAX];
    size_t count;
    const char *values[OPTIONS_MAX]; /* By the command's options; "" where an
                                      * option takes no value. */
    const char *uri;                 /* NULL: the default. */
    bool is_json;
    bool is_quiet;
    bool wants_help;
    bool wants_version;
};

/* False, with the reason printed to stderr, where it makes no sense. */
bool arguments_parse(int argc, char **argv, struct arguments *arguments);
/* NULL where the option was not given. */
const char *arguments_option(const struct arguments *arguments,
                             const char *name);
/* A number from 'least' to 'most', or 'otherwise' where the option was not
 * given.  False, with the reason printed, where it is no number. */
bool arguments_number(const struct arguments *arguments, const char *name,
                      unsigned long least, unsigned long most,
                      unsigned long otherwise, unsigned long *number);
