/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands about what is being done with guests, and what happens to them. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/output.h"
#include "cli/progress.h"
#include "cli/run.h"

/* ------------------------------------------------------------------- jobs */

static const char *
operation_name(const struct vmferry_values *values)
{
    /* libvirt's numbers (virDomainJobOperation). */
    static const char *const names[] = {"unknown",
                                        "start",
                                        "save",
                                        "restore",
                                        "incoming migration",
                                        "outgoing migration",
                                        "snapshot",
                                        "snapshot revert",
                                        "dump",
                                        "backup"};
    uint64_t number = 0;

    vmferry_values_number(values, "operation", &number);
    return number < sizeof names / sizeof names[0] ? names[number] : names[0];
}

static void
print_job(const char *domain, bool is_completed,
          const struct vmferry_values *values)
{
    struct copy_numbers numbers;
    char text[PROGRESS_SIZE];
    char elapsed[AMOUNT_SIZE];
    uint64_t ms = 0;

    vmferry_values_number(values, "time_elapsed", &ms);
    printf("%s: %s%s, %s\n", domain, operation_name(values),
           is_completed ? ", complete" : "",
           format_time((int64_t)ms * 1000, elapsed));
    copy_numbers_read(values, &numbers);
    if (!is_completed && numbers.total_bytes > 0) {
        printf("  %s\n", progress_line(&numbers, text));
    }
    for (size_t i = 0; is_completed && i < vmferry_values_count(values); i++) {
        struct vmferry_value value = vmferry_values_item(values, i);
        uint64_t number;

        if (vmferry_values_number(values, value.name, &number)) {
            printf("  %-26s %" PRIu64 "\n", value.name, number);
        }
    }
}

/* Whether there is a job; 'list' gets it where it is not NULL. */
static int
show_job(struct vmferry *handle, const struct arguments *arguments,
         const char *domain, struct json_object *list)
{
    bool is_completed = arguments_option(arguments, "completed");
    struct vmferry_values *values;
    int type;

    if (vmferry_job_stats(handle, domain, is_completed, &type, &values) < 0) {
        return -1;
    }
    if (type == VMFERRY_JOB_NONE) {
        vmferry_values_free(values);
        return 0;
    }
    if (list) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "name", json_object_new_string(domain));
        json_object_object_add(object, "type", json_object_new_int(type));
        json_object_object_add(object, "statistics", json_of_values(values));
        json_object_array_add(list, object);
    } else {
        print_job(domain, is_completed, values);
    }
    vmferry_values_free(values);
    return 1;
}

/* Guests whose job can't be asked for, since they end or come just now, are
 * left out. */
static int
show_all_jobs(struct vmferry *handle, const struct arguments *arguments,
              struct json_object *list)
{
    struct vmferry_domain *domains;
    size_t count;

    if (vmferry_list(handle, VMFERRY_LIST_ACTIVE, &domains, &count) < 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        show_job(handle, arguments, domains[i].name, list);
    }
    vmferry_domains_free(domains, count);
    return 0;
}

int
run_jobs(struct vmferry *handle, const struct arguments *arguments)
{
    struct json_object *list =
        arguments->is_json ? json_object_new_array() : NULL;
    const char *domain = arguments->count ? arguments->positionals[0] : NULL;
    int found = domain ? show_job(handle, arguments, domain, list)
                       : show_all_jobs(handle, arguments, list);

    if (found < 0) {
        json_object_put(list);
        return run_failed(handle, arguments);
    }
    if (list) {
        output_json(list);
    } else if (domain && found == 0 && !arguments->is_quiet) {
        printf("%s: no job\n", domain);
    }
    return EXIT_DONE;
}

