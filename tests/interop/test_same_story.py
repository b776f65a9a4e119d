# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole migrations, told by libvirt-python to two libvirtds and two vmferryds.

The same script runs against both pairs.  What it is told must be the same:
results, codes of errors with their texts, states with reasons, events with
their order, and the fields of a job's statistics.
"""

import threading
import uuid

import pytest


from harness.wait import wait_for

from pairs import KNOWN_STORIES, changes, difference

libvirt = pytest.importorskip("libvirt")

pytestmark = pytest.mark.xdist_group("same story")

LIVE = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_UNSAFE
PEER = LIVE | libvirt.VIR_MIGRATE_PEER2PEER
SLOW = {"bandwidth": 1}

CODE_ONLY = "{error.err[0]}/{error.err[1]}"
CODE_AND_TEXT = "{error.err[0]}/{error.err[1]} {error.err[2]}"

# Values that do not depend on the time or on chance.
STABLE = {
    "operation",
    "type",
    "data_remaining",
    "memory_remaining",
    "memory_page_size",
    "memory_postcopy_requests",
    "disk_total",
    "disk_processed",
    "disk_remaining",
}
# There only when they are not zero, or (_net) longer than the way between.
SOMETIMES = {
    "memory_bps",
    "disk_bps",
    "auto_converge_throttle",
    "downtime_net",
    "time_elapsed_net",
}


@pytest.fixture(scope="module", autouse=True)
def event_loop():
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda *_: None, None)

    def run():
        while True:
            libvirt.virEventRunDefaultImpl()

    # A timer, so that the loop sees what is registered while it sleeps.
    libvirt.virEventAddTimeout(100, lambda *_: None, None)
    threading.Thread(target=run, daemon=True).start()


class Script:
    """libvirt-python's view of a pair."""

    def __init__(self, pair):
        self.pair = pair
        self.here = libvirt.open(pair.source.uri)
        self.there = libvirt.open(pair.destination.uri)
        self.events = {"source": [], "destination": []}
        self.running = None
        self.held = []
        self.says = CODE_AND_TEXT
        for side, connection in self.sides():
            self._watch(side, connection)

    def sides(self):
        return [("source", self.here), ("destination", self.there)]

    def _watch(self, side, connection):
        heard = self.events[side]

        def lifecycle(_connection, domain, event, detail, _opaque):
            heard.append(f"{domain.name()} lifecycle {event} {detail}")

        def completed(_connection, domain, values, _opaque):
            heard.append(f"{domain.name()} job completed {told(values)}")

        for event, callback in (
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle),
            (libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, completed),
        ):
            connection.domainEventRegisterAny(None, event, callback, None)

    def fence(self):
        """Both have told of everything that happened before now."""
        for side, connection in self.sides():
            heard = self.events[side]
            guest = self.pair.guest("fence", str(uuid.uuid4()))
            connection.defineXML(guest.xml()).undefine()
            wait_for(lambda h=heard: "fence lifecycle 1 0" in h, 20)
            heard[:] = [e for e in heard if not e.startswith("fence")]

    def close(self):
        if self.running:
            self.running.join(30)
        for _, connection in self.sides():
            connection.close()

    def beat(self):
        return self.here.lookupByName("beat")

    def tries(self, what, function, *arguments):
        """Note its result or its error."""
        try:
            result = function(*arguments)
        except libvirt.libvirtError as error:
            said = self.says.format(error=error)
            self._note(f"{what}: {said}")
            return None
        if isinstance(result, dict):
            result = told(result)
        if isinstance(result, libvirt.virDomain):
            result = f"domain {result.name()}"
        self._note(f"{what}: {result}")
        return result

    def _note(self, text):
        """What a call in the background says, is noted when that has ended:
        two that end at the same time are heard in any order."""
        if threading.current_thread() is self.running:
            self.held.append(text)
        else:
            self.pair.note(text)

    def migrate(self, parameters=None, flags=LIVE):
        return self.tries(
            "migrate3",
            lambda: self.beat().migrate3(self.there, parameters or {}, flags),
        )

    def to_uri(self, parameters=None, flags=PEER):
        address = f"127.0.0.1:{self.pair.destination.tcp_port}"
        uri = f"qemu+tcp://{address}/{self.pair.destination.path}"
        return self.tries(
            "migrateToURI3",
            lambda: self.beat().migrateToURI3(uri, parameters or {}, flags),
        )

    def begin(self, function, *arguments):
        """Run that in a thread, until memory is being copied."""
        self.running = threading.Thread(
            target=function, args=arguments, daemon=True
        )
        self.running.start()
        beat = self.beat()
        wait_for(lambda: beat.jobStats().get("memory_remaining"), 30)

    def end(self):
        self.running.join(60)
        assert not self.running.is_alive()
        for text in self.held:
            self.pair.note(text)
        self.held = []

    def finals(self, *names):
        """Everything that is left to ask when it is over."""
        for name in names or ("beat",):
            for side, connection in self.sides():
                self._final(side, connection, name)
        self.fence()
        for side, heard in self.events.items():
            for event in heard:
                self.pair.note(f"{side}'s event: {event}")

    def _final(self, side, connection, name):
        try:
            domain = connection.lookupByName(name)
        except libvirt.libvirtError:
            self.pair.note(f"{side}: no {name}")
            return
        self.pair.note(
            f"{side}: {name} state {domain.state()} persistent"
            f" {domain.isPersistent()} active {domain.isActive()}"
            f" updated {domain.isUpdated()}"
        )
        flags = libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED
        for _ in range(2):
            self.tries(f"{side}'s last job", domain.jobStats, flags)
        self.tries(f"{side}'s job", domain.jobStats)

    def wait_event(self, side, text):
        wait_for(
            lambda: any(text in event for event in self.events[side]),
            20,
            lambda: f"{text}, only {self.events}",
        )


