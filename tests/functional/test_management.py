# SPDX-License-Identifier: LGPL-2.1-or-later
"""The calls that management software makes around a migration.

Each test is one program's habit, call by call, with libvirt-python: a call that
is not supported, or fails in another way than libvirtd's would, fails the test.
"""

import xml.etree.ElementTree as ET

import libvirt
import pytest

from harness.wait import wait_for

LIVE = libvirt.VIR_MIGRATE_LIVE


@pytest.fixture(autouse=True)
def quiet():
    libvirt.registerErrorHandler(lambda *_: None, None)


@pytest.fixture
def connections(here, there):
    opened = [libvirt.open(here.uri), libvirt.open(there.tcp_uri)]
    yield opened
    for connection in opened:
        connection.close()


def code_of(call, *arguments):
    """The number of the error that it must end with."""
    with pytest.raises(libvirt.libvirtError) as refused:
        call(*arguments)
    return refused.value.get_error_code()


def is_not_found(call, *arguments):
    return code_of(call, *arguments) in (
        libvirt.VIR_ERR_NO_DOMAIN,
        libvirt.VIR_ERR_NO_NETWORK,
        libvirt.VIR_ERR_NO_SECRET,
        libvirt.VIR_ERR_NO_STORAGE_POOL,
        libvirt.VIR_ERR_NO_NWFILTER,
        libvirt.VIR_ERR_NO_NODE_DEVICE,
    )


def test_nova(here, there, connections, run_here, beat):
    """nova-compute: checks on both hosts, migrates, watches, tidies up."""
    source, destination = connections
    for host in connections:
        assert host.getLibVersion() >= 8000000
        assert host.getVersion() >= 7000000
        assert host.getType() == "QEMU"
        assert host.getInfo()[0] == "x86_64"
        ET.fromstring(host.getCapabilities())
        ET.fromstring(
            host.getDomainCapabilities(None, "x86_64", "q35", "qemu", 0)
        )
        assert host.getCPUModelNames("x86_64", 0)
        assert host.getCPUMap(0)[0] >= 1
        host.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS, 0)
        host.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS, 0)
        assert host.listDevices("pci", 0) == []
        assert host.listAllDevices(0) == []
        # Nova goes on where a driver can't compare processors.
        assert code_of(host.compareCPU, "<cpu/>", 0) == (
            libvirt.VIR_ERR_NO_SUPPORT
        )
    domain = source.lookupByUUIDString(run_here.uuid)
    assert is_not_found(destination.lookupByUUIDString, run_here.uuid)
    assert domain.info()[0] == libvirt.VIR_DOMAIN_RUNNING
    assert domain.blockInfo("vda") if run_here.disk else True
    assert domain.hasManagedSaveImage(0) == 0
    xml = domain.XMLDesc(
        libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_SECURE
    )
    assert is_not_found(destination.nwfilterLookupByName, "nova-base")
    assert is_not_found(
        destination.secretLookupByUsage,
        libvirt.VIR_SECRET_USAGE_TYPE_CEPH,
        "client",
    )
    assert domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE
    domain.migrateSetMaxDowntime(500, 0)
    moved = domain.migrate3(
        destination,
        {
            libvirt.VIR_MIGRATE_PARAM_DEST_XML: xml,
            libvirt.VIR_MIGRATE_PARAM_BANDWIDTH: 0,
        },
        LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST,
    )
    beat.wait_leg(2)
    assert moved.isPersistent() and moved.isActive()
    assert moved.state() == [
        libvirt.VIR_DOMAIN_RUNNING,
        libvirt.VIR_DOMAIN_RUNNING_MIGRATED,
    ]
    assert moved.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)["type"] == (
        libvirt.VIR_DOMAIN_JOB_COMPLETED
    )
    assert is_not_found(source.lookupByUUIDString, run_here.uuid)
    # "Confirm resize", "delete": ends it in every way that Nova tries.
    moved.destroy()
    moved.undefineFlags(
        libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
        | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    )
    assert is_not_found(destination.lookupByUUIDString, run_here.uuid)
    beat.check()


def test_nova_collects_telemetry(connections, run_here):
    """ceilometer and nova's monitor: every few seconds, for all domains."""
    source, _ = connections
    ((domain, stats),) = source.getAllDomainStats()
    assert domain.UUIDString() == run_here.uuid
    for name in ("cpu.time", "balloon.rss", "vcpu.0.time", "block.count"):
        assert name in stats
    assert domain.memoryStats()["rss"] > 0
    assert domain.interfaceAddresses(0, 0) == {}
    assert code_of(domain.getCPUStats, True, 0) == (
        libvirt.VIR_ERR_OPERATION_INVALID
    )
    root = ET.fromstring(domain.XMLDesc(0))
    for disk in root.findall("devices/disk/target"):
        assert len(domain.blockStats(disk.get("dev"))) == 5


