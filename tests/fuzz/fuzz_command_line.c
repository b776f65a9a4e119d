/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain XML from a peer, up to the command line of QEMU: it is checked,
 * completed, completed again without a change, compared with itself, sent and
 * completed to the same machine, and made into arguments that no text has split
 * or added to.  Seeds: tests/golden/complete. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "guest/complete.h"
#include "qemu/argv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct guest_host host = {.emulator = "/usr/bin/qemu"};

/* What is decided when a guest starts. */
static void
decide(struct guest *guest)
{
    for (size_t i = 0; i < guest->graphics.count; i++) {
        if (guest->graphics.items[i]->port < 5900) {
            guest->graphics.items[i]->port = 5900;
        }
    }
}

/* Every argument that starts an option is one that we know. */
static void
check_options(char **argv)
{
    static const char *const flags[] = {"-S",          "-no-user-config",
                                        "-nodefaults", "-no-shutdown",
                                        "-no-acpi",    "-no-hpet"};
    static const char *const options[] = {
        "-name",
        "-accel",
        "-machine",
        "-cpu",
        "-m",
        "-object",
        "-smp",
        "-uuid",
        "-smbios",
        "-fw_cfg",
        "-display",
        "-chardev",
        "-mon",
        "-rtc",
        "-global",
        "-boot",
        "-kernel",
        "-initrd",
        "-append",
        "-device",
        "-blockdev",
        "-netdev",
        "-vnc",
        "-k",
        "-audiodev",
        "-bios",
        "-sandbox",
        "-msg",
        "-incoming",
        "-overcommit",
        "-watchdog-action",
    };

    for (size_t i = 1; argv[i] != NULL; i++) {
        bool is_flag = false;
        bool is_option = false;

        for (size_t j = 0; j < ARRAY_COUNT(flags); j++) {
            is_flag |= strcmp(argv[i], flags[j]) == 0;
        }
        for (size_t j = 0; j < ARRAY_COUNT(options); j++) {
            is_option |= strcmp(argv[i], options[j]) == 0;
        }
        assert(is_flag || is_option);
        if (is_option) {
            i++;
            assert(argv[i] != NULL);
        }
    }
}

static void
check_sent(const struct guest *guest)
{
    AUTO_FREE char *sent =
        guest_format(guest, GUEST_FORMAT_MIGRATABLE | GUEST_FORMAT_SECURE);
    AUTO_ERROR err = {0};
    AUTO(guest) *there =
        guest_parse(sent, strlen(sent), GUEST_PARSE_MIGRATION, &err);

    assert(there != NULL);
    assert(guest_complete(there, &host, &err) == 0);
    assert(guest_compare(guest, there, &err) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct qemu_argv_options options = {.monitor_fd = 3,
                                              .is_incoming = true};
    AUTO_ERROR err = {0};
    AUTO_ERROR argv_err = {0};
    AUTO_FREE char *once = NULL;
    AUTO_FREE char *twice = NULL;
    AUTO(guest) *guest =
        guest_parse((const char *)data, size, GUEST_PARSE_MIGRATION, &err);
    char **argv;

    if (guest == NULL || guest_check(guest, &err) < 0 ||
        guest_complete(guest, &host, &err) < 0) {
        assert(error_is_set(&err));
        return 0;
    }
    once = guest_format(guest, GUEST_FORMAT_STATUS);
    assert(guest_complete(guest, &host, &err) == 0);
    twice = guest_format(guest, GUEST_FORMAT_STATUS);
    assert(strcmp(once, twice) == 0);
    assert(guest_compare(guest, guest, &err) == 0);
    check_sent(guest);
    decide(guest);
    argv = qemu_argv_new(guest, &options, &argv_err);
    assert((argv != NULL) != error_is_set(&argv_err));
    if (argv != NULL) {
        check_options(argv);
        free(qemu_argv_to_text(argv));
    }
    qemu_argv_free(argv);
    return 0;
}
