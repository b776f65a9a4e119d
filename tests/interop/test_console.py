# SPDX-License-Identifier: LGPL-2.1-or-later
"""A console's stream on libvirtd and on vmferryd: the same packets."""

import pytest

from harness import rpc

PTY = """\
    <serial type='pty'>
      <target port='0'/>
    </serial>
    <serial type='null'>
      <target port='1'/>
    </serial>
"""


class Session:
    """A client, and the console that it opens."""

    def __init__(self, path, uri_path):
        self.client = rpc.Client(path).open(uri_path)
        self.domain = self.client.lookup("beat")
        self.serial = None

    def open(self, device=None, flags=0):
        arguments = rpc.domain(self.domain) + rpc.optional(device)
        self.serial = self.client.start(
            rpc.OPEN_CONSOLE, arguments + rpc.integer(flags)
        )
        self.client.wait(self.serial)

    def refusal(self, *arguments, **more):
        """(code, domain, message)"""
        with pytest.raises(rpc.Refused) as caught:
            self.open(*arguments, **more)
        error = caught.value
        return error.code, error.domain, error.message

    def beats(self):
        """Is there a heartbeat on it?"""
        text = b""
        while b"\nH " not in text:
            status, data = self.client.packet(self.serial)
            assert status == rpc.CONTINUE
            text += data
        return True

    def send(self, status, data=b"", serial=None, **more):
        serial = self.serial if serial is None else serial
        self.client.send_packet(
            rpc.OPEN_CONSOLE, serial, status, data, **more
        )

    def end(self):
        """What the stream ends with."""
        status, error = self.client.stream_end(self.serial)
        return status, error and (error.code, error.domain, error.message)

    def lives(self):
        """Does the connection?"""
        try:
            return bool(self.client.call(rpc.CONNECT_GET_HOSTNAME).string())
        except (rpc.Lost, ConnectionError):
            return False


@pytest.fixture
def open_session(both, their_daemon, our_daemon):
    """A function: a session on the daemon of that number."""
    sessions = []
    for host in both:
        guest = host.guest()
        guest.serial = None
        guest.devices = PTY
        host.virsh.create(guest.xml())

    def start(number):
        sessions.append(
            Session(our_daemon.socket, our_daemon.path)
            if number
            else Session(their_daemon.socket, "session")
        )
        return sessions[-1]

    yield start
    for session in sessions:
        session.client.close()


@pytest.fixture
def same(open_session):
    """A function: that `ask` tells the same of both."""

    def check(ask):
        theirs, ours = ask(open_session, 0), ask(open_session, 1)
        print(theirs)
        assert ours == theirs

    return check


def test_refusals(same, both):
    def ask(start, number):
        session = start(number)
        answers = [
            session.refusal("nothing"),
            session.refusal("serial1"),
            session.refusal(flags=4)[:2],
        ]
        session.open("serial0")
        answers.append(start(number).refusal())
        return answers

    same(ask)


def test_not_running(same, both):
    def ask(start, number):
        session = start(number)
        both[number].virsh("destroy", "beat")
        return session.refusal()[:2]

    same(ask)


def test_the_client_finishes(same):
    def ask(start, number):
        session = start(number)
        session.open()
        assert session.beats()
        session.send(rpc.OK)
        answer = session.end()
        session.send(rpc.CONTINUE, b"late")
        session.send(rpc.OK)
        return answer, session.lives()

    same(ask)


def test_the_client_aborts(same):
    def ask(start, number):
        session = start(number)
        session.open()
        session.send(rpc.ERROR)
        return session.end(), session.lives()

    same(ask)


def test_unknown_status(same):
    def ask(start, number):
        session = start(number)
        session.open()
        session.send(9)
        return session.end(), session.lives()

    same(ask)


def test_unknown_serial(same):
    def ask(start, number):
        session = start(number)
        session.open()
        session.send(rpc.CONTINUE, b"x", serial=77)
        session.send(rpc.ERROR, serial=77)
        return session.lives(), session.beats()

    same(ask)


def test_hole(same):
    def ask(start, number):
        session = start(number)
        session.open()
        hole = rpc.hyper(4096) + rpc.integer(0)
        session.send(rpc.CONTINUE, hole, kind=rpc.STREAM_HOLE)
        return session.lives()

    same(ask)


def test_large_packet(same):
    def ask(start, number):
        session = start(number)
        session.open()
        session.send(rpc.CONTINUE, b"x" * 300000)
        return session.beats()

    same(ask)


def test_forced(same):
    def ask(start, number):
        first, second = start(number), start(number)
        first.open()
        assert first.beats()
        second.open(flags=1)
        status, error = first.end()
        return second.beats(), first.lives(), status, error[:2]

    same(ask)


def test_client_goes(same):
    def ask(start, number):
        session = start(number)
        session.open()
        session.client.close()
        other = start(number)
        while True:
            try:
                other.open()
                return other.beats()
            except rpc.Refused as error:
                assert error.code == 9

    same(ask)
