# SPDX-License-Identifier: LGPL-2.1-or-later
"""The beat guest's serial port, and the proof that its life had no break.

The test listens on a unix socket and QEMU connects to it: not a byte is lost.
Source and destination connect to the same socket, one after the other, and
each connection is a Leg of the guest's journey.
"""

import os
import re
import socket
import threading
import time

from .wait import wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
BUILD = os.environ.get("VMFERRY_BUILD", os.path.join(ROOT, "build"))
IMAGE = os.path.join(BUILD, "tests", "guest", "beat.bin")

LINE = re.compile(rb"^(.*) ([0-9a-f]{2})$", re.S)
DAMAGE = (b"BAD", b"DISKERR", b"PANIC", b"NOHPET")


class Leg:
    """What one QEMU has written to its serial port, with arrival times."""

    def __init__(self, connection):
        self.connection = connection
        self.chunks = []
        self.closed = False

    def read_all(self):
        try:
            while True:
                data = self.connection.recv(65536)
                if not data:
                    break
                self.chunks.append((time.monotonic(), data))
        except OSError:
            pass
        self.closed = True

    def data(self):
        return b"".join(data for _, data in list(self.chunks))

    def lines(self):
        """Complete lines as (time of arrival, line)."""
        lines, rest = [], b""
        for when, data in list(self.chunks):
            *complete, rest = (rest + data).split(b"\n")
            lines += [(when, line) for line in complete]
        return lines

    def beats(self):
        """(time of arrival, sequence number) of each heartbeat."""
        return [
            (when, int(line[2:10], 16))
            for when, line in self.lines()
            if line.startswith(b"H ")
        ]


class Beat:
    """Listens for one guest; `path` goes into its domain XML."""

    def __init__(self, path):
        self.path = path
        self.legs = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o777)
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            leg = Leg(connection)
            self.legs.append(leg)
            threading.Thread(target=leg.read_all, daemon=True).start()

    def close(self):
        # shutdown() wakes the thread that sits in accept().
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for leg in self.legs:
            leg.connection.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    # The journey.

    def spoken(self):
        """The legs on which the guest has said anything, in order."""
        legs = [leg for leg in self.legs if leg.chunks]
        return sorted(legs, key=lambda leg: leg.chunks[0][0])

    def last(self):
        """The newest heartbeat's number, -1 before the first."""
        numbers = [n for leg in self.legs for _, n in leg.beats()[-1:]]
        return max(numbers, default=-1)

    def count(self):
        return sum(len(leg.beats()) for leg in self.legs)

    def wait_running(self, beats=3, seconds=15):
        """The guest executes: wait for that many new heartbeats."""
        target = self.last() + beats
        wait_for(lambda: self.last() >= target, seconds, self._state)

    def wait_leg(self, number, seconds=15):
        """Wait until the guest speaks on its `number`th QEMU (from 1 on)."""
        wait_for(lambda: len(self.spoken()) >= number, seconds, self._state)

    def stands_still(self, seconds=0.3):
        """No heartbeat for so long (a paused guest)."""
        before = self.count()
        end = time.monotonic() + seconds
        try:
            wait_for(lambda: self.count() != before, seconds)
        except AssertionError:
            return True
        return time.monotonic() > end

    def _state(self):
        tails = [leg.data()[-60:] for leg in self.legs]
        return f"heartbeat {self.last()}; ends of the legs: {tails}"

    def send(self, text, leg=-1):
        self.spoken()[leg].connection.sendall(text.encode())

    def verify(self, seconds=20):
        """Have the guest look at all of its memory; the answer line."""
        leg = self.spoken()[-1]
        before = len(leg.lines())
        self.send("v\n")

        def answer():
            for _, line in leg.lines()[before:]:
                if line.startswith(b"V "):
                    return line.decode()
            return None

        line = wait_for(answer, seconds, self._state)
        assert " bad=00000000 memerr=00000000 " in line, line
        return line

    def check(self):
        """All legs together are one unbroken life; the heartbeats in it."""
        count, problems = check_stream([leg.data() for leg in self.spoken()])
        assert not problems, problems[:5]
        return count

    def gaps_ms(self):
        """Milliseconds without a heartbeat at each change of host."""
        legs = [leg.beats() for leg in self.spoken()]
        return [
            (after[0][0] - before[-1][0]) * 1000
            for before, after in zip(legs, legs[1:])
            if before and after
        ]


class Stream:
    """State of check_stream()."""

    def __init__(self):
        self.problems = []
        self.beats = 0
        self.sequence = self.written = self.time = -1
        self.disk = 0

    def line(self, number, line):
        match = LINE.match(line)
        if not match or sum(match[1]) & 255 != int(match[2], 16):
            self.problems.append(f"garbled line {number}: {line!r}")
        elif line.startswith(b"H "):
            self.heartbeat(*(int(x, 16) for x in match[1].split()[1:5]))
        elif line.startswith(b"D "):
            write = int(match[1].split()[1], 16)
            if write != self.disk + 1:
                self.problems.append(f"disk write {write} after {self.disk}")
            self.disk = write
        elif line.startswith(DAMAGE):
            self.problems.append(line.decode("latin1"))
        elif line.startswith(b"T ") and number > 0:
            self.problems.append(f"the guest was reset in line {number}")

    def heartbeat(self, sequence, time_us, written, errors):
        self.beats += 1
        if sequence != self.sequence + 1:
            self.problems.append(f"beat {sequence} after {self.sequence}")
        if time_us <= self.time:
            self.problems.append(f"time went back at beat {sequence}")
        if written < self.written:
            self.problems.append(f"writes went back at beat {sequence}")
        if errors:
            self.problems.append(f"{errors} errors at beat {sequence}")
        self.sequence, self.time, self.written = sequence, time_us, written


def check_stream(parts):
    """(heartbeats, problems) of serial bytes, host after host.

    The last line may be incomplete: the guest was killed in it, or still
    writes it.
    """
    stream = Stream()
    for number, line in enumerate(b"".join(parts).split(b"\n")[:-1]):
        stream.line(number, line)
    return stream.beats, stream.problems
