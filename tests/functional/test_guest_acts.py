# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest, or its QEMU, does something of its own accord."""

import os
import signal

import pytest

from harness import processes
from harness.migration import (
    assert_job_is_over,
    assert_runs_only_on,
    start_slow,
)
from harness.wait import wait_for


@pytest.fixture
def migrating(here, there, guest, beat):
    """virsh, which migrates the guest, for long."""
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    return start_slow(here, there, "beat")


def test_guest_that_halts_while_migrating_is_off(here, there, migrating, beat):
    beat.send("p\n")
    assert "domain is not running" in migrating.fail(30)
    wait_for(lambda: here.virsh.state("beat") is None)
    wait_for(lambda: there.virsh.state("beat") is None)
    assert not here.qemus() and not there.qemus()


def test_guest_that_halts_is_shut_off(here, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    beat.send("p\n")
    wait_for(lambda: here.virsh.state("beat") == "shut off (shutdown)")
    assert not here.qemus()


def test_guest_that_resets_itself_while_migrating_arrives(
    here, there, migrating, beat
):
    beat.send("z\n")
    here.virsh("migrate-setspeed", "beat", "1000")
    migrating.succeed(30)
    assert_runs_only_on(there, here, "beat", beat)


def test_paused_guest_with_a_disk_goes_there_and_back(
    here, there, guest, beat, folder
):
    """Where its disk is not activated, QEMU 7.2 dies on the way back."""
    guest.disk = os.path.join(folder, "disk.img")
    with open(guest.disk, "wb") as file:
        file.truncate(1 << 20)
    guest.config = "hb=10 disk=10 nsec=16"
    here.create(guest)
    beat.wait_running()
    here.virsh("suspend", "beat")
    here.virsh("migrate", "--unsafe", "beat", there.tcp_uri, seconds=60)
    assert there.virsh.state("beat") == "paused (user)"
    there.virsh("migrate", "--unsafe", "beat", here.tcp_uri, seconds=60)
    assert here.virsh.state("beat") == "paused (user)"
    here.virsh("resume", "beat")
    beat.wait_running()
    beat.check()
    assert_runs_only_on(here, there, "beat", beat)


def test_guest_whose_qemu_hangs_can_be_destroyed(here, run_here):
    os.kill(here.qemu(), signal.SIGSTOP)
    suspending = here.virsh.start("suspend", "beat")
    # It has the job, then.
    wait_for(
        lambda: "DomainSuspend" in here.virsh.fails("resume", "beat"), 20
    )
    here.virsh("destroy", "beat", seconds=10)
    assert "suspending domain 'beat'" in suspending.fail(10)
    assert here.virsh.state("beat") is None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_guests_outlive_the_daemon(here, there, guest, beat, how):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    pid = here.qemu()
    if how == signal.SIGTERM:
        here.stop()
    else:
        here.kill()
    beat.wait_running()
    here.start()
    assert here.qemu() == pid
    assert here.virsh.state("beat") == "running (booted)"
    assert_job_is_over(here, "beat")
    here.virsh("migrate", "--live", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_guest_that_died_without_the_daemon_has_crashed(here, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    here.kill()
    processes.end_all(here.folder)
    here.start()
    assert here.virsh.state("beat") == "shut off (crashed)"
    here.virsh("start", "beat")