def told(values):
    """Statistics: the names of all fields, and the values of some."""
    return " ".join(
        f"{name}={values[name]}" if name in STABLE else name
        for name in sorted(values)
        if name not in SOMETIMES
    )


STOPPED = "lifecycle 5 "


# Migrations that work.


def live(script):
    script.pair.start()
    script.migrate()
    script.wait_event("source", "job completed")
    script.finals()


def persistent_stays(script):
    script.pair.start(persistent=True)
    script.migrate(flags=LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST)
    script.wait_event("source", "job completed")
    script.finals()


def persistent_moves(script):
    flags = libvirt.VIR_MIGRATE_PERSIST_DEST
    flags |= libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    script.pair.start(persistent=True)
    script.migrate(flags=LIVE | flags)
    script.wait_event("source", "job completed")
    script.finals()


def not_live(script):
    script.pair.start()
    script.migrate(flags=libvirt.VIR_MIGRATE_UNSAFE)
    script.wait_event("source", "job completed")
    script.finals()


def paused_before(script):
    script.pair.start()
    script.tries("suspend", script.beat().suspend)
    script.migrate()
    script.wait_event("source", "job completed")
    script.finals()


def paused_after(script):
    script.pair.start()
    script.migrate(flags=LIVE | libvirt.VIR_MIGRATE_PAUSED)
    script.wait_event("source", "job completed")
    script.finals()


def another_name(script):
    script.pair.start()
    script.migrate({"destination_name": "drum"})
    script.wait_event("source", "job completed")
    script.finals("beat", "drum")


def peer_to_peer(script):
    script.pair.start()
    script.to_uri()
    script.wait_event("source", "job completed")
    script.finals()


def tunnelled(script):
    script.pair.start()
    script.to_uri(flags=PEER | libvirt.VIR_MIGRATE_TUNNELLED)
    script.wait_event("source", "job completed")
    script.finals()


def offline(script):
    path = script.pair.file("guest.xml", script.pair.guest().xml())
    script.pair.source.virsh("define", path)
    flags = libvirt.VIR_MIGRATE_OFFLINE | libvirt.VIR_MIGRATE_PERSIST_DEST
    script.migrate(flags=flags)
    script.wait_event("destination", "lifecycle 0")
    script.finals()


# Migrations that end early.


def aborted(script):
    script.pair.start(config="hb=10 tlb=1 fill=24")
    script.begin(script.migrate, SLOW)
    fields = set(script.beat().jobStats()) - SOMETIMES
    script.pair.note("statistics: " + " ".join(sorted(fields)))
    script.tries("abort", script.beat().abortJob)
    script.end()
    script.wait_event("destination", STOPPED)
    script.finals()


def aborted_peer_to_peer(script):
    script.pair.start(config="hb=10 tlb=1 fill=24")
    # libvirtd passes on whichever side's error it hears of first.
    script.says = "an error"
    script.begin(script.to_uri, SLOW)
    script.tries("abort", script.beat().abortJob)
    script.end()
    script.wait_event("destination", STOPPED)
    script.finals()


def destroyed_at_the_source(script):
    script.pair.start(config="hb=10 tlb=1 fill=24")
    script.begin(script.migrate, SLOW)
    script.tries("destroy", script.beat().destroy)
    script.end()
    script.wait_event("source", STOPPED)
    script.wait_event("destination", STOPPED)
    script.events["destination"].clear()
    script.finals()


