/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

typedef struct json_object *command(struct fake *fake,
                                    struct json_object *arguments,
                                    struct refusal *refusal);

static command query_status;
static command cont;
static command stop;
static command quit;
static command system_powerdown;
static command system_reset;
static command balloon;
static command query_balloon;
static command query_name;
static command query_uuid;
static command query_chardev;
static command query_vnc;
static command query_cpus_fast;
static command query_cpu_model_expansion;
static command qom_get;
static void add_cpu_options(struct fake *fake, struct json_object *properties);
static command set_capabilities;
static command query_capabilities;
static command set_parameters;
static command query_parameters;

/* Either a function or a constant reply. */
static const struct {
    const char *name;
    command *run;
    const char *reply;
} commands[] = {
    {"qmp_capabilities",           NULL,                      "{}"                                  },
    {"query-status",               query_status,              NULL                                  },
    {"cont",                       cont,                      NULL                                  },
    {"stop",                       stop,                      NULL                                  },
    {"quit",                       quit,                      NULL                                  },
    {"system_powerdown",           system_powerdown,          NULL                                  },
    {"system_reset",               system_reset,              NULL                                  },
    {"system_wakeup",              NULL,                      "{}"                                  },
    {"balloon",                    balloon,                   NULL                                  },
    {"query-balloon",              query_balloon,             NULL                                  },
    {"query-name",                 query_name,                NULL                                  },
    {"query-uuid",                 query_uuid,                NULL                                  },
    {"query-chardev",              query_chardev,             NULL                                  },
    {"query-vnc",                  query_vnc,                 NULL                                  },
    {"query-cpus-fast",            query_cpus_fast,           NULL                                  },
    {"query-cpu-model-expansion",  query_cpu_model_expansion, NULL                                  },
    {"migrate",                    migrate,                   NULL                                  },
    {"migrate-incoming",           migrate_incoming,          NULL                                  },
    {"migrate_cancel",             migrate_cancel,            NULL                                  },
    {"migrate-continue",           migrate_continue,          NULL                                  },
    {"migrate-start-postcopy",     migrate_start_postcopy,    NULL                                  },
    {"query-migrate",              query_migrate,             NULL                                  },
    {"migrate-set-capabilities",   set_capabilities,          NULL                                  },
    {"query-migrate-capabilities", query_capabilities,        NULL                                  },
    {"migrate-set-parameters",     set_parameters,            NULL                                  },
    {"query-migrate-parameters",   query_parameters,          NULL                                  },
    {"announce-self",              NULL,                      "{}"                                  },
    {"query-blockstats",           NULL,                      "[]"                                  },
    {"query-block",                NULL,                      "[]"                                  },
    {"query-named-block-nodes",    NULL,                      "[]"                                  },
    {"query-block-jobs",           NULL,                      "[]"                                  },
    {"query-jobs",                 NULL,                      "[]"                                  },
    {"query-fdsets",               NULL,                      "[]"                                  },
    {"query-iothreads",            NULL,                      "[]"                                  },
    {"query-hotpluggable-cpus",    NULL,                      "[]"                                  },
    {"query-memory-devices",       NULL,                      "[]"                                  },
    {"query-rx-filter",            NULL,                      "[]"                                  },
    {"qom-list",                   NULL,                      "[]"                                  },
    {"qom-get",                    qom_get,                   NULL                                  },
    {"qom-set",                    NULL,                      "{}"                                  },
    {"object-add",                 NULL,                      "{}"                                  },
    {"object-del",                 NULL,                      "{}"                                  },
    {"set_password",               NULL,                      "{}"                                  },
    {"expire_password",            NULL,                      "{}"                                  },
    {"nbd-server-start",           NULL,                      "{}"                                  },
    {"nbd-server-stop",            NULL,                      "{}"                                  },
    {"block-export-add",           NULL,                      "{}"                                  },
    {"block-export-del",           NULL,                      "{}"                                  },
    {"blockdev-add",               NULL,                      "{}"                                  },
    {"blockdev-del",               NULL,                      "{}"                                  },
    {"device_add",                 NULL,                      "{}"                                  },
    {"human-monitor-command",      NULL,                      "\"\""                                },
    {"query-kvm",                  NULL,                      "{\"enabled\":false,\"present\":true}"},
    {"query-target",               NULL,                      "{\"arch\":\"x86_64\"}"               },
    {"query-version",              NULL,
     "{\"qemu\":{\"micro\":22,\"minor\":2,\"major\":7},\"package\":\"fake\"}"                       },
    {"query-machines",             NULL,
     "[{\"name\":\"pc-i440fx-7.2\",\"alias\":\"pc\",\"is-default\":true,"
     "\"cpu-max\":255,\"hotpluggable-cpus\":true,\"numa-mem-supported\":true,"
     "\"deprecated\":false,\"default-cpu-type\":\"qemu64-x86_64-cpu\"},"
     "{\"name\":\"pc-q35-7.2\",\"alias\":\"q35\",\"cpu-max\":288,"
     "\"hotpluggable-cpus\":true,\"numa-mem-supported\":true,"
     "\"deprecated\":false,\"default-cpu-type\":\"qemu64-x86_64-cpu\"},"
     "{\"name\":\"microvm\",\"cpu-max\":288,\"hotpluggable-cpus\":false,"
     "\"numa-mem-supported\":false,\"deprecated\":false,"
     "\"default-cpu-type\":\"qemu64-x86_64-cpu\"},"
     "{\"name\":\"none\",\"cpu-max\":1,\"hotpluggable-cpus\":false,"
     "\"numa-mem-supported\":false,\"deprecated\":false}]"                                          },
    {"query-cpu-definitions",      NULL,
     "[{\"name\":\"qemu64\",\"typename\":\"qemu64-x86_64-cpu\","
     "\"unavailable-features\":[],\"static\":false,\"migration-safe\":true,"
     "\"deprecated\":false},"
     "{\"name\":\"max\",\"typename\":\"max-x86_64-cpu\","
     "\"unavailable-features\":[],\"static\":false,\"migration-safe\":false,"
     "\"deprecated\":false}]"                                                                       },
};

