# SPDX-License-Identifier: LGPL-2.1-or-later
"""A vmferryd of the test's own: its folders, its socket, its ports."""

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid

from . import processes
from .beat import BUILD
from .commands import Virsh, Vmferry
from .rpc import CONNECT_NUM_OF_DOMAINS, Lost, Refused
from .wait import wait_for

BINARY = os.path.join(BUILD, "src", "daemon", "vmferryd")
# Enough for a test; each incoming guest takes one for a moment.
MIGRATION_PORTS = 8


def short_folder():
    """A folder of our own whose name is short enough for sockets below it."""
    folder = tempfile.mkdtemp(prefix="vf-", dir="/tmp")
    os.chmod(folder, 0o755)
    return folder


# {file name: content} of what the first daemon of this process has asked QEMU;
# the others need not: an answer takes longer than all else of their start.
_answers_of_qemu = {}


class Daemon:
    """One host.  start() after changing `options`, if at all."""

    def __init__(self, folder, name):
        self.folder = os.path.join(folder, name)
        self.name = name
        self.uuid = str(uuid.uuid4())
        self.runtime = os.path.join(self.folder, "run")
        self.state = os.path.join(self.folder, "state")
        self.socket = os.path.join(self.runtime, "socket")
        self.log_path = os.path.join(self.folder, "log")
        self.address = "127.0.0.1"
        self.tcp_port = processes.free_ports(1)
        self.first_port = processes.free_ports(MIGRATION_PORTS)
        self.ports = range(
            self.first_port, self.first_port + MIGRATION_PORTS
        )
        self.path = "system" if os.geteuid() == 0 else "session"
        self.uri = f"qemu+unix:///{self.path}?socket={self.socket}"
        self.tcp_uri = f"qemu+tcp://127.0.0.1:{self.tcp_port}/{self.path}"
        self.virsh = Virsh(self.uri)
        self.vmferry = Vmferry(self.uri)
        self.process = None
        self.environment = {}
        self.wrapper = []  # A command that ends by running vmferryd.
        self.options = {
            "--runtime-dir": self.runtime,
            "--state-dir": self.state,
            "--listen-unix": self.socket,
            "--listen-tcp": f"127.0.0.1:{self.tcp_port}",
            "--host-name": name,
            "--host-uuid": self.uuid,
            "--migration-address": "127.0.0.1",
            "--migration-ports": f"{self.first_port}-"
            f"{self.first_port + MIGRATION_PORTS - 1}",
            "--job-timeout": "3",
        }
        for path in (self.folder, self.runtime, self.state):
            os.makedirs(path, exist_ok=True)

    # Its life.

    def start(self):
        assert self.process is None or self.process.poll() is not None
        command = [*self.wrapper, BINARY]
        for option, value in self.options.items():
            command += [option, value]
        self._give_answers()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        wait_for(self._listens, 15, self.log)
        self._take_answers()
        return self

    def _give_answers(self):
        for name, answers in _answers_of_qemu.items():
            path = os.path.join(self.state, name)
            if not os.path.exists(path):
                with open(path, "wb") as file:
                    file.write(answers)

    def _take_answers(self):
        if _answers_of_qemu:
            return
        for path in glob.glob(f"{self.state}/qemu-system-*.json"):
            with open(path, "rb") as file:
                _answers_of_qemu[os.path.basename(path)] = file.read()

    def _listens(self):
        assert self.process.poll() is None, self.log()
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
        return True

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """As the service manager does; its guests go on."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(15)
        assert status == 0, f"ended with {status}: {self.log()}"

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def restart(self):
        self.kill()
        self.start()

    def forget_boot(self):
        """As if the host had booted: guests are started with it again."""
        os.unlink(os.path.join(self.runtime, "autostarted"))

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    # What it has.

    def qemus(self):
        """{pid: command line}"""
        return processes.qemus(self.folder)

    def qemu(self):
        """The pid of the only QEMU."""
        (pid,) = self.qemus()
        return pid

    def file(self, name, text):
        """Write a file for a command to read; its path."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_files(self):
        """The records of guests that run."""
        return glob.glob(f"{self.runtime}/domains/*")

    def create(self, guest, *options):
        """Start a guest that is forgotten when it ends."""
        if options:
            path = self.file(f"{guest.name}.xml", guest.xml())
            self.virsh("create", path, *options)
        else:
            self.virsh.create(guest.xml())

    def define(self, guest):
        self.virsh.define(guest.xml())

    def file_names(self):
        """Every file below its folders, relative to its own."""
        names = []
        for folder, _, files in os.walk(self.folder):
            names += [
                os.path.relpath(os.path.join(folder, name), self.folder)
                for name in files
            ]
        return sorted(names)

    # Its end.

    def tear_down(self):
        """Ends it and its guests, and finds what it leaves behind."""
        problems = []
        was_alive = self.is_alive()
        for pid in self.qemus():
            processes.kill(pid)
        wait_for(lambda: not self.qemus(), 10, "its killed QEMUs to end")
        if was_alive:
            try:
                self._wait_no_records()
                self.stop()
            except (
                AssertionError,
                subprocess.TimeoutExpired,
                OSError,
                Lost,
                Refused,
            ) as error:
                problems.append(str(error) or repr(error))
        elif self.process is not None and self.process.returncode not in (
            0,
            -signal.SIGKILL,
        ):
            problems.append(f"it had ended: {self.process.returncode}")
        left = processes.end_all(self.folder)
        if left:
            problems.append(f"processes left: {left}")
        if was_alive and not problems:
            problems += self._leftovers()
        assert not problems, f"{self.name}: {problems}\n{self.log()}"

    def _records(self):
        """Files in the runtime folder, once guests and daemon have ended.

        The lock is the process's and goes with it; its file stays, and so
        does the mark that guests were started with the host.
        """
        return [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.runtime)
            for name in names
            if name not in ("vmferryd.lock", "autostarted")
        ]

    def _wait_no_records(self):
        with self.virsh.client() as client:
            wait_for(
                lambda: client.call(CONNECT_NUM_OF_DOMAINS).integer() == 0,
                10,
                "every guest of a killed QEMU to be known as ended",
            )

    def _leftovers(self):
        problems = []
        if self._records():
            problems.append(f"files left: {self._records()}")
        for port in [self.tcp_port, *self.ports]:
            if not processes.can_listen(port):
                problems.append(f"port {port} is still taken")
        return problems


def remove_folder(folder):
    left = processes.end_all(folder)
    shutil.rmtree(folder)
    assert not left, f"processes left: {left}"
