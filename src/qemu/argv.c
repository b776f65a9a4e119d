/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv.h"

#include <stdlib.h>
#include <string.h>

#include "qemu/argv_parts.h"

static void find_boot(struct argv_context *context);
static int check_aliases(const struct guest *guest, struct error *err);
static int add_devices(struct argv_context *context, struct error *err);

char **
qemu_argv_new(const struct guest *guest,
              const struct qemu_argv_options *options, struct error *err)
{
    struct argv_context context = {
        .guest = guest,
        .options = options,
        .is_q35 = guest->os.machine != NULL &&
                  (has_prefix(guest->os.machine, "pc-q35") ||
                   strcmp(guest->os.machine, "q35") == 0),
    };

    find_boot(&context);
    if (check_aliases(guest, err) < 0 || argv_machine(&context, err) < 0 ||
        argv_board(&context, err) < 0 || add_devices(&context, err) < 0) {
        argv_done(&context.argv);
        return NULL;
    }
    return argv_take(&context.argv);
}

void
qemu_argv_free(char **argv)
{
    if (argv == NULL) {
        return;
    }
    for (size_t i = 0; argv[i] != NULL; i++) {
        free(argv[i]);
    }
    free(argv);
}

/* Quotes what a shell would not take for one word. */
static void
add_quoted(struct text *text, const char *word)
{
    const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_=+.,:/@%";

    if (word[0] != '\0' && strspn(word, plain) == strlen(word)) {
        text_add(text, word);
        return;
    }
    text_add(text, "'");
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            text_add(text, "'\\''");
        } else {
            text_add_bytes(text, word, 1);
        }
    }
    text_add(text, "'");
}

char *
qemu_argv_to_text(char *const *argv)
{
    AUTO_TEXT text = {0};

    for (size_t i = 0; argv[i] != NULL; i++) {
        if (i > 0) {
            text_add(&text, argv[i][0] == '-' ? " \\\n" : " ");
        }
        add_quoted(&text, argv[i]);
    }
    text_add(&text, "\n");
    return text_take(&text);
}

int
argv_check_word(const char *word, const char *what, struct error *err)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "0123456789-_.:+";

    if (word != NULL && word[0] != '\0' && word[0] != '-' &&
        strspn(word, allowed) == strlen(word)) {
        return 0;
    }
    return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                     "%s '%s' cannot be put on QEMU's command line", what,
                     word != NULL ? word : "");
}

static int
check_alias(void *owner, const char *kind, struct guest_device *device)
{
    (void)kind;
    return device->alias != NULL
               ? argv_check_word(device->alias, "the alias", owner)
               : 0;
}

/* Aliases become parts of ids, some of them outside of JSON. */
static int
check_aliases(const struct guest *guest, struct error *err)
{
    /* The visitor changes nothing. */
    return guest_visit_devices((struct guest *)(uintptr_t)guest, check_alias,
                               err);
}

/* Gives each device of <os><boot> its number, unless devices have numbers
 * themselves. */
static void
find_boot(struct argv_context *context)
{
    const struct guest *guest = context->guest;

    for (size_t i = 0; i < guest->os.boots.count; i++) {
        unsigned *place = NULL;

        switch (guest->os.boots.items[i]->device) {
        case GUEST_BOOT_DEVICE_HD:
            place = &context->boot_disk;
            break;
        case GUEST_BOOT_DEVICE_CDROM:
            place = &context->boot_cdrom;
            break;
        case GUEST_BOOT_DEVICE_FD:
            place = &context->boot_floppy;
            break;
        case GUEST_BOOT_DEVICE_NETWORK:
            place = &context->boot_network;
            break;
        default:
            continue;
        }
        *place = (unsigned)i + 1;
    }
}

static int
add_devices(struct argv_context *context, struct error *err)
{
    struct argv_builder *argv = &context->argv;

    if (argv_controllers(context, err) < 0 || argv_disks(context, err) < 0 ||
        argv_interfaces(context, err) < 0 || argv_chardevs(context, err) < 0) {
        return -1;
    }
    argv_inputs(context);
    if (argv_graphics(context, err) < 0) {
        return -1;
    }
    argv_videos(context);
    argv_sounds(context);
    argv_watchdogs(context);
    if (context->options->is_incoming) {
        argv_add(argv, "-incoming", "defer");
    }
    argv_memballoons(context);
    argv_rngs(context);
    if (context->options->has_sandbox) {
        argv_add(argv, "-sandbox",
                 "on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
                 "resourcecontrol=deny");
    }
    argv_panics(context);
    argv_add(argv, "-msg", "timestamp=on");
    return 0;
}
