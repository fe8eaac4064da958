# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a plan into LDAP operations in an order that the server's guards accept at every single step."""

from __future__ import annotations

from dataclasses import dataclass

from . import dn as names
from .plan import CREATE, DELETE, UPDATE, Change, Plan, Step

ADD, MODIFY, REMOVE = "add", "modify", "delete"


@dataclass(frozen=True)
class Operation:
    """One write: add and modify carry changes (modify replaces each attribute by its new values)."""

    action: str
    dn: str
    changes: tuple[Change, ...] = ()
    label: str = ""


def operations(plan: Plan, unique: str = "") -> list[Operation]:
    """Return the writes of a plan.

    First the updates that free values of the `unique` attribute for another entry, then removals (children
    before parents), then creations (parents before children), then all updates. So a value may move between
    entries, or be swapped, in one run.
    """
    deletes = sorted(plan.of(DELETE), key=lambda step: (-names.depth(step.name), step.name))
    creates = sorted(plan.of(CREATE), key=lambda step: (names.depth(step.name), step.name))
    updates = plan.of(UPDATE)
    return [
        *_frees(updates, _gained(creates + updates, unique), unique),
        *(Operation(REMOVE, step.name, label=_label(step)) for step in deletes),
        *(Operation(ADD, step.name, step.changes, _label(step)) for step in creates),
        *(Operation(MODIFY, step.name, step.changes, _label(step)) for step in updates),
    ]


def _gained(steps: list[Step], unique: str) -> set[str]:
    return {value for step in steps for change in _of(step, unique) for value in change.added}


def _frees(updates: list[Step], gained: set[str], unique: str) -> list[Operation]:
    found = []
    for step in updates:
        for change in _of(step, unique):
            kept = tuple(value for value in change.old if value not in gained or value in change.new)
            # An attribute that an entry must have cannot be emptied on the way; then the server decides.
            if kept and kept != change.old:
                found.append(
                    Operation(MODIFY, step.name, (Change(change.attribute, change.old, kept),), _label(step))
                )
    return found


def _of(step: Step, attribute: str) -> list[Change]:
    return [change for change in step.changes if change.attribute.lower() == attribute.lower()]


def _label(step: Step) -> str:
    return step.label or step.name
