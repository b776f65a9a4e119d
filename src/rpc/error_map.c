/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/error_map.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* Which of our codes is which of libvirt's, and the text around the message.
 * Where a number stands twice, it is read as the first. */
struct code_row {
    enum error_code code;
    int number;
    const char *prefix; /* Without ": "; NULL: the message stands alone. */
};

struct origin_row {
    enum error_origin origin;
    int number;
};

static const struct code_row *find_code(enum error_code code);
static const struct code_row *find_number(int number);
static int origin_number(enum error_origin origin);
static enum error_origin find_origin(int number);
static char *as_utf8(char *text);
static char **optional(char *text);
static void optional_done(char ***text);
static bool is_unknown_procedure(const struct remote_error *wire);
static char *detail(const struct remote_error *wire,
                    const struct code_row *row);

/* clang-format off */
static const struct code_row codes[] = {
    {ERROR_INTERNAL, VIR_ERR_INTERNAL_ERROR, "internal error"},
    {ERROR_NO_SUPPORT, VIR_ERR_NO_SUPPORT,
     "this function is not supported by the connection driver"},
    {ERROR_INVALID_CONN, VIR_ERR_INVALID_CONN, "invalid connection"},
    {ERROR_INVALID_ARG, VIR_ERR_INVALID_ARG, "invalid argument"},
    {ERROR_INVALID_FLAGS, VIR_ERR_INVALID_ARG, NULL},
    {ERROR_OPERATION_FAILED, VIR_ERR_OPERATION_FAILED, "operation failed"},
    {ERROR_PEER_LOST, VIR_ERR_OPERATION_FAILED, "operation failed"},
    {ERROR_XML, VIR_ERR_XML_ERROR, "XML error"},
    {ERROR_XML_SYNTAX, VIR_ERR_XML_DETAIL, NULL},
    {ERROR_DOM_EXIST, VIR_ERR_DOM_EXIST, "this domain exists already"},
    {ERROR_OPERATION_DENIED, VIR_ERR_OPERATION_DENIED, "operation forbidden"},
    {ERROR_SYSTEM, VIR_ERR_SYSTEM_ERROR, NULL},
    {ERROR_RPC, VIR_ERR_RPC, NULL},
    {ERROR_NO_DOMAIN, VIR_ERR_NO_DOMAIN, "Domain not found"},
    {ERROR_NO_DOMAIN, VIR_ERR_INVALID_DOMAIN, "invalid domain"},
    {ERROR_AUTH_FAILED, VIR_ERR_AUTH_FAILED, "authentication failed"},
    {ERROR_AUTH_FAILED, VIR_ERR_AUTH_CANCELLED, "authentication cancelled"},
    {ERROR_AUTH_FAILED, VIR_ERR_AUTH_UNAVAILABLE, "authentication unavailable"},
    {ERROR_OPERATION_INVALID, VIR_ERR_OPERATION_INVALID,
     "Requested operation is not valid"},
    {ERROR_CONFIG_UNSUPPORTED, VIR_ERR_CONFIG_UNSUPPORTED,
     "unsupported configuration"},
    {ERROR_OPERATION_TIMEOUT, VIR_ERR_OPERATION_TIMEOUT,
     "Timed out during operation"},
    {ERROR_PERSIST_FAILED, VIR_ERR_MIGRATE_PERSIST_FAILED,
     "Failed to make domain persistent after migration"},
    {ERROR_INVALID_STREAM, VIR_ERR_INVALID_STREAM, "invalid stream"},
    {ERROR_ARGUMENT_UNSUPPORTED, VIR_ERR_ARGUMENT_UNSUPPORTED,
     "argument unsupported"},
    {ERROR_OPERATION_ABORTED, VIR_ERR_OPERATION_ABORTED, "operation aborted"},
    {ERROR_NO_METADATA, VIR_ERR_NO_DOMAIN_METADATA, "metadata not found"},
    {ERROR_NO_NETWORK, VIR_ERR_NO_NETWORK, "Network not found"},
    {ERROR_NO_INTERFACE, VIR_ERR_NO_INTERFACE, "Interface not found"},
    {ERROR_NO_STORAGE_POOL, VIR_ERR_NO_STORAGE_POOL, "Storage pool not found"},
    {ERROR_NO_STORAGE_VOLUME, VIR_ERR_NO_STORAGE_VOL,
     "Storage volume not found"},
    {ERROR_NO_NODE_DEVICE, VIR_ERR_NO_NODE_DEVICE, "Node device not found"},
    {ERROR_NO_NWFILTER, VIR_ERR_NO_NWFILTER, "Network filter not found"},
    {ERROR_NO_NWFILTER_BINDING, VIR_ERR_NO_NWFILTER_BINDING,
     "Network filter binding not found"},
    {ERROR_NO_SECRET, VIR_ERR_NO_SECRET, "Secret not found"},
    {ERROR_NO_SNAPSHOT, VIR_ERR_NO_DOMAIN_SNAPSHOT,
     "Domain snapshot not found"},
    {ERROR_NO_CHECKPOINT, VIR_ERR_NO_DOMAIN_CHECKPOINT,
     "Domain checkpoint not found"},
    {ERROR_NO_BACKUP, VIR_ERR_NO_DOMAIN_BACKUP,
     "Domain backup job id not found"},
    {ERROR_NO_HOST_NAME, VIR_ERR_NO_HOSTNAME, "no hostname found"},
    {ERROR_MIGRATE_UNSAFE, VIR_ERR_MIGRATE_UNSAFE, "Unsafe migration"},
    {ERROR_OVERFLOW, VIR_ERR_OVERFLOW, "numerical overflow"},
    {ERROR_OPERATION_UNSUPPORTED, VIR_ERR_OPERATION_UNSUPPORTED,
     "Operation not supported"},
    {ERROR_RESOURCE_BUSY, VIR_ERR_RESOURCE_BUSY, "resource busy"},
    {ERROR_ACCESS_DENIED, VIR_ERR_ACCESS_DENIED, "access denied"},
    {ERROR_CPU_INCOMPATIBLE, VIR_ERR_CPU_INCOMPATIBLE,
     "the CPU is incompatible with host CPU"},
    {ERROR_MIGRATE_FINISH_OK, VIR_ERR_MIGRATE_FINISH_OK,
     "migration successfully aborted"},
};

