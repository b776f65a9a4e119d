# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of migration ask again and again."""

from .rpc import Refused
from .wait import wait_for


def is_copying(daemon, name):
    """Is the guest's memory on its way?"""
    with daemon.virsh.client() as client:
        try:
            _, memory = client.job_info(client.lookup(name))
        except Refused:
            return False
    return memory > 0


def start_slow(source, destination, name, speed=1, options=("--live",)):
    """Start a migration that lasts until something else ends it.

    The guest must have been filled with more MiB than `speed` sends soon.
    """
    source.virsh("migrate-setspeed", name, speed)
    running = source.virsh.start(
        "migrate", *options, name, destination.tcp_uri
    )
    wait_copying(running, source, name)
    return running


def assert_runs_only_on(runs, other, name, beat):
    """The guest executes on one host, and the other has no QEMU of it."""
    wait_for(
        lambda: not other.qemus(), 10, lambda: f"{other.qemus()} to end"
    )
    beat.wait_running()
    assert (runs.virsh.state(name) or "").startswith("running")
    assert len(runs.qemus()) == 1
    assert (other.virsh.state(name) or "shut off").startswith("shut off")


def assert_job_is_over(daemon, name):
    with daemon.virsh.client() as client:
        job, _ = client.job_info(client.lookup(name))
    assert job == 0, job


def wait_copying(running, source, name):
    def copying():
        assert running.is_running(), running.finish()
        return is_copying(source, name)

    wait_for(copying, 20, lambda: f"the copy to begin\n{source.log()}")


def start_vmferry(source, destination, *options, speed):
    """`vmferry migrate` of "beat", at so many MiB a second."""
    client = source.vmferry.start(
        *("migrate", *options, "-b", speed, "beat", destination.tcp_uri)
    )
    wait_copying(client, source, "beat")
    return client


def kill_and_start(which, source, destination):
    """The daemon of one side, or "both"."""
    daemons = {"source": [source], "destination": [destination]}.get(
        which, [source, destination]
    )
    for daemon in daemons:
        daemon.kill()
    for daemon in daemons:
        daemon.start()
