/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmferry: the command line.  Sees everything through include/vmferry.h. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/run.h"

static struct vmferry *interruptible;

static void
interrupt(int number)
{
    (void)number;
    vmferry_interrupt(interruptible);
}

static void
catch_signals(struct vmferry *handle)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};

    interruptible = handle;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int
run(const struct arguments *arguments)
{
    const struct command *command = arguments->command;
    struct vmferry *handle = vmferry_new();
    unsigned flags =
        command->access == ACCESS_READ && !arguments_option(arguments, "secure")
            ? VMFERRY_CONNECT_READ_ONLY
            : 0;
    int status;

    catch_signals(handle);
    if (command->access != ACCESS_NONE &&
        vmferry_connect(handle, arguments->uri, flags) < 0) {
        run_failed(handle, arguments);
        status = EXIT_CONNECT;
    } else {
        status = command->run(handle, arguments);
    }
    vmferry_free(handle);
    return status;
}

int
main(int argc, char **argv)
{
    struct arguments arguments;
    int status = EXIT_DONE;

    if (!arguments_parse(argc, argv, &arguments)) {
        return EXIT_USAGE;
    }
    if (arguments.wants_version) {
        printf("vmferry %s\n", vmferry_library_version());
    } else if (arguments.wants_help && arguments.command) {
        help_print_command(stdout, arguments.command);
    } else if (arguments.wants_help) {
        help_print(stdout);
    } else {
        status = run(&arguments);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "vmferry: writing the output: %s\n", strerror(errno));
        return status == EXIT_DONE ? EXIT_FAILED : status;
    }
    return status;
}
