# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh drives one daemon: every command that the daemon knows."""

import json
import re

import pytest

from harness import processes
from harness.commands import Virsh
from harness.guest import USER_NETWORK
from harness.wait import wait_for

NOT_RUNNING = "Requested operation is not valid: domain is not running"
RUNNING = "Requested operation is not valid: domain is already running"


def field(text, name):
    return re.search(rf"^{re.escape(name)}: +(.*)$", text, re.M)[1].strip()


# The host.


def test_host_says_its_name_and_versions(here):
    assert here.virsh("hostname") == "hosta"
    assert here.virsh("uri") == here.uri
    assert re.search(r"Running hypervisor: QEMU \d", here.virsh("version"))
    nodeinfo = here.virsh("nodeinfo")
    assert field(nodeinfo, "CPU model") == "x86_64"
    assert int(field(nodeinfo, "CPU(s)")) >= 1


def test_capabilities_have_uuid_and_machines(here):
    xml = here.virsh("capabilities")
    assert f"<uuid>{here.uuid}</uuid>" in xml
    assert "pc-i440fx" in xml and "pc-q35" in xml


def test_empty_host_lists_nothing(here):
    assert here.virsh("list", "--all", "--name").strip() == ""


@pytest.mark.parametrize(
    "command",
    ["domstate", "dominfo", "dumpxml", "start", "destroy", "undefine"]
    + ["suspend", "resume", "domjobinfo", "domjobabort", "domcontrol"],
)
def test_unknown_domain_is_refused(here, command):
    assert here.virsh.fails(command, "nobody") == (
        "failed to get domain 'nobody'"
    )


# Definitions.


def test_defined_domain_is_shut_off(here, guest, watch):
    events = watch(here)
    here.define(guest)
    assert here.virsh.state("beat") == "shut off (unknown)"
    assert here.virsh("domuuid", "beat") == guest.uuid
    assert here.virsh("domname", guest.uuid) == "beat"
    assert here.virsh("domid", "beat") == "-"
    info = here.virsh("dominfo", "beat")
    assert field(info, "Persistent") == "yes"
    assert field(info, "Max memory") == "131080 KiB"
    events.wait("beat", "lifecycle Defined Added")


def test_definition_survives_a_restart(here, guest):
    here.define(guest)
    before = here.virsh("dumpxml", "beat")
    here.restart()
    assert here.virsh("dumpxml", "beat") == before


def test_definition_is_completed(here, guest):
    guest.devices = USER_NETWORK
    here.define(guest)
    xml = here.virsh("dumpxml", "beat")
    assert "machine='pc-i440fx-" in xml
    assert "<memory unit='KiB'>131080</memory>" in xml
    assert "<model type='pci-root'" not in xml
    assert "model='pci-root'" in xml
    assert "<address type='pci'" in xml


def test_undefined_domain_is_forgotten(here, guest):
    here.define(guest)
    here.virsh("undefine", "beat")
    assert here.virsh.state("beat") is None
    here.restart()
    assert here.virsh.state("beat") is None


def test_second_definition_replaces_the_first(here, guest, watch):
    events = watch(here)
    here.define(guest)
    guest.config = "hb=20"
    here.define(guest)
    assert "hb=20" in here.virsh("dumpxml", "beat")
    events.wait("beat", "lifecycle Defined Updated")


def test_name_and_uuid_belong_to_one_domain(here, guest, new_guest):
    here.define(guest)
    other = new_guest("beat")
    path = here.file("other.xml", other.xml())
    assert here.virsh.fails("define", path).endswith(
        f"operation failed: domain 'beat' already exists with uuid {guest.uuid}"
    )
    other = new_guest("other")
    other.uuid = guest.uuid
    path = here.file("other.xml", other.xml())
    assert here.virsh.fails("define", path).endswith(
        "operation failed: domain 'beat' is already defined with uuid "
        + guest.uuid
    )


@pytest.mark.parametrize(
    "change, text",
    [
        (("</domain>", ""), "Premature end of data in tag domain"),
        (("<name>beat</name>", ""), "missing element 'name' of <domain>"),
        (("type='qemu'", "type='foo'"), "unsupported value 'foo'"),
        (("arch='x86_64'", "arch='foo'"), "unsupported value 'foo'"),
        (
            ("<name>beat", "<name>be/at"),
            "XML error: name be/at cannot contain '/'",
        ),
    ],
)
def test_definition_that_makes_no_sense_is_refused(here, guest, change, text):
    path = here.file("bad.xml", guest.xml().replace(*change))
    assert text in here.virsh.fails("define", path)
    assert here.virsh("list", "--all", "--name").strip() == ""


