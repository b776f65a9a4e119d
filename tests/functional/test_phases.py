# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each phase of a v3 migration by itself, and what holds between two."""

import contextlib

import pytest

from harness import rpc
from harness.migration import assert_job_is_over, assert_runs_only_on
from harness.rpc import Client, Refused
from harness.steps import Steps
from harness.wait import wait_for

# Code, domain of libvirt's errors.
NOT_VALID = 55
NO_DOMAIN = 42
FINISHED_AS_ASKED = 93


@contextlib.contextmanager
def clients(source, destination):
    with Client(source.socket) as one, Client(destination.socket) as other:
        yield one.open(source.path), other.open(destination.path)


@pytest.fixture(params=[True, False], ids=["params", "arguments"])
def steps(request, here, there, run_here):
    with clients(here, there) as ends:
        yield Steps(*ends, "beat", typed=request.param)


@pytest.fixture
def typed_steps(here, there, run_here):
    with clients(here, there) as ends:
        yield Steps(*ends, "beat")


def test_all_phases_move_the_guest(here, there, steps, beat):
    xml = steps.begin()
    assert "<name>beat</name>" in xml
    assert steps.cookie.startswith(b"<qemu-migration")
    uri = steps.prepare()
    assert uri.startswith("tcp:127.0.0.1:"), uri
    port = int(uri.rsplit(":", 1)[1])
    assert there.first_port <= port < there.first_port + 8
    assert there.virsh.state("beat") == "paused (migrating)"
    assert here.virsh.state("beat") == "running (booted)"
    steps.perform()
    assert here.virsh.state("beat") == "paused (migrating)"
    assert there.virsh.state("beat") == "paused (migrating)"
    assert beat.stands_still()
    name, uuid, number = steps.finish()
    assert (name, number) == ("beat", 1)
    beat.wait_leg(2)
    assert there.virsh.state("beat") == "running (migrated)"
    assert here.virsh.state("beat") == "paused (migrating)"
    steps.confirm()
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_source_is_held_from_begin(here, there, steps):
    steps.begin()
    text = here.virsh.fails("migrate", "--live", "beat", there.tcp_uri)
    assert "another migration job is already running" in text
    assert "cannot acquire state change lock" in here.virsh.fails(
        "resume", "beat"
    )
    steps.confirm(cancelled=1)
    assert_job_is_over(here, "beat")


def test_source_is_held_until_confirm(here, steps):
    steps.begin()
    steps.prepare()
    steps.perform()
    assert "cannot acquire state change lock" in here.virsh.fails(
        "resume", "beat"
    )
    steps.finish()
    assert "cannot acquire state change lock" in here.virsh.fails(
        "resume", "beat"
    )
    steps.confirm()


def test_destination_is_held_until_finish(there, steps):
    steps.begin()
    steps.prepare()
    assert "cannot acquire state change lock" in there.virsh.fails(
        "resume", "beat"
    )
    steps.perform()
    assert "cannot acquire state change lock" in there.virsh.fails(
        "resume", "beat"
    )
    steps.finish()
    assert there.virsh.fails("resume", "beat").endswith(
        "domain is already running"
    )
    steps.confirm()


def test_cancelled_finish_ends_the_destination(here, there, steps, beat):
    steps.begin()
    steps.prepare()
    with pytest.raises(Refused) as refused:
        steps.finish(cancelled=1)
    assert refused.value.code == FINISHED_AS_ASKED
    assert refused.value.message == "migration successfully aborted"
    assert there.virsh.state("beat") is None
    steps.confirm(cancelled=1)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")


def test_cancelled_confirm_resumes_the_source(here, there, steps, beat):
    steps.begin()
    steps.prepare()
    steps.perform()
    assert beat.stands_still()
    with pytest.raises(Refused):
        steps.finish(cancelled=1)
    steps.confirm(cancelled=1)
    assert_runs_only_on(here, there, "beat", beat)
    assert here.virsh.state("beat") == "running (migration canceled)"
    beat.check()


