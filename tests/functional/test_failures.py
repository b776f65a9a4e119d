# SPDX-License-Identifier: LGPL-2.1-or-later
"""Something breaks during a migration.

Whatever it is: afterwards one QEMU runs the guest, or none where it was the
guest's own that died; the user is told why; and nothing is left behind.
"""

import contextlib
import signal
import socket

import pytest

from harness import processes, rpc
from harness.migration import (
    assert_job_is_over,
    assert_runs_only_on,
    start_slow,
)
from harness.rpc import Client, Refused
from harness.steps import Steps
from harness.wait import wait_for


@pytest.fixture
def steps(here, there, run_here):
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(Client(here.socket)).open(here.path)
        other = stack.enter_context(Client(there.socket)).open(there.path)
        yield Steps(one, other, "beat")


def refused(function, *arguments):
    with pytest.raises(Refused) as raised:
        function(*arguments)
    return raised.value


# The destination's QEMU dies.


def test_destination_qemu_dies_after_prepare(here, there, steps, beat):
    steps.begin()
    steps.prepare()
    processes.kill(there.qemu())
    error = refused(steps.perform)
    assert error.code != 93
    refused(steps.finish, 1)
    wait_for(lambda: there.virsh.state("beat") is None)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


def test_destination_qemu_dies_during_perform(here, there, filled, beat):
    migration = start_slow(here, there, "beat")
    processes.kill(there.qemu())
    assert migration.fail(20)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    assert there.virsh.state("beat") is None
    beat.check()


def test_destination_qemu_dies_before_finish(here, there, steps, beat):
    steps.begin()
    steps.prepare()
    steps.perform()
    processes.kill(there.qemu())
    error = refused(steps.finish)
    assert error.code != 93, error
    steps.confirm(cancelled=1)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()



# The source's QEMU dies.


def test_source_qemu_dies_after_begin(here, there, steps):
    steps.begin()
    processes.kill(here.qemu())
    wait_for(lambda: here.virsh.state("beat") is None)
    steps.source.call(rpc.CONNECT_GET_HOSTNAME)


def test_source_qemu_dies_after_prepare(here, there, steps):
    steps.begin()
    steps.prepare()
    processes.kill(here.qemu())
    wait_for(lambda: here.virsh.state("beat") is None)
    refused(steps.perform)
    refused(steps.finish, 1)
    wait_for(lambda: not there.qemus())
    assert there.virsh.state("beat") is None


def test_source_qemu_dies_during_perform(here, there, filled):
    migration = start_slow(here, there, "beat")
    processes.kill(here.qemu())
    text = migration.fail(20)
    assert text
    wait_for(lambda: not here.qemus() and not there.qemus())
    assert here.virsh.state("beat") is None
    assert there.virsh.state("beat") is None


def test_source_qemu_dies_before_finish(here, there, steps, beat):
    """Everything has been sent: the guest lives on the destination."""
    steps.begin()
    steps.prepare()
    steps.perform()
    processes.kill(here.qemu())
    wait_for(lambda: "QEMU was killed" in here.log())
    steps.finish()
    beat.wait_leg(2)
    steps.confirm()
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def test_source_qemu_dies_before_confirm(here, there, steps, beat):
    steps.begin()
    steps.prepare()
    steps.perform()
    steps.finish()
    processes.kill(here.qemu())
    wait_for(lambda: "QEMU was killed" in here.log())
    beat.wait_leg(2)
    steps.confirm()
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


# A daemon dies, or is killed.


def test_killed_destination_daemon_fails_the_migration(
    here, there, filled, beat
):
    """Its QEMU goes on receiving until the daemon is back to end it."""
    migration = start_slow(here, there, "beat")
    there.restart()
    assert migration.fail(30)
    assert_runs_only_on(here, there, "beat", beat)
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


# It can't begin.


def test_nobody_listens_at_the_destination(here, run_here, beat):
    port = processes.free_ports(1)
    text = here.virsh.fails(
        "migrate", "--live", "beat", f"qemu+tcp://127.0.0.1:{port}/system"
    )
    assert "Connection refused" in text
    beat.wait_running()
    assert_job_is_over(here, "beat")


@pytest.mark.parametrize(
    "uri, text",
    [
        (
            "foo://127.0.0.1",
            "argument unsupported: unsupported scheme foo in migration URI"
            " foo://127.0.0.1",
        ),
        (
            "somewhere",
            "invalid argument: missing scheme in migration URI: somewhere",
        ),
    ],
)
def test_migration_uri_that_makes_no_sense(
    here, there, run_here, beat, uri, text
):
    assert (
        here.virsh.fails(
            "migrate", "--live", "--migrateuri", uri, "beat", there.tcp_uri
        )
        == text
    )
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")


