/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/message.h"

#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "rpc/frame.h"

/* An encoder of XDR into memory that grows; without 'message' it only counts.
 * libtirpc's own either has a fixed size or encodes everything twice. */
struct encoder {
    XDR xdr;
    struct rpc_message *message; /* Borrowed. NULL: count. */
    size_t size;
    size_t size_max;
};

static void encoder_init(struct encoder *encoder, struct rpc_message *message,
                         size_t size_max);
static bool encoder_put(struct encoder *encoder, const void *data, size_t size);
static bool_t put_long(XDR *xdr, const long *value);
static bool_t put_bytes(XDR *xdr, const char *bytes, u_int size);
static bool_t get_long(XDR *xdr, long *value);
static bool_t get_bytes(XDR *xdr, char *bytes, u_int size);
static u_int get_position(XDR *xdr);
static bool_t set_position(XDR *xdr, u_int position);
static int32_t *get_inline(XDR *xdr, u_int size);
static bool is_whole(const struct rpc_coder *coder, void *value, size_t size);

static const struct xdr_ops encoder_ops = {
    .x_getlong = get_long,
    .x_putlong = put_long,
    .x_getbytes = get_bytes,
    .x_putbytes = put_bytes,
    .x_getpostn = get_position,
    .x_setpostn = set_position,
    .x_inline = get_inline,
};

static bool
code_nothing(XDR *xdr, void *value)
{
    (void)xdr;
    (void)value;
    return true;
}

static bool
code_error(XDR *xdr, void *value)
{
    return xdr_remote_error(xdr, value);
}

const struct rpc_coder rpc_nothing_coder = {
    .size = sizeof(struct remote_nothing),
    .code = code_nothing,
};
const struct rpc_coder rpc_error_coder = {
    .size = sizeof(struct remote_error),
    .code = code_error,
};

/* One coder for each struct: rpcgen's functions take typed pointers. */
#define CODER(type)                                                            \
    static bool code_##type(XDR *xdr, void *value)                             \
    {                                                                          \
        return xdr_##type(xdr, value);                                         \
    }                                                                          \
    static const struct rpc_coder coder_##type = {                             \
        .size = sizeof(struct type),                                           \
        .code = code_##type,                                                   \
    };
#define CODER_ARGS(name) CODER(remote_##name##_args)
#define CODER_RET(name)  CODER(remote_##name##_ret)
#define CODER_NONE(name)
#define CODER_DOM(name)
#define CODER_NAMED(name)
#define CODER_UUID(name)
#define CODER_NUMBER(name)
#define CODER_NAMES(name)
#define CODER_TUNES(name)
#define CODER_LIST(name)
#define CODER_DOM_NAMED(name)
CODER(remote_domain_only_args)
CODER(remote_named_args)
CODER(remote_uuid_args)
CODER(remote_number_ret)
CODER(remote_names_ret)
CODER(remote_tunables_ret)
CODER(remote_list_ret)
CODER(remote_domain_named_args)
#define PROCEDURE(number, NAME, name, takes, gives, access, served)            \
    CODER_##takes(name) CODER_##gives(name)
#define EVENT(number, NAME, name) CODER(remote_##name##_msg)
#include "rpc/procedures.def"
#undef PROCEDURE
#undef EVENT

#define POINTER_ARGS(name)      &coder_remote_##name##_args
#define POINTER_RET(name)       &coder_remote_##name##_ret
#define POINTER_NONE(name)      &rpc_nothing_coder
#define POINTER_DOM(name)       &coder_remote_domain_only_args
#define POINTER_NAMED(name)     &coder_remote_named_args
#define POINTER_UUID(name)      &coder_remote_uuid_args
#define POINTER_NUMBER(name)    &coder_remote_number_ret
#define POINTER_NAMES(name)     &coder_remote_names_ret
#define POINTER_TUNES(name)     &coder_remote_tunables_ret
#define POINTER_LIST(name)      &coder_remote_list_ret
#define POINTER_DOM_NAMED(name) &coder_remote_domain_named_args
#define IS_SERVED               true
#define IS_EMPTY                true
#define IS_REFUSED              true
#define IS_LATER                false

