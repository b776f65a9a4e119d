# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same virsh commands on libvirtd and on vmferryd: the same answers.

Nothing is stored: both answer live, and what must differ (ids, times, paths)
is made equal before the comparison.
"""

import difflib
import re

import pytest

from harness.guest import USER_NETWORK
from harness.wait import wait_for

# On one worker: they share two daemons.
pytestmark = pytest.mark.xdist_group("side by side")

# What differs from run to run, or from host to host.
EQUAL = [
    (r"/tmp/vf-[^/]*/(a|b)/", "/FOLDER/"),
    (r"(<domain type='qemu') id='\d+'", r"\1 id='ID'"),
    (r"^(Id: +)\d+$", r"\1ID"),
    (r"^ \d+ ( +beat)", r" ID\1"),
    (r"^(CPU time: +)[\d.]+s$", r"\1TIME"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"^( *Id ) +Name", r"\1 Name"),
    (r"^-+$", "---"),
    # libvirtd says the one or the other, whichever it notices first.
    (
        "process exited while connecting to monitor",
        "qemu unexpectedly closed the monitor",
    ),
]


# docs/libvirt-differences.md: a running guest's CPU is shown as configured, not
# as QEMU gave it.
LIVE_CPU = re.compile(
    r"^( *<cpu mode='custom' match='exact' check=)'full'>\n"
    r"( *<model fallback='forbid'>qemu64</model>\n)"
    r" *<feature policy='require' name='hypervisor'/>\n"
    r" *<feature policy='require' name='lahf_lm'/>\n",
    re.M,
)


def normal(text):
    text = LIVE_CPU.sub(r"\1'none'>\n\2", text)
    for pattern, replacement in EQUAL:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text


def answer(host, words):
    """What virsh prints and returns."""
    words = [word.format(folder=host.folder) for word in words.split()]
    status, out, err = host.virsh.start(*words).finish()
    return normal(f"exit {status}\n{out}{err}")


def refusal(host, words):
    """That it fails, in virsh's own words; the daemon's may be better."""
    return "\n".join(answer(host, words).splitlines()[:3]) + "\n"


def assert_same(both, *commands, ask=answer):
    """Run each command on both; all differences at once."""
    theirs, ours = [], []
    for words in commands:
        for host, answers in zip(both, (theirs, ours)):
            answers.append(f"$ virsh {words}\n{ask(host, words)}")
    difference = difflib.unified_diff(
        "".join(theirs).splitlines(),
        "".join(ours).splitlines(),
        "libvirtd",
        "vmferryd",
        lineterm="",
        n=4,
    )
    text = "\n".join(difference)
    assert not text, text


def define(both, **changes):
    """The same guest on both, with these attributes."""
    for host in both:
        guest = host.guest()
        guest.disk = host.disk()
        guest.devices = USER_NETWORK
        for name, value in changes.items():
            setattr(guest, name, value)
        host.file("guest.xml", guest.xml())
    assert_same(both, "define {folder}/guest.xml")


def start(both):
    assert_same(both, "start beat")
    for host in both:
        host.beats[0].wait_running()


def test_host(both):
    assert_same(both, "hostname", "version", "nodeinfo", "maxvcpus")


def test_lists_of_nothing(both):
    assert_same(both, "list", "list --all", "list --all --name", "list --uuid")


@pytest.mark.parametrize(
    "command",
    "domstate dominfo domid domuuid domname dumpxml domblklist domiflist start"
    " undefine destroy suspend resume domcontrol domjobinfo domjobabort"
    " migrate-getmaxdowntime migrate-getspeed".split(),
)
def test_unknown_domain(both, command):
    assert_same(both, f"{command} nobody")


INACTIVE = """
list --all
list --inactive
list --all --title
list --all --persistent
list --all --transient
list --all --state-shutoff
list --all --no-autostart
domstate beat
domstate beat --reason
dominfo beat
domid beat
domuuid beat
domname c0ffee00-1234-4abc-8def-000000000001
domstate c0ffee00-1234-4abc-8def-000000000001
domblklist beat
domblklist beat --details
domiflist beat
domcontrol beat
domjobinfo beat
domjobinfo beat --completed
domjobabort beat
migrate-getmaxdowntime beat
migrate-setmaxdowntime beat 100
migrate-getspeed beat
migrate-setspeed beat 10
migrate-getspeed beat
migrate-setspeed beat 8796093022208
suspend beat
resume beat
destroy beat
domname beat
domid 77
""".strip().splitlines()


def test_defined_domain(both):
    define(both)
    assert_same(both, *INACTIVE)


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_xml_of_a_defined_domain(both, machine):
    define(both, machine=machine)
    assert_same(
        both,
        "dumpxml beat",
        "dumpxml beat --inactive",
        "dumpxml beat --migratable",
    )


def test_definition_and_its_end(both):
    define(both)
    assert_same(
        both,
        "define {folder}/guest.xml",
        "undefine beat",
        "undefine beat",
        "list --all",
    )


BAD = {
    "not closed": ("</domain>", ""),
    "no name": ("<name>beat</name>", ""),
    "empty name": ("<name>beat</name>", "<name></name>"),
    "slash": ("<name>beat", "<name>be/at"),
    "type": ("type='qemu'", "type='foo'"),
    "no type": ("<domain type='qemu'>", "<domain>"),
    "architecture": ("arch='x86_64'", "arch='foo'"),
    "os type": (">hvm<", ">foo<"),
    "uuid": ("<uuid>c0ffee00", "<uuid>xyz"),
    "no memory": ("<memory unit='KiB'>131072</memory>", ""),
    "memory": (">131072<", ">lots<"),
    "unit": ("unit='KiB'", "unit='foo'"),
    "root": ("domain", "network"),
    "bus": ("bus='virtio'", "bus='foo'"),
    "mac": ("52:54:00:aa:bb:01", "52:54"),
    "no target": ("<target dev='vda' bus='virtio'/>", ""),
    "emulator": ("/usr/bin/qemu-system-x86_64", "/nonexistent/qemu"),
    "kvm": ("type='qemu'", "type='kvm'"),
}


@pytest.mark.parametrize("what", BAD)
def test_definition_that_makes_no_sense(both, what):
    for host in both:
        guest = host.guest()
        guest.disk = host.disk()
        guest.devices = USER_NETWORK
        old, new = BAD[what]
        xml = guest.xml()
        assert old in xml
        count = -1 if what == "root" else 1
        host.file("bad.xml", xml.replace(old, new, count))
    assert_same(both, "define {folder}/bad.xml", ask=refusal)
    assert_same(both, "list --all")


def test_names_and_uuids_that_are_taken(both):
    define(both)
    for host in both:
        with open(f"{host.folder}/guest.xml", encoding="utf-8") as file:
            xml = file.read()
        host.file("name.xml", xml.replace("000000000001<", "000000000002<"))
        host.file("uuid.xml", xml.replace("<name>beat", "<name>other"))
    assert_same(
        both,
        "define {folder}/name.xml",
        "define {folder}/uuid.xml",
        "create {folder}/name.xml",
        "create {folder}/uuid.xml",
        "list --all",
    )


RUNNING = """
list
list --all
list --inactive
list --uuid
list --transient
list --state-paused
domstate beat
domstate beat --reason
dominfo beat
domuuid beat
domblklist beat
domblklist beat --details
domblklist beat --inactive
domiflist beat
domcontrol beat
domjobinfo beat
domjobinfo beat --completed
domjobinfo beat --rawstats
domjobabort beat
start beat
resume beat
migrate-getmaxdowntime beat
migrate-setmaxdowntime beat 100
migrate-getmaxdowntime beat
migrate-setmaxdowntime beat 0
migrate-setmaxdowntime beat 2000001
migrate-getspeed beat
migrate-setspeed beat 10
migrate-getspeed beat
migrate-setspeed beat 0
migrate-getspeed beat
migrate-setspeed beat 8796093022208
suspend beat
domstate beat --reason
list
suspend beat
resume beat
domstate beat --reason
define {folder}/guest.xml
create {folder}/guest.xml
undefine beat
dominfo beat
undefine beat
destroy beat
list --all
""".strip().splitlines()


def test_running_domain(both):
    define(both)
    start(both)
    assert_same(both, *RUNNING)


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_xml_of_a_running_domain(both, machine):
    define(both, machine=machine)
    start(both)
    assert_same(
        both,
        "dumpxml beat",
        "dumpxml beat --inactive",
        "dumpxml beat --migratable",
        "dumpxml beat --security-info",
    )


def test_transient_domain(both):
    for host in both:
        host.file("guest.xml", host.guest().xml())
    assert_same(
        both,
        "create {folder}/guest.xml",
        "create {folder}/guest.xml",
        "dominfo beat",
        "dumpxml beat",
        "undefine beat",
        "destroy beat",
        "domstate beat",
        "create {folder}/guest.xml --paused",
        "domstate beat --reason",
        "resume beat",
        "domstate beat --reason",
        "destroy beat",
    )


def test_guest_that_powers_itself_off(both):
    define(both)
    start(both)
    for host in both:
        host.beats[0].send("p\n")
        wait_for(lambda: host.virsh.state("beat").startswith("shut off"))
    assert_same(both, "domstate beat --reason", "dominfo beat")


def test_start_that_fails(both):
    define(both, image="/nonexistent/beat.bin")
    assert_same(both, "start beat", ask=refusal)
    assert_same(both, "domstate beat --reason")


def test_start_without_its_disk(both):
    define(both, disk="/nonexistent/disk.img")
    assert_same(both, "start beat", "domstate beat --reason")


def test_migration_that_is_refused(both):
    define(both)
    assert_same(both, "migrate beat qemu+tcp://127.0.0.1:1/session")
    start(both)
    assert_same(
        both,
        "migrate beat qemu+tcp://127.0.0.1:1/session",
        "domstate beat --reason",
    )
