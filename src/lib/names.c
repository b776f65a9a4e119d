/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvirt's numbers in words: the same that virsh prints. */

#include "lib/names.h"

#include "base/memory.h"
#include "vmferry.h"

static const char *
find(const char *const *names, size_t count, int number)
{
    if (number < 0 || (size_t)number >= count || !names[number]) {
        return "unknown";
    }
    return names[number];
}

static const char *const states[] = {"no state", "running",     "idle",
                                     "paused",   "in shutdown", "shut off",
                                     "crashed",  "pmsuspended"};
static const char *const running[] = {
    "unknown",       "booted",   "migrated",           "restored",
    "from snapshot", "unpaused", "migration canceled", "save canceled",
    "event wakeup",  "crashed",  "post-copy",          "post-copy failed"};
static const char *const paused[] = {"unknown",       "user",
                                     "migrating",     "saving",
                                     "dumping",       "I/O error",
                                     "watchdog",      "from snapshot",
                                     "shutting down", "creating snapshot",
                                     "crashed",       "starting up",
                                     "post-copy",     "post-copy failed"};
static const char *const shutoff[] = {"unknown", "shutdown",      "destroyed",
                                      "crashed", "migrated",      "saved",
                                      "failed",  "from snapshot", "daemon"};

const char *
vmferry_state_name(int state)
{
    return find(states, ARRAY_COUNT(states), state);
}

const char *
vmferry_reason_name(int state, int reason)
{
    switch (state) {
    case VMFERRY_STATE_RUNNING:
        return find(running, ARRAY_COUNT(running), reason);
    case VMFERRY_STATE_PAUSED:
        return find(paused, ARRAY_COUNT(paused), reason);
    case VMFERRY_STATE_SHUTOFF:
        return find(shutoff, ARRAY_COUNT(shutoff), reason);
    default:
        return "unknown";
    }
}

static const char *const events[] = {"lifecycle",
                                     "reboot",
                                     "rtc-change",
                                     "watchdog",
                                     "io-error",
                                     "graphics",
                                     "io-error-reason",
                                     "control-error",
                                     "block-job",
                                     "disk-change",
                                     "tray-change",
                                     "pm-wakeup",
                                     "pm-suspend",
                                     "balloon-change",
                                     "pm-suspend-disk",
                                     "device-removed",
                                     "block-job-2",
                                     "tunable",
                                     "agent-lifecycle",
                                     "device-added",
                                     "migration-iteration",
                                     "job-completed",
                                     "device-removal-failed",
                                     "metadata-change",
                                     "block-threshold",
                                     "memory-failure",
                                     "memory-device-size-change"};

const char *
vmferry_event_name(int number)
{
    if (number < 0 || (size_t)number >= ARRAY_COUNT(events)) {
        return NULL;
    }
    return events[number];
}

static const char *const lifecycle[] = {"defined",   "undefined",   "started",
                                        "suspended", "resumed",     "stopped",
                                        "shutdown",  "pmsuspended", "crashed"};

const char *
lifecycle_name(int event)
{
    return find(lifecycle, ARRAY_COUNT(lifecycle), event);
}

const char *
lifecycle_detail(int event, int detail)
{
    static const char *const details[][9] = {
        {"added",          "updated",      "renamed", "from snapshot"},
        {"removed", "renamed"              },
        {"booted",       "migrated",       "restored", "from snapshot", "wakeup"},
        {"paused","migrated","I/O error", "watchdog", "restored",
         "from snapshot", "API error", "post-copy", "post-copy failed"},
        {"unpaused",        "migrated",                      "from snapshot", "post-copy",
         "post-copy failed"},
        {"shutdown",       "destroyed",             "crashed", "migrated", "saved", "failed",
         "from snapshot"},
        {"finished",      "by the guest",                  "by the host"},
        {"memory",     "disk"},
        {"panicked",       "crash loaded"   },
    };

    if (event < 0 || (size_t)event >= ARRAY_COUNT(details)) {
        return "unknown";
    }
    return find(details[event], ARRAY_COUNT(details[event]), detail);
}

const char *
vmferry_phase_name(enum vmferry_phase phase)
{
    static const char *const names[] = {"connect", "begin",  "prepare",
                                        "perform", "finish", "confirm"};

    return find(names, ARRAY_COUNT(names), (int)phase);
}
