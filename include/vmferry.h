/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvmferry: what a program needs to see guests on a host and to move them to
 * another one.  Speaks libvirt's protocol, to vmferryd as well as to libvirtd.
 *
 * A handle is used by one thread at a time.  A call returns when its answer is
 * there; vmferry_interrupt(), the one function that a signal handler or another
 * thread may call, ends it earlier.
 *
 * Functions that return an int return 0, or -1 after which
 * vmferry_error_code() and vmferry_error_message() say why; functions that
 * return a pointer return NULL then.  All text is UTF-8.
 *
 * A domain is named by its name, its UUID or (while it runs) its number.
 *
 * Until version 1.0 the interface may change. */

#ifndef VMFERRY_H
#define VMFERRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMFERRY_API __attribute__((visibility("default")))

/* Opaque: a connection to a daemon. */
struct vmferry;

/* ------------------------------------------------------------ connection */

/* Never NULL.  $VMFERRY_TRACE may name what is traced on stderr: "rules" (each
 * step of a migration, as in tests/transcript), "rpc". */
VMFERRY_API struct vmferry *vmferry_new(void);
/* Closes. NULL is allowed. */
VMFERRY_API void vmferry_free(struct vmferry *handle);

enum vmferry_connect_flags {
    VMFERRY_CONNECT_READ_ONLY = 1,
};
/* "qemu+unix:///system?socket=PATH", "qemu+tcp://HOST:PORT/system"; the scheme
 * may be "vmferry" as well.  NULL: vmferry_default_uri(). */
VMFERRY_API int vmferry_connect(struct vmferry *handle, const char *uri,
                                unsigned flags);
VMFERRY_API void vmferry_close(struct vmferry *handle);
VMFERRY_API bool vmferry_is_connected(const struct vmferry *handle);

/* What $VMFERRY_URI says, or else vmferryd's own socket: root's is
 * /run/vmferry/vmferry.sock, a user's $XDG_RUNTIME_DIR/vmferry/vmferry.sock.
 * Caller frees. */
VMFERRY_API char *vmferry_default_uri(void);

/* Ends the call that is under way on 'handle', or else the next one, soon and
 * in order: a migration is aborted and all is put back.  A second interruption
 * ends it at once, without.  May be called from signal handlers and other
 * threads. */
VMFERRY_API void vmferry_interrupt(struct vmferry *handle);

/* What the host calls itself; caller frees. */
VMFERRY_API char *vmferry_hostname(struct vmferry *handle);
/* Of the daemon's QEMU and of the daemon (libvirt's number there), each
 * major * 1000000 + minor * 1000 + release. */
VMFERRY_API int vmferry_versions(struct vmferry *handle, uint64_t *qemu,
                                 uint64_t *daemon);
/* "0.1.0": of this library. */
VMFERRY_API const char *vmferry_library_version(void);

/* ---------------------------------------------------------------- errors */

/* Of the last call that failed: libvirt's number of the error (virErrorNumber,
 * e.g. 42 for a domain that does not exist), and what a person may read. */
VMFERRY_API int vmferry_error_code(const struct vmferry *handle);
VMFERRY_API const char *vmferry_error_message(const struct vmferry *handle);

enum {
    VMFERRY_ERROR_INVALID_ARG = 8,
    VMFERRY_ERROR_OPERATION_FAILED = 9,
    VMFERRY_ERROR_SYSTEM = 38,
    VMFERRY_ERROR_RPC = 39,
    VMFERRY_ERROR_NO_DOMAIN = 42,
    VMFERRY_ERROR_OPERATION_INVALID = 55,
    VMFERRY_ERROR_TIMEOUT = 68,
    VMFERRY_ERROR_ABORTED = 78,
};

/* ---------------------------------------------------------- named values */

/* The types' numbers are libvirt's (virTypedParameterType). */
enum vmferry_type {
    VMFERRY_TYPE_INT = 1,
    VMFERRY_TYPE_UINT = 2,
    VMFERRY_TYPE_LLONG = 3,
    VMFERRY_TYPE_ULLONG = 4,
    VMFERRY_TYPE_DOUBLE = 5,
    VMFERRY_TYPE_BOOLEAN = 6,
    VMFERRY_TYPE_STRING = 7,
};

struct vmferry_value {
    const char *name;
    enum vmferry_type type;
    union {
        int32_t i;
        uint32_t ui;
        int64_t l;
        uint64_t ul;
        double d;
        bool b;
        const char *s;
    } u;
};

/* A list of them, in which a name may occur more than once. */
struct vmferry_values;

