/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmferry migrate. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/run.h"

enum {
    INTERVAL_MS = 250,
    /* Where nobody looks on, a line a second is enough. */
    PLAIN_INTERVAL_US = 1000000,
};

/* Where progress is shown. */
struct screen {
    const struct arguments *arguments;
    bool is_terminal;
    bool has_line;   /* One that the next one overwrites. */
    int64_t last_us; /* When the last plain line of numbers was printed. */
};

static unsigned
terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) {
        return size.ws_col;
    }
    return 80;
}

static void
clear_line(struct screen *screen)
{
    if (screen->has_line) {
        fputs("\r\033[K", stderr);
        screen->has_line = false;
    }
}

static void
print_phase(struct screen *screen, const struct vmferry_progress *progress)
{
    const char *meaning = phase_meaning(progress->phase, progress->is_stopping);

    clear_line(screen);
    fprintf(stderr, "%7.3f s  %-8s %s\n", (double)progress->elapsed_us / 1e6,
            vmferry_phase_name(progress->phase), meaning);
}

static void
print_numbers(struct screen *screen, const struct vmferry_progress *progress)
{
    struct copy_numbers numbers;
    char text[PROGRESS_SIZE];

    copy_numbers_read(progress->statistics, &numbers);
    progress_line(&numbers, text);
    if (screen->is_terminal) {
        fprintf(stderr, "\r%.*s\033[K", (int)terminal_width() - 1, text);
        fflush(stderr);
        screen->has_line = true;
    } else if (progress->elapsed_us - screen->last_us >= PLAIN_INTERVAL_US) {
        fprintf(stderr, "%7.3f s  %s\n", (double)progress->elapsed_us / 1e6,
                text);
        screen->last_us = progress->elapsed_us;
    }
}

static void
print_json(const struct vmferry_progress *progress)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(
        object, "phase",
        json_object_new_string(vmferry_phase_name(progress->phase)));
    json_object_object_add(object, "elapsed_us",
                           json_object_new_int64(progress->elapsed_us));
    if (progress->is_stopping) {
        json_object_object_add(object, "stopping",
                               json_object_new_boolean(true));
    }
    if (progress->statistics) {
        json_object_object_add(object, "statistics",
                               json_of_values(progress->statistics));
    }
    output_json(object);
}

static void
show(void *owner, const struct vmferry_progress *progress)
{
    struct screen *screen = owner;

    if (screen->arguments->is_json) {
        print_json(progress);
    } else if (screen->arguments->is_quiet) {
        return;
    } else if (progress->statistics) {
        if (!progress->is_stopping) {
            print_numbers(screen, progress);
        }
    } else {
        print_phase(screen, progress);
    }
}

/* ---------------------------------------------------------------- options */

static void
add_string(struct vmferry_values *values, const char *name, const char *text)
{
    const struct vmferry_value value = {
        .name = name,
        .type = VMFERRY_TYPE_STRING,
        .u.s = text,
    };

    if (text) {
        vmferry_values_add(values, &value);
    }
}

static bool
add_file(struct vmferry_values *values, const char *name, const char *path)
{
    char *text;

    if (!path) {
        return true;
    }
    text = file_read(path);
    add_string(values, name, text);
    free(text);
    return text;
}

/* False where an option makes no sense, which was said. */
static bool
read_parameters(const struct arguments *arguments,
                struct vmferry_values *values)
{
    struct vmferry_value bandwidth = {
        .name = "bandwidth",
        .type = VMFERRY_TYPE_ULLONG,
    };
    unsigned long mib;

    if (!arguments_number(arguments, "bandwidth", 1, 1ul << 40, 0, &mib)) {
        return false;
    }
    if (mib > 0) {
        bandwidth.u.ul = mib;
        vmferry_values_add(values, &bandwidth);
    }
    add_string(values, "destination_name", arguments_option(arguments, "name"));
    add_string(values, "migrate_uri",
               arguments_option(arguments, "migrate-uri"));
    add_string(values, "listen_address",
               arguments_option(arguments, "listen-address"));
    return add_file(values, "destination_xml",
                    arguments_option(arguments, "xml")) &&
           add_file(values, "persistent_xml",
                    arguments_option(arguments, "persistent-xml"));
}

