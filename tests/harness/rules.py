# SPDX-License-Identifier: LGPL-2.1-or-later
"""What daemons and clients did, held against the tables that they are made of.

Each of them appends the steps of its rules to one file
(src/ferry/rule_trace.h says how).  A Trace reads on in it and complains of

- a step that is no rule of the tables in src/migrate;
- a step that begins where the one before, of the same migration in the same
  process, has not ended;
- a daemon that found another state in its record than the one before it had
  reached there;
- an event that no rule takes.
"""

import collections
import os
import re

from .beat import ROOT

TABLES = ("source", "destination", "coordinator_v3", "coordinator_v2")

RULE = re.compile(r"^RULE\(\s*(\w+),\s*(\w+),\s*(\w+),\s*(\w+)\s*\)", re.M)
VARIANTS = re.compile(
    r"#define (\w+)_VARIANTS\(X\)((?:.*\\\n)*.*)", re.M
)

Step = collections.namedtuple(
    "Step", "pid machine number state event to action subject"
)


def read_table(machine):
    """{(state, event): (state, action)}, in the table's order."""
    path = os.path.join(ROOT, "src", "migrate", machine + ".def")
    with open(path, encoding="utf-8") as file:
        return {
            (found[1], found[2]): (found[3], found[4])
            for found in RULE.finditer(file.read())
        }


def read_tables():
    return {machine: read_table(machine) for machine in TABLES}


def read_variants(machine):
    """{event: the event that it falls back to}"""
    header = machine.partition("_")[0] + ".h"
    path = os.path.join(ROOT, "src", "migrate", header)
    with open(path, encoding="utf-8") as file:
        body = VARIANTS.search(file.read())[2]
    return dict(re.findall(r"X\((\w+), (\w+)\)", body))


def parse(line):
    fields = line.split("\t")
    if len(fields) != len(Step._fields):
        raise ValueError(f"not a step: {line!r}")
    return Step(*fields)


def read_file(path):
    with open(path, encoding="utf-8") as file:
        return [parse(line) for line in file.read().splitlines()]


def tell(step):
    """As a person reads it."""
    who = f"{step.machine} {step.subject} ({step.pid}.{step.number})"
    if step.state == "-":
        return f"{who}: {step.event} in {step.to}"
    if step.to == "-":
        return f"{who}: {step.event} -> not in {step.state}"
    return f"{who} {step.state}: {step.event} -> {step.to} {step.action}"


class Checker:
    """Follows each migration of each process."""

    def __init__(self):
        self.tables = read_tables()
        self.states = {}  # Migration: its states, the last at the end.
        self.by_subject = {}  # Machine and guest of a host: the same list.
        self.impossible = []  # Steps that are none.

    def check(self, step):
        """What is wrong with it, or None."""
        if step.machine == "process":
            # The number of a process that has ended may come again.
            for key in [key for key in self.states if key[0] == step.pid]:
                del self.states[key]
            return None
        if step.machine not in self.tables:
            return f"no such machine: {tell(step)}"
        key = (step.pid, step.machine, step.number)
        if step.state == "-":
            return self._check_state(step, key)
        states = self._begin(step, key, ["IDLE"])
        wrong = self._check_rule(step, states)
        if step.to == "-":
            self.impossible.append(step)
        else:
            states.append(step.to)
        return wrong

    def _begin(self, step, key, states):
        """The migration's states; `states` where it is new."""
        if key not in self.states:
            self.states[key] = states
            self.by_subject[step.machine, step.subject] = states
        return self.states[key]

    def _check_rule(self, step, states):
        rule = self.tables[step.machine].get((step.state, step.event))
        if states[-1] != step.state:
            return f"it was in {states[-1]}: {tell(step)}"
        if step.to == "-":
            return f"there is a rule: {tell(step)}" if rule else None
        if rule != (step.to, step.action):
            return f"no such rule: {tell(step)}"
        return None

    def _check_state(self, step, key):
        """A state that no rule has led to."""
        if step.event == "UNSAVED":
            states = self.states.get(key, [])
            if step.to not in states[-2:]:
                return f"it was not there before: {tell(step)}"
            states.append(step.to)
            return None
        if step.event != "FOUND" or key in self.states:
            return f"it can't be: {tell(step)}"
        before = self.by_subject.get((step.machine, step.subject), [])
        self._begin(step, key, [step.to])
        # Killed after the step was told and before it was on disk.
        if step.to not in before[-2:]:
            return f"its record was left in {before[-1:]}: {tell(step)}"
        return None


class Trace:
    """The file, read on from test to test."""

    def __init__(self, path):
        self.path = path
        self.checker = Checker()
        self._offset = 0

    def note_test(self, name):
        """The steps that follow are of that test."""
        line = f"{os.getpid()}\ttest\t0\t-\tBEGINS\t-\t-\t{name}\n"
        with open(self.path, "ab", buffering=0) as file:
            file.write(line.encode())

    def read(self):
        """What has come: (what is wrong with it, impossible events)."""
        self.checker.impossible = []
        wrong = []
        for step in self._steps():
            problem = step.machine != "test" and self.checker.check(step)
            if problem:
                wrong.append(problem)
        return wrong, self.checker.impossible

    def _steps(self):
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data.rpartition(b"\n")[0]
        self._offset += len(whole) + 1 if whole else 0
        return [parse(line) for line in whole.decode().splitlines()]
