# SPDX-License-Identifier: LGPL-2.1-or-later
"""A migration between two vmferryds goes on whatever is restarted, and nobody
runs the guest without its token."""

import pytest

from harness.gate import Gate
from harness.migration import (
    assert_job_is_over,
    assert_runs_only_on,
    kill_and_start,
    start_vmferry,
)
from harness.wait import wait_for


def start_slow(source, destination):
    """Peer-to-peer, and slow enough to break what is to be broken."""
    return start_vmferry(source, destination, speed=20)


def assert_arrives(source, destination, beat):
    beat.wait_leg(2, 60)
    assert_runs_only_on(destination, source, "beat", beat)
    wait_for(lambda: not source.qemus(), 10, source.log)
    assert_job_is_over(destination, "beat")
    beat.check()


@pytest.mark.parametrize("which", ["source", "destination", "both"])
def test_restarted_daemon_goes_on(here, there, filled, beat, which):
    client = start_slow(here, there)
    kill_and_start(which, here, there)
    assert_arrives(here, there, beat)
    client.finish()


def test_restart_before_qemu_was_told(
    new_daemon, there, guest, beat, folder
):
    """It speaks of the migration before, which was aborted."""
    here = new_daemon("hosta")
    gate = Gate(f"{folder}/hosta.gate")
    here.environment["VMFERRY_FAILPOINTS"] = gate.path
    here.start()
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    client = start_slow(here, there)
    here.vmferry("abort", "beat")
    assert "canceled by client" in client.fail(20)
    gate.forget()
    gate.hold("save/COPYING")
    client = here.vmferry.start("migrate", "beat", there.tcp_uri)
    wait_for(gate.is_held, 20)
    here.kill()
    gate.let_go()
    here.start()
    assert_arrives(here, there, beat)
    client.finish()
    gate.close()


def test_stopped_source_goes_on(here, there, filled, beat):
    """As the service manager does for an update."""
    client = start_slow(here, there)
    here.stop()
    here.start()
    assert_arrives(here, there, beat)
    client.finish()
