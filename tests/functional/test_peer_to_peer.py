# SPDX-License-Identifier: LGPL-2.1-or-later
"""The source's daemon moves a guest by itself; the client only waits."""

import contextlib
import glob
import os
import signal
import socket
import threading

import pytest

from harness import processes
from harness.migration import (
    assert_job_is_over,
    assert_runs_only_on,
    wait_copying,
)
from harness.wait import wait_for


def start_slow(source, destination, name):
    """A migration that lasts until something else ends it."""
    source.virsh("migrate-setspeed", name, 1)
    running = source.virsh.start(
        *("migrate", "--live", "--p2p"), name, destination.tcp_uri
    )
    wait_copying(running, source, name)
    return running


def test_there_and_back_with_virsh(here, there, run_here, beat):
    here.virsh("migrate", "--live", "--p2p", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    there.virsh("migrate", "--live", "--p2p", "beat", here.uri, seconds=60)
    beat.wait_leg(3)
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


def test_paused_guest_stays_paused(here, there, run_here, beat):
    here.virsh("suspend", "beat")
    here.virsh("migrate", "--live", "--p2p", "beat", there.tcp_uri, seconds=60)
    assert there.virsh.state("beat").startswith("paused")
    assert not here.qemus()
    there.virsh("resume", "beat")
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_both_hosts_tell_of_guest_phase_and_peer(here, there, run_here):
    here.virsh("migrate", "--live", "--p2p", "beat", there.tcp_uri, seconds=60)
    source, destination = here.log(), there.log()
    for phase in ("begin", "prepare", "perform", "finish", "confirm"):
        assert f"phase {phase}" in source
    lines = [line for line in source.splitlines() if "phase finish" in line]
    assert all(
        word in lines[0] for word in ("beat", "migration out", there.tcp_uri)
    )
    lines = [line for line in destination.splitlines() if "finish" in line]
    assert any(
        "beat" in line and "migration in" in line and "127.0.0.1" in line
        for line in lines
    )


# The client goes.


@pytest.mark.parametrize("how", ["virsh", "vmferry"])
def test_killed_client_changes_nothing(here, there, filled, beat, how):
    if how == "virsh":
        client = here.virsh.start(
            *("migrate", "--live", "--p2p", "--bandwidth", "20"),
            *("beat", there.tcp_uri),
        )
    else:
        client = here.vmferry.start(
            "migrate", "-b", "20", "beat", there.tcp_uri
        )
    wait_copying(client, here, "beat")
    client.kill()
    client.finish()
    beat.wait_leg(2, 30)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


# The other host goes.


@pytest.fixture
def impatient(new_daemon, guest, beat):
    """As `here` with `filled`; it does not wait long for another daemon."""
    here = new_daemon("hosta")
    here.options["--peer-keepalive-interval"] = "1"
    here.options["--peer-keepalive-count"] = "1"
    here.options["--rejoin-timeout"] = "1"
    here.start()
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    return here


def test_killed_destination_daemon(impatient, there, beat):
    here = impatient
    client = start_slow(here, there, "beat")
    there.kill()
    text = client.fail(20)
    assert "Lost connection to destination host" in text
    beat.wait_running()
    assert here.virsh.state("beat").startswith("running")
    assert_job_is_over(here, "beat")
    there.start()
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


def test_silent_destination_daemon(impatient, there, beat):
    """It does not answer pings: stopped, or the network is gone."""
    here = impatient
    client = start_slow(here, there, "beat")
    there.process.send_signal(signal.SIGSTOP)
    try:
        text = client.fail(10)
    finally:
        there.process.send_signal(signal.SIGCONT)
    assert "Lost connection to destination host" in text
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    wait_for(lambda: there.virsh.state("beat") is None)
    beat.check()


def test_silent_daemon_is_not_waited_for(new_daemon, there, guest, beat):
    """The kernel takes the connection, and nobody answers."""
    here = new_daemon("hosta")
    here.options["--peer-timeout"] = "1"
    here.start()
    here.create(guest)
    beat.wait_running()
    there.process.send_signal(signal.SIGSTOP)
    try:
        text = here.virsh.fails(
            *("migrate", "--live", "--p2p", "beat", there.tcp_uri), seconds=10
        )
    finally:
        there.process.send_signal(signal.SIGCONT)
    assert "Failed to connect" in text and there.tcp_uri in text
    assert_runs_only_on(here, there, "beat", beat)


def test_killed_destination_qemu(here, there, filled, beat):
    client = start_slow(here, there, "beat")
    processes.kill(there.qemu())
    assert client.fail(20)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    assert there.virsh.state("beat") is None
    beat.check()


def test_killed_source_qemu(here, there, filled):
    client = start_slow(here, there, "beat")
    processes.kill(here.qemu())
    assert client.fail(20)
    wait_for(lambda: not here.qemus() and not there.qemus())
    assert here.virsh.state("beat") is None
    assert there.virsh.state("beat") is None


# Our daemon goes.


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_source_daemon_that_comes_back_late_keeps_the_guest(
    here, new_daemon, filled, beat, how
):
    """The destination has given up waiting for it."""
    there = new_daemon("hostb")
    there.options["--rejoin-timeout"] = "1"
    there.start()
    client = start_slow(here, there, "beat")
    getattr(here, how)()
    assert client.fail(20)
    wait_for(lambda: not there.qemus())
    here.start()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    # Which of the two is heard first, the other daemon or QEMU, is chance.
    assert "failed: " in here.log()
    beat.check()


# It can't be, or is not wanted.


def test_abort(here, there, filled, beat):
    client = start_slow(here, there, "beat")
    here.virsh("domjobabort", "beat")
    text = client.fail(20)
    assert text == (
        "operation aborted: job 'migration out' canceled by client"
    )
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()
    # What a destination would hear that has not heard of its end.
    kept = glob.glob(os.path.join(here.state, "handovers", "*.record"))
    assert len(kept) == 1
    with open(kept[0], encoding="utf-8") as file:
        assert '"taken"' in file.read()


def test_name_that_is_taken(here, there, run_here, beat, new_guest):
    there.define(new_guest("beat"))
    text = here.virsh.fails("migrate", "--live", "--p2p", "beat", there.tcp_uri)
    assert "already exists with uuid" in text and there.tcp_uri in text
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


@pytest.mark.parametrize(
    "uri, text",
    [
        ("qemu+tcp://127.0.0.1:PORT/system", "Connection refused"),
        ("qemu+unix:///system?socket=/nowhere/at/all", "/nowhere/at/all"),
        ("qemu+ssh://127.0.0.1/system", "not supported"),
        ("qemu+tls://127.0.0.1/system", "not supported"),
        ("qemu+tcp://no.such.host.invalid/system", "no.such.host.invalid"),
    ],
)
def test_destination_that_can_not_be_reached(here, run_here, beat, uri, text):
    uri = uri.replace("PORT", str(processes.free_ports(1)))
    message = here.virsh.fails("migrate", "--live", "--p2p", "beat", uri)
    assert text in message
    if "not supported" not in message:
        assert uri in message and "hosta" in message
    beat.wait_running()
    assert_job_is_over(here, "beat")


def test_other_clients_have_no_part_in_it(here, there, filled, beat):
    """Not even one that knows the protocol by heart."""
    client = start_slow(here, there, "beat")
    text = here.virsh.fails("migrate", "--live", "beat", there.tcp_uri)
    assert "another migration job is already running" in text
    text = here.virsh.fails("migrate", "--live", "--p2p", "beat", there.uri)
    assert "another migration job is already running" in text
    here.virsh("domjobabort", "beat")
    client.fail(20)
    assert_runs_only_on(here, there, "beat", beat)


# Many.


def test_two_hosts_that_swap_their_guests(here, there, folder, new_guest):
    """Each is source and destination at the same time."""
    guests = [new_guest(f"guest{i}") for i in range(4)]
    for i, guest in enumerate(guests):
        (here, there)[i % 2].create(guest)
    clients = [
        (here, there)[i % 2].virsh.start(
            *("migrate", "--live", "--p2p"),
            *(guest.name, (there, here)[i % 2].tcp_uri),
        )
        for i, guest in enumerate(guests)
    ]
    for client in clients:
        client.succeed(90)
    assert sorted(here.virsh("list", "--name").split()) == ["guest1", "guest3"]
    assert sorted(there.virsh("list", "--name").split()) == [
        "guest0",
        "guest2",
    ]


# The connection breaks at the worst moment: a call is on its way.


class Cutter:
    """Between the two daemons: cuts the first connection at a call."""

    PREPARE3_PARAMS = 303
    FINISH3_PARAMS = 306

    def __init__(self, port, is_passed_on, at_cut=None, call=FINISH3_PARAMS):
        self.port = port
        self.is_passed_on = is_passed_on
        self.at_cut = at_cut
        self.call = call
        self.has_cut = False
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = "qemu+tcp://127.0.0.1:{}/".format(
            self.listener.getsockname()[1]
        )
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                near.close()
                continue
            self.sockets += [near, far]
            for pair in ((near, far, True), (far, near, False)):
                threading.Thread(
                    target=self._pass_on, args=pair, daemon=True
                ).start()

    def _pass_on(self, source, sink, is_call):
        with contextlib.suppress(OSError):
            while message := self._read_message(source):
                is_it = is_call and message[12:16] == (
                    self.call.to_bytes(4, "big")
                )
                cuts = is_it and not self.has_cut
                if cuts and self.at_cut:
                    self.at_cut()
                if not cuts or self.is_passed_on:
                    sink.sendall(message)
                if cuts:
                    self.has_cut = True
                    break
        self._shut(source, sink)

    @staticmethod
    def _read_message(source):
        message = b""
        size = 4
        while len(message) < size:
            data = source.recv(size - len(message))
            if not data:
                return None
            message += data
            if len(message) == 4:
                size = int.from_bytes(message, "big")
        return message

    @staticmethod
    def _shut(*sockets):
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._shut(self.listener, *self.sockets)
        for one in [self.listener] + self.sockets:
            one.close()


@pytest.fixture
def new_cutter(there):
    cutters = []

    def make(*args, **named):
        cutters.append(Cutter(there.tcp_port, *args, **named))
        return cutters[-1]

    yield make
    for cutter in cutters:
        cutter.close()


@pytest.mark.parametrize("is_passed_on", [False, True])
def test_prepare_that_is_cut_off_is_called_again(
    here, there, run_here, beat, new_cutter, is_passed_on
):
    cutter = new_cutter(is_passed_on, call=Cutter.PREPARE3_PARAMS)
    here.virsh(
        *("migrate", "--live", "--p2p", "beat", cutter.uri + here.path),
        seconds=60,
    )
    assert cutter.has_cut
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_lost_answer_of_finish_is_asked_for_again(
    here, there, run_here, beat, new_cutter
):
    cutter = new_cutter(is_passed_on=True)
    here.virsh(
        *("migrate", "--live", "--p2p", "beat", cutter.uri + here.path),
        seconds=60,
    )
    assert cutter.has_cut
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_finish_that_was_not_heard_is_sent_again(
    here, there, run_here, beat, new_cutter
):
    cutter = new_cutter(is_passed_on=False)
    here.virsh(
        *("migrate", "--live", "--p2p", "beat", cutter.uri + here.path),
        seconds=60,
    )
    assert cutter.has_cut
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    wait_for(lambda: not here.qemus(), 10, here.log)
    beat.check()


def test_finish_of_which_nobody_tells_leaves_the_guest_paused(
    impatient, there, beat, new_cutter
):
    """The destination is gone with its answer; it tells when it is back."""
    here = impatient
    there.options["--rejoin-timeout"] = "1"
    there.restart()
    cutter = new_cutter(is_passed_on=False, at_cut=there.kill)
    text = here.virsh.fails(
        *("migrate", "--live", "--p2p", "beat", cutter.uri + here.path),
        seconds=60,
    )
    assert "the guest is paused on hosta and may run on" in text
    assert here.virsh.state("beat") == "paused (migrating)"
    assert beat.stands_still()
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    text = here.virsh.fails("resume", "beat")
    assert "beat" in text and "127.0.0.1" in text
    assert beat.stands_still()
    there.start()
    beat.wait_running()
    wait_for(lambda: not there.qemus(), 10, there.log)
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


HANGS_WHEN_INCOMING = """\
#!/bin/sh
case " $* " in *" -incoming "*) exec sleep 600 ;; esac
exec /usr/bin/qemu-system-x86_64 "$@"
"""


@pytest.mark.parametrize("is_aborted", [False, True], ids=["waits", "aborted"])
def test_destination_that_hangs_in_prepare_is_given_up(
    new_daemon, folder, guest, beat, is_aborted
):
    """Its daemon answers pings, and never the call."""
    qemu = os.path.join(folder, "qemu-system-x86_64")
    with open(qemu, "w", encoding="utf-8") as file:
        file.write(HANGS_WHEN_INCOMING)
    os.chmod(qemu, 0o755)
    here = new_daemon("hosta")
    there = new_daemon("hostb")
    here.options["--begin-timeout"] = "60" if is_aborted else "2"
    there.options["--qemu-timeout"] = "600"
    here.start()
    there.start()
    xml = guest.xml().replace("/usr/bin/qemu-system-x86_64", qemu)
    here.virsh("create", here.file("beat.xml", xml))
    beat.wait_running()
    running = here.virsh.start(
        "migrate", "--live", "--p2p", "beat", there.tcp_uri
    )
    wait_for(lambda: there.virsh.state("beat"))
    if is_aborted:
        here.virsh("domjobabort", "beat")
    text = running.fail(30)
    if not is_aborted:
        assert "has not answered in time in phase prepare" in text
    beat.wait_running()
    assert_job_is_over(here, "beat")
    # Another one is not refused for the sake of the first.
    second = here.virsh.fails("migrate", "--live", "--p2p", "beat", "qemu:///x")
    assert "another migration job" not in second
    beat.wait_running()
    wait_for(lambda: there.virsh.state("beat") is None)
    here.virsh("destroy", "beat")
