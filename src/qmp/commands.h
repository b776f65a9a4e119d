/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QEMU's commands, typed.  Each function sends one command; its 'done' is
 * called from the loop with a result (borrowed during the call, like everything
 * in it) or an error; see qmp_execute() for the errors that every command can
 * have.  A reply that lacks what is promised here, or has it in another type,
 * is ERROR_INTERNAL and names the member; members that are not known are
 * ignored. Numbers are bytes and milliseconds unless they say otherwise. */

#pragma once

#include <stddef.h>

#include "qmp/session.h"
#include "qmp/types.h"

/* For commands that return nothing. */
typedef void qmp_done(void *owner, const struct error *err);

/* --- the guest as a whole --- */

struct qmp_status {
    enum qmp_run_state state;
    const char *state_name; /* As QEMU wrote it. */
    bool is_running;
};

typedef void qmp_status_done(void *owner, const struct qmp_status *status,
                             const struct error *err);
/* A name or a UUID: NULL where QEMU has none. */
typedef void qmp_text_done(void *owner, const char *text,
                           const struct error *err);
typedef void qmp_number_done(void *owner, uint64_t number,
                             const struct error *err);

void qmp_query_status(struct qmp_session *session, qmp_status_done *done,
                      void *owner);
void qmp_cont(struct qmp_session *session, qmp_done *done, void *owner);
void qmp_stop(struct qmp_session *session, qmp_done *done, void *owner);
/* The connection closes after the reply; the process ends a little later. */
void qmp_quit(struct qmp_session *session, qmp_done *done, void *owner);
void qmp_system_powerdown(struct qmp_session *session, qmp_done *done,
                          void *owner);
void qmp_system_reset(struct qmp_session *session, qmp_done *done, void *owner);
void qmp_system_wakeup(struct qmp_session *session, qmp_done *done,
                       void *owner);
void qmp_query_name(struct qmp_session *session, qmp_text_done *done,
                    void *owner);
void qmp_query_uuid(struct qmp_session *session, qmp_text_done *done,
                    void *owner);
/* Asks the guest to shrink or grow to that size. */
void qmp_balloon(struct qmp_session *session, uint64_t size, qmp_done *done,
                 void *owner);
/* The size of now. */
void qmp_query_balloon(struct qmp_session *session, qmp_number_done *done,
                       void *owner);

/* --- devices --- */

struct qmp_chardev {
    const char *label;    /* The id. */
    const char *filename; /* "pty:/dev/pts/3", "unix:/path,server=on", ... */
    bool is_frontend_open;
};
struct qmp_chardevs {
    struct qmp_chardev *items;
    size_t count;
};
typedef void qmp_chardevs_done(void *owner, const struct qmp_chardevs *list,
                               const struct error *err);
void qmp_query_chardev(struct qmp_session *session, qmp_chardevs_done *done,
                       void *owner);

struct qmp_vnc {
    bool is_enabled;
    bool has_port;
    uint16_t port;
    const char *host;   /* NULL where QEMU does not say. */
    const char *family; /* "ipv4", "ipv6", "unix", ...; NULL the same. */
};
typedef void qmp_vnc_done(void *owner, const struct qmp_vnc *vnc,
                          const struct error *err);
void qmp_query_vnc(struct qmp_session *session, qmp_vnc_done *done,
                   void *owner);

struct qmp_blockstats {
    const char *device;    /* "" with -blockdev. */
    const char *qdev;      /* "" where there is none. */
    const char *node_name; /* The same. */
    uint64_t read_bytes;
    uint64_t read_requests;
    uint64_t write_bytes;
    uint64_t write_requests;
    uint64_t flush_requests;
    uint64_t read_ns; /* In all; and so on. */
    uint64_t write_ns;
    uint64_t flush_ns;
    uint64_t written_to; /* The end of what was ever written. */
    uint64_t errors;     /* Failed reads, writes and flushes. */
};
struct qmp_blockstats_list {
    struct qmp_blockstats *items;
    size_t count;
};
typedef void qmp_blockstats_done(void *owner,
                                 const struct qmp_blockstats_list *list,
                                 const struct error *err);
