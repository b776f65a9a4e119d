/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands about one guest, and the list of them. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "cli/output.h"
#include "cli/run.h"

/* ------------------------------------------------------------------- list */

/* What is unsure about a guest that stands still; NULL: nothing, or the daemon
 * knows of no such thing.  Caller frees. */
static char *
unsure_text(struct vmferry *handle, const char *domain, int state)
{
    struct vmferry_values *values = NULL;
    const char *summary;
    char *text = NULL;

    if (state != VMFERRY_STATE_PAUSED ||
        vmferry_evidence(handle, domain, false, &values) < 0) {
        return NULL;
    }
    summary = vmferry_values_string(values, "summary");
    if (summary) {
        text = strdup(summary);
    }
    vmferry_values_free(values);
    return text;
}

static void
add_unsure(struct json_object *object, const char *unsure)
{
    if (unsure) {
        json_object_object_add(object, "unsure",
                               json_object_new_string(unsure));
    }
}

/* A guest may end between the list and the question for its state. */
static void
print_guest(struct vmferry *handle, const struct arguments *arguments,
            const struct vmferry_domain *domain, struct json_object *list)
{
    char *unsure;
    int state;
    int reason;

    if (vmferry_state(handle, domain->uuid, &state, &reason) < 0) {
        return;
    }
    unsure = unsure_text(handle, domain->uuid, state);
    if (arguments->is_json) {
        struct json_object *object = json_of_domain(domain);

        json_object_object_add(
            object, "state", json_object_new_string(vmferry_state_name(state)));
        json_object_object_add(
            object, "reason",
            json_object_new_string(vmferry_reason_name(state, reason)));
        add_unsure(object, unsure);
        json_object_array_add(list, object);
        free(unsure);
        return;
    }
    if (domain->id >= 0) {
        printf("%-5d", domain->id);
    } else {
        printf("%-5s", "-");
    }
    printf(" %-30s %s (%s)\n", domain->name, vmferry_state_name(state),
           unsure ? unsure : vmferry_reason_name(state, reason));
    free(unsure);
}

int
run_list(struct vmferry *handle, const struct arguments *arguments)
{
    struct json_object *list = NULL;
    struct vmferry_domain *domains;
    unsigned flags = 0;
    size_t count;

    if (arguments_option(arguments, "running")) {
        flags |= VMFERRY_LIST_ACTIVE;
    }
    if (arguments_option(arguments, "inactive")) {
        flags |= VMFERRY_LIST_INACTIVE;
    }
    if (vmferry_list(handle, flags, &domains, &count) < 0) {
        return run_failed(handle, arguments);
    }
    if (arguments->is_json) {
        list = json_object_new_array();
    } else if (!arguments->is_quiet) {
        printf("%-5s %-30s %s\n", "Id", "Name", "State");
    }
    for (size_t i = 0; i < count; i++) {
        print_guest(handle, arguments, &domains[i], list);
    }
    vmferry_domains_free(domains, count);
    if (arguments->is_json) {
        output_json(list);
    }
    return EXIT_DONE;
}

/* ------------------------------------------------------------------- info */

static void
print_info(const struct vmferry_info *info, const char *unsure)
{
    char text[AMOUNT_SIZE];

    printf("Name:        %s\n", info->domain.name);
    printf("UUID:        %s\n", info->domain.uuid);
    if (info->domain.id >= 0) {
        printf("Id:          %d\n", info->domain.id);
    }
    printf("State:       %s (%s)\n", vmferry_state_name(info->state),
           unsure ? unsure : vmferry_reason_name(info->state, info->reason));
    printf("Memory:      %s (%" PRIu64 " KiB)\n",
           format_bytes(info->max_memory_kib * 1024, text),
           info->max_memory_kib);
    printf("Processors:  %u\n", info->vcpus);
    if (info->domain.id >= 0) {
        printf("CPU time:    %s\n",
               format_time((int64_t)(info->cpu_time_ns / 1000), text));
    }
    printf("Persistent:  %s\n", info->is_persistent ? "yes" : "no");
    printf("Autostart:   %s\n", info->has_autostart ? "yes" : "no");
}

static struct json_object *
json_of_info(const struct vmferry_info *info, const char *unsure)
{
    struct json_object *object = json_of_domain(&info->domain);

    json_object_object_add(
        object, "state",
        json_object_new_string(vmferry_state_name(info->state)));
    json_object_object_add(
        object, "reason",
        json_object_new_string(vmferry_reason_name(info->state, info->reason)));
    add_unsure(object, unsure);
    json_object_object_add(object, "max_memory_kib",
                           json_object_new_uint64(info->max_memory_kib));
    json_object_object_add(object, "memory_kib",
                           json_object_new_uint64(info->memory_kib));
    json_object_object_add(object, "vcpus", json_object_new_int64(info->vcpus));
    json_object_object_add(object, "cpu_time_ns",
                           json_object_new_uint64(info->cpu_time_ns));
    json_object_object_add(object, "persistent",
                           json_object_new_boolean(info->is_persistent));
    json_object_object_add(object, "autostart",
                           json_object_new_boolean(info->has_autostart));
    return object;
}

