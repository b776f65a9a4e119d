# SPDX-License-Identifier: LGPL-2.1-or-later
"""A libvirtd and a vmferryd side by side, for the same commands."""

import os
import shutil

import matrix
import pytest
from pairs import our_pair, their_pair

from harness import libvirtd
from harness.beat import BUILD, IMAGE, Beat
from harness.commands import Virsh
from harness.daemon import Daemon, remove_folder, short_folder
from harness.guest import WHOLE_KIB, Guest


class Host:
    """One of the two: virsh, and a folder for what its guest uses."""

    def __init__(self, virsh, folder, image):
        self.virsh = virsh
        self.folder = folder
        self.image = image
        self.beats = []

    def guest(self, name="beat", **more):
        """The same guest on both, but for the folder in its paths.

        Its memory is whole MiB, which libvirtd would make of it anyway: so it
        writes nothing but its heartbeat (tests/guest/README.rst).
        """
        guest = Guest(self.image, name, memory=WHOLE_KIB, **more)
        guest.uuid = "c0ffee00-1234-4abc-8def-000000000001"
        beat = Beat(os.path.join(self.folder, f"serial{len(self.beats)}"))
        self.beats.append(beat)
        guest.serial = beat.path
        return guest

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o666)
        return path

    def disk(self):
        path = self.file("disk.img", "")
        os.truncate(path, 1 << 20)
        return path

    def clean(self):
        """No domain is left for the next test."""
        self.virsh.remove_all()
        for beat in self.beats:
            beat.close()
        self.beats.clear()


@pytest.fixture(scope="session")
def folder():
    path = short_folder()
    yield path
    remove_folder(path)


@pytest.fixture(scope="session")
def their_daemon(folder):
    why_not = libvirtd.missing()
    if why_not:
        pytest.skip(why_not)
    home = os.path.join(folder, "theirs")
    os.makedirs(home)
    daemon = libvirtd.Libvirtd(home, "hosta")
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def our_daemon(folder):
    daemon = Daemon(os.path.join(folder, "ours"), "hosta").start()
    yield daemon
    daemon.tear_down()


def make_host(virsh, folder, name):
    path = os.path.join(folder, name)
    os.makedirs(path)
    os.chmod(path, 0o777)
    image = os.path.join(path, "beat.bin")
    shutil.copy(IMAGE, image)
    return Host(virsh, path, image)


@pytest.fixture(scope="session")
def hosts(their_daemon, our_daemon, folder):
    return (
        make_host(Virsh(their_daemon.uri), folder, "a"),
        make_host(our_daemon.virsh, folder, "b"),
    )


@pytest.fixture
def both(hosts):
    """(theirs, ours), without any domain before and after."""
    yield hosts
    for host in hosts:
        host.clean()


@pytest.fixture(scope="session")
def pairs():
    """Two libvirtds, and two of ours."""
    why_not = libvirtd.missing()
    if why_not:
        pytest.skip(why_not)
    folder = short_folder()
    made = []
    try:
        for name, make in (("theirs", their_pair), ("ours", our_pair)):
            path = os.path.join(folder, name)
            os.makedirs(path)
            os.chmod(path, 0o777)
            made.append(make(path))
        yield made
    finally:
        for pair in made:
            pair.stop()
        remove_folder(folder)


def pytest_terminal_summary(terminalreporter):
    """The matrix as a table, on the terminal and in a file."""
    rows = matrix.rows(terminalreporter.stats)
    if not rows:
        return
    lines = matrix.table(rows)
    terminalreporter.section("migrations")
    for line in lines:
        terminalreporter.write_line(line)
    with open(f"{BUILD}/matrix.txt", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
