/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmferry resolve: shows what both hosts know of a guest whose migration's end
 * was not heard, does what is certain, and asks before what is not. */

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/run.h"

enum { NAME_MAX_LENGTH = 256 };

/* --------------------------------------------------------------- evidence */

static void
print_line(const struct vmferry_values *values, const char *name,
           const char *label)
{
    const char *value = vmferry_values_string(values, name);

    if (value && value[0] != '\0') {
        printf("  %-12s %s\n", label, value);
    }
}

static void
print_qemu(const struct vmferry_values *values)
{
    const char *qemu = vmferry_values_string(values, "qemu");
    const char *status = vmferry_values_string(values, "qemu_status");
    const char *migration = vmferry_values_string(values, "qemu_migration");
    uint64_t pid;

    if (!qemu) {
        return;
    }
    printf("  %-12s %s", "QEMU:", qemu);
    if (vmferry_values_number(values, "qemu_pid", &pid)) {
        printf(", process %" PRIu64, pid);
    }
    if (status) {
        printf(", guest %s", status);
    }
    if (migration) {
        printf(", migration %s", migration);
    }
    printf("\n");
}

static void
print_migration(const struct vmferry_values *values)
{
    const char *side = vmferry_values_string(values, "side");
    const char *state = vmferry_values_string(values, "state");
    const char *phase = vmferry_values_string(values, "phase");
    uint64_t since_ms;
    char text[AMOUNT_SIZE];

    if (side) {
        printf("  %-12s %s, %s%s%s\n", "Migration:", side, state ? state : "",
               phase ? ", phase " : "", phase ? phase : "");
    }
    if (vmferry_values_number(values, "since_ms", &since_ms)) {
        printf("  %-12s %s\n",
               "Unsure for:", format_time((int64_t)since_ms * 1000, text));
    }
}

static void
print_side(const struct vmferry_values *values, const char *which)
{
    const char *host = vmferry_values_string(values, "host");

    printf("%s (%s)\n", host ? host : "?", which);
    print_line(values, "copy", "Guest:");
    print_qemu(values);
    print_line(values, "disks", "Disks:");
    print_migration(values);
    print_line(values, "token", "Token:");
    print_line(values, "outcome", "Recorded:");
    print_line(values, "handover", "Handover:");
    print_line(values, "peer", "Other host:");
}

static void
print_choice(const char *domain, const char *option, const char *risk)
{
    if (risk) {
        printf("  vmferry resolve %s --%s\n", domain, option);
        if (risk[0] != '\0') {
            printf("      Risk: %s.\n", risk);
        }
    }
}

static void
print_resolution(const struct vmferry_resolution *resolution,
                 const char *domain)
{
    print_side(resolution->here, "this host");
    if (resolution->unreachable[0] != '\0') {
        printf("the other host\n  can't be asked: %s\n",
               resolution->unreachable);
    } else {
        print_side(resolution->there, "the other host");
    }
    printf("\n%s: %s.\n", domain, resolution->finding);
    if (resolution->certain != VMFERRY_LOOK) {
        return;
    }
    if (resolution->run_risk || resolution->discard_risk) {
        printf("Only you can decide now:\n");
    }
    print_choice(domain, "run-here", resolution->run_risk);
    print_choice(domain, "discard-here", resolution->discard_risk);
}

/* ------------------------------------------------------------------- JSON */

static void
add_text(struct json_object *object, const char *name, const char *text)
{
    if (text) {
        json_object_object_add(object, name, json_object_new_string(text));
    }
}

static const char *
deed_name(enum vmferry_deed deed)
{
    return deed == VMFERRY_RUN_HERE       ? "run-here"
           : deed == VMFERRY_DISCARD_HERE ? "discard-here"
                                          : NULL;
}

static struct json_object *
json_of_resolution(const struct vmferry_resolution *resolution,
                   enum vmferry_deed done)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "here", json_of_values(resolution->here));
    json_object_object_add(object, "there", json_of_values(resolution->there));
    if (resolution->unreachable[0] != '\0') {
        add_text(object, "unreachable", resolution->unreachable);
    }
    add_text(object, "finding", resolution->finding);
    add_text(object, "certain", deed_name(resolution->certain));
    add_text(object, "run_here_risk", resolution->run_risk);
    add_text(object, "discard_here_risk", resolution->discard_risk);
    add_text(object, "done", deed_name(done));
    return object;
}

/* ------------------------------------------------------------------- deeds */

