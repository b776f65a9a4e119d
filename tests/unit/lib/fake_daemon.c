/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/memory.h"
#include "io/socket.h"
#include "rpc/client.h"
#include "rpc/connection.h"

static const struct fake_daemon_script *script;
static bool has_dropped;
static FILE *notes;
static struct loop *loop;
static struct rpc_call *hanging;
static struct remote_dom domain = {
    .name = (char *)"web1",
    .uuid = {1, 2, 3},
    .id = 1,
};
static char *uri_out = (char *)"tcp:hostb:49152";

/* ------------------------------------------------------- one call after one */

static void
note(enum remote_procedure procedure, const void *args)
{
    const struct remote_domain_migrate_begin3_params_args *begin = args;
    const struct remote_domain_migrate_finish3_params_args *finish = args;
    const struct remote_domain_migrate_confirm3_params_args *confirm = args;

    fputs(rpc_procedure_name(procedure), notes);
    if (procedure == REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3_PARAMS) {
        fprintf(notes, " 0x%x", begin->flags);
    } else if (procedure == REMOTE_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS) {
        fprintf(notes, " 0x%x cancelled=%d", finish->flags, finish->cancelled);
    } else if (procedure == REMOTE_PROC_DOMAIN_MIGRATE_CONFIRM3_PARAMS) {
        fprintf(notes, " 0x%x cancelled=%d", confirm->flags,
                confirm->cancelled);
    }
    fputc('\n', notes);
    fflush(notes);
}

static void
refuse(struct rpc_call *call, enum error_code code, const char *message)
{
    AUTO_ERROR err = {0};

    error_set(&err, code, "%s", message);
    rpc_call_fail(call, &err);
}

static void
answer_feature(struct rpc_call *call)
{
    const struct remote_connect_supports_feature_args *args =
        rpc_call_args(call);
    struct remote_connect_supports_feature_ret ret = {.supported = 1};

    if (args->feature == RPC_FEATURE_MIGRATION_PARAMS) {
        ret.supported = script->has_parameters;
    } else if (args->feature == RPC_FEATURE_MIGRATION_V3) {
        ret.supported = script->has_v3;
    } else if (args->feature == RPC_FEATURE_MIGRATION_V2) {
        ret.supported = script->has_v2;
    } else if (args->feature == RPC_FEATURE_MIGRATION_P2P) {
        ret.supported = !script->lacks_p2p;
    } else if (args->feature == RPC_FEATURE_PHASES) {
        ret.supported = 0;
    } else if (args->feature == RPC_FEATURE_STAND_IN) {
        ret.supported = script->has_stand_in;
    }
    rpc_call_reply(call, &ret);
}

/* Both kinds of procedures have results of the same shape. */
static void
answer_migration(struct rpc_call *call, enum remote_procedure procedure)
{
    const struct remote_domain_migrate_finish3_params_args *finish =
        rpc_call_args(call);
    struct remote_domain_migrate_begin3_params_ret begun = {
        .cookie_out = {2, (char *)"B"},
        .xml = (char *)"<domain/>",
    };
    struct remote_domain_migrate_prepare3_params_ret prepared = {
        .cookie_out = {2, (char *)"P"},
        .uri_out = &uri_out,
    };
    struct remote_domain_migrate_perform3_params_ret performed = {
        .cookie_out = {2, (char *)"R"},
    };
    struct remote_domain_migrate_finish3_params_ret finished = {
        .dom = domain,
        .cookie_out = {2, (char *)"N"},
    };

    struct remote_domain_migrate_prepare2_ret prepared2 = {.uri_out = &uri_out};
    struct remote_domain_migrate_finish2_ret finished2 = {.ddom = domain};
    struct remote_vmferry_attach_ret attached = {
        .destination_uri = (char *)"qemu+tcp://there/system",
    };

    switch ((int)procedure) {
    case REMOTE_PROC_DOMAIN_MIGRATE_PREPARE2:
        rpc_call_reply(call, &prepared2);
        return;
    case REMOTE_PROC_DOMAIN_MIGRATE_FINISH2:
        rpc_call_reply(call, &finished2);
        return;
    case REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3:
    case REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3_PARAMS:
        rpc_call_reply(call, &begun);
        return;
    case REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3:
    case REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS:
        rpc_call_reply(call, &prepared);
        return;
    case REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3:
    case REMOTE_PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS:
        rpc_call_reply(call, &performed);
        return;
    case REMOTE_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS:
        if (finish->cancelled) {
            refuse(call,
                   script->cancelled ? (enum error_code)script->cancelled
                                     : ERROR_MIGRATE_FINISH_OK,
                   "cancelled");
            return;
        }
        rpc_call_reply(call, &finished);
        return;
    case REMOTE_PROC_VMFERRY_ATTACH:
        rpc_call_reply(call, &attached);
        return;
    default:
        rpc_call_reply(call, &finished);
        return;
    }
}