static const struct origin_row origins[] = {
    {ERROR_FROM_QEMU, VIR_FROM_QEMU},
    {ERROR_FROM_DOMAIN, VIR_FROM_DOMAIN},
    {ERROR_FROM_DOMAIN, VIR_FROM_DOM},
    {ERROR_FROM_NONE, VIR_FROM_NONE},
    {ERROR_FROM_RPC, VIR_FROM_RPC},
    {ERROR_FROM_XML, VIR_FROM_XML},
    {ERROR_FROM_CPU, VIR_FROM_CPU},
    {ERROR_FROM_STREAMS, VIR_FROM_STREAMS},
    {ERROR_FROM_STORAGE, VIR_FROM_STORAGE},
    {ERROR_FROM_NETWORK, VIR_FROM_NETWORK},
    {ERROR_FROM_INTERFACE, VIR_FROM_INTERFACE},
    {ERROR_FROM_NODE_DEVICE, VIR_FROM_NODEDEV},
    {ERROR_FROM_NWFILTER, VIR_FROM_NWFILTER},
    {ERROR_FROM_SECRET, VIR_FROM_SECRET},
    {ERROR_FROM_REMOTE, VIR_FROM_REMOTE},
};
/* clang-format on */

void
rpc_error_encode(const struct error *err, struct remote_error *wire)
{
    const struct code_row *row =
        err->foreign_code ? NULL : find_code(err->code);
    const char *prefix = row ? row->prefix : NULL;

    *wire = (struct remote_error){
        .code = rpc_error_number(err),
        .domain = origin_number(err->origin),
        .message = optional(as_utf8(rpc_error_text(err))),
        .level = VIR_ERR_ERROR,
        .int1 = err->code == ERROR_SYSTEM && err->errnum ? err->errnum : -1,
        .int2 = -1,
    };
    if (err->code == ERROR_MIGRATE_FINISH_OK) {
        wire->str1 = optional(xstrdup(prefix));
        return;
    }
    wire->str1 =
        optional(prefix ? xasprintf("%s: %%s", prefix) : xstrdup("%s"));
    wire->str2 = optional(as_utf8(xstrdup(err->message)));
}

