# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much memory a daemon has for itself."""

import contextlib
import uuid

from harness.guest import Guest
from harness import processes

DOMAINS = 20

# KiB; small, since it is the daemon that is measured.
SMALL = 16 * 1024 + 8


def of_process(pid):
    """{"private": KiB nobody shares with it, "pss": KiB of its share}"""
    sums = {"private": 0, "pss": 0}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            name, _, rest = line.partition(":")
            if name in ("Private_Clean", "Private_Dirty"):
                sums["private"] += int(rest.split()[0])
            elif name == "Pss":
                sums["pss"] += int(rest.split()[0])
    return sums


def with_domains(daemon, image):
    """(without any domain, with DOMAINS of them): real QEMUs, real guests.

    The guests do next to nothing.  They are gone afterwards.
    """
    empty = of_process(daemon.process.pid)
    names = [f"idle{number}" for number in range(DOMAINS)]
    try:
        for name in names:
            guest = Guest(image, name, memory=SMALL)
            guest.uuid = str(uuid.uuid4())
            guest.config = "hb=60000 hz=10"
            path = daemon.file("idle.xml", guest.xml())
            daemon.vmferry("create", path)
        assert len(daemon.qemus()) == DOMAINS
        return empty, of_process(daemon.process.pid)
    finally:
        left = daemon.qemus()
        for name in names:
            with contextlib.suppress(AssertionError):
                daemon.vmferry("destroy", name)
        processes.wait_gone(left)