struct json_object *
run_command(struct fake *fake, const char *name, struct json_object *arguments,
            struct refusal *refusal)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run ? commands[i].run(fake, arguments, refusal)
                                   : json_tokener_parse(commands[i].reply);
        }
    }
    refusal->class = "CommandNotFound";
    refusal->text = xasprintf("The command %s has not been found", name);
    return NULL;
}

struct json_object *
refuse(struct refusal *refusal, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    refusal->class = "GenericError";
    refusal->text = xvasprintf(format, args);
    va_end(args);
    return NULL;
}

struct json_object *
empty(void)
{
    return json_object_new_object();
}

const char *
text_member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    if (object) {
        json_object_object_get_ex(object, name, &value);
    }
    return json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : "";
}

void
set_run_state(struct fake *fake, enum qmp_run_state state)
{
    bool was_running = fake->run_state == QMP_RUN_STATE_RUNNING;
    bool is_running = state == QMP_RUN_STATE_RUNNING;

    fake->run_state = state;
    if (was_running != is_running) {
        emit(fake, is_running ? "RESUME" : "STOP", NULL);
    }
}

static struct json_object *
query_status(struct fake *fake, struct json_object *arguments,
             struct refusal *refusal)
{
    struct json_object *result = json_object_new_object();

    (void)arguments;
    (void)refusal;
    json_object_object_add(
        result, "status",
        json_object_new_string(qmp_run_state_name(fake->run_state)));
    json_object_object_add(result, "singlestep",
                           json_object_new_boolean(false));
    json_object_object_add(
        result, "running",
        json_object_new_boolean(fake->run_state == QMP_RUN_STATE_RUNNING));
    return result;
}

static struct json_object *
cont(struct fake *fake, struct json_object *arguments, struct refusal *refusal)
{
    (void)arguments;
    switch (fake->run_state) {
    case QMP_RUN_STATE_SHUTDOWN:
    case QMP_RUN_STATE_INTERNAL_ERROR:
    case QMP_RUN_STATE_GUEST_PANICKED:
        return refuse(refusal, "Resetting the Virtual Machine is required");
    case QMP_RUN_STATE_FINISH_MIGRATE:
        return refuse(refusal, "Migration is not finalized yet");
    case QMP_RUN_STATE_INMIGRATE:
        fake->runs_after_load = true;
        return empty();
    default:
        set_run_state(fake, QMP_RUN_STATE_RUNNING);
        return empty();
    }
}

static struct json_object *
stop(struct fake *fake, struct json_object *arguments, struct refusal *refusal)
{
    (void)arguments;
    (void)refusal;
    if (fake->run_state == QMP_RUN_STATE_INMIGRATE) {
        fake->runs_after_load = false;
        fake->options.is_stopped = true;
    } else if (fake->run_state == QMP_RUN_STATE_RUNNING) {
        set_run_state(fake, QMP_RUN_STATE_PAUSED);
    }
    return empty();
}

static struct json_object *
quit(struct fake *fake, struct json_object *arguments, struct refusal *refusal)
{
    (void)arguments;
    (void)refusal;
    quit_fake(fake, "host-qmp-quit", false);
    return empty();
}

static struct json_object *
system_powerdown(struct fake *fake, struct json_object *arguments,
                 struct refusal *refusal)
{
    (void)arguments;
    (void)refusal;
    emit(fake, "POWERDOWN", NULL);
    if (fake->run_state == QMP_RUN_STATE_RUNNING) {
        quit_fake(fake, "guest-shutdown", true);
    }
    return empty();
}

