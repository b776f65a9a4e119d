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


# Below those that the kernel gives to whoever connects.
FIRST_PORT, PORTS_OF_A_PROCESS, PROCESSES = 20000, 600, 20


def reserve_ports():
    """(lock, range of ports): no other process of tests takes these.

    Nor one of another run on this host: a port that a daemon may use later, and
    that nobody listens on now, looks free.  The lock is a name that the kernel
    gives back when we end.
    """
    numbers = list(range(PROCESSES))
    random.shuffle(numbers)
    for number in numbers:
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f"\0vmferry-tests-ports-{number}")
        except OSError:
            lock.close()
            continue
        first = FIRST_PORT + PORTS_OF_A_PROCESS * number
        return lock, range(first, first + PORTS_OF_A_PROCESS)
    raise AssertionError(f"more than {PROCESSES} processes run tests")


_lock, PORTS = reserve_ports()
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
