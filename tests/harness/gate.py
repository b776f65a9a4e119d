# SPDX-License-Identifier: LGPL-2.1-or-later
"""Points at which a daemon can be held: its failpoints (src/io/failpoint.h)."""

import collections
import os
import socket
import threading


class Points:
    """Lets a daemon pass each of its points, but for the one that it holds.

    `passed` has the names of all points since forget(), in their order.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.forget()

    def forget(self):
        with self.lock:
            self.passed = []
            self.counts = collections.Counter()
            self.wanted = None
            self.reached = threading.Event()
            self.held = None

    def hold(self, name, count=1):
        """Stop the daemon when it comes to `name` for the count'th time."""
        with self.lock:
            self.wanted = (name, count)

    def is_held(self):
        return self.reached.is_set()

    def let_go(self):
        """The daemon goes on, if it still lives."""
        with self.lock:
            held, self.held, self.wanted = self.held, None, None
        if held:
            self._answer(held)

    def _came_to(self, name, who):
        """Is it to be held there?"""
        with self.lock:
            self.passed.append(name)
            self.counts[name] += 1
            if self.wanted != (name, self.counts[name]):
                return False
            self.held = who
            self._begin(who)
            self.reached.set()
            return True

    def _begin(self, who):
        """Somebody is held."""


class Gate(Points):
    """The test's end of a vmferryd's failpoints."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.let_go()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(connection,), daemon=True
            ).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    if not self._came_to(line.decode().strip(), connection):
                        self._answer(connection)
        except OSError:
            pass

    @staticmethod
    def _answer(connection):
        try:
            connection.sendall(b"g")
        except OSError:
            pass
