# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network of the test's own: a namespace with bridges in it.

The test itself moves into the namespace, and so does whatever it starts.
"""

import ctypes
import json
import os
import shutil
import subprocess

CLONE_NEWNET = 0x40000000
HERE = "/proc/thread-self/ns/net"


def ip(*arguments):
    """Run ip; what it says as data."""
    out = subprocess.run(
        ["ip", "-json", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout
    return json.loads(out) if out.strip() else []


def _call(function, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments):
        raise OSError(ctypes.get_errno(), function)


class Network:
    """Entered at once; leave() goes back to the machine's own."""

    def __init__(self):
        self.before = os.open(HERE, os.O_RDONLY)
        try:
            _call("unshare", CLONE_NEWNET)
        except OSError:
            os.close(self.before)
            raise
        ip("link", "set", "lo", "up")

    def leave(self):
        _call("setns", self.before, CLONE_NEWNET)
        os.close(self.before)

    @staticmethod
    def add_bridge(name, mtu=1500):
        ip("link", "add", name, "type", "bridge")
        ip("link", "set", name, "mtu", str(mtu), "up")

    @staticmethod
    def taps():
        """{name: device} of all taps."""
        devices = ip("-details", "link", "show")
        return {
            device["ifname"]: device
            for device in devices
            if device.get("linkinfo", {}).get("info_kind") == "tun"
        }

    def ports(self, bridge):
        """The names of the taps in it, and whether each is up."""
        return {
            name: "UP" in device["flags"]
            for name, device in self.taps().items()
            if device.get("master") == bridge
        }


def missing():
    """Why there can't be a network here, or None."""
    if os.geteuid():
        return "no network namespaces for an ordinary user"
    if not shutil.which("ip"):
        return "no ip (package iproute2)"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun (module tun)"
    try:
        network = Network()
    except OSError as error:
        return f"no network namespaces: {error}"
    try:
        network.add_bridge("probe")
    except subprocess.CalledProcessError as error:
        return f"no bridges: {error.stderr}"
    finally:
        network.leave()
    return None
