# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two network namespaces and the wire between them, which can be cut.

What is sent over a wire that is cut is lost, and nobody is told: neither end
sees its connection closed.
"""

import ctypes
import os
import subprocess
import threading

from harness import tap
from harness.wait import wait_for

CLONE_NEWNET = 0x40000000
ADDRESSES = ("10.77.0.1", "10.77.0.2")
# Ends with us, however we end.
HOLD = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "1d"]


def _run(*command):
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=True,
    )


class Wires:
    """`enter[n]` begins a command that is to run on the n'th end."""

    def __init__(self):
        own = os.readlink("/proc/self/ns/net")
        self.holders = [
            subprocess.Popen(HOLD, stdin=subprocess.DEVNULL) for _ in range(2)
        ]
        for holder in self.holders:
            path = f"/proc/{holder.pid}/ns/net"
            wait_for(lambda path=path: os.readlink(path) != own, 5)
        self.pids = [holder.pid for holder in self.holders]
        self.enter = [
            ["nsenter", f"--net=/proc/{pid}/ns/net"] for pid in self.pids
        ]
        first, second = self.enter
        _run(
            *first, "ip", "link", "add", "wire", "type", "veth", "peer",
            "name", "wire", "netns", str(self.pids[1]),
        )
        for enter, address in zip(self.enter, ADDRESSES):
            _run(*enter, "ip", "address", "add", f"{address}/24", "dev", "wire")
            _run(*enter, "ip", "link", "set", "lo", "up")
            _run(*enter, "ip", "link", "set", "wire", "up")

    def cut(self, end):
        """At that end; the other one, which loses its carrier, is not told."""
        _run(*self.enter[end], "ip", "link", "set", "wire", "down")

    def mend(self):
        for enter in self.enter:
            _run(*enter, "ip", "link", "set", "wire", "up")

    def bind(self, end, port):
        """A TCP socket of ours at that end, for listen()."""
        made = []

        def make():
            # A namespace is its thread's: this one ends with it.
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/proc/{self.pids[end]}/ns/net") as space:
                if libc.setns(space.fileno(), CLONE_NEWNET):
                    return
            made.append(tap.listening(ADDRESSES[end], port))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def listening(self, end):
        """TCP ports that somebody listens on there."""
        ports = set()
        for name in ("tcp", "tcp6"):
            with open(f"/proc/{self.pids[end]}/net/{name}") as table:
                for line in list(table)[1:]:
                    fields = line.split()
                    if fields[3] == "0A":
                        ports.add(int(fields[1].rsplit(":", 1)[1], 16))
        return ports

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.wait()


def missing():
    """Why there can't be wires here, or None."""
    if os.geteuid():
        return "no network namespaces for an ordinary user"
    try:
        Wires().close()
    except (OSError, subprocess.SubprocessError, AssertionError) as error:
        return f"no network namespaces: {error}"
    return None
