# SPDX-License-Identifier: LGPL-2.1-or-later
"""One cell: come to the point, do the harm, let it settle, look at it."""

import dataclasses
import os
import signal
import time

from harness import processes
from harness.wait import Late, wait_for

import design

REACH_S = 10
SETTLE_S = 30
# No migration goes on for so long: nothing comes any more.
QUIET_S = 0.3
# Who asks may get its answer within that time.
ASKING_S = 6
RUNNING, PAUSED = 1, 3
# They ask on, or wait for an operator, by a name of their own.
RESTING = ("UNSURE", "LEFT")
FINE = ("completed", "rolled back")
BAD = ("LOST", "TWO", "STUCK", "LEFTOVER", "DAMAGED", "BROKEN")


@dataclasses.dataclass
class Verdict:
    """What became of a cell: `word` is for counting."""

    word: str
    text: str = ""
    by_design: str = ""
    seconds: float = 0

    def is_fine(self):
        return not self.word.startswith(BAD) and (
            self.word.split(" (")[0] in FINE + ("n/a",)
            or bool(self.by_design)
            or self.word.startswith("paused UNSURE")
        )


class NoTarget(Exception):
    """There is nothing there that this fault could befall."""


class Run:
    """A cell on a pair."""

    settle_s = SETTLE_S
    quiet_s = QUIET_S

    def __init__(self, pair, cell, passed):
        self.pair = pair
        self.cell = cell
        self.passed = passed
        self.source, self.destination = pair.source, pair.destination
        self.client = None
        self.undo = []
        self.said = []
        self.patience = 0

    def verdict(self):
        """The pair may be used again where this is fine."""
        begun = time.monotonic()
        verdict = self._judge()
        verdict.seconds = time.monotonic() - begun
        return verdict

    def _judge(self):
        missing = None
        try:
            self._reach()
        except NoTarget as why:
            missing = why
            self._let_go()
        except Late as late:
            self._let_go()
            return Verdict("BROKEN", f"the point was not reached: {late}")
        try:
            self._settle()
        except Late as late:
            return Verdict("STUCK", str(late))
        verdict = self._look()
        if missing and verdict.is_fine():
            verdict.word = f"n/a ({missing})"
        return verdict

    # The harm.

    def _reach(self):
        for gate in self.pair.gates.values():
            gate.forget()
        side = getattr(self, self.cell.side)
        gate = self.pair.gate(side)
        gate.hold(self.cell.point)
        self.client = self.pair.migrate(
            self.cell.mode == "managed", self.pair.options_at(self.cell.point)
        )
        wait_for(gate.is_held, REACH_S, self.cell.point)
        self._harm(self.cell.fault)
        gate.let_go()
        for undo in self.undo:
            undo()

    def _harm(self, fault):
        if fault == "kill-client":
            self.client.kill()
        elif fault == "cut":
            self._cut()
        elif fault == "kill-both":
            self._kill_daemons(self.source, self.destination)
        elif fault.endswith("-qemu"):
            daemon = self._of(fault.removesuffix("-qemu"))
            qemus = list(daemon.qemus())
            if not qemus:
                raise NoTarget("there is no QEMU")
            if fault.startswith("kill"):
                processes.kill(qemus[0])
            else:
                self._stop(qemus[0])
        elif fault.startswith("kill-"):
            self._kill_daemons(self._of(fault))
        else:
            self._stop(self._of(fault).process.pid)

    def _of(self, fault):
        return self.source if fault.endswith("source") else self.destination

    def _kill_daemons(self, *daemons):
        for daemon in daemons:
            daemon.kill()
        self.undo += [daemon.start for daemon in daemons]

    def _stop(self, pid):
        os.kill(pid, signal.SIGSTOP)

        def go_on():
            time.sleep(self.pair.longer_s)
            processes.kill(pid, signal.SIGCONT)

        self.undo.append(go_on)

    def _cut(self):
        if not self.pair.wires:
            raise NoTarget("no wires")
        self.pair.wires.cut(self.destination.end)

        def mend():
            time.sleep(self.pair.longer_s)
            self.pair.wires.mend()

        self.undo.append(mend)

    def _let_go(self):
        for gate in self.pair.gates.values():
            gate.let_go()
        for undo in self.undo:
            undo()

    # The end of it.

    def _settle(self):
        """Nothing goes on any more, or only what asks on for ever."""
        quiet_since = None
        deadline = time.monotonic() + self.settle_s
        self.patience = time.monotonic() + ASKING_S
        while True:
            why = self._goes_on()
            now = time.monotonic()
            if why:
                quiet_since = None
                if now > deadline:
                    raise Late(f"not settled within {self.settle_s} s: {why}")
            elif quiet_since is None:
                quiet_since = now
            elif now - quiet_since > self.quiet_s:
                self._end_client()
                return
            time.sleep(0.05)

    def _goes_on(self):
        """What does, or None."""
        if self.client.is_running():
            return "the client waits"
        for daemon in self.pair.daemons:
            if not daemon.is_alive():
                return f"{daemon.name} has ended: {daemon.process.returncode}"
            record = self.pair.records(daemon)
            state = self.pair.migration_state(record)
            is_resting = state in RESTING and not record.get("job")
            if is_resting and time.monotonic() > self.patience:
                continue
            if record.get("job") or state:
                return f"{daemon.name} has the job in {state}"
            if bool(record) != bool(daemon.qemus()):
                return f"{daemon.name}: record without QEMU, or the reverse"
        return None

    def _end_client(self):
        _, out, err = self.client.finish(5)
        self.said = (out + err).strip().splitlines()[-1:]

    # What is left.

    def _look(self):
        pair = self.pair
        beating = pair.beating()
        seen = {}
        for daemon in (self.source, self.destination):
            seen[daemon] = self._see(daemon, beating)
        here, there = seen[self.source], seen[self.destination]
        text = f"here {here}, there {there}; client: {self.said}"
        word = self._word(here[0], there[0])
        problems = pair.life()
        if here[0] == there[0] == "runs" or any(
            p.startswith("beat ") for p in problems
        ):
            return Verdict("TWO", f"{text}; {problems[:2]}")
        if problems:
            return Verdict("DAMAGED", f"{text}; {problems[:2]}")
        design_text = self._reason(word)
        verdict = Verdict(self._name(word, design_text), text, design_text)
        if verdict.is_fine():
            left = pair.leftovers()
            if left:
                return Verdict("LEFTOVER", f"{text}; {left}")
            return self._go_on(verdict, here[0], there[0])
        return verdict

    def _see(self, daemon, beating):
        """("runs", "paused", "none" or "BROKEN", and more about it)."""
        state = self.pair.domain_state(daemon)
        qemus = list(daemon.qemus())
        record = self.pair.records(daemon)
        named = self.pair.migration_state(record)
        beats = any(pid in beating for pid in qemus)
        if state is None:
            return ("none" if not qemus else "BROKEN", qemus)
        if beats != (state[0] == RUNNING) or beats != (state[2] == "running"):
            return ("BROKEN", state, beats)
        return ("runs" if beats else "paused", state, named)

    def _reason(self, word):
        return design.reason(self.cell, self.passed, word)

    @staticmethod
    def _word(here, there):
        words = {
            ("runs", "none"): "rolled back",
            ("none", "runs"): "completed",
            ("none", "none"): "gone",
            ("paused", "none"): "paused here",
            ("none", "paused"): "paused there",
        }
        return words.get((here, there), f"{here} here, {there} there")

    def _name(self, word, design_text):
        if word in FINE or design_text:
            return word
        if word == "gone":
            return "LOST"
        if "BROKEN" in word:
            return "BROKEN"
        record = self.pair.records(self.source)
        if word in ("paused here", "paused there"):
            state = self.pair.migration_state(record)
            return f"paused {state}" if state else f"PAUSED: {word}"
        return f"LEFTOVER: {word}"

    # Life goes on.

    def _go_on(self, verdict, here, there):
        """The guest is whole and can be migrated again."""
        pair = self.pair
        for gate in pair.gates.values():
            gate.forget()
        if verdict.word == "gone":
            pair.new_guest()
            return verdict
        try:
            if here == "runs" and there == "paused":
                for pid in self.destination.qemus():
                    processes.kill(pid)
                wait_for(lambda: not self.destination.run_files(), 10)
            elif here == "paused":
                pair.resume(self.source)
            elif there == "paused":
                pair.resume(self.destination)
            if here == "none":
                pair.turn()
            pair.beat.wait_running()
            pair.check_memory()
            self._migrate_again()
        except (AssertionError, OSError) as error:
            return Verdict("STUCK", f"afterwards: {error}; {verdict.text}")
        return verdict

    def _migrate_again(self):
        pair = self.pair
        client = pair.migrate()
        status, out, err = client.finish(30)
        assert status == 0, f"it can't be migrated again: {out}{err}"
        pair.turn()
        wait_for(lambda: not pair.destination.run_files(), 10)
        pair.beat.wait_running()
        problems = pair.life()
        assert not problems, f"migrated again: {problems[:2]}"