static void
answer_question(struct rpc_call *call, enum remote_procedure procedure)
{
    struct remote_auth_list_ret auth = {0};
    struct remote_domain_lookup_by_name_ret found = {.dom = domain};
    struct remote_domain_get_state_ret state = {
        .state = script->is_paused ? VIR_DOMAIN_PAUSED : VIR_DOMAIN_RUNNING,
        .reason = 1,
    };
    struct remote_tparam downtime = {
        .field = (char *)"downtime",
        .value = {.type = VIR_TYPED_PARAM_ULLONG,
                  .remote_tparam_value_u.ul = 54},
    };
    struct remote_domain_get_job_stats_ret stats = {
        .type = VIR_DOMAIN_JOB_COMPLETED,
        .params = {1, &downtime},
    };

    switch ((int)procedure) {
    case REMOTE_PROC_AUTH_LIST:
        rpc_call_reply(call, &auth);
        return;
    case REMOTE_PROC_CONNECT_SUPPORTS_FEATURE:
        answer_feature(call);
        return;
    case REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME:
        rpc_call_reply(call, &found);
        return;
    case REMOTE_PROC_DOMAIN_GET_STATE:
        rpc_call_reply(call, &state);
        return;
    case REMOTE_PROC_DOMAIN_GET_JOB_STATS:
        rpc_call_reply(call, &stats);
        return;
    case REMOTE_PROC_CONNECT_OPEN:
    case REMOTE_PROC_CONNECT_CLOSE:
    case REMOTE_PROC_DOMAIN_MIGRATE_PERFORM:
    case REMOTE_PROC_DOMAIN_MIGRATE_CONFIRM3:
    case REMOTE_PROC_DOMAIN_MIGRATE_CONFIRM3_PARAMS:
    case REMOTE_PROC_DOMAIN_ABORT_JOB:
    case REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY:
        rpc_call_reply(call, NULL);
        return;
    default:
        answer_migration(call, procedure);
        return;
    }
}

static void
answer_events(struct rpc_call *call)
{
    struct remote_connect_domain_event_callback_register_any_ret ret = {7};
    struct remote_domain_event_callback_lifecycle_msg event = {
        .callbackID = 7,
        .msg = {.dom = domain, .event = VIR_DOMAIN_EVENT_STARTED},
    };
    struct rpc_connection *connection = rpc_call_connection(call);

    rpc_call_reply(call, &ret);
    for (int i = 0; i < script->events; i++) {
        rpc_send_event(connection, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE,
                       &event);
    }
}

/* False where it is none of these. */
static bool
answer_fact(struct rpc_call *call, enum remote_procedure procedure)
{
    struct remote_connect_get_version_ret version = {script->version};
    struct remote_domain_get_xml_desc_ret xml = {(char *)script->xml};
    struct remote_domain_get_info_ret info = {.maxMem = script->memory_kib};
    struct remote_connect_list_all_domains_ret list = {
        .domains = {1, &domain},
        .ret = 1,
    };

    switch ((int)procedure) {
    case REMOTE_PROC_CONNECT_GET_VERSION:
    case REMOTE_PROC_CONNECT_GET_LIB_VERSION:
        rpc_call_reply(call, &version);
        return true;
    case REMOTE_PROC_DOMAIN_GET_XML_DESC:
        rpc_call_reply(call, &xml);
        return true;
    case REMOTE_PROC_DOMAIN_GET_INFO:
        rpc_call_reply(call, &info);
        return true;
    case REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS:
        rpc_call_reply(call, &list);
        return true;
    case REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY:
        answer_events(call);
        return true;
    default:
        return false;
    }
}

