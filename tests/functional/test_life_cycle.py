# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scripts do to a guest beside migrating it."""

import json
import re
import xml.etree.ElementTree as ET

import libvirt
import libvirt_qemu
import pytest

from harness.wait import wait_for

TIMED_OUT = 68


@pytest.fixture(autouse=True)
def quiet():
    libvirt.registerErrorHandler(lambda *_: None, None)


@pytest.fixture
def connect():
    """Connections that are closed at the end."""
    connections = []

    def make(daemon):
        connections.append(libvirt.open(daemon.uri))
        return connections[-1]

    yield make
    for connection in connections:
        connection.close()


def with_balloon(guest):
    guest.devices += "    <memballoon model='virtio'/>\n"
    xml = guest.xml().replace("<memballoon model='none'/>\n", "", 1)
    guest.xml = lambda: xml
    return guest


def with_vcpus(guest, current, maximum):
    xml = guest.xml().replace(
        "<vcpu placement='static'>1</vcpu>",
        f"<vcpu placement='static' current='{current}'>{maximum}</vcpu>",
    )
    guest.xml = lambda: xml
    return guest


# Starting.


def test_guest_ends_with_the_client_that_wanted_it_so(here, guest, beat):
    here.define(guest)
    connection = libvirt.open(here.uri)
    domain = connection.lookupByName("beat")
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_AUTODESTROY)
    beat.wait_running()
    # It keeps the connection open.
    del domain
    connection.close()
    wait_for(lambda: not here.qemus(), 20, "the guest to end")
    wait_for(lambda: here.virsh.state("beat") == "shut off (destroyed)")


def test_guest_that_ends_with_its_client_stays(
    here, there, guest, beat, connect
):
    domain = connect(here).createXML(
        guest.xml(), libvirt.VIR_DOMAIN_START_AUTODESTROY
    )
    beat.wait_running()
    assert "domain is marked for auto destroy" in here.virsh.fails(
        "migrate", "--live", "beat", there.tcp_uri
    )
    assert domain.isActive()
    assert not there.qemus()
    domain.destroy()


def test_guests_start_with_the_host_once(here, guest, beat):
    here.define(guest)
    here.virsh("autostart", "beat")
    assert "enable" in here.virsh("dominfo", "beat")
    assert here.virsh("list", "--all", "--name", "--autostart") == "beat"
    here.restart()
    # It is still the same boot of the host.
    assert here.virsh.state("beat") == "shut off (unknown)"
    here.forget_boot()
    here.restart()
    beat.wait_running()
    assert here.virsh.state("beat") == "running (booted)"
    here.virsh("autostart", "--disable", "beat")
    here.virsh("destroy", "beat")
    here.forget_boot()
    here.restart()
    assert here.virsh.state("beat") == "shut off (unknown)"


def test_autostart_goes_with_the_definition(here, guest):
    here.define(guest)
    here.virsh("autostart", "beat")
    here.virsh("undefine", "beat")
    here.define(guest)
    assert "disable" in here.virsh("dominfo", "beat")


def test_transient_guest_is_not_started_with_the_host(here, run_here):
    assert "cannot set autostart for transient domain" in here.virsh.fails(
        "autostart", "beat"
    )


# Definitions.


def test_renamed_domain_keeps_everything_else(here, guest, watch):
    here.define(guest)
    events = watch(here)
    here.virsh("domrename", "beat", "drum")
    assert here.virsh("domuuid", "drum") == guest.uuid
    assert here.virsh.state("beat") is None
    events.wait("beat", "lifecycle Undefined Renamed")
    events.wait("drum", "lifecycle Defined Renamed")
    here.restart()
    assert here.virsh("domuuid", "drum") == guest.uuid


def test_name_that_is_taken_or_makes_no_sense(here, guest, new_guest):
    here.define(guest)
    here.define(new_guest("other"))
    assert "domain with name 'other' already exists" in here.virsh.fails(
        "domrename", "beat", "other"
    )
    assert "cannot contain '/'" in here.virsh.fails(
        "domrename", "beat", "be/at"
    )
    assert here.virsh("domuuid", "beat") == guest.uuid


def test_nvram_is_lost_only_where_that_is_meant(here, guest):
    path = here.file("vars.fd", "variables")
    xml = guest.xml().replace(
        f"<loader type='rom'>{guest.image}</loader>",
        f"<loader readonly='yes' type='pflash'>{guest.image}</loader>\n"
        f"<nvram>{path}</nvram>",
    )
    guest.xml = lambda: xml
    here.define(guest)
    assert "cannot undefine domain with nvram" in here.virsh.fails(
        "undefine", "beat"
    )
    here.virsh("undefine", "--keep-nvram", "beat")
    assert "vars.fd" in here.file_names()
    here.define(guest)
    here.virsh("undefine", "--nvram", "beat")
    assert "vars.fd" not in here.file_names()


