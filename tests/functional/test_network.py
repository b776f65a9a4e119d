# SPDX-License-Identifier: LGPL-2.1-or-later
"""Interfaces with taps: made, put into a bridge, up where the guest runs."""

import contextlib
import subprocess

import pytest

from harness import network
from harness.commands import Failed
from harness.network import Network, ip
from harness.rpc import Client, Refused
from harness.steps import Steps
from harness.wait import wait_for

MAC = "52:54:00:aa:bb:01"


@pytest.fixture(autouse=True)
def net():
    """The test is in it; it has the bridges br-a and br-b."""
    why_not = network.missing()
    if why_not:
        pytest.skip(why_not)
    net = Network()
    try:
        net.add_bridge("br-a", mtu=1400)
        net.add_bridge("br-b")
        yield net
    finally:
        net.leave()


# The daemons have to be in the network before they start.
@pytest.fixture
def here(net, new_daemon):
    assert net
    return new_daemon("hosta").start()


@pytest.fixture
def there(net, new_daemon):
    assert net
    return new_daemon("hostb").start()


def interface(kind="bridge", source="br-a", target="", model="virtio"):
    return (
        f"<interface type='{kind}'><mac address='{MAC}'/>"
        + (f"<source bridge='{source}'/>" if kind == "bridge" else "")
        + (f"<target {target}/>" if target else "")
        + f"<model type='{model}'/></interface>"
    )


@pytest.fixture
def steps(here, there, guest, beat):
    """Of a guest that runs here, in br-a."""
    guest.devices = interface()
    here.create(guest)
    beat.wait_running()
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(Client(here.socket)).open(here.path)
        other = stack.enter_context(Client(there.socket)).open(there.path)
        yield Steps(one, other, "beat")


def wait_no_taps(net):
    wait_for(lambda: not net.taps(), 10, lambda: f"{net.taps()} to go")


def test_bridge_gets_a_tap_as_libvirt_makes_it(net, here, guest, beat):
    guest.devices = interface()
    here.create(guest)
    beat.wait_running()
    assert net.ports("br-a") == {"vnet0": True}
    tap = net.taps()["vnet0"]
    assert tap["address"] == "fe:54:00:aa:bb:01"
    assert tap["mtu"] == 1400
    assert tap["linkinfo"]["info_data"]["vnet_hdr"]
    assert not tap["linkinfo"]["info_data"]["persist"]
    assert "<target dev='vnet0'/>" in here.virsh("dumpxml", "beat")
    assert "vnet0" not in here.virsh("dumpxml", "--inactive", "beat")
    assert "vnet0" in here.virsh("domiflist", "beat")
    assert '"fd":"4"' in "".join(here.qemus()[here.qemu()])
    here.virsh("destroy", "beat")
    wait_no_taps(net)


def test_each_guest_gets_the_next_name(net, here, new_guest):
    for name in ("one", "two"):
        guest = new_guest(name)
        guest.devices = interface()
        here.create(guest)
    assert net.ports("br-a") == {"vnet0": True, "vnet1": True}
    here.virsh("destroy", "one")
    wait_for(lambda: net.ports("br-a") == {"vnet1": True})


def test_a_name_of_ones_own_and_a_plain_device(net, here, guest):
    guest.devices = interface(target="dev='mytap'", model="e1000")
    here.create(guest)
    assert net.ports("br-a") == {"mytap": True}
    assert not net.taps()["mytap"]["linkinfo"]["info_data"]["vnet_hdr"]
    assert "<target dev='mytap'/>" in here.virsh(
        "dumpxml", "--inactive", "beat"
    )


def test_a_guest_whose_qemu_dies_leaves_no_tap(net, here, guest, beat):
    guest.devices = interface()
    here.create(guest)
    beat.wait_running()
    subprocess.run(["kill", "-KILL", str(here.qemu())], check=True)
    wait_no_taps(net)


def test_ethernet_gets_a_tap_that_is_up_and_nowhere(net, here, guest):
    guest.devices = interface("ethernet")
    here.create(guest)
    tap = net.taps()["vnet0"]
    assert "UP" in tap["flags"] and "master" not in tap
    assert tap["address"] == "fe:54:00:aa:bb:01"
    here.virsh("destroy", "beat")
    wait_no_taps(net)


