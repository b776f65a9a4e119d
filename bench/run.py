#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The measurements behind `make bench`.

Migrates the same guest by a plain QMP script and by vmferry, in turn, on this
machine; weighs the daemon; looks for polling.  The last lines say which of the
goals are met.  docs/performance.md says how to read it.
"""

import argparse
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import footprint  # noqa: E402
import polling  # noqa: E402
import tunnel  # noqa: E402
from runs import Calls, Command, Example, Plain  # noqa: E402

from harness import processes  # noqa: E402
from harness.beat import IMAGE  # noqa: E402
from harness.daemon import Daemon, short_folder  # noqa: E402
from harness.guest import Guest  # noqa: E402

WALL_GOAL = 2.0
MEMORY_GOAL_KIB = 8 * 1024
MEMORY_FOLDER = "/dev/shm"

ROWS = {
    "wall": "whole migration",
    "blackout": "blackout, heard from the guest",
    "pause": "pause, by QEMU: STOP to RESUME",
    "begin": "  start to the first byte sent",
    "copy": "  copying while the guest runs",
    "load": "  STOP to the guest being there",
    "resume": "  there to RESUME",
    "end": "  RESUME to the end",
    "daemons": "processor time of both daemons",
}


class Host(Daemon):
    """A daemon whose runtime folder is in memory, as /run is.

    Its QEMU traffic is traced, for the times of events and for the plain
    script to learn from; that costs a fraction of a millisecond.
    """

    def __init__(self, folder, name, runtime):
        runtime = os.path.join(runtime, name)
        os.makedirs(runtime)
        os.makedirs(os.path.join(folder, name))
        os.symlink(runtime, os.path.join(folder, name, "run"))
        super().__init__(folder, name)
        self.options["--trace"] = "qmp"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        models = [line for line in info if line.startswith("model name")]
    model = models[0].split(":")[1].strip() if models else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    qemu = subprocess.run(
        ["qemu-system-x86_64", "--version"], capture_output=True, text=True
    ).stdout.split("\n")[0]
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} x {model}, {memory} GiB; load {load:.1f}")
    print(f"Linux {platform.release()}; {qemu}; TCG")


def middle(values):
    if not values:
        return "-"
    median = statistics.median(values)
    return f"{median:.1f} [{min(values):.1f}-{max(values):.1f}]"


def table(results):
    """results: {name: [dict of milliseconds, one for each run]}"""
    names = list(results)
    first = results[names[0]]
    print(f"{'ms, median [min-max]':32}" + "".join(f"{n:>24}" for n in names))
    for key, title in ROWS.items():
        line = f"{title:32}"
        for name in names:
            values = [run[key] for run in results[name] if key in run]
            line += f"{middle(values):>24}"
        print(line)
    line = f"{'whole migration against plain':32}"
    for name in names:
        line += f"{ratio(results[name], first):23.2f}x"
    print(line, flush=True)


def ratio(runs, first):
    """Each run against its neighbour, since other work comes and goes."""
    return statistics.median(
        run["wall"] / other["wall"] for run, other in zip(runs, first)
    )


def verdict(goal, is_met, found):
    word = {True: "met", False: "NOT MET", None: "not looked at"}[is_met]
    print(f"{word:14}{goal}: {found}")
    return is_met is not False


def mib(sizes):
    return (
        f"{sizes['private'] / 1024:.1f} MiB private"
        f" ({sizes['pss'] / 1024:.1f} MiB with its share of libraries)"
    )


def migrations(here, there, guest, options):
    example = Example(here, there, guest)
    doers = {
        "plain script": Plain(options.folder, example),
        "vmferry migrate": Command(here, there, guest),
        "five calls": Calls(here, there, guest),
    }
    results = {name: [] for name in doers}
    names = list(doers)
    for number in range(options.runs):
        for name in names:
            results[name].append(doers[name].run())
        names.append(names.pop(0))  # Nobody is always the first.
        print(f"\rrun {number + 1} of {options.runs}", end="", file=sys.stderr)
    print("\r", end="", file=sys.stderr)
    return example, results


def bench(options, runtime):
    here, there = [
        Host(options.folder, name, runtime) for name in ("here", "there")
    ]
    guest = Guest(IMAGE)
    guest.serial = os.path.join(options.folder, "serial")
    guest.config = "hb=5"
    print(f"Guest: {guest.memory} KiB, idle, a heartbeat every 5 ms.")
    print(f"{options.runs} runs of each, in turn.\n", flush=True)
    here.start()
    there.start()
    empty, with_domains = footprint.with_domains(here, IMAGE)
    example, results = migrations(here, there, guest, options)
    table(results)
    after = [footprint.of_process(d.process.pid) for d in (here, there)]
    count = 1 + 2 * options.runs
    print(f"\nvmferryd without domains: {mib(empty)}")
    print(f"  with {footprint.DOMAINS} idle guests: {mib(with_domains)}")
    print(f"  after {count} migrations, source: {mib(after[0])}")
    print(f"  after {count} migrations, destination: {mib(after[1])}\n")
    guest.config = f"hb=5 fill={polling.FILL}"
    polled = polling.watch(here, there, guest, options.folder)
    through = tunnel.measure(
        here, there, IMAGE, options.folder, min(options.runs, 5)
    )
    print(f"MiB/s over a plain relay: {middle(through['relayed'])}")
    print(f"  through the daemons: {middle(through['tunnelled'])}\n")
    good = judge(example, results, with_domains, polled)
    return judge_tunnel(through) and good


def judge_tunnel(through):
    share = tunnel.ratio(through)
    growth = through["growth"]
    verdicts = [
        verdict(
            f"tunnelled at least {tunnel.RATE_GOAL:.0%} of a plain relay",
            share >= tunnel.RATE_GOAL,
            f"{share:.0%}",
        ),
        verdict(
            f"a destination that hangs costs a daemon at most"
            f" {tunnel.GROWTH_GOAL_KIB >> 10} MiB",
            growth <= tunnel.GROWTH_GOAL_KIB,
            f"{growth / 1024:.1f} MiB",
        ),
    ]
    return all(verdicts)


def judge(example, results, memory, polled):
    times = ratio(results["vmferry migrate"], results["plain script"])
    verdicts = [
        verdict(
            f"whole migration at most {WALL_GOAL:.0f}x the plain script's",
            times <= WALL_GOAL,
            f"{times:.2f}x",
        ),
        verdict(
            f"daemon at most {MEMORY_GOAL_KIB >> 10} MiB private memory with"
            f" {footprint.DOMAINS} idle guests",
            memory["private"] <= MEMORY_GOAL_KIB,
            f"{memory['private'] / 1024:.1f} MiB",
        ),
        verdict(
            "no polling",
            None if polled is None else not polled,
            "needs strace, and the right to use it"
            if polled is None
            else f"{len(polled)} timed waits during a migration",
        ),
        verdict(
            "QMP commands are sent without waiting for each other",
            example.is_pipelined,
            "capabilities, parameters and migrate-incoming",
        ),
    ]
    for line in polled or []:
        print("    " + line)
    return all(verdicts)


def end(number, _frame):
    raise SystemExit(f"bench: ended by {signal.Signals(number).name}")


def main():
    parser = argparse.ArgumentParser(description="Measure migrations.")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    options.folder = short_folder()
    where = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None
    runtime = tempfile.mkdtemp(prefix="vf-", dir=where)
    try:
        machine()
        is_good = bench(options, runtime)
    finally:
        processes.end_all(options.folder)
        shutil.rmtree(options.folder)
        shutil.rmtree(runtime)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
