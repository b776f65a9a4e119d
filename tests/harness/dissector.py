# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tshark, with libvirt's dissector, finds in a capture file."""

import glob
import shutil
import subprocess

from . import tap

PLUGIN = "/usr/lib/*/wireshark/plugins/*/epan/libvirt.so"
FIELDS = [
    "frame.number",
    "libvirt.program",
    "libvirt.procedure",
    "libvirt.type",
    "_ws.malformed",
    "_ws.expert.message",
]


def missing():
    """Why nothing can be decoded here, or None."""
    if not shutil.which("tshark"):
        return "no tshark (package tshark)"
    if not glob.glob(PLUGIN):
        return "no dissector (package libvirt-wireshark)"
    return None


class Packet:
    """One message: where it was, what it was, what is wrong with it."""

    def __init__(self, values):
        self.number, self.program, self.procedure, self.type = values[:4]
        self.complaints = [value for value in values[4:] if value]

    def __repr__(self):
        return (
            f"frame {self.number}: program {self.program} procedure"
            f" {self.procedure} type {self.type}: {self.complaints}"
        )

    def is_bad(self):
        return bool(self.complaints) or not self.program


def packets(path):
    """Each message of a capture file."""
    command = ["tshark", "-r", path, "-d", f"tcp.port=={tap.PORT},libvirt"]
    command += ["-Y", "libvirt", "-T", "fields", "-E", "aggregator=;"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [Packet(line.split("\t")) for line in done.stdout.splitlines()]
