/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fills the daemon's settings into its manual pages, at build time: settings
 * PAGE.rst prints the page with its line "@OPTIONS@" or "@KEYS@" replaced by a
 * list made from src/daemon/config.def. */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *argument;
    const char *standard; /* NULL: the help says it. */
    const char *help;
} settings[] = {
#define KEY(name, field, type, standard, argument, help)                       \
    {name, argument, standard, help},
#include "daemon/config.def"
#undef KEY
};

static void
print_list(bool is_option)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        printf(is_option ? "--%s=%s\n" : "%s = *%s*\n", settings[i].name,
               settings[i].argument);
        printf("    %s", settings[i].help);
        if (settings[i].standard && settings[i].standard[0] != '\0') {
            printf(" Default: %s.", settings[i].standard);
        }
        printf("\n\n");
    }
}

int
main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
    char line[256];

    if (!file) {
        fputs("usage: settings PAGE.rst\n", stderr);
        return 2;
    }
    while (fgets(line, sizeof line, file)) {
        if (strcmp(line, "@OPTIONS@\n") == 0 || strcmp(line, "@KEYS@\n") == 0) {
            print_list(strcmp(line, "@OPTIONS@\n") == 0);
        } else {
            fputs(line, stdout);
        }
    }
    fclose(file);
    return 0;
}
