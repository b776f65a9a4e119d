# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hosts, the guest and the cells of the matrix of migrations.

A cell is one migration: between which daemons, over which protocol, who
coordinates it, what the guest was.  Daemons and guests live on from cell to
cell: a guest goes there and back until a cell needs another one.
"""

import itertools
import os
import shutil

from harness import processes, tap
from harness.beat import IMAGE, Beat
from harness.commands import Virsh
from harness.guest import Guest
from harness.wait import wait_for

# A libvirtd would round the memory's size up to whole MiB, with which QEMU
# before 9.0 damages guests (tests/guest/README.rst): hence its configuration.
SIZES = {"ours": 65536 + 8, "libvirtd": 65536}
CONFIG = "hb=10 tlb=1"

# A loopback address of this process's own: others, who also look for a free
# port from 5900 on, do not meet us there.
VNC_ADDRESS = f"127.1.{os.getpid() >> 8 & 255}.{(os.getpid() & 255) % 254 + 1}"

DEVICES = """\
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source file='{cdrom}'/>
      <target dev='{cdrom_target}' bus='{cdrom_bus}'/>
      <readonly/>
    </disk>
    <interface type='user'>
      <mac address='52:54:00:aa:bb:01'/>
      <model type='virtio'/>
    </interface>
    <interface type='user'>
      <mac address='52:54:00:aa:bb:02'/>
      <model type='e1000'/>
    </interface>
    <input type='tablet' bus='usb'/>
    <graphics type='vnc' port='-1' autoport='yes' listen='{vnc}'/>
    <video>
      <model type='vga' vram='16384' heads='1' primary='yes'/>
    </video>
    <watchdog model='i6300esb' action='reset'/>
    <rng model='virtio'>
      <backend model='random'>/dev/urandom</backend>
    </rng>