static unsigned
read_flags(const struct arguments *arguments)
{
    static const struct {
        const char *option;
        unsigned flag;
    } rows[] = {
        {"tunnelled",       VMFERRY_MIGRATE_TUNNELLED      },
        {"offline",         VMFERRY_MIGRATE_OFFLINE        },
        {"persistent",      VMFERRY_MIGRATE_PERSIST_DEST   },
        {"undefine-source", VMFERRY_MIGRATE_UNDEFINE_SOURCE},
        {"leave-paused",    VMFERRY_MIGRATE_PAUSED         },
        {"unsafe",          VMFERRY_MIGRATE_UNSAFE         },
        {"auto-converge",   VMFERRY_MIGRATE_AUTO_CONVERGE  },
        {"abort-on-error",  VMFERRY_MIGRATE_ABORT_ON_ERROR },
    };
    unsigned flags = 0;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (arguments_option(arguments, rows[i].option)) {
            flags |= rows[i].flag;
        }
    }
    /* By default the source's daemon does it all: what happens to this process,
     * or to the computer that it runs on, must not hurt a migration. */
    if (!arguments_option(arguments, "managed")) {
        flags |= VMFERRY_MIGRATE_PEER2PEER;
    }
    if (flags & VMFERRY_MIGRATE_OFFLINE) {
        flags |= VMFERRY_MIGRATE_PERSIST_DEST;
    } else if (!arguments_option(arguments, "pause")) {
        flags |= VMFERRY_MIGRATE_LIVE;
    }
    return flags;
}

/* A guest that is paused, or is to be, is copied right in any case. */
static void
warn_of_emulation(struct vmferry *handle, const char *domain, unsigned flags)
{
    bool is_unreliable = false;
    uint64_t kib;
    int state;
    int reason;

    if (!(flags & VMFERRY_MIGRATE_LIVE) ||
        vmferry_state(handle, domain, &state, &reason) < 0 ||
        state == VMFERRY_STATE_PAUSED ||
        vmferry_is_copy_unreliable(handle, domain, &is_unreliable, &kib) < 0 ||
        !is_unreliable) {
        return;
    }
    fprintf(stderr,
            "vmferry: warning: %s may find its memory damaged: without KVM, "
            "QEMU before 9.0\n"
            "  loses writes of a running guest while it is copied.  Pause it "
            "first (--pause),\n"
            "  use KVM, or give it %" PRIu64 " KiB of memory, 8 KiB more than "
            "now.\n",
            domain, kib + 8);
}

/* ----------------------------------------------------------------- report */

static struct json_object *
json_of_report(const struct vmferry_report *report)
{
    static const char *const outcomes[] = {"stayed", "moved", "unknown"};
    struct json_object *object = json_object_new_object();
    struct json_object *phases = json_object_new_object();

    json_object_object_add(object, "result",
                           json_object_new_string(outcomes[report->outcome]));
    json_object_object_add(object, "destination",
                           report->destination_uri
                               ? json_object_new_string(report->destination_uri)
                               : NULL);
    json_object_object_add(object, "name",
                           report->name ? json_object_new_string(report->name)
                                        : NULL);
    if (report->state) {
        json_object_object_add(
            object, "state",
            json_object_new_string(vmferry_state_name(report->state)));
        json_object_object_add(object, "reason",
                               json_object_new_string(vmferry_reason_name(
                                   report->state, report->reason)));
    }
    if (report->goes_on) {
        json_object_object_add(object, "goes_on",
                               json_object_new_boolean(true));
    }
    json_object_object_add(object, "total_us",
                           json_object_new_int64(report->total_us));
    for (int i = 0; i < VMFERRY_PHASE_COUNT; i++) {
        json_object_object_add(phases,
                               vmferry_phase_name((enum vmferry_phase)i),
                               json_object_new_int64(report->phase_us[i]));
    }
    json_object_object_add(object, "phase_us", phases);
    if (report->statistics) {
        json_object_object_add(object, "statistics",
                               json_of_values(report->statistics));
    }
    if (report->warning) {
        json_object_object_add(object, "warning",
                               json_object_new_string(report->warning));
    }
    return object;
}

/* The two hosts may see different networks than we do; and who comes too late
 * finds nothing. */
