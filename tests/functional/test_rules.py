# SPDX-License-Identifier: LGPL-2.1-or-later
"""What daemons tell of their rules, and what the harness makes of it."""

import os

import pytest

from harness import rules
from harness.rpc import Client
from harness.steps import Steps

BEGUN = "7\tsource\t1\tIDLE\tBEGIN\tBEGUN\tANSWER_BEGIN\thosta/u"
PERFORM = "7\tsource\t1\tBEGUN\tPERFORM\tARMING\tARM\thosta/u"
STARTED = "8\tprocess\t0\t-\tSTARTED\t-\t-\t-"
FOUND = "8\tsource\t1\t-\tFOUND\t{}\t-\thosta/u"


def check(*lines):
    """What is wrong with each, and whether it is an impossible event."""
    checker = rules.Checker()
    wrong = [checker.check(rules.parse(line)) for line in lines]
    return wrong, len(checker.impossible)


def test_rules_that_follow_each_other_are_good():
    assert check(BEGUN, PERFORM) == ([None, None], 0)


@pytest.mark.parametrize(
    "line, complaint",
    [
        (PERFORM.replace("ARMING", "COPYING"), "no such rule"),
        (PERFORM.replace("\tARM\t", "\tCANCEL\t"), "no such rule"),
        (PERFORM.replace("PERFORM", "COMPLETED"), "no such rule"),
        (PERFORM.replace("\t1\t", "\t2\t"), "it was in IDLE"),
        (BEGUN, "it was in BEGUN"),
        (PERFORM.replace("ARMING\tARM", "-\t-"), "there is a rule"),
        (PERFORM.replace("source", "ferryman"), "no such machine"),
        (FOUND.format("BEGUN").replace("8", "7"), "it can't be"),
    ],
)
def test_step_that_is_no_rule_is_found(line, complaint):
    (first, second), _ = check(BEGUN, line)
    assert first is None
    assert second.startswith(complaint)


def test_event_that_no_rule_takes_is_found():
    line = BEGUN.replace(
        "IDLE\tBEGIN\tBEGUN\tANSWER_BEGIN", "BEGUN\tARMED\t-\t-"
    )
    assert check(BEGUN, line) == ([None, None], 1)


def test_daemon_goes_on_where_its_record_is():
    back = "8\tsource\t1\tBEGUN\tRESTARTED\tIDLE\tEND_JOB\thosta/u"
    lines = BEGUN, STARTED, FOUND.format("BEGUN"), back
    assert check(*lines) == ([None] * 4, 0)


def test_record_of_another_state_is_found():
    wrong, _ = check(BEGUN, STARTED, FOUND.format("HANDED"))
    assert wrong[2].startswith("its record was left in ['BEGUN']")


def test_line_that_is_cut_off_is_found():
    with pytest.raises(ValueError):
        rules.parse(BEGUN.rpartition("\t")[0])


def test_restarted_daemon_tells_what_it_found(here, there, run_here, beat):
    with Client(here.socket).open(here.path) as source:
        with Client(there.socket).open(there.path) as destination:
            Steps(source, destination, "beat").begin()
            here.restart()
    beat.wait_running()
    steps = [
        step
        for step in rules.read_file(os.environ["VMFERRY_TRACE_RULES"])
        if step.subject.startswith(f"{here.name}/{run_here.uuid}")
    ]
    assert [(s.state, s.event, s.to) for s in steps] == [
        ("IDLE", "BEGIN", "BEGUN"),
        ("-", "FOUND", "BEGUN"),
        ("BEGUN", "RESTARTED", "IDLE"),
    ]
    assert steps[0].pid != steps[1].pid == steps[2].pid
