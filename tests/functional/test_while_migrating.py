# SPDX-License-Identifier: LGPL-2.1-or-later
"""What others may do with a guest while it is migrated, and how fast."""

import time

import pytest

from harness.commands import OnTerminal
from harness.migration import (
    assert_job_is_over,
    assert_runs_only_on,
    is_copying,
    start_slow,
)
from harness.wait import wait_for

# A command that virsh answers from what the daemon knows takes some 30 ms;
# on a busy machine, more.  A lock that is waited for takes seconds.
AT_ONCE = 1.5


@pytest.fixture
def migrating(here, there, guest, beat):
    """A migration that takes a minute, and is stopped at the end."""
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    running = start_slow(here, there, "beat")
    yield running
    if running.is_running():
        here.virsh("domjobabort", "beat")
        running.finish(20)


def at_once(function, *words):
    start = time.monotonic()
    result = function(*words)
    took = time.monotonic() - start
    assert took < AT_ONCE, f"{words}: {took:.1f} s"
    return result


@pytest.mark.parametrize("side", ["source", "destination"])
def test_reading_is_answered_at_once(here, there, migrating, side):
    host = here if side == "source" else there
    for words in (
        ["list"],
        ["domstate", "beat"],
        ["dominfo", "beat"],
        ["dumpxml", "beat"],
        ["domblklist", "beat"],
        ["domcontrol", "beat"],
        ["migrate-getspeed", "beat"],
    ):
        at_once(host.virsh, *words)
    expected = "running (booted)" if host is here else "paused (migrating)"
    assert host.virsh.state("beat") == expected


def test_statistics_are_the_sources(here, there, migrating):
    job = at_once(here.virsh, "domjobinfo", "beat")
    assert "Outgoing migration" in job
    assert "Memory total:" in job
    text = at_once(there.virsh.fails, "domjobinfo", "beat")
    assert "migration statistics are available only on the source" in text


def test_limits_can_be_changed(here, there, migrating, beat):
    at_once(here.virsh, "migrate-setmaxdowntime", "beat", "500")
    assert here.virsh("migrate-getmaxdowntime", "beat") == "500"
    at_once(here.virsh, "migrate-setspeed", "beat", "1000")
    migrating.succeed(30)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_resume_waits_and_names_who_holds_the_guest(here, migrating):
    start = time.monotonic()
    text = here.virsh.fails("resume", "beat")
    took = time.monotonic() - start
    # The test's daemons refuse after 3 s.
    assert 2.5 < took < 10
    assert "Timed out during operation: cannot acquire state change lock" in (
        text
    )
    assert "remoteDispatchDomainMigratePerform3Params" in text
    assert migrating.is_running()
    assert is_copying(here, "beat")


def test_waiting_call_goes_on_when_the_job_ends(new_daemon, guest, beat):
    here = new_daemon("hosta")
    here.options["--job-timeout"] = "30"
    here.start()
    there = new_daemon("hostb").start()
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    migration = start_slow(here, there, "beat")
    waiting = here.virsh.start("resume", "beat")
    # It is still waiting when others have long been answered.
    for _ in range(3):
        here.virsh("domstate", "beat")
    assert waiting.is_running()
    here.virsh("domjobabort", "beat")
    migration.fail(20)
    text = waiting.fail(10)
    assert text.endswith("domain is already running")


def test_second_migration_is_refused_at_once(here, there, migrating):
    text = at_once(
        here.virsh.fails, "migrate", "--live", "beat", there.tcp_uri
    )
    assert text == (
        "Requested operation is not valid: another migration job is already"
        " running for domain 'beat'"
    )
    assert is_copying(here, "beat")


def test_aborted_migration_leaves_the_guest_running(
    here, there, migrating, beat
):
    at_once(here.virsh, "domjobabort", "beat")
    assert migrating.fail(20) == (
        "operation aborted: job 'migration out' canceled by client"
    )
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    assert here.virsh.state("beat") == "running (booted)"
    beat.check()


def test_guest_can_be_migrated_after_an_abort(here, there, migrating, beat):
    here.virsh("domjobabort", "beat")
    migrating.fail(20)
    here.virsh("migrate-setspeed", "beat", "0")
    here.virsh("migrate", "--live", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_suspended_guest_is_paused_and_still_copied(here, migrating, beat):
    at_once(here.virsh, "suspend", "beat")
    assert here.virsh.state("beat").startswith("paused")
    assert beat.stands_still()
    assert migrating.is_running()


def test_destroyed_guest_is_gone_on_both_sides(here, there, migrating):
    here.virsh("destroy", "beat")
    text = migrating.fail(20)
    assert "domain is not running" in text
    wait_for(lambda: not here.qemus() and not there.qemus())
    assert here.virsh.state("beat") is None
    assert there.virsh.state("beat") is None


def test_destroyed_destination_leaves_the_source_running(
    here, there, migrating, beat
):
    there.virsh("destroy", "beat")
    migrating.fail(20)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


def test_killed_client_leaves_the_source_running(
    here, there, migrating, beat
):
    migrating.kill()
    migrating.finish()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    beat.check()


def test_interrupted_client_stops_the_migration(here, there, guest, beat):
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    here.virsh("migrate-setspeed", "beat", 1)
    virsh = OnTerminal(
        here.virsh.prefix
        + ["migrate", "--live", "--verbose", "beat", there.tcp_uri]
    )
    # virsh hears nothing before it shows the first progress.
    virsh.wait_for("Migration: [ 1")
    virsh.press_control_c()
    assert "canceled by client" in virsh.finish()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    beat.check()
