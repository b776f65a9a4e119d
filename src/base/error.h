/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors, as values.
 *
 * A function that can fail returns 0 or -1 (or a pointer or NULL) and takes a
 * `struct error *` as its last parameter.  On failure it fills the error once;
 * on success it leaves it alone.  Each caller that knows more says what it was
 * doing with error_wrap().  Only the daemon and the CLI log errors: the rest of
 * the tree returns them.
 *
 * The codes say what a caller, in the end a client of libvirt's protocol, can
 * act on.  rpc/error_map.c turns them into libvirt's numbers and back. */

#pragma once

#include <stdbool.h>

/* Name, what it means.  The order is of no importance. */
#define ERROR_CODES(X)                                                         \
    X(NONE)                 /* No error. */                                    \
    X(INTERNAL)             /* What should not happen did. */                  \
    X(NO_SUPPORT)           /* This program does not have such a call. */      \
    X(INVALID_CONN)         /* The connection is not in the right state. */    \
    X(INVALID_ARG)          /* An argument makes no sense. */                  \
    X(INVALID_FLAGS)        /* The same, of a flag or of a text's form. */     \
    X(OPERATION_FAILED)     /* It was tried, and did not work. */              \
    X(XML)                  /* The XML lacks parts, or has too many. */        \
    X(XML_SYNTAX)           /* It is no XML at all. */                         \
    X(DOM_EXIST)            /* There is such a domain already. */              \
    X(OPERATION_DENIED)     /* Not on this (read-only) connection. */          \
    X(SYSTEM)               /* The operating system refused; see errnum. */    \
    X(RPC)                  /* The peer does not speak the protocol. */        \
    X(NO_DOMAIN)            /* There is no such domain. */                     \
    X(AUTH_FAILED)          /* Not authenticated. */                           \
    X(OPERATION_INVALID)    /* Not in the state that the domain is in. */      \
    X(CONFIG_UNSUPPORTED)   /* The configuration asks for what is not here. */ \
    X(OPERATION_TIMEOUT)    /* A wait reached its deadline. */                 \
    X(PERSIST_FAILED)       /* The migrated guest could not be defined. */     \
    X(INVALID_STREAM)       /* A stream is not what it should be. */           \
    X(ARGUMENT_UNSUPPORTED) /* A flag or parameter that is not known. */       \
    X(OPERATION_ABORTED)    /* Somebody asked for it to stop. */               \
    X(NO_METADATA)          /* The domain has no such metadata. */             \
    X(NO_NETWORK)           /* There is no such thing here; and so on. */      \
    X(NO_INTERFACE)                                                            \
    X(NO_STORAGE_POOL)                                                         \
    X(NO_STORAGE_VOLUME)                                                       \
    X(NO_NODE_DEVICE)                                                          \
    X(NO_NWFILTER)                                                             \
    X(NO_NWFILTER_BINDING)                                                     \
    X(NO_SECRET)                                                               \
    X(NO_SNAPSHOT)                                                             \
    X(NO_CHECKPOINT)                                                           \
    X(NO_BACKUP)                                                               \
    X(NO_HOST_NAME)                                                            \
    X(MIGRATE_UNSAFE)        /* Could corrupt the guest's disks. */            \
    X(OVERFLOW)              /* A number is too large. */                      \
    X(OPERATION_UNSUPPORTED) /* Known, but not for this domain or host. */     \
    X(RESOURCE_BUSY)         /* Somebody else uses it. */                      \
    X(ACCESS_DENIED)         /* The user may not. */                           \
    X(CPU_INCOMPATIBLE)      /* The host's CPU can't do what is asked. */      \
    X(MIGRATE_FINISH_OK)     /* The normal answer to a cancelled Finish. */    \
    X(PEER_LOST)             /* The other end stopped answering. */

/* Who says so: libvirt's "domain" of an error, seen by peers. */
#define ERROR_ORIGINS(X)                                                       \
    X(QEMU)    /* The hypervisor driver: the default. */                       \
    X(DOMAIN)  /* The state of a domain. */                                    \
    X(NONE)    /* Nobody in particular. */                                     \
    X(RPC)     /* The protocol. */                                             \
    X(XML)     /* The XML parser. */                                           \
    X(CPU)     /* The comparison of CPUs. */                                   \
    X(STREAMS) /* Tunnelled data. */                                           \
    X(STORAGE) /* Disks. */                                                    \
    X(NETWORK) /* Networks, ... */                                             \
    X(INTERFACE)                                                               \
    X(NODE_DEVICE)                                                             \
    X(NWFILTER)                                                                \
    X(SECRET)                                                                  \
    X(REMOTE) /* The client's end of a connection. */

#define X(name) ERROR_##name,
enum error_code { ERROR_CODES(X) };
#undef X
#define X(name) ERROR_FROM_##name,
enum error_origin { ERROR_ORIGINS(X) };
#undef X

struct error {
    enum error_code code;
    enum error_origin origin; /* ERROR_FROM_QEMU unless somebody said more. */
    int errnum;               /* An errno value, or 0. */
    int foreign_code;         /* A peer's number that has no name here, or 0. */
    char *message;            /* Owned. NULL until the error is set. */
};

/* Fills 'err', which must be empty.  The message says what was being done, to
 * what, and why it failed, without the prefix that libvirt puts before the
 * message of a code.  Returns -1, so that a caller can write
 * "return error_set(err, ...);". */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(1), cold));

/* The same, with an origin. */
int error_set_from(struct error *err, enum error_origin origin,
                   enum error_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5), nonnull(1), cold));

/* The same, for the operating system's errors: appends ": strerror". */
int error_set_errno(struct error *err, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(1), cold));

/* Puts "<context>: " before the message of 'err', which must be set.
 * Returns -1. */
int error_wrap(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(1), cold));

/* Makes 'err' empty again.  Does nothing to an empty one. */
void error_clear(struct error *err) __attribute__((nonnull(1)));

/* Copies 'from' into 'to', which must be empty.  An empty 'from' is allowed. */
void error_copy(struct error *to, const struct error *from)
    __attribute__((nonnull(1, 2)));

/* Moves 'from', which is empty afterwards, into 'to', which must be empty. */
void error_move(struct error *to, struct error *from)
    __attribute__((nonnull(1, 2)));

static inline bool
error_is_set(const struct error *err)
{
    return err->code != ERROR_NONE;
}

#define AUTO_ERROR __attribute__((cleanup(error_clear))) struct error
