# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh and vmferry migrate by protocol v2, which is all that is offered."""

import os

import pytest

from harness import processes
from harness.migration import (
    assert_job_is_over,
    assert_runs_only_on,
    is_copying,
    start_slow,
)
from harness.wait import wait_for

ROUNDS = int(os.environ.get("VMFERRY_ROUNDS", "3"))


@pytest.fixture
def here(new_daemon):
    daemon = new_daemon("hosta")
    daemon.options["--protocols"] = "v2"
    daemon.options["--trace"] = "rules,rpc"
    return daemon.start()


@pytest.fixture
def there(new_daemon):
    daemon = new_daemon("hostb")
    daemon.options["--protocols"] = "v2"
    daemon.options["--trace"] = "rules,rpc"
    return daemon.start()


def migrate(source, destination, name="beat", *options):
    return source.virsh(
        "migrate", "--live", *options, name, destination.tcp_uri, seconds=60
    )


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_there_and_back_without_a_break(
    here, there, guest, beat, machine, record_property
):
    guest.machine = machine
    guest.config = "hb=10 ws=512 rate=2000 fill=16"
    here.create(guest)
    beat.wait_running()
    hosts = [here, there]
    for number in range(2 * ROUNDS):
        source, destination = hosts
        migrate(source, destination)
        beat.wait_leg(number + 2)
        assert_runs_only_on(destination, source, "beat", beat)
        assert_job_is_over(destination, "beat")
        hosts.reverse()
    beat.verify()
    beat.check()
    gaps = [round(gap) for gap in beat.gaps_ms()]
    record_property("gaps_ms", gaps)
    assert len(gaps) == 2 * ROUNDS
    assert max(gaps) < 3000, gaps
    assert "PERFORM2 " in here.log()
    assert "FINISH2 " in here.log()