def test_port_in_use_is_said(here, there, run_here, beat):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = here.virsh.fails(
            "migrate",
            "--live",
            "--migrateuri",
            f"tcp://127.0.0.1:{port}",
            "beat",
            there.tcp_uri,
        )
    assert "in use" in text.lower()
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")


def test_port_of_the_range_that_is_taken_is_passed_over(
    here, there, run_here, beat
):
    with contextlib.ExitStack() as stack:
        for port in range(there.first_port, there.first_port + 3):
            taken = stack.enter_context(socket.socket())
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port))
            taken.listen()
        here.virsh("migrate", "--live", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


def changed(steps, old, new):
    """Prepare with another XML than Begin gave: the refusal."""
    steps.begin()
    assert old in steps.xml
    steps.xml = steps.xml.replace(old, new)
    return refused(steps.prepare)


@pytest.mark.parametrize(
    "old, new, text",
    [
        ("machine='pc-i440fx-7.2'", "machine='pc-i440fx-99.0'", "99.0"),
        ("<name>beat</name>", "", "name"),
        ("</domain>", "", "domain"),
        ("type='qemu'", "type='foo'", "foo"),
    ],
)
def test_destination_that_cannot_have_the_guest_refuses(
    here, there, steps, beat, old, new, text
):
    error = changed(steps, old, new)
    assert text in error.message
    steps.confirm(cancelled=1)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    assert there.virsh("list", "--all", "--name").strip() == ""


def test_machine_that_differs_is_found_by_qemu(here, there, steps, beat):
    """More memory than the stream has: QEMU's words reach the user."""
    steps.begin()
    steps.xml = steps.xml.replace(">131080<", ">135176<")
    steps.prepare()
    with contextlib.suppress(Refused):
        steps.perform()
    error = refused(steps.finish, 1)
    assert "Size mismatch" in error.message, error
    with contextlib.suppress(Refused):
        steps.confirm(cancelled=1)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


def test_destination_xml_of_the_same_machine_is_taken(
    here, there, run_here, beat
):
    path = here.file("same.xml", here.virsh("dumpxml", "--migratable", "beat"))
    here.virsh(
        "migrate", "--live", "--xml", path, "beat", there.tcp_uri, seconds=60
    )
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)
    beat.check()


@pytest.mark.parametrize(
    "old, new, text",
    [
        (">131080<", ">65544<", "memory"),
        ("<name>beat</name>", "<name>drum</name>", "name"),
        ("<vcpu placement='static'>1<", "<vcpu placement='static'>2<", "vCPU"),
    ],
)
def test_destination_xml_of_another_machine_is_refused(
    here, there, run_here, beat, old, new, text
):
    xml = here.virsh("dumpxml", "--migratable", "beat")
    assert old in xml
    path = here.file("other.xml", xml.replace(old, new))
    message = here.virsh.fails(
        "migrate", "--live", "--xml", path, "beat", there.tcp_uri
    )
    assert text.lower() in message.lower(), message
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")


def test_cpu_model_that_the_destination_lacks_is_refused(
    here, there, steps, beat
):
    steps.begin()
    start = steps.xml.index("<cpu ")
    end = steps.xml.index("</cpu>") + len("</cpu>")
    steps.xml = (
        steps.xml[:start]
        + "<cpu mode='custom' match='exact' check='full'>"
        + "<model fallback='forbid'>nonsense</model></cpu>"
        + steps.xml[end:]
    )
    error = refused(steps.prepare)
    assert "nonsense" in error.message
    steps.confirm(cancelled=1)
    assert_runs_only_on(here, there, "beat", beat)


def test_rubbish_on_the_migration_port_does_no_harm(here, there, steps, beat):
    """A stranger takes the only slot of the listening QEMU."""
    steps.begin()
    uri = steps.prepare()
    port = int(uri.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 5) as stranger:
        stranger.sendall(b"GET / HTTP/1.0\r\n\r\n" * 10)
    wait_for(lambda: not there.qemus())
    refused(steps.perform)
    refused(steps.finish, 1)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")


def test_stopped_guest_process_is_told_apart_from_a_dead_one(
    here, there, filled, beat
):
    """SIGSTOP of the destination's QEMU: an abort still comes through."""
    migration = start_slow(here, there, "beat")
    processes.kill(there.qemu(), signal.SIGSTOP)
    here.virsh("domjobabort", "beat")
    assert "canceled by client" in migration.fail(30)
    assert_runs_only_on(here, there, "beat", beat)
    beat.check()