VMFERRY_API struct vmferry_values *vmferry_values_new(void);
VMFERRY_API void vmferry_values_free(struct vmferry_values *values);
VMFERRY_API void vmferry_values_add(struct vmferry_values *values,
                                    const struct vmferry_value *value);
VMFERRY_API size_t vmferry_values_count(const struct vmferry_values *values);
/* What it points to lives as long as the list is not changed. */
VMFERRY_API struct vmferry_value
vmferry_values_item(const struct vmferry_values *values, size_t index);
/* Any type of integer; false where there is none of that name. */
VMFERRY_API bool vmferry_values_number(const struct vmferry_values *values,
                                       const char *name, uint64_t *number);
/* NULL where there is none of that name. */
VMFERRY_API const char *
vmferry_values_string(const struct vmferry_values *values, const char *name);

/* --------------------------------------------------------------- domains */

enum { VMFERRY_UUID_SIZE = 37 };

struct vmferry_domain {
    char *name; /* Owned. */
    char uuid[VMFERRY_UUID_SIZE];
    int id; /* -1 while it does not run. */
};
VMFERRY_API void vmferry_domain_done(struct vmferry_domain *domain);

enum vmferry_list_flags {
    VMFERRY_LIST_ACTIVE = 1,
    VMFERRY_LIST_INACTIVE = 2, /* None of the two: both. */
};
/* Fills in an array to be freed with vmferry_domains_free(). */
VMFERRY_API int vmferry_list(struct vmferry *handle, unsigned flags,
                             struct vmferry_domain **domains, size_t *count);
VMFERRY_API void vmferry_domains_free(struct vmferry_domain *domains,
                                      size_t count);
VMFERRY_API int vmferry_lookup(struct vmferry *handle, const char *domain,
                               struct vmferry_domain *found);

/* libvirt's numbers (virDomainState). */
enum vmferry_state {
    VMFERRY_STATE_RUNNING = 1,
    VMFERRY_STATE_PAUSED = 3,
    VMFERRY_STATE_SHUTOFF = 5,
};
VMFERRY_API int vmferry_state(struct vmferry *handle, const char *domain,
                              int *state, int *reason);
/* "running", "paused", "shut off", ...; never NULL. */
VMFERRY_API const char *vmferry_state_name(int state);
/* "migrated", "user", ...; never NULL. */
VMFERRY_API const char *vmferry_reason_name(int state, int reason);

struct vmferry_info {
    struct vmferry_domain domain;
    int state;
    int reason;
    uint64_t max_memory_kib;
    uint64_t memory_kib;
    unsigned vcpus;
    uint64_t cpu_time_ns;
    bool is_persistent;
    bool has_autostart;
};
VMFERRY_API int vmferry_info(struct vmferry *handle, const char *domain,
                             struct vmferry_info *info);
VMFERRY_API void vmferry_info_done(struct vmferry_info *info);

/* 'defined' may be NULL. */
VMFERRY_API int vmferry_define(struct vmferry *handle, const char *xml,
                               struct vmferry_domain *defined);
/* Starts a domain that is forgotten when it ends. 'created' may be NULL. */
VMFERRY_API int vmferry_create(struct vmferry *handle, const char *xml,
                               bool is_paused, struct vmferry_domain *created);
VMFERRY_API int vmferry_start(struct vmferry *handle, const char *domain,
                              bool is_paused);
/* Ends it the hard way. */
VMFERRY_API int vmferry_destroy(struct vmferry *handle, const char *domain);
VMFERRY_API int vmferry_undefine(struct vmferry *handle, const char *domain);
VMFERRY_API int vmferry_suspend(struct vmferry *handle, const char *domain);
VMFERRY_API int vmferry_resume(struct vmferry *handle, const char *domain);

/* libvirt's numbers (virDomainXMLFlags). */
enum vmferry_xml_flags {
    VMFERRY_XML_SECURE = 1,
    VMFERRY_XML_INACTIVE = 2,
    VMFERRY_XML_UPDATE_CPU = 4,
    VMFERRY_XML_MIGRATABLE = 8,
};
/* Caller frees. */
VMFERRY_API char *vmferry_dumpxml(struct vmferry *handle, const char *domain,
                                  unsigned flags);

/* ------------------------------------------------------------- unsure guests

 * A guest whose migration's end was not heard stands still on a host, and may
 * run on another one.  These calls are vmferryd's own: a libvirtd refuses them.
 */

