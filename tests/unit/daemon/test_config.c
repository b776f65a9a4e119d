/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings: values, files, what is computed.  That options win over the file is
 * for vmferryd itself to show (test_options.c). */

#include "daemon/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/protocols.h"
#include "fixture.h"

struct settings {
    char folder[32];
    struct config config;
};

static int
set_up(void **state)
{
    struct settings *settings = xcalloc(1, sizeof *settings);

    folder_make(settings->folder);
    config_init(&settings->config);
    *state = settings;
    return 0;
}

static int
tear_down(void **state)
{
    struct settings *settings = *state;

    config_done(&settings->config);
    folder_remove(settings->folder);
    free(settings);
    return 0;
}

/* Reads a file of that text. */
static int
read_text(struct settings *settings, const char *text, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/test.conf", settings->folder);

    file_write(settings->folder, "test.conf", text);
    return config_read(&settings->config, path, err);
}

static void
assert_file_refused(struct settings *settings, const char *text,
                    const char *message)
{
    AUTO_FREE char *whole = xasprintf("%s/%s", settings->folder, message);
    AUTO_ERROR err = {0};

    assert_int_equal(read_text(settings, text, &err), -1);
    assert_string_equal(err.message, whole);
    assert_int_equal(err.code, ERROR_INVALID_ARG);
}

/* Folders of an ordinary user, in the test's own. */
static void
set_environment(const char *runtime, const char *state, const char *home)
{
    const struct {
        const char *name;
        const char *value;
    } variables[] = {
        {"XDG_RUNTIME_DIR", runtime},
        {"XDG_STATE_HOME",  state  },
        {"HOME",            home   },
    };

    for (size_t i = 0; i < ARRAY_COUNT(variables); i++) {
        if (variables[i].value) {
            setenv(variables[i].name, variables[i].value, 1);
        } else {
            unsetenv(variables[i].name);
        }
    }
}

static void
assert_set(struct config *config, const char *key, const char *value)
{
    AUTO_ERROR err = {0};

    assert_int_equal(config_set(config, key, value, &err), 0);
}

static void
every_key_has_a_name_and_a_text(void **state)
{
    unsigned count = 0;

    (void)state;
    for (; config_key_at(count); count++) {
        const struct config_key *key = config_key_at(count);

        assert_non_null(key->name);
        assert_non_null(key->argument);
        assert_true(has_suffix(key->help, "."));
        if (!key->standard) {
            assert_non_null(strstr(key->help, "Default: "));
        }
    }
    assert_true(count > 10);
}

static void
the_help_has_every_option_with_its_default(void **state)
{
    AUTO_FREE char *help = config_help();

    (void)state;
    for (unsigned i = 0; config_key_at(i); i++) {
        AUTO_FREE char *option = xasprintf(
            "  --%s %s\n", config_key_at(i)->name, config_key_at(i)->argument);

        assert_non_null(strstr(help, option));
    }
    assert_non_null(strstr(help, "Default: 49152-49215."));
    assert_null(strstr(help, "Default: ."));
}

static void
fixed_defaults_are_there_from_the_beginning(void **state)
{
    struct settings *settings = *state;

    assert_int_equal(settings->config.log_level, LOG_LEVEL_INFO);
    assert_int_equal(settings->config.migration_ports.first, 49152);
    assert_int_equal(settings->config.migration_ports.last, 49215);
    assert_int_equal(settings->config.job_timeout, 30);
    assert_string_equal(settings->config.qemu_binary,
                        "/usr/bin/qemu-system-x86_64");
    assert_null(settings->config.listen_tcp);
}