void
rpc_error_done(struct remote_error *wire)
{
    optional_done(&wire->message);
    optional_done(&wire->str1);
    optional_done(&wire->str2);
    optional_done(&wire->str3);
    *wire = (struct remote_error){0};
}

void
rpc_error_decode(const struct remote_error *wire, struct error *err)
{
    const struct code_row *row = find_number(wire->code);
    AUTO_FREE char *text = detail(wire, row);
    enum error_code code = row ? row->code : ERROR_OPERATION_FAILED;

    if (is_unknown_procedure(wire)) {
        code = ERROR_NO_SUPPORT;
    }
    error_set_from(err, find_origin(wire->domain), code, "%s", text);
    if (!row) {
        err->foreign_code = wire->code;
    }
    if (code == ERROR_SYSTEM && wire->int1 > 0) {
        err->errnum = wire->int1;
    }
}

char *
rpc_error_text(const struct error *err)
{
    const struct code_row *row = find_code(err->code);

    if (err->code == ERROR_MIGRATE_FINISH_OK && row) {
        return xstrdup(row->prefix);
    }
    if (err->foreign_code || !row || !row->prefix) {
        return xstrdup(err->message);
    }
    return xasprintf("%s: %s", row->prefix, err->message);
}

int
rpc_error_number(const struct error *err)
{
    const struct code_row *row = find_code(err->code);

    if (err->foreign_code) {
        return err->foreign_code;
    }
    return row ? row->number : VIR_ERR_INTERNAL_ERROR;
}

static const struct code_row *
find_code(enum error_code code)
{
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        if (codes[i].code == code) {
            return &codes[i];
        }
    }
    return NULL;
}

static const struct code_row *
find_number(int number)
{
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        if (codes[i].number == number) {
            return &codes[i];
        }
    }
    return NULL;
}

static int
origin_number(enum error_origin origin)
{
    for (size_t i = 0; i < ARRAY_COUNT(origins); i++) {
        if (origins[i].origin == origin) {
            return origins[i].number;
        }
    }
    return VIR_FROM_NONE;
}

static enum error_origin
find_origin(int number)
{
    for (size_t i = 0; i < ARRAY_COUNT(origins); i++) {
        if (origins[i].number == number) {
            return origins[i].origin;
        }
    }
    return ERROR_FROM_NONE;
}

/* XDR's optional string: a pointer to one.  Takes 'text'. */
/* A message may repeat what a client or a QEMU has said, whatever that was:
 * what can't be read becomes question marks. Takes and returns 'text'. */
static char *
as_utf8(char *text)
{
    if (!is_utf8(text, strlen(text))) {
        for (char *byte = text; *byte; byte++) {
            *byte = *byte & 0x80 ? '?' : *byte;
        }
    }
    return text;
}

static char **
optional(char *text)
{
    char **pointer = xcalloc(1, sizeof(*pointer));

    *pointer = text;
    return pointer;
}

static void
optional_done(char ***text)
{
    if (*text) {
        free(**text);
        free(STEAL(*text));
    }
}

static bool
is_unknown_procedure(const struct remote_error *wire)
{
    return (wire->domain == VIR_FROM_RPC || wire->domain == VIR_FROM_REMOTE) &&
           wire->code == VIR_ERR_RPC && wire->message &&
           has_prefix(*wire->message, "unknown procedure");
}

/* The message without libvirt's prefix; the whole of it where the code is none
 * of ours. */
static char *
detail(const struct remote_error *wire, const struct code_row *row)
{
    AUTO_FREE char *prefix =
        row && row->prefix ? xasprintf("%s: ", row->prefix) : NULL;

    if (!wire->message) {
        return xasprintf("error %d without a message", wire->code);
    }
    /* The text that belongs to the format of libvirt's code. */
    if (row && wire->str1 && wire->str2 && has_suffix(*wire->str1, "%s")) {
        return xstrdup(*wire->str2);
    }
    if (prefix && has_prefix(*wire->message, prefix)) {
        return xstrdup(*wire->message + strlen(prefix));
    }
    return xstrdup(*wire->message);
}