/* What a host knows of a guest and of its migration: "copy", "side", "state",
 * "peer", "token", "outcome", ... (src/ferry/evidence.h); "summary" is there
 * where something is unsure, and says it in words.  The caller frees
 * '*values'. */
VMFERRY_API int vmferry_evidence(struct vmferry *handle, const char *domain,
                                 bool asks_qemu,
                                 struct vmferry_values **values);

enum vmferry_deed {
    VMFERRY_LOOK,         /* Change nothing. */
    VMFERRY_RUN_HERE,     /* This host's copy goes on. */
    VMFERRY_DISCARD_HERE, /* It is ended. */
};

struct vmferry_resolve_options {
    enum vmferry_deed deed;
    const char *peer_uri; /* Of the other host's daemon, as this one sees it;
                           * NULL: the one that the record names. */
    const char *host;     /* The name of the host that is meant; for a deed. */
    bool is_certain_only; /* Do it only where there is no risk. */
};

struct vmferry_resolution {
    struct vmferry_values *here;  /* Owned. This host's evidence. */
    struct vmferry_values *there; /* Owned. The other one's, or empty, and */
    char *unreachable;            /* why; "" where it could be asked. Owned. */
    char *finding;                /* Owned. What is known, in words. */
    enum vmferry_deed certain;    /* What may be done without any risk. */
    bool was_done;
    char *run_risk;     /* Owned. Of VMFERRY_RUN_HERE, "": none; NULL: it is */
    char *discard_risk; /* out of the question.  And of the other one. */
};

/* Looks at both hosts and, where 'deed' asks for it, does it: refused where it
 * could let the guest run twice by what is known. */
VMFERRY_API int vmferry_resolve(struct vmferry *handle, const char *domain,
                                const struct vmferry_resolve_options *options,
                                struct vmferry_resolution *resolution);
VMFERRY_API void vmferry_resolution_done(struct vmferry_resolution *resolution);

/* ------------------------------------------------------------------ jobs */

/* libvirt's numbers (virDomainJobType). */
enum vmferry_job_type {
    VMFERRY_JOB_NONE = 0,
    VMFERRY_JOB_BOUNDED = 1,
    VMFERRY_JOB_UNBOUNDED = 2,
    VMFERRY_JOB_COMPLETED = 3,
    VMFERRY_JOB_FAILED = 4,
    VMFERRY_JOB_CANCELLED = 5,
};
/* Of the job that runs or, with 'is_completed', of the last that has completed.
 * '*values' gets a list (named as libvirt's, "memory_total" for instance),
 * which the caller frees. */
VMFERRY_API int vmferry_job_stats(struct vmferry *handle, const char *domain,
                                  bool is_completed, int *type,
                                  struct vmferry_values **values);
/* Asks for the running job to stop. */
VMFERRY_API int vmferry_job_abort(struct vmferry *handle, const char *domain);

/* ---------------------------------------------------------------- events */

/* What has happened to a domain. All borrowed, during the callback. */
struct vmferry_event {
    int number;       /* libvirt's (virDomainEventID). */
    const char *name; /* "lifecycle", "migration-iteration", ... */
    const struct vmferry_domain *domain;
    const char *what;   /* "stopped"; NULL where the name says all. */
    const char *detail; /* "migrated"; NULL where there is none. */
    const struct vmferry_values *values; /* What else it tells. */
};

/* Name of event 'number', or NULL: the numbers begin with 0. */
VMFERRY_API const char *vmferry_event_name(int number);
/* 'domain' NULL: of all domains. */
VMFERRY_API int vmferry_events_start(struct vmferry *handle, int number,
                                     const char *domain);
/* Calls 'happened' for events that come (or came since they were started) until
 * it returns false, 'timeout_ms' is over (-1: never), the connection is lost
 * (-1 is returned) or vmferry_interrupt() was called. */
VMFERRY_API int vmferry_events_wait(
    struct vmferry *handle, int timeout_ms,
    bool (*happened)(void *owner, const struct vmferry_event *event),
    void *owner);

/* ------------------------------------------------------------- migration */