static void
values_are_read_by_their_type(void **state)
{
    struct settings *settings = *state;
    struct config *config = &settings->config;

    assert_set(config, "host-name", "host-b");
    assert_set(config, "host-name", "host-c");
    assert_string_equal(config->host_name, "host-c");
    assert_set(config, "job-timeout", "1000000");
    assert_int_equal(config->job_timeout, 1000000);
    assert_set(config, "migration-ports", "1-65535");
    assert_int_equal(config->migration_ports.first, 1);
    assert_int_equal(config->migration_ports.last, 65535);
    assert_set(config, "migration-ports", "5-5");
    assert_int_equal(config->migration_ports.last, 5);
    assert_set(config, "log-level", "debug");
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_set(config, "listen-tcp", "[::1]:16509");
    assert_string_equal(config->listen_tcp, "[::1]:16509");
    assert_set(config, "host-uuid", "C0FFEE03-1234-4abc-8def-0123456789ab");
    assert_int_equal(config->host_uuid.bytes[0], 0xc0);
    assert_set(config, "protocols", "v3-plain,v2");
    assert_int_equal(config->protocols, PROTOCOL_V3_PLAIN | PROTOCOL_V2);
    assert_set(config, "protocols", "v3");
    assert_int_equal(config->protocols, PROTOCOL_V3_PLAIN | PROTOCOL_V3_PARAMS);
    assert_set(config, "trace", "rules,qmp");
    assert_true(log_has_trace(LOG_TOPIC_qmp));
    assert_false(log_has_trace(LOG_TOPIC_rpc));
    assert_set(config, "trace", "");
    assert_false(log_has_trace(LOG_TOPIC_qmp));
}

static void
values_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        const char *message;
    } wrong[] = {
        {"host-name",       "",            "host-name: the value is empty"      },
        {"runtime-dir",     "",            "runtime-dir: the value is empty"    },
        {"job-timeout",     "0",           "'0' is not a number of seconds"     },
        {"job-timeout",     "-1",          "'-1' is not a number of seconds"    },
        {"job-timeout",     "1.5",         "'1.5' is not a number of seconds"   },
        {"job-timeout",     "5s",          "'5s' is not a number of seconds"    },
        {"job-timeout",     "",            "'' is not a number of seconds"      },
        {"job-timeout",     "1000001",     "job-timeout: '1000001' is not"      },
        {"host-uuid",       "c0ffee03",    "host-uuid: 'c0ffee03' is not a UUID"},
        {"migration-ports", "49152",       "'49152' is not a range of ports"    },
        {"migration-ports", "0-10",        "'0-10' is not a range"              },
        {"migration-ports", "10-9",        "'10-9' is not a range"              },
        {"migration-ports", "1-65536",     "'1-65536' is not a range"           },
        {"migration-ports", "1-2-3",       "'1-2-3' is not a range"             },
        {"migration-ports", "-",           "'-' is not a range"                 },
        {"log-level",       "loud",        "'loud' is not error, warning"       },
        {"log-level",       "",            "log-level: '' is not"               },
        {"trace",           "qmp,gossip",  "'qmp,gossip' is not a list of"      },
        {"protocols",       "v3,v4",       "'v3,v4' is not a list of protocols" },
        {"protocols",       "v3,",         "'v3,' is not a list of protocols"   },
        {"protocols",       "",            "'' is not a list of protocols"      },
        {"listen-tcp",      "",            "listen-tcp: "                       },
        {"listen-tcp",      "host-a",      "listen-tcp: "                       },
        {"listen-tcp",      "host-a:port", "listen-tcp: "                       },
        {"listen-tcp",      "h:65536",     "listen-tcp: "                       },
        {"no-such-key",     "1",           "there is no setting 'no-such-key'"  },
        {"",                "1",           "there is no setting ''"             },
    };
    struct settings *settings = *state;

    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        AUTO_ERROR err = {0};

        if (config_set(&settings->config, wrong[i].key, wrong[i].value, &err) !=
                -1 ||
            err.code != ERROR_INVALID_ARG ||
            !strstr(err.message, wrong[i].message)) {
            fail_msg("%s = '%s': %s", wrong[i].key, wrong[i].value,
                     error_is_set(&err) ? err.message : "accepted");
        }
    }
}