def test_guest_is_paused_for_the_copy_without_live(
    here, there, run_here, beat
):
    here.virsh("migrate", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_paused_guest_goes_there_and_back(here, there, run_here, beat):
    here.virsh("suspend", "beat")
    here.virsh("migrate", "beat", there.tcp_uri, seconds=60)
    assert there.virsh.state("beat") == "paused (user)"
    assert here.virsh.state("beat") is None
    there.virsh("migrate", "beat", here.tcp_uri, seconds=60)
    assert here.virsh.state("beat") == "paused (user)"
    here.virsh("resume", "beat")
    beat.wait_leg(2)
    beat.wait_running()
    beat.check()


def test_running_guest_is_left_paused_where_asked(here, there, run_here, beat):
    migrate(here, there, "beat", "--suspend")
    assert there.virsh.state("beat") == "paused (user)"
    there.virsh("resume", "beat")
    beat.wait_leg(2)
    beat.wait_running()
    beat.check()


def test_source_keeps_the_definition(here, there, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    migrate(here, there)
    beat.wait_leg(2)
    assert here.virsh.state("beat") == "shut off (migrated)"
    assert "no" in there.virsh("dominfo", "beat").split("Persistent:")[1][:20]
    assert there.virsh.state("beat") == "running (migrated)"
    job = here.virsh("domjobinfo", "beat", "--completed")
    assert "Completed" in job and "Outgoing migration" in job
    assert "Total downtime:" in job


def test_definition_moves_with_the_guest(here, there, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    migrate(here, there, "beat", "--persistent", "--undefinesource")
    beat.wait_leg(2)
    assert here.virsh.state("beat") is None
    assert "yes" in there.virsh("dominfo", "beat").split("Persistent:")[1][:20]
    there.virsh("destroy", "beat")
    assert there.virsh.state("beat") == "shut off (destroyed)"


def test_guest_gets_another_name(here, there, run_here, beat):
    migrate(here, there, "beat", "--dname", "drum")
    beat.wait_leg(2)
    assert there.virsh.state("drum") == "running (migrated)"
    assert there.virsh.state("beat") is None
    beat.check()


def test_given_migration_uri_is_used(here, there, run_here, beat):
    port = there.first_port + 3
    migrate(here, there, "beat", "--migrateuri", f"tcp://127.0.0.1:{port}")
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_events_come_in_libvirts_order(here, there, run_here, watch):
    on_source, on_destination = watch(here), watch(there)
    migrate(here, there)
    on_source.wait("beat", "job-completed")
    on_destination.wait("beat", "lifecycle Resumed Migrated")
    assert on_destination.lifecycle("beat") == [
        "Started Migrated",
        "Resumed Migrated",
    ]
    ends = [
        event
        for event in on_source.of("beat")
        if not event.startswith("migration-iteration")
    ]
    assert ends[-3:] == [
        "lifecycle Suspended Migrated",
        "lifecycle Stopped Migrated",
        "job-completed",
    ]


def test_disk_that_is_not_shared_is_refused(here, there, guest, beat, folder):
    guest.disk = os.path.join(folder, "disk.img")
    with open(guest.disk, "wb") as file:
        file.truncate(1 << 20)
    here.create(guest)
    beat.wait_running()
    assert here.virsh.fails("migrate", "--live", "beat", there.tcp_uri) == (
        "Unsafe migration: Migration without shared storage is unsafe"
    )
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    migrate(here, there, "beat", "--unsafe")
    beat.wait_leg(2)
    beat.check()


# What v2 does not have.


def test_what_needs_version_3_is_said_to(here, there, run_here, beat):
    xml = here.file("same.xml", here.virsh("dumpxml", "--migratable", "beat"))
    for options in [
        ("--xml", xml),
        ("--change-protection",),
        ("--offline", "--persistent"),
        ("--listen-address", "127.0.0.1"),
    ]:
        assert here.virsh.fails(
            "migrate", *options, "beat", there.tcp_uri
        ), options
        assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")


@pytest.mark.parametrize(
    "offered, call",
    [
        ("v3,v2", "PERFORM3_PARAMS"),
        ("v3-plain,v2", "PERFORM3"),
        ("v3-plain", "PERFORM3"),
        ("v2", "PERFORM"),
    ],
)
def test_best_protocol_in_common_is_taken(
    new_daemon, guest, beat, offered, call
):
    best, other = new_daemon("best"), new_daemon("other")
    other.options["--protocols"] = offered
    for daemon in (best, other):
        daemon.options["--trace"] = "rpc"
        daemon.start()
    best.create(guest)
    beat.wait_running()
    best.virsh("migrate", "--live", "beat", other.tcp_uri, seconds=60)
    beat.wait_leg(2)
    other.vmferry("migrate", "beat", best.uri, seconds=60)
    beat.wait_leg(3)
    beat.check()
    for daemon in (best, other):
        words = daemon.log().split()
        assert {
            word.split("=")[-1]
            for word in words
            if "DOMAIN_MIGRATE_PERFORM" in word
        } == {f"DOMAIN_MIGRATE_{call}"}


# vmferry as the client.


@pytest.mark.parametrize("how", [(), ("--managed",)], ids=["p2p", "managed"])
def test_vmferry_moves_a_guest(here, there, run_here, beat, how):
    here.vmferry("migrate", *how, "beat", there.uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    there.vmferry("migrate", *how, "beat", here.uri, seconds=60)
    beat.wait_leg(3)
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


@pytest.mark.parametrize("how", [(), ("--managed",)], ids=["p2p", "managed"])
def test_vmferry_leaves_a_paused_guest_paused(
    here, there, run_here, beat, how
):
    here.virsh("suspend", "beat")
    here.vmferry("migrate", *how, "beat", there.uri, seconds=60)
    assert there.virsh.state("beat") == "paused (user)"
    there.virsh("resume", "beat")
    beat.wait_leg(2)
    beat.wait_running()
    beat.check()


@pytest.mark.parametrize("how", [(), ("--managed",)], ids=["p2p", "managed"])
def test_interrupted_vmferry_leaves_the_guest(here, there, guest, beat, how):
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    here.virsh("migrate-setspeed", "beat", 1)
    running = here.vmferry.start("migrate", *how, "beat", there.uri)
    wait_for(lambda: is_copying(here, "beat"), 20)
    running.interrupt()
    status, _, err = running.finish(20)
    assert status != 0, err
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


# Something breaks.


def test_destination_qemu_dies_during_perform(here, there, filled, beat):
    migration = start_slow(here, there, "beat")
    processes.kill(there.qemu())
    assert migration.fail(20)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    assert there.virsh.state("beat") is None
    beat.check()


def test_aborted_migration_leaves_the_guest(here, there, filled, beat):
    migration = start_slow(here, there, "beat")
    here.virsh("domjobabort", "beat")
    assert "canceled by client" in migration.fail(30)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


def test_killed_client_leaves_the_guest(here, there, filled, beat):
    migration = start_slow(here, there, "beat")
    migration.kill()
    assert_runs_only_on(here, there, "beat", beat)
    # Nobody is told of its end, which may come a little later.
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    beat.check()


def test_killed_source_daemon_keeps_the_guest(here, there, filled, beat):
    migration = start_slow(here, there, "beat")
    here.kill()
    assert migration.fail(30)
    here.start()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    beat.check()


def test_restarted_destination_daemon_leaves_it_to_the_source(
    here, there, filled, beat
):
    """It can't know whether the source lets go in this very moment."""
    migration = start_slow(here, there, "beat")
    there.restart()
    here.virsh("domjobabort", "beat")
    assert migration.fail(30)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


# Peer to peer: by the source's daemon, whose own word is v2's Perform.


def test_peer_to_peer_by_virsh(here, there, run_here, beat):
    here.virsh(
        "migrate", "--live", "--p2p", "beat", there.tcp_uri, seconds=60
    )
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    there.virsh(
        "migrate", "--live", "--p2p", "beat", here.tcp_uri, seconds=60
    )
    beat.wait_leg(3)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


def test_peer_to_peer_that_fails_leaves_the_guest(here, there, filled, beat):
    migration = start_slow(
        here, there, "beat", options=("--live", "--p2p")
    )
    processes.kill(there.qemu())
    assert migration.fail(20)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()
