# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does anybody look again and again instead of being told?

strace watches both daemons and `vmferry` during a migration that lasts some
seconds.  A sleep counts, a wait that ended because its time was up, and a
timer that rang; a look that doesn't wait (a timeout of 0) doesn't, since it
comes after something has happened.
"""

import os
import re
import shutil
import subprocess

from harness.beat import Beat
from harness.commands import VMFERRY
from harness.wait import wait_for
from runs import SETTLE, end_guest, wait_arrival

WAITS = ["poll", "ppoll", "select", "pselect6"]
WAITS += ["epoll_wait", "epoll_pwait", "epoll_pwait2"]
SLEEPS = ["nanosleep", "clock_nanosleep"]
CALLS = ",".join(WAITS + SLEEPS + ["read"])

# MiB of data, MiB a second: long enough that a period of a second shows.
FILL = 16
BANDWIDTH = 8

# After five seconds watchdogs look whether the peer still lives (keepalive) and
# whether the copy still goes on.  That is not on the path of a migration.
WATCHDOG_S = 4.5

STAMP = re.compile(r"\d+\.\d+")
SLEPT = re.compile(rf"\b({'|'.join(SLEEPS)})\(.*= 0$")
RANG = re.compile(r"\bread\(\d+<anon_inode:\[timerfd\]>.*= 8$")
TIME_IS_UP = re.compile(rf"\b({'|'.join(WAITS)})\b.*\)\s+= 0( \(Timeout\))?$")
DID_NOT_WAIT = re.compile(r"(, 0|tv_sec=0, tv_n?u?sec=0\}\S*)(, NULL, 8)?\)")


def is_polling(line):
    line = line.strip()
    if SLEPT.search(line) or RANG.search(line):
        return True
    return bool(TIME_IS_UP.search(line)) and not DID_NOT_WAIT.search(line)


def strace(path, *what):
    options = ["-q", "-ttt", "-y", "-s", "0", "-e", CALLS]
    return ["strace", "-o", path, *options, *what]


def polling_lines(path):
    begin = None
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            when = float(STAMP.search(line)[0])
            begin = begin or when
            if is_polling(line) and when < begin + WATCHDOG_S:
                yield f"{os.path.basename(path)}: {line.strip()}"
    assert begin, f"strace has seen nothing: {path}"


def is_traced(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return "TracerPid:\t0\n" not in status.read()


def attach(daemon, path):
    """strace on a daemon's threads; None where that isn't allowed."""
    pid = daemon.process.pid
    threads = os.listdir(f"/proc/{pid}/task")
    threads = [f"--attach={number}" for number in threads]
    process = subprocess.Popen(
        strace(path, *threads), stderr=subprocess.DEVNULL
    )
    wait_for(lambda: is_traced(pid) or process.poll() is not None)
    return process if process.poll() is None else None


def watch(here, there, guest, folder):
    """Lines of strace that are polling; None where strace can't look."""
    if not shutil.which("strace"):
        return None
    paths = [
        os.path.join(folder, name) for name in ("source", "destination", "cli")
    ]
    command = [VMFERRY, "-c", here.uri, "--quiet", "migrate"]
    command += ["--bandwidth", str(BANDWIDTH), guest.name, there.uri]
    beat = Beat(guest.serial)
    tracers = []
    try:
        here.vmferry("create", here.file("guest.xml", guest.xml()))
        beat.wait_running(SETTLE)
        for daemon, path in zip((here, there), paths):
            tracers.append(attach(daemon, path))
        if None in tracers:
            return None
        subprocess.run(
            strace(paths[2], "-f", *command), check=True, timeout=60
        )
        wait_arrival(beat)
    finally:
        for tracer in filter(None, tracers):
            tracer.terminate()
            tracer.wait()
        end_guest(guest, here, there)
        beat.close()
    return [line for path in paths for line in polling_lines(path)]
