# SPDX-License-Identifier: LGPL-2.1-or-later
"""Points at which a libvirtd can be held, had from outside.

libvirtd has no failpoints.  But what it is told and what it answers goes
through relays of ours, which hold a message, and have the names of our own
points (src/io/failpoint.h):

  rpc/received/CALL   the relay has the call, the daemon is given it next
  rpc/replied/CALL    the relay has the reply, the caller is given it next

A relay that lets go passes on what it holds, also where the caller or the
daemon is dead by then: what was sent arrives.  Between the messages there are
events.  At those the daemon itself is not held, only what it and its peers say
next: what it does by itself goes on until the harm comes.

  event/ITERATION     the first pass over memory begins
  event/SUSPENDED     the guest has stopped at the source
  event/RESUMED       it goes on at the destination
"""

import threading

from harness.gate import Points
from harness import rpc, tap

CALLS = {
    rpc.BEGIN3_PARAMS: "DOMAIN_MIGRATE_BEGIN3_PARAMS",
    rpc.PREPARE3_PARAMS: "DOMAIN_MIGRATE_PREPARE3_PARAMS",
    rpc.PERFORM3_PARAMS: "DOMAIN_MIGRATE_PERFORM3_PARAMS",
    rpc.FINISH3_PARAMS: "DOMAIN_MIGRATE_FINISH3_PARAMS",
    rpc.CONFIRM3_PARAMS: "DOMAIN_MIGRATE_CONFIRM3_PARAMS",
}
REGISTER, LIFECYCLE, ITERATION = 316, 318, 359
# Event's id, as one registers for it.
EVENTS = {LIFECYCLE: 0, ITERATION: 20}
# By (event, detail): both because of a migration.
LIVES = {(3, 1): "SUSPENDED", (4, 1): "RESUMED"}


class RelayPoints(Points):
    """What the relays and the watch of one daemon come to.

    `may_pass` is one for all daemons of a migration.
    """

    def __init__(self, may_pass):
        self.may_pass = may_pass
        super().__init__()

    def come_to(self, name):
        """Returns when it may go on."""
        go_on = threading.Event()
        if self._came_to(name, go_on):
            go_on.wait()
        self.may_pass.wait()

    def note(self, name):
        """Until it may go on nothing passes any relay."""
        self._came_to(name, self.may_pass)

    @staticmethod
    def _begin(held):
        held.clear()

    @staticmethod
    def _answer(held):
        held.set()

    def close(self):
        self.let_go()


class Relay(tap.Tap):
    """Passes on what is said to one daemon, and what it says.

    `where` is a path or a port; with `wires` a port of its end of them.
    """

    def __init__(self, where, daemon, points, wires=None):
        self.points = points
        self.end = daemon.end
        self.wires = wires
        super().__init__(where, daemon.socket)

    def _listen(self):
        if not self.wires:
            return super()._listen()
        listener = self.wires.bind(self.end, self.where)
        listener.listen(16)
        return listener

    def heard(self, kind, procedure):
        if procedure in CALLS:
            what = "received" if kind == rpc.CALL else "replied"
            self.points.come_to(f"rpc/{what}/{CALLS[procedure]}")


class Watch:
    """Hears one daemon's events until it dies."""

    def __init__(self, daemon, points):
        self.points = points
        self.client = rpc.Client(daemon.socket).open(daemon.path)
        for event in EVENTS.values():
            self.client.call(REGISTER, rpc.integer(event) + rpc.integer(0))
        self.client.socket.settimeout(None)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        try:
            with self.client.socket:
                while True:
                    self.client.pump()
                    while self.client.events:
                        self._hear(*self.client.events.pop(0))
        except (OSError, rpc.Lost):
            pass

    def _hear(self, procedure, reader):
        reader.integer()  # Which of those that have registered.
        reader.domain()
        if procedure == LIFECYCLE:
            name = LIVES.get((reader.integer(), reader.integer()))
        else:
            name = "ITERATION" if reader.integer() == 1 else None
        if name:
            self.points.note(f"event/{name}")
