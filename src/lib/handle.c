/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/handle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "rpc/error_map.h"

enum {
    CONNECT_TIMEOUT_MS = 20000,
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_COUNT = 5,
};

static void
interrupted(void *owner, uint32_t events)
{
    struct vmferry *handle = owner;
    eventfd_t count;

    (void)events;
    if (eventfd_read(handle->interrupt_fd, &count) == 0) {
        handle->interruptions += (unsigned)count;
    }
}

/* Nothing here can fail but for a lack of file descriptors, which every call
 * then says. */
struct vmferry *
vmferry_new(void)
{
    struct vmferry *handle = xcalloc(1, sizeof *handle);
    const char *traces = getenv("VMFERRY_TRACE");
    AUTO_ERROR err = {0};

    if (traces) {
        log_set_traces(traces);
    }
    list_init(&handle->events);
    handle->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    handle->loop = loop_new(&err);
    if (handle->interrupt_fd < 0) {
        error_set_errno(&err, errno, "making an eventfd");
    } else if (handle->loop) {
        handle->pool = pool_new(handle->loop, 1, &err);
    }
    if (handle->pool && watch_start(&handle->interrupt_watch, handle->loop,
                                    handle->interrupt_fd, EPOLLIN, interrupted,
                                    handle, &err) == 0) {
        return handle;
    }
    handle_fail(handle, &err);
    return handle;
}

void
vmferry_free(struct vmferry *handle)
{
    if (!handle) {
        return;
    }
    vmferry_close(handle);
    watch_stop(&handle->interrupt_watch);
    if (handle->pool) {
        pool_free(handle->pool);
    }
    if (handle->loop) {
        loop_free(handle->loop);
    }
    close_ref(&handle->interrupt_fd);
    error_clear(&handle->error);
    free(handle->error_text);
    free(handle);
}

void
vmferry_interrupt(struct vmferry *handle)
{
    int saved_errno = errno;

    eventfd_write(handle->interrupt_fd, 1);
    errno = saved_errno;
}

const char *
vmferry_library_version(void)
{
    return VMFERRY_VERSION;
}

/* ---------------------------------------------------------------- errors */

int
handle_fail(struct vmferry *handle, struct error *err)
{
    error_clear(&handle->error);
    error_move(&handle->error, err);
    free(handle->error_text);
    handle->error_text = rpc_error_text(&handle->error);
    return -1;
}

int
handle_failf(struct vmferry *handle, enum error_code code, const char *format,
             ...)
{
    AUTO_ERROR err = {0};
    va_list args;

    va_start(args, format);
    AUTO_FREE char *message = xvasprintf(format, args);
    va_end(args);
    error_set(&err, code, "%s", message);
    return handle_fail(handle, &err);
}

int
vmferry_error_code(const struct vmferry *handle)
{
    return error_is_set(&handle->error) ? rpc_error_number(&handle->error) : 0;
}

const char *
vmferry_error_message(const struct vmferry *handle)
{
    return handle->error_text ? handle->error_text : "no error";
}

/* ----------------------------------------------------------------- calls */

int
handle_wait(struct vmferry *handle, struct error *err)
{
    if (!handle->pool) {
        error_copy(err, &handle->error);
        return -1;
    }
    if (loop_step(handle->loop, -1, err) < 0) {
        return -1;
    }
    if (handle->interruptions > 0) {
        return error_set(err, ERROR_OPERATION_ABORTED, "interrupted");
    }
    return 0;
}

/* A call that somebody waits for, on the stack of who waits. */
struct waiting {
    struct rpc_pending *pending; /* NULL: it was answered. */
    struct error *err;
    void (*take)(void *owner, const void *result);
    void *owner;
};

static void
answered(void *owner, const void *result, const struct error *err)
{
    struct waiting *waiting = owner;

    waiting->pending = NULL;
    if (err) {
        error_copy(waiting->err, err);
    } else if (waiting->take) {
        waiting->take(waiting->owner, result);
    }
}

int
handle_call_on(struct vmferry *handle, struct rpc_connection *connection,
               enum remote_procedure procedure, const void *args,
               void (*take)(void *owner, const void *result), void *owner,
               struct error *err)
{
    struct waiting waiting = {.err = err, .take = take, .owner = owner};

    if (!connection || !rpc_connection_is_open(connection)) {
        return error_set(err, ERROR_INVALID_CONN, "not connected");
    }
    waiting.pending =
        rpc_request(connection, procedure, args, answered, &waiting);
    while (waiting.pending) {
        AUTO_ERROR cut_short = {0};

        if (handle_wait(handle, &cut_short) < 0 && waiting.pending) {
            rpc_pending_cancel(waiting.pending);
            handle->interruptions = 0;
            error_move(err, &cut_short);
            return -1;
        }
    }
    return error_is_set(err) ? -1 : 0;
}

int
handle_call(struct vmferry *handle, enum remote_procedure procedure,
            const void *args, void (*take)(void *owner, const void *result),
            void *owner)
{
    AUTO_ERROR err = {0};

    if (handle_call_on(handle, handle->connection, procedure, args, take, owner,
                       &err) < 0) {
        return handle_fail(handle, &err);
    }
    return 0;
}

/* ------------------------------------------------------------ connection */

struct opening {
    struct rpc_opening *opening;
    struct rpc_opened *opened;
    struct error *err;
    bool is_over;
};

static void
opened(void *owner, const struct rpc_opened *opened, const struct error *err)
{
    struct opening *opening = owner;

    opening->is_over = true;
    if (err) {
        error_copy(opening->err, err);
    } else {
        *opening->opened = *opened;
    }
}

