# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest goes there and back while its daemons are killed again and again."""

import os
import random
import shutil
import threading
import time

from harness import processes
from harness.wait import Late, wait_for
from pair import Pair

SHORTEST_S, LONGEST_S = 0.1, 0.5
# One migration, with all that befalls it.
LIMIT_S = 60
# The heartbeats of one guest are read from their beginning.
MIGRATIONS_OF_A_GUEST = 25
# A guest that has something to send and changes what was sent.
CONFIG = "hb=10 fill=8 ws=256 rate=2000"


class Storm:
    """Kills one of the daemons, starts it again at once, and so on."""

    def __init__(self, pair, seed):
        self.pair = pair
        self.random = random.Random(seed)
        self.kills = 0
        self.error = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._blow)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def _blow(self):
        try:
            while not self.is_over.wait(
                self.random.uniform(SHORTEST_S, LONGEST_S)
            ):
                daemon = self.random.choice(self.pair.daemons)
                daemon.kill()
                daemon.start()
                self.kills += 1
        except Exception as error:  # Told by the main thread.
            self.error = error


class Journey:
    """Counts of what became of the migrations."""

    def __init__(self):
        self.completed = self.back = self.unbegun = 0

    def count(self):
        return self.completed + self.back


def run(count, seed, logs):
    seed = random.randrange(1 << 31) if seed is None else seed
    print(f"storm of {count} migrations, seed {seed}", flush=True)
    pair = Pair("v3", has_wires=False)
    pair.config = CONFIG
    journey = Journey()
    begun = time.monotonic()
    kills, problems = 0, []
    try:
        pair.start()
        left = count
        while left and not problems:
            part = min(left, MIGRATIONS_OF_A_GUEST)
            done, more, problems = _leg(pair, seed + left, part, journey)
            kills += more
            left -= done
            if not problems and left:
                _another_guest(pair)
    finally:
        if problems and logs:
            shutil.copytree(
                pair.folder, os.path.join(logs, "storm"),
                ignore=shutil.ignore_patterns("socket", "*.gate", "*.monitor",
                                              "serial*"),
                dirs_exist_ok=True,
            )
        pair.close()
    return _tell(journey, kills, problems, time.monotonic() - begun)


def _leg(pair, seed, count, journey):
    """(migrations, kills, problems) of one guest."""
    done, problems = 0, []
    with Storm(pair, seed) as storm:
        while done < count and not problems:
            try:
                done += _one(pair, journey, storm)
            except Late as late:
                problems = [str(late)]
    if storm.error:
        problems.append(repr(storm.error))
    if not problems:
        problems = _calm(pair)
    return done, storm.kills, problems


def _one(pair, journey, storm):
    """One migration, every other one driven by its client: 1, or 0 where it
    never began."""
    for gate in pair.gates.values():
        gate.forget()
    client = pair.migrate(is_managed=journey.count() % 2 == 1)
    client.finish(LIMIT_S)
    wait_for(
        lambda: storm.error or not _goes_on(pair), LIMIT_S,
        lambda: f"the end of a migration: {_states(pair)}",
    )
    if storm.error:
        return 0
    where = [d for d in pair.daemons if d.qemus()]
    if len(where) != 1:
        raise Late(f"{len(where)} QEMUs")
    if where[0] is pair.destination:
        journey.completed += 1
        pair.turn()
        print("c", end="", flush=True)
        return 1
    if "save/BEGUN" not in pair.gate(pair.source).passed:
        journey.unbegun += 1
        return 0
    journey.back += 1
    print("r", end="", flush=True)
    return 1


def _goes_on(pair):
    records = [pair.records(d) for d in pair.daemons]
    if any(r.get("job") or pair.migration_state(r) for r in records):
        return True
    # A moment between two writers: look at the processes, too.
    return sum(len(d.qemus()) for d in pair.daemons) != 1 or (
        sum(bool(r) for r in records) != 1
    )


def _states(pair):
    return [
        (d.name, pair.migration_state(pair.records(d)), list(d.qemus()))
        for d in pair.daemons
    ]


def _calm(pair):
    """What is wrong once the storm is over."""
    problems = []
    try:
        pair.beat.wait_running()
        pair.beat.verify()
        wait_for(lambda: not pair.leftovers(), 10, pair.leftovers)
        state = pair.domain_state(pair.source)
        if not state or state[2] != "running":
            problems.append(f"the guest's daemon says {state}")
        other = pair.domain_state(pair.destination)
        if other:
            problems.append(f"the other daemon says {other}")
    except AssertionError as error:
        problems.append(str(error))
    return problems + pair.life()[:3]


def _another_guest(pair):
    for pid in pair.source.qemus():
        processes.kill(pid)
    wait_for(lambda: not pair.source.run_files(), 10)
    pair.new_guest()


def _tell(journey, kills, problems, seconds):
    count = journey.count()
    share = 100 * journey.completed / count if count else 0
    print(
        f"\n{count} migrations in {seconds:.0f} s through {kills} kills:"
        f" {journey.completed} completed ({share:.1f} %), {journey.back} rolled"
        f" back; {journey.unbegun} more were not begun"
    )
    for problem in problems:
        print(f"problem: {problem}")
    return 1 if problems or share < 95 else 0
