# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chooses cells, runs them side by side, and prints what became of them."""

import collections
import dataclasses
import multiprocessing
import os
import queue
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable

import cell as cells_module
import matrix
import wires
from harness import processes
from matrix import Cell
from pair import Pair

# Serial output is checked from its beginning: after so many cells a new guest.
CELLS_OF_A_PAIR = 15
# A sample has these: the guest is in between.
SWITCHOVER = (
    "source/save/HANDING", "source/save/HANDED", "source/save/GIVEN",
    "source/save/HANDING2", "source/save/KILLING",
    "source/qmp/sent/migrate-continue",
    "source/peer/sent/DOMAIN_MIGRATE_FINISH",
    "source/peer/replied/DOMAIN_MIGRATE_FINISH",
    "destination/rpc/received/DOMAIN_MIGRATE_FINISH",
    "destination/rpc/replied/DOMAIN_MIGRATE_FINISH",
    "destination/qmp/sent/cont",
)


@dataclasses.dataclass
class World:
    """Whose daemons they are."""

    pair: type = Pair
    run: type = cells_module.Run
    # Of tests/crash/run.
    flag: str = ""
    versions: tuple = matrix.VERSIONS
    means_something: Callable = matrix.means_something
    # Is an outcome that is not fine a failure?
    is_judged: bool = True


def has_wires():
    why = wires.missing()
    if why:
        print(f"network faults are left out: {why}", file=sys.stderr)
    return not why


# Recording.


def record_all(world, cells=()):
    """{(mode, version): {side: points passed}} of migrations without a fault.

    Of those kinds alone that `cells` are of, where there are any.
    """
    wanted = {(Cell.parse(c).mode, Cell.parse(c).version) for c in cells}
    recordings = {}
    for version in world.versions:
        modes = [
            mode
            for mode in matrix.MODES
            if not wanted or (mode, version) in wanted
        ]
        if modes:
            pair = world.pair(version, has_wires=False)
            try:
                pair.start()
                for mode in modes:
                    recordings[mode, version] = record(pair, mode)
            finally:
                pair.close()
    return recordings


def record(pair, mode):
    for gate in pair.gates.values():
        gate.forget()
    pair.migrate(mode == "managed").succeed()
    passed = {
        "source": list(pair.gate(pair.source).passed),
        "destination": list(pair.gate(pair.destination).passed),
    }
    pair.turn()
    pair.beat.wait_running()
    return passed


def print_points(recordings):
    for (mode, version), sides in recordings.items():
        for side, passed in sides.items():
            for point in matrix.points(passed):
                print(f"{mode}/{version}/{side}/{point}")
    return 0


# Choosing.


def choose(world, recordings, options):
    if options.cell:
        return [Cell.parse(text) for text in options.cell]
    cells = [
        cell
        for (mode, version), sides in recordings.items()
        for cell in matrix.cells(mode, version, sides, world.means_something)
        if all(text in str(cell) for text in options.only)
    ]
    if options.sample is not None:
        cells = sample(cells, options)
    return cells


def sample(cells, options):
    """The switchover's with the harshest faults, and some others."""
    if options.seed is None:
        options.seed = random.randrange(1 << 31)
    must = [
        c
        for c in cells
        if f"{c.side}/{c.point}".startswith(SWITCHOVER)
        and c.version == "v3"
        and c.fault
        == (f"kill-{c.side}" if c.point.startswith("qmp/") else "kill-both")
    ]
    rest = [c for c in cells if c not in must]
    extra = random.Random(options.seed).sample(rest, options.sample)
    return must + extra


# Running.


def run(world, cells, recordings, options):
    """0 where all cells are fine, or none is judged and all have run."""
    begun = time.monotonic()
    cells = sorted(cells, key=lambda c: c.version)  # One pair for many.
    print(f"{len(cells)} cells, seed {options.seed}", flush=True)
    verdicts = {}
    for cell, verdict in _side_by_side(world, cells, recordings, options):
        verdicts[cell] = verdict
        mark = "ok " if verdict.is_fine() else "BAD"
        more = verdict.by_design or ("" if verdict.is_fine() else verdict.text)
        print(
            f"{mark} {cell}: {verdict.word} ({verdict.seconds:.1f} s) {more}",
            flush=True,
        )
    missing = [cell for cell in cells if cell not in verdicts]
    print_table(verdicts)
    print_counts(verdicts, time.monotonic() - begun)
    for cell in missing:
        print(f"did not run: {cell}")
    bad = [c for c, verdict in verdicts.items() if not verdict.is_fine()]
    for cell in bad:
        command = f"tests/crash/run {world.flag}--cell '{cell}'"
        print(f"{verdicts[cell].word}: {command}")
    return 1 if (bad and world.is_judged) or missing else 0