static bool
is_of_opening(enum remote_procedure procedure)
{
    return procedure == REMOTE_PROC_AUTH_LIST ||
           procedure == REMOTE_PROC_CONNECT_OPEN ||
           procedure == REMOTE_PROC_CONNECT_CLOSE ||
           procedure == REMOTE_PROC_CONNECT_SUPPORTS_FEATURE;
}

static void
called(void *owner, struct rpc_call *call)
{
    enum remote_procedure procedure = rpc_call_procedure(call);

    (void)owner;
    if (!is_of_opening(procedure)) {
        note(procedure, rpc_call_args(call));
    }
    if ((int)procedure == script->drops && !has_dropped) {
        has_dropped = true;
        rpc_connection_free(rpc_call_connection(call));
        refuse(call, ERROR_INTERNAL, "nobody hears this");
        return;
    }
    if ((int)procedure == script->hangs) {
        hanging = call;
        return;
    }
    if (procedure == REMOTE_PROC_DOMAIN_ABORT_JOB && hanging) {
        refuse(STEAL(hanging), ERROR_OPERATION_ABORTED, "by client");
    }
    if ((int)procedure == script->fails) {
        refuse(call, ERROR_OPERATION_FAILED, "no room");
        return;
    }
    if (!answer_fact(call, procedure)) {
        answer_question(call, procedure);
    }
}

static void
closed(void *owner, const struct error *why)
{
    (void)owner;
    (void)why;
}

static void
accepted(void *owner, int fd)
{
    static const struct rpc_callbacks callbacks = {
        .called = called,
        .closed = closed,
    };

    (void)owner;
    rpc_connection_new(loop, fd, &callbacks, NULL);
}

/* Never returns. */
static void
serve(const struct fake_daemon *daemon, int ready_fd)
{
    struct socket_address address = {
        .path = xasprintf("%s/socket", daemon->folder),
    };
    AUTO_FREE char *path = xasprintf("%s/notes", daemon->folder);
    AUTO_ERROR err = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    notes = fopen(path, "we");
    loop = loop_new(&err);
    if (!notes || !loop ||
        !listener_new(loop, &address, accepted, NULL, &err)) {
        fprintf(stderr, "# fake daemon: %s\n", err.message);
        _exit(1);
    }
    close(ready_fd);
    loop_run(loop, &err);
    _exit(0);
}

/* --------------------------------------------------------- from the outside */

void
fake_daemon_start(struct fake_daemon *daemon,
                  const struct fake_daemon_script *of)
{
    char folder[] = "/tmp/fake-daemon-XXXXXX";
    int ready[2];
    char nothing;

    if (!mkdtemp(folder) || pipe(ready) < 0) {
        abort();
    }
    daemon->folder = xstrdup(folder);
    daemon->uri =
        xasprintf("qemu+unix:///session?socket=%s/socket", daemon->folder);
    fflush(NULL);
    daemon->pid = fork();
    if (daemon->pid == 0) {
        close(ready[0]);
        script = of;
        serve(daemon, ready[1]);
    }
    /* The child closes its end once it listens. */
    close(ready[1]);
    while (read(ready[0], &nothing, 1) > 0) {
    }
    close(ready[0]);
}

char *
fake_daemon_heard(const struct fake_daemon *daemon)
{
    AUTO_FREE char *path = xasprintf("%s/notes", daemon->folder);
    FILE *file = fopen(path, "re");
    char *text = xcalloc(1, 65536);

    if (file) {
        text[fread(text, 1, 65535, file)] = '\0';
        fclose(file);
    }
    return text;
}

void
fake_daemon_stop(struct fake_daemon *daemon)
{
    static const char *const files[] = {"socket", "socket.lock", "notes"};

    if (daemon->pid > 0) {
        kill(daemon->pid, SIGKILL);
        waitpid(daemon->pid, NULL, 0);
    }
    for (size_t i = 0; daemon->folder && i < ARRAY_COUNT(files); i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", daemon->folder, files[i]);

        unlink(path);
    }
    if (daemon->folder) {
        rmdir(daemon->folder);
    }
    free(STEAL(daemon->folder));
    free(STEAL(daemon->uri));
}
