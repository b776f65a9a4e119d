# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every kind of migration, between two of ours, and with a libvirtd.

The cells and their table: matrix.py.  The table is printed at the end of the
run and written to matrix.txt in the build folder.
"""

import os
import re

import pytest

from harness import dissector, libvirtd, processes, rpc, tap
from harness.beat import BUILD
from harness.daemon import Daemon, remove_folder, short_folder
from harness.libvirtd import Libvirtd
from harness.wait import wait_for

from matrix import (
    PREPARES,
    WAYS,
    Host,
    Stage,
    cells,
    leftovers,
)

CELLS = cells()


# The two pairs of hosts, each made when its first cell is due.


class Captures:
    """The capture file of each pair."""

    def __init__(self):
        self.opened = {}

    def open(self, pair):
        path = os.path.join(BUILD, f"matrix-{'-'.join(pair)}.pcap")
        self.opened[pair] = (path, tap.Capture(path))
        return self.opened[pair][1]


@pytest.fixture(scope="module")
def captures():
    captures = Captures()
    yield captures
    for _, capture in captures.opened.values():
        capture.close()


def our_host(folder, name, capture):
    daemon = Daemon(folder, name).start()
    return Host("ours", daemon, folder, capture)


def their_host(folder, name, capture):
    why_not = libvirtd.missing()
    if why_not:
        pytest.skip(why_not)
    home = os.path.join(folder, name)
    os.makedirs(home)
    first = processes.free_ports(8)
    daemon = Libvirtd(
        home, name, processes.free_ports(1), (first, first + 7)
    )
    return Host("libvirtd", daemon, folder, capture)


@pytest.fixture(scope="module")
def stage_of(captures):
    """A function that gives the stage of a pair."""
    stages = {}
    folders = []

    def give(pair):
        if pair not in stages:
            folder = short_folder()
            os.chmod(folder, 0o777)
            folders.append(folder)
            capture = captures.open(pair)
            # The libvirtd first: without one there is nothing to clean up.
            hosts = [
                (our_host if kind == "ours" else their_host)(
                    folder, f"host{letter}", capture
                )
                for kind, letter in zip(pair, "ab")
            ]
            stages[pair] = Stage(folder, hosts)
        return stages[pair]

    yield give
    problems = []
    for stage in stages.values():
        stage.close()
        for host in stage.hosts:
            try:
                end_daemon(host.daemon)
            except AssertionError as error:
                problems.append(str(error))
    for folder in folders:
        remove_folder(folder)
    assert not problems, problems


def end_daemon(daemon):
    if isinstance(daemon, Libvirtd):
        daemon.stop()
    else:
        daemon.tear_down()


@pytest.fixture
def stage(cell, stage_of, record_property):
    """Cleaned after a cell that failed: the next one begins afresh."""
    record_property("cell", cell.words())
    stage = stage_of(cell.pair())
    yield stage
    if not stage.is_settled:
        stage.clean()


# A cell.


def migrate(cell, source, destination):
    options = ["--live", "--unsafe", *WAYS[cell.way]]
    if cell.life == "persistent":
        options.append("--persistent")
    if cell.undefines():
        options.append("--undefinesource")
    source.tapped(
        "migrate", *options, "beat", destination.uri, seconds=60
    )


def same_xml(host):
    """The machine as any host must describe it."""
    xml = host.virsh("dumpxml", "beat", "--migratable", "--security-info")
    return re.sub(r" id='\d+'", "", xml)


def states(cell):
    """(source's, destination's) in the end."""
    there = "running (migrated)" if cell.state == "running" else "paused (user)"
    if cell.life == "transient" or cell.undefines():
        return None, there
    return "shut off (migrated)", there


def check_protocol(cell, destination):
    """The cell went the way that it says."""
    prepare = PREPARES[cell.protocol, cell.is_tunnelled()]
    others = set(PREPARES.values()) - {prepare}
    calls = destination.calls()
    assert prepare in calls and not others & set(calls), calls


def check_heart(cell, stage):
    """The guest lives on, or stands still until it is told to go on."""
    if cell.state == "paused":
        assert stage.beat.stands_still(0.1)
        stage.at.virsh("resume", "beat")
    stage.beat.wait_leg(stage.legs)
    stage.beat.wait_running()
    stage.beat.check()


def check_ends(cell, source, destination):
    assert (source.virsh.state("beat"), destination.virsh.state("beat")) == (
        states(cell)
    )
    persistent = destination.virsh("dominfo", "beat").split("Persistent:")[1]
    assert persistent.split()[0] == (
        "yes" if cell.life == "persistent" else "no"
    )
    assert "None" in destination.virsh("domjobinfo", "beat")
    assert len(destination.daemon.qemus()) == 1


def parameter(cell):
    marks = [pytest.mark.xdist_group("-".join(cell.pair()))]
    return pytest.param(cell, id=cell.id(), marks=marks)


@pytest.mark.parametrize("cell", [parameter(cell) for cell in CELLS])
def test_cell(cell, stage, record_property):
    stage.is_settled = False
    source, destination = stage.prepare(cell)
    xml = same_xml(source)
    migrate(cell, source, destination)
    stage.arrived(destination)
    check_protocol(cell, destination)
    check_ends(cell, source, destination)
    wait_for(
        lambda: not leftovers(source), 10, lambda: str(leftovers(source))
    )
    assert same_xml(destination) == xml
    check_heart(cell, stage)
    silence = "-"
    if cell.state == "running":
        silence = f"{stage.beat.gaps_ms()[-1]:.0f} ms"
    end = [state or "not there" for state in states(cell)]
    record_property("end", end + [silence])
    stage.is_settled = True


# What was said, as libvirt's own dissector understands it.


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(
            pair,
            id="-".join(pair),
            marks=pytest.mark.xdist_group("-".join(pair)),
        )
        for pair in sorted({cell.pair() for cell in CELLS})
    ],
)
def test_dissector_finds_nothing_malformed(pair, captures):
    if pair not in captures.opened:
        pytest.skip("no cell of this pair has run")
    path, capture = captures.opened[pair]
    capture.flush()
    why_not = dissector.missing()
    if why_not:
        pytest.skip(why_not)
    count, bad = dissector.messages(path)
    assert bad == []
    assert count == capture.frames


NAME = rpc.string("a name")


@pytest.mark.parametrize(
    "arguments, procedure, is_good",
    [
        (NAME, rpc.DOMAIN_LOOKUP_BY_NAME, True),
        (NAME[:-4], rpc.DOMAIN_LOOKUP_BY_NAME, False),
        (NAME + b"more", rpc.DOMAIN_LOOKUP_BY_NAME, False),
        (b"", 9999, False),
    ],
    ids=["right", "short", "long", "unknown"],
)
def test_dissector_notices(tmp_path, arguments, procedure, is_good):
    why_not = dissector.missing()
    if why_not:
        pytest.skip(why_not)
    path = str(tmp_path / "one.pcap")
    capture = tap.Capture(path)
    call = (rpc.REMOTE, 1, procedure, rpc.CALL, 0, 0)
    header = rpc.HEADER.pack(rpc.HEADER.size + len(arguments), *call)
    capture.connection().record(0, header + arguments)
    capture.close()
    count, bad = dissector.messages(path)
    assert (count, len(bad)) == (1, 0 if is_good else 1)
