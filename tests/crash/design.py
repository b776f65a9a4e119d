# SPDX-License-Identifier: LGPL-2.1-or-later
"""What no daemon can save, by rule: said before a cell runs, not after.

Each rule takes a cell, the order of its points and an outcome, and says why
this outcome is no failure there.
"""

# The guest is whole at the destination from these on, by side.
WHOLE = {
    "source": ("qmp/event/MIGRATION-completed",),
    "destination": ("save/LOADED", "save/LOADED2"),
}
# The destination's QEMU is the guest from these on.
TAKEN = {
    "v3": {
        "source": ("peer/replied/DOMAIN_MIGRATE_FINISH3_PARAMS",
                   "rpc/received/DOMAIN_MIGRATE_CONFIRM3_PARAMS"),
        "destination": ("qmp/sent/cont",),
    },
    # The source ends its own on the destination's QEMU's word that it has all:
    # that is where v2 hands over, and what dies after it was the guest.  From
    # migrate-continue on the two QEMUs get there by themselves, while the
    # source's daemon is held: it hears of that before it could hear of the
    # death.  The destination's says nothing to either of them: once they are
    # connected they get there whether or not it is held.
    "v2": {
        "source": ("qmp/sent/migrate-continue",),
        "destination": ("qmp/event/MIGRATION-active",),
    },
}


def is_from(passed, point, firsts):
    """Does `point` come when or after the first of `firsts` has?"""
    names = list(dict.fromkeys(passed))
    starts = [names.index(name) for name in firsts if name in names]
    return bool(starts) and names.index(point) >= min(starts)


def reason(cell, passed, outcome):
    """Why that outcome is right by design, or None.

    `passed` is the recording of the cell's side.
    """
    for rule in (_qemu_was_the_guest, _v2_waits_for_finish, _v2_has_a_copy):
        text = rule(cell, passed, outcome)
        if text:
            return text
    return None


def _qemu_was_the_guest(cell, passed, outcome):
    if outcome != "gone":
        return None
    is_whole = is_from(passed, cell.point, WHOLE[cell.side])
    is_taken = is_from(passed, cell.point, TAKEN[cell.version][cell.side])
    if cell.fault == "kill-source-qemu" and not is_whole:
        return "its QEMU was the guest, and nobody else had it"
    if cell.fault == "kill-destination-qemu" and is_taken:
        return "its QEMU was the guest"
    return None


def _finish_may_be_lost(cell):
    """v2's Finish is sent once, by the coordinator, over one connection; and
    only after Perform's answer, which goes with the source's daemon."""
    if cell.fault in ("cut", "kill-source", "kill-destination", "kill-both"):
        return True
    if cell.fault.startswith("stop-"):
        return True
    return cell.fault == "kill-client" and cell.mode == "managed"


def _v2_waits_for_finish(cell, passed, outcome):
    """The source has let go, and nobody else knows that it has."""
    if cell.version == "v2" and outcome.startswith("paused there"):
        if _finish_may_be_lost(cell):
            return "v2: only Finish, which was lost, may start what is whole"
    return None


def _v2_has_a_copy(cell, passed, outcome):
    """v2 has no word for "the source goes on" but a Finish that cancels."""
    if cell.version == "v2" and outcome == "runs here, paused there":
        if _finish_may_be_lost(cell):
            return "v2: what is whole there is kept, paused, until destroyed"
    return None