int
run_info(struct vmferry *handle, const struct arguments *arguments)
{
    struct vmferry_info info;
    char *unsure;

    if (vmferry_info(handle, arguments->positionals[0], &info) < 0) {
        return run_failed(handle, arguments);
    }
    unsure = unsure_text(handle, info.domain.uuid, info.state);
    if (arguments->is_json) {
        output_json(json_of_info(&info, unsure));
    } else {
        print_info(&info, unsure);
    }
    free(unsure);
    vmferry_info_done(&info);
    return EXIT_DONE;
}

/* ------------------------------------------------------------- life cycle */

/* Says what was done to whom. */
static int
done(const struct arguments *arguments, const char *name, const char *what)
{
    if (arguments->is_json) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "name", json_object_new_string(name));
        json_object_object_add(object, "result", json_object_new_string(what));
        output_json(object);
    } else if (!arguments->is_quiet) {
        printf("%s: %s\n", name, what);
    }
    return EXIT_DONE;
}

int
run_create(struct vmferry *handle, const struct arguments *arguments)
{
    bool is_paused = arguments_option(arguments, "paused");
    char *xml = file_read(arguments->positionals[0]);
    struct vmferry_domain domain;
    int result;

    if (!xml) {
        return EXIT_FAILED;
    }
    result = vmferry_create(handle, xml, is_paused, &domain);
    free(xml);
    if (result < 0) {
        return run_failed(handle, arguments);
    }
    done(arguments, domain.name, is_paused ? "created, paused" : "created");
    vmferry_domain_done(&domain);
    return EXIT_DONE;
}

int
run_define(struct vmferry *handle, const struct arguments *arguments)
{
    char *xml = file_read(arguments->positionals[0]);
    struct vmferry_domain domain;
    int result;

    if (!xml) {
        return EXIT_FAILED;
    }
    result = vmferry_define(handle, xml, &domain);
    free(xml);
    if (result < 0) {
        return run_failed(handle, arguments);
    }
    done(arguments, domain.name, "defined");
    vmferry_domain_done(&domain);
    return EXIT_DONE;
}

int
run_start(struct vmferry *handle, const struct arguments *arguments)
{
    const char *domain = arguments->positionals[0];
    bool is_paused = arguments_option(arguments, "paused");

    if (vmferry_start(handle, domain, is_paused) < 0) {
        return run_failed(handle, arguments);
    }
    return done(arguments, domain, is_paused ? "started, paused" : "started");
}

/* The rest are one call each. */
#define RUN(command, what)                                                     \
    int run_##command(struct vmferry *handle,                                  \
                      const struct arguments *arguments)                       \
    {                                                                          \
        const char *domain = arguments->positionals[0];                        \
                                                                               \
        if (vmferry_##command(handle, domain) < 0) {                           \
            return run_failed(handle, arguments);                              \
        }                                                                      \
        return done(arguments, domain, what);                                  \
    }
RUN(suspend, "paused")
RUN(resume, "resumed")
RUN(destroy, "destroyed")
RUN(undefine, "undefined")

int
run_dumpxml(struct vmferry *handle, const struct arguments *arguments)
{
    unsigned flags = 0;
    char *xml;

    if (arguments_option(arguments, "inactive")) {
        flags |= VMFERRY_XML_INACTIVE;
    }
    if (arguments_option(arguments, "migratable")) {
        flags |= VMFERRY_XML_MIGRATABLE;
    }
    if (arguments_option(arguments, "secure")) {
        flags |= VMFERRY_XML_SECURE;
    }
    xml = vmferry_dumpxml(handle, arguments->positionals[0], flags);
    if (!xml) {
        return run_failed(handle, arguments);
    }
    if (arguments->is_json) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "xml", json_object_new_string(xml));
        output_json(object);
    } else {
        fputs(xml, stdout);
    }
    free(xml);
    return EXIT_DONE;
}

/* ---------------------------------------------------------------- version */

static const char *
format_version(uint64_t number, char text[AMOUNT_SIZE])
{
    snprintf(text, AMOUNT_SIZE, "%" PRIu64 ".%" PRIu64 ".%" PRIu64,
             number / 1000000, number / 1000 % 1000, number % 1000);
    return text;
}

int
run_version(struct vmferry *handle, const struct arguments *arguments)
{
    char qemu_text[AMOUNT_SIZE];
    char daemon_text[AMOUNT_SIZE];
    uint64_t qemu;
    uint64_t daemon;
    struct json_object *object;

    if (vmferry_versions(handle, &qemu, &daemon) < 0) {
        return run_failed(handle, arguments);
    }
    format_version(qemu, qemu_text);
    format_version(daemon, daemon_text);
    if (!arguments->is_json) {
        printf("vmferry: %s\ndaemon:  speaks as libvirt %s\nQEMU:    %s\n",
               vmferry_library_version(), daemon_text, qemu_text);
        return EXIT_DONE;
    }
    object = json_object_new_object();
    json_object_object_add(object, "vmferry",
                           json_object_new_string(vmferry_library_version()));
    json_object_object_add(object, "daemon",
                           json_object_new_string(daemon_text));
    json_object_object_add(object, "qemu", json_object_new_string(qemu_text));
    output_json(object);
    return EXIT_DONE;
}