void qmp_query_blockstats(struct qmp_session *session,
                          qmp_blockstats_done *done, void *owner);

/* RARP packets from every network card, as after a migration: several rounds,
 * the first at once. */
void qmp_announce_self(struct qmp_session *session, qmp_done *done,
                       void *owner);

/* --- processors --- */

struct qmp_cpu {
    unsigned index;
    pid_t thread_id;
    const char *qom_path;
};
struct qmp_cpus {
    struct qmp_cpu *items;
    size_t count;
};
typedef void qmp_cpus_done(void *owner, const struct qmp_cpus *list,
                           const struct error *err);
void qmp_query_cpus_fast(struct qmp_session *session, qmp_cpus_done *done,
                         void *owner);

/* A property of a CPU model or of any object. */
enum qmp_value_kind {
    QMP_VALUE_OTHER, /* null, a list or an object. */
    QMP_VALUE_BOOL,
    QMP_VALUE_NUMBER, /* A whole one. */
    QMP_VALUE_TEXT,
};
struct qmp_value {
    enum qmp_value_kind kind;
    bool boolean;
    int64_t number;
    const char *text;
};
struct qmp_property {
    const char *name;
    struct qmp_value value;
};
struct qmp_cpu_model {
    const char *name;
    struct qmp_property *properties;
    size_t count;
};
typedef void qmp_cpu_model_done(void *owner, const struct qmp_cpu_model *model,
                                const struct error *err);
/* 'type' is "static" (only what was migration-safe for ever) or "full" (every
 * property).  'features' are set to true or false before; only booleans. */
void qmp_query_cpu_model_expansion(struct qmp_session *session,
                                   const char *type,
                                   const struct qmp_cpu_model *model,
                                   qmp_cpu_model_done *done, void *owner);

/* The properties of an object in QEMU's tree: name and type, the type in
 * value.text ("bool", "int", "child<...>", ...). */
struct qmp_properties {
    struct qmp_property *items;
    size_t count;
};
typedef void qmp_properties_done(void *owner, const struct qmp_properties *list,
                                 const struct error *err);
void qmp_qom_list(struct qmp_session *session, const char *path,
                  qmp_properties_done *done, void *owner);
typedef void qmp_value_done(void *owner, const struct qmp_value *value,
                            const struct error *err);
void qmp_qom_get(struct qmp_session *session, const char *path,
                 const char *property, qmp_value_done *done, void *owner);
/* The same for a property that is a list of texts. */
struct qmp_texts {
    const char **items;
    size_t count;
};
typedef void qmp_texts_done(void *owner, const struct qmp_texts *texts,
                            const struct error *err);
void qmp_qom_get_texts(struct qmp_session *session, const char *path,
                       const char *property, qmp_texts_done *done, void *owner);

/* A place that a processor is in or can be put into. */
struct qmp_cpu_slot {
    const char *type; /* Of the processor that fits. */
    bool is_taken;
    struct json_object *place; /* For qmp_plug_cpu(). */
};
struct qmp_cpu_slots {
    struct qmp_cpu_slot *items; /* By their numbers. */
    size_t count;
};
typedef void qmp_cpu_slots_done(void *owner, const struct qmp_cpu_slots *list,
                                const struct error *err);
void qmp_query_hotpluggable_cpus(struct qmp_session *session,
                                 qmp_cpu_slots_done *done, void *owner);
void qmp_plug_cpu(struct qmp_session *session, const struct qmp_cpu_slot *slot,
                  const char *id, qmp_done *done, void *owner);

/* --- by hand --- */

void qmp_inject_nmi(struct qmp_session *session, qmp_done *done, void *owner);
/* Codes of QEMU's own (qnum).  0 ms: as long as QEMU thinks. */
void qmp_send_key(struct qmp_session *session, const unsigned *keys,
                  size_t count, unsigned hold_ms, qmp_done *done, void *owner);