def test_kubevirt(here, there, connections, guest, beat):
    """virt-launcher: one domain on each side, metadata, an agent poller."""
    source, destination = connections
    domain = source.defineXML(guest.xml())
    domain.setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT,
        "<kubevirt><uid>1</uid></kubevirt>",
        "kubevirt",
        "http://kubevirt.io",
        libvirt.VIR_DOMAIN_AFFECT_CONFIG,
    )
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    assert domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED
    domain.resume()
    beat.wait_running()
    for question in (domain.fsInfo, domain.getTime, domain.guestInfo):
        assert code_of(question) == libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED
    assert domain.vcpusFlags(libvirt.VIR_DOMAIN_VCPU_MAXIMUM) == 1
    xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    moved = domain.migrate3(
        destination,
        {libvirt.VIR_MIGRATE_PARAM_DEST_XML: xml},
        LIVE
        | libvirt.VIR_MIGRATE_PERSIST_DEST
        | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE,
    )
    beat.wait_leg(2)
    assert "<uid>1</uid>" in moved.metadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, "http://kubevirt.io", 0
    )
    assert source.listAllDomains(0) == []
    assert moved.controlInfo(0)[0] == libvirt.VIR_DOMAIN_CONTROL_OK
    moved.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_GRACEFUL)
    wait_for(lambda: not there.qemus())
    moved.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


def test_pacemaker(here, there, guest, beat):
    """The VirtualDomain agent: virsh, and the state in one word."""
    path = here.file("beat.xml", guest.xml())
    assert here.virsh("version")
    here.virsh("create", path)
    beat.wait_running()
    assert here.virsh("domstate", "beat") == "running"
    assert here.virsh("dominfo", "beat")
    assert here.virsh("domid", "beat") == "1"
    here.virsh("dumpxml", "--inactive", "--security-info", "beat")
    here.virsh("migrate", "--live", "beat", there.tcp_uri, seconds=60)
    assert "failed to get domain" in here.virsh.fails("domstate", "beat")
    assert there.virsh("domstate", "beat") == "running"
    # "stop": the button, then the plug.
    there.virsh("shutdown", "beat")
    there.virsh("destroy", "beat")
    assert "failed to get domain" in there.virsh.fails("domstate", "beat")
    assert there.virsh("list", "--all", "--name").strip() == ""


def test_virt_manager(connections, run_here):
    """What its window asks when it connects, and each second after that."""
    conn, _ = connections
    assert conn.getURI().startswith("qemu")
    ET.fromstring(conn.getCapabilities())
    ET.fromstring(conn.getDomainCapabilities(None, None, None, None, 0))
    assert conn.listAllStoragePools(0) == []
    assert conn.listAllNetworks(0) == []
    assert conn.listAllInterfaces(0) == []
    assert conn.listAllDevices(0) == []
    assert conn.listAllNWFilters(0) == []
    assert conn.listAllSecrets(0) == []
    assert is_not_found(conn.storagePoolLookupByName, "default")
    assert is_not_found(conn.networkLookupByName, "default")
    (domain,) = conn.listAllDomains(0)
    domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
    domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert domain.autostart() == 0
    assert domain.hasManagedSaveImage(0) == 0
    assert domain.listAllSnapshots(0) == []
    assert domain.hasCurrentSnapshot(0) == 0
    assert domain.isPersistent() == 0
    stats = conn.getAllDomainStats(
        libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
        | libvirt.VIR_DOMAIN_STATS_VCPU
        | libvirt.VIR_DOMAIN_STATS_BALLOON
        | libvirt.VIR_DOMAIN_STATS_BLOCK
        | libvirt.VIR_DOMAIN_STATS_INTERFACE,
        0,
    )
    assert stats[0][1]["cpu.time"] > 0
    assert code_of(domain.managedSave, 0) == libvirt.VIR_ERR_NO_SUPPORT
    assert code_of(domain.snapshotCreateXML, "<domainsnapshot/>", 0) == (
        libvirt.VIR_ERR_NO_SUPPORT
    )


def test_ansible(connections, guest, beat):
    """The virt module: define, start, list by state, pause, undefine."""
    conn, _ = connections
    domain = conn.defineXML(guest.xml())
    assert conn.listDefinedDomains() == ["beat"]
    assert conn.numOfDefinedDomains() == 1
    domain.setAutostart(True)
    domain.create()
    beat.wait_running()
    (number,) = conn.listDomainsID()
    assert conn.lookupByID(number).name() == "beat"
    assert conn.getFreeMemory() > 0
    state, maximum, memory, vcpus, time = domain.info()
    assert (state, vcpus) == (libvirt.VIR_DOMAIN_RUNNING, 1)
    assert memory == maximum and time > 0
    domain.suspend()
    domain.resume()
    assert domain.autostart() == 1
    domain.setAutostart(False)
    domain.destroy()
    domain.undefine()
    assert conn.listDefinedDomains() == []
