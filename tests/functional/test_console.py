# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest's serial port as a client's console."""

import os
import pty
import select
import subprocess
import time

import pytest

from harness import rpc
from harness.wait import wait_for

PTY = """\
    <serial type='pty'>
      <target port='0'/>
    </serial>
"""


@pytest.fixture
def talker(here, new_guest):
    """A guest whose heartbeat goes to a terminal."""
    guest = new_guest()
    guest.devices = PTY
    here.create(guest)
    return guest


class Terminal:
    """virsh console, with a terminal of its own."""

    def __init__(self, daemon, *words):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["virsh", "-c", daemon.uri, "console", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.text = b""

    def read(self, seconds=0.1):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += os.read(self.master, 65536)
            except OSError:  # virsh has ended
                return False
        return True

    def wait_text(self, text, seconds=20):
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self.read() or text in self.text, self.text

    def type(self, text):
        os.write(self.master, text)

    def end(self):
        """Its exit status."""
        wait_for(lambda: not self.read(0) or self.process.poll() is not None)
        status = self.process.wait(15)
        os.close(self.master)
        return status


def open_console(client, domain, flags=0):
    """The serial of its stream."""
    arguments = rpc.domain(domain) + rpc.optional(None) + rpc.integer(flags)
    serial = client.start(rpc.OPEN_CONSOLE, arguments)
    client.wait(serial)
    return serial


def read_until(client, serial, text):
    got = b""
    while text not in got:
        status, data = client.packet(serial)
        assert status == rpc.CONTINUE
        got += data
    return got


def test_virsh_shows_the_heartbeat_and_leaves(here, talker):
    terminal = Terminal(here, talker.name)
    terminal.wait_text(b"Connected to domain")
    terminal.wait_text(b"\nH ")
    terminal.type(b"\x1d")  # ^]
    assert terminal.end() == 0
    # And the next one gets it.
    again = Terminal(here, talker.name, "--safe")
    again.wait_text(b"\nH ")
    again.type(b"\x1d")
    assert again.end() == 0


def test_one_console_at_a_time_unless_forced(here, talker):
    first = Terminal(here, talker.name)
    first.wait_text(b"\nH ")
    refused = Terminal(here, talker.name)
    refused.wait_text(b"Active console session exists for this domain")
    assert refused.end() == 1
    second = Terminal(here, talker.name, "--force")
    second.wait_text(b"\nH ")
    first.end()
    second.type(b"\x1d")
    assert second.end() == 0


def test_virsh_ends_with_the_guest(here, talker):
    terminal = Terminal(here, talker.name)
    terminal.wait_text(b"\nH ")
    here.virsh("destroy", talker.name)
    terminal.end()


def test_a_stream_ends_with_the_guest(here, talker):
    with rpc.Client(here.socket).open(here.path) as client:
        serial = open_console(client, client.lookup(talker.name))
        read_until(client, serial, b"\nH ")
        here.virsh("destroy", talker.name)
        status, error = client.stream_end(serial)
        assert (status, error.code, error.domain) == (rpc.ERROR, 39, 38)


def test_calls_go_on_beside_a_stream_that_nobody_reads(here, talker):
    """The guest speaks faster than the client reads: calls don't mind."""
    with rpc.Client(here.socket).open(here.path) as client:
        domain = client.lookup(talker.name)
        serial = open_console(client, domain)
        read_until(client, serial, b"\nH ")
        for _ in range(20):
            assert client.state(domain)[0] == 1
        # Much typed text, which the guest takes in its own time.
        for _ in range(8):
            client.send_packet(
                rpc.OPEN_CONSOLE, serial, rpc.CONTINUE, b"x" * 100000
            )
        assert client.state(domain)[0] == 1


def test_a_unix_socket_is_a_console_too(here, new_guest, folder):
    guest = new_guest()
    path = os.path.join(folder, "console")
    guest.devices = f"""\
    <serial type='unix'>
      <source mode='bind' path='{path}'/>
      <target port='0'/>
    </serial>
"""
    here.create(guest)
    with rpc.Client(here.socket).open(here.path) as client:
        serial = open_console(client, client.lookup(guest.name))
        read_until(client, serial, b"\nH ")
        client.send_packet(rpc.OPEN_CONSOLE, serial, rpc.OK)
        assert client.stream_end(serial) == (rpc.OK, None)
