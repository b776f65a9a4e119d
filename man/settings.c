/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fills the daemon's settings, from src/daemon/config.def, into its manual
 * pages and into its configuration file, at build time: settings FILE prints
 * the file with its line "@OPTIONS@", "@KEYS@" or "@SETTINGS@" replaced by a
 * list. */

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

/* As comments, for the configuration file; the help in lines of 76 columns. */
static void
print_settings(void)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const char *word = settings[i].help;
        size_t column = 80;

        while (*word) {
            size_t length = strcspn(word, " ");

            column += 1 + length;
            if (column > 76) {
                column = 1 + length;
                fputs(word == settings[i].help ? "#" : "\n#", stdout);
            }
            printf(" %.*s", (int)length, word);
            word += length + strspn(word + length, " ");
        }
        printf("\n#%s =%s%s\n\n", settings[i].name,
               settings[i].standard && *settings[i].standard ? " " : "",
               settings[i].standard ? settings[i].standard : "");
    }
}

int
main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
    char line[256];

    if (!file) {
        fputs("usage: settings FILE\n", stderr);
        return 2;
    }
    while (fgets(line, sizeof line, file)) {
        if (strcmp(line, "@OPTIONS@\n") == 0 || strcmp(line, "@KEYS@\n") == 0) {
            print_list(strcmp(line, "@OPTIONS@\n") == 0);
        } else if (strcmp(line, "@SETTINGS@\n") == 0) {
            print_settings();
        } else {
            fputs(line, stdout);
        }
    }
    fclose(file);
    return 0;
}
