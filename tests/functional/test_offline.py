# SPDX-License-Identifier: LGPL-2.1-or-later
"""Offline migration: a definition moves, and nothing runs."""

import contextlib

import pytest

from harness.rpc import Client, Refused
from harness.steps import Steps
from harness.wait import wait_for

OFFLINE = 0x400 | 0x8


def lists(daemon):
    return daemon.virsh("list", "--all", "--name").split()


def persistent(daemon, name):
    return daemon.virsh("dominfo", name).split("Persistent:")[1].split()[0]


@contextlib.contextmanager
def clients(source, destination):
    with Client(source.socket) as one, Client(destination.socket) as other:
        yield one.open(source.path), other.open(destination.path)


@pytest.fixture(params=[True, False], ids=["params", "arguments"])
def steps(request, here, there, defined_here):
    with clients(here, there) as ends:
        yield Steps(*ends, "beat", typed=request.param, flags=OFFLINE)


@pytest.fixture
def defined_here(here, guest):
    here.define(guest)
    return guest


def offline(source, destination, *options):
    return source.virsh(
        "migrate",
        "--offline",
        "--persistent",
        *options,
        "beat",
        destination.tcp_uri,
    )


def test_definition_is_copied(here, there, defined_here, watch):
    events = watch(there)
    offline(here, there)
    events.wait("beat", "lifecycle Defined Added")
    assert events.lifecycle("beat") == ["Defined Added"]
    assert here.virsh.state("beat") == "shut off (unknown)"
    assert there.virsh.state("beat") == "shut off (unknown)"
    assert persistent(there, "beat") == "yes"
    assert here.virsh("dumpxml", "beat") == there.virsh("dumpxml", "beat")


def test_definition_moves_where_asked(here, there, defined_here):
    offline(here, there, "--undefinesource")
    assert lists(here) == []
    assert lists(there) == ["beat"]
    offline(there, here, "--undefinesource")
    assert lists(here) == ["beat"]
    assert lists(there) == []


def test_definition_survives_a_restart_of_its_new_daemon(
    here, there, defined_here
):
    offline(here, there)
    there.restart()
    assert lists(there) == ["beat"]


def test_it_starts_where_it_went(here, there, defined_here, beat):
    offline(here, there, "--undefinesource")
    there.virsh("start", "beat")
    beat.wait_running()


def test_definition_gets_another_name(here, there, defined_here):
    offline(here, there, "--dname", "drum")
    assert lists(there) == ["drum"]


def test_older_definition_is_replaced(here, there, guest):
    here.define(guest)
    offline(here, there)
    guest.config = "hb=77"
    here.define(guest)
    offline(here, there)
    assert "hb=77" in there.virsh("dumpxml", "beat")


def test_vmferry_moves_it(here, there, defined_here):
    here.vmferry(
        "migrate", "--offline", "--undefine-source", "beat", there.tcp_uri
    )
    assert lists(here) == []
    assert lists(there) == ["beat"]


def test_definition_of_a_running_guest_is_copied(here, there, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    offline(here, there)
    assert here.virsh.state("beat") == "running (booted)"
    assert there.virsh.state("beat") == "shut off (unknown)"
    beat.wait_running()


def test_transient_guest_is_refused(here, there, run_here):
    text = here.virsh.fails(
        "migrate", "--offline", "--persistent", "beat", there.tcp_uri
    )
    assert "transient" in text
    assert lists(there) == []


def test_flag_persistent_is_needed(here, there, defined_here):
    text = here.virsh.fails("migrate", "--offline", "beat", there.tcp_uri)
    assert "must be specified with the persistent flag set" in text
    assert lists(there) == []


def test_without_the_flag_a_guest_must_run(here, there, defined_here):
    text = here.virsh.fails("migrate", "beat", there.tcp_uri)
    assert text == "Requested operation is not valid: domain is not running"


def test_guest_that_runs_there_is_not_redefined(
    here, there, guest, new_guest, beat
):
    here.define(guest)
    other = new_guest()
    other.uuid = guest.uuid
    there.create(other)
    text = here.virsh.fails(
        "migrate", "--offline", "--persistent", "beat", there.tcp_uri
    )
    assert "domain 'beat' is already active" in text
    assert persistent(there, "beat") == "no"


def test_name_of_another_guest_is_refused(here, there, guest, new_guest):
    here.define(guest)
    there.define(new_guest())
    text = here.virsh.fails(
        "migrate", "--offline", "--persistent", "beat", there.tcp_uri
    )
    assert "already exists with uuid" in text
    # The job on the source is over: the guest can be changed.
    here.virsh("undefine", "beat")


def test_nothing_stays_of_a_client_that_vanishes(here, there, defined_here):
    with clients(here, there) as ends:
        steps = Steps(*ends, "beat", flags=OFFLINE)
        steps.begin()
        steps.prepare()
        assert lists(there) == ["beat"]
    wait_for(lambda: lists(there) == [])
    here.virsh("undefine", "beat")


def test_it_can_be_cancelled(here, there, defined_here, steps):
    steps.begin()
    steps.prepare()
    with pytest.raises(Refused) as caught:
        steps.finish(cancelled=1)
    assert caught.value.code == 93
    steps.confirm(cancelled=1)
    assert lists(there) == []
    assert lists(here) == ["beat"]


def test_nothing_is_performed(here, there, defined_here, steps):
    """A client that goes on as if the guest ran is stopped."""
    steps.begin()
    steps.prepare()
    with pytest.raises(Refused) as caught:
        steps.perform()
    assert caught.value.code == 55
    assert not here.qemus() and not there.qemus()