@pytest.mark.parametrize("phase", ["perform", "confirm"])
def test_phase_without_begin_is_refused(here, typed_steps, phase, beat):
    typed_steps.uri = "tcp:127.0.0.1:1"
    typed_steps.cookie = (
        "<qemu-migration><name>beat</name>"
        f"<uuid>{typed_steps.domain[1]}</uuid><hostname>hostb</hostname>"
        "<hostuuid>c0ffee00-1234-4abc-8def-0000000000ff</hostuuid>"
        "</qemu-migration>\0"
    ).encode()
    with pytest.raises(Refused) as refused:
        getattr(typed_steps, phase)()
    assert refused.value.code == NOT_VALID
    assert "'beat' is not being migrated" in refused.value.message
    beat.wait_running()
    assert_job_is_over(here, "beat")


def test_finish_without_prepare_is_refused(there, typed_steps):
    with pytest.raises(Refused) as refused:
        typed_steps.finish()
    assert refused.value.code == NO_DOMAIN


def test_finish_of_a_guest_that_runs_there_is_refused(
    here, there, guest, new_guest, typed_steps
):
    other = new_guest("beat")
    there.create(other)
    with pytest.raises(Refused) as refused:
        typed_steps.finish()
    assert refused.value.code == NOT_VALID
    assert "not processing incoming migration" in refused.value.message
    assert there.virsh.state("beat") == "running (booted)"


def test_begin_twice_is_refused(steps):
    steps.begin()
    with pytest.raises(Refused) as refused:
        steps.begin()
    assert refused.value.code == NOT_VALID
    assert "another migration job is already running" in (
        refused.value.message
    )
    steps.confirm(cancelled=1)


def test_prepare_twice_is_refused(there, steps):
    steps.begin()
    cookie = steps.cookie
    steps.prepare()
    steps.cookie, steps.uri = cookie, None
    with pytest.raises(Refused) as refused:
        steps.prepare()
    assert refused.value.code == NOT_VALID
    assert there.virsh.state("beat") == "paused (migrating)"
    with pytest.raises(Refused):
        steps.finish(cancelled=1)
    steps.confirm(cancelled=1)


def test_perform_twice_is_refused(here, there, typed_steps, beat):
    typed_steps.begin()
    typed_steps.prepare()
    cookie = typed_steps.cookie
    typed_steps.perform()
    after_perform = typed_steps.cookie
    typed_steps.cookie = cookie
    with pytest.raises(Refused):
        typed_steps.perform()
    typed_steps.cookie = after_perform
    typed_steps.finish()
    typed_steps.confirm()
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


# The client goes away.


def test_client_gone_after_begin_releases_the_source(here, there, run_here):
    with clients(here, there) as ends:
        Steps(*ends, "beat").begin()
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    assert here.virsh.state("beat") == "running (booted)"


def test_client_gone_after_prepare_ends_the_destination(
    here, there, run_here, beat
):
    with clients(here, there) as ends:
        steps = Steps(*ends, "beat")
        steps.begin()
        steps.prepare()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: there.virsh.state("beat") is None)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))


def test_client_gone_after_perform_is_asked_about(here, there, run_here, beat):
    """Nobody knows then whether Finish was sent, but the destination does."""
    with clients(here, there) as ends:
        steps = Steps(*ends, "beat")
        steps.begin()
        steps.prepare()
        steps.perform()
    assert_comes_back(here, there, beat)


def assert_comes_back(here, there, beat):
    beat.wait_running()
    wait_for(lambda: not there.qemus())
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    assert here.virsh.state("beat") == "running (migration canceled)"
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()


@pytest.fixture
def unreachable(new_daemon):
    """The other host, if it says of no way to ask it."""
    there = new_daemon("hostb")
    there.options["--peer-uri"] = "none"
    return there.start()