# Life.


def test_guest_starts_and_is_destroyed(here, guest, beat, watch):
    events = watch(here)
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    assert here.virsh.state("beat") == "running (booted)"
    assert here.virsh("domid", "beat") == "1"
    assert here.virsh.fails("start", "beat") == "Domain is already active"
    here.virsh("destroy", "beat")
    assert here.virsh.state("beat") == "shut off (destroyed)"
    assert not here.qemus()
    assert here.virsh.fails("destroy", "beat").endswith(NOT_RUNNING)
    events.wait("beat", "lifecycle Stopped Destroyed")
    assert events.lifecycle("beat")[-4:] == [
        "Resumed Unpaused",
        "Started Booted",
        "Shutdown Finished after host request",
        "Stopped Destroyed",
    ]


def test_transient_guest_vanishes_when_it_ends(here, run_here):
    info = here.virsh("dominfo", "beat")
    assert field(info, "Persistent") == "no"
    assert here.virsh.fails("undefine", "beat").endswith(
        "cannot undefine transient domain"
    )
    here.virsh("destroy", "beat")
    assert here.virsh.state("beat") is None


def test_suspended_guest_stands_still(here, run_here, beat, watch):
    events = watch(here)
    assert here.virsh.fails("resume", "beat").endswith(RUNNING)
    here.virsh("suspend", "beat")
    assert here.virsh.state("beat") == "paused (user)"
    assert beat.stands_still()
    here.virsh("suspend", "beat")
    here.virsh("resume", "beat")
    assert here.virsh.state("beat") == "running (unpaused)"
    beat.wait_running()
    beat.check()
    events.wait("beat", "lifecycle Resumed Unpaused")


def test_guest_starts_paused_where_asked(here, guest, beat):
    here.create(guest, "--paused")
    assert here.virsh.state("beat") == "paused (user)"
    assert beat.count() == 0
    here.virsh("resume", "beat")
    beat.wait_running()


