# SPDX-License-Identifier: LGPL-2.1-or-later
"""A migration that its client drives goes on without it: the source's daemon
takes it over, and another client waits for its end."""

import json
import signal

import pytest

from harness import processes
from harness.commands import OnTerminal
from harness.gate import Gate
from harness.migration import (
    assert_job_is_over,
    assert_runs_only_on,
    is_copying,
    kill_and_start,
    start_vmferry,
)
from harness.wait import wait_for

MANAGED = ("migrate", "--managed")


def start_slow(source, destination, *options, way=("--managed",)):
    """So slow that whatever is to happen happens while it copies."""
    return start_vmferry(source, destination, *way, *options, speed=3)


def hurry(source):
    """What was to happen has happened."""
    source.virsh("migrate-setspeed", "beat", 0)


def wait_for_the_end(source, *options):
    """All that a client says who comes while it copies."""
    waiting = OnTerminal(
        source.vmferry.prefix + [*options, "migrate", "--resume", "beat"]
    )
    waiting.wait_for("perform")
    hurry(source)
    return waiting.finish(60)


def assert_arrives(source, destination, beat, name="beat"):
    beat.wait_leg(2, 60)
    wait_for(lambda: not source.qemus(), 10, source.log)
    beat.wait_running()
    assert destination.virsh.state(name).startswith("running")
    assert len(destination.qemus()) == 1
    wait_for(lambda: "None" in destination.virsh("domjobinfo", name))
    beat.check()


def test_killed_client_is_not_missed(here, there, filled, beat):
    client = start_slow(here, there)
    client.kill()
    wait_for(lambda: "goes on with it, over" in here.log())
    hurry(here)
    assert_arrives(here, there, beat)


def test_another_client_waits_for_the_end(here, there, filled, beat):
    start_slow(here, there).kill()
    out = wait_for_the_end(here)
    assert f"beat is now on {there.tcp_uri}" in out
    assert "total" in out and "blackout" in out
    assert_arrives(here, there, beat)


