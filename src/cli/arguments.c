/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

enum {
    /* What getopt_long() returns for a command's option; below it are the
     * letters of the options for all. */
    FIRST_COMMAND_OPTION = 1000,
};

/* getopt's tables for the options of all and, where 'command' is not NULL, of
 * the command. */
struct tables {
    struct option longs[OPTIONS_MAX + 8];
    char letters[2 * (OPTIONS_MAX + 8) + 2];
};

static void
add_option(struct tables *tables, size_t *count, const struct option_row *row,
           int returns)
{
    size_t length = strlen(tables->letters);

    tables->longs[(*count)++] = (struct option){
        .name = row->name,
        .has_arg = row->value ? required_argument : no_argument,
        .val = returns,
    };
    if (row->letter) {
        tables->letters[length++] = (char)row->letter;
        if (row->value) {
            tables->letters[length++] = ':';
        }
        tables->letters[length] = '\0';
    }
}

static void
make_tables(struct tables *tables, const struct command *command)
{
    size_t count = 0;

    *tables = (struct tables){0};
    /* Before the command, what is no option ends it: the command's name. */
    strcpy(tables->letters, command ? "" : "+");
    for (const struct option_row *row = global_options; row->name; row++) {
        add_option(tables, &count, row, row->letter);
    }
    for (size_t i = 0; command && command->options[i].name; i++) {
        add_option(tables, &count, &command->options[i],
                   FIRST_COMMAND_OPTION + (int)i);
    }
}

/* The index of the command's option that getopt_long() returned. */
static bool
find_option(const struct command *command, int returned, size_t *index)
{
    for (size_t i = 0; command && command->options[i].name; i++) {
        if (returned == FIRST_COMMAND_OPTION + (int)i ||
            (command->options[i].letter &&
             returned == command->options[i].letter)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool
take_option(struct arguments *arguments, int returned)
{
    size_t index;

    if (find_option(arguments->command, returned, &index)) {
        arguments->values[index] = optarg ? optarg : "";
        return true;
    }
    switch (returned) {
    case 'c':
        arguments->uri = optarg;
        return true;
    case 'j':
        arguments->is_json = true;
        return true;
    case 'q':
        arguments->is_quiet = true;
        return true;
    case 'h':
        arguments->wants_help = true;
        return true;
    case 'V':
        arguments->wants_version = true;
        return true;
    default: /* getopt_long() has said what is wrong. */
        return false;
    }
}

static bool
parse_some(int argc, char **argv, struct arguments *arguments)
{
    struct tables tables;
    int returned;

    make_tables(&tables, arguments->command);
    while ((returned = getopt_long(argc, argv, tables.letters, tables.longs,
                                   NULL)) != -1) {
        if (!take_option(arguments, returned)) {
            return false;
        }
    }
    return true;
}

static bool
take_positionals(int argc, char **argv, struct arguments *arguments)
{
    const struct command *command = arguments->command;

    arguments->count = (size_t)(argc - optind);
    if (arguments->wants_help) {
        return true;
    }
    if (arguments->count < command->least || arguments->count > command->most) {
        fprintf(stderr, "vmferry: usage: vmferry %s%s%s%s\n", command->name,
                command->options[0].name ? " [OPTION...]" : "",
                command->arguments[0] ? " " : "", command->arguments);
        return false;
    }
    for (size_t i = 0; i < arguments->count; i++) {
        arguments->positionals[i] = argv[optind + (int)i];
    }
    return true;
}

/* "help" and "help COMMAND". */
static bool
parse_help(int argc, char **argv, struct arguments *arguments)
{
    arguments->wants_help = true;
    if (argc < 2) {
        return true;
    }
    arguments->command = command_find(argv[1]);
    if (!arguments->command) {
        fprintf(stderr, "vmferry: there is no command '%s'\n", argv[1]);
    }
    return arguments->command;
}

bool
arguments_parse(int argc, char **argv, struct arguments *arguments)
{
    *arguments = (struct arguments){0};
    optind = 0;
    if (!parse_some(argc, argv, arguments)) {
        return false;
    }
    argc -= optind;
    argv += optind;
    if (argc == 0) {
        if (!arguments->wants_help && !arguments->wants_version) {
            help_print(stderr);
        }
        return arguments->wants_help || arguments->wants_version;
    }
    if (strcmp(argv[0], "help") == 0) {
        return parse_help(argc, argv, arguments);
    }
    arguments->command = command_find(argv[0]);
    if (!arguments->command) {
        fprintf(stderr,
                "vmferry: there is no command '%s'; see vmferry --help\n",
                argv[0]);
        return false;
    }
    optind = 0;
    return parse_some(argc, argv, arguments) &&
           take_positionals(argc, argv, arguments);
}

const char *
arguments_option(const struct arguments *arguments, const char *name)
{
    const struct option_row *options = arguments->command->options;

    for (size_t i = 0; options[i].name; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return arguments->values[i];
        }
    }
    return NULL;
}

bool
arguments_number(const struct arguments *arguments, const char *name,
                 unsigned long least, unsigned long most,
                 unsigned long otherwise, unsigned long *number)
{
    const char *text = arguments_option(arguments, name);
    char *end;

    if (!text) {
        *number = otherwise;
        return true;
    }
    errno = 0;
    *number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || *number < least ||
        *number > most) {
        fprintf(stderr,
                "vmferry: --%s takes a number from %lu to %lu, not "
                "'%s'\n",
                name, least, most, text);
        return false;
    }
    return true;
}
