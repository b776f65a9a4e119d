# SPDX-License-Identifier: LGPL-2.1-or-later
"""The crash matrix of two libvirtds still does what it says.

What they make of it is no matter here, but for a cell that leaves no doubt.
"""

import os
import subprocess

import pytest

from harness import libvirtd
from harness.beat import ROOT

RUN = os.path.join(ROOT, "tests", "crash", "run")
CELL = (
    "p2p/v3/destination/rpc/received/DOMAIN_MIGRATE_PREPARE3_PARAMS"
    "/kill-destination"
)


def test_two_libvirtds_are_broken_at_a_point():
    why_not = libvirtd.missing()
    if why_not:
        pytest.skip(why_not)
    command = [RUN, "--libvirtd", "--workers", "1", "--cell", CELL]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert f"ok  {CELL}: rolled back" in said, said