/* A line for the human monitor; its answer. */
void qmp_human_command(struct qmp_session *session, const char *line,
                       qmp_text_done *done, void *owner);
/* A command that somebody else wrote; what it returned, as JSON.  Fails where
 * it isn't one, and calls nothing then. */
int qmp_raw_command(struct qmp_session *session, const char *json,
                    qmp_text_done *done, void *owner, struct error *err);

/* --- migration --- */

/* Members of query-migrate's "ram": ours, QEMU's. */
#define QMP_MIGRATION_RAM_NUMBERS(X)                                           \
    X(transferred, "transferred")                                              \
    X(remaining, "remaining")                                                  \
    X(total, "total")                                                          \
    X(duplicate, "duplicate") /* Pages of zeroes. */                           \
    X(skipped, "skipped")     /* Until QEMU 9.0 */                             \
    X(normal, "normal")       /* Pages. */                                     \
    X(normal_bytes, "normal-bytes")                                            \
    X(dirty_pages_rate, "dirty-pages-rate") /* Pages per second. */            \
    X(dirty_sync_count, "dirty-sync-count") /* Passes. */                      \
    X(postcopy_requests, "postcopy-requests")                                  \
    X(page_size, "page-size")                                                  \
    X(multifd_bytes, "multifd-bytes")                                          \
    X(pages_per_second, "pages-per-second")                                    \
    X(precopy_bytes, "precopy-bytes")                                          \
    X(downtime_bytes, "downtime-bytes")                                        \
    X(postcopy_bytes, "postcopy-bytes")                                        \
    X(dirty_sync_missed_zero_copy, "dirty-sync-missed-zero-copy")

/* The same for "xbzrle-cache". */
#define QMP_MIGRATION_XBZRLE_NUMBERS(X)                                        \
    X(cache_size, "cache-size")                                                \
    X(bytes, "bytes")                                                          \
    X(pages, "pages")                                                          \
    X(cache_miss, "cache-miss")                                                \
    X(overflow, "overflow")

/* The same for what stands beside them. */
#define QMP_MIGRATION_NUMBERS(X)                                               \
    X(total_time, "total-time")                                                \
    X(setup_time, "setup-time")                                                \
    X(downtime, "downtime")                   /* Of a completed one. */        \
    X(expected_downtime, "expected-downtime") /* Of an active one. */          \
    X(cpu_throttle_percentage, "cpu-throttle-percentage")                      \
    X(postcopy_blocktime, "postcopy-blocktime")

#define QMP_NUMBER_MEMBERS(name, text)                                         \
    bool has_##name;                                                           \
    uint64_t name;

struct qmp_migration_ram {
    QMP_MIGRATION_RAM_NUMBERS(QMP_NUMBER_MEMBERS)
    bool has_mbps;
    double mbps; /* Megabits per second. */
};
struct qmp_migration_xbzrle {
    QMP_MIGRATION_XBZRLE_NUMBERS(QMP_NUMBER_MEMBERS)
};
/* QEMU gives "ram" neither before the start nor after a failure. */
struct qmp_migration {
    enum qmp_migration_status status;
    const char *status_name; /* As QEMU wrote it; "none". */
    QMP_MIGRATION_NUMBERS(QMP_NUMBER_MEMBERS)
    bool has_ram;
    struct qmp_migration_ram ram;
    bool has_xbzrle;
    struct qmp_migration_xbzrle xbzrle;
    const char *error_desc;       /* NULL where there is none. */
    const char **blocked_reasons; /* Why it can't migrate now. */
    size_t blocked_reason_count;
    /* Where the destination listens: the first TCP address. */
    bool has_port;
    uint16_t port;
};
typedef void qmp_migration_done(void *owner,
                                const struct qmp_migration *migration,
                                const struct error *err);