static struct json_object *
system_reset(struct fake *fake, struct json_object *arguments,
             struct refusal *refusal)
{
    (void)arguments;
    (void)refusal;
    if (fake->run_state == QMP_RUN_STATE_SHUTDOWN ||
        fake->run_state == QMP_RUN_STATE_INTERNAL_ERROR ||
        fake->run_state == QMP_RUN_STATE_GUEST_PANICKED) {
        fake->run_state = QMP_RUN_STATE_PAUSED;
    }
    emit(fake, "RESET",
         json_tokener_parse(
             "{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}"));
    return empty();
}

static struct json_object *
balloon(struct fake *fake, struct json_object *arguments,
        struct refusal *refusal)
{
    struct json_object *value = json_object_object_get(arguments, "value");
    struct json_object *data = json_object_new_object();

    (void)refusal;
    fake->balloon = json_object_get_uint64(value);
    json_object_object_add(data, "actual", json_object_get(value));
    emit(fake, "BALLOON_CHANGE", data);
    return empty();
}

static struct json_object *
query_balloon(struct fake *fake, struct json_object *arguments,
              struct refusal *refusal)
{
    struct json_object *result = json_object_new_object();

    (void)arguments;
    (void)refusal;
    json_object_object_add(result, "actual",
                           json_object_new_uint64(fake->balloon));
    return result;
}

static struct json_object *
query_name(struct fake *fake, struct json_object *arguments,
           struct refusal *refusal)
{
    struct json_object *result = json_object_new_object();

    (void)arguments;
    (void)refusal;
    if (fake->options.name) {
        json_object_object_add(result, "name",
                               json_object_new_string(fake->options.name));
    }
    return result;
}

static struct json_object *
query_uuid(struct fake *fake, struct json_object *arguments,
           struct refusal *refusal)
{
    struct json_object *result = json_object_new_object();

    (void)arguments;
    (void)refusal;
    json_object_object_add(result, "UUID",
                           json_object_new_string(fake->options.uuid));
    return result;
}

static struct json_object *
query_chardev(struct fake *fake, struct json_object *arguments,
              struct refusal *refusal)
{
    struct json_object *list = json_object_new_array();

    (void)arguments;
    (void)refusal;
    for (size_t i = 0; i < fake->options.chardev_count; i++) {
        struct json_object *item = json_object_new_object();

        json_object_object_add(
            item, "label", json_object_new_string(fake->options.chardevs[i]));
        json_object_object_add(item, "filename",
                               json_object_new_string("pty:/dev/null"));
        json_object_object_add(item, "frontend-open",
                               json_object_new_boolean(true));
        json_object_array_add(list, item);
    }
    return list;
}

static struct json_object *
query_vnc(struct fake *fake, struct json_object *arguments,
          struct refusal *refusal)
{
    struct json_object *result = json_object_new_object();
    AUTO_FREE char *port = xasprintf("%d", 5900 + fake->options.vnc_display);
    bool is_enabled = fake->options.vnc_display >= 0;

    (void)arguments;
    (void)refusal;
    json_object_object_add(result, "enabled",
                           json_object_new_boolean(is_enabled));
    if (is_enabled) {
        json_object_object_add(result, "host",
                               json_object_new_string("127.0.0.1"));
        json_object_object_add(result, "family",
                               json_object_new_string("ipv4"));
        json_object_object_add(result, "service", json_object_new_string(port));
        json_object_object_add(result, "auth", json_object_new_string("none"));
        json_object_object_add(result, "clients", json_object_new_array());
    }
    return result;
}

static struct json_object *
query_cpus_fast(struct fake *fake, struct json_object *arguments,
                struct refusal *refusal)
{
    struct json_object *list = json_object_new_array();

    (void)arguments;
    (void)refusal;
    for (unsigned i = 0; i < fake->options.cpus; i++) {
        struct json_object *item = json_object_new_object();
        AUTO_FREE char *path = xasprintf("/machine/unattached/device[%u]", i);

        json_object_object_add(item, "cpu-index", json_object_new_int((int)i));
        json_object_object_add(item, "thread-id",
                               json_object_new_int(getpid()));
        json_object_object_add(item, "qom-path", json_object_new_string(path));
        json_object_object_add(item, "target",
                               json_object_new_string("x86_64"));
        json_object_array_add(list, item);
    }
    return list;
}

/* Every model is a qemu64 under TCG, with what the command line says. */
static struct json_object *
query_cpu_model_expansion(struct fake *fake, struct json_object *arguments,
                          struct refusal *refusal)
{
    static const char *const features[] = {
        "fpu",     "de",         "pse",     "tsc", "msr",     "pae",
        "mce",     "cx8",        "apic",    "sep", "mtrr",    "pge",
        "mca",     "cmov",       "pat",     "mmx", "fxsr",    "pse36",
        "clflush", "sse",        "sse2",    "pni", "cx16",    "svm",
        "nx",      "hypervisor", "syscall", "lm",  "lahf-lm",
    };
    struct json_object *result = json_object_new_object();
    struct json_object *model = json_object_new_object();
    struct json_object *properties = json_object_new_object();

