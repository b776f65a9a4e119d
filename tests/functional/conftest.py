# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts on one machine, a guest, and its serial port.

What a test starts is ended and looked for afterwards: a process, a file in a
runtime folder or a port that is left fails the test.
"""

import os
import shutil

import pytest

from harness.beat import IMAGE, Beat
from harness.daemon import Daemon, remove_folder, short_folder
from harness.events import Events
from harness.guest import Guest
from harness.wait import wait_for


@pytest.fixture
def folder():
    path = short_folder()
    yield path
    remove_folder(path)


@pytest.fixture
def new_daemon(folder):
    """A function that makes a daemon which isn't started yet."""
    daemons = []

    def make(name):
        daemons.append(Daemon(folder, name))
        return daemons[-1]

    yield make
    problems = []
    for daemon in daemons:
        try:
            daemon.tear_down()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def here(new_daemon):
    return new_daemon("hosta").start()


@pytest.fixture
def there(new_daemon):
    return new_daemon("hostb").start()


@pytest.fixture
def beat(folder):
    beat = Beat(os.path.join(folder, "serial"))
    yield beat
    beat.close()


@pytest.fixture
def new_guest(folder):
    """A function that makes a guest with the image's path in it."""

    image = os.path.join(folder, "beat.bin")

    def make(name="beat", **more):
        if not os.path.exists(image):
            shutil.copy(IMAGE, image)
        return Guest(image, name, **more)

    return make


@pytest.fixture
def guest(new_guest, beat):
    """Not started; its serial port goes to `beat`."""
    guest = new_guest()
    guest.serial = beat.path
    return guest


@pytest.fixture
def watch(new_guest):
    """A function that collects a daemon's events from now on.

    virsh doesn't say when it has registered: so another guest comes and goes
    until it tells of that.
    """
    watches = []

    def start(daemon):
        events = Events(daemon.virsh)
        watches.append(events)
        probe = new_guest("probe")

        def is_heard():
            daemon.define(probe)
            daemon.virsh.undefine("probe")
            return events.of("probe")

        wait_for(is_heard, 15)
        return events

    yield start
    for events in watches:
        events.close()


@pytest.fixture
def filled(here, guest, beat):
    """The guest runs on the first host, with something to copy."""
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    return guest


@pytest.fixture
def run_here(here, guest, beat):
    """The guest runs on the first host."""
    here.create(guest)
    beat.wait_running()
    return guest