void qmp_query_migrate(struct qmp_session *session, qmp_migration_done *done,
                       void *owner);

struct qmp_migration_capabilities {
    uint32_t known; /* Those of ours that this QEMU has. */
    uint32_t on;    /* Those of them that are on. */
};
typedef void
qmp_migration_capabilities_done(void *owner,
                                const struct qmp_migration_capabilities *set,
                                const struct error *err);
void qmp_query_migrate_capabilities(struct qmp_session *session,
                                    qmp_migration_capabilities_done *done,
                                    void *owner);
/* Bit sets of QMP_CAPABILITY_*. One that this QEMU does not have is an error,
 * also where it would be switched off. */
void qmp_migrate_set_capabilities(struct qmp_session *session, uint32_t on,
                                  uint32_t off, qmp_done *done, void *owner);

/* Parameters: ours, QEMU's. */
#define QMP_MIGRATION_PARAMETER_NUMBERS(X)                                     \
    X(max_bandwidth, "max-bandwidth") /* Bytes per second; 0: no limit. */     \
    X(downtime_limit, "downtime-limit")                                        \
    X(announce_initial, "announce-initial")                                    \
    X(announce_max, "announce-max")                                            \
    X(announce_rounds, "announce-rounds")                                      \
    X(announce_step, "announce-step")                                          \
    X(compress_level, "compress-level")         /* Until QEMU 9.0 */           \
    X(compress_threads, "compress-threads")     /* The same. */                \
    X(decompress_threads, "decompress-threads") /* The same. */                \
    X(throttle_trigger_threshold, "throttle-trigger-threshold")                \
    X(cpu_throttle_initial, "cpu-throttle-initial")                            \
    X(cpu_throttle_increment, "cpu-throttle-increment")                        \
    X(max_cpu_throttle, "max-cpu-throttle")                                    \
    X(multifd_channels, "multifd-channels")                                    \
    X(multifd_zlib_level, "multifd-zlib-level")                                \
    X(multifd_zstd_level, "multifd-zstd-level")                                \
    X(xbzrle_cache_size, "xbzrle-cache-size")                                  \
    X(max_postcopy_bandwidth, "max-postcopy-bandwidth")                        \
    X(vcpu_dirty_limit, "vcpu-dirty-limit")                     /* 8.1 */      \
    X(avail_switchover_bandwidth, "avail-switchover-bandwidth") /* 8.2 */

#define QMP_MIGRATION_PARAMETER_BOOLEANS(X)                                    \
    X(cpu_throttle_tailslow, "cpu-throttle-tailslow")                          \
    X(compress_wait_thread, "compress-wait-thread")

#define QMP_MIGRATION_PARAMETER_TEXTS(X)                                       \
    X(tls_creds, "tls-creds")                                                  \
    X(tls_hostname, "tls-hostname")                                            \
    X(tls_authz, "tls-authz")                                                  \
    X(multifd_compression, "multifd-compression")

#define QMP_BOOLEAN_MEMBERS(name, text)                                        \
    bool has_##name;                                                           \
    bool name;
#define QMP_TEXT_MEMBER(name, text) const char *name; /* NULL: not there. */

/* Set, or queried: those that are there. */
struct qmp_migration_parameters {
    QMP_MIGRATION_PARAMETER_NUMBERS(QMP_NUMBER_MEMBERS)
    QMP_MIGRATION_PARAMETER_BOOLEANS(QMP_BOOLEAN_MEMBERS)
    QMP_MIGRATION_PARAMETER_TEXTS(QMP_TEXT_MEMBER)
};
typedef void
qmp_migration_parameters_done(void *owner,
                              const struct qmp_migration_parameters *parameters,
                              const struct error *err);
void qmp_query_migrate_parameters(struct qmp_session *session,
                                  qmp_migration_parameters_done *done,
                                  void *owner);
