/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command line of vmferryd itself, by what it says before it gives up: none
 * of these gets as far as to ask a QEMU. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "daemon/config.h"
#include "fixture.h"

enum { OUTPUT_MAX = 65536 };

struct place {
    char folder[32];
    char output[OUTPUT_MAX];
    int status;
};

static int
set_up(void **state)
{
    struct place *place = xcalloc(1, sizeof *place);

    folder_make(place->folder);
    file_write(place->folder, "file", "");
    *state = place;
    return 0;
}

static int
tear_down(void **state)
{
    struct place *place = *state;

    folder_remove(place->folder);
    free(place);
    return 0;
}

/* Runs it in the folder.  Where the arguments do not stop it, folders that
 * can't be made do: it never gets to those of the system. */
static void
run(struct place *place, const char *arguments)
{
    AUTO_FREE char *command = xasprintf(
        "cd %s && exec timeout 30 %s"
        " --runtime-dir file/default --state-dir file/default %s 2>&1",
        place->folder, VMFERRYD, arguments);
    FILE *output = popen(command, "re");
    size_t length;

    assert_non_null(output);
    length = fread(place->output, 1, OUTPUT_MAX - 1, output);
    place->output[length] = '\0';
    place->status = pclose(output);
    assert_true(WIFEXITED(place->status));
    place->status = WEXITSTATUS(place->status);
}

static void
assert_says(struct place *place, const char *part)
{
    if (!strstr(place->output, part)) {
        fail_msg("'%s' is not in: %s", part, place->output);
    }
}

static void
help_names_every_setting(void **state)
{
    struct place *place = *state;

    run(place, "--help");
    assert_int_equal(place->status, EXIT_SUCCESS);
    assert_says(place, "--config FILE");
    for (unsigned i = 0; config_key_at(i); i++) {
        AUTO_FREE char *option = xasprintf("--%s ", config_key_at(i)->name);

        assert_says(place, option);
    }
}

static void
the_version_is_told(void **state)
{
    struct place *place = *state;

    run(place, "--version");
    assert_int_equal(place->status, EXIT_SUCCESS);
    assert_string_equal(place->output, "vmferryd " VMFERRY_VERSION "\n");
}

static void
an_option_that_is_none_is_refused(void **state)
{
    struct place *place = *state;

    run(place, "--no-such-option");
    assert_int_equal(place->status, EXIT_FAILURE);
    assert_says(place, "no-such-option");
    assert_says(place, "vmferryd --help");
    run(place, "file");
    assert_int_equal(place->status, EXIT_FAILURE);
    assert_says(place, "'file' is not an option");
}

static void
a_value_that_makes_no_sense_is_refused_by_its_option(void **state)
{
    struct place *place = *state;

    run(place, "--job-timeout=never");
    assert_int_equal(place->status, EXIT_FAILURE);
    assert_says(place, "option: job-timeout: 'never' is not a number");
}

static void
the_last_of_two_options_wins(void **state)
{
    struct place *place = *state;

    run(place, "");
    assert_says(place, "making folder 'file/default'");
    assert_int_equal(place->status, EXIT_FAILURE);
    file_write(place->folder, "other", "");
    run(place, "--runtime-dir=other/x");
    assert_says(place, "making folder 'other/x'");
}

static void
an_option_wins_over_the_file_wherever_it_stands(void **state)
{
    struct place *place = *state;

    file_write(place->folder, "conf", "runtime-dir = other/x\n");
    file_write(place->folder, "other", "");
    run(place, "--config conf");
    assert_says(place, "making folder 'file/default'");
    assert_int_equal(place->status, EXIT_FAILURE);
    run(place, "--config conf --runtime-dir file/x");
    assert_says(place, "making folder 'file/x'");
}

static void
what_is_wrong_in_the_file_ends_the_start(void **state)
{
    struct place *place = *state;

    file_write(place->folder, "conf", "\nhostname = host-b\n");
    run(place, "--host-name host-b --config conf");
    assert_int_equal(place->status, EXIT_FAILURE);
    assert_says(place, "vmferryd: conf:2: there is no setting 'hostname'");
    run(place, "--config absent");
    assert_int_equal(place->status, EXIT_FAILURE);
    assert_says(place, "reading the configuration file absent");
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(help_names_every_setting),
        TEST(the_version_is_told),
        TEST(an_option_that_is_none_is_refused),
        TEST(a_value_that_makes_no_sense_is_refused_by_its_option),
        TEST(the_last_of_two_options_wins),
        TEST(an_option_wins_over_the_file_wherever_it_stands),
        TEST(what_is_wrong_in_the_file_ends_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
