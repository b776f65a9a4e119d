/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a command line; what is refused is said on stderr, which nobody wants
 * to read here. */
#define PARSE(arguments, ...)                                                  \
    parse(arguments, (char *[]){(char *)"vmferry", __VA_ARGS__, NULL})

static bool
parse(struct arguments *arguments, char **argv)
{
    int argc = 0;
    FILE *spoken = stderr;
    bool is_good;

    while (argv[argc]) {
        argc++;
    }
    stderr = fopen("/dev/null", "we");
    is_good = arguments_parse(argc, argv, arguments);
    fclose(stderr);
    stderr = spoken;
    return is_good;
}

static void
options_of_all_stand_before_or_after_the_command(void **state)
{
    struct arguments before;
    struct arguments after;

    (void)state;
    assert_true(PARSE(&before, "-j", "-c", "X", "list"));
    assert_true(PARSE(&after, "list", "--json", "--connect=X"));
    assert_string_equal(before.uri, "X");
    assert_string_equal(after.uri, "X");
    assert_true(before.is_json);
    assert_true(after.is_json);
    assert_string_equal(after.command->name, "list");
}

static void
options_of_a_command_are_found_by_their_names(void **state)
{
    struct arguments arguments;
    unsigned long number;

    (void)state;
    assert_true(
        PARSE(&arguments, "migrate", "web1", "-b", "7", "URI", "--unsafe"));
    assert_int_equal(arguments.count, 2);
    assert_string_equal(arguments.positionals[0], "web1");
    assert_string_equal(arguments.positionals[1], "URI");
    assert_string_equal(arguments_option(&arguments, "unsafe"), "");
    assert_null(arguments_option(&arguments, "pause"));
    assert_true(arguments_number(&arguments, "bandwidth", 1, 9, 0, &number));
    assert_int_equal(number, 7);
    assert_true(arguments_number(&arguments, "interval", 1, 9, 5, &number));
    assert_int_equal(number, 5);
}

static void
options_of_other_commands_are_refused(void **state)
{
    struct arguments arguments;

    (void)state;
    assert_false(PARSE(&arguments, "list", "--unsafe"));
    assert_false(PARSE(&arguments, "--unsafe", "migrate", "a", "b"));
}

static void
wrong_counts_of_arguments_are_refused(void **state)
{
    struct arguments arguments;

    (void)state;
    assert_false(PARSE(&arguments, "migrate"));
    assert_false(PARSE(&arguments, "migrate", "web1", "URI", "b"));
    assert_false(PARSE(&arguments, "list", "web1"));
    assert_false(PARSE(&arguments, "nonsense"));
    assert_false(parse(&arguments, (char *[]){(char *)"vmferry", NULL}));
}

static void
help_and_version_need_no_arguments(void **state)
{
    struct arguments arguments;

    (void)state;
    assert_true(PARSE(&arguments, "--help"));
    assert_true(arguments.wants_help);
    assert_null(arguments.command);
    assert_true(PARSE(&arguments, "migrate", "--help"));
    assert_true(arguments.wants_help);
    assert_string_equal(arguments.command->name, "migrate");
    assert_true(PARSE(&arguments, "help", "list"));
    assert_string_equal(arguments.command->name, "list");
    assert_true(PARSE(&arguments, "-V"));
    assert_true(arguments.wants_version);
}

static void
every_command_and_option_is_in_the_help_and_fits_its_tables(void **state)
{
    const struct command *command;
    char *text = NULL;
    size_t size;

    (void)state;
    for (size_t i = 0; (command = command_each(i)); i++) {
        FILE *file = open_memstream(&text, &size);

        help_print(file);
        help_print_command(file, command);
        fclose(file);
        assert_non_null(strstr(text, command->name));
        assert_non_null(strstr(text, command->summary));
        assert_true(command->most <= POSITIONALS_MAX);
        for (size_t k = 0; command->options[k].name; k++) {
            assert_non_null(strstr(text, command->options[k].name));
            assert_true(k + 1 < OPTIONS_MAX);
        }
        free(text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_all_stand_before_or_after_the_command),
        cmocka_unit_test(options_of_a_command_are_found_by_their_names),
        cmocka_unit_test(options_of_other_commands_are_refused),
        cmocka_unit_test(wrong_counts_of_arguments_are_refused),
        cmocka_unit_test(help_and_version_need_no_arguments),
        cmocka_unit_test(
            every_command_and_option_is_in_the_help_and_fits_its_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
