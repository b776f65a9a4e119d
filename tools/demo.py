#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demonstration behind `make demo` (see tools/demo).

Two daemons on this machine play two hosts, port and harbour.  The guest is
the tests' own: it has no operating system, and says on its serial line, which
we listen on, a hundred times a second that it lives.
"""

import os
import shutil
import signal
import subprocess
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

from harness import processes  # noqa: E402
from harness.beat import IMAGE, Beat  # noqa: E402
from harness.commands import VMFERRY  # noqa: E402
from harness.daemon import Daemon, short_folder  # noqa: E402
from harness.guest import Guest  # noqa: E402

# As if the two hosts had a slow line between them, so that there is something
# to see: MiB per second, and MiB that the guest has filled with data.
BANDWIDTH = 32
FILLED = 64

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text):
    print("\n" + textwrap.fill(" ".join(text.split()), 78), flush=True)


def vmferry(*words):
    """Run as a user would, and show the command."""
    shown = ["vmferry"] + [
        f"'{word}'" if "?" in word else word for word in words
    ]
    print("\n$ " + " ".join(shown), flush=True)
    process = subprocess.Popen([VMFERRY] + list(words))
    try:
        status = process.wait(60)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if status:
        raise SystemExit(f"demo: vmferry ended with status {status}")


def check(beat, moves):
    """Whether the guest's life had a break, and how long it stood still."""
    beat.wait_leg(moves + 1)
    beat.wait_running(20)
    count = beat.check()
    say(
        f"""Heard {count} heartbeats so far, each exactly once and in order,
        over both hosts.  The longest silence at a change of host was
        {max(beat.gaps_ms()):.0f} ms, heard from outside, to the next 10 ms."""
    )


def run(folder):
    say(
        """Two daemons start on this machine.  They play two hosts: each has
        its own name, folders, sockets and ports, and they share nothing."""
    )
    port, harbour = [Daemon(folder, name) for name in ("port", "harbour")]
    for daemon in (port, harbour):
        daemon.start()
        print(f"  {daemon.name:8} {daemon.uri}")

    beat = Beat(os.path.join(folder, "serial"))
    guest = Guest(IMAGE)
    guest.serial = beat.path
    guest.config = f"hb=10 fill={FILLED}"
    say(
        f"""A guest is started on port: {guest.memory} KiB of memory, of which
        it fills {FILLED} MiB with data.  It tells on its serial line, which
        this demo listens on, that it lives: a numbered heartbeat every 10
        ms."""
    )
    path = port.file("beat.xml", guest.xml())
    vmferry("-c", port.uri, "create", path)
    beat.wait_running(20)

    say(
        """Now it moves to harbour while it runs.  The daemons do that between
        them, and the command looks on: the source describes the guest (begin),
        the destination starts a QEMU that waits (prepare), the memory is
        copied while the guest goes on (perform); then it is stopped, the last
        bit follows, the destination lets it run (finish), and only then the
        source lets go (confirm)."""
    )
    vmferry(
        *("-c", port.uri, "migrate", "-b", str(BANDWIDTH)),
        *("beat", harbour.uri),
    )
    check(beat, 1)
    vmferry("-c", harbour.uri, "list")

    say(
        """And back, over TCP this time and as fast as it goes; and the command
        calls both daemons itself."""
    )
    vmferry("-c", harbour.uri, "migrate", "--managed", "beat", port.tcp_uri)
    check(beat, 2)
    print("\nThe guest looks at all of its memory: " + beat.verify())
    vmferry("-c", port.uri, "destroy", "beat")
    beat.close()
    say(
        """That was it.  man build/man/vmferry-migrate.1 tells more; make
        check runs the tests."""
    )


def clean_up(folder):
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    processes.end_all(folder)
    shutil.rmtree(folder)


def show_logs(folder):
    for name in ("port", "harbour"):
        path = os.path.join(folder, name, "log")
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                print(f"--- log of {name} ---\n{file.read()}", file=sys.stderr)


def end(number, _frame):
    raise SystemExit(f"demo: ended by {signal.Signals(number).name}")


def main():
    for number in ENDS:
        signal.signal(number, end)
    folder = short_folder()
    try:
        run(folder)
    except Exception:
        show_logs(folder)
        raise
    finally:
        clean_up(folder)


if __name__ == "__main__":
    main()
