# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tshark, with libvirt's dissector, finds in a capture file.

The dissector is generated from libvirt's own description of its protocol.  Its
complaints are quiet: a value that it cannot decode is called "unknown", and
bytes after the last value are left out.  So both are looked for.
"""

import glob
import shutil
import subprocess
import xml.etree.ElementTree

from . import rpc, tap

PLUGIN = "/usr/lib/*/wireshark/plugins/*/epan/libvirt.so"
UNKNOWN = "libvirt.unknown"


def missing():
    """Why nothing can be decoded here, or None."""
    if not shutil.which("tshark"):
        return "no tshark (package tshark)"
    if not glob.glob(PLUGIN):
        return "no dissector (package libvirt-wireshark)"
    return None


class Message:
    """What it was, and what is wrong with it."""

    def __init__(self, element):
        self.head = {}
        self.payload = []
        self.complaints = []
        for field in element:
            name = field.get("name")
            short = name.removeprefix("libvirt.")
            if short in "length program version procedure type serial status":
                self.head[short] = field
            else:
                self.payload.append(field)
        self._look(element)

    def _look(self, element):
        size = int(element.get("size"))
        decoded = rpc.HEADER.size + sum(
            int(field.get("size")) for field in self.payload
        )
        if "Unknown" in self.said("procedure"):
            self.complaints.append("no such procedure")
        if decoded != size and not self.is_stream():
            self.complaints.append(f"{decoded} of {size} bytes decoded")
        self.complaints += [
            field.get("showname")
            for field in element.iter("field")
            if field.get("name") == UNKNOWN
            or field.get("name").startswith("_ws.")
        ]

    def said(self, field):
        found = self.head.get(field)
        return found.get("showname") if found is not None else f"no {field}"

    def __repr__(self):
        what = ", ".join(map(self.said, ["procedure", "type", "status"]))
        return f"{what}: {self.complaints}"

    def is_stream(self):
        """Bytes of any kind: nothing to decode.

        The dissector takes the header away twice, so that it shows too little
        of them, and calls a packet without any malformed.
        """
        return "STREAM" in self.said("type")

    def is_bad(self):
        return bool(self.complaints)


def messages(path):
    """(number of messages, those that are bad) in a capture file."""
    command = ["tshark", "-r", path, "-d", f"tcp.port=={tap.PORT},libvirt"]
    command += ["-T", "pdml"]
    count, bad, message = 0, [], None
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        parse = xml.etree.ElementTree.iterparse
        for _, element in parse(process.stdout):
            if element.tag == "proto" and element.get("name") == "libvirt":
                count += 1
                message = Message(element)
                if message.is_bad():
                    bad.append(message)
            elif element.tag == "proto" and "malformed" in element.get("name"):
                if not (message and message.is_stream()):
                    bad.append(element.get("showname"))
            elif element.tag == "packet":
                message = None
                element.clear()
    assert process.returncode == 0
    return count, bad