/* libvirt's numbers (virDomainMigrateFlags) of those that make sense here. */
enum vmferry_migrate_flags {
    VMFERRY_MIGRATE_LIVE = 1 << 0,
    /* The source's daemon does it all, and goes on when the caller goes; the
     * destination's URI is as the source sees it.  Without, the caller calls
     * both hosts. */
    VMFERRY_MIGRATE_PEER2PEER = 1 << 1,
    /* The guest's memory goes through the connection of the two daemons, and
     * the destination opens no port for it.  Only beside PEER2PEER. */
    VMFERRY_MIGRATE_TUNNELLED = 1 << 2,
    VMFERRY_MIGRATE_PERSIST_DEST = 1 << 3,
    VMFERRY_MIGRATE_UNDEFINE_SOURCE = 1 << 4,
    VMFERRY_MIGRATE_PAUSED = 1 << 5,
    VMFERRY_MIGRATE_UNSAFE = 1 << 9,
    VMFERRY_MIGRATE_OFFLINE = 1 << 10,
    VMFERRY_MIGRATE_ABORT_ON_ERROR = 1 << 12,
    VMFERRY_MIGRATE_AUTO_CONVERGE = 1 << 13,
};

/* Where a migration is. */
enum vmferry_phase {
    VMFERRY_PHASE_CONNECT, /* Both hosts are asked what they can. */
    VMFERRY_PHASE_BEGIN,   /* The source describes the guest. */
    VMFERRY_PHASE_PREPARE, /* The destination makes room. */
    VMFERRY_PHASE_PERFORM, /* The guest is copied. */
    VMFERRY_PHASE_FINISH,  /* The destination starts it, or forgets it. */
    VMFERRY_PHASE_CONFIRM, /* The source lets go of it, or has it back. */
    VMFERRY_PHASE_COUNT
};
/* "begin", ... */
VMFERRY_API const char *vmferry_phase_name(enum vmferry_phase phase);

struct vmferry_progress {
    enum vmferry_phase phase;
    bool is_new_phase;
    bool is_stopping;   /* All is being put back. */
    int64_t elapsed_us; /* Since the start. */
    /* Of the source's job, while the guest is copied; else NULL. Borrowed. */
    const struct vmferry_values *statistics;
};

struct vmferry_migrate_options {
    unsigned flags;
    /* libvirt's parameters, e.g. "bandwidth", "migrate_uri",
     * "destination_name".  Borrowed. NULL: none. */
    const struct vmferry_values *parameters;
    /* How often statistics are asked for; 0: never. */
    unsigned interval_ms;
    /* Called at each new phase and with new statistics.  NULL: never. */
    void (*progress)(void *owner, const struct vmferry_progress *progress);
    void *owner;
};

enum vmferry_outcome {
    VMFERRY_STAYED,  /* The guest is where it was. */
    VMFERRY_MOVED,   /* It is at the destination. */
    VMFERRY_UNKNOWN, /* The source has it paused; it may run there. */
};

struct vmferry_report {
    enum vmferry_outcome outcome;
    enum vmferry_phase phase; /* In which it ended. */
    int64_t total_us;
    int64_t phase_us[VMFERRY_PHASE_COUNT];
    struct vmferry_values
        *statistics; /* Owned. Of the completed job, or NULL. */
    char *name;      /* Owned. The destination's name of the domain. */
    /* Owned. As who drives the migration sees it; NULL: not known. */
    char *destination_uri;
    bool goes_on; /* UNKNOWN, and the source's daemon brings it to its end. */
    int state;    /* Of the guest where it is now; 0: not known. */
    int reason;
    char *warning; /* Owned. What a success leaves to be done, or NULL. */
};

/* Moves 'domain' to the host of 'destination_uri'.  Fills 'report' in any case;
 * to be emptied with vmferry_report_done().
 *
 * Between two vmferryds the source's daemon goes on with what the caller drives
 * (no PEER2PEER), should the caller go, or lose one of the hosts; as it always
 * does with PEER2PEER.  Where the connection to it is lost, it is connected to
 * again for some seconds, and its end is waited for. */
VMFERRY_API int vmferry_migrate(struct vmferry *handle, const char *domain,
                                const char *destination_uri,
                                const struct vmferry_migrate_options *options,
                                struct vmferry_report *report);
/* Waits for the end of such a migration, which another caller has begun and
 * does not wait for any more.  Of the options only those about progress count.
 */
VMFERRY_API int
vmferry_migrate_resume(struct vmferry *handle, const char *domain,
                       const struct vmferry_migrate_options *options,
                       struct vmferry_report *report);
VMFERRY_API void vmferry_report_done(struct vmferry_report *report);

/* Whether the guest's memory may be damaged when it is migrated as it runs: by
 * a QEMU before 9.0 that emulates the processor (no KVM), unless the size of
 * its memory is not a multiple of 256 KiB. */
VMFERRY_API int vmferry_is_copy_unreliable(struct vmferry *handle,
                                           const char *domain,
                                           bool *is_unreliable,
                                           uint64_t *memory_kib);

#ifdef __cplusplus
}
#endif

#endif
