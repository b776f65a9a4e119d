# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls that wait for a domain are answered when it goes, or the daemon."""

import os
import signal

import pytest

from harness import processes, rpc
from harness.rpc import Client, Lost, Refused


@pytest.fixture
def here(new_daemon):
    daemon = new_daemon("hosta")
    daemon.options["--job-timeout"] = "60"
    return daemon.start()


class Waiting:
    """A guest whose QEMU hangs, and calls for it.

    The first has its job and waits for QEMU, the others for the job.
    """

    def __init__(self, daemon, client, name):
        self.pid = daemon.qemu()
        os.kill(self.pid, signal.SIGSTOP)
        self.client = client
        self.domain = client.lookup(name)
        which = rpc.domain(self.domain)
        flags = rpc.integer(rpc.LIVE | rpc.CHANGE_PROTECTION)
        self.calls = [
            client.start(rpc.DOMAIN_SUSPEND, which),
            client.start(rpc.DOMAIN_RESUME, which),
            client.start(rpc.DOMAIN_SUSPEND, which),
            client.start(rpc.BEGIN3_PARAMS, which + rpc.params({}) + flags),
        ]
        # The daemon has seen all of them, once it answers this.
        client.state(self.domain)

    def refusals(self):
        """What the calls are answered."""
        errors = []
        for call in self.calls:
            with pytest.raises(Refused) as refused:
                self.client.wait(call)
            errors.append(refused.value)
        return errors


@pytest.fixture
def waiting(here, guest, beat):
    """A function that makes the calls, for a guest that runs."""
    made = []
    client = Client(here.socket, seconds=15).open(here.path)

    def make(start):
        start(guest)
        beat.wait_running()
        made.append(Waiting(here, client, guest.name))
        return made[-1]

    yield make
    for one in made:
        processes.kill(one.pid, signal.SIGCONT)
    client.close()


def define_and_start(daemon):
    def start(guest):
        daemon.define(guest)
        daemon.virsh("start", guest.name)

    return start


def test_death_of_a_transient_guest_answers_all(here, waiting):
    calls = waiting(here.create)
    os.kill(calls.pid, signal.SIGKILL)
    first, *others = calls.refusals()
    assert "suspending domain 'beat'" in first.message
    for error in others:
        assert error.code == 42, error
        assert error.message.startswith(
            "Domain not found: no domain with matching uuid"
        )


def test_death_of_a_guest_that_stays_defined_answers_all(here, waiting):
    calls = waiting(define_and_start(here))
    os.kill(calls.pid, signal.SIGKILL)
    for error in calls.refusals()[1:]:
        assert error.code == 55, error
        assert error.message.endswith("domain is not running")


@pytest.mark.parametrize("is_transient", [True, False])
def test_destroy_answers_all(here, waiting, is_transient):
    start = here.create if is_transient else define_and_start(here)
    calls = waiting(start)
    here.virsh("destroy", "beat", seconds=15)
    errors = calls.refusals()
    assert [error.code for error in errors[1:]] == (
        [42] * 3 if is_transient else [55] * 3
    )


def test_daemon_stops_while_calls_wait(here, waiting):
    """It must free them, too: the sanitizers' build looks for that."""
    calls = waiting(here.create)
    here.stop()
    with pytest.raises((Lost, Refused, ConnectionError)):
        calls.client.wait(calls.calls[0])
    processes.kill(calls.pid, signal.SIGCONT)
    here.start()
    here.virsh("destroy", "beat")
