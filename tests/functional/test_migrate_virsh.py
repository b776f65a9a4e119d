# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh migrates a guest between two daemons, and its life has no break."""

import os

import pytest

from harness.beat import Beat
from harness.migration import assert_job_is_over, assert_runs_only_on
from harness.wait import wait_for

ROUNDS = int(os.environ.get("VMFERRY_ROUNDS", "3"))


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


def test_disk_is_whole_after_a_migration(here, there, guest, beat, folder):
    guest.disk = os.path.join(folder, "disk.img")
    with open(guest.disk, "wb") as file:
        file.truncate(1 << 20)
    guest.config = "hb=10 disk=10 nsec=16"
    here.create(guest)
    beat.wait_running()
    assert here.virsh.fails(
        "migrate", "--live", "beat", there.tcp_uri
    ) == ("Unsafe migration: Migration without shared storage is unsafe")
    beat.wait_running()
    migrate(here, there, "beat", "--unsafe")
    beat.wait_leg(2)
    beat.wait_running(20)
    lines = [line for _, line in beat.spoken()[1].lines()]
    assert any(line.startswith(b"D ") for line in lines)
    beat.check()


def test_progress_reaches_a_hundred_percent(here, there, run_here):
    running = here.virsh.start(
        "migrate", "--live", "--verbose", "beat", there.tcp_uri
    )
    status, _, err = running.finish()
    assert status == 0, err
    assert err.strip().endswith("Migration: [100 %]")


def test_source_keeps_the_definition(here, there, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    migrate(here, there)
    beat.wait_leg(2)
    assert here.virsh.state("beat") == "shut off (migrated)"
    assert "no" in there.virsh("dominfo", "beat").split("Persistent:")[1][:20]
    assert there.virsh.state("beat") == "running (migrated)"


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


def test_paused_guest_stays_paused(here, there, run_here, beat):
    here.virsh("suspend", "beat")
    before = beat.last()
    here.virsh("migrate", "beat", there.tcp_uri, seconds=60)
    assert there.virsh.state("beat") == "paused (user)"
    assert beat.last() == before
    there.virsh("resume", "beat")
    beat.wait_leg(2)
    beat.wait_running()
    beat.check()


def test_paused_guest_goes_there_and_back(here, there, run_here, beat):
    here.virsh("suspend", "beat")
    here.virsh("migrate", "beat", there.tcp_uri, seconds=60)
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


def test_guest_is_paused_for_the_copy_without_live(here, there, run_here, beat):
    here.virsh("migrate", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_guest_gets_another_name(here, there, run_here, beat):
    migrate(here, there, "beat", "--dname", "drum")
    beat.wait_leg(2)
    assert there.virsh.state("drum") == "running (migrated)"
    assert there.virsh.state("beat") is None
    beat.check()


def test_bandwidth_is_a_limit(here, there, guest, beat):
    guest.config = "hb=10 fill=24"
    here.create(guest)
    beat.wait_running()
    migrate(here, there, "beat", "--bandwidth", "8")
    beat.wait_leg(2)
    wait_for(lambda: there.virsh.state("beat") == "running (migrated)")
    job = there.virsh("domjobinfo", "beat", "--completed")
    (elapsed,) = [
        line.split()[2]
        for line in job.splitlines()
        if line.startswith("Time elapsed: ")
    ]
    # At least 24 MiB at 8 MiB/s.
    assert int(elapsed) > 2500, job


def test_given_migration_uri_is_used(here, there, run_here, beat):
    port = there.first_port + 3
    migrate(here, there, "beat", "--migrateuri", f"tcp://127.0.0.1:{port}")
    beat.wait_leg(2)
    beat.check()


def test_completed_job_can_be_read_once_on_both_sides(
    here, there, guest, beat
):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    migrate(here, there)
    for host, operation in [(here, "Outgoing"), (there, "Incoming")]:
        job = host.virsh("domjobinfo", "beat", "--completed")
        assert "Completed" in job
        assert f"{operation} migration" in job
        assert "Total downtime:" in job
        job = host.virsh("domjobinfo", "beat", "--completed")
        assert "None" in job


def test_events_come_in_libvirts_order(here, there, run_here, watch):
    on_source, on_destination = watch(here), watch(there)
    migrate(here, there)
    on_source.wait("beat", "job-completed")
    on_destination.wait("beat", "lifecycle Resumed Migrated")
    assert on_destination.lifecycle("beat") == [
        "Started Migrated",
        "Resumed Migrated",
    ]
    events = on_source.of("beat")
    begin = events.index("migration-iteration iteration: '1'")
    ends = [
        event
        for event in events[begin:]
        if not event.startswith("migration-iteration")
    ]
    assert ends == [
        "lifecycle Suspended Migrated",
        "lifecycle Stopped Migrated",
        "job-completed",
    ]


def test_destination_that_has_the_guest_refuses(
    here, there, guest, new_guest, beat
):
    here.create(guest)
    beat.wait_running()
    other = new_guest("beat")
    other.uuid = guest.uuid
    there.create(other)
    assert here.virsh.fails(
        "migrate", "--live", "beat", there.tcp_uri
    ) == ("Requested operation is not valid: domain 'beat' is already active")
    beat.wait_running()
    assert_job_is_over(here, "beat")


def test_inactive_guest_is_not_migrated(here, there, guest):
    here.define(guest)
    assert here.virsh.fails("migrate", "beat", there.tcp_uri) == (
        "Requested operation is not valid: domain is not running"
    )


def test_migration_to_the_same_host_is_refused(here, run_here, beat):
    text = here.virsh.fails("migrate", "--live", "beat", here.tcp_uri)
    assert "Attempt to migrate guest to the same host" in text
    beat.wait_running()
    assert_job_is_over(here, "beat")


def test_three_guests_migrate_at_once(here, there, new_guest, folder):
    beats = []
    for number in range(3):
        guest = new_guest(f"beat{number}")
        beats.append(Beat(os.path.join(folder, guest.name)))
        guest.serial = beats[-1].path
        here.create(guest)
    for beat in beats:
        beat.wait_running()
    running = [
        here.virsh.start("migrate", "--live", f"beat{n}", there.tcp_uri)
        for n in range(3)
    ]
    for one in running:
        one.succeed()
    for beat in beats:
        beat.wait_leg(2)
        beat.wait_running()
        beat.check()
        beat.close()
    assert not here.qemus()
    assert len(there.qemus()) == 3
