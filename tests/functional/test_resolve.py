# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest whose migration's end was not heard: what an operator sees of it, and
what he can do."""

import contextlib
import glob
import json
import os

import pytest

from harness.commands import OnTerminal
from harness.migration import assert_job_is_over, assert_runs_only_on
from harness.rpc import Client, Refused
from harness.steps import Steps
from harness.wait import wait_for

IS_FOR_YOU = 4
USAGE = 2
NOBODY = "qemu+tcp://127.0.0.1:1/system"


@contextlib.contextmanager
def all_steps(source, destination):
    with Client(source.socket) as one, Client(destination.socket) as other:
        yield Steps(one.open(source.path), other.open(destination.path), "beat")


def hand_over(source, destination, finishes=False):
    """Up to Perform, or Finish; then its client is gone."""
    with all_steps(source, destination) as steps:
        steps.begin()
        steps.prepare()
        steps.perform()
        if finishes:
            steps.finish()
        else:
            destination.kill()


def wait_unsure(daemon, *words):
    def is_unsure():
        out = daemon.vmferry("info", "beat")
        return "unsure" in out and all(word in out for word in words)

    # Asked for a while under the job, then without.
    wait_for(
        lambda: is_unsure() and "None" in daemon.virsh("domjobinfo", "beat"),
        15,
        daemon.log,
    )


def look(daemon, *options):
    """What both hosts know."""
    status, out, err = daemon.vmferry.start(
        "--json", "resolve", "beat", "--look", *options
    ).finish()
    assert status in (0, IS_FOR_YOU), err
    return status, json.loads(out)


def ledger(daemon):
    """What became of the handovers, by what is on disk."""
    texts = []
    for path in glob.glob(os.path.join(daemon.state, "handovers", "*.record")):
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    return "".join(texts)


@pytest.fixture
def unsure(here, there, run_here, beat):
    """The source has handed the guest over, and the destination's daemon died:
    its QEMU has the whole guest."""
    hand_over(here, there)
    wait_unsure(here)
    return here


@pytest.fixture
def misled(here, new_daemon):
    """A destination whose daemon is not where it says that it is."""
    there = new_daemon("hostb")
    there.options["--peer-uri"] = NOBODY
    return there.start()


# What is seen.


def test_list_and_info_say_what_is_unsure(unsure, there):
    expected = f"paused (unsure: asking {there.tcp_uri} for "
    assert expected in unsure.vmferry("list")
    assert expected in unsure.vmferry("info", "beat")
    (guest,) = json.loads(unsure.vmferry("--json", "list"))
    assert guest["unsure"].startswith(f"unsure: asking {there.tcp_uri} for ")
    assert guest["state"] == "paused"
    assert unsure.virsh.state("beat") == "paused (migrating)"


def test_guest_that_is_sure_is_not_called_unsure(here, run_here):
    here.virsh("suspend", "beat")
    assert "unsure" not in here.vmferry("list")
    assert "unsure" not in here.vmferry("info", "beat")
    status, found = look(here)
    assert status == 0
    assert found["finding"] == "nothing is unsure here"
    assert "run_here_risk" not in found
    assert "discard_here_risk" not in found


def test_log_and_event_tell_when_it_begins_and_ends(
    here, there, run_here, watch
):
    events = watch(here)
    hand_over(here, there)
    wait_unsure(here)
    wait_for(
        lambda: any(
            "Suspended" in text and "API error" in text
            for text in events.of("beat")
        ),
        10,
        lambda: f"{events.of('beat')}",
    )
    # It is asked every few seconds, and written once.
    assert here.log().count("asked for the guest") == 1
    there.start()
    wait_for(lambda: "not unsure any more" in here.log(), 30, here.log)
    assert "the other host has given it back" in here.log()


def test_how_long_it_is_unsure_survives_a_restart(unsure):
    def since():
        return look(unsure)[1]["here"]["since_ms"]

    before = since()
    unsure.restart()
    wait_for(lambda: since() > before, 10)
    assert unsure.virsh.state("beat") == "paused (migrating)"


def test_both_hosts_evidence_is_shown(unsure, there):
    out = unsure.vmferry.start("resolve", "beat").finish()[1]
    for words in (
        "hosta (this host)",
        f"QEMU:        alive, process {unsure.qemu()}, guest postmigrate,"
        " migration completed",
        "Migration:   source, UNSURE",
        "Token:       away",
        there.tcp_uri,
        "can't be asked",
        "nobody knows whether the guest runs on the other host",
        "vmferry resolve beat --run-here",
        "vmferry resolve beat --discard-here",
    ):
        assert words in out, (words, out)


# What an operator may choose.


def test_nothing_is_done_before_somebody_decides(unsure, beat):
    status, out, _ = unsure.vmferry.start("resolve", "beat").finish()
    assert status == IS_FOR_YOU
    assert "Only you can decide now" in out
    assert beat.stands_still()
    assert len(unsure.qemus()) == 1


def test_choice_names_its_host(unsure, beat):
    status, _, err = unsure.vmferry.start(
        "resolve", "beat", "--run-here"
    ).finish()
    assert status == USAGE
    assert "--yes-on" in err
    text = unsure.vmferry.fails(
        "-q", "resolve", "beat", "--run-here", "--yes-on", "hostb"
    )
    assert "this host is 'hosta', and 'hostb' is meant" in text
    assert beat.stands_still()


@pytest.mark.parametrize("answer", ["hosta", "hostb"])
def test_name_is_typed_on_a_terminal(unsure, beat, answer):
    terminal = OnTerminal(
        [*unsure.vmferry.prefix, "resolve", "beat", "--run-here"]
    )
    terminal.wait_for("Type the name of this host (hosta) to run the guest")
    assert "it runs twice" in terminal.said.decode()
    os.write(terminal.terminal, f"{answer}\n".encode())
    out = terminal.finish()
    if answer == "hosta":
        assert "given to run on hosta" in out
        beat.wait_running()
    else:
        assert "nothing was done" in out
        assert beat.stands_still()


def test_run_here_is_heard_by_the_other_host(unsure, there, beat):
    unsure.vmferry("resolve", "beat", "--run-here", "--yes-on", "hosta")
    beat.wait_running()
    assert unsure.virsh.state("beat").startswith("running")
    assert "taken" in ledger(unsure)
    assert_job_is_over(unsure, "beat")
    assert len(there.qemus()) == 1
    there.start()
    assert_runs_only_on(unsure, there, "beat", beat)
    beat.check()


def test_discard_here_leaves_it_to_the_other_host(
    here, there, run_here, beat
):
    hand_over(here, there, finishes=True)
    there.kill()
    beat.wait_leg(2)
    # The client's end was heard before the daemon's, or after.
    wait_for(
        lambda: not here.qemus()
        or "UNSURE" in here.vmferry.start("resolve", "beat").finish()[1],
        20,
        here.log,
    )
    if here.qemus():
        here.vmferry("resolve", "beat", "--discard-here", "--yes-on", "hosta")
        assert "returned" in ledger(here)
    there.start()
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_discarded_guest_is_dead_when_it_is_said(unsure):
    unsure.vmferry("resolve", "beat", "--discard-here", "--yes-on", "hosta")
    assert not unsure.qemus()
    assert "returned" in ledger(unsure)


# What is certain.


def test_guest_that_runs_there_is_ended_here(here, misled, run_here, beat):
    hand_over(here, misled, finishes=True)
    wait_unsure(here, NOBODY)
    status, found = look(here, "--peer", misled.tcp_uri)
    assert status == IS_FOR_YOU
    assert found["certain"] == "discard-here"
    assert found["there"]["copy"] == "running"
    assert found["there"]["outcome"] == "taken"
    assert len(here.qemus()) == 1
    out = here.vmferry("resolve", "beat", "--peer", misled.tcp_uri)
    assert "discarded on hosta" in out
    assert_runs_only_on(misled, here, "beat", beat)
    beat.check()


def test_guest_that_runs_there_is_never_run_here(here, misled, run_here, beat):
    hand_over(here, misled, finishes=True)
    wait_unsure(here, NOBODY)
    text = here.vmferry.fails(
        *("-q", "resolve", "beat", "--run-here", "--yes-on", "hosta"),
        *("--peer", misled.tcp_uri),
    )
    assert "the guest is the other host's" in text
    assert here.virsh.state("beat") == "paused (migrating)"
    assert misled.virsh.state("beat").startswith("running")


def test_guest_that_was_given_back_goes_on_here(here, misled, run_here, beat):
    with all_steps(here, misled) as steps:
        steps.begin()
        steps.prepare()
        steps.perform()
        with pytest.raises(Refused):
            steps.finish(cancelled=1)
    wait_unsure(here, NOBODY)
    out = here.vmferry("resolve", "beat", "--peer", misled.tcp_uri)
    assert "the other host never ran the guest" in out
    assert "given to run on hosta" in out
    assert_runs_only_on(here, misled, "beat", beat)
    assert "taken" in ledger(here)
    beat.check()


def test_this_host_is_not_the_other_one(unsure):
    status, found = look(unsure, "--peer", unsure.tcp_uri)
    assert status == IS_FOR_YOU
    assert "leads to this one" in found["unreachable"]


# A destination that nobody tells to finish.


@pytest.fixture
def forsaken(here, there, run_here):
    """All of the guest is at the destination, and the source, which was the
    coordinator, is dead."""
    with all_steps(here, there) as steps:
        steps.begin()
        steps.cookie = steps.cookie.replace(
            b"<x-vmferry-handover ", b"<x-vmferry-handover comes-back='yes' "
        )
        steps.prepare()
        steps.perform()
        here.kill()
    wait_for(lambda: "unsure" in there.vmferry("list"), 10, there.log)
    return there


def test_forsaken_guest_is_called_unsure(forsaken, here):
    out = forsaken.vmferry("list")
    assert "unsure: all of the guest is here; waiting for" in out
    assert here.tcp_uri in out
    status, found = look(forsaken)
    assert status == IS_FOR_YOU
    assert found["here"]["state"] == "LOADED"
    assert found["here"]["token"] == "away"


def test_forsaken_guest_runs_when_told_to(forsaken, here, beat):
    forsaken.vmferry("resolve", "beat", "--run-here", "--yes-on", "hostb")
    beat.wait_leg(2)
    assert "taken" in ledger(forsaken)
    here.start()
    assert_runs_only_on(forsaken, here, "beat", beat)
    assert_job_is_over(forsaken, "beat")
    beat.check()


def test_forsaken_guest_is_discarded_when_told_to(forsaken, here, beat):
    forsaken.vmferry("resolve", "beat", "--discard-here", "--yes-on", "hostb")
    assert not forsaken.qemus()
    assert "returned" in ledger(forsaken)
    here.start()
    assert_runs_only_on(here, forsaken, "beat", beat)
    beat.check()


def test_forsaken_guest_is_not_killed_for_want_of_a_word(
    here, new_daemon, run_here, beat
):
    there = new_daemon("hostb")
    there.options["--rejoin-timeout"] = "1"
    there.start()
    with all_steps(here, there) as steps:
        steps.begin()
        steps.cookie = steps.cookie.replace(
            b"<x-vmferry-handover ", b"<x-vmferry-handover comes-back='yes' "
        )
        steps.prepare()
        steps.perform()
        here.kill()
    wait_for(lambda: "which would say" in there.log(), 10, there.log)
    assert len(there.qemus()) == 1
    # The source has a token that was not used, and takes it back.
    here.start()
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


# A destination that has the token, and comes back after the operator's word.


def finish_unheard(source, destination):
    """As if the destination's daemon had died between keeping the token and
    letting the guest run."""
    with all_steps(source, destination) as steps:
        steps.begin()
        steps.cookie = steps.cookie.replace(
            b"<x-vmferry-handover ", b"<x-vmferry-handover comes-back='yes' "
        )
        steps.prepare()
        steps.perform()
        destination.kill()
    (path,) = glob.glob(f"{destination.runtime}/domains/*.record")
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    record["destination-state"] = "RESUMING"
    record["handover-has-token"] = True
    with open(path, "w", encoding="utf-8") as file:
        json.dump(record, file)


@pytest.mark.forged("destination", "RESUMING")
def test_destination_that_comes_back_asks_before_it_runs(
    here, there, run_here, beat
):
    finish_unheard(here, there)
    wait_unsure(here)
    here.vmferry("resolve", "beat", "--run-here", "--yes-on", "hosta")
    beat.wait_running()
    there.start()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "returned" in ledger(there), 10, there.log)
    beat.check()


@pytest.mark.forged("destination", "RESUMING")
def test_destination_that_comes_back_uses_its_token(
    here, there, run_here, beat
):
    finish_unheard(here, there)
    wait_unsure(here)
    there.start()
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


@pytest.mark.forged("destination", "RESUMING")
def test_token_counts_where_the_source_is_dead(
    here, new_daemon, run_here, beat
):
    there = new_daemon("hostb")
    there.options["--peer-timeout"] = "1"
    there.start()
    finish_unheard(here, there)
    here.kill()
    there.start()
    beat.wait_leg(2)
    wait_for(
        lambda: (there.virsh.state("beat") or "").startswith("running"), 10
    )
    here.start()
    assert_runs_only_on(there, here, "beat", beat)


# A destination that keeps no tokens.


def test_source_without_tokens_is_resolved(here, new_daemon, run_here, beat):
    there = new_daemon("hostb")
    del there.options["--listen-tcp"]
    there.start()
    with all_steps(here, there) as steps:
        steps.begin()
        steps.prepare()
        steps.perform()
    wait_for(lambda: not there.qemus(), 10)
    wait_unsure(here, "nobody has said")
    status, found = look(here)
    assert status == IS_FOR_YOU
    assert "is not known" in found["unreachable"]
    out = here.vmferry("resolve", "beat", "--peer", there.uri)
    assert "given to run on hosta" in out
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


# The lock on the guest's disk, where the other host says nothing.


@pytest.fixture
def disk_pair(new_daemon, guest, beat, folder):
    """Two hosts with a disk in common, and the guest on the first."""
    guest.disk = os.path.join(folder, "disk.img")
    with open(guest.disk, "wb") as file:
        file.truncate(1 << 20)
    pair = []
    for name in ("hosta", "hostb"):
        daemon = new_daemon(name)
        daemon.options["--shared-filesystems"] = folder
        pair.append(daemon.start())
    pair[0].create(guest)
    beat.wait_running()
    return pair


def test_disk_that_another_qemu_writes_is_evidence(disk_pair, beat):
    here, there = disk_pair
    with all_steps(here, there) as steps:
        steps.begin()
        steps.prepare()
        steps.perform()
        steps.finish()
        there.kill()
    wait_unsure(here)
    status, found = look(here)
    assert status == IS_FOR_YOU
    assert found["here"]["disks"] == "in use"
    assert found["finding"].startswith("another QEMU writes the guest's disks")
    assert "run_here_risk" not in found
    text = here.vmferry.fails(
        *("resolve", "beat", "--run-here", "--yes-on", "hosta")
    )
    assert "another QEMU writes the guest's disks" in text
    there.start()
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_disk_that_nobody_writes_proves_nothing(disk_pair, beat):
    here, there = disk_pair
    hand_over(here, there)
    wait_unsure(here)
    status, found = look(here)
    assert status == IS_FOR_YOU
    assert found["here"]["disks"] == "free"
    assert "run_here_risk" in found
    there.start()
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()