def test_notes_survive_a_restart_and_a_migration(here, there, run_here, beat):
    here.virsh("desc", "beat", "moves a lot")
    here.virsh("desc", "beat", "--title", "The beat")
    here.virsh(
        "metadata", "beat", "urn:x", "--key", "k", "--set", "<a b='1'><c/></a>"
    )
    here.restart()
    here.virsh("migrate", "--live", "beat", there.tcp_uri, seconds=60)
    assert there.virsh("desc", "beat") == "moves a lot"
    assert there.virsh("desc", "beat", "--title") == "The beat"
    assert there.virsh("metadata", "beat", "urn:x").replace('"', "'") == (
        "<a b='1'>\n  <c/>\n</a>"
    )
    there.virsh("metadata", "beat", "urn:x", "--remove")
    assert "<metadata>" not in there.virsh("dumpxml", "beat")


def test_changed_notes_are_told(here, run_here, watch):
    events = watch(here)
    here.virsh("desc", "beat", "new")
    events.wait("beat", "metadata-change type description, uri <null>")


# Memory and processors.


def test_memory_of_the_definition(here, guest):
    here.define(guest)
    here.virsh("setmaxmem", "beat", "262144", "--config")
    here.virsh("setmem", "beat", "200000", "--config")
    here.restart()
    info = here.virsh("dominfo", "beat")
    assert re.search(r"Max memory: +262144 KiB", info)
    assert re.search(r"Used memory: +200000 KiB", info)
    assert "cannot set memory higher than max memory" in here.virsh.fails(
        "setmem", "beat", "262145", "--config"
    )
    here.virsh("setmaxmem", "beat", "100000", "--config")
    assert re.search(
        r"Used memory: +100000 KiB", here.virsh("dominfo", "beat")
    )


def test_guest_without_a_balloon_keeps_its_memory(here, run_here):
    assert "without the balloon device" in here.virsh.fails(
        "setmem", "beat", "65536"
    )
    assert "cannot resize the maximum memory" in here.virsh.fails(
        "setmaxmem", "beat", "262144"
    )


def test_balloon_is_asked(here, guest, beat):
    here.create(with_balloon(guest))
    beat.wait_running()
    # The test's guest has no driver: it is asked, and doesn't answer.
    here.virsh("setmem", "beat", "65536", "--live")
    assert "131080 KiB" in here.virsh("dominfo", "beat")


def test_processors_are_plugged_in_and_move(here, there, guest, beat):
    here.create(with_vcpus(guest, 1, 4))
    beat.wait_running()
    here.virsh("setvcpus", "beat", "3", "--live")
    assert here.virsh("vcpucount", "beat", "--live") == "3"
    assert here.virsh("vcpuinfo", "beat").count("VCPU:") == 3
    assert "greater than max allowable vcpus for the live domain: 5 > 4" in (
        here.virsh.fails("setvcpus", "beat", "5", "--live")
    )
    here.virsh("migrate", "--live", "beat", there.tcp_uri, seconds=60)
    beat.wait_leg(2)
    assert there.virsh("vcpuinfo", "beat").count("VCPU:") == 3
    assert there.virsh("vcpucount", "beat", "--live") == "3"
    beat.check()


# The power button.


def test_reset_is_told_and_the_guest_goes_on(here, run_here, beat, watch):
    events = watch(here)
    here.virsh("reset", "beat")
    events.wait("beat", "reboot")
    assert here.virsh.state("beat") == "running (booted)"


def test_paused_guest_does_not_hear_its_power_button(here, run_here):
    here.virsh("suspend", "beat")
    assert "domain is not running" in here.virsh.fails("shutdown", "beat")


def test_agent_is_not_there(here, run_here):
    for words in (
        ["shutdown", "beat", "--mode", "agent"],
        ["reboot", "beat", "--mode", "agent"],
        ["domtime", "beat"],
        ["domfsinfo", "beat"],
        ["guestinfo", "beat"],
        ["domfsfreeze", "beat"],
    ):
        assert "QEMU guest agent is not configured" in here.virsh.fails(*words)


# By hand.


def test_monitor_commands_are_passed_on_and_noted(here, run_here, connect):
    domain = connect(here).lookupByName("beat")
    answer = json.loads(
        libvirt_qemu.qemuMonitorCommand(
            domain, '{"execute":"qom-get","arguments":{"path":"/machine",'
            '"property":"type"}}', 0
        )
    )
    assert answer["return"].startswith("pc-")
    assert "beat" in here.virsh(
        "qemu-monitor-command", "beat", "--hmp", "info name"
    )
    refused = json.loads(
        libvirt_qemu.qemuMonitorCommand(domain, '{"execute":"nonsense"}', 0)
    )
    assert refused["error"]["class"] == "CommandNotFound"
    for nonsense in ("nonsense", "[]", "{}", '{"execute":1}', '"x"', "{"):
        with pytest.raises(libvirt.libvirtError, match="cannot parse json"):
            libvirt_qemu.qemuMonitorCommand(domain, nonsense, 0)
    assert "custom-monitor" in here.log()


