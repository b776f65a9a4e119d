/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages: what is behind a frame's header, by the table of procedures.
 *
 * The structs and their coders come from remote.x; which of them a procedure
 * uses, from procedures.def.  The daemon's handlers, the client and the fuzzer
 * all see messages through the functions below. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "rpc/frame.h"
#include "rpc/remote.h"

/* The arguments or the result of a procedure that has none. */
struct remote_nothing {
    char unused;
};

/* For readers of procedures.def: the struct that a row's columns name. */
#define RPC_STRUCT_ARGS(name) remote_##name##_args
#define RPC_STRUCT_RET(name)  remote_##name##_ret
#define RPC_STRUCT_NONE(name) remote_nothing
/* Those that many procedures share. */
#define RPC_STRUCT_DOM(name)       remote_domain_only_args
#define RPC_STRUCT_DOM_NAMED(name) remote_domain_named_args
#define RPC_STRUCT_NAMED(name)     remote_named_args
#define RPC_STRUCT_UUID(name)      remote_uuid_args
#define RPC_STRUCT_NUMBER(name)    remote_number_ret
#define RPC_STRUCT_NAMES(name)     remote_names_ret
#define RPC_STRUCT_TUNES(name)     remote_tunables_ret
#define RPC_STRUCT_LIST(name)      remote_list_ret

/* The procedures of libvirt's second program, for QEMU's own monitor, stand in
 * the same table: behind all numbers of the first. */
enum { RPC_QEMU_FIRST = 1000 };
#define RPC_QEMU(number) (RPC_QEMU_FIRST + (number))
/* So do those of our own program, which vmferryds use among each other and
 * "vmferry resolve": a libvirtd answers that it can't find it. */
enum { RPC_OWN_FIRST = 2000 };
#define RPC_OWN(number) (RPC_OWN_FIRST + (number))

enum remote_procedure {
#define PROCEDURE(number, NAME, name, takes, gives, access, served)            \
    REMOTE_PROC_##NAME = (number),
#define EVENT(number, NAME, name) REMOTE_PROC_##NAME = (number),
#include "rpc/procedures.def"
#undef PROCEDURE
#undef EVENT
};

/* When a procedure may be called; see procedures.def. */
enum rpc_access {
    RPC_ACCESS_AUTH,
    RPC_ACCESS_FREE,
    RPC_ACCESS_READ,
    RPC_ACCESS_WRITE,
};

/* How a struct is encoded, decoded and freed. */
struct rpc_coder {
    size_t size; /* Of the struct. */
    bool (*code)(XDR *xdr, void *value);
};

struct rpc_procedure {
    enum remote_procedure number;
    const char *name; /* "CONNECT_OPEN" */
    bool is_event;
    bool is_served; /* By our daemon. */
    enum rpc_access access;
    const struct rpc_coder *args; /* Or the event's payload. */
    const struct rpc_coder *ret;  /* NULL for an event. */
};

/* NULL where there is none of that number. */
const struct rpc_procedure *rpc_procedure_find(int64_t number);
/* The rows in the table's order, for those that walk over all of them. */
const struct rpc_procedure *rpc_procedure_each(size_t index);
/* "CONNECT_OPEN", or "?" for a number that isn't known. */
const char *rpc_procedure_name(int64_t number);
/* "virConnectOpen", libvirt's name of the function; NULL for what libvirt 9.0.0
 * has no procedure for. */
const char *rpc_api_name(int64_t number);
/* The row that a header names, and the other way round. */
const struct rpc_procedure *rpc_procedure_of(const struct rpc_header *header);
void rpc_header_set_procedure(struct rpc_header *header,
                              enum remote_procedure procedure);

extern const struct rpc_coder rpc_error_coder; /* struct remote_error */
extern const struct rpc_coder rpc_nothing_coder;

/* Decodes a payload into a new struct, freed by rpc_value_free(); NULL and
 * ERROR_RPC where it can't be.  Bytes after the struct are ignored, as libvirt
 * does.  A string with a NUL inside is refused, since nobody would see what
 * comes after it. */
void *rpc_value_decode(const struct rpc_coder *coder, const uint8_t *payload,
                       size_t size, struct error *err);
void rpc_value_free(const struct rpc_coder *coder, void *value);

/* A frame in the making. */
struct rpc_message {
    uint8_t *data; /* Owned. */
    size_t size;
    size_t capacity;
};

/* Makes a frame of a header, whose length is set here, and of what 'coder'
 * makes of 'value' (NULL: no payload).  Fails (ERROR_RPC) where a string or an
 * array is longer than remote.x allows, or the whole too large. */
int rpc_message_format(struct rpc_message *message,
                       const struct rpc_header *header,
                       const struct rpc_coder *coder, const void *value,
                       struct error *err);
void rpc_message_done(struct rpc_message *message);
#define AUTO_MESSAGE                                                           \
    __attribute__((cleanup(rpc_message_done), unused)) struct rpc_message
