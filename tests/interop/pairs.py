# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two libvirtds and two vmferryds, for the same story told twice.

A story is a function that does something with a pair of hosts and takes notes;
the notes of both pairs must be the same.  What differs from run to run is made
equal first; what differs by design is taken out by a line of KNOWN, and stands
in docs/libvirt-differences.md.
"""

import difflib
import os
import re
import shutil
import uuid

from harness import processes
from harness.beat import IMAGE, Beat
from harness.daemon import Daemon
from harness.guest import WHOLE_KIB, Guest
from harness.libvirtd import Libvirtd
from harness.rpc import (
    DOMAIN_GET_JOB_INFO,
    Client,
    Lost,
    Refused,
    domain,
)
from harness.steps import Steps
from harness.wait import wait_for

GUEST_UUID = "c0ffee00-1234-4abc-8def-000000000001"
OTHER_UUID = "c0ffee00-1234-4abc-8def-000000000002"

EQUAL = [
    (r"/tmp/vf-[^/]*/(theirs|ours)", "/FOLDER"),
    (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"same host [0-9a-f-]{36}", "same host UUID"),
    (r"tcp:127\.0\.0\.\d:\d+", "tcp:ADDRESS:PORT"),
    (r"127\.0\.0\.\d", "ADDRESS"),
]

# The last two notes of a story that has changed nothing.
UNTOUCHED = ["source: 1/1 job 0", "destination: none"]

# In docs/libvirt-differences.md, too.
KNOWN = [
    # Who holds a job is told at more length.
    (r"\(held by [^)]*\).*", "(held by ...)"),
    # The line of what is no XML is not repeated.
    (r"(: 35/[^\n]*)\n(.|\n)*", r"\1"),
]


# Of a story, what differs: "-" what libvirtd answers, "+" what we do.
KNOWN_STORIES = {
    # The second Perform makes libvirtd resume the guest, which then runs twice.
    "perform_twice": [
        "-source: 1/6 job 0",
        "+source: 3/2 job 2",
        "-confirm: 55/10 Requested operation is not valid: domain 'beat' is"
        " not being migrated",
        "-source: 1/6 job 0",
        "+confirm: done",
        "+source: none",
    ],
    # A Confirm that makes no sense ends libvirtd's job.
    "other_guests_cookie_in_confirm": [
        "-source: 3/2 job 0",
        "+source: 3/2 job 2",
    ],
    # A client that shows what is defined must hear of it.
    "persistent_moves": ["+source's event: beat lifecycle 1 0"],
    # The XML's first difference is told with its path.
    "refused": [
        "-migrate3: 67/20 unsupported configuration: Target domain max memory"
        " 65536 does not match source 131072",
        "+migrate3: 67/20 unsupported configuration: the XML for the"
        " destination of domain 'beat': memory: size in KiB is 131072 there"
        " and 65536 here",
    ],
    "rubbish_in_confirm": [
        "-source: 3/2 job 0",
        "+source: 3/2 job 2",
        "-confirm: 55/10 Requested operation is not valid: domain 'beat' is"
        " not being migrated",
        "-source: 3/2 job 0",
        "+confirm: done",
        "+source: none",
    ],
}


class Pair:
    """Source, destination, a guest, and what was noted of them."""

    def __init__(self, source, destination, folder):
        self.source = source
        self.destination = destination
        self.folder = folder
        self.image = os.path.join(folder, "beat.bin")
        shutil.copy(IMAGE, self.image)
        self.beat = None
        self.number = 0
        self.notes = []
        self.clients = []
        self.is_plain = False

    # The guest.

    def guest(self, name="beat", guest_uuid=GUEST_UUID, config="hb=10 tlb=1"):
        guest = Guest(self.image, name, memory=WHOLE_KIB)
        guest.uuid = guest_uuid
        guest.config = config
        return guest

    def has_plain_guest(self):
        """Is that of the last story as good as a new one?"""
        if not self.is_plain or self.notes[-2:] != UNTOUCHED:
            return False
        with Client(self.source.socket).open(self.source.path) as client:
            return client.state(client.lookup("beat")) == (1, 1)

    def start_plain(self):
        """A transient guest with nothing special runs at the source.

        It may be that of the last story, if nothing has happened to it.
        """
        if self.has_plain_guest():
            self.notes = []
            return
        self.settle()
        self.start()
        self.is_plain = True

    def start(self, persistent=False, **more):
        """The guest runs at the source, with a new serial port."""
        self.is_plain = False
        guest = self.guest(**more)
        self.number += 1
        self.beat = Beat(os.path.join(self.folder, f"serial{self.number}"))
        guest.serial = self.beat.path
        if persistent:
            path = self.file("guest.xml", guest.xml())
            self.source.virsh("define", path)
            self.source.virsh("start", guest.name)
        else:
            self.source.virsh.create(guest.xml())
        self.beat.wait_running()
        return guest

    def put_there(self, verb, **more):
        """The destination has such a guest, too, when we come."""
        self.is_plain = False
        path = self.file("there.xml", self.guest(**more).xml())
        self.destination.virsh(verb, path)

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o666)
        return path

    # Clients.

    def client(self, host):
        client = Client(host.socket).open(host.path)
        self.clients.append(client)
        return client

    def steps(self, typed, **more):
        """A migration by a client of its own."""
        ends = self.client(self.source), self.client(self.destination)
        return Steps(*ends, "beat", typed=typed, **more)

    # Notes.

    def note(self, text):
        text = str(text)
        for pattern, replacement in EQUAL + KNOWN:
            text = re.sub(pattern, replacement, text)
        self.notes.append(text)

    def tries(self, what, function, *arguments, **more):
        """Note how that ends; True where it succeeds."""
        try:
            function(*arguments, **more)
        except Refused as refused:
            self.note(
                f"{what}: {refused.code}/{refused.domain} {refused.message}"
            )
            return False
        except (Lost, ConnectionError) as lost:
            self.note(f"{what}: connection lost ({lost})")
            return False
        self.note(f"{what}: done")
        return True

    def look(self):
        """Note how the guest stands on both sides."""
        for side, host in self.sides():
            with Client(host.socket).open(host.path) as client:
                self.note(f"{side}: {stand(client, 'beat')}")

    def sides(self):
        return [("source", self.source), ("destination", self.destination)]

    # The end of a story.

    def leave(self):
        """The clients of a story go."""
        for client in self.clients:
            client.close()
        self.clients.clear()

    def settle(self):
        """No clients, no guests, no notes."""
        self.leave()
        for _, host in self.sides():
            host.virsh.remove_all()
            wait_for(lambda h=host: not h.qemus(), 15)
        if self.beat:
            self.beat.close()
            self.beat = None
        self.notes = []

    def stop(self):
        try:
            self.settle()
        finally:
            for _, host in self.sides():
                if isinstance(host, Libvirtd):
                    host.stop()
                else:
                    host.tear_down()


def stand(client, name):
    """State and reason of a guest, and the type of its job."""
    try:
        dom = client.lookup(name)
    except Refused:
        return "none"
    state, reason = client.state(dom)
    try:
        reader = client.call(DOMAIN_GET_JOB_INFO, domain(dom))
        job = reader.integer()
    except Refused as refused:
        job = f"{refused.code}/{refused.domain}"
    return f"{state}/{reason} job {job}"


def their_pair(folder):
    hosts = []
    for name in ("hosta", "hostb"):
        home = os.path.join(folder, name)
        os.makedirs(home)
        first = processes.free_ports(8)
        ports = (first, first + 7)
        hosts.append(Libvirtd(home, name, processes.free_ports(1), ports))
    return Pair(*hosts, folder)


def our_pair(folder):
    hosts = []
    for name in ("hosta", "hostb"):
        daemon = Daemon(folder, name)
        daemon.options["--job-timeout"] = "30"
        hosts.append(daemon.start())
    return Pair(*hosts, folder)


def says_more(theirs, ours):
    """Is that the same error, with the same words and some more?"""
    error = re.compile(r"^(.*?: \d+/\d+) ([^:]*: )?(.*)$", re.S)
    one, other = error.match(theirs), error.match(ours)
    return (
        one is not None
        and other is not None
        and one[1] == other[1]
        and one[3] in other[3]
    )


def difference(theirs, ours):
    """The notes that are not the same, as a diff; empty where all are."""
    if len(theirs) == len(ours):
        ours = [
            one if says_more(one, other) else other
            for one, other in zip(theirs, ours)
        ]
    return "\n".join(
        difflib.unified_diff(
            theirs, ours, "libvirtd", "vmferryd", lineterm="", n=3
        )
    )


def changes(theirs, ours):
    """Only the notes that are not the same: "-" theirs, "+" ours."""
    return [
        line
        for line in difference(theirs, ours).splitlines()
        if line[0] in "-+" and not line.startswith(("---", "+++"))
    ]


def other_cookie(cookie):
    """The same cookie, of another guest."""
    return cookie.replace(GUEST_UUID.encode(), OTHER_UUID.encode())


def foreign_cookie(name="beat", guest_uuid=GUEST_UUID):
    """A good one without a content, of a host that is none of ours."""
    return (
        f"<qemu-migration><name>{name}</name><uuid>{guest_uuid}</uuid>"
        f"<hostname>far</hostname><hostuuid>{uuid.uuid4()}</hostuuid>"
        "</qemu-migration>\0"
    ).encode()