"""

WAYS = {
    "managed": [],
    "p2p": ["--p2p"],
    "tunnelled": ["--p2p", "--tunnelled"],
}

# What is answered "no" for a client to choose this protocol.
PROTOCOLS = {
    "v3 params": set(),
    "v3 plain": {tap.MIGRATION_PARAMS},
    "v2": {tap.MIGRATION_PARAMS, tap.MIGRATION_V3},
}

# Calls that show which protocol was really used: the destination's Prepare.
PREPARES = {
    ("v3 params", False): 303,
    ("v3 params", True): 304,
    ("v3 plain", False): 214,
    ("v3 plain", True): 215,
    ("v2", False): 108,
    ("v2", True): 148,
}


class Cell:
    """One line of the table."""

    def __init__(self, source, destination, way, protocol, life, state):
        self.source = source
        self.destination = destination
        self.way = way
        self.protocol = protocol
        self.life = life
        self.state = state
        # The bare machine in half of the cells, all devices in the other.
        self.machine = "pc" if life == "transient" else "q35"

    def pair(self):
        return tuple(sorted((self.source, self.destination)))

    def words(self):
        return [
            f"{self.source}→{self.destination}",
            self.way,
            self.protocol,
            self.life,
            self.state,
            self.machine,
        ]

    def id(self):
        direction = f"{self.source}-to-{self.destination}"
        words = [direction] + self.words()[1:-1]
        return "-".join(words).replace(" ", "_")

    def is_tunnelled(self):
        return self.way == "tunnelled"

    def undefines(self):
        """Half of the persistent ones leave no definition behind."""
        return self.life == "persistent" and self.state == "paused"


def cells():
    """All of them, those that can share a guest one after the other.

    Who starts a guest takes turns: a libvirtd's come to ours and go back, and
    the other way round.
    """
    found = []
    for other in ("ours", "libvirtd"):
        protocols = [p for p in PROTOCOLS if other == "ours" or p != "v2"]
        there, back = ("ours", other), (other, "ours")
        for number, (way, protocol, life) in enumerate(
            itertools.product(WAYS, protocols, ["transient", "persistent"])
        ):
            ends = [there] if other == "ours" else [there, back]
            if number % 2:
                ends.reverse()
            for state, (source, destination) in itertools.product(
                ["running", "paused"], ends
            ):
                found.append(
                    Cell(source, destination, way, protocol, life, state)
                )
    return found


class Host:
    """A daemon behind two taps: what clients and peers say is recorded."""

    def __init__(self, kind, daemon, folder, capture):
        self.kind = kind
        self.daemon = daemon
        self.virsh = daemon.virsh
        path = os.path.join(folder, f"{daemon.name}-tap")
        self.unix = tap.Tap(path, daemon.socket, capture)
        port = processes.free_ports(1)
        self.tcp = tap.Tap(port, daemon.tcp_port, capture)
        self.tapped = Virsh(f"qemu+unix:///{daemon.path}?socket={path}")
        self.uri = f"qemu+tcp://127.0.0.1:{port}/{daemon.path}"

    def offer(self, protocol):
        for one in (self.unix, self.tcp):
            one.hidden = PROTOCOLS[protocol]
            one.forget()

    def calls(self):
        return self.unix.calls + self.tcp.calls

    def close(self):
        self.unix.close()
        self.tcp.close()


class Stage:
    """Two hosts, the guest of the cells between them, and where it is."""

    def __init__(self, folder, hosts):
        self.folder = folder
        self.hosts = hosts
        self.image = self.file("beat.bin", "")
        shutil.copy(IMAGE, self.image)
        self.disk = self.file("disk.img", "\0" * (1 << 20))
        self.cdrom = self.file("cd.iso", "\0" * (1 << 20))
        self.guest = None
        self.beat = None
        self.at = None
        self.life = None
        self.legs = 0
        self.number = 0
        # False while a cell works on it: one that failed leaves it so.
        self.is_settled = True

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o666)
        return path

    # Before a cell.

    def ends(self, cell):
        """(source, destination) among the hosts."""
        if cell.source != cell.destination:
            ends = sorted(self.hosts, key=lambda h: h.kind != cell.source)
        else:
            ends = sorted(self.hosts, key=lambda h: h is not self.at)
        return ends

    def has_guest_for(self, cell):
        return (
            self.at is not None
            and self.at.kind == cell.source
            and self.life == cell.life
        )

    def prepare(self, cell):
        """The guest is where the cell begins, and as it wants it."""
        if not self.has_guest_for(cell):
            self.clean()
            self._start(cell)
        source, destination = self.ends(cell)
        self.beat.wait_running()
        if cell.state == "paused":
            source.virsh("suspend", self.guest.name)
        for host in self.hosts:
            host.offer(cell.protocol)
        return source, destination

    def _start(self, cell):
        host = self.ends(cell)[0]
        self.number += 1
        self.guest = self._make_guest(cell)
        if cell.life == "persistent":
            path = self.file("guest.xml", self.guest.xml())
            host.virsh("define", path)
            host.virsh("start", self.guest.name)
        else:
            host.virsh.create(self.guest.xml())
        self.at, self.life, self.legs = host, cell.life, 1

    def _make_guest(self, cell):
        size = min(SIZES[kind] for kind in cell.pair())
        guest = Guest(self.image, "beat", cell.machine, size)
        guest.config = CONFIG
        path = os.path.join(self.folder, f"serial{self.number}")
        self.beat = Beat(path)
        guest.serial = path
        guest.disk = self.disk
        is_pc = cell.machine == "pc"
        guest.devices = DEVICES.format(
            vnc=VNC_ADDRESS,
            cdrom=self.cdrom,
            cdrom_target="hdc" if is_pc else "sda",
            cdrom_bus="ide" if is_pc else "sata",
        )
        return guest

    # After a cell, whatever it was.

    def arrived(self, host):
        """The guest runs on another QEMU now."""
        self.at = host
        self.legs += 1

    def clean(self):
        """No domain is left, on either."""
        for host in self.hosts:
            host.virsh.remove_all()
            wait_for(lambda h=host: not h.daemon.qemus(), 10)
        if self.beat:
            self.beat.close()
        self.guest = self.beat = self.at = self.life = None
        self.legs = 0

    def close(self):
        try:
            self.clean()
        finally:
            for host in self.hosts:
                host.close()


def leftovers(host):
    """What a host that has no guest any more still keeps of it."""
    found = []
    qemus = host.daemon.qemus()
    if qemus:
        found.append(f"processes {list(qemus)}")
    taken = [
        port
        for port in host.daemon.ports
        if not processes.can_listen(port, host.daemon.address)
    ]
    if taken:
        found.append(f"ports {taken}")
    return found + [f"file {path}" for path in host.daemon.run_files()]


HEADINGS = [
    "hosts",
    "coordinator",
    "protocol",
    "guest",
    "state",
    "machine",
    "result",
    "source",
    "destination",
    "silence",
]


def rows(stats):
    """A line for each cell that pytest has reported."""
    found = []
    for outcome, reports in stats.items():
        for report in reports:
            properties = dict(getattr(report, "user_properties", []))
            # "" is for set-up and clean-up that went well.
            if outcome and "cell" in properties:
                end = properties.get("end", [])
                if not end:
                    end = [reason(report)]
                found.append(properties["cell"] + [outcome] + end)
    order = [cell.words() for cell in cells()]
    return sorted(found, key=lambda row: order.index(row[: len(order[0])]))


def reason(report):
    """Why a cell did not pass, in a line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message.strip().splitlines()[-1] if crash else ""


def table(found):
    """The rows of all cells as lines of text, with their count."""
    passed = sum(1 for row in found if row[len(cells()[0].words())] == "passed")
    full = [HEADINGS] + [
        row + [""] * (len(HEADINGS) - len(row)) for row in found
    ]
    # A reason may be as long as it likes.
    widths = [
        max(len(row[n]) for row in full if n < 7 or row[-1])
        for n in range(len(HEADINGS))
    ]
    lines = [
        "  ".join(
            word.ljust(width) for word, width in zip(row, widths)
        ).rstrip()
        for row in full
    ]
    return lines + [f"{passed} of {len(cells())} cells passed"]
