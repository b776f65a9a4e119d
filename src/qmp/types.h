/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QEMU's words, as enums: each list names what this program acts on, and its
 * first value stands for everything that a newer QEMU may say.  Used by the
 * events and by the typed commands. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Run states (query-status). */
#define QMP_RUN_STATES(X)                                                      \
    X(DEBUG, "debug")                                                          \
    X(INMIGRATE, "inmigrate")           /* Waits for a migration, or loads. */ \
    X(INTERNAL_ERROR, "internal-error") /* The emulation broke. */             \
    X(IO_ERROR, "io-error")             /* Stopped by werror/rerror. */        \
    X(PAUSED, "paused")                                                        \
    X(POSTMIGRATE, "postmigrate")       /* Its migration completed. */         \
    X(PRELAUNCH, "prelaunch")           /* Started with -S, never ran. */      \
    X(FINISH_MIGRATE, "finish-migrate") /* Stopped for the switchover. */      \
    X(RESTORE_VM, "restore-vm")                                                \
    X(RUNNING, "running")                                                      \
    X(SAVE_VM, "save-vm")                                                      \
    X(SHUTDOWN, "shutdown") /* Powered off, with -no-shutdown. */              \
    X(SUSPENDED, "suspended")                                                  \
    X(WATCHDOG, "watchdog")                                                    \
    X(GUEST_PANICKED, "guest-panicked")                                        \
    X(COLO, "colo")

/* States of a migration (query-migrate, event MIGRATION). */
#define QMP_MIGRATION_STATUSES(X)                                              \
    X(NONE, "none") /* Also where QEMU reports no status at all. */            \
    X(SETUP, "setup")                                                          \
    X(CANCELLING, "cancelling")                                                \
    X(CANCELLED, "cancelled")                                                  \
    X(ACTIVE, "active")                                                        \
    X(POSTCOPY_ACTIVE, "postcopy-active")                                      \
    X(POSTCOPY_PAUSED, "postcopy-paused")                                      \
    X(POSTCOPY_RECOVER, "postcopy-recover")                                    \
    X(POSTCOPY_RECOVER_SETUP, "postcopy-recover-setup") /* QEMU 9.1 */         \
    X(POSTCOPY_DEVICE, "postcopy-device")               /* QEMU 10.2 */        \
    X(COMPLETED, "completed")                                                  \
    X(FAILED, "failed")                                                        \
    X(COLO, "colo")                                                            \
    X(PRE_SWITCHOVER, "pre-switchover")                                        \
    X(DEVICE, "device")                                                        \
    X(WAIT_UNPLUG, "wait-unplug")

/* Migration capabilities: bits of a set, QMP_CAPABILITY_EVENTS ... */
#define QMP_MIGRATION_CAPABILITIES(X)                                          \
    X(XBZRLE, "xbzrle")                                                        \
    X(RDMA_PIN_ALL, "rdma-pin-all")                                            \
    X(AUTO_CONVERGE, "auto-converge")                                          \
    X(ZERO_BLOCKS, "zero-blocks")                                              \
    X(COMPRESS, "compress") /* Until QEMU 9.0 */                               \
    X(EVENTS, "events")                                                        \
    X(POSTCOPY_RAM, "postcopy-ram")                                            \
    X(X_COLO, "x-colo")                                                        \
    X(RELEASE_RAM, "release-ram")                                              \
    X(BLOCK, "block") /* Until QEMU 9.0 */                                     \
    X(RETURN_PATH, "return-path")                                              \
    X(PAUSE_BEFORE_SWITCHOVER, "pause-before-switchover")                      \
    X(MULTIFD, "multifd")                                                      \
    X(DIRTY_BITMAPS, "dirty-bitmaps")                                          \
    X(POSTCOPY_BLOCKTIME, "postcopy-blocktime")                                \
    X(LATE_BLOCK_ACTIVATE, "late-block-activate")                              \
    X(X_IGNORE_SHARED, "x-ignore-shared")                                      \
    X(VALIDATE_UUID, "validate-uuid")                                          \
    X(BACKGROUND_SNAPSHOT, "background-snapshot")                              \
    X(ZERO_COPY_SEND, "zero-copy-send")                                        \
    X(POSTCOPY_PREEMPT, "postcopy-preempt")                                    \
    X(SWITCHOVER_ACK, "switchover-ack") /* QEMU 8.1 */                         \
    X(DIRTY_LIMIT, "dirty-limit")       /* QEMU 8.1 */                         \
    X(MAPPED_RAM, "mapped-ram")         /* QEMU 9.0 */

