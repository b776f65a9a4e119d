# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes `harness` importable from every folder of tests, and holds every step
of a rule table that a test's daemons and clients take against the tables.

The steps stay in the folder VMFERRY_RULES_FOLDER where that is set: tools/check
counts them.
"""

import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from harness import rules  # noqa: E402

KEPT = os.environ.get("VMFERRY_RULES_FOLDER")
TRACE = pytest.StashKey()


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "impossible(machine, state, event): an event that no rule takes, which"
        " this test brings about",
    )
    config.addinivalue_line(
        "markers",
        "forged(machine, state): this test writes that state into a record",
    )
    folder = KEPT or tempfile.mkdtemp(prefix="vf-rules-", dir="/tmp")
    os.makedirs(folder, exist_ok=True)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    path = os.path.join(folder, worker + ".trace")
    # Daemons, also those that live as long as the session, inherit it.
    os.environ["VMFERRY_TRACE_RULES"] = path
    with open(path, "wb"):
        pass
    config.stash[TRACE] = rules.Trace(path)


def pytest_unconfigure(config):
    if not KEPT and TRACE in config.stash:
        folder = os.path.dirname(config.stash[TRACE].path)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def rules_are_kept(request):
    """After all else of the test: its daemons have ended by then."""
    trace = request.config.stash[TRACE]
    trace.note_test(request.node.nodeid)
    yield
    wrong, impossible = trace.read()
    for mark in request.node.iter_markers("forged"):
        machine, state = mark.args
        wrong = [
            text
            for text in wrong
            if f": {machine} " not in text
            or not text.endswith(f"FOUND in {state}")
        ]
    expected = [
        mark.args for mark in request.node.iter_markers("impossible")
    ]
    wrong += [
        f"no rule takes it: {rules.tell(step)}"
        for step in impossible
        if (step.machine, step.state, step.event) not in expected
    ]
    assert not wrong, "\n".join(wrong)