# While it migrates.


@pytest.fixture
def migrating(here, there, guest, beat):
    from harness.migration import start_slow

    guest.config = "hb=10 fill=64"
    here.create(with_vcpus(with_balloon(guest), 1, 2))
    beat.wait_running()
    running = start_slow(here, there, "beat")
    yield running
    if running.is_running():
        here.virsh("domjobabort", "beat")
        running.finish(20)


@pytest.mark.parametrize(
    "change",
    [
        lambda domain: domain.setVcpus(2),
        lambda domain: domain.setMemory(65536),
        lambda domain: domain.setMetadata(0, "x", None, None, 0),
        lambda domain: domain.reset(0),
        lambda domain: domain.shutdown(),
        lambda domain: domain.reboot(0),
        lambda domain: domain.injectNMI(0),
    ],
    ids="vcpus memory metadata reset shutdown reboot nmi".split(),
)
def test_change_waits_for_the_migration_and_names_it(
    here, migrating, connect, change
):
    domain = connect(here).lookupByName("beat")
    with pytest.raises(libvirt.libvirtError, match="migration out") as refused:
        change(domain)
    assert refused.value.get_error_code() == TIMED_OUT
    assert migrating.is_running()
    assert domain.vcpusFlags(0) == 1
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING


def test_counters_are_read_beside_a_migration(here, there, migrating, connect):
    domain = connect(here).lookupByName("beat")
    ((_, stats),) = connect(here).getAllDomainStats()
    assert stats["state.state"] == libvirt.VIR_DOMAIN_RUNNING
    assert stats["vcpu.0.time"] >= 0
    assert domain.vcpus()[0][0][1] == libvirt.VIR_VCPU_RUNNING
    assert domain.memoryStats()["rss"] > 0
    # The guest that is coming answers, too.
    ((_, stats),) = connect(there).getAllDomainStats()
    assert stats["state.state"] == libvirt.VIR_DOMAIN_PAUSED
    assert migrating.is_running()


# The host.


def test_domain_capabilities_name_what_a_definition_may_have(here):
    root = ET.fromstring(here.virsh("domcapabilities"))
    assert root.findtext("arch") == "x86_64"
    assert root.findtext("machine").startswith("pc-i440fx-")
    assert "virtio" in {
        value.text
        for value in root.findall("devices/disk/enum[@name='bus']/value")
    }
    assert root.find("cpu/mode[@name='custom']").get("supported") == "yes"
    q35 = ET.fromstring(here.virsh("domcapabilities", "--machine", "q35"))
    assert q35.findtext("machine").startswith("pc-q35-")


def test_command_line_of_a_definition_is_shown(here, guest):
    path = here.file("guest.xml", guest.xml())
    line = here.virsh("domxml-to-native", "qemu-argv", path)
    assert "/usr/bin/qemu-system-x86_64" in line
    assert "guest=beat" in line

# Changes that could not be read again after a restart.


@pytest.mark.parametrize(
    "words",
    [
        ("--title", "--new-desc", "t" * 5000),
        ("--new-desc", "bell \x07"),
    ],
    ids=["long title", "control character"],
)
@pytest.mark.parametrize("where", ["--live", "--config"])
def test_note_that_could_not_be_read_again_is_refused(
    here, guest, beat, words, where
):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    here.virsh.fails("desc", "beat", where, *words)
    here.restart()
    assert here.virsh.state("beat") == "running (booted)"
    beat.wait_running()
    here.virsh("destroy", "beat")


@pytest.mark.parametrize(
    "xml, key",
    [
        ("<note/>", "a b"),
        ("<note/>", "xml"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "app"),
        ("<o:note xmlns:o='urn:other'/>", "app"),
    ],
)
def test_metadata_that_would_spoil_that_of_others_is_refused(
    here, guest, xml, key
):
    here.define(guest)
    here.virsh(
        "metadata", "beat", "--uri", "urn:good", "--key", "good", "<good/>"
    )
    here.virsh.fails("metadata", "beat", "--uri", "urn:bad", "--key", key, xml)
    assert "<good/>" in here.virsh("metadata", "beat", "--uri", "urn:good")
    here.restart()
    assert "<good/>" in here.virsh("metadata", "beat", "--uri", "urn:good")


@pytest.mark.parametrize(
    "command",
    [
        '{"execute":"query-status","arguments":{"a":NaN}}',
        '{"execute":"query-status"} and more',
        "[1]",
    ],
)
def test_command_that_is_no_json_leaves_the_monitor_alone(
    here, run_here, beat, command
):
    connection = libvirt.open(here.uri)
    domain = connection.lookupByName("beat")
    with pytest.raises(libvirt.libvirtError, match="cannot parse json"):
        libvirt_qemu.qemuMonitorCommand(domain, command, 0)
    connection.close()
    assert "running" in here.virsh(
        "qemu-monitor-command", "beat", '{"execute":"query-status"}'
    )
    assert here.virsh("domcontrol", "beat") == "ok"