    (void)refusal;
    json_object_object_add(result, "model", model);
    json_object_object_add(
        model, "name",
        json_object_new_string(
            text_member(json_object_object_get(arguments, "model"), "name")));
    json_object_object_add(model, "props", properties);
    json_object_object_add(properties, "vendor",
                           json_object_new_string("AuthenticAMD"));
    for (size_t i = 0; i < ARRAY_COUNT(features); i++) {
        json_object_object_add(properties, features[i],
                               json_object_new_boolean(true));
    }
    add_cpu_options(fake, properties);
    return result;
}

static void
add_cpu_options(struct fake *fake, struct json_object *properties)
{
    AUTO_FREE char *options = xstrdup_null(fake->options.cpu);
    char *rest = options;
    char *option = strsep(&rest, ","); /* The model. */

    while (option && (option = strsep(&rest, ","))) {
        const char *name = strsep(&option, "=");

        json_object_object_add(
            properties, name,
            json_object_new_boolean(is_same_text(option, "on")));
    }
}

static struct json_object *
qom_get(struct fake *fake, struct json_object *arguments,
        struct refusal *refusal)
{
    (void)fake;
    (void)refusal;
    return is_same_text(text_member(arguments, "property"),
                        "unavailable-features")
               ? json_object_new_array()
               : json_object_new_string("");
}

static struct json_object *
set_capabilities(struct fake *fake, struct json_object *arguments,
                 struct refusal *refusal)
{
    struct json_object *list =
        json_object_object_get(arguments, "capabilities");

    if (is_migrating(fake)) {
        return refuse(refusal, "There's a migration process in progress");
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *name = text_member(item, "capability");
        uint32_t bit = qmp_capability_parse(name);

        if (bit == 0 || bit >= QMP_CAPABILITY_SWITCHOVER_ACK) {
            return refuse(refusal, "Invalid parameter '%s'", name);
        }
        if (json_object_get_boolean(json_object_object_get(item, "state"))) {
            fake->capabilities |= bit;
        } else {
            fake->capabilities &= ~bit;
        }
    }
    return empty();
}

static struct json_object *
query_capabilities(struct fake *fake, struct json_object *arguments,
                   struct refusal *refusal)
{
    struct json_object *list = json_object_new_array();

    (void)arguments;
    (void)refusal;
    for (unsigned i = 0; i < QMP_CAPABILITY_NUMBER_SWITCHOVER_ACK; i++) {
        struct json_object *item = json_object_new_object();

        json_object_object_add(
            item, "state",
            json_object_new_boolean((fake->capabilities & (1u << i)) != 0));
        json_object_object_add(item, "capability",
                               json_object_new_string(qmp_capability_name(i)));
        json_object_array_add(list, item);
    }
    return list;
}

static struct json_object *
set_parameters(struct fake *fake, struct json_object *arguments,
               struct refusal *refusal)
{
    (void)refusal;
    json_object_object_foreach(arguments, name, value)
    {
        json_object_object_add(fake->parameters, name, json_object_get(value));
    }
    return empty();
}

static struct json_object *
query_parameters(struct fake *fake, struct json_object *arguments,
                 struct refusal *refusal)
{
    struct json_object *result = json_tokener_parse(
        "{\"announce-initial\":50,\"announce-max\":550,\"announce-rounds\":5,"
        "\"announce-step\":100,\"throttle-trigger-threshold\":50,"
        "\"cpu-throttle-initial\":20,\"cpu-throttle-increment\":10,"
        "\"cpu-throttle-tailslow\":false,\"max-cpu-throttle\":99,"
        "\"tls-creds\":\"\",\"tls-hostname\":\"\",\"tls-authz\":\"\","
        "\"max-bandwidth\":134217728,\"downtime-limit\":300,"
        "\"multifd-channels\":2,\"multifd-compression\":\"none\","
        "\"multifd-zlib-level\":1,\"multifd-zstd-level\":1,"
        "\"xbzrle-cache-size\":67108864,\"max-postcopy-bandwidth\":0,"
        "\"compress-level\":1,\"compress-threads\":8,"
        "\"compress-wait-thread\":true,\"decompress-threads\":2,"
        "\"block-incremental\":false,\"x-checkpoint-delay\":20000}");

    (void)arguments;
    (void)refusal;
    json_object_object_foreach(fake->parameters, name, value)
    {
        json_object_object_add(result, name, json_object_get(value));
    }
    return result;
}
