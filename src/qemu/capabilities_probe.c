/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/capabilities_probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/child.h"
#include "qemu/capabilities_replies.h"
#include "qemu/log_tail.h"
#include "qmp/session.h"

/* For all of it.  A cold binary on a slow disk takes seconds. */
enum { PROBE_TIMEOUT_MS = 30000 };

#define X(name, is_optional) {name, is_optional},
static const struct {
    const char *name;
    bool is_optional;
} commands[] = {QEMU_PROBE_COMMANDS(X)};
#undef X

/* A command under way. */
struct question {
    struct qemu_probe *probe; /* Borrowed; contains us. */
    size_t number;            /* In 'commands'. */
};

struct qemu_probe {
    struct loop *loop;           /* Borrowed. */
    char *binary;                /* Owned. */
    struct child *child;         /* Owned. */
    struct qmp_session *monitor; /* Owned. */
    int log_fd;                  /* Owned.  Its stdout and stderr. */
    struct timer deadline;
    struct json_object *replies; /* Owned. */
    size_t replies_missing;
    bool is_done; /* 'done' was called. */
    struct question questions[ARRAY_COUNT(commands)];
    void (*done)(void *owner, struct json_object *replies,
                 const struct error *err);
    void *owner;
};

DEFINE_AUTO(qemu_probe);

static int spawn(struct qemu_probe *probe, int monitor_fd, struct error *err);
static void monitor_ready(void *owner);
static void reply_came(void *owner, struct json_object *result,
                       const struct error *err);
static void monitor_closed(void *owner, const struct error *why);
static void child_ended(void *owner, struct child_end end);
static void deadline_passed(void *owner);
static void fail(struct qemu_probe *probe, const char *why);

struct qemu_probe *
qemu_probe_start(struct loop *loop, const char *binary,
                 void (*done)(void *owner, struct json_object *replies,
                              const struct error *err),
                 void *owner, struct error *err)
{
    static const struct qmp_callbacks callbacks = {
        .ready = monitor_ready,
        .closed = monitor_closed,
    };
    AUTO(qemu_probe) *probe = xcalloc(1, sizeof(*probe));
    int ends[2];

    probe->loop = loop;
    probe->binary = xstrdup(binary);
    probe->replies = json_object_new_object();
    probe->done = done;
    probe->owner = owner;
    probe->log_fd = memfd_create("qemu-probe", MFD_CLOEXEC);
    if (probe->log_fd < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        error_set_errno(err, errno, "asking %s what it can do", binary);
        return NULL;
    }
    AUTO_CLOSE int our_end = ends[0];
    AUTO_CLOSE int its_end = ends[1];
    if (spawn(probe, its_end, err) < 0) {
        return NULL;
    }
    probe->monitor = qmp_session_new(loop, STEAL_FD(our_end), PROBE_TIMEOUT_MS,
                                     &callbacks, probe);
    timer_start(&probe->deadline, loop, PROBE_TIMEOUT_MS, deadline_passed,
                probe);
    return STEAL(probe);
}

void
qemu_probe_free(struct qemu_probe *probe)
{
    if (!probe) {
        return;
    }
    timer_stop(&probe->deadline);
    qmp_session_free(probe->monitor);
    if (probe->child && child_is_running(probe->child)) {
        child_kill(probe->child, SIGKILL);
    }
    child_free(probe->child);
    close_ref(&probe->log_fd);
    json_object_put(probe->replies);
    free(probe->binary);
    free(probe);
}

static int
spawn(struct qemu_probe *probe, int monitor_fd, struct error *err)
{
    char *argv[] = {
        probe->binary,
        "-S",
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "none,accel=kvm:tcg",
        "-chardev",
        "socket,id=charmonitor,fd=3",
        "-mon",
        "chardev=charmonitor,id=monitor,mode=control",
        NULL,
    };
    struct child_options options = {
        .argv = argv,
        .stdout_fd = probe->log_fd,
        .stderr_fd = probe->log_fd,
        .pass_fds = &monitor_fd,
        .pass_count = 1,
    };

    probe->child = child_spawn(probe->loop, &options, child_ended, probe, err);
    if (!probe->child) {
        return error_wrap(err, "asking %s what it can do", probe->binary);
    }
    return 0;
}

static void
monitor_ready(void *owner)
{
    struct qemu_probe *probe = owner;
    struct qmp_version version = qmp_session_version(probe->monitor);
    struct json_object *greeting = json_object_new_object();

    json_object_object_add(greeting, "major",
                           json_object_new_int((int)version.major));
    json_object_object_add(greeting, "minor",
                           json_object_new_int((int)version.minor));
    json_object_object_add(greeting, "micro",
                           json_object_new_int((int)version.micro));
    json_object_object_add(greeting, "package",
                           json_object_new_string(version.package));
    json_object_object_add(probe->replies, "greeting", greeting);
    probe->replies_missing = ARRAY_COUNT(commands);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        probe->questions[i] = (struct question){probe, i};
        qmp_execute(probe->monitor, commands[i].name, NULL, reply_came,
                    &probe->questions[i]);
    }
}

static void
reply_came(void *owner, struct json_object *result, const struct error *err)
{
    struct question *question = owner;
    struct qemu_probe *probe = question->probe;

    if (!err) {
        json_object_object_add(probe->replies, commands[question->number].name,
                               json_object_get(result));
    } else if (err->code == ERROR_PEER_LOST) {
        return; /* The end of QEMU tells more. */
    } else if (err->code != ERROR_OPERATION_UNSUPPORTED ||
               !commands[question->number].is_optional) {
        fail(probe, err->message);
        return;
    }
    if (--probe->replies_missing == 0 && !probe->is_done) {
        probe->is_done = true;
        probe->done(probe->owner, probe->replies, NULL);
    }
}

static void
monitor_closed(void *owner, const struct error *why)
{
    /* A QEMU that dies is child_ended()'s: it knows why. */
    if (why->code == ERROR_INTERNAL || why->code == ERROR_OPERATION_TIMEOUT) {
        fail(owner, why->message);
    }
}

static void
child_ended(void *owner, struct child_end end)
{
    struct qemu_probe *probe = owner;
    AUTO_FREE char *tail = qemu_log_tail(probe->log_fd, 0);
    AUTO_FREE char *why =
        xasprintf("it %s%s%s", child_end_text(end), *tail ? ": " : "", tail);

    fail(probe, why);
}

static void
deadline_passed(void *owner)
{
    fail(owner, "it did not answer in time");
}

static void
fail(struct qemu_probe *probe, const char *why)
{
    AUTO_ERROR err = {0};

    if (probe->is_done) {
        return;
    }
    probe->is_done = true;
    error_set(&err, ERROR_INTERNAL, "asking %s what it can do: %s",
              probe->binary, why);
    probe->done(probe->owner, NULL, &err);
}
