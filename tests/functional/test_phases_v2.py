# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each call of a v2 migration by itself, and what holds between two.

A daemon offers every protocol here, as it does by default: nothing but the
calls themselves says which one is meant.
"""

import contextlib
import os

import pytest

from harness import processes, rpc
from harness.migration import assert_job_is_over, assert_runs_only_on
from harness.rpc import Client, Refused
from harness.steps import Steps
from harness.steps_v2 import StepsV2
from harness.wait import wait_for

# Code, domain of libvirt's errors.
NO_SUPPORT = 3
INVALID_ARG = 8
NOT_VALID = 55
NO_DOMAIN = 42
UNSUPPORTED = 84
FINISHED_AS_ASKED = 93


@contextlib.contextmanager
def clients(source, destination):
    with Client(source.socket) as one, Client(destination.socket) as other:
        yield one.open(source.path), other.open(destination.path)


@pytest.fixture
def steps(here, there, run_here):
    with clients(here, there) as ends:
        yield StepsV2(*ends, "beat")


def refused(function, *arguments):
    with pytest.raises(Refused) as raised:
        function(*arguments)
    return raised.value


def assert_untouched(here, there, beat):
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    assert there.virsh.state("beat") is None


def test_all_calls_move_the_guest(here, there, steps, beat):
    uri = steps.prepare()
    assert uri.startswith("tcp:127.0.0.1:"), uri
    assert steps.cookie == b""
    assert there.virsh.state("beat") == "paused (migrating)"
    assert here.virsh.state("beat") == "running (booted)"
    # Nothing is held before Perform.
    assert_job_is_over(here, "beat")
    steps.perform()
    # Killed, not only paused, and that before the answer.
    assert not here.qemus()
    assert here.virsh.state("beat") is None
    assert there.virsh.state("beat") == "paused (migrating)"
    assert steps.finish()[0] == "beat"
    beat.wait_leg(2)
    assert there.virsh.state("beat") == "running (migrated)"
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_source_is_held_during_perform(here, there, guest, beat):
    guest.config = "hb=10 fill=64"
    here.create(guest)
    beat.wait_running()
    here.virsh("migrate-setspeed", "beat", 1)
    with clients(here, there) as ends:
        steps = StepsV2(*ends, "beat")
        steps.prepare()
        serial = steps.start_perform()
        wait_for(lambda: "Memory remaining" in here.virsh("domjobinfo", "beat"))
        assert "cannot acquire state change lock" in here.virsh.fails(
            "resume", "beat"
        )
        assert "another migration job is already running" in here.virsh.fails(
            "migrate", "--live", "beat", there.tcp_uri
        )
        with Client(here.socket) as other:
            again = StepsV2(other.open(here.path), ends[1], "beat")
            again.uri = steps.uri
            error = refused(again.perform)
        assert error.code == NOT_VALID
        assert "another migration job is already running" in error.message
        here.virsh("domjobabort", "beat")
        error = refused(ends[0].wait, serial)
        assert error.code == 78
        refused(steps.finish, 1)
    assert_untouched(here, there, beat)
    beat.check()


def test_destination_is_held_until_finish(there, steps):
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


# The rules of the specification where something fails.


def test_failed_perform_resumes_the_source(here, there, steps, beat):
    steps.prepare()
    processes.kill(there.qemu())
    assert refused(steps.perform).code != FINISHED_AS_ASKED
    refused(steps.finish, 1)
    wait_for(lambda: there.virsh.state("beat") is None)
    assert_untouched(here, there, beat)
    beat.check()


def test_cancelled_finish_kills_the_destination(here, there, steps, beat):
    steps.prepare()
    error = refused(steps.finish, 1)
    assert error.code == FINISHED_AS_ASKED
    assert error.message == "migration successfully aborted"
    assert_untouched(here, there, beat)
    assert not there.qemus()


def test_cancelled_finish_kills_what_is_whole(here, there, steps):
    """The only one: so the specification wants it."""
    steps.prepare()
    steps.perform()
    assert refused(steps.finish, 1).code == FINISHED_AS_ASKED
    assert not there.qemus()
    assert not here.qemus()
    assert there.virsh.state("beat") is None


def test_guest_that_died_before_finish_is_told(there, steps):
    steps.prepare()
    steps.perform()
    processes.kill(there.qemu())
    assert "qemu unexpectedly closed" in refused(steps.finish).message
    assert there.virsh.state("beat") is None


def test_machine_that_differs_is_found_by_qemu(here, there, steps, beat):
    steps.dump()
    steps.xml = steps.xml.replace(">131080<", ">135176<")
    steps.prepare()
    with contextlib.suppress(Refused):
        steps.perform()
    assert "Size mismatch" in refused(steps.finish, 1).message
    assert_untouched(here, there, beat)
    beat.check()


# Out of order.


def test_perform_without_prepare_leaves_the_guest(here, there, steps, beat):
    steps.uri = f"tcp:127.0.0.1:{there.first_port}"
    assert "migration out" in refused(steps.perform).message
    assert_untouched(here, there, beat)
    beat.check()


@pytest.mark.parametrize("uri", ["", "tcp", "ftp://somewhere", "unix:"])
def test_perform_to_nowhere_leaves_the_guest(here, there, steps, beat, uri):
    steps.uri = uri
    refused(steps.perform)
    assert_untouched(here, there, beat)
    beat.check()


def test_finish_without_prepare_is_refused(steps):
    assert refused(steps.finish).code == NO_DOMAIN
    assert refused(steps.finish, 1).code == NO_DOMAIN


def test_finish_of_a_guest_that_runs_there_is_refused(there, new_guest, steps):
    there.create(new_guest("beat"))
    for retcode in (0, 1):
        error = refused(steps.finish, retcode)
        assert error.code == NOT_VALID
        assert "not processing incoming migration" in error.message
    assert there.virsh.state("beat") == "running (booted)"


def test_finish_before_perform_waits_and_is_overtaken(here, there, steps, beat):
    """Finish comes from a client that does not wait for Perform."""
    steps.prepare()
    arguments = rpc.string("beat") + rpc.opaque(b"") + rpc.string(steps.uri)
    arguments += rpc.hyper(rpc.LIVE) + rpc.integer(0)
    serial = steps.destination.start(rpc.FINISH2, arguments)
    assert not steps.destination.has_reply(serial, 0.2)
    steps.perform()
    assert steps.destination.wait(serial).domain()[0] == "beat"
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_every_call_twice_is_refused(here, there, steps, beat):
    steps.prepare()
    error = refused(steps.prepare)
    assert error.code == NOT_VALID
    assert there.virsh.state("beat") == "paused (migrating)"
    uri = steps.uri
    steps.perform()
    steps.uri = uri
    assert refused(steps.perform).code == NO_DOMAIN
    steps.finish()
    error = refused(steps.finish)
    assert error.code == NOT_VALID
    assert "not processing incoming migration" in error.message
    assert refused(steps.finish, 1).code == NOT_VALID
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_calls_of_two_protocols_do_not_mix(here, there, run_here, beat):
    with clients(here, there) as ends:
        two, three = StepsV2(*ends, "beat"), Steps(*ends, "beat")
        # v3 begins, v2 performs: the job is another's.
        three.begin()
        two.uri = f"tcp:127.0.0.1:{there.first_port}"
        assert refused(two.perform).code == NOT_VALID
        three.prepare()
        # v3 has prepared, v2 finishes.
        assert refused(two.finish).code == NOT_VALID
        three.perform()
        assert refused(two.finish).code == NOT_VALID
        three.finish()
        three.confirm()
        beat.wait_leg(2)
        assert_runs_only_on(there, here, "beat", beat)
    with clients(there, here) as ends:
        # v2 has prepared, v3 finishes.
        two, three = StepsV2(*ends, "beat"), Steps(*ends, "beat")
        two.prepare()
        assert refused(three.finish).code == NOT_VALID
        two.perform()
        assert refused(three.finish).code == NOT_VALID
        assert refused(three.confirm).code == NO_DOMAIN
        two.finish()
        beat.wait_leg(3)
        assert_runs_only_on(here, there, "beat", beat)
    beat.check()


def test_domain_that_does_not_run_is_not_performed(here, there, guest):
    here.define(guest)
    with clients(here, there) as ends:
        steps = StepsV2(*ends, "beat")
        steps.uri = f"tcp:127.0.0.1:{there.first_port}"
        error = refused(steps.perform)
    assert error.code == NOT_VALID
    assert error.message.endswith("domain is not running")


# Bad input.


@pytest.mark.parametrize(
    "cookie",
    [b"\0", b"<qemu-migration/>\0", b"no end", os.urandom(64), b"<" * 100000],
    ids=["empty text", "no name", "no nul", "random", "deep"],
)
def test_garbage_cookie_of_perform_is_refused(
    here, there, steps, beat, cookie
):
    steps.prepare()
    steps.cookie = cookie
    refused(steps.perform)
    steps.cookie = b""
    refused(steps.finish, 1)
    assert_untouched(here, there, beat)
    beat.check()


def test_cookie_of_another_guest_is_refused(here, there, steps, beat):
    steps.prepare()
    steps.cookie = (
        b"<qemu-migration><name>other</name>"
        b"<uuid>c0ffee00-1234-4abc-8def-0000000000fe</uuid>"
        b"<hostname>hostb</hostname>"
        b"<hostuuid>c0ffee00-1234-4abc-8def-0000000000ff</hostuuid>"
        b"</qemu-migration>\0"
    )
    assert "other" in refused(steps.perform).message
    steps.cookie = b""
    refused(steps.finish, 1)
    assert_untouched(here, there, beat)


def test_garbage_cookie_of_finish_does_not_cost_the_guest(
    here, there, steps, beat
):
    steps.prepare()
    steps.perform()
    steps.cookie = os.urandom(64)
    steps.finish()
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


@pytest.mark.parametrize(
    "flags, code",
    [
        (0x80000000, INVALID_ARG),
        (1 << 40, INVALID_ARG),
        (0x400 | 0x8, UNSUPPORTED),  # offline, with persistent
        (0x40, UNSUPPORTED),
        (0x8000 | rpc.LIVE, UNSUPPORTED),
    ],
)
def test_flags_that_v2_can_not_have_are_refused(
    here, there, steps, beat, flags, code
):
    steps.dump()
    steps.uri = f"tcp:127.0.0.1:{there.first_port}"
    steps.flags = flags
    assert refused(steps.prepare).code == code
    steps.uri = f"tcp:127.0.0.1:{there.first_port}"
    assert refused(steps.perform).code == code
    assert refused(steps.finish).code == code
    assert_untouched(here, there, beat)


@pytest.mark.parametrize("xml", ["", "<domain", "<domain/>", "x" * 100000])
def test_prepare_of_no_guest_is_refused(here, there, steps, beat, xml):
    steps.xml = xml
    refused(steps.prepare)
    assert_untouched(here, there, beat)
    assert not there.qemus()


def test_calls_of_version_1_do_not_exist(here, run_here):
    with Client(here.socket) as client:
        client.open(here.path)
        error = refused(
            client.call,
            rpc.PREPARE1,
            rpc.optional(None) + rpc.hyper(0) + rpc.optional(None)
            + rpc.hyper(0),
        )
        assert (error.code, error.message) == (
            NO_SUPPORT,
            "this function is not supported by the connection driver:"
            " virDomainMigratePrepare",
        )
        error = refused(
            client.call,
            rpc.FINISH1,
            rpc.string("beat") + rpc.opaque(b"") + rpc.string("x")
            + rpc.hyper(0),
        )
        assert error.code == NO_SUPPORT


# The client or a daemon goes away: what is whole is never lost.


def test_client_gone_after_prepare_ends_the_destination(
    here, there, run_here, beat
):
    with clients(here, there) as ends:
        StepsV2(*ends, "beat").prepare()
    wait_for(lambda: there.virsh.state("beat") is None)
    assert_untouched(here, there, beat)


def test_client_gone_after_perform_keeps_the_guest_there(
    here, there, run_here, beat
):
    with clients(here, there) as ends:
        steps = StepsV2(*ends, "beat")
        steps.prepare()
        steps.perform()
    wait_for(lambda: "None" in there.virsh("domjobinfo", "beat"))
    assert there.virsh.state("beat").startswith("paused")
    assert "see that the source does not have it" in there.log()
    there.virsh("resume", "beat")
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


@pytest.mark.parametrize("side", ["source", "destination"])
def test_restart_after_prepare_leaves_the_source(
    here, there, run_here, beat, side
):
    with clients(here, there) as ends:
        StepsV2(*ends, "beat").prepare()
        (here if side == "source" else there).restart()
    wait_for(lambda: there.virsh.state("beat") is None)
    assert_untouched(here, there, beat)
    beat.check()


def test_restart_of_the_destination_after_perform_keeps_the_guest(
    here, there, run_here, beat
):
    with clients(here, there) as ends:
        steps = StepsV2(*ends, "beat")
        steps.prepare()
        steps.perform()
        there.restart()
    wait_for(lambda: "None" in there.virsh("domjobinfo", "beat"))
    assert there.virsh.state("beat").startswith("paused")
    there.virsh("resume", "beat")
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_what_came_while_the_destination_daemon_was_dead_is_kept(
    here, there, run_here, beat
):
    with clients(here, there) as ends:
        steps = StepsV2(*ends, "beat")
        steps.prepare()
        there.kill()
        steps.perform()
    assert not here.qemus()
    there.start()
    wait_for(lambda: "None" in there.virsh("domjobinfo", "beat"))
    assert there.virsh.state("beat").startswith("paused")
    there.virsh("resume", "beat")
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_paused_guest_that_was_kept_can_go_on(here, there, run_here, beat):
    """Its disks were never activated there: QEMU must not mind."""
    with clients(here, there) as ends:
        steps = StepsV2(*ends, "beat")
        steps.prepare()
        steps.perform()
    wait_for(lambda: "None" in there.virsh("domjobinfo", "beat"))
    there.virsh("migrate", "beat", here.tcp_uri, seconds=60)
    here.virsh("resume", "beat")
    beat.wait_leg(2)
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()
