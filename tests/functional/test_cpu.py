# SPDX-License-Identifier: LGPL-2.1-or-later
"""The CPU that a guest sees stays what it is, or the guest stays."""

import contextlib
import re

import pytest

from harness.migration import assert_job_is_over, assert_runs_only_on
from harness.rpc import Client, Refused
from harness.steps import Steps

# Code of libvirt's errors.
CPU_INCOMPATIBLE = 91

QEMU64_WITHOUT_SVM = (
    "<cpu mode='custom' match='exact'>"
    "<model fallback='forbid'>qemu64</model>"
    "<feature policy='disable' name='svm'/></cpu>"
)


@pytest.fixture
def steps(here, there, run_here):
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(Client(here.socket)).open(here.path)
        other = stack.enter_context(Client(there.socket)).open(there.path)
        yield Steps(one, other, "beat")


def cpu_option(daemon):
    """What QEMU was started with: the model, and {feature: is it on}."""
    (line,) = daemon.qemus().values()
    model, *rest = line[line.index("-cpu") + 1].split(",")
    pairs = (part.split("=") for part in rest)
    return model, {name: value == "on" for name, value in pairs}


def seen(cookie):
    """The words of our own section."""
    (text,) = re.findall(
        r"<x-vmferry-cpu>(.*)</x-vmferry-cpu>", cookie.decode()
    )
    return text.split()


def migrate(here, there, beat):
    here.virsh("migrate", "--live", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert_runs_only_on(there, here, "beat", beat)


def assert_prepare_refused(here, there, steps, beat, *reasons):
    with pytest.raises(Refused) as raised:
        steps.prepare()
    assert raised.value.code == CPU_INCOMPATIBLE
    for reason in (
        "the destination's QEMU can't give domain 'beat' the CPU 'qemu64'"
        " that it sees now (host hostb, QEMU ",
        *reasons,
    ):
        assert reason in raised.value.message
    steps.confirm(cancelled=1)
    assert_runs_only_on(here, there, "beat", beat)
    assert_job_is_over(here, "beat")
    beat.check()


def test_source_says_what_its_guest_sees(steps):
    steps.begin()
    words = seen(steps.cookie)
    assert words[0] == "model=qemu64"
    assert words[1].startswith("identity=AuthenticAMD/15/")
    assert {"+lm", "+lahf-lm", "+hypervisor", "+svm"} <= set(words)
    # QEMU's properties that are no features of a CPU, and its aliases.
    assert not {"+check", "+realized", "+kvm", "+lahf_lm", "+i64"} & set(words)
    assert "<feature name='x-vmferry" not in steps.cookie.decode()
    steps.confirm(cancelled=1)


def test_what_a_guest_sees_is_known_after_a_restart(here, there, steps):
    steps.begin()
    words = seen(steps.cookie)
    steps.confirm(cancelled=1)
    here.restart()
    with Client(here.socket) as one, Client(there.socket) as other:
        again = Steps(one.open(here.path), other.open(there.path), "beat")
        again.begin()
        assert seen(again.cookie) == words
        again.confirm(cancelled=1)


def test_same_cpu_moves_there_and_back(here, there, guest, beat):
    guest.cpu = QEMU64_WITHOUT_SVM
    here.create(guest)
    beat.wait_running()
    migrate(here, there, beat)
    there.virsh("migrate", "--live", "beat", here.tcp_uri, seconds=60)
    beat.wait_leg(3)
    beat.check()


def test_destination_that_would_take_a_feature_away_is_refused(
    here, there, steps, beat
):
    steps.begin()
    model = "<model fallback='forbid'>qemu64</model>"
    assert model in steps.xml
    steps.xml = steps.xml.replace(
        model,
        model
        + "<feature policy='disable' name='svm'/>"
        + "<feature policy='disable' name='lahf_lm'/>",
    )
    assert_prepare_refused(
        here, there, steps, beat, ": missing features: lahf-lm, svm"
    )


def test_destination_that_would_add_a_feature_is_refused(
    here, there, steps, beat
):
    steps.begin()
    assert b" +svm" in steps.cookie
    steps.cookie = steps.cookie.replace(b" +svm", b"")
    assert_prepare_refused(here, there, steps, beat, ": extra features: svm")


def test_destination_with_another_vendor_is_refused(here, there, steps, beat):
    steps.begin()
    steps.cookie = steps.cookie.replace(b"AuthenticAMD", b"GenuineIntel")
    assert_prepare_refused(
        here, there, steps, beat, ": AuthenticAMD/15/107 instead of Genuine"
    )


def test_feature_that_a_libvirtd_requires_is_looked_for(
    here, there, steps, beat
):
    steps.begin()
    cookie = steps.cookie.decode()
    cookie = re.sub("<x-vmferry-cpu>.*</x-vmferry-cpu>", "", cookie)
    cpu = (
        "<cpu mode='custom' match='exact' check='full'>"
        "<model fallback='forbid'>qemu64</model>"
        "<feature policy='require' name='lahf_lm'/>"
        "<feature policy='require' name='avx512f'/>"
        "<feature policy='disable' name='svm'/></cpu>"
    )
    steps.cookie = cookie.replace("<capab", cpu + "<capab").encode()
    assert_prepare_refused(
        here, there, steps, beat, ": missing features: avx512f"
    )


def test_source_that_does_not_say_is_believed(here, there, steps, beat):
    steps.begin()
    cookie = steps.cookie.decode()
    cookie = re.sub("<x-vmferry-cpu>.*</x-vmferry-cpu>", "", cookie)
    steps.cookie = cookie.encode()
    steps.prepare()
    steps.perform()
    steps.finish()
    steps.confirm()
    assert_runs_only_on(there, here, "beat", beat)


@pytest.mark.parametrize(
    "text",
    [b"", b"+lm", b"model= +lm", b"model=a +l,m", b"model=a" + b" +x" * 5000],
    ids=["empty", "no model", "no name", "comma", "endless"],
)
def test_cpu_that_makes_no_sense_is_refused(here, there, steps, beat, text):
    steps.begin()
    steps.cookie = re.sub(
        b"<x-vmferry-cpu>.*</x-vmferry-cpu>",
        b"<x-vmferry-cpu>" + text + b"</x-vmferry-cpu>",
        steps.cookie,
    )
    with pytest.raises(Refused, match="migration cookie"):
        steps.prepare()
    steps.confirm(cancelled=1)
    assert_runs_only_on(here, there, "beat", beat)


def test_what_a_host_lacks_is_withheld_by_the_next(here, there, guest, beat):
    """TCG gives a part of this model only, and says so at the source."""
    guest.cpu = "Skylake-Client"
    here.create(guest)
    beat.wait_running()
    migrate(here, there, beat)
    model, switches = cpu_option(there)
    assert model == "Skylake-Client"
    assert switches["rtm"] is False
    assert True not in switches.values()
    # And by the one after that, which is told by a host that lacks nothing.
    there.virsh("migrate", "--live", "beat", here.tcp_uri, seconds=60)
    beat.wait_leg(3)
    assert cpu_option(here) == (model, switches)
    beat.check()