def test_another_client_sees_how_it_goes(here, there, filled, beat):
    start_slow(here, there).kill()
    out = wait_for_the_end(here, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert any("statistics" in line for line in lines[:-1])
    assert lines[-1]["result"] == "moved"
    assert lines[-1]["destination"] == there.tcp_uri
    assert_arrives(here, there, beat)


def test_another_client_stops_it(here, there, filled, beat):
    start_slow(here, there).kill()
    waiting = OnTerminal(here.vmferry.prefix + ["migrate", "--resume", "beat"])
    waiting.wait_for("perform")
    waiting.press_control_c()
    text = waiting.finish()
    assert "canceled by client" in text and "goes on where it was" in text
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


def test_abort_without_any_client(here, there, filled, beat):
    start_slow(here, there).kill()
    wait_for(lambda: "goes on with it, over" in here.log())
    here.vmferry("abort", "beat")
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    beat.check()


def test_options_of_the_first_client_count(here, there, filled, beat):
    start_slow(here, there, "--name", "drum", "--persistent").kill()
    wait_for(lambda: "goes on with it, over" in here.log())
    hurry(here)
    assert_arrives(here, there, beat, "drum")
    assert "drum" in there.virsh("list", "--all", "--persistent", "--name")


def test_peer_to_peer_migration_is_waited_for(here, there, filled, beat):
    """By whoever comes, once its first client has gone."""
    client = start_slow(here, there, way=())
    text = here.vmferry.fails("migrate", "--resume", "beat")
    assert "waits for the end of the migration of domain 'beat'" in text
    client.kill()
    assert "beat is now on" in wait_for_the_end(here)
    assert_arrives(here, there, beat)


# A daemon is restarted, and the client looks on.


@pytest.mark.parametrize("which", ["source", "destination", "both"])
@pytest.mark.parametrize("way", [("--managed",), ()])
def test_client_gets_over_a_restart(here, there, filled, beat, which, way):
    client = start_slow(here, there, way=way)
    kill_and_start(which, here, there)
    hurry(here)
    assert_arrives(here, there, beat)
    status, out, err = client.finish(30)
    assert status == 0, out + err
    assert "beat is now on" in out


def test_client_gets_over_an_update(here, there, filled, beat):
    """As the service manager stops a daemon, and starts the new one."""
    client = start_slow(here, there)
    here.stop()
    here.start()
    there.stop()
    there.start()
    hurry(here)
    assert_arrives(here, there, beat)
    status, out, err = client.finish(30)
    assert status == 0, out + err


def test_source_that_does_not_come_back_is_said(here, there, filled, beat):
    client = start_slow(here, there)
    here.kill()
    status, _, err = client.finish(20)
    assert status == 4, err
    assert "lost the connection" in err
    assert "'vmferry migrate --resume beat' waits for its end" in err
    here.start()
    assert "beat is now on" in wait_for_the_end(here)
    assert_arrives(here, there, beat)


def test_destination_that_does_not_come_back(new_daemon, there, guest, beat):
    """The source gives it up, and the client hears of it."""
    here = new_daemon("hosta")
    here.options["--rejoin-timeout"] = "1"
    here.start()
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    client = start_slow(here, there)
    there.kill()
    status, _, err = client.finish(20)
    assert status == 1, err
    assert "did not come back" in err and "goes on where it was" in err
    beat.wait_running()
    assert_job_is_over(here, "beat")
    there.start()
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


# At each step.


@pytest.mark.parametrize("state", ["BEGUN", "ARMING", "HANDING", "GIVEN"])
def test_client_killed_in(there, filled_at, beat, state):
    here, gate = filled_at
    gate.hold(f"save/{state}")
    client = here.vmferry.start(*MANAGED, "beat", there.tcp_uri)
    wait_for(gate.is_held, 20)
    client.kill()
    gate.let_go()
    assert_arrives(here, there, beat)


@pytest.fixture
def filled_at(new_daemon, guest, beat, folder):
    """The source can be held at any of its points."""
    here = new_daemon("hosta")
    gate = Gate(f"{folder}/hosta.gate")
    here.environment["VMFERRY_FAILPOINTS"] = gate.path
    here.start()
    here.create(guest)
    beat.wait_running()
    yield here, gate
    gate.close()


def test_source_qemu_and_client_die_together(there, filled_at, beat):
    """All of the guest is at the destination, and its client is gone."""
    here, gate = filled_at
    gate.hold("save/GIVEN")
    client = here.vmferry.start(*MANAGED, "beat", there.tcp_uri)
    wait_for(gate.is_held, 20)
    processes.kill(here.qemu())
    client.kill()
    gate.let_go()
    assert_arrives(here, there, beat)


# It can't be.


def test_nothing_to_resume(here, run_here):
    text = here.vmferry.fails("migrate", "--resume", "beat")
    assert "domain 'beat' is not being migrated from here" in text
    text = here.vmferry.fails("migrate", "--resume", "drum")
    assert "no domain with matching name 'drum'" in text
    assert "it is at the destination" in text


def test_driven_by_a_client_that_lives(here, there, filled, beat):
    client = start_slow(here, there)
    text = here.vmferry.fails("migrate", "--resume", "beat")
    assert "driven by a client that is still connected" in text
    client.interrupt()
    assert "goes on where it was" in client.fail(20)
    assert_runs_only_on(here, there, "beat", beat)


def test_one_client_waits_at_a_time(here, there, filled, beat):
    start_slow(here, there).kill()
    waiting = OnTerminal(here.vmferry.prefix + ["migrate", "--resume", "beat"])
    waiting.wait_for("perform")
    text = here.vmferry.fails("migrate", "--resume", "beat")
    assert "waits for the end of the migration of domain 'beat'" in text
    hurry(here)
    waiting.finish(60)
    assert_arrives(here, there, beat)


def test_resume_knows_the_destination(here, there):
    text = here.vmferry.fails("migrate", "--resume", "beat", there.tcp_uri)
    assert "--resume takes no destination" in text
    text = here.vmferry.fails("migrate", "beat")
    assert "needs the destination's URI" in text


def test_second_interruption_leaves_nothing_behind(here, there, filled, beat):
    """Who has lost patience does not want the daemon to go on."""
    client = OnTerminal(
        here.vmferry.prefix
        + [*MANAGED, "-b", "3", "beat", there.tcp_uri]
    )
    client.wait_for("perform")
    there.process.send_signal(signal.SIGSTOP)
    try:
        client.press_control_c()
        client.wait_for("forgets the guest")
        client.press_control_c()
        assert "left in phase finish" in client.finish()
    finally:
        there.process.send_signal(signal.SIGCONT)
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    beat.check()


def test_foreign_client_is_cleaned_up_after(here, there, filled, beat):
    client = here.virsh.start(
        *("migrate", "--live", "--bandwidth", "3", "beat", there.tcp_uri)
    )
    wait_for(lambda: is_copying(here, "beat"), 20, here.log)
    client.kill()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    beat.check()