/* The table's rows, in its order. */
enum {
#define PROCEDURE(number, NAME, name, takes, gives, access, served) ROW_##NAME,
#define EVENT(number, NAME, name)                                   ROW_##NAME,
#include "rpc/procedures.def"
#undef PROCEDURE
#undef EVENT
    ROWS
};

static const struct rpc_procedure procedures[ROWS] = {
#define PROCEDURE(number_, NAME, name_, takes, gives, access_, served)         \
    {                                                                          \
        .number = REMOTE_PROC_##NAME,                                          \
        .name = #NAME,                                                         \
        .is_served = IS_##served,                                              \
        .access = RPC_ACCESS_##access_,                                        \
        .args = POINTER_##takes(name_),                                        \
        .ret = POINTER_##gives(name_),                                         \
    },
#define EVENT(number_, NAME, name_)                                            \
    {                                                                          \
        .number = REMOTE_PROC_##NAME,                                          \
        .name = #NAME,                                                         \
        .is_event = true,                                                      \
        .args = &coder_remote_##name_##_msg,                                   \
    },
#include "rpc/procedures.def"
#undef PROCEDURE
#undef EVENT
};

/* From a number to its row, counted from 1. */
static const uint16_t rows[] = {
#define PROCEDURE(number, NAME, name, takes, gives, access, served)            \
    [number] = 1 + ROW_##NAME,
#define EVENT(number, NAME, name) [number] = 1 + ROW_##NAME,
#include "rpc/procedures.def"
#undef PROCEDURE
#undef EVENT
};

const struct rpc_procedure *
rpc_procedure_find(int64_t number)
{
    if (number < 0 || number >= (int64_t)ARRAY_COUNT(rows) || !rows[number]) {
        return NULL;
    }
    return &procedures[rows[number] - 1];
}

const char *
rpc_api_name(int64_t number)
{
    static const char *const names[] = {
#define API(number, name) [number] = (name),
#include "rpc/api.def"
#undef API
    };

    return number >= 0 && number < (int64_t)ARRAY_COUNT(names) ? names[number]
                                                               : NULL;
}

const struct rpc_procedure *
rpc_procedure_of(const struct rpc_header *header)
{
    if (header->version != RPC_VERSION || header->procedure < 0 ||
        header->procedure >= RPC_QEMU_FIRST) {
        return NULL;
    }
    switch (header->program) {
    case RPC_PROGRAM_REMOTE:
        return rpc_procedure_find(header->procedure);
    case RPC_PROGRAM_QEMU:
        return rpc_procedure_find(RPC_QEMU(header->procedure));
    case RPC_PROGRAM_OWN:
        return rpc_procedure_find(RPC_OWN(header->procedure));
    default:
        return NULL;
    }
}

void
rpc_header_set_procedure(struct rpc_header *header,
                         enum remote_procedure procedure)
{
    int32_t first = 0;

    header->program = RPC_PROGRAM_REMOTE;
    if ((int)procedure >= RPC_OWN_FIRST) {
        header->program = RPC_PROGRAM_OWN;
        first = RPC_OWN_FIRST;
    } else if ((int)procedure >= RPC_QEMU_FIRST) {
        header->program = RPC_PROGRAM_QEMU;
        first = RPC_QEMU_FIRST;
    }
    header->version = RPC_VERSION;
    header->procedure = (int32_t)procedure - first;
}

const struct rpc_procedure *
rpc_procedure_each(size_t index)
{
    return index < ARRAY_COUNT(procedures) ? &procedures[index] : NULL;
}

const char *
rpc_procedure_name(int64_t number)
{
    const struct rpc_procedure *procedure = rpc_procedure_find(number);

    return procedure ? procedure->name : "?";
}

