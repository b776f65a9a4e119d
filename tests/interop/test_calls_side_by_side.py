# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same calls of libvirt-python on libvirtd and on vmferryd.

What virsh doesn't show: the numbers of errors, types, empty lists, and calls
that management software makes and no person does.  Each line is an expression
over `conn` and `dom`; result or error must be the same.
"""

import re

import libvirt
import libvirt_qemu
import pytest

from harness.guest import USER_NETWORK

# Only here: the sections of the docs that say how and why they differ would
# otherwise have to be repeated.
HOST = """
conn.isAlive()
conn.isSecure()
conn.isEncrypted()
conn.getType()
conn.getLibVersion()
conn.getInfo()
len(conn.getCellsFreeMemory(0, 1))
conn.getCellsFreeMemory(5, 1)
sorted(conn.getCPUStats(-1, 0))
sorted(conn.getCPUStats(0, 0))
conn.getCPUStats(99, 0)
sorted(conn.getMemoryStats(-1, 0))
conn.getCPUMap(0)
conn.getCPUModelNames('foo', 0)
conn.getSEVInfo(0)
conn.getDomainCapabilities('/nonexistent', None, None, None, 0)
conn.getDomainCapabilities(None, 'aarch64', None, None, 0)
conn.getDomainCapabilities(None, 'x86_64', 'nonsense', None, 0)
conn.getDomainCapabilities(None, 'x86_64', 'q35', 'kvm', 0)
conn.getDomainCapabilities(None, 'x86_64', 'q35', 'foo', 0)
conn.getDomainCapabilities(None, 'x86_64', 'q35', 'qemu', 1)
conn.listNetworks()
conn.listDefinedNetworks()
conn.numOfNetworks()
conn.listAllNetworks(0)
conn.networkLookupByName('default')
conn.networkLookupByUUIDString('c0ffee00-1234-4abc-8def-0000000000ff')
conn.interfaceLookupByName('nonsense')
conn.interfaceLookupByMACString('52:54:00:00:00:00')
conn.listStoragePools()
conn.numOfDefinedStoragePools()
conn.listAllStoragePools(0)
conn.storagePoolLookupByName('default')
conn.storagePoolLookupByUUIDString('c0ffee00-1234-4abc-8def-0000000000ff')
conn.storagePoolLookupByTargetPath('/nonsense')
conn.storageVolLookupByKey('/nonsense')
conn.storageVolLookupByPath('/nonsense')
conn.listNWFilters()
conn.listAllNWFilters(0)
conn.nwfilterLookupByName('clean-traffic')
conn.nwfilterLookupByUUIDString('c0ffee00-1234-4abc-8def-0000000000ff')
conn.listAllNWFilterBindings(0)
conn.nwfilterBindingLookupByPortDev('vnet0')
conn.nodeDeviceLookupByName('nonsense')
conn.listSecrets()
conn.listAllSecrets(0)
conn.secretLookupByUUIDString('c0ffee00-1234-4abc-8def-0000000000ff')
conn.secretLookupByUsage(1, 'x')
conn.listDefinedDomains()
conn.getAllDomainStats(0, 0)
conn.domainXMLToNative('foo', '<domain/>', 0)
conn.domainXMLFromNative('qemu-argv', 'x', 0)
conn.listAllDomains(1 << 20)
""".strip().splitlines()

ASKED = """
dom.info()[:4]
dom.state()
dom.maxMemory()
dom.maxVcpus()
dom.vcpusFlags(0)
dom.vcpusFlags(1)
dom.vcpusFlags(2)
dom.vcpusFlags(4)
dom.vcpusFlags(5)
dom.vcpusFlags(6)
dom.vcpusFlags(8)
dom.vcpusFlags(16)
[(v[0], v[1]) for v in dom.vcpus()[0]], dom.vcpus()[1]
dom.vcpuPinInfo(0)
dom.vcpuPinInfo(1)
dom.vcpuPinInfo(2)
dom.emulatorPinInfo(0)
dom.emulatorPinInfo(2)
dom.ioThreadInfo(0)
dom.ioThreadInfo(1)
dom.ioThreadInfo(2)
dom.autostart()
dom.hasManagedSaveImage(0)
dom.managedSaveGetXMLDesc(0)
dom.snapshotNum(0)
dom.snapshotListNames(0)
dom.listAllSnapshots(0)
dom.hasCurrentSnapshot(0)
dom.snapshotCurrent(0)
dom.snapshotLookupByName('x', 0)
dom.listAllCheckpoints(0)
dom.checkpointLookupByName('x', 0)
dom.backupGetXMLDesc(0)
dom.blockInfo('vda', 0)
dom.blockInfo('foo', 0)
dom.blockStats('vda')
dom.blockStats('foo')
dom.blockStatsFlags('vda', 0)
dom.blockStatsFlags('', 0)
dom.blockStatsFlags('foo', 0)
dom.interfaceStats('52:54:00:aa:bb:01')
dom.interfaceStats('foo')
dom.interfaceAddresses(0, 0)
dom.interfaceAddresses(1, 0)
dom.interfaceAddresses(7, 0)
dom.interfaceParameters('52:54:00:aa:bb:01', 0)
dom.blockIoTune('vda', 0)
dom.blockIoTune('foo', 0)
dom.blkioParameters(0)
dom.memoryParameters(0)
dom.numaParameters(0)
dom.schedulerType()
dom.schedulerParameters()
dom.schedulerParametersFlags(2)
list(dom.memoryStats())
dom.getCPUStats(True, 0)
dom.perfEvents(0)
dom.getTime(0)
dom.fsInfo()
dom.fsFreeze()
dom.fsThaw()
dom.fSTrim(None, 0, 0)
dom.guestInfo(0, 0)
dom.setUserPassword('a', 'b', 0)
dom.authorizedSSHKeysGet('root', 0)
dom.agentSetResponseTimeout(5, 0)
dom.hostname(0)
dom.hostname(1)
dom.hostname(2)
dom.messages(0)
dom.jobInfo()
dom.jobStats(0)
dom.jobStats(1)
dom.abortJob()
dom.controlInfo(0)
dom.OSType()
dom.isUpdated()
dom.securityLabel()
list(conn.getAllDomainStats(0x7ff & ~2, 0)[0][1])
[type(v) for v in conn.getAllDomainStats(0x7ff & ~2, 0)[0][1].values()]
[len(conn.getAllDomainStats(1, f)) for f in (1, 2, 4, 8, 16, 32, 64, 128)]
len(conn.getAllDomainStats(1, 0x20000000))
conn.getAllDomainStats(1, 0x400)
conn.domainListGetStats([dom], 1, 0)[0][1]
libvirt_qemu.qemuAgentCommand(dom, '{"execute":"guest-ping"}', 5, 0)
libvirt_qemu.qemuMonitorCommand(dom, 'info name', 1)
libvirt_qemu.qemuMonitorCommand(dom, 'info nonsense', 1)
libvirt_qemu.qemuMonitorCommand(dom, '{"execute":"query-version"}', 8)
dom.XMLDesc(16)
""".strip().splitlines()

CHANGED = """
dom.metadata(0, None, 0)
dom.metadata(2, 'urn:x', 0)
dom.metadata(3, None, 0)
dom.setMetadata(0, 'hello', None, None, 0)
dom.metadata(0, None, 0)
dom.metadata(0, None, 1)
dom.metadata(0, None, 2)
dom.setMetadata(1, 'a title', None, None, 0)
dom.setMetadata(1, 'a\\ntitle', None, None, 0)
dom.metadata(1, None, 0)
dom.setMetadata(2, '<a><b/></a>', 'key', 'urn:x', 0)
dom.metadata(2, 'urn:x', 0)
dom.setMetadata(2, '<c d="1"/>', 'key', 'urn:x', 0)
dom.metadata(2, 'urn:x', 0)
dom.setMetadata(2, '<e>text</e>', 'other', 'urn:y', 0)
[line for line in dom.XMLDesc(0).splitlines() if 'urn:' in line]
dom.setMetadata(2, None, 'key', 'urn:x', 0)
dom.metadata(2, 'urn:x', 0)
dom.metadata(2, 'urn:y', 0)
dom.setMetadata(2, None, 'other', 'urn:y', 0)
dom.setMetadata(0, None, None, None, 0)
dom.setMetadata(1, None, None, None, 0)
dom.setMetadata(0, 'x', None, None, 1)
dom.setMetadata(0, 'y', None, None, 2)
dom.setMetadata(0, 'y', None, None, 3)
dom.injectNMI(0)
dom.sendKey(0, 0, [30], 1, 0)
dom.sendKey(0, 0, [999], 1, 0)
dom.rename('be/at', 0)
dom.setMemory(65536)
dom.setMemoryFlags(65536, 1)
dom.setMemoryFlags(65536, 2)
dom.setMemoryFlags(131072, 6)
dom.setMemoryFlags(262144, 6)
dom.info()[:4]
dom.setMemoryFlags(300000, 2)
dom.setMaxMemory(131072)
dom.setMemoryFlags(131072, 6)
dom.setMemoryFlags(131072, 2)
dom.setMemoryFlags(131072, 3)
dom.setMemoryFlags(131073, 2)
dom.maxMemory()
dom.setMemoryFlags(131072, 8)
dom.setVcpus(1)
dom.setVcpus(2)
dom.setVcpus(8)
dom.vcpusFlags(1)
dom.setVcpusFlags(2, 1)
dom.setVcpusFlags(2, 2)
dom.setVcpusFlags(4, 6)
dom.setVcpusFlags(5, 2)
dom.setVcpusFlags(1, 6)
dom.setVcpusFlags(1, 2)
dom.setVcpusFlags(1, 8)
dom.setVcpusFlags(2, 3)
dom.vcpusFlags(2), dom.vcpusFlags(6)
dom.reset(1)
dom.shutdownFlags(2)
dom.shutdownFlags(4)
dom.shutdownFlags(64)
dom.reboot(2)
dom.reboot(4)
dom.undefineFlags(4 | 8)
dom.undefineFlags(32 | 64)
dom.createWithFlags(64)
dom.setAutostart(1)
dom.autostart()
[d.name() for d in conn.listAllDomains(1024)]
dom.setAutostart(0)
[d.name() for d in conn.listAllDomains(2048)]
dom.reset(0)
dom.shutdownFlags(1)
dom.reboot(1)
dom.shutdown()
dom.state()
""".strip().splitlines()


@pytest.fixture(autouse=True)
def quiet():
    libvirt.registerErrorHandler(lambda *_: None, None)


@pytest.fixture
def connections(both):
    opened = [libvirt.open(host.virsh.prefix[-1]) for host in both]
    yield opened
    for connection in opened:
        connection.close()


def answer(expression, names):
    """What it gives, or the error; folders made equal."""
    try:
        text = repr(eval(expression, {"libvirt_qemu": libvirt_qemu, **names}))
    except libvirt.libvirtError as error:
        text = f"{error.get_error_code()}: {error.get_error_message()}"
    return re.sub(r"/tmp/vf-[^/]*/(a|b)/", "/FOLDER/", text)


def assert_same(theirs, ours, expressions):
    different = []
    for expression in expressions:
        wanted, got = answer(expression, theirs), answer(expression, ours)
        if wanted != got:
            different.append(
                f"{expression}\n  libvirtd: {wanted}\n  vmferryd: {got}"
            )
    assert not different, "\n".join(different)


def make_guests(both, connections, create):
    """Four processors, one of them there; a balloon; a disk; a network."""
    both_names = []
    for host, conn in zip(both, connections):
        guest = host.guest()
        guest.disk = host.disk()
        guest.devices = USER_NETWORK
        xml = (
            guest.xml()
            .replace(
                "<memballoon model='none'/>", "<memballoon model='virtio'/>"
            )
            .replace(
                "<vcpu placement='static'>1<",
                "<vcpu placement='static' current='1'>4<",
            )
        )
        both_names.append({"conn": conn, "dom": create(conn, xml)})
    return both_names


def start(both, names):
    for host, name in zip(both, names):
        name["dom"].create()
        host.beats[0].wait_running()


def test_host(connections):
    theirs, ours = ({"conn": conn} for conn in connections)
    assert_same(theirs, ours, HOST)


@pytest.mark.parametrize("calls", [ASKED, CHANGED], ids=["asked", "changed"])
@pytest.mark.parametrize("kind", ["inactive", "running", "transient"])
def test_domain(both, connections, kind, calls):
    if kind == "transient":
        names = make_guests(
            both, connections, lambda conn, xml: conn.createXML(xml, 0)
        )
        for host in both:
            host.beats[0].wait_running()
    else:
        names = make_guests(
            both, connections, lambda conn, xml: conn.defineXML(xml)
        )
        if kind == "running":
            start(both, names)
    assert_same(*names, calls)
