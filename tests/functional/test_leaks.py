# SPDX-License-Identifier: LGPL-2.1-or-later
"""After many migrations a daemon is as it was: nothing grows, nothing is left.

VMFERRY_LEAK_FAKE and VMFERRY_LEAK_REAL are the numbers of migrations with the
fake QEMU and with a real one; 1000 and 100 are what a release is tested with.
Each kind of migration takes its turn, and so do some that are aborted.
"""

import os
import uuid

import pytest

from harness import rpc
from harness.beat import BUILD
from harness.daemon import BINARY
from harness.rpc import Client, Refused
from harness.steps import Steps
from harness.wait import wait_for

FAKE_QEMU = os.path.join(BUILD, "tests", "fake", "fake_qemu")
FAKE = int(os.environ.get("VMFERRY_LEAK_FAKE", "60"))
REAL = int(os.environ.get("VMFERRY_LEAK_REAL", "16"))

# KiB of private memory that may come, and stay, without being a leak: a page
# here and there of a heap that is fragmented.  With a thousand migrations, 300
# bytes in each are more; with a few, descriptors, files and processes show.
ALLOWED_KIB = 64


def is_kept(name):
    """QEMU's log; what became of each migration (docs/decisions/010)."""
    return "/log/" in name or "/handovers/" in name


class Count:
    """What a daemon has."""

    def __init__(self, daemon):
        pid = daemon.process.pid
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        self.threads = len(os.listdir(f"/proc/{pid}/task"))
        self.files = len(
            [name for name in daemon.file_names() if not is_kept(name)]
        )
        self.qemus = len(daemon.qemus())

    def is_within(self, before):
        """Nothing has come; a client that was leaving may have gone."""
        return all(
            value <= getattr(before, name)
            for name, value in vars(self).items()
        )

    def __repr__(self):
        return str(vars(self))


def is_sanitized():
    """Its memory grows by design; at the end it tells of leaks itself."""
    with open(BINARY, "rb") as file:
        return b"__asan_init" in file.read()


def private_kib(daemon):
    """Its own memory; pages of files come and go as others map them."""
    path = f"/proc/{daemon.process.pid}/smaps_rollup"
    with open(path, encoding="utf-8") as file:
        return sum(
            int(line.split()[1])
            for line in file
            if line.startswith(("Anonymous:", "Swap:"))
        )


def fake_xml(emulator):
    return f"""<domain type='qemu'>
  <name>beat</name><uuid>{uuid.uuid4()}</uuid>
  <memory unit='KiB'>131080</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><emulator>{emulator}</emulator></devices>
</domain>"""


def migrate(kind, source, destination):
    if kind == "cancelled":
        with Client(source.socket) as one, Client(destination.socket) as two:
            one.open(source.path)
            two.open(destination.path)
            steps = Steps(one, two, "beat")
            steps.begin()
            steps.prepare()
            steps.perform()
            with pytest.raises(Refused):
                steps.finish(cancelled=1)
            steps.confirm(cancelled=1)
        return False
    options = {
        "managed": [],
        "p2p": ["--p2p"],
        "tunnelled": ["--p2p", "--tunnelled"],
    }[kind]
    source.virsh(
        "migrate", "--live", *options, "beat", destination.tcp_uri, seconds=60
    )
    return True


def go_on(hosts, kinds, count, arrived=lambda: None):
    """Migrate so often, there and back."""
    for number in range(count):
        if migrate(kinds[number % len(kinds)], *hosts):
            hosts.reverse()
            arrived()


def is_at_rest(hosts, before):
    return all(
        Count(host).is_within(count) for host, count in zip(hosts, before)
    )


def check(hosts, total, kinds, arrived=lambda: None):
    """Count and weigh both hosts, migrate, do it again."""
    # Back to where it began after each of the two parts.
    part = 2 * len(kinds) * max(1, round(total / len(kinds) / 4))
    names = list(hosts)
    go_on(hosts, kinds, part, arrived)
    assert hosts == names, "the guest is not where it began"
    counts = [Count(host) for host in hosts]
    weights = [private_kib(host) for host in hosts]
    go_on(hosts, kinds, part, arrived)
    wait_for(
        lambda: is_at_rest(hosts, counts),
        10,
        lambda: f"{[Count(host) for host in hosts]} to be {counts} again",
    )
    grown = [
        private_kib(host) - weight for host, weight in zip(hosts, weights)
    ]
    if is_sanitized():
        return grown
    assert max(grown) <= ALLOWED_KIB, f"{grown} KiB in {part} migrations"
    return grown


def test_fake_guests_leave_nothing(here, there, folder, record_property):
    # Under a name by which the harness knows it.
    emulator = os.path.join(folder, "qemu-system-x86_64")
    os.symlink(FAKE_QEMU, emulator)
    here.virsh("create", here.file("beat.xml", fake_xml(emulator)))
    grown = check([here, there], FAKE, ["managed", "p2p", "cancelled"])
    record_property("grown_kib", grown)


def test_real_guests_leave_nothing(
    here, there, run_here, beat, record_property
):
    def arrived():
        beat.wait_running()

    kinds = ["managed", "p2p", "tunnelled", "cancelled"]
    grown = check([here, there], REAL, kinds, arrived)
    record_property("grown_kib", grown)
    beat.check()
