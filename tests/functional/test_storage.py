# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks in a migration: which are safe to move, and errors while it goes on."""

import os
import subprocess

import pytest

from harness.migration import assert_job_is_over, start_slow
from harness.wait import wait_for

UNSAFE = "Unsafe migration: Migration without shared storage is unsafe"
DISK_SIZE = 1 << 20


@pytest.fixture
def disk_guest(guest, folder):
    guest.disk = os.path.join(folder, "disk.img")
    with open(guest.disk, "wb") as file:
        file.truncate(DISK_SIZE)
    guest.config = "hb=10 disk=10 nsec=16"
    return guest


def migrate_fails(here, there, *options):
    return here.virsh.fails(
        "migrate", "--live", *options, "beat", there.tcp_uri, seconds=60
    )


def test_folder_that_is_shared_is_safe(
    new_daemon, there, disk_guest, folder, beat
):
    here = new_daemon("hosta")
    here.options["--shared-filesystems"] = f"/nowhere:{folder}"
    here.start()
    here.create(disk_guest)
    beat.wait_running()
    here.virsh("migrate", "--live", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    beat.wait_running()
    beat.check()
    # The other daemon was not told so.
    text = there.virsh.fails("migrate", "--live", "beat", here.tcp_uri)
    assert text == UNSAFE


def test_link_that_leads_out_of_it_is_not(
    new_daemon, there, disk_guest, folder, beat
):
    here = new_daemon("hosta")
    shared = os.path.join(folder, "shared")
    os.mkdir(shared)
    link = os.path.join(shared, "link.img")
    os.symlink(disk_guest.disk, link)
    disk_guest.disk = link
    here.options["--shared-filesystems"] = shared
    here.start()
    here.create(disk_guest)
    beat.wait_running()
    assert migrate_fails(here, there) == UNSAFE
    beat.wait_running()


@pytest.fixture
def small_disk(new_daemon, guest, folder, beat):
    """The guest runs on a disk in a file system that can be filled: the
    daemon's own mount, gone with it and its QEMU."""
    if subprocess.run(
        ["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False
    ).returncode:
        pytest.skip("needs root, for a mount namespace")
    mount = os.path.join(folder, "small")
    os.mkdir(mount)
    here = new_daemon("hosta")
    here.wrapper = [
        "unshare",
        "-m",
        "--propagation",
        "private",
        "sh",
        "-c",
        f"mount -t tmpfs -o size=4m none {mount} &&"
        f" truncate -s {DISK_SIZE} {mount}/disk.img && exec \"$@\"",
        "sh",
    ]
    here.start()
    guest.disk = os.path.join(mount, "disk.img")
    # What the other daemon finds under that name.
    with open(guest.disk, "wb") as file:
        file.truncate(DISK_SIZE)
    guest.config = "hb=10 disk=10 nsec=16 fill=64"
    here.create(guest)
    beat.wait_running()
    return here


def fill(here, folder):
    """No block is left, neither of the disk nor outside of it."""
    inside = f"/proc/{here.process.pid}/root{folder}/small"
    ballast = os.path.join(inside, "ballast")
    punch = ["fallocate", "--punch-hole", "--offset=0"]
    punch += [f"--length={DISK_SIZE}", os.path.join(inside, "disk.img")]
    with open(ballast, "wb", buffering=0) as file:
        while fill_up(file):
            subprocess.run(punch, check=True)


def fill_up(file):
    """How many blocks had room."""
    blocks = 0
    while True:
        try:
            file.write(b"x" * 4096)
        except OSError:
            return blocks
        blocks += 1


def start_slowly(here, there, *options):
    return start_slow(
        here, there, "beat", options=("--live", "--unsafe", *options)
    )


def test_io_error_aborts_where_asked(small_disk, there, folder, beat):
    here = small_disk
    running = start_slowly(here, there, "--abort-on-error")
    fill(here, folder)
    assert "failed due to I/O error" in running.fail()
    assert here.virsh.state("beat") == "paused (I/O error)"
    assert there.virsh.state("beat") is None
    assert_job_is_over(here, "beat")


def test_io_error_does_not_abort_otherwise(small_disk, there, folder, beat):
    here = small_disk
    running = start_slowly(here, there)
    fill(here, folder)
    wait_for(lambda: here.virsh.state("beat") == "paused (I/O error)")
    assert running.is_running()
    here.virsh("domjobabort", "beat")
    running.fail()
    assert here.virsh.state("beat") == "paused (I/O error)"
    assert_job_is_over(here, "beat")