def _side_by_side(world, cells, recordings, options):
    """Yields (cell, verdict) as they come."""
    context = multiprocessing.get_context("fork")
    todo, done = context.Queue(), context.Queue()
    for cell in cells:
        todo.put(cell)
    count = min(options.workers, len(cells))
    with_wires = has_wires()
    workers = [
        context.Process(
            target=_work,
            args=(world, todo, done, recordings, with_wires, options.logs, n),
        )
        for n in range(count)
    ]
    for worker in workers:
        worker.start()
    try:
        left = len(cells)
        while left:
            try:
                yield done.get(timeout=5)
                left -= 1
            except queue.Empty:
                if not any(worker.is_alive() for worker in workers):
                    return
    finally:
        for worker in workers:
            if worker.is_alive() and worker.pid:
                worker.join(10)
                worker.terminate()
                worker.join()


def _work(world, todo, done, recordings, with_wires, logs, number):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    ports = processes.PORTS
    step = len(ports) // 4
    processes._next_port = ports.start + step * (number % 4)
    pair, used = None, 0
    try:
        while True:
            try:
                cell = todo.get(timeout=1)
            except queue.Empty:
                return
            is_worn = used >= CELLS_OF_A_PAIR
            if pair and (is_worn or pair.version != cell.version):
                pair.close()
                pair = None
            if not pair:
                pair, used = world.pair(cell.version, with_wires), 0
                pair.start()
            passed = recordings[cell.mode, cell.version][cell.side]
            _forget_logs(pair)
            try:
                verdict = world.run(pair, cell, passed).verdict()
            except Exception as error:  # The cell's, whatever it is.
                verdict = cells_module.Verdict("BROKEN", repr(error))
            used += 1
            done.put((cell, verdict))
            if logs:
                _keep_logs(pair, cell, verdict, logs)
            if not verdict.is_fine():
                pair.close()
                pair = None
    finally:
        if pair:
            pair.close()


def _forget_logs(pair):
    for daemon in pair.daemons:
        os.truncate(daemon.log_path, 0)


def _keep_logs(pair, cell, verdict, logs):
    folder = os.path.join(logs, str(cell).replace("/", "_"))
    os.makedirs(folder, exist_ok=True)
    for daemon in pair.daemons:
        role = "source" if daemon is pair.source else "destination"
        shutil.copy(daemon.log_path, os.path.join(folder, f"{role}.log"))
        for path in daemon.run_files():
            if path.endswith(".record"):
                shutil.copy(path, os.path.join(folder, f"{role}.record"))
    with open(os.path.join(folder, "verdict"), "w", encoding="utf-8") as file:
        file.write(f"{cell}\n{verdict.word}\n{verdict.text}\n")


# Telling.

LETTERS = {"completed": "c", "rolled back": "r", "n/a": "-", "LEFTOVER": "l"}


def letter(verdict):
    if not verdict.is_fine():
        first = verdict.word.split(":")[0]
        return LETTERS.get(first, first[0] if first.isupper() else "P")
    return LETTERS.get(verdict.word.split(" (")[0], "d")


def print_table(verdicts):
    """A row for each point, a column for each fault."""
    if len(verdicts) < 2:
        return
    rows = collections.defaultdict(dict)
    for cell, verdict in verdicts.items():
        row = f"{cell.mode}/{cell.version}/{cell.side}/{cell.point}"
        rows[row][cell.fault] = letter(verdict)
    print(
        "\nc completed, r rolled back, d as by design, - no such process;"
        " L LOST, T TWO, D DAMAGED, S STUCK, l LEFTOVER, B BROKEN, P paused\n"
    )
    for number, fault in enumerate(matrix.FAULTS):
        print("  " + "| " * number + fault)
    for row, faults in rows.items():
        marks = " ".join(faults.get(fault, ".") for fault in matrix.FAULTS)
        print(f"  {marks}  {row}")


def print_counts(verdicts, seconds):
    counts = collections.Counter(v.word for v in verdicts.values())
    designed = sum(1 for v in verdicts.values() if v.by_design)
    bad = sum(1 for v in verdicts.values() if not v.is_fine())
    print()
    for word, count in counts.most_common():
        print(f"{count:6} {word}")
    print(
        f"{len(verdicts)} cells in {seconds:.0f} s: {bad} not fine,"
        f" {designed} as by design"
    )
