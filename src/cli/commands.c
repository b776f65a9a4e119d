/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/commands.h"

#include <string.h>

#include "cli/run.h"

/* Each COMMAND closes the one before it, since its options stand in between;
 * the first row is only there to be closed. */
/* clang-format off */
#define COMMAND(name, arguments, least, most, access, summary)                 \
    }},                                                                        \
    {#name, arguments, least, most, ACCESS_##access, summary, run_##name, {
#define OPTION(name, letter, value, help) {name, letter, value, help},
static const struct command commands[] = {
    {NULL, NULL, 0, 0, ACCESS_NONE, NULL, NULL, {
#include "cli/commands.def"
    }},
};
#undef COMMAND
#undef OPTION
/* clang-format on */

const struct option_row global_options[] = {
    {"connect",     'c', "URI", "the daemon to talk to"},
    {"json",        'j', NULL, "print JSON"},
    {"quiet",             'q', NULL, "print errors only"},
    {"help",   'h', NULL, "print what can be asked for"},
    {"version", 'V', NULL, "print the version of vmferry"},
    {0      },
};

const struct command *
command_each(size_t index)
{
    size_t count = sizeof commands / sizeof commands[0];

    return index + 1 < count ? &commands[index + 1] : NULL;
}

const struct command *
command_find(const char *name)
{
    const struct command *command;

    for (size_t i = 0; (command = command_each(i)); i++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

static void
print_options(FILE *file, const struct option_row *options)
{
    for (; options->name; options++) {
        char left[64];

        snprintf(
            left, sizeof left, "%c%c%s --%s%s%s", options->letter ? '-' : ' ',
            options->letter ? options->letter : ' ',
            options->letter ? "," : " ", options->name,
            options->value ? " " : "", options->value ? options->value : "");
        fprintf(file, "  %-28s %s\n", left, options->help);
    }
}

void
help_print(FILE *file)
{
    const struct command *command;

    fputs("usage: vmferry [OPTION...] COMMAND [ARGUMENT...]\n\n"
          "Shows the guests of a host and moves them to another one.\n\n"
          "Commands:\n",
          file);
    for (size_t i = 0; (command = command_each(i)); i++) {
        fprintf(file, "  %-28s %s\n", command->name, command->summary);
    }
    fputs("\nOptions:\n", file);
    print_options(file, global_options);
    fputs("\nMore about a command: vmferry help COMMAND, and man "
          "vmferry-COMMAND.\n",
          file);
}

void
help_print_command(FILE *file, const struct command *command)
{
    fprintf(file, "usage: vmferry [OPTION...] %s%s%s%s\n\n%s.\n", command->name,
            command->options[0].name ? " [OPTION...]" : "",
            command->arguments[0] ? " " : "", command->arguments,
            command->summary);
    if (command->options[0].name) {
        fputs("\nOptions:\n", file);
        print_options(file, command->options);
    }
    fputs("\nOptions of every command:\n", file);
    print_options(file, global_options);
}
