# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmferry migrates a guest between two daemons."""

import json

import pytest

from harness.migration import assert_job_is_over, assert_runs_only_on
from harness.wait import wait_for


# The source's daemon drives it, or the command does.
WAYS = [(), ("--managed",)]


@pytest.mark.parametrize("way", WAYS)
def test_there_and_back_without_a_break(here, there, run_here, beat, way):
    here.vmferry("migrate", *way, "beat", there.uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    there.vmferry("migrate", *way, "beat", here.uri, seconds=60)
    beat.wait_leg(3)
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


def test_destination_over_tcp(here, there, run_here, beat):
    here.vmferry("migrate", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


@pytest.mark.parametrize("way", WAYS)
def test_phases_are_shown_in_order(here, there, run_here, way):
    out = here.vmferry(
        "--json", "migrate", *way, "beat", there.uri, seconds=60
    )
    lines = [json.loads(line) for line in out.splitlines()]
    phases = []
    for line in lines:
        if "phase" in line and line["phase"] not in phases:
            phases.append(line["phase"])
    order = ["begin", "prepare", "perform", "finish", "confirm"]
    assert [phase for phase in phases if phase in order] == order
    assert any("statistics" in line for line in lines)
    report = lines[-1]
    assert report["result"] == "moved"
    assert all(report["phase_us"][phase] > 0 for phase in order)
    assert sum(report["phase_us"].values()) <= report["total_us"] * 1.1
    assert report["statistics"]["downtime"] > 0
    assert report["statistics"]["data_processed"] > 0
    assert not any("." in name for name in report["statistics"])


def test_definition_moves_with_the_guest(here, there, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    here.vmferry(
        "migrate",
        "--persistent",
        "--undefine-source",
        "beat",
        there.uri,
        seconds=60,
    )
    beat.wait_leg(2)
    assert here.virsh.state("beat") is None
    there.virsh("destroy", "beat")
    assert there.virsh.state("beat") == "shut off (destroyed)"


@pytest.mark.parametrize("how", ["abort", "interrupt"])
@pytest.mark.parametrize("way", WAYS)
def test_migration_can_be_stopped(here, there, guest, beat, how, way):
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    running = here.vmferry.start(
        "migrate", *way, "--bandwidth", "1", "beat", there.uri
    )
    wait_for(
        lambda: "remaining" in here.virsh("domjobinfo", "beat")
        or not running.is_running(),
        20,
    )
    assert running.is_running(), running.finish()
    if how == "abort":
        here.vmferry("abort", "beat")
    else:
        running.interrupt()
    status, _, err = running.finish(20)
    assert status != 0, err
    assert "beat goes on where it was" in err
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


@pytest.mark.parametrize("way", WAYS)
def test_failure_names_host_and_reason(here, run_here, beat, folder, way):
    text = here.vmferry.fails(
        *("migrate", *way, "beat"),
        f"qemu+unix:///system?socket={folder}/nobody",
    )
    assert f"{folder}/nobody" in text
    assert ("hosta" in text and "--managed" in text) == (not way)
    beat.wait_running()
    assert_job_is_over(here, "beat")


def test_other_commands_do_what_virsh_does(here, guest, beat):
    path = here.file("guest.xml", guest.xml())
    here.vmferry("define", path)
    here.vmferry("start", "beat")
    beat.wait_running()
    here.vmferry("suspend", "beat")
    assert here.virsh.state("beat") == "paused (user)"
    here.vmferry("resume", "beat")
    assert here.virsh.state("beat") == "running (unpaused)"
    assert "beat" in here.vmferry("info", "beat")
    here.vmferry("destroy", "beat")
    here.vmferry("undefine", "beat")
    assert here.virsh.state("beat") is None
    assert "beat" in here.vmferry.fails("info", "beat")