static void
a_refused_value_leaves_the_one_before(void **state)
{
    struct settings *settings = *state;
    struct config *config = &settings->config;
    static const char *const wrong[][2] = {
        {"job-timeout",     "0"   },
        {"migration-ports", "7-"  },
        {"host-name",       ""    },
        {"log-level",       "loud"},
    };

    assert_set(config, "host-name", "host-b");
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        AUTO_ERROR err = {0};

        assert_int_equal(config_set(config, wrong[i][0], wrong[i][1], &err),
                         -1);
    }
    assert_int_equal(config->job_timeout, 30);
    assert_int_equal(config->migration_ports.first, 49152);
    assert_string_equal(config->host_name, "host-b");
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
}

static void
a_file_sets_what_it_names_and_nothing_else(void **state)
{
    struct settings *settings = *state;
    AUTO_ERROR err = {0};

    assert_int_equal(read_text(settings,
                               "# A comment.\n"
                               "\n"
                               "host-name = host-b\n"
                               "job-timeout=7\n"
                               "; Another one.\n"
                               "migration-ports : 1-2 ; the rest of the line\n",
                               &err),
                     0);
    assert_string_equal(settings->config.host_name, "host-b");
    assert_int_equal(settings->config.job_timeout, 7);
    assert_int_equal(settings->config.migration_ports.last, 2);
    assert_int_equal(settings->config.qemu_timeout, 30);
}

static void
what_is_set_last_wins(void **state)
{
    struct settings *settings = *state;
    AUTO_ERROR err = {0};

    assert_int_equal(
        read_text(settings, "job-timeout = 7\njob-timeout = 8\n", &err), 0);
    assert_int_equal(settings->config.job_timeout, 8);
    assert_set(&settings->config, "job-timeout", "9");
    assert_int_equal(settings->config.job_timeout, 9);
}

static void
what_is_wrong_in_a_file_is_named_with_its_line(void **state)
{
    struct settings *settings = *state;

    assert_file_refused(settings, "host-name = a\n\nhostname = b\n",
                        "test.conf:3: there is no setting 'hostname'");
    assert_file_refused(settings, "log-level = loud\n",
                        "test.conf:1: log-level: 'loud' is not error, warning,"
                        " info or debug");
    assert_file_refused(settings, "host-name = a\n[daemon]\nhost-name = b\n",
                        "test.conf:3: there is no section 'daemon'");
    assert_file_refused(settings, "host-name = a\nhost-name\n",
                        "test.conf:2: not a line of the form 'key = value'");
}

static void
of_many_wrong_lines_the_first_is_named(void **state)
{
    struct settings *settings = *state;

    assert_file_refused(settings, "what\nhostname = b\n",
                        "test.conf:1: not a line of the form 'key = value'");
    assert_file_refused(settings, "hostname = b\nwhat\n",
                        "test.conf:1: there is no setting 'hostname'");
}

static void
an_indented_line_is_a_line_of_its_own(void **state)
{
    struct settings *settings = *state;
    AUTO_ERROR err = {0};

    assert_int_equal(read_text(settings,
                               "host-name = host-b\n"
                               "  job-timeout = 7\n"
                               "\t# job-timeout = 8\n",
                               &err),
                     0);
    assert_string_equal(settings->config.host_name, "host-b");
    assert_int_equal(settings->config.job_timeout, 7);
}

static void
a_folder_is_not_an_empty_file(void **state)
{
    struct settings *settings = *state;
    AUTO_ERROR err = {0};

    assert_int_equal(config_read(&settings->config, settings->folder, &err),
                     -1);
    assert_int_equal(err.errnum, EISDIR);
}

static void
a_file_that_is_not_there_is_an_error(void **state)
{
    struct settings *settings = *state;
    AUTO_FREE char *path = xasprintf("%s/absent.conf", settings->folder);
    AUTO_ERROR err = {0};

    assert_int_equal(config_read(&settings->config, path, &err), -1);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "No such file or directory"));
}

