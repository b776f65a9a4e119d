# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who lives, and ports that nobody has.

A test's processes are known by its folder: each has a path below it on its
command line, or writes its log there.
"""

import os
import random
import signal
import socket

from .wait import wait_for


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def is_alive(pid):
    """Neither gone nor a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def log_path(pid):
    """Where its stderr goes, if we may know."""
    try:
        return os.readlink(f"/proc/{pid}/fd/2")
    except OSError:
        return ""


def of_folder(folder):
    """{pid: command line} of the living that belong to `folder`."""
    found = {}
    below = f"{folder}/"
    ourselves = str(os.getpid())
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or entry == ourselves:
            continue
        line = command_line(entry)
        # The kernel's own threads have none.
        if not line:
            continue
        is_ours = any(below in part for part in line) or (
            log_path(entry).startswith(below)
        )
        if is_ours and is_alive(entry):
            found[int(entry)] = line
    return found


def qemus(folder):
    """{pid: command line} of the QEMUs of `folder`."""
    return {
        pid: line
        for pid, line in of_folder(folder).items()
        if "qemu-system" in line[0]
    }


def kill(pid, how=signal.SIGKILL):
    """End a process that may have ended meanwhile."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        pass


def wait_gone(pids, seconds=10):
    wait_for(
        lambda: not any(is_alive(pid) for pid in pids),
        seconds,
        lambda: f"the end of {[pid for pid in pids if is_alive(pid)]}",
    )


def end_all(folder):
    """Ends whatever is left of `folder`; what that was, for the report."""
    left = of_folder(folder)
    for pid in left:
        kill(pid)
    wait_gone(left)
    return left


def can_listen(port, address="127.0.0.1"):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


# Tests that run at the same time take theirs from ranges of their own.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 6
PORTS = range(20000 + 2000 * WORKER, 22000 + 2000 * WORKER)


_next_port = random.randrange(PORTS.start, PORTS.stop)


def free_ports(count):
    """The first of so many ports in a row that nobody listens on.

    Round and round, so that two daemons of one test never get the same.
    """
    global _next_port
    for _ in range(1000):
        first = _next_port
        if first + count > PORTS.stop:
            first = PORTS.start
        _next_port = first + count
        if all(can_listen(port) for port in range(first, first + count)):
            return first
    raise AssertionError(f"no {count} free ports in a row")