/* Somebody who is on the wrong host finds out here. */
static bool
is_confirmed(const char *host, enum vmferry_deed deed)
{
    char line[NAME_MAX_LENGTH];

    signal(SIGINT, SIG_DFL);
    fprintf(stderr, "Type the name of this host (%s) to %s: ", host,
            deed == VMFERRY_RUN_HERE ? "run the guest here"
                                     : "discard the guest here");
    if (!fgets(line, sizeof line, stdin)) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, host) == 0;
}

static int
do_deed(struct vmferry *handle, const struct arguments *arguments,
        struct vmferry_resolve_options *options, const char *host,
        struct vmferry_resolution *resolution)
{
    const char *domain = arguments->positionals[0];

    options->host = options->host ? options->host : host;
    if (vmferry_resolve(handle, domain, options, resolution) < 0) {
        return run_failed(handle, arguments);
    }
    if (arguments->is_json) {
        output_json(json_of_resolution(resolution, options->deed));
    } else if (!arguments->is_quiet) {
        printf("%s: %s on %s\n", domain,
               options->deed == VMFERRY_RUN_HERE ? "given to run" : "discarded",
               options->host);
    }
    vmferry_resolution_done(resolution);
    return EXIT_DONE;
}

static int
confirm(const struct arguments *arguments, enum vmferry_deed deed,
        const struct vmferry_resolution *resolution, const char *host)
{
    const char *risk = deed == VMFERRY_RUN_HERE ? resolution->run_risk
                                                : resolution->discard_risk;

    if (arguments_option(arguments, "yes-on") || !risk) {
        return EXIT_DONE; /* The daemon compares names, and refuses. */
    }
    if (!isatty(STDIN_FILENO)) {
        output_error(arguments, VMFERRY_ERROR_INVALID_ARG,
                     "name the host that is meant with --yes-on");
        return EXIT_USAGE;
    }
    if (risk[0] != '\0') {
        fprintf(stderr, "Risk: %s.\n", risk);
    }
    if (is_confirmed(host, deed)) {
        return EXIT_DONE;
    }
    output_error(arguments, VMFERRY_ERROR_ABORTED,
                 "that is not its name; nothing was done");
    return EXIT_FAILED;
}

/* Nothing was chosen: what is certain is done, and what is not is shown. */
static int
settle(struct vmferry *handle, const struct arguments *arguments,
       struct vmferry_resolve_options *options, const char *host,
       const struct vmferry_resolution *resolution)
{
    struct vmferry_resolution done;

    if (resolution->certain != VMFERRY_LOOK &&
        !arguments_option(arguments, "look")) {
        options->deed = resolution->certain;
        options->is_certain_only = true;
        return do_deed(handle, arguments, options, host, &done);
    }
    if (arguments->is_json) {
        output_json(json_of_resolution(resolution, VMFERRY_LOOK));
    }
    return resolution->certain != VMFERRY_LOOK || resolution->run_risk ||
                   resolution->discard_risk
               ? EXIT_UNKNOWN
               : EXIT_DONE;
}

static bool
read_deed(const struct arguments *arguments, enum vmferry_deed *deed)
{
    bool runs = arguments_option(arguments, "run-here");
    bool discards = arguments_option(arguments, "discard-here");
    bool looks = arguments_option(arguments, "look");

    if (runs + discards + looks > 1) {
        output_error(arguments, VMFERRY_ERROR_INVALID_ARG,
                     "--run-here, --discard-here and --look exclude each"
                     " other");
        return false;
    }
    *deed = runs       ? VMFERRY_RUN_HERE
            : discards ? VMFERRY_DISCARD_HERE
                       : VMFERRY_LOOK;
    return true;
}

int
run_resolve(struct vmferry *handle, const struct arguments *arguments)
{
    const char *domain = arguments->positionals[0];
    struct vmferry_resolve_options options = {
        .peer_uri = arguments_option(arguments, "peer"),
        .host = arguments_option(arguments, "yes-on"),
    };
    struct vmferry_resolution resolution, done;
    enum vmferry_deed deed;
    const char *host;
    int status;

    if (!read_deed(arguments, &deed)) {
        return EXIT_USAGE;
    }
    if (vmferry_resolve(handle, domain, &options, &resolution) < 0) {
        return run_failed(handle, arguments);
    }
    if (!arguments->is_json && !arguments->is_quiet) {
        print_resolution(&resolution, domain);
        fflush(stdout);
    }
    host = vmferry_values_string(resolution.here, "host");
    options.deed = deed;
    if (deed == VMFERRY_LOOK) {
        status = settle(handle, arguments, &options, host, &resolution);
    } else {
        status = confirm(arguments, deed, &resolution, host ? host : "");
        if (status == EXIT_DONE) {
            status = do_deed(handle, arguments, &options, host, &done);
        }
    }
    vmferry_resolution_done(&resolution);
    return status;
}