static void
the_installed_file_has_every_key_and_sets_none(void **state)
{
    struct settings *settings = *state;
    char text[16384] = {0};
    FILE *file = fopen(CONFIGURATION_FILE, "re");
    AUTO_ERROR err = {0};

    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_true(feof(file));
    fclose(file);
    for (unsigned i = 0; config_key_at(i); i++) {
        const struct config_key *key = config_key_at(i);
        bool has_value = key->standard && *key->standard;
        AUTO_FREE char *line =
            xasprintf("\n#%s =%s%s\n", key->name, has_value ? " " : "",
                      has_value ? key->standard : "");

        if (!strstr(text, line)) {
            fail_msg("there is no line%s", line);
        }
    }
    assert_int_equal(config_read(&settings->config, CONFIGURATION_FILE, &err),
                     0);
    assert_null(settings->config.runtime_dir);
}

static void
an_ordinary_users_folders_are_those_of_the_session(void **state)
{
    struct settings *settings = *state;
    struct config *config = &settings->config;
    AUTO_FREE char *runtime = xasprintf("%s/run", settings->folder);
    AUTO_FREE char *data = xasprintf("%s/state", settings->folder);
    AUTO_FREE char *wanted_runtime = xasprintf("%s/vmferry", runtime);
    AUTO_FREE char *wanted_state = xasprintf("%s/vmferry", data);
    AUTO_FREE char *wanted_socket =
        xasprintf("%s/vmferry.sock", wanted_runtime);
    AUTO_ERROR err = {0};
    struct stat info;

    set_environment(runtime, data, NULL);
    assert_int_equal(config_complete(config, false, &err), 0);
    assert_string_equal(config->runtime_dir, wanted_runtime);
    assert_string_equal(config->state_dir, wanted_state);
    assert_string_equal(config->listen_unix, wanted_socket);
    assert_int_equal(stat(wanted_runtime, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(wanted_state, &info), 0);
    assert_true(strlen(config->host_name) > 0);
}

static void
without_a_state_folder_of_the_session_home_is_used(void **state)
{
    struct settings *settings = *state;
    AUTO_FREE char *wanted =
        xasprintf("%s/.local/state/vmferry", settings->folder);
    AUTO_ERROR err = {0};

    set_environment(settings->folder, "not/absolute", settings->folder);
    assert_int_equal(config_complete(&settings->config, false, &err), 0);
    assert_string_equal(settings->config.state_dir, wanted);
}

static void
a_user_without_a_session_must_say_where(void **state)
{
    struct settings *settings = *state;
    struct config *config = &settings->config;
    AUTO_ERROR first = {0}, second = {0};

    set_environment(NULL, NULL, settings->folder);
    assert_int_equal(config_complete(config, false, &first), -1);
    assert_non_null(strstr(first.message, "XDG_RUNTIME_DIR is not set"));
    assert_set(config, "runtime-dir", settings->folder);
    config_done(config);
    config_init(config);
    set_environment(settings->folder, NULL, NULL);
    assert_int_equal(config_complete(config, false, &second), -1);
    assert_non_null(strstr(second.message, "HOME is not set"));
    assert_non_null(strstr(second.message, "--state-dir"));
}

static void
what_is_set_is_not_computed(void **state)
{
    struct settings *settings = *state;
    struct config *config = &settings->config;
    AUTO_FREE char *nowhere = xasprintf("%s/nowhere", settings->folder);
    AUTO_ERROR err = {0};

    set_environment(nowhere, nowhere, nowhere);
    assert_set(config, "runtime-dir", settings->folder);
    assert_set(config, "state-dir", settings->folder);
    assert_set(config, "listen-unix", "/run/other.sock");
    assert_set(config, "host-name", "host-b");
    assert_int_equal(config_complete(config, true, &err), 0);
    assert_string_equal(config->runtime_dir, settings->folder);
    assert_string_equal(config->listen_unix, "/run/other.sock");
    assert_string_equal(config->host_name, "host-b");
    assert_int_equal(access(nowhere, F_OK), -1);
}

static void
a_folder_that_can_not_be_made_is_an_error(void **state)
{
    struct settings *settings = *state;
    AUTO_FREE char *below_a_file = xasprintf("%s/file/x", settings->folder);
    AUTO_ERROR err = {0};

    file_write(settings->folder, "file", "");
    assert_set(&settings->config, "runtime-dir", below_a_file);
    assert_set(&settings->config, "state-dir", settings->folder);
    assert_int_equal(config_complete(&settings->config, false, &err), -1);
    assert_non_null(strstr(err.message, below_a_file));
}

/* Completes settings whose folders are the test's. */
static int
complete_here(struct settings *settings, struct error *err)
{
    assert_set(&settings->config, "runtime-dir", settings->folder);
    assert_set(&settings->config, "state-dir", settings->folder);
    return config_complete(&settings->config, false, err);
}

static void
the_hosts_uuid_is_made_once_and_kept(void **state)
{
    struct settings *settings = *state;
    struct uuid first;
    AUTO_ERROR err = {0};

    assert_int_equal(complete_here(settings, &err), 0);
    first = settings->config.host_uuid;
    assert_false(uuid_is_zero(&first));
    config_done(&settings->config);
    config_init(&settings->config);
    assert_int_equal(complete_here(settings, &err), 0);
    assert_true(uuid_is_equal(&settings->config.host_uuid, &first));
}

static void
a_uuid_that_is_set_wins_over_the_one_that_is_kept(void **state)
{
    struct settings *settings = *state;
    const char *const text = "c0ffee03-1234-4abc-8def-0123456789ab";
    char now[UUID_TEXT_SIZE];
    AUTO_ERROR err = {0};

    file_write(settings->folder, "host-uuid",
               "aaaaaaaa-1234-4abc-8def-0123456789ab\n");
    assert_set(&settings->config, "host-uuid", text);
    assert_int_equal(complete_here(settings, &err), 0);
    uuid_format(&settings->config.host_uuid, now);
    assert_string_equal(now, text);
}

static void
a_kept_uuid_that_is_none_is_not_replaced(void **state)
{
    struct settings *settings = *state;
    AUTO_ERROR err = {0};

    file_write(settings->folder, "host-uuid", "not a UUID\n");
    assert_int_equal(complete_here(settings, &err), -1);
    assert_non_null(strstr(err.message, "host-uuid does not contain a UUID"));
    assert_non_null(strstr(err.message, settings->folder));
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_key_has_a_name_and_a_text),
        TEST(the_help_has_every_option_with_its_default),
        TEST(fixed_defaults_are_there_from_the_beginning),
        TEST(values_are_read_by_their_type),
        TEST(values_that_make_no_sense_are_refused),
        TEST(a_refused_value_leaves_the_one_before),
        TEST(a_file_sets_what_it_names_and_nothing_else),
        TEST(what_is_set_last_wins),
        TEST(what_is_wrong_in_a_file_is_named_with_its_line),
        TEST(of_many_wrong_lines_the_first_is_named),
        TEST(an_indented_line_is_a_line_of_its_own),
        TEST(a_folder_is_not_an_empty_file),
        TEST(a_file_that_is_not_there_is_an_error),
        TEST(the_installed_file_has_every_key_and_sets_none),
        TEST(an_ordinary_users_folders_are_those_of_the_session),
        TEST(without_a_state_folder_of_the_session_home_is_used),
        TEST(a_user_without_a_session_must_say_where),
        TEST(what_is_set_is_not_computed),
        TEST(a_folder_that_can_not_be_made_is_an_error),
        TEST(the_hosts_uuid_is_made_once_and_kept),
        TEST(a_uuid_that_is_set_wins_over_the_one_that_is_kept),
        TEST(a_kept_uuid_that_is_none_is_not_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