def destroyed_at_the_destination(script):
    script.pair.start(config="hb=10 tlb=1 fill=24")
    # Which of QEMU's words libvirtd passes on is left to chance.
    script.says = CODE_ONLY
    script.begin(script.migrate, SLOW)
    script.tries("destroy", script.there.lookupByName("beat").destroy)
    script.end()
    script.wait_event("destination", STOPPED)
    script.finals()


def questions_in_between(script):
    script.pair.start(config="hb=10 tlb=1 fill=80")
    script.begin(script.migrate, SLOW)
    beat = script.beat()
    other = script.there.lookupByName("beat")
    script.tries("state", beat.state)
    script.tries("state there", other.state)
    # "Occupied" while a command of theirs is on its way to QEMU.
    wait_for(lambda: beat.controlInfo()[0] == libvirt.VIR_DOMAIN_CONTROL_OK, 10)
    script.tries("job there", other.jobStats)
    script.tries("info there", other.jobInfo)
    script.tries("speed", beat.migrateSetMaxSpeed, 2)
    script.tries("speed", beat.migrateGetMaxSpeed)
    script.tries("downtime", beat.migrateSetMaxDowntime, 200)
    script.tries("downtime", beat.migrateGetMaxDowntime)
    script.tries(
        "another", lambda: beat.migrate3(script.there, {}, LIVE)
    )
    script.tries("abort", beat.abortJob)
    script.end()
    script.wait_event("destination", STOPPED)
    script.finals()


def suspended_in_between(script):
    script.pair.start(config="hb=10 tlb=1 fill=4")
    script.begin(script.migrate, SLOW)
    script.tries("suspend", script.beat().suspend)
    script.tries("state", script.beat().state)
    script.end()
    script.wait_event("source", "job completed")
    script.finals()


# Migrations that never begin.


def refused(script):
    """Not parallel.connections, nor auto_converge.initial, without their flag:
    libvirtd refuses them in Perform, and then keeps the job.
    """
    script.pair.start()
    beat = script.beat()
    xml = beat.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    script.tries("abort", beat.abortJob)
    script.migrate({"destination_xml": xml.replace("131072", "65536")})
    script.migrate({"destination_xml": xml.replace(">beat<", ">drum<")})
    script.migrate({"destination_xml": "rubbish"})
    script.migrate({"migrate_uri": "foo://x"})
    script.migrate({"migrate_uri": "hostx"})
    script.migrate({"nonsense": "x"})
    script.migrate(flags=LIVE | libvirt.VIR_MIGRATE_TUNNELLED)
    script.migrate(
        flags=LIVE | libvirt.VIR_MIGRATE_POSTCOPY | libvirt.VIR_MIGRATE_PAUSED
    )
    script.migrate(flags=libvirt.VIR_MIGRATE_POSTCOPY)
    script.migrate(flags=LIVE | libvirt.VIR_MIGRATE_ZEROCOPY)
    script.migrate(flags=LIVE | libvirt.VIR_MIGRATE_OFFLINE)
    script.migrate({"compression.xbzrle.cache": 65536})
    script.to_uri({"migrate_uri": "foo://x"})
    script.tries(
        "migrateToURI3",
        lambda: beat.migrateToURI3("qemu+tcp://127.0.0.1:1/x", {}, PEER),
    )
    script.tries(
        "migrateToURI3", lambda: beat.migrateToURI3("foo:", {}, PEER)
    )
    script.tries("itself", lambda: beat.migrate3(script.here, {}, LIVE))
    script.finals()


def destination_has_it(script):
    script.pair.start()
    script.pair.put_there("create")
    script.migrate()
    script.to_uri()
    script.finals()


def not_running(script):
    path = script.pair.file("guest.xml", script.pair.guest().xml())
    script.pair.source.virsh("define", path)
    script.migrate()
    script.to_uri()
    script.finals()


STORIES = [
    live,
    persistent_stays,
    persistent_moves,
    not_live,
    paused_before,
    paused_after,
    another_name,
    peer_to_peer,
    tunnelled,
    offline,
    aborted,
    aborted_peer_to_peer,
    destroyed_at_the_source,
    destroyed_at_the_destination,
    questions_in_between,
    suspended_in_between,
    refused,
    destination_has_it,
    not_running,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_same_story(pairs, story):
    stories = []
    for pair in pairs:
        pair.settle()
        script = Script(pair)
        try:
            story(script)
            stories.append(pair.notes)
        finally:
            script.close()
            pair.settle()
    assert changes(*stories) == KNOWN_STORIES.get(story.__name__, []), (
        difference(*stories)
    )
