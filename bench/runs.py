# SPDX-License-Identifier: LGPL-2.1-or-later
"""One migration of one guest, done by three: a plain script, `vmferry`, and
five calls on open connections.

Each run begins with a fresh guest that runs on the source.
"""

import json
import os
import re
import select
import subprocess
import time

from harness import processes
from harness.beat import Beat
from harness.commands import VMFERRY
from harness.rpc import Client
from harness.steps import Steps
from qmp import Qemu

TRACED = re.compile(r"^trace qmp: \S+ (<-|->) (\{.*\})$", re.M)
PORTS = 8

# Heartbeats before the migration, so that the guest has settled.
SETTLE = 40


def stamps(events, start):
    """(milliseconds since `start`, word) of QEMU's events.

    QEMU stamps them with the wall clock; `start` is of the same.
    """
    for event in events:
        stamp = event["timestamp"]
        when = stamp["seconds"] + stamp["microseconds"] / 1e6
        word = event.get("data", {}).get("status", event["event"])
        yield (when - start) * 1000, word


def moment(events, word, start):
    """The last one of that word: a source's RESUME may have been earlier."""
    return [when for when, what in stamps(events, start) if what == word][-1]


def measure(beat, start, seconds, source, destination):
    """Milliseconds; `source` and `destination` are the events of the two."""
    begun = moment(source, "setup", start)
    stopped = moment(source, "STOP", start)
    loaded = moment(destination, "completed", start)
    resumed = moment(destination, "RESUME", start)
    return {
        "wall": seconds * 1000,
        "blackout": beat.gaps_ms()[0],
        "pause": resumed - stopped,
        "begin": begun,
        "copy": stopped - begun,
        "load": loaded - stopped,
        "resume": resumed - loaded,
        "end": seconds * 1000 - resumed,
    }


def wait_arrival(beat):
    """The guest runs on its second QEMU, and has lived without a break."""
    beat.wait_leg(2)
    beat.wait_running(5)
    beat.check()


class Plain:
    """What a person would write who knows QMP, and nothing else.

    It starts QEMUs with the daemon's command lines and gives them the daemon's
    parameters, which an Example has learnt.  It doesn't wait where it needn't:
    the source is told how to migrate while the destination's QEMU starts.
    """

    def __init__(self, folder, example):
        self.folder = folder
        self.example = example
        self.first_port = processes.free_ports(PORTS)
        self.count = 0

    def run(self):
        beat = Beat(self.example.guest.serial)
        qemus = []
        try:
            source = Qemu(self.example.source_argv, self.folder, "source")
            qemus.append(source)
            source.monitor.execute("qmp_capabilities")
            source.monitor.execute("cont")
            beat.wait_running(SETTLE)
            start, begin = time.time(), time.monotonic()
            destination = self.migrate(source, qemus)
            seconds = time.monotonic() - begin
            wait_arrival(beat)
            events = source.monitor.events, destination.monitor.events
            return measure(beat, start, seconds, *events)
        finally:
            for qemu in qemus:
                qemu.end()
            beat.close()

    def migrate(self, source, qemus):
        self.count += 1
        port = self.first_port + self.count % PORTS
        uri = {"uri": f"tcp:127.0.0.1:{port}"}
        destination = Qemu(
            self.example.destination_argv, self.folder, "destination"
        )
        qemus.append(destination)
        here, there = source.monitor, destination.monitor
        told = [here.send(*words) for words in self.example.source_set_up]
        there.execute("qmp_capabilities")
        listens = [
            there.send(*words) for words in self.example.destination_set_up
        ]
        listens.append(there.send("migrate-incoming", uri))
        here.wait(*told)
        there.wait(*listens)
        here.execute("migrate", uri)
        here.wait_status("pre-switchover")
        here.execute("migrate-continue", {"state": "pre-switchover"})
        here.wait_status("completed")
        there.wait_status("completed")
        there.execute("cont")
        source.quit()
        return destination