/* All or none of them: QEMU checks them together. */
void
qmp_migrate_set_parameters(struct qmp_session *session,
                           const struct qmp_migration_parameters *parameters,
                           qmp_done *done, void *owner);

/* Answered before the connection is made: a refused one is a failed migration,
 * not a failed command. */
void qmp_migrate(struct qmp_session *session, const char *uri, qmp_done *done,
                 void *owner);
/* Resumes a post-copy migration that was interrupted. */
void qmp_migrate_resume(struct qmp_session *session, const char *uri,
                        qmp_done *done, void *owner);
/* Gives QEMU 'fd' (taken), which is "fd:NAME" in the next of these commands. */
void qmp_getfd(struct qmp_session *session, const char *name, int fd,
               qmp_done *done, void *owner);
/* Listens; the port of "tcp:HOST:0" is query-migrate's to tell. */
void qmp_migrate_incoming(struct qmp_session *session, const char *uri,
                          qmp_done *done, void *owner);
/* No error where nothing migrates.  Never in post-copy: it kills the guest. */
void qmp_migrate_cancel(struct qmp_session *session, qmp_done *done,
                        void *owner);
/* Out of pre-switchover. */
void qmp_migrate_continue(struct qmp_session *session, qmp_done *done,
                          void *owner);
void qmp_migrate_start_postcopy(struct qmp_session *session, qmp_done *done,
                                void *owner);
/* Out of band, both. */
void qmp_migrate_pause(struct qmp_session *session, qmp_done *done,
                       void *owner);
void qmp_migrate_recover(struct qmp_session *session, const char *uri,
                         qmp_done *done, void *owner);

/* --- disks --- */

/* A server for exports on a unix socket; there is one for each QEMU. */
void qmp_nbd_server_start(struct qmp_session *session, const char *path,
                          qmp_done *done, void *owner);
/* Offers a node under its own name.  Activates an inactive one (QEMU 7.2). */
void qmp_nbd_export_add(struct qmp_session *session, const char *node,
                        bool is_writable, qmp_done *done, void *owner);
/* Ends the server with all its exports. */
void qmp_nbd_server_stop(struct qmp_session *session, qmp_done *done,
                         void *owner);

/* --- what this QEMU can do --- */

struct qmp_machine {
    const char *name;
    const char *alias;       /* NULL where it has none. */
    const char *default_cpu; /* A type; NULL where it has none. */
    unsigned max_cpus;
    bool is_default;
    bool is_deprecated;
    bool has_hotpluggable_cpus;
};
struct qmp_machines {
    struct qmp_machine *items;
    size_t count;
};
typedef void qmp_machines_done(void *owner, const struct qmp_machines *list,
                               const struct error *err);
void qmp_query_machines(struct qmp_session *session, qmp_machines_done *done,
                        void *owner);

struct qmp_cpu_definition {
    const char *name;
    const char *type;     /* "qemu64-x86_64-cpu"; "" where QEMU is silent. */
    const char *alias_of; /* NULL where it is no alias. */
    bool is_static;
    bool is_migration_safe;
    bool is_deprecated;
    /* Whether the host lacks nothing for it; false also where unknown. */
    bool is_usable;
    bool has_usable;
};
struct qmp_cpu_definitions {
    struct qmp_cpu_definition *items;
    size_t count;
};
typedef void qmp_cpu_definitions_done(void *owner,
                                      const struct qmp_cpu_definitions *list,
                                      const struct error *err);
void qmp_query_cpu_definitions(struct qmp_session *session,
                               qmp_cpu_definitions_done *done, void *owner);

struct qmp_kvm {
    bool is_present; /* Built in. */
    bool is_enabled; /* In use by this process. */
};
typedef void qmp_kvm_done(void *owner, const struct qmp_kvm *kvm,
                          const struct error *err);
void qmp_query_kvm(struct qmp_session *session, qmp_kvm_done *done,
                   void *owner);
/* "x86_64" */
void qmp_query_target(struct qmp_session *session, qmp_text_done *done,
                      void *owner);
