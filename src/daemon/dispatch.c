/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/dispatch.h"

#include "base/memory.h"
#include "daemon/config.h"
#include "daemon/protocols.h"

typedef void handler(struct client *client, struct rpc_call *call,
                     const void *args);

struct row {
    enum remote_procedure procedure;
    enum rpc_access access;
    handler *handle; /* NULL: answer_none(). */
    enum shape takes;
};

/* Each handler knows the type of its arguments; the table does not. */
#define THUNK_SERVED(name)                                                     \
    static void call_##name(struct client *client, struct rpc_call *call,      \
                            const void *args)                                  \
    {                                                                          \
        handle_##name(client, call, args);                                     \
    }
#define THUNK_EMPTY(name)
#define THUNK_REFUSED(name)
#define THUNK_LATER(name)
#define PROCEDURE(number, NAME, name, takes, gives, access, served)            \
    THUNK_##served(name)
#define EVENT(number, NAME, name)
#include "rpc/procedures.def"
#undef PROCEDURE

static const struct row rows[] = {
#define ROW_SERVED(NAME, name, takes, access)                                  \
    {REMOTE_PROC_##NAME, RPC_ACCESS_##access, call_##name, SHAPE_##takes},
#define ROW_EMPTY(NAME, name, takes, access)                                   \
    {REMOTE_PROC_##NAME, RPC_ACCESS_##access, NULL, SHAPE_##takes},
#define ROW_REFUSED(NAME, name, takes, access)                                 \
    ROW_EMPTY(NAME, name, takes, access)
#define ROW_LATER(NAME, name, takes, access)
#define PROCEDURE(number, NAME, name, takes, gives, access, served)            \
    ROW_##served(NAME, name, takes, access)
#include "rpc/procedures.def"
#undef PROCEDURE
#undef EVENT
};

static const struct row *find(enum remote_procedure procedure);
static int check_access(const struct client *client, const struct row *row,
                        struct error *err);

void
dispatch(struct client *client, struct rpc_call *call)
{
    const struct row *row = find(rpc_call_procedure(call));
    AUTO_ERROR err = {0};

    if (!row) {
        error_set_from(&err, ERROR_FROM_RPC, ERROR_RPC, "unknown procedure: %d",
                       (int)rpc_call_procedure(call));
    } else if (check_access(client, row, &err) == 0 &&
               protocols_check(client->daemon->config->protocols,
                               row->procedure, &err) == 0) {
        if (row->handle) {
            row->handle(client, call, rpc_call_args(call));
        } else {
            answer_none(client, call, row->takes);
        }
        return;
    }
    rpc_call_fail(call, &err);
}

static const struct row *
find(enum remote_procedure procedure)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].procedure == procedure) {
            return &rows[i];
        }
    }
    return NULL;
}

static int
check_access(const struct client *client, const struct row *row,
             struct error *err)
{
    const char *name = rpc_api_name(row->procedure);

    if (row->access == RPC_ACCESS_AUTH || row->access == RPC_ACCESS_FREE) {
        return 0;
    }
    if (!client->is_open) {
        return error_set_from(err, ERROR_FROM_RPC, ERROR_INTERNAL,
                              "hypervisor connection not open");
    }
    if (client->is_readonly && row->access == RPC_ACCESS_WRITE) {
        return error_set_from(err, ERROR_FROM_RPC, ERROR_OPERATION_DENIED,
                              "read only access prevents %s",
                              name ? name : rpc_procedure_name(row->procedure));
    }
    return 0;
}
