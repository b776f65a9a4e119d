# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same cells with two libvirtds, where the harm can be had from outside.

Nothing of what becomes of them is a failure of ours: it is for comparing.
"""

import os
import threading
import time

import board
import design
import wires
from cell import FINE, RUNNING, Run
from harness import libvirtd, processes, rpc
from harness.commands import Running
from pair import NAME, NO_DOMAIN, Pair
from relay import Relay, RelayPoints, Watch

# libvirt takes whole MiB.  QEMU before 9.0 damages such a guest under TCG
# unless it is a quiet one (tests/guest/README.rst), so its memory is no
# question here.
MEMORY_KIB = 16 << 10
CONFIG = "hb=10 tlb=1 fill=4"
# As short as that of ours: dead after three seconds of silence.
KEEPALIVE = "keepalive_interval = 1\nkeepalive_count = 2\n"
CLIENT_KEEPALIVE = ("-k", "1", "-K", "2")
PORTS = 8
# From here on the destination has all of the guest, by side.
WHOLE = {
    "source": ("rpc/replied/DOMAIN_MIGRATE_PERFORM3_PARAMS",),
    "destination": ("rpc/received/DOMAIN_MIGRATE_FINISH3_PARAMS",),
}
# From here on its QEMU is the guest, by mode and side.
TAKEN = {
    "p2p": {
        "source": ("rpc/replied/DOMAIN_MIGRATE_PERFORM3_PARAMS",),
        "destination": ("event/RESUMED",
                        "rpc/replied/DOMAIN_MIGRATE_FINISH3_PARAMS"),
    },
    "managed": {
        "source": ("rpc/received/DOMAIN_MIGRATE_CONFIRM3_PARAMS",),
        "destination": ("event/RESUMED",
                        "rpc/replied/DOMAIN_MIGRATE_FINISH3_PARAMS"),
    },
}


class Host(libvirtd.Libvirtd):
    """A libvirtd behind relays, with a watch on its events."""

    starts_at_once = False  # Who can be interrupted must have it first.
    more_config = KEEPALIVE
    more_qemu_config = KEEPALIVE

    def __init__(self, folder, name, end, points, its_wires):
        self.end = end
        self.points = points
        if its_wires:
            self.wrapper = its_wires.enter[end]
            self.address = wires.ADDRESSES[end]
        os.makedirs(folder)
        first = processes.free_ports(PORTS)
        super().__init__(folder, name, None, (first, first + PORTS - 1))
        port = processes.free_ports(1)
        path = f"{folder}.relay"
        self.relays = [
            Relay(path, self, points), Relay(port, self, points, its_wires)
        ]
        host = self.address if its_wires else "127.0.0.1"
        self.relay_uri = f"qemu+unix:///session?socket={path}"
        self.tcp_uri = f"qemu+tcp://{host}:{port}/session"

    def start(self):
        super().start()
        Watch(self, self.points)

    def close(self):
        """Also when it has not got so far as to be known by its folder."""
        for relay in self.relays:
            relay.close()
        if self.process:
            self.process.kill()


class LibvirtPair(Pair):
    """Two libvirtds."""

    memory = MEMORY_KIB
    config = CONFIG
    longer_s = 5

    def __init__(self, *arguments, **more):
        self.may_pass = threading.Event()
        self.may_pass.set()
        super().__init__(*arguments, **more)

    def _new_daemon(self, end, name):
        points = self.gates[name] = RelayPoints(self.may_pass)
        folder = os.path.join(self.folder, name)
        return Host(folder, name, end, points, self.wires)

    def start(self):
        super().start()
        self.source.keep_answers()
        return self

    def migrate(self, is_managed=False, options=()):
        words = list(self.wires.enter[self.source.end]) if self.wires else []
        words += ["virsh", *CLIENT_KEEPALIVE, "-c", self.source.relay_uri]
        words += ["migrate", "--live", "--unsafe", *options]
        if not is_managed:
            words.append("--p2p")
        return Running(words + [NAME, self.destination.tcp_uri])

    @staticmethod
    def options_at(point):
        """At a MiB a second copying goes on for a while."""
        return ("--bandwidth", "1") if point == "event/ITERATION" else ()

    def check_memory(self):
        """Not here: see MEMORY_KIB."""

    def job(self, daemon):
        """Whether it has something to do with the guest, or None."""
        try:
            with self.client(daemon) as client:
                job, _ = client.job_info(client.lookup(NAME))
        except rpc.Refused as refused:
            return None if refused.code == NO_DOMAIN else refused.message
        except (OSError, rpc.Lost) as error:
            return f"no answer: {error!r}"
        return f"job of type {job}" if job else None

    @staticmethod
    def _half_written(_daemon):
        return []  # How it writes its files is its own affair.

    def _ports(self, daemon):
        if self.wires:
            return super()._ports(daemon)
        left = [
            port
            for port in daemon.ports
            if not processes.can_listen(port, daemon.address)
        ]
        return [f"{daemon.name}: ports {left}"] if left else []

    def close(self):
        for daemon in self.daemons:
            daemon.close()
        super().close()


class LibvirtRun(Run):
    """A cell on two libvirtds."""

    settle_s = 45
    # Longer, as what it does when it has started is seen by nobody.
    quiet_s = 1

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.is_contradicted = False

    def _goes_on(self):
        if self.client.is_running():
            return "the client waits"
        for daemon in self.pair.daemons:
            if not daemon.is_alive():
                return f"{daemon.name} has ended: {daemon.process.returncode}"
            job = self.pair.job(daemon)
            if job:
                return f"{daemon.name}: {job}"
        left = self.pair.leftovers()
        if left and time.monotonic() < self.patience:
            return f"there is {left}"
        return None

    def _see(self, daemon, beating):
        """As the QEMUs have it; what the daemon says of it may differ."""
        try:
            state = self.pair.domain_state(daemon)
        except (OSError, rpc.Lost) as error:
            state = (None, None, repr(error))
        qemus = list(daemon.qemus())
        beats = any(pid in beating for pid in qemus)
        where = "runs" if beats else "paused" if qemus else "none"
        if _says(state) != where:
            self.is_contradicted = True
        return (where, state)

    def _reason(self, word):
        """Why nobody could have saved it, or None."""
        fault, point = self.cell.fault, self.cell.point
        if word != "gone":
            return None
        is_whole = design.is_from(self.passed, point, WHOLE[self.cell.side])
        taken = TAKEN[self.cell.mode][self.cell.side]
        if fault == "kill-source-qemu" and not is_whole:
            return "its QEMU was the guest, and nobody else had it"
        was_taken = design.is_from(self.passed, point, taken)
        if fault == "kill-destination-qemu" and was_taken:
            return "its QEMU was the guest"
        return None

    def _name(self, word, design_text):
        name = super()._name(word, design_text)
        if self.is_contradicted and name in FINE + ("gone",):
            return f"BROKEN: {word}, but a daemon says otherwise"
        return name


def _says(state):
    """What a daemon says of a guest, in our words."""
    if state is None:
        return "none"
    number, _, of_qemu = state
    if (number == RUNNING) != (of_qemu == "running"):
        return "both"
    return "runs" if number == RUNNING else "paused"


def means_something(side, point, fault):
    """Who is stopped matters where somebody waits for it."""
    if not fault.startswith("stop-"):
        return True
    is_waited_for = point.startswith(("rpc/received", "event/"))
    return is_waited_for and fault.startswith(f"stop-{side}")


WORLD = board.World(
    pair=LibvirtPair,
    run=LibvirtRun,
    flag="--libvirtd ",
    versions=("v3",),
    means_something=means_something,
    is_judged=False,
)