int
handle_open(struct vmferry *handle, const char *text, unsigned flags,
            const struct rpc_callbacks *callbacks, void *owner,
            struct rpc_opened *result, struct error *err)
{
    struct opening opening = {.opened = result, .err = err};
    AUTO_RPC_URI uri = {0};
    struct rpc_open_options options = {
        .uri = &uri,
        .flags = flags,
        .timeout_ms = CONNECT_TIMEOUT_MS,
        .keepalive_interval_s = KEEPALIVE_INTERVAL_S,
        .keepalive_count = KEEPALIVE_COUNT,
        .callbacks = callbacks,
        .callbacks_owner = owner,
    };

    if (!handle->pool) {
        error_copy(err, &handle->error);
        return -1;
    }
    if (rpc_uri_parse(text, &uri, err) < 0) {
        return -1;
    }
    opening.opening =
        rpc_open(handle->loop, handle->pool, &options, opened, &opening);
    while (!opening.is_over) {
        AUTO_ERROR cut_short = {0};

        if (handle_wait(handle, &cut_short) < 0 && !opening.is_over) {
            handle->interruptions = 0;
            error_move(err, &cut_short);
            break;
        }
    }
    rpc_opening_free(opening.opening);
    return error_is_set(err) ? -1 : 0;
}

static void
event(void *owner, enum remote_procedure procedure, const void *args)
{
    struct vmferry *handle = owner;

    if (!handle->listener ||
        !handle->listener(handle->listener_owner, procedure, args)) {
        events_add(handle, procedure, args);
    }
}

static void
closed(void *owner, const struct error *why)
{
    struct vmferry *handle = owner;

    if (handle->migration) {
        migration_source_lost(handle->migration, why);
    }
}

static const struct rpc_callbacks callbacks = {
    .event = event,
    .closed = closed,
};

char *
vmferry_default_uri(void)
{
    const char *uri = getenv("VMFERRY_URI");
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (uri && uri[0] != '\0') {
        return xstrdup(uri);
    }
    if (geteuid() == 0) {
        return xstrdup("qemu+unix:///system?socket=/run/vmferry/vmferry.sock");
    }
    if (runtime && runtime[0] != '\0') {
        return xasprintf("qemu+unix:///session?socket=%s/vmferry/vmferry.sock",
                         runtime);
    }
    return xasprintf(
        "qemu+unix:///session?socket=/run/user/%u/vmferry/vmferry.sock",
        (unsigned)getuid());
}

int
vmferry_connect(struct vmferry *handle, const char *uri, unsigned flags)
{
    AUTO_FREE char *text = uri ? xstrdup(uri) : vmferry_default_uri();
    struct rpc_opened opened = {0};
    AUTO_ERROR err = {0};

    vmferry_close(handle);
    if (flags & ~(unsigned)VMFERRY_CONNECT_READ_ONLY) {
        return handle_failf(handle, ERROR_INVALID_ARG,
                            "unknown flags 0x%x for a connection", flags);
    }
    if (handle_open(handle, text, flags, &callbacks, handle, &opened, &err) <
        0) {
        return handle_fail(handle, &err);
    }
    handle->connection = opened.connection;
    handle->has_event_callbacks = opened.has_event_callbacks;
    handle->uri = STEAL(text);
    return 0;
}

int
handle_reopen(struct vmferry *handle, struct error *err)
{
    struct rpc_opened opened = {0};

    if (handle->connection) {
        rpc_connection_free(STEAL(handle->connection));
    }
    if (handle_open(handle, handle->uri, 0, &callbacks, handle, &opened, err) <
        0) {
        return -1;
    }
    handle->connection = opened.connection;
    handle->has_event_callbacks = opened.has_event_callbacks;
    return 0;
}

void
vmferry_close(struct vmferry *handle)
{
    AUTO_ERROR err = {0};

    if (handle->connection && rpc_connection_is_open(handle->connection)) {
        handle_call_on(handle, handle->connection, REMOTE_PROC_CONNECT_CLOSE,
                       NULL, NULL, NULL, &err);
    }
    if (handle->connection) {
        rpc_connection_free(STEAL(handle->connection));
    }
    events_clear(handle);
    free(STEAL(handle->uri));
}

bool
vmferry_is_connected(const struct vmferry *handle)
{
    return handle->connection && rpc_connection_is_open(handle->connection);
}

static void
take_hostname(void *owner, const void *result)
{
    const struct remote_connect_get_hostname_ret *ret = result;
    char **name = owner;

    *name = xstrdup(ret->hostname);
}

char *
vmferry_hostname(struct vmferry *handle)
{
    char *name = NULL;

    handle_call(handle, REMOTE_PROC_CONNECT_GET_HOSTNAME, NULL, take_hostname,
                &name);
    return name;
}

static void
take_version(void *owner, const void *result)
{
    const struct remote_connect_get_version_ret *ret = result;

    *(uint64_t *)owner = ret->hv_ver;
}

static void
take_lib_version(void *owner, const void *result)
{
    const struct remote_connect_get_lib_version_ret *ret = result;

    *(uint64_t *)owner = ret->lib_ver;
}

int
vmferry_versions(struct vmferry *handle, uint64_t *qemu, uint64_t *daemon)
{
    if (handle_call(handle, REMOTE_PROC_CONNECT_GET_VERSION, NULL, take_version,
                    qemu) < 0) {
        return -1;
    }
    return handle_call(handle, REMOTE_PROC_CONNECT_GET_LIB_VERSION, NULL,
                       take_lib_version, daemon);
}