static void
print_hint(const struct arguments *arguments,
           const struct vmferry_report *report, int code)
{
    if (arguments_option(arguments, "resume")) {
        if (code == VMFERRY_ERROR_NO_DOMAIN) {
            fputs("If its migration has ended meanwhile it is at the "
                  "destination.\n",
                  stderr);
        }
        return;
    }
    if (!arguments_option(arguments, "managed") &&
        report->phase == VMFERRY_PHASE_CONNECT && report->name) {
        fputs("The source's daemon connects to the destination by itself: give "
              "the URI as the source\n"
              "sees it, or call both hosts from here with --managed.\n",
              stderr);
    }
}

/* Where the guest is now that it has not moved. */
static void
print_stay(const struct arguments *arguments,
           const struct vmferry_report *report)
{
    const char *domain = arguments->positionals[0];

    if (report->goes_on) {
        fprintf(stderr,
                "'vmferry migrate --resume %s' waits for its end; 'vmferry "
                "abort %s' stops it.\n",
                domain, domain);
    } else if (report->outcome == VMFERRY_UNKNOWN) {
        fprintf(stderr,
                "Look on both hosts with 'vmferry list'.  Where %s runs on the "
                "destination, destroy it\n"
                "on the source; only where it is surely gone there, 'vmferry "
                "resume' it on the source.\n",
                domain);
    } else if (report->state == VMFERRY_STATE_RUNNING) {
        fprintf(stderr, "%s goes on where it was.\n", domain);
    } else if (report->state) {
        fprintf(stderr, "%s is where it was: %s (%s).\n", domain,
                vmferry_state_name(report->state),
                vmferry_reason_name(report->state, report->reason));
    }
}

static int
fail(struct vmferry *handle, const struct arguments *arguments,
     const struct vmferry_report *report)
{
    int code = vmferry_error_code(handle);

    run_failed(handle, arguments);
    if (arguments->is_json) {
        output_json(json_of_report(report));
    } else {
        print_hint(arguments, report, code);
        print_stay(arguments, report);
    }
    if (report->outcome == VMFERRY_UNKNOWN) {
        return EXIT_UNKNOWN;
    }
    return code == VMFERRY_ERROR_ABORTED ? EXIT_INTERRUPTED : EXIT_FAILED;
}

/* What goes on was told all when it was begun. */
static bool
check_resume(const struct arguments *arguments)
{
    bool is_resumed = arguments_option(arguments, "resume");

    if (is_resumed != (arguments->positionals[1] != NULL)) {
        return true;
    }
    fprintf(stderr,
            is_resumed ? "vmferry migrate: --resume takes no destination, which"
                         " is known already\n"
                       : "vmferry migrate: needs the destination's URI\n");
    return false;
}

static int
migrate(struct vmferry *handle, const struct arguments *arguments,
        const struct vmferry_migrate_options *options,
        struct vmferry_report *report)
{
    const char *domain = arguments->positionals[0];

    if (arguments_option(arguments, "resume")) {
        return vmferry_migrate_resume(handle, domain, options, report);
    }
    warn_of_emulation(handle, domain, options->flags);
    return vmferry_migrate(handle, domain, arguments->positionals[1], options,
                           report);
}

int
run_migrate(struct vmferry *handle, const struct arguments *arguments)
{
    struct screen screen = {
        .arguments = arguments,
        .is_terminal = isatty(STDERR_FILENO),
    };
    struct vmferry_values *values = vmferry_values_new();
    struct vmferry_migrate_options options = {
        .flags = read_flags(arguments),
        .parameters = values,
        .progress = show,
        .owner = &screen,
    };
    struct vmferry_report report;
    unsigned long interval;
    int status = EXIT_DONE;

    if (!check_resume(arguments) || !read_parameters(arguments, values) ||
        !arguments_number(arguments, "interval", 10, 3600000, INTERVAL_MS,
                          &interval)) {
        vmferry_values_free(values);
        return EXIT_USAGE;
    }
    options.interval_ms = arguments->is_quiet ? 0 : (unsigned)interval;
    if (migrate(handle, arguments, &options, &report) < 0) {
        clear_line(&screen);
        status = fail(handle, arguments, &report);
    } else {
        clear_line(&screen);
        if (arguments->is_json) {
            output_json(json_of_report(&report));
        } else if (!arguments->is_quiet) {
            report_print(stdout, report.destination_uri, &report);
        }
        if (report.warning && !arguments->is_json) {
            fprintf(stderr, "vmferry: warning: %s\n", report.warning);
        }
    }
    vmferry_report_done(&report);
    vmferry_values_free(values);
    return status;
}