void *
rpc_value_decode(const struct rpc_coder *coder, const uint8_t *payload,
                 size_t size, struct error *err)
{
    void *value = xcalloc(1, coder->size);
    XDR xdr;
    bool is_ok;

    assert(size <= UINT_MAX);
    /* libtirpc doesn't write to what it decodes from. */
    xdrmem_create(&xdr, (char *)(uintptr_t)payload, (u_int)size, XDR_DECODE);
    is_ok =
        coder->code(&xdr, value) && is_whole(coder, value, xdr_getpos(&xdr));
    xdr_destroy(&xdr);
    if (!is_ok) {
        rpc_value_free(coder, value);
        error_set_from(err, ERROR_FROM_RPC, ERROR_RPC,
                       "Unable to decode message payload");
        return NULL;
    }
    return value;
}

void
rpc_value_free(const struct rpc_coder *coder, void *value)
{
    XDR xdr = {.x_op = XDR_FREE};

    if (!value) {
        return;
    }
    /* Stops at a union that could not be decoded; nothing after it was. */
    coder->code(&xdr, value);
    free(value);
}

int
rpc_message_format(struct rpc_message *message, const struct rpc_header *header,
                   const struct rpc_coder *coder, const void *value,
                   struct error *err)
{
    struct rpc_header complete = *header;
    AUTO_MESSAGE made = {0};
    uint8_t space[RPC_HEADER_SIZE] = {0};
    struct encoder encoder;

    encoder_init(&encoder, &made, RPC_FRAME_MAX);
    encoder_put(&encoder, space, sizeof(space));
    /* Encoding doesn't write to the value. */
    if (value && !coder->code(&encoder.xdr, (void *)(uintptr_t)value)) {
        return error_set_from(err, ERROR_FROM_RPC, ERROR_RPC,
                              "Unable to encode message payload");
    }
    complete.length = (uint32_t)made.size;
    rpc_header_format(&complete, made.data);
    *message = made;
    made = (struct rpc_message){0};
    return 0;
}

void
rpc_message_done(struct rpc_message *message)
{
    free(message->data);
    *message = (struct rpc_message){0};
}

static void
encoder_init(struct encoder *encoder, struct rpc_message *message,
             size_t size_max)
{
    *encoder = (struct encoder){
        .xdr = {.x_op = XDR_ENCODE, .x_ops = &encoder_ops},
        .message = message,
        .size_max = size_max,
    };
}

static bool
encoder_put(struct encoder *encoder, const void *data, size_t size)
{
    struct rpc_message *message = encoder->message;

    if (size > encoder->size_max - encoder->size) {
        return false;
    }
    encoder->size += size;
    if (!message || size == 0) {
        return true;
    }
    if (encoder->size > message->capacity) {
        message->capacity = encoder->size + encoder->size / 2 + 64;
        message->data = xrealloc(message->data, message->capacity, 1);
    }
    memcpy(message->data + message->size, data, size);
    message->size += size;
    return true;
}

static bool_t
put_long(XDR *xdr, const long *value)
{
    uint32_t word = htonl((uint32_t)*value);

    return encoder_put(container_of(xdr, struct encoder, xdr), &word,
                       sizeof(word));
}

static bool_t
put_bytes(XDR *xdr, const char *bytes, u_int size)
{
    return encoder_put(container_of(xdr, struct encoder, xdr), bytes, size);
}

static bool_t
get_long(XDR *xdr, long *value)
{
    (void)xdr;
    (void)value;
    return false;
}

static bool_t
get_bytes(XDR *xdr, char *bytes, u_int size)
{
    (void)xdr;
    (void)bytes;
    (void)size;
    return false;
}

static u_int
get_position(XDR *xdr)
{
    return (u_int)container_of(xdr, struct encoder, xdr)->size;
}

static bool_t
set_position(XDR *xdr, u_int position)
{
    (void)xdr;
    (void)position;
    return false;
}

static int32_t *
get_inline(XDR *xdr, u_int size)
{
    (void)xdr;
    (void)size;
    return NULL;
}

/* Whether encoding the value again gives as many bytes as it was made of: not
 * so where a string was cut short at a NUL. */
static bool
is_whole(const struct rpc_coder *coder, void *value, size_t size)
{
    struct encoder encoder;

    encoder_init(&encoder, NULL, size);
    return coder->code(&encoder.xdr, value) && encoder.size == size;
}
