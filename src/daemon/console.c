/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/stream.h"
#include "rpc/flow.h"

enum {
    CONNECT_MS = 5000,
    INPUT_LIMIT = 65536, /* Read ahead from the guest. */
    TYPED_LIMIT = 1 << 20,
    STUCK_MS = 30000, /* A guest that takes nothing for so long. */
};

struct console {
    struct list link; /* In daemon->consoles. */
    struct daemon *daemon;
    char *path;                      /* Owned. */
    struct rpc_call *call;           /* Owned until answered. */
    struct connect_attempt *attempt; /* Owned. Until connected. */
    struct stream *stream;           /* Owned. NULL until then. */
    struct rpc_flow *flow;           /* Owned. */
    struct timer stuck;              /* While typed text waits. */
    uint64_t taken;                  /* By the guest, when that began. */
    bool is_finishing;               /* The client has typed all. */
};

static struct console *find(struct daemon *daemon, const char *path);
static int open_terminal(const char *path, struct error *err);
static void connected(void *owner, int fd, const struct error *err);
static void opened(struct console *console, int fd);
static size_t guest_wrote(void *owner, const uint8_t *data, size_t size);
static void guest_gone(void *owner, const struct error *why);
static void guest_took_all(void *owner);
static void client_typed(void *owner, const uint8_t *data, size_t size);
static void client_finished(void *owner);
static void client_gone(void *owner, const struct error *why);
static void client_read(void *owner);
static void watch_guest(struct console *console);
static void give_up(void *owner);
static void refuse(struct console *console, const struct error *err);
static void drop(struct console *console, const struct error *why);
static void console_free(struct console *console);

static const struct stream_callbacks stream_callbacks = {
    .input = guest_wrote,
    .closed = guest_gone,
    .drained = guest_took_all,
};

static const struct rpc_flow_callbacks flow_callbacks = {
    .data = client_typed,
    .finished = client_finished,
    .failed = client_gone,
    .drained = client_read,
};

void
console_open(struct daemon *daemon, struct rpc_call *call,
             const struct console_options *options)
{
    struct socket_address address = {.path = (char *)(uintptr_t)options->path};
    struct console *other = find(daemon, options->path);
    struct console *console;
    AUTO_ERROR err = {0};
    int fd;

    if (other && !options->is_forced) {
        error_set(&err, ERROR_OPERATION_FAILED,
                  "Active console session exists for this domain");
        rpc_call_fail(call, &err);
        return;
    }
    if (other) {
        error_set_from(&err, ERROR_FROM_STREAMS, ERROR_RPC,
                       "another client has taken the console over");
        drop(other, &err);
        error_clear(&err);
    }
    console = xcalloc(1, sizeof *console);
    console->daemon = daemon;
    console->path = xstrdup(options->path);
    console->call = call;
    list_add(&daemon->consoles, &console->link);
    if (options->is_socket) {
        console->attempt = socket_connect(daemon->loop, NULL, &address,
                                          CONNECT_MS, connected, console);
        return;
    }
    fd = open_terminal(options->path, &err);
    if (fd < 0) {
        refuse(console, &err);
    } else {
        opened(console, fd);
    }
}

void
consoles_abandon(struct daemon *daemon)
{
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_ABORTED, "the daemon stops");
    LIST_FOR_EACH (link, &daemon->consoles) {
        drop(container_of(link, struct console, link), &err);
    }
}

static struct console *
find(struct daemon *daemon, const char *path)
{
    LIST_FOR_EACH (link, &daemon->consoles) {
        struct console *console = container_of(link, struct console, link);

        if (strcmp(console->path, path) == 0) {
            return console;
        }
    }
    return NULL;
}

static int
open_terminal(const char *path, struct error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios settings;

    if (fd < 0) {
        return error_set_errno(err, errno, "opening the terminal '%s'", path);
    }
    if (tcgetattr(fd, &settings) < 0) {
        return error_set_errno(err, errno, "'%s' as a terminal", path);
    }
    cfmakeraw(&settings);
    if (tcsetattr(fd, TCSANOW, &settings) < 0) {
        return error_set_errno(err, errno, "setting up the terminal '%s'",
                               path);
    }
    return STEAL_FD(fd);
}