def test_a_tap_of_somebody_else_is_left_as_it_is(net, here, guest):
    ip("tuntap", "add", "dev", "theirs", "mode", "tap")
    before = net.taps()["theirs"]
    guest.devices = interface("ethernet", target="dev='theirs' managed='no'")
    here.create(guest)
    during = net.taps()["theirs"]
    assert during["address"] == before["address"]
    assert "UP" not in during["flags"]
    here.virsh("destroy", "beat")
    assert set(net.taps()) == {"theirs"}


@pytest.mark.parametrize(
    "device, why",
    [
        (
            interface(source="br-x"),
            "Cannot get interface MTU on 'br-x': No such device",
        ),
        (
            interface(source="theirs"),
            "Unable to add bridge theirs port vnet0: "
            "Operation not supported",
        ),
        (
            interface(target="dev='theirs'"),
            "The theirs interface already exists",
        ),
        (
            interface("ethernet", target="dev='none' managed='no'"),
            "target managed='no' but specified dev doesn't exist",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(net, here, guest, device, why):
    ip("tuntap", "add", "dev", "theirs", "mode", "tap")
    # The first of two is there already when the second fails.
    guest.devices = interface("ethernet").replace(":01", ":02") + device
    with pytest.raises(Failed) as failed:
        here.create(guest)
    assert why in str(failed.value).replace("vnet1", "vnet0")
    assert "beat" in str(failed.value)
    assert set(net.taps()) == {"theirs"}
    assert not here.qemus()
    assert "beat" not in here.virsh("list", "--all", "--name")


def with_bridge(daemon, bridge):
    """A file with the guest's XML for a host that has another bridge."""
    xml = daemon.virsh("dumpxml", "--migratable", "beat")
    return daemon.file("moved.xml", xml.replace("br-a", bridge))


def test_migration_takes_the_guest_to_the_other_bridge(
    net, here, there, guest, beat
):
    guest.devices = interface()
    here.create(guest)
    beat.wait_running()
    here.virsh(
        "migrate",
        "--live",
        "--xml",
        with_bridge(here, "br-b"),
        "beat",
        there.tcp_uri,
    )
    beat.wait_leg(2)
    wait_for(lambda: net.ports("br-a") == {}, 10)
    assert net.ports("br-b") == {"vnet1": True}
    assert "<target dev='vnet1'/>" in there.virsh("dumpxml", "beat")
    there.virsh("destroy", "beat")
    wait_no_taps(net)
    beat.check()


def test_only_who_may_run_the_guest_is_up(net, steps, beat):
    steps.begin()
    steps.prepare()
    assert net.ports("br-a") == {"vnet0": True, "vnet1": False}
    steps.perform()
    assert net.ports("br-a") == {"vnet0": False, "vnet1": False}
    steps.finish()
    assert net.ports("br-a")["vnet1"]
    steps.confirm()
    beat.wait_leg(2)
    wait_for(lambda: net.ports("br-a") == {"vnet1": True})


def test_a_guest_that_comes_back_has_its_network(net, steps, beat):
    steps.begin()
    steps.prepare()
    steps.perform()
    assert net.ports("br-a")["vnet0"] is False
    with pytest.raises(Refused):
        steps.finish(cancelled=1)
    steps.confirm(cancelled=1)
    beat.wait_running()
    wait_for(lambda: net.ports("br-a") == {"vnet0": True})


def test_guest_that_is_given_back_takes_the_network_up(
    net, here, there, steps, beat
):
    steps.begin()
    steps.prepare()
    steps.perform()
    steps.source.close()
    steps.destination.close()
    wait_for(lambda: not there.qemus(), 10)
    beat.wait_running()
    assert net.ports("br-a") == {"vnet0": True}


def test_no_bridge_at_the_destination_fails_prepare(
    net, here, there, guest, beat
):
    guest.devices = interface()
    here.create(guest)
    beat.wait_running()
    path = with_bridge(here, "br-x")
    message = here.virsh.fails(
        "migrate", "--live", "--xml", path, "beat", there.tcp_uri
    )
    assert "Cannot get interface MTU on 'br-x'" in message
    beat.wait_running()
    assert net.ports("br-a") == {"vnet0": True}
    assert set(net.taps()) == {"vnet0"}