/* Why QEMU or its guest shut down (event SHUTDOWN, RESET). */
#define QMP_SHUTDOWN_CAUSES(X)                                                 \
    X(NONE, "none")                                                            \
    X(HOST_ERROR, "host-error")                                                \
    X(HOST_QMP_QUIT, "host-qmp-quit")                                          \
    X(HOST_QMP_SYSTEM_RESET, "host-qmp-system-reset")                          \
    X(HOST_SIGNAL, "host-signal")                                              \
    X(HOST_UI, "host-ui")                                                      \
    X(GUEST_SHUTDOWN, "guest-shutdown")                                        \
    X(GUEST_RESET, "guest-reset")                                              \
    X(GUEST_PANIC, "guest-panic")                                              \
    X(SUBSYSTEM_RESET, "subsystem-reset")                                      \
    X(SNAPSHOT_LOAD, "snapshot-load")

/* What QEMU does about an I/O error, the watchdog or a panic. */
#define QMP_ACTIONS(X)                                                         \
    X(IGNORE, "ignore")                                                        \
    X(REPORT, "report")                                                        \
    X(STOP, "stop")                                                            \
    X(RESET, "reset")                                                          \
    X(SHUTDOWN, "shutdown")                                                    \
    X(POWEROFF, "poweroff")                                                    \
    X(PAUSE, "pause")                                                          \
    X(DEBUG, "debug")                                                          \
    X(NONE, "none")                                                            \
    X(INJECT_NMI, "inject-nmi")                                                \
    X(RUN, "run")                                                              \
    X(EXIT_FAILURE, "exit-failure")

#define X(name, text) QMP_RUN_STATE_##name,
enum qmp_run_state { QMP_RUN_STATE_UNKNOWN, QMP_RUN_STATES(X) };
#undef X
#define X(name, text) QMP_MIGRATION_##name,
enum qmp_migration_status { QMP_MIGRATION_UNKNOWN, QMP_MIGRATION_STATUSES(X) };
#undef X
#define X(name, text) QMP_SHUTDOWN_##name,
enum qmp_shutdown_cause { QMP_SHUTDOWN_UNKNOWN, QMP_SHUTDOWN_CAUSES(X) };
#undef X
#define X(name, text) QMP_ACTION_##name,
enum qmp_action { QMP_ACTION_UNKNOWN, QMP_ACTIONS(X) };
#undef X

#define X(name, text) QMP_CAPABILITY_NUMBER_##name,
enum qmp_migration_capability_number {
    QMP_MIGRATION_CAPABILITIES(X) QMP_CAPABILITY_COUNT
};
#undef X
#define X(name, text)                                                          \
    QMP_CAPABILITY_##name = 1u << QMP_CAPABILITY_NUMBER_##name,
enum qmp_migration_capability { QMP_MIGRATION_CAPABILITIES(X) };
#undef X

/* QEMU's word; "unknown" for the first value. */
const char *qmp_run_state_name(enum qmp_run_state state);
const char *qmp_migration_status_name(enum qmp_migration_status status);
const char *qmp_shutdown_cause_name(enum qmp_shutdown_cause cause);
const char *qmp_action_name(enum qmp_action action);
/* Of one bit's number. */
const char *
qmp_capability_name(enum qmp_migration_capability_number capability);

/* The first value (UNKNOWN) where this program has no name for it. */
enum qmp_run_state qmp_run_state_parse(const char *name);
enum qmp_migration_status qmp_migration_status_parse(const char *name);
enum qmp_shutdown_cause qmp_shutdown_cause_parse(const char *name);
enum qmp_action qmp_action_parse(const char *name);
/* One bit; 0 where this program has no name for it. */
uint32_t qmp_capability_parse(const char *name);