static void
connected(void *owner, int fd, const struct error *err)
{
    struct console *console = owner;

    if (fd < 0) {
        refuse(console, err);
    } else {
        opened(console, fd);
    }
}

static void
opened(struct console *console, int fd)
{
    struct rpc_call *call = STEAL(console->call);

    connect_attempt_free(STEAL(console->attempt));
    if (!rpc_call_connection(call)) { /* The client did not wait for it. */
        rpc_call_reply(call, NULL);
        close(fd);
        console_free(console);
        return;
    }
    console->stream = stream_new(console->daemon->loop, fd, INPUT_LIMIT,
                                 &stream_callbacks, console);
    console->flow = rpc_flow_new(call, &flow_callbacks, console);
    rpc_call_reply(call, NULL);
}

static size_t
guest_wrote(void *owner, const uint8_t *data, size_t size)
{
    struct console *console = owner;

    if (rpc_flow_is_full(console->flow)) {
        stream_pause(console->stream, true);
        return 0;
    }
    rpc_flow_send(console->flow, data, size);
    return size;
}

/* As an error, since virsh 9.0.0 does not notice the end of a stream that it
 * does not wait for. */
static void
guest_gone(void *owner, const struct error *why)
{
    AUTO_ERROR gone = {0};

    error_set_from(&gone, ERROR_FROM_STREAMS, ERROR_RPC,
                   "the guest's console has ended%s%s", why ? ": " : "",
                   why ? why->message : "");
    drop(owner, &gone);
}

static void
guest_took_all(void *owner)
{
    struct console *console = owner;

    timer_stop(&console->stuck);
    rpc_flow_hold(console->flow, false);
    if (console->is_finishing) {
        rpc_flow_finish(console->flow);
        console_free(console);
    }
}

static void
client_typed(void *owner, const uint8_t *data, size_t size)
{
    struct console *console = owner;

    stream_write(console->stream, data, size);
    if (stream_pending(console->stream) > 0 &&
        !timer_is_running(&console->stuck)) {
        watch_guest(console);
    }
    if (stream_pending(console->stream) > TYPED_LIMIT) {
        rpc_flow_hold(console->flow, true);
    }
}

static void
client_finished(void *owner)
{
    struct console *console = owner;

    if (stream_pending(console->stream) > 0) {
        console->is_finishing = true;
        return;
    }
    rpc_flow_finish(console->flow);
    console_free(console);
}

static void
client_gone(void *owner, const struct error *why)
{
    (void)why;
    console_free(owner);
}

static void
client_read(void *owner)
{
    struct console *console = owner;

    stream_pause(console->stream, false);
}

static void
watch_guest(struct console *console)
{
    console->taken = stream_sent(console->stream);
    timer_start(&console->stuck, console->daemon->loop, STUCK_MS, give_up,
                console);
}

/* A guest that reads slowly reads. */
static void
give_up(void *owner)
{
    struct console *console = owner;
    AUTO_ERROR why = {0};

    if (stream_sent(console->stream) != console->taken) {
        watch_guest(console);
        return;
    }
    error_set(&why, ERROR_OPERATION_TIMEOUT,
              "the guest takes nothing from its console");
    drop(owner, &why);
}

static void
refuse(struct console *console, const struct error *err)
{
    rpc_call_fail(STEAL(console->call), err);
    console_free(console);
}

static void
drop(struct console *console, const struct error *why)
{
    if (console->call) {
        refuse(console, why);
        return;
    }
    rpc_flow_abort(console->flow, why);
    console_free(console);
}

static void
console_free(struct console *console)
{
    list_remove(&console->link);
    timer_stop(&console->stuck);
    connect_attempt_free(console->attempt);
    stream_free(console->stream);
    rpc_flow_free(console->flow);
    free(console->path);
    free(console);
}