def test_guest_powers_itself_off(here, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    beat.send("p\n")
    wait_for(lambda: here.virsh.state("beat") == "shut off (shutdown)")


def test_death_of_qemu_is_noticed(here, guest, beat, watch):
    events = watch(here)
    here.define(guest)
    here.virsh("start", "beat")
    beat.wait_running()
    processes.kill(here.qemu())
    wait_for(lambda: here.virsh.state("beat") == "shut off (crashed)", 5)
    events.wait("beat", "lifecycle Stopped Failed")
    here.virsh("start", "beat")
    beat.wait_leg(2)


def test_start_that_fails_says_why(here, guest):
    guest.image = "/nonexistent/beat.bin"
    here.define(guest)
    text = here.virsh.fails("start", "beat")
    assert "could not load PC BIOS '/nonexistent/beat.bin'" in text
    assert here.virsh.state("beat") == "shut off (failed)"
    assert not here.qemus()


def test_running_guest_can_be_undefined(here, guest, beat):
    here.define(guest)
    here.virsh("start", "beat")
    here.virsh("undefine", "beat")
    assert field(here.virsh("dominfo", "beat"), "Persistent") == "no"
    beat.wait_running()


def test_guest_outlives_its_daemon(here, run_here, beat):
    pid = here.qemu()
    here.restart()
    assert here.virsh.state("beat") == "running (booted)"
    assert here.qemu() == pid
    beat.wait_running()
    here.virsh("suspend", "beat")
    here.virsh("resume", "beat")
    beat.wait_running()
    beat.check()


def test_orderly_stop_leaves_the_guest_running(here, run_here, beat):
    here.stop()
    beat.wait_running()
    here.start()
    assert here.virsh.state("beat") == "running (booted)"
    beat.check()


def test_death_of_qemu_without_a_daemon_is_found_out(here, run_here):
    pid = here.qemu()
    here.kill()
    processes.kill(pid)
    here.start()
    assert here.virsh.state("beat") is None


# What virsh shows of a running guest.


def test_lists_show_id_name_and_state(here, run_here):
    lines = here.virsh("list").splitlines()
    assert lines[2].split() == ["1", "beat", "running"]
    assert here.virsh("list", "--all", "--uuid").strip() == run_here.uuid
    assert here.virsh("list", "--inactive", "--name").strip() == ""
    assert here.virsh("list", "--state-paused", "--name").strip() == ""
    assert here.virsh("list", "--transient", "--name").strip() == "beat"


def test_devices_are_listed(here, guest, folder):
    disk = here.file("disk.img", "")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    guest.devices = USER_NETWORK
    guest.disk = disk
    here.create(guest)
    assert here.virsh("domblklist", "beat").splitlines()[2].split() == [
        "vda",
        disk,
    ]
    assert "file   disk     vda" in here.virsh(
        "domblklist", "beat", "--details"
    )
    assert here.virsh("domiflist", "beat").splitlines()[2].split() == (
        ["-", "user", "-", "virtio", "52:54:00:aa:bb:01"]
    )


def test_live_xml_has_what_is_only_known_at_run_time(here, run_here):
    live = here.virsh("dumpxml", "beat")
    assert live.startswith("<domain type='qemu' id='1'>")
    assert "<alias name='serial0'/>" in live
    assert " id='" not in here.virsh("dumpxml", "beat", "--migratable")[:60]


def test_job_and_control_are_idle(here, run_here):
    assert here.virsh("domcontrol", "beat") == "ok"
    assert "None" in here.virsh("domjobinfo", "beat")
    assert here.virsh.fails("domjobabort", "beat").endswith(
        "Requested operation is not valid: no job is active on the domain"
    )


def test_migration_limits_are_kept(here, run_here):
    assert here.virsh("migrate-getspeed", "beat") == "8796093022207"
    here.virsh("migrate-setspeed", "beat", "10")
    assert here.virsh("migrate-getspeed", "beat") == "10"
    assert here.virsh.fails(
        "migrate-setspeed", "beat", "8796093022208"
    ) == ("numerical overflow: bandwidth must be less than 8796093022208")
    assert here.virsh("migrate-getmaxdowntime", "beat") == "300"
    here.virsh("migrate-setmaxdowntime", "beat", "123")
    assert here.virsh("migrate-getmaxdowntime", "beat") == "123"


@pytest.mark.parametrize(
    "command",
    ["suspend", "resume", "destroy", "domcontrol", "domjobinfo"]
    + ["domjobabort", "migrate-getmaxdowntime"],
)
def test_inactive_domain_is_not_running(here, guest, command):
    here.define(guest)
    assert here.virsh.fails(command, "beat").endswith(NOT_RUNNING)


def test_two_guests_run_side_by_side(here, guest, new_guest, beat):
    here.create(guest)
    other = new_guest("other")
    here.create(other)
    assert len(here.qemus()) == 2
    names = here.virsh("list", "--name").split()
    assert sorted(names) == ["beat", "other"]
    here.virsh("destroy", "other")
    beat.wait_running()


# Clients.


def test_read_only_client_may_look_and_not_touch(here, run_here):
    virsh = here.virsh
    readonly = virsh.start("-r", "domstate", "beat")
    assert readonly.succeed().strip() == "running"
    text = virsh.start("-r", "destroy", "beat").fail()
    assert "read only" in text or "read-only" in text
    assert virsh.state("beat") == "running (booted)"


def test_virsh_tells_of_a_state_what_the_wire_does(here, run_here):
    """Tests ask the wire: their words are virsh's."""
    for change in ("suspend", "resume"):
        said = here.virsh("domstate", "--reason", "beat").strip()
        assert said == here.virsh.state("beat")
        here.virsh(change, "beat")
    assert here.virsh.state("nobody") is None


def test_tcp_is_the_same_as_the_socket(here, run_here):
    over_tcp = Virsh(here.tcp_uri)
    state = over_tcp("domstate", "--reason", "beat")
    assert state.strip() == "running (booted)"
    assert over_tcp("dumpxml", "beat") == here.virsh("dumpxml", "beat")


def test_vmferry_shows_the_same(here, run_here):
    listed = json.loads(here.vmferry("--json", "list"))
    assert "beat" in json.dumps(listed)
    assert here.vmferry("dumpxml", "beat") == here.virsh("dumpxml", "beat")


def test_wrong_path_of_the_uri_is_refused(here):
    wrong = "session" if here.path == "system" else "system"
    text = Virsh(here.uri.replace(here.path, wrong, 1)).fails("list")
    assert f"unexpected qemu URI path '/{wrong}'" in text


