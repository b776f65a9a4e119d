# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh and vmferry, run as a user would."""

import os
import pty
import select
import signal
import subprocess
import time
import urllib.parse

from . import rpc, states
from .beat import BUILD

VMFERRY = os.path.join(BUILD, "src", "cli", "vmferry")


class Failed(AssertionError):
    """A command that should have succeeded."""


class Running:
    """A command that runs beside the test."""

    def __init__(self, command):
        self.command = command
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def kill(self):
        self.process.kill()

    def is_running(self):
        return self.process.poll() is None

    def finish(self, seconds=60):
        """Wait for its end: (exit status, stdout, stderr)."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            out, err = self.process.communicate()
            raise Failed(
                f"{self.command}: no end within {seconds} s: {out}{err}"
            ) from late
        return self.process.returncode, out, err

    def succeed(self, seconds=60):
        status, out, err = self.finish(seconds)
        if status:
            raise Failed(f"{self.command}: {status}: {out}{err}")
        return out

    def fail(self, seconds=60):
        """Its message without virsh's "error: "."""
        status, out, err = self.finish(seconds)
        if not status:
            raise Failed(f"{self.command}: should have failed: {out}{err}")
        return message(err)


class OnTerminal:
    """A command on a terminal of its own: virsh hears Ctrl-C only there."""

    def __init__(self, command):
        self.said = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)

    def is_running(self):
        return os.waitpid(self.pid, os.WNOHANG)[0] == 0

    def press_control_c(self):
        os.write(self.terminal, b"\x03")

    def wait_for(self, words, seconds=20):
        """Read until it has written that."""
        deadline = time.monotonic() + seconds
        while words not in self.said.decode():
            if time.monotonic() > deadline or not self._read():
                self._give_up(f"{words!r} was not said within {seconds} s")

    def finish(self, seconds=20):
        """All that it wrote, once it has ended."""
        deadline = time.monotonic() + seconds
        while self._read():
            if time.monotonic() > deadline:
                self._give_up(f"no end within {seconds} s")
        os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return self.said.decode()

    def _read(self):
        """False once the other end is closed."""
        if not select.select([self.terminal], [], [], 0.1)[0]:
            return True
        try:
            piece = os.read(self.terminal, 4096)
        except OSError:
            return False
        self.said += piece
        return bool(piece)

    def _give_up(self, why):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise Failed(f"{why}: {self.said.decode()}")


def message(err):
    """The lines of an error, without the marks before them."""
    lines = [
        line.removeprefix("error: ").removeprefix("vmferry: ")
        for line in err.strip().splitlines()
    ]
    return "\n".join(line for line in lines if line)


class Command:
    """Knows its daemon; each method takes a command's words."""

    prefix = []

    def start(self, *words):
        return Running(self.prefix + [str(word) for word in words])

    def __call__(self, *words, seconds=30):
        """Must succeed; its output, without the empty line at the end."""
        return self.start(*words).succeed(seconds).strip("\n")

    def fails(self, *words, seconds=30):
        """Must fail; its message."""
        return self.start(*words).fail(seconds)


class Virsh(Command):
    """What tests only need done is done without starting virsh, which takes
    longer than the daemon does; the daemon hears the same calls."""

    def __init__(self, uri):
        self.prefix = ["virsh", "-c", uri]
        self.uri = urllib.parse.urlsplit(uri)

    def state(self, name):
        """"running (booted)", or None for a domain that isn't known."""
        try:
            with self.client() as client:
                return states.words(*client.state(client.lookup(name)))
        except (rpc.Refused, rpc.Lost, ConnectionError, FileNotFoundError):
            return None

    def create(self, xml):
        """Start a guest that is forgotten when it ends."""
        self._call(rpc.DOMAIN_CREATE_XML, rpc.string(xml) + rpc.integer(0))

    def define(self, xml):
        self._call(rpc.DOMAIN_DEFINE_XML, rpc.string(xml))

    def undefine(self, name):
        with self.client() as client:
            client.call(rpc.DOMAIN_UNDEFINE, rpc.domain(client.lookup(name)))

    def _call(self, procedure, arguments):
        with self.client() as client:
            try:
                client.call(procedure, arguments)
            except rpc.Refused as refused:
                raise Failed(f"call {procedure}: {refused}") from refused

    def remove_all(self):
        """No domain is left, if that can be done."""
        with self.client() as client:
            for domain in client.domains():
                for call in (rpc.DOMAIN_DESTROY, rpc.DOMAIN_UNDEFINE):
                    try:
                        client.call(call, rpc.domain(domain))
                    except rpc.Refused:
                        pass  # It does not run, or is not defined.

    def client(self):
        """A connection of the test's own, over the unix socket."""
        (socket,) = urllib.parse.parse_qs(self.uri.query)["socket"]
        return rpc.Client(socket).open(self.uri.path.lstrip("/"))


class Vmferry(Command):
    def __init__(self, uri):
        self.prefix = [VMFERRY, "-c", uri]
