# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest's memory goes through the connection of the two daemons."""

import os
import signal

import pytest

from harness import processes, rpc
from harness.migration import (
    assert_job_is_over,
    assert_runs_only_on,
    wait_copying,
)
from harness.steps import Steps
from harness.wait import wait_for

TUNNEL = ("migrate", "--live", "--p2p", "--tunnelled")


def start_slow(source, destination, name, speed=1):
    """A migration that lasts until something else ends it."""
    source.virsh("migrate-setspeed", name, speed)
    running = source.virsh.start(*TUNNEL, name, destination.tcp_uri)
    wait_copying(running, source, name)
    return running


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def test_there_and_back(here, there, run_here, beat):
    before = descriptors(here), descriptors(there)
    here.virsh(*TUNNEL, "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    there.virsh(*TUNNEL, "beat", here.uri, seconds=60)
    beat.wait_leg(3)
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()
    # The guest's own on one side; of the tunnels there is nothing left.
    wait_for(lambda: (descriptors(here), descriptors(there)) == before)


def test_vmferry(here, there, run_here, beat):
    here.vmferry("migrate", "--tunnelled", "beat", there.tcp_uri)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()
    text = there.vmferry.start(
        "migrate", "--managed", "--tunnelled", "beat", here.tcp_uri
    ).fail(20)
    assert "without using peer2peer" in text
    assert_runs_only_on(there, here, "beat", beat)


def test_protocol_v2(new_daemon, guest, beat):
    hosts = [new_daemon("hosta"), new_daemon("hostb")]
    for host in hosts:
        host.options["--protocols"] = "v2"
        host.start()
    here, there = hosts
    here.create(guest)
    beat.wait_running()
    here.virsh(*TUNNEL, "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_a_guest_that_writes(here, there, guest, beat):
    guest.config = "hb=10 fill=32 rate=2000"
    here.create(guest)
    beat.wait_running()
    here.virsh(*TUNNEL, "beat", there.tcp_uri, seconds=90)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_paused_guest_stays_paused(here, there, run_here, beat):
    here.virsh("suspend", "beat")
    here.virsh(*TUNNEL, "beat", there.tcp_uri, seconds=60)
    assert there.virsh.state("beat").startswith("paused")
    assert not here.qemus()
    there.virsh("resume", "beat")
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_no_port_is_taken(here, there, filled):
    running = start_slow(here, there, "beat")
    for port in range(there.first_port, there.first_port + 8):
        assert processes.can_listen(port)
    here.virsh("domjobabort", "beat")
    running.fail(20)


def test_aborted(here, there, filled, beat):
    running = start_slow(here, there, "beat")
    here.virsh("domjobabort", "beat")
    assert "canceled by client" in running.fail(20)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()
    # And nothing keeps the next one from going.
    here.virsh("migrate-setspeed", "beat", 0)
    here.virsh(*TUNNEL, "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    beat.check()


def test_killed_destination_qemu(here, there, filled, beat):
    running = start_slow(here, there, "beat")
    processes.kill(there.qemu())
    running.fail(20)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


def test_killed_destination_daemon(here, there, filled, beat):
    running = start_slow(here, there, "beat")
    there.kill()
    assert "Lost connection to destination host" in running.fail(20)
    beat.wait_running()
    assert here.virsh.state("beat").startswith("running")
    assert_job_is_over(here, "beat")
    there.start()
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


def test_killed_source_daemon(here, there, filled, beat):
    running = start_slow(here, there, "beat")
    here.kill()
    running.fail(20)
    wait_for(lambda: not there.qemus(), 20)
    here.start()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"), 20)
    beat.check()


def test_killed_source_qemu(here, there, filled):
    running = start_slow(here, there, "beat")
    processes.kill(here.qemu())
    running.fail(20)
    wait_for(lambda: not there.qemus() and not here.qemus(), 20)


def test_a_destination_that_hangs_is_given_up(new_daemon, filled, here, beat):
    there = new_daemon("hostb")
    there.options["--stall-timeout"] = "2"
    there.start()
    running = start_slow(here, there, "beat", speed=200)
    os.kill(there.qemu(), signal.SIGSTOP)
    running.fail(30)
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


@pytest.mark.parametrize(
    "options, code",
    [
        (["--tunnelled"], "without using peer2peer flag"),
        (["--p2p", "--tunnelled", "--migrateuri", "tcp:h:1"], "URI"),
        (
            ["--p2p", "--tunnelled", "--listen-address", "127.0.0.1"],
            "listen address",
        ),
        (["--p2p", "--tunnelled", "--offline", "--persistent"], "offline"),
        (["--p2p", "--tunnelled", "--postcopy"], "post-copy"),
        (["--p2p", "--tunnelled", "--copy-storage-all"], "storage"),
    ],
)
def test_what_does_not_go_together(here, there, run_here, options, code):
    text = here.virsh.start(
        "migrate", "--live", *options, "beat", there.tcp_uri
    ).fail(20)
    assert code in text
    assert not there.qemus()
    assert_job_is_over(here, "beat")


# The destination, by hand.


class Tunnel:
    """A client that prepares a tunnel, and writes what it likes into it."""

    def __init__(self, here, there, typed=True):
        self.source = rpc.Client(here.socket).open(here.path)
        self.client = rpc.Client(there.socket).open(there.path)
        flags = rpc.LIVE | rpc.PEER2PEER | rpc.TUNNELLED
        # Begin of a client is managed: its XML is what counts here.
        steps = Steps(self.source, self.client, "beat")
        steps.begin()
        steps.confirm(1)
        if typed:
            self.procedure = rpc.PREPARE_TUNNEL3_PARAMS
            arguments = rpc.params({"destination_xml": steps.xml})
            arguments += rpc.opaque(steps.cookie) + rpc.integer(flags)
        else:
            self.procedure = rpc.PREPARE_TUNNEL3
            arguments = rpc.opaque(steps.cookie) + rpc.hyper(flags)
            arguments += rpc.optional(None) + rpc.hyper(0)
            arguments += rpc.string(steps.xml)
        steps.flags = flags
        self.steps = steps
        self.serial = self.client.start(self.procedure, arguments)
        self.client.wait(self.serial)

    def send(self, status, data=b""):
        self.client.send_packet(self.procedure, self.serial, status, data)

    def close(self):
        self.source.close()
        self.client.close()


@pytest.fixture(params=[True, False], ids=["typed", "plain"])
def tunnel(here, there, run_here, request):
    tunnel = Tunnel(here, there, request.param)
    yield tunnel
    tunnel.close()


def test_rubbish_kills_the_incoming_guest(there, tunnel):
    tunnel.send(rpc.CONTINUE, b"rubbish" * 1000)
    wait_for(lambda: not there.qemus(), 20)
    with pytest.raises(rpc.Refused):
        tunnel.steps.finish()


def test_an_aborted_stream_kills_the_incoming_guest(there, tunnel):
    tunnel.send(rpc.ERROR)
    assert tunnel.client.stream_end(tunnel.serial) == (rpc.OK, None)
    wait_for(lambda: not there.qemus(), 20)
    with pytest.raises(rpc.Refused) as caught:
        tunnel.steps.finish(1)
    assert "stream aborted at client request" in str(caught.value)


def test_an_empty_stream_is_no_guest(there, tunnel):
    """The stream's end is confirmed for what was loaded only."""
    tunnel.send(rpc.OK)
    status, error = tunnel.client.stream_end(tunnel.serial)
    assert (status, error.code) == (rpc.ERROR, 9)
    wait_for(lambda: not there.qemus(), 20)
    with pytest.raises(rpc.Refused):
        tunnel.steps.finish()


def test_a_client_that_goes_takes_the_incoming_guest_along(there, tunnel):
    tunnel.client.close()
    wait_for(lambda: not there.qemus(), 20)


def test_a_tunnel_needs_the_flag_and_the_flag_a_tunnel(here, there, run_here):
    with rpc.Client(there.socket).open(there.path) as client:
        for procedure, flags in (
            (rpc.PREPARE_TUNNEL3_PARAMS, rpc.PEER2PEER),
            (rpc.PREPARE3_PARAMS, rpc.PEER2PEER | rpc.TUNNELLED),
        ):
            arguments = rpc.params({"destination_xml": "<domain/>"})
            arguments += rpc.opaque(b"") + rpc.integer(flags)
            with pytest.raises(rpc.Refused) as caught:
                client.call(procedure, arguments)
            assert (caught.value.code, caught.value.domain) == (1, 10)
