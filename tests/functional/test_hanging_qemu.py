# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QEMU that hangs is no dead one: it is reported, and waited for."""

import os
import signal
import time

import pytest

from harness import processes
from harness.wait import wait_for

LIMIT = 2


@pytest.fixture
def here(new_daemon):
    daemon = new_daemon("hosta")
    daemon.options["--monitor-timeout"] = str(LIMIT)
    return daemon.start()


@pytest.fixture
def hanging(here, run_here):
    """Its pid; it goes on at the end."""
    assert run_here
    pid = here.qemu()
    os.kill(pid, signal.SIGSTOP)
    yield pid
    processes.kill(pid, signal.SIGCONT)


def test_call_ends_and_others_are_not_kept_waiting(
    here, hanging, new_guest, beat
):
    other = new_guest("other")
    here.create(other)
    suspending = here.virsh.start("suspend", "beat")
    wait_for(
        lambda: here.virsh("domcontrol", "beat").startswith("occupied ("), 10
    )
    here.virsh("suspend", "other", seconds=LIMIT)
    here.virsh("resume", "other", seconds=LIMIT)
    assert here.virsh.state("beat").startswith("running")
    message = suspending.fail(LIMIT + 5)
    assert "Timed out during operation: suspending domain" in message
    assert "QEMU's monitor has not answered 'stop'" in message
    # It is still occupied, for as long as it has been, and known to hang.
    assert here.virsh("domcontrol", "beat").startswith("occupied (")
    assert "QEMU hangs: QEMU's monitor has not answered 'stop'" in here.log()
    before = time.monotonic()
    assert "has not answered" in here.virsh.fails("suspend", "beat")
    assert time.monotonic() - before < LIMIT
    assert here.qemus().keys() >= {hanging}


def test_when_it_comes_back_it_is_used_again(here, hanging, beat):
    here.virsh.fails("suspend", "beat")
    os.kill(hanging, signal.SIGCONT)
    # What had been sent is carried out late; that is known, too.
    wait_for(lambda: here.virsh.state("beat") == "paused (user)", 10)
    wait_for(lambda: here.virsh("domcontrol", "beat") == "ok", 10)
    assert "answers again" in here.log()
    here.virsh("resume", "beat")
    beat.wait_running()
    assert here.qemu() == hanging


def test_hanging_guest_can_be_destroyed(here, hanging):
    here.virsh.fails("suspend", "beat")
    here.virsh("destroy", "beat", seconds=10)
    assert not here.qemus()