def test_client_gone_after_perform_never_runs_two(
    here, unreachable, run_here, beat
):
    """Nobody knows then whether Finish was sent: paused is safe."""
    there = unreachable
    with clients(here, there) as ends:
        steps = Steps(*ends, "beat")
        steps.begin()
        steps.prepare()
        steps.perform()
    wait_for(lambda: not there.qemus())
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    assert len(here.qemus()) == 1
    assert here.virsh.state("beat").startswith("paused")
    assert beat.stands_still()
    here.virsh("resume", "beat")
    beat.wait_running()
    beat.check()


def test_client_gone_after_finish_leaves_the_guest_there(
    here, there, run_here, beat
):
    with clients(here, there) as ends:
        steps = Steps(*ends, "beat")
        steps.begin()
        steps.prepare()
        steps.perform()
        steps.finish()
    beat.wait_leg(2)
    assert there.virsh.state("beat") == "running (migrated)"
    wait_for(lambda: not (here.virsh.state("beat") or "").startswith("running"))
    beat.wait_running()
    beat.check()


# Parameters and flags.


def test_unknown_parameter_is_refused(typed_steps, there):
    typed_steps.begin()
    arguments = rpc.params({"nonsense": "x", "destination_xml": "<x/>"})
    arguments += rpc.opaque(typed_steps.cookie) + rpc.integer(rpc.LIVE)
    with pytest.raises(Refused) as refused:
        typed_steps.destination.call(rpc.PREPARE3_PARAMS, arguments)
    assert (refused.value.code, refused.value.message) == (
        74,
        "argument unsupported: parameter 'nonsense' not supported",
    )
    typed_steps.confirm(cancelled=1)


def test_parameter_of_the_wrong_type_is_refused(typed_steps):
    arguments = rpc.domain(typed_steps.domain)
    arguments += rpc.params({"bandwidth": "x"}) + rpc.integer(rpc.LIVE)
    with pytest.raises(Refused) as refused:
        typed_steps.source.call(rpc.BEGIN3_PARAMS, arguments)
    assert (refused.value.code, refused.value.message) == (
        8,
        "invalid argument: invalid type 'string' for parameter 'bandwidth',"
        " expected 'ullong'",
    )


def test_unknown_flag_is_refused(typed_steps):
    typed_steps.flags = rpc.LIVE | 0x80000000
    with pytest.raises(Refused) as refused:
        typed_steps.begin()
    assert refused.value.code == 8
    assert "unsupported flags (0x80000000)" in refused.value.message


# The daemon restarts between two phases.


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize("after", ["begin", "prepare"])
def test_restart_before_the_copy_leaves_the_source_running(
    here, there, run_here, beat, side, after
):
    with clients(here, there) as ends:
        steps = Steps(*ends, "beat")
        steps.begin()
        if after == "prepare":
            steps.prepare()
        (here if side == "source" else there).restart()
    assert_runs_only_on(here, there, "beat", beat)
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    beat.check()


@pytest.mark.parametrize("side", ["source", "destination"])
def test_restart_after_the_copy_is_asked_about(
    here, there, run_here, beat, side
):
    with clients(here, there) as ends:
        steps = Steps(*ends, "beat")
        steps.begin()
        steps.prepare()
        steps.perform()
        (here if side == "source" else there).restart()
    assert_comes_back(here, there, beat)


@pytest.mark.parametrize("side", ["source", "destination"])
def test_restart_after_the_copy_never_runs_two(
    here, unreachable, run_here, beat, side
):
    there = unreachable
    with clients(here, there) as ends:
        steps = Steps(*ends, "beat")
        steps.begin()
        steps.prepare()
        steps.perform()
        (here if side == "source" else there).restart()
    wait_for(lambda: not there.qemus())
    assert len(here.qemus()) == 1
    assert here.virsh.state("beat").startswith("paused")
    assert beat.stands_still()
    wait_for(lambda: "None" in here.virsh("domjobinfo", "beat"))
    here.virsh("resume", "beat")
    beat.wait_running()
    beat.check()
