# SPDX-License-Identifier: LGPL-2.1-or-later
"""As much of QMP as a script needs that waits for answers and events.

Nothing is asked again and again: every wait is a read that returns when QEMU
says something.
"""

import json
import os
import socket
import subprocess

# What the daemon calls the listening socket that QEMU inherits
# (src/qemu/process.h); its monitor can be connected to before it runs.
MONITOR_FD = "fd=3"


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rb")
        self.next_id = 0
        self.replies = {}
        self.events = []  # In order, as QEMU sent them.
        self.seen = 0  # Of them by wait_status().

    def close(self):
        self.lines.close()
        self.socket.close()

    def read(self):
        """One message of QEMU; False at its end."""
        try:
            line = self.lines.readline()
        except ConnectionResetError:
            line = b""
        if not line:
            return False
        message = json.loads(line)
        if "event" in message:
            self.events.append(message)
        elif "id" in message:
            self.replies[message["id"]] = message
        return True

    def send(self, command, arguments=None):
        """Send without waiting; what wait() wants to know."""
        self.next_id += 1
        message = {"execute": command, "id": self.next_id}
        if arguments:
            message["arguments"] = arguments
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        return self.next_id

    def wait(self, *ids):
        for number in ids:
            while number not in self.replies:
                assert self.read(), "QEMU has closed its monitor"
            reply = self.replies.pop(number)
            assert "error" not in reply, reply

    def execute(self, command, arguments=None):
        self.wait(self.send(command, arguments))

    def wait_status(self, wanted):
        """Until the migration is there."""
        while True:
            for event in self.events[self.seen :]:
                self.seen += 1
                if event["event"] == "MIGRATION":
                    status = event["data"]["status"]
                    assert status != "failed", "the migration failed"
                    if status == wanted:
                        return
            assert self.read(), "QEMU has closed its monitor"


class Qemu:
    """A QEMU with the command line of one of the daemon's."""

    def __init__(self, argv, folder, name):
        self.path = os.path.join(folder, name + ".monitor")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(1)
            self.monitor = Monitor(self.path)
            number = listener.fileno()
            self.process = subprocess.Popen(
                [
                    part.replace(MONITOR_FD, f"fd={number}")
                    for part in argv
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[number],
                start_new_session=True,  # As the daemon's.
            )

    def quit(self):
        """Until the process is gone."""
        self.monitor.send("quit")
        while self.monitor.read():
            pass
        self.process.wait()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.monitor.close()
        if os.path.exists(self.path):
            os.unlink(self.path)
