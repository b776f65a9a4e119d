# SPDX-License-Identifier: LGPL-2.1-or-later
"""The words of `virsh domstate --reason`, for the numbers of the wire."""

# Each with its reasons, in the order of their numbers.
WORDS = [
    ("no state", ["unknown"]),
    (
        "running",
        [
            "unknown",
            "booted",
            "migrated",
            "restored",
            "from snapshot",
            "unpaused",
            "migration canceled",
            "save canceled",
            "event wakeup",
            "crashed",
            "post-copy",
        ],
    ),
    ("idle", ["unknown"]),
    (
        "paused",
        [
            "unknown",
            "user",
            "migrating",
            "saving",
            "dumping",
            "I/O error",
            "watchdog",
            "from snapshot",
            "shutting down",
            "creating snapshot",
            "crashed",
            "starting up",
            "post-copy",
            "post-copy failed",
        ],
    ),
    ("in shutdown", ["unknown", "user"]),
    (
        "shut off",
        [
            "unknown",
            "shutdown",
            "destroyed",
            "crashed",
            "migrated",
            "saved",
            "failed",
            "from snapshot",
            "daemon",
        ],
    ),
    ("crashed", ["unknown", "panicked"]),
    ("pmsuspended", ["unknown"]),
]


def words(state, reason):
    name, reasons = WORDS[state]
    return f"{name} ({reasons[reason]})"
