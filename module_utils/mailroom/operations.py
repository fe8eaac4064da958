# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a plan into LDAP operations in an order that the server's guards accept at every single step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .dn import depth as dn_depth
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

    First, modifications that free values of the `unique` attribute which another entry gains, then creations
    (parents before children), then all updates, then removals (children before parents). So a value may move
    between entries, or be swapped, in one run, and nothing is removed unless all the rest went well.
    """
    creates = sorted(plan.of(CREATE), key=lambda step: (dn_depth(step.name), step.name))
    deletes = sorted(plan.of(DELETE), key=lambda step: (-dn_depth(step.name), step.name))
    updates = plan.of(UPDATE)
    gained = {value for step in creates + updates for change in _of(step, unique) for value in change.added}
    return [
        *_frees(updates + deletes, gained, unique),
        *(Operation(ADD, step.name, step.changes, _label(step)) for step in creates),
        *(Operation(MODIFY, step.name, step.changes, _label(step)) for step in updates),
        *(Operation(REMOVE, step.name, label=_label(step)) for step in deletes),
    ]


def _frees(steps: list[Step], gained: set[str], unique: str) -> list[Operation]:
    found = []
    for step in steps:
        for change in _of(step, unique):
            kept = tuple(value for value in change.old if value not in gained or value in change.new)
            if kept != change.old:
                freed = Change(change.attribute, change.old, kept or (_placeholder(step.name),))
                found.append(Operation(MODIFY, step.name, (freed,), _label(step)))
    return found


def _placeholder(dn: str) -> str:
    """An address for an entry that must have one until the run ends. Nobody can receive mail in .invalid."""
    return f"{hashlib.sha256(dn.encode()).hexdigest()[:16]}@removed.invalid"


def _of(step: Step, attribute: str) -> list[Change]:
    return [change for change in step.changes if change.attribute.lower() == attribute.lower()]


def _label(step: Step) -> str:
    return step.label or step.name
