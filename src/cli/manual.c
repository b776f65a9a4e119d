/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes the source of a manual page, at build time: manual PAGE TEXT.rst
 * prints reStructuredText for vmferry-PAGE(1), or for vmferry(1) where PAGE is
 * "vmferry".  Name, synopsis and options come from commands.def, the rest from
 * the text, in which a line "@COMMANDS@" stands for the list of them and
 * "@OPTIONS@" for those that every command has. */

#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

static void
print_title(const char *name, const char *summary)
{
    size_t length = strlen(name);
    const char *const rule = "======================================";

    printf("%.*s\n%s\n%.*s\n\n", (int)length, rule, name, (int)length, rule);
    length = strlen(summary);
    for (size_t i = 0; i < length; i++) {
        putchar('-');
    }
    printf("\n%s\n", summary);
    for (size_t i = 0; i < length; i++) {
        putchar('-');
    }
    printf("\n\n:Manual section: 1\n:Manual group: vmferry\n:Version: "
           "%s\n\n",
           vmferry_library_version());
}

static void
print_options(const struct option_row *options)
{
    for (; options->name; options++) {
        if (options->letter) {
            printf("-%c%s%s, ", options->letter, options->value ? " " : "",
                   options->value ? options->value : "");
        }
        printf("--%s%s%s\n    %c%s.\n\n", options->name,
               options->value ? "=" : "", options->value ? options->value : "",
               options->help[0] >= 'a' && options->help[0] <= 'z'
                   ? options->help[0] - 'a' + 'A'
                   : options->help[0],
               options->help + 1);
    }
}

static void
print_commands(void)
{
    const struct command *command;

    for (size_t i = 0; (command = command_each(i)); i++) {
        printf("**%s**%s%s\n    %s. See vmferry-%s(1).\n\n", command->name,
               command->arguments[0] ? " " : "", command->arguments,
               command->summary, command->name);
    }
}

static void
print_text(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[256];

    if (!file) {
        perror(path);
        exit(1);
    }
    while (fgets(line, sizeof line, file)) {
        if (strcmp(line, "@COMMANDS@\n") == 0) {
            print_commands();
        } else if (strcmp(line, "@OPTIONS@\n") == 0) {
            print_options(global_options);
        } else if (strncmp(line, ".. SPDX", 7) != 0) {
            fputs(line, stdout);
        }
    }
    fclose(file);
}

static void
print_command(const struct command *command, const char *path)
{
    char name[64];

    snprintf(name, sizeof name, "vmferry-%s", command->name);
    print_title(name, command->summary);
    printf("SYNOPSIS\n========\n\n**vmferry** [*option*...] **%s**%s%s%s\n\n",
           command->name, command->options[0].name ? " [*option*...]" : "",
           command->arguments[0] ? " " : "", command->arguments);
    print_text(path);
    if (command->options[0].name) {
        printf("\nOPTIONS\n=======\n\n");
        print_options(command->options);
    }
    printf("\nThe options of every command, the exit status and the "
           "environment are described\nin vmferry(1).\n\n"
           "SEE ALSO\n========\n\nvmferry(1)\n");
}

int
main(int argc, char **argv)
{
    const struct command *command;

    if (argc != 3) {
        fputs("usage: manual PAGE TEXT.rst\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "vmferry") == 0) {
        print_title("vmferry", "see guests and move them to another host");
        print_text(argv[2]);
        return 0;
    }
    command = command_find(argv[1]);
    if (!command) {
        fprintf(stderr, "manual: there is no command '%s'\n", argv[1]);
        return 1;
    }
    print_command(command, argv[2]);
    return 0;
}
