# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts with a guest on one of them, made for being broken."""

import json
import os
import shutil
import signal
import socket
import struct
import time

from harness import processes, rpc
from harness.beat import IMAGE, Beat, check_stream
from harness.commands import Running, VMFERRY
from harness.daemon import Daemon, short_folder
from harness.guest import Guest
from harness.wait import wait_for

import wires
from harness.gate import Gate

NAME = "beat"
# 16 MiB + 8 KiB: see "Memory size" in tests/guest/README.rst.
MEMORY_KIB = 16392
CONFIG = "hb=10 fill=4 ws=64 rate=400"
QEMU_PROGRAM, MONITOR_COMMAND = 0x20008087, 1
NO_DOMAIN = 42
# Deadlines of seconds where a daemon's own are of minutes.
SHORT = {
    "--job-timeout": "2",
    "--monitor-timeout": "2",
    "--begin-timeout": "8",
    "--incoming-timeout": "8",
    "--stall-timeout": "2",
    "--switchover-timeout": "3",
    "--peer-timeout": "2",
    "--rejoin-timeout": "8",
    "--peer-keepalive-interval": "1",
    "--peer-keepalive-count": "1",
}


class Pair:
    """`source` and `destination` say where the guest is and where it goes."""

    memory = MEMORY_KIB
    config = CONFIG
    # Longer than each deadline that watches a peer or a QEMU.
    longer_s = 3.5

    def __init__(self, version="v3", has_wires=True):
        self.folder = short_folder()
        self.wires = wires.Wires() if has_wires else None
        self.gates = {}
        self.daemons = []
        self.beat = None
        self.guests = 0
        self.version = version
        for end, name in enumerate(("hosta", "hostb")):
            self.daemons.append(self._new_daemon(end, name))
        self.source, self.destination = self.daemons
        self.image = os.path.join(self.folder, "beat.bin")
        shutil.copy(IMAGE, self.image)

    def _new_daemon(self, end, name):
        daemon = Daemon(self.folder, name)
        daemon.end = end
        daemon.options.update(SHORT)
        daemon.options["--protocols"] = self.version
        daemon.options["--trace"] = "rules,rpc,qmp"
        gate = Gate(os.path.join(self.folder, f"{name}.gate"))
        self.gates[name] = gate
        daemon.environment["VMFERRY_FAILPOINTS"] = gate.path
        if self.wires:
            address = wires.ADDRESSES[end]
            daemon.wrapper = self.wires.enter[end] + ["--"]
            daemon.options["--listen-tcp"] = f"{address}:{daemon.tcp_port}"
            daemon.options["--migration-address"] = address
            daemon.tcp_uri = daemon.tcp_uri.replace("127.0.0.1", address)
        return daemon

    def start(self):
        for daemon in self.daemons:
            daemon.start()
        self.new_guest()
        return self

    def gate(self, daemon):
        return self.gates[daemon.name]

    # The guest.

    def new_guest(self):
        """A fresh one, on the source."""
        if self.beat:
            self.beat.close()
        self.guests += 1
        self.beat = Beat(os.path.join(self.folder, f"serial{self.guests}"))
        guest = Guest(self.image, NAME, memory=self.memory)
        guest.config = self.config
        guest.serial = self.beat.path
        self.source.virsh.create(guest.xml())
        self.beat.wait_running()

    def turn(self):
        self.source, self.destination = self.destination, self.source

    def migrate(self, is_managed=False, options=()):
        """Starts the client."""
        words = list(self.wires.enter[self.source.end]) if self.wires else []
        words += [VMFERRY, "-c", self.source.uri, "migrate", *options]
        if is_managed:
            words.append("--managed")
        return Running(words + [NAME, self.destination.tcp_uri])

    @staticmethod
    def options_at(_point):
        """What else the client is told, that this point can be held."""
        return ()

    # What a cell is judged by.

    def records(self, daemon):
        """What the daemon has on disk of the guest, {} where nothing."""
        for path in daemon.run_files():
            if path.endswith(".record"):
                try:
                    with open(path, encoding="utf-8") as file:
                        return json.load(file)
                except (OSError, ValueError):
                    pass
        return {}

    @staticmethod
    def migration_state(record):
        """Of the rules, or None."""
        return record.get("source-state") or record.get("destination-state")

    def client(self, daemon):
        return rpc.Client(daemon.socket, 5).open(daemon.path)

    def domain_state(self, daemon):
        """(state, reason, what QEMU says of itself), or None."""
        with self.client(daemon) as client:
            try:
                domain = client.lookup(NAME)
                state, reason = client.state(domain)
            except rpc.Refused as refusal:
                if refusal.code == NO_DOMAIN:
                    return None
                raise
            return state, reason, self._query_status(client, domain)

    @staticmethod
    def _query_status(client, domain):
        arguments = rpc.domain(domain)
        arguments += rpc.string('{"execute":"query-status"}') + rpc.integer(0)
        try:
            answer = client.call(
                MONITOR_COMMAND, arguments, program=QEMU_PROGRAM
            )
        except rpc.Refused as refusal:
            return refusal.message
        return json.loads(answer.string())["return"]["status"]

    def has_job(self, daemon):
        with self.client(daemon) as client:
            try:
                domain = client.lookup(NAME)
                arguments = rpc.domain(domain)
                return client.call(
                    rpc.DOMAIN_GET_JOB_INFO, arguments
                ).integer()
            except rpc.Refused:
                return 0

    def resume(self, daemon):
        with self.client(daemon) as client:
            client.call(
                rpc.DOMAIN_RESUME, rpc.domain(client.lookup(NAME))
            )

    def beating(self, seconds=0.25):
        """Pids of the QEMUs whose guest executes."""
        before = {id(leg): len(leg.data()) for leg in self.beat.legs}
        time.sleep(seconds)
        pids = []
        for leg in list(self.beat.legs):
            if len(leg.data()) > before.get(id(leg), 0):
                pids.append(_peer(leg.connection))
        return pids

    def life(self):
        """What is wrong with the guest's life so far: a list."""
        return check_stream([leg.data() for leg in self.beat.spoken()])[1]

    def check_memory(self):
        self.beat.verify()

    def leftovers(self):
        """What is there and should not be, where no migration goes on."""
        problems = []
        for daemon in self.daemons:
            qemus = daemon.qemus()
            files = [os.path.basename(path) for path in daemon.run_files()]
            if len(qemus) > 1:
                problems.append(f"{daemon.name}: QEMUs {sorted(qemus)}")
            if not qemus and files:
                problems.append(f"{daemon.name}: files {files}")
            problems += self._half_written(daemon)
            problems += self._ports(daemon)
        return problems

    @staticmethod
    def _half_written(daemon):
        half = [name for name in daemon.file_names() if ".tmp" in name]
        return [f"{daemon.name}: half-written {half}"] if half else []

    def _ports(self, daemon):
        if self.wires:
            taken = self.wires.listening(daemon.end)
        else:
            taken = {p for p in daemon.ports if not processes.can_listen(p)}
        left = sorted(taken.intersection(daemon.ports))
        return [f"{daemon.name}: ports {left}"] if left else []

    # The end.

    def close(self):
        for gate in self.gates.values():
            gate.close()
        for pid in processes.of_folder(self.folder):
            processes.kill(pid, signal.SIGCONT)
        processes.end_all(self.folder)
        for daemon in self.daemons:
            if daemon.process:
                daemon.process.wait(10)
        if self.beat:
            self.beat.close()
        if self.wires:
            self.wires.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _peer(connection):
    """The pid at the other end of a unix socket; None once it is closed."""
    try:
        data = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
        )
    except OSError:
        return None
    return struct.unpack("3i", data)[0]


def wait_guest_gone(daemon, seconds=10):
    wait_for(lambda: not daemon.qemus(), seconds, daemon.log)