class Ours:
    """Between two daemons that run all the time."""

    def __init__(self, here, there, guest):
        self.here = here
        self.there = there
        self.guest = guest

    def run(self):
        beat = Beat(self.guest.serial)
        try:
            path = self.here.file("guest.xml", self.guest.xml())
            self.here.vmferry("create", path)
            beat.wait_running(SETTLE)
            self.before()
            ends = len(self.here.log()), len(self.there.log())
            spent = self.daemons_spent()
            start, seconds = self.migrate()
            spent = self.daemons_spent() - spent
            wait_arrival(beat)
            self.after()
            events = [
                [m for _, m in messages(daemon, end) if "event" in m]
                for daemon, end in zip((self.here, self.there), ends)
            ]
            return measure(beat, start, seconds, *events) | {"daemons": spent}
        finally:
            end_guest(self.guest, self.here, self.there)
            beat.close()

    def daemons_spent(self):
        return sum(
            processor_ms(daemon.process.pid)
            for daemon in (self.here, self.there)
        )

    def before(self):
        """The guest runs on the source."""

    def after(self):
        """It runs on the destination."""

    def migrate(self):
        """(time at the start, seconds until the end)"""
        raise NotImplementedError


def processor_ms(pid):
    """What a process, without its children, has used of a processor."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        path = f"/proc/{pid}/task/{thread}/schedstat"
        with open(path, encoding="ascii") as numbers:
            total += int(numbers.read().split()[0])
    return total / 1e6


def messages(daemon, offset):
    """(direction, message) of the daemon's monitors, from its trace."""
    return [
        (direction, json.loads(text))
        for direction, text in TRACED.findall(daemon.log()[offset:])
    ]


def wait_end(process, seconds=60):
    """What wait() with a timeout would be, if it didn't poll."""
    pidfd = os.pidfd_open(process.pid)
    try:
        ended, _, _ = select.select([pidfd], [], [], seconds)
    finally:
        os.close(pidfd)
    if not ended:
        process.kill()


def end_guest(guest, *daemons):
    """Wherever it is, also after a failure."""
    for daemon in daemons:
        qemus = daemon.qemus()
        if qemus and daemon.is_alive():
            daemon.vmferry.start("destroy", guest.name).finish()
            processes.wait_gone(qemus)


class Command(Ours):
    """`vmferry migrate`: a process and two connections for each migration,
    one of them between the daemons."""

    def migrate(self):
        command = [VMFERRY, "-c", self.here.uri, "--quiet", "migrate"]
        command += [self.guest.name, self.there.uri]
        start, begin = time.time(), time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        wait_end(process)
        seconds = time.monotonic() - begin
        assert process.wait() == 0, f"{command} has failed"
        return start, seconds


class Calls(Ours):
    """The five calls of a client whose connections are open already."""

    def migrate(self):
        here, there = Client(self.here.socket), Client(self.there.socket)
        with here, there:
            here.open(self.here.path)
            there.open(self.there.path)
            steps = Steps(here, there, self.guest.name)
            start, begin = time.time(), time.monotonic()
            steps.begin()
            steps.prepare()
            steps.perform()
            steps.finish()
            steps.confirm()
            return start, time.monotonic() - begin


class Example(Calls):
    """A migration from which the plain script learns what to do."""

    SET_UP = ("migrate-set-capabilities", "migrate-set-parameters")

    def __init__(self, here, there, guest):
        super().__init__(here, there, guest)
        self.source_argv = self.destination_argv = None
        self.ends = len(here.log()), len(there.log())
        self.run()
        source = messages(here, self.ends[0])
        destination = messages(there, self.ends[1])
        self.source_set_up = list(self.set_up(source))
        self.destination_set_up = list(self.set_up(destination))
        self.is_pipelined = is_pipelined(source, self.SET_UP) and is_pipelined(
            destination, self.SET_UP + ("migrate-incoming",)
        )

    def before(self):
        (self.source_argv,) = self.here.qemus().values()

    def after(self):
        (self.destination_argv,) = self.there.qemus().values()

    def set_up(self, exchange):
        """(command, arguments): the first of each kind that sets something."""
        seen = set()
        for _, message in exchange:
            name = message.get("execute")
            if name in self.SET_UP and name not in seen:
                seen.add(name)
                yield name, message["arguments"]


def is_pipelined(exchange, names):
    """Were these commands sent before the first of them was answered?"""
    waiting = set(names)
    first = None
    for direction, message in exchange:
        if direction == "->" and message["execute"] in waiting:
            waiting.remove(message["execute"])
            first = first or message["id"]
        elif first and message.get("id") == first:
            break
    return not waiting