int
run_abort(struct vmferry *handle, const struct arguments *arguments)
{
    const char *domain = arguments->positionals[0];

    if (vmferry_job_abort(handle, domain) < 0) {
        return run_failed(handle, arguments);
    }
    if (arguments->is_json) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "name", json_object_new_string(domain));
        json_object_object_add(object, "result",
                               json_object_new_string("aborted"));
        output_json(object);
    } else if (!arguments->is_quiet) {
        printf("%s: aborted\n", domain);
    }
    return EXIT_DONE;
}

/* ----------------------------------------------------------------- events */

struct reader {
    bool is_json;
    unsigned long left; /* How many more to print. */
};

static void
print_values(const struct vmferry_values *values)
{
    for (size_t i = 0; i < vmferry_values_count(values); i++) {
        struct vmferry_value value = vmferry_values_item(values, i);
        uint64_t number;

        if (vmferry_values_number(values, value.name, &number)) {
            printf(" %s=%" PRIu64, value.name, number);
        } else if (value.type == VMFERRY_TYPE_STRING) {
            printf(" %s=%s", value.name, value.u.s);
        }
    }
}

static void
print_event(const struct vmferry_event *event)
{
    char now[32];
    time_t seconds = time(NULL);
    struct tm local;

    localtime_r(&seconds, &local);
    strftime(now, sizeof now, "%H:%M:%S", &local);
    printf("%s %s %s", now, event->domain->name, event->name);
    if (event->what) {
        printf(" %s", event->what);
    }
    if (event->detail) {
        printf(" (%s)", event->detail);
    }
    print_values(event->values);
    putchar('\n');
    fflush(stdout);
}

static void
print_event_json(const struct vmferry_event *event)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "event",
                           json_object_new_string(event->name));
    json_object_object_add(object, "domain", json_of_domain(event->domain));
    if (event->what) {
        json_object_object_add(object, "what",
                               json_object_new_string(event->what));
    }
    if (event->detail) {
        json_object_object_add(object, "detail",
                               json_object_new_string(event->detail));
    }
    if (vmferry_values_count(event->values) > 0) {
        json_object_object_add(object, "values", json_of_values(event->values));
    }
    output_json(object);
}

static bool
happened(void *owner, const struct vmferry_event *event)
{
    struct reader *reader = owner;

    if (reader->is_json) {
        print_event_json(event);
    } else {
        print_event(event);
    }
    return --reader->left > 0;
}

/* All events, or the one that was asked for. */
static int
start_events(struct vmferry *handle, const struct arguments *arguments)
{
    const char *wanted = arguments_option(arguments, "event");
    const char *domain = arguments->count ? arguments->positionals[0] : NULL;
    bool is_any = false;

    for (int i = 0; vmferry_event_name(i); i++) {
        if (wanted && strcmp(vmferry_event_name(i), wanted) != 0) {
            continue;
        }
        is_any = true;
        if (vmferry_events_start(handle, i, domain) < 0) {
            return run_failed(handle, arguments);
        }
    }
    if (!is_any) {
        fprintf(stderr,
                "vmferry: there is no event '%s'; see "
                "vmferry-events(1)\n",
                wanted);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

int
run_events(struct vmferry *handle, const struct arguments *arguments)
{
    struct reader reader = {.is_json = arguments->is_json};
    unsigned long seconds;
    int status;

    if (!arguments_number(arguments, "count", 1, 1ul << 40, 1ul << 62,
                          &reader.left) ||
        !arguments_number(arguments, "timeout", 1, 1000000, 0, &seconds)) {
        return EXIT_USAGE;
    }
    status = start_events(handle, arguments);
    if (status != EXIT_DONE) {
        return status;
    }
    if (vmferry_events_wait(handle, seconds ? (int)(seconds * 1000) : -1,
                            happened, &reader) == 0) {
        return EXIT_DONE;
    }
    /* Ctrl-C is how it is meant to end. */
    if (vmferry_error_code(handle) == VMFERRY_ERROR_ABORTED) {
        return EXIT_INTERRUPTED;
    }
    return run_failed(handle, arguments);
}
