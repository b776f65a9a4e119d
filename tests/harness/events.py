# SPDX-License-Identifier: LGPL-2.1-or-later
"""`virsh event` beside the test: what a host told its clients."""

import re
import subprocess
import threading

from .wait import wait_for

LINE = re.compile(r"^event '([a-z-]+)' for domain '([^']*)'(?::(?: (.*))?)?$")


class Events:
    """Collects until closed."""

    def __init__(self, virsh):
        self.lines = []
        self.process = subprocess.Popen(
            virsh.prefix + ["event", "--all", "--loop"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def of(self, name):
        """["lifecycle Started Booted", "job-completed", ...] of a domain."""
        found = []
        for line in list(self.lines):
            match = LINE.match(line)
            if match and match[2] == name:
                kind, _, detail = match.groups()
                found.append(f"{kind} {detail}" if detail else kind)
        return found

    def lifecycle(self, name):
        """["Started Booted", ...]"""
        prefix = "lifecycle "
        return [
            event.removeprefix(prefix)
            for event in self.of(name)
            if event.startswith(prefix)
        ]

    def wait(self, name, event, seconds=10):
        wait_for(
            lambda: event in self.of(name),
            seconds,
            lambda: f"event {event!r} of {name}, only {self.lines}",
        )

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(10)
