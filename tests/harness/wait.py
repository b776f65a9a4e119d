# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for something to become true, always with a deadline."""

import time


class Late(AssertionError):
    """The deadline passed."""


# Asking takes time, too, from those that are waited for.
LONGEST_PAUSE = 0.05


def wait_for(condition, seconds=10, what=None, pause=0.01):
    """Ask until the answer is true, and return that answer.

    The longer it takes, the less often: each pause is a little longer.

    An exception in the condition is an error of the test, not a "not yet".
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            if callable(what):
                what = what()
            raise Late(f"not within {seconds} s: {what or condition}")
        time.sleep(pause)
        pause = max(pause, min(pause * 1.2, LONGEST_PAUSE))
