# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast a tunnelled migration is, and what it keeps in memory.

Beside it, the same guest over one plain TCP relay: a loop of recv and send,
which is the least that anybody in between can do.  The memory is that of both
daemons while the destination's QEMU is stopped in the middle.
"""

import os
import signal
import statistics
import subprocess
import sys
import time

import footprint
from runs import messages, moment

from harness import processes, rpc
from harness.beat import Beat
from harness.guest import Guest
from harness.steps import Steps
from harness.wait import wait_for

FILL = 384  # MiB of the guest that have to be sent
MEMORY_KIB = 512 * 1024 + 8
HANG_S = 3
RATE_GOAL = 0.8
# Buffers: the connection's, a packet that waits, and what malloc keeps.
GROWTH_GOAL_KIB = 2 * 1024

RELAY = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(flush=True)
source, _ = listener.accept()
to = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
buffer = memoryview(bytearray(65536))
while size := source.recv_into(buffer):
    to.sendall(buffer[:size])
"""


def rate(here, offset):
    """MiB per second, by QEMU's own events."""
    events = [m for _, m in messages(here, offset) if "event" in m]
    seconds = moment(events, "pre-switchover", 0) - moment(events, "setup", 0)
    return FILL / (seconds / 1000)


def log_size(daemon):
    return os.path.getsize(daemon.log_path)


class Crossing:
    """A fresh guest on the source, whose memory is worth a rate."""

    def __init__(self, here, there, image, folder):
        self.here, self.there = here, there
        self.guest = Guest(image, "bulk", memory=MEMORY_KIB)
        self.guest.config = f"hb=50 fill={FILL}"
        self.folder = folder

    def __enter__(self):
        self.beat = Beat(os.path.join(self.folder, "bulk"))
        self.guest.serial = self.beat.path
        self.here.create(self.guest)
        self.beat.wait_running()
        self.here.virsh("migrate-setspeed", "bulk", 0)
        self.offset = log_size(self.here)
        return self

    def __exit__(self, *_):
        for daemon in (self.here, self.there):
            left = daemon.qemus()
            daemon.virsh.start("destroy", "bulk").finish()
            processes.wait_gone(left)
        self.beat.close()

    def relayed(self):
        port = processes.free_ports(1)
        with rpc.Client(self.here.socket) as source:
            with rpc.Client(self.there.socket) as destination:
                source.open(self.here.path)
                destination.open(self.there.path)
                steps = Steps(source, destination, "bulk")
                steps.begin()
                to = steps.prepare().rpartition(":")[2]
                relay = subprocess.Popen(
                    [sys.executable, "-c", RELAY, str(port), to],
                    stdout=subprocess.PIPE,
                )
                try:
                    relay.stdout.readline()
                    steps.uri = f"tcp:127.0.0.1:{port}"
                    self.without_return_path(source, steps)
                finally:
                    relay.kill()
                    relay.wait()
                    relay.stdout.close()
        return rate(self.here, self.offset)

    def without_return_path(self, source, steps):
        """The relay goes one way, too: what is measured ends before that
        matters."""
        serial = steps.start_perform()
        wait_for(lambda: "pre-switchover" in self.log(), 60)
        source.call(rpc.DOMAIN_ABORT_JOB, rpc.domain(steps.domain))
        try:
            steps.finish_perform(serial)
        except rpc.Refused:
            pass

    def log(self):
        with open(self.here.log_path, encoding="utf-8") as log:
            log.seek(self.offset)
            return log.read()

    def start_tunnelled(self):
        return self.here.virsh.start(
            *("migrate", "--live", "--p2p", "--tunnelled"),
            *("bulk", self.there.tcp_uri),
        )

    def tunnelled(self):
        self.start_tunnelled().succeed(60)
        return rate(self.here, self.offset)

    def growth(self):
        """KiB by which the larger one of the daemons grows while the
        destination's QEMU takes nothing."""
        pids = [d.process.pid for d in (self.here, self.there)]
        before = [footprint.of_process(pid)["private"] for pid in pids]
        running = self.start_tunnelled()
        wait_for(lambda: "MIGRATION_PASS" in self.log(), 20)
        os.kill(self.there.qemu(), signal.SIGSTOP)
        largest, end = 0, time.monotonic() + HANG_S
        while time.monotonic() < end:
            now = [footprint.of_process(pid)["private"] for pid in pids]
            largest = max([largest, *(b - a for a, b in zip(before, now))])
            time.sleep(0.05)
        os.kill(self.there.qemu(), signal.SIGCONT)
        running.succeed(60)
        return largest


def measure(here, there, image, folder, runs):
    """{"relayed", "tunnelled": MiB/s, one for each run; "growth": KiB}"""
    found = {"relayed": [], "tunnelled": []}
    for _ in range(runs):
        for name, rates in found.items():
            with Crossing(here, there, image, folder) as crossing:
                rates.append(getattr(crossing, name)())
    with Crossing(here, there, image, folder) as crossing:
        found["growth"] = crossing.growth()
    return found


def ratio(found):
    """Each run against its neighbour, since other work comes and goes."""
    return statistics.median(
        ours / relay
        for ours, relay in zip(found["tunnelled"], found["relayed"])
    )
