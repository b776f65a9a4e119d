# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which cells there are: each point that a migration without a fault passes,
with each fault that means something there.

The points are recorded, not listed, so that none can be forgotten.  What is
left out is left out by the rules below, each with its reason.
"""

import dataclasses
import re

MODES = ("p2p", "managed")
VERSIONS = ("v3", "v2")
KILLS = ("kill-source", "kill-destination", "kill-both")
QEMU_KILLS = ("kill-source-qemu", "kill-destination-qemu")
STOPS = ("stop-source", "stop-destination")
QEMU_STOPS = ("stop-source-qemu", "stop-destination-qemu")
FAULTS = KILLS + ("kill-client",) + QEMU_KILLS + ("cut",) + STOPS + QEMU_STOPS

# Of calls, those of the migration: before them nothing has happened.
CALL = re.compile(r"^(rpc|peer)/\w+/(DOMAIN_MIGRATE|VMFERRY)")
# Of commands, those that change something: a question may be asked again.
QUESTION = re.compile(r"^qmp/\w+/(query-|qom-|qmp_capabilities)")
# Of events, those that a rule hears, and the guest's start and stop.
EVENT = re.compile(r"^qmp/event/(MIGRATION-|STOP$|RESUME$)")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A point on one side of one kind of migration, and what happens there."""

    mode: str
    version: str
    side: str
    point: str
    fault: str

    def __str__(self):
        parts = (self.mode, self.version, self.side, self.point, self.fault)
        return "/".join(parts)

    @staticmethod
    def parse(text):
        mode, version, side, *point, fault = text.strip().split("/")
        cell = Cell(mode, version, side, "/".join(point), fault)
        known = (
            mode in MODES
            and version in VERSIONS
            and side in ("source", "destination")
            and fault in FAULTS
        )
        if not known or not point:
            raise ValueError(f"{text}: no such cell")
        return cell


def is_of_the_path(point):
    if point.startswith(("save/", "qemu/", "event/")):
        return True
    if point.startswith("qmp/event/"):
        return bool(EVENT.match(point))
    if point.startswith("qmp/"):
        return not QUESTION.match(point)
    return bool(CALL.match(point))


def points(passed):
    """Of one daemon's recording: each point of the path, once."""
    return [p for p in dict.fromkeys(passed) if is_of_the_path(p)]


def means_something(side, point, fault):
    kind = point.split("/")[0]
    is_message = kind in ("rpc", "peer")
    if fault in ("kill-source", "kill-destination"):
        return True
    if fault == "kill-both":
        # What QEMU has said is on disk at the next save, or asked for again.
        return kind == "save" or is_message
    if fault == "kill-client":
        # A client hears nothing of QEMU; between messages saves are enough.
        return kind == "save" or kind == "rpc"
    if fault in QEMU_KILLS:
        # After an answer or a message the next save or command is as good.
        return (
            kind == "save"
            or point.startswith("qmp/sent/")
            or point.startswith("qmp/event/MIGRATION-")
        )
    if fault == "cut":
        return kind == "save" or is_message
    # Who is stopped matters where somebody waits for it.
    if fault == "stop-source":
        return side == "source" and point.startswith(("rpc/received", "save/"))
    if fault == "stop-destination":
        return side == "destination" and point.startswith(
            ("rpc/received", "save/")
        )
    waits = fault == f"stop-{side}-qemu"
    return waits and point.startswith(("qmp/sent/", "rpc/received/"))


def cells(mode, version, recordings, is_wanted=means_something):
    """`recordings`: {"source": points passed, "destination": ...}"""
    return [
        Cell(mode, version, side, point, fault)
        for side, passed in recordings.items()
        for point in points(passed)
        for fault in FAULTS
        if is_wanted(side, point, fault)
    ]
