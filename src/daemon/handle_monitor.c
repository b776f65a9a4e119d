/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands for QEMU's monitor that a user wrote: passed on as they are, and
 * noted in the log, since nobody can say afterwards what they did. */

#include <json-c/json.h>
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "daemon/dispatch.h"
#include "daemon/work.h"
#include "qmp/commands.h"

static void run(struct work *work);
static void human_answered(void *owner, const char *text,
                           const struct error *err);
static void raw_answered(void *owner, const char *text,
                         const struct error *err);
static char *refusal(const struct error *err);
static void reply(struct work *work, char *text);

void
handle_qemu_domain_monitor_command(
    struct client *client, struct rpc_call *call,
    const struct remote_qemu_domain_monitor_command_args *args)
{
    struct domain *domain = NULL;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP,
                         "qemuDomainQemuMonitorCommandWithFiles", &err) == 0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (!domain) {
        rpc_call_fail(call, &err);
        return;
    }
    work_start(client, call, domain, JOB_QUERY, run);
}

static void
run(struct work *work)
{
    const struct remote_qemu_domain_monitor_command_args *args =
        rpc_call_args(work->call);
    AUTO_ERROR err = {0};
    struct qmp_session *monitor = work_monitor(work->domain, &err);

    if (monitor && !is_utf8(args->cmd, strlen(args->cmd))) {
        error_set(&err, ERROR_INVALID_ARG, "the command is not valid UTF-8");
    }
    if (error_is_set(&err)) {
        work_done(work, &err);
        return;
    }
    host_note(work->domain->host, LOG_LEVEL_WARNING, work->domain,
              "custom-monitor: %s sends QEMU a command of its own: %.200s",
              work->client->name, args->cmd);
    if (args->flags & VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) {
        qmp_human_command(monitor, args->cmd, human_answered, work);
    } else if (qmp_raw_command(monitor, args->cmd, raw_answered, work, &err) <
               0) {
        work_done(work, &err);
    }
}

static void
human_answered(void *owner, const char *text, const struct error *err)
{
    if (err) {
        work_done(owner, err);
    } else {
        reply(owner, xstrdup(text));
    }
}

/* QEMU's own line, but for the id: that one is ours. */
static void
raw_answered(void *owner, const char *text, const struct error *err)
{
    if (err && (err->code == ERROR_PEER_LOST ||
                err->code == ERROR_OPERATION_TIMEOUT)) {
        work_done(owner, err);
    } else {
        reply(owner,
              err ? refusal(err)
                  : xasprintf("{\"return\":%s,\"id\":\"vmferry\"}", text));
    }
}

/* What QEMU refuses is an answer, too. */
static char *
refusal(const struct error *err)
{
    struct json_object *line = json_object_new_object();
    struct json_object *inner = json_object_new_object();
    /* Behind our "unable to execute QEMU command 'x': ". */
    const char *description = strstr(err->message, "': ");
    char *text;

    json_object_object_add(line, "id", json_object_new_string("vmferry"));
    json_object_object_add(line, "error", inner);
    json_object_object_add(
        inner, "class",
        json_object_new_string(err->code == ERROR_OPERATION_UNSUPPORTED
                                   ? "CommandNotFound"
                                   : "GenericError"));
    json_object_object_add(
        inner, "desc",
        json_object_new_string(description ? description + strlen("': ")
                                           : err->message));
    text =
        xstrdup(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
    return text;
}

/* Takes 'text'. */
static void
reply(struct work *work, char *text)
{
    struct remote_qemu_domain_monitor_command_ret ret = {.result = text};

    work_done_with(work, &ret);
    free(text);
}
