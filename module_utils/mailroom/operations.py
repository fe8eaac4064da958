# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a plan into LDAP operations in an order that the server's guards accept at every single step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from .directory import ADDRESS, DIGEST, FORMER, USER
from .dn import key as dn_key
from .lifecycle import PLACEHOLDER_DOMAIN
from .plan import CREATE, DELETE, RENAME, UPDATE, Change, Plan, Step
from .reuse import DOMAIN_NAME

ADD, MODIFY, MODRDN, REMOVE = "add", "modify", "modrdn", "delete"

# Attributes of which no two entries may have the same value (the server's overlay unique), each with what an entry
# gets that must have one while its own moves on; "" where it may do without.
GUARDED = {
    ADDRESS: f"%s@{PLACEHOLDER_DOMAIN}",
    USER: f"%s@{PLACEHOLDER_DOMAIN}",
    DOMAIN_NAME: f"%s.{PLACEHOLDER_DOMAIN}",
    "mail": "",
}


@dataclass(frozen=True)
class Operation:
    """One write. Add and modify carry changes (modify replaces each attribute by its new values); modrdn gives an
    entry the DN `new_dn` (RFC 4511, 4.9), with another parent too, and drops the old name.

    Operations of one `unit` belong together: those of one account, and of accounts between which values move.
    """

    action: str
    dn: str
    changes: tuple[Change, ...] = ()
    label: str = ""
    new_dn: str = ""
    unit: int = 0


def operations(plan: Plan, guarded: Mapping[str, str] = GUARDED) -> list[Operation]:
    """Return the writes of a plan, so that a run that stops anywhere is completed by another.

    Units follow each other, parents (domains) first. In each unit, modifications come first that free values of
    guarded attributes for others, then entries that move aside, renames, creations, updates. So values may move
    between entries, or be swapped, in one run. Removals come last of all (children before parents), so that nothing
    is removed unless all the rest went well.
    """
    steps = plan.steps
    movement = _Movement(steps, guarded)
    units: dict[int, list[int]] = {}
    for index in range(len(steps)):
        units.setdefault(movement.unit_of(index), []).append(index)
    found: list[Operation] = []
    # A parent's DN has fewer commas than a child's.
    ranked = sorted(units.values(), key=lambda unit: (min(steps[index].after.count(",") for index in unit), unit[0]))
    removals: list[tuple[int, str, Operation]] = []
    for number, unit in enumerate(ranked):
        members = [steps[index] for index in unit]
        for operation in (*movement.frees(unit), *_unit(members)):
            found.append(replace(operation, unit=number))
        for step in members:
            if step.action == DELETE and step.stays is None:
                last = Operation(REMOVE, step.after, label=_label(step), unit=number)
                removals.append((-step.after.count(","), step.after, last))
    return found + [operation for _depth, _dn, operation in sorted(removals, key=lambda removal: removal[:2])]


def batches(todo: Iterable[Operation], size: int) -> Iterator[list[Operation]]:
    """Yield operations in their order in batches of up to `size`, no unit in two of them.

    A unit that is larger than that is divided between its accounts.
    """
    batch: list[Operation] = []
    for part in _parts(todo, size):
        if batch and len(batch) + len(part) > size:
            yield batch
            batch = []
        batch += part
    if batch:
        yield batch


def _parts(todo: Iterable[Operation], size: int) -> Iterator[list[Operation]]:
    for _number, together in groupby(todo, attrgetter("unit")):
        unit = list(together)
        if len(unit) <= size:
            yield unit
        else:
            yield from (list(account) for _name, account in groupby(unit, attrgetter("label")))


class _Movement:
    """Which steps give guarded values, or their names, to which others."""

    def __init__(self, steps: Sequence[Step], guarded: Mapping[str, str]) -> None:
        self._steps, self._guarded = steps, guarded
        self._unit = list(range(len(steps)))
        # (attribute, value) to the step that loses it.
        self._losers: dict[tuple[str, str], int] = {}
        # What each step frees for others: (attribute, value in lower case).
        self._freed: dict[int, set[tuple[str, str]]] = {}
        for index, step in enumerate(steps):
            if step.action != CREATE:
                for change in _guarded_changes(step, guarded):
                    self._losers.update({(change.attribute, value.lower()): index for value in change.removed})
        if self._losers:
            self._find_takers()
        self._find_successors()

    def unit_of(self, index: int) -> int:
        """The first step of those that a step belongs together with."""
        while self._unit[index] != index:
            self._unit[index] = self._unit[self._unit[index]]
            index = self._unit[index]
        return index

    def frees(self, unit: Iterable[int]) -> Iterator[Operation]:
        """The modifications that free values for others."""
        for index in unit:
            if freed := self._freed.get(index):
                step = self._steps[index]
                changes = tuple(self._free(step, change, freed) for change in _guarded_changes(step, self._guarded))
                changes = tuple(change for change in changes if change.old != change.new)
                yield Operation(MODIFY, step.before, (*changes, *_notes(step)), _label(step))

    def _free(self, step: Step, change: Change, freed: set[tuple[str, str]]) -> Change:
        kept = tuple(value for value in change.old if (change.attribute, value.lower()) not in freed)
        if not kept and change.old and self._guarded[change.attribute]:
            kept = (self._guarded[change.attribute] % hashlib.sha256(step.before.encode()).hexdigest()[:16],)
        return Change(change.attribute, change.old, kept)

    def _find_takers(self) -> None:
        for index, step in enumerate(self._steps):
            for change in _guarded_changes(step, self._guarded):
                for value in change.added if change.old else change.new:
                    loser = self._losers.get((change.attribute, value.lower()))
                    if loser is not None and loser != index:
                        self._freed.setdefault(loser, set()).add((change.attribute, value.lower()))
                        self._join(index, loser)

    def _find_successors(self) -> None:
        """Steps whose object gets the DN that another one leaves."""
        leaving = {dn_key(step.before): index for index, step in enumerate(self._steps) if step.after != step.before}
        if leaving:
            for index, step in enumerate(self._steps):
                if step.action in (CREATE, RENAME) and (before := leaving.get(dn_key(step.name))) is not None:
                    self._join(index, before)

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self.unit_of(one), self.unit_of(other)))
        self._unit[second] = first


def _unit(steps: Sequence[Step]) -> Iterator[Operation]:
    """The writes of steps that belong together, without removals."""
    for step in steps:
        if step.action == DELETE:
            yield from _moved(step)
    for step in _in_turn([step for step in steps if step.action == RENAME]):
        yield from _moved(step)
    for step in steps:
        if step.action == CREATE:
            yield Operation(ADD, step.name, step.writes, _label(step))
    for step in steps:
        if step.action == UPDATE:
            yield from _moved(step)


def _moved(step: Step) -> Iterator[Operation]:
    if step.after != step.before:
        yield Operation(MODRDN, step.before, label=_label(step), new_dn=step.after)
    if step.writes:
        yield Operation(MODIFY, step.after, step.writes, _label(step))


def _in_turn(renames: Sequence[Step]) -> Iterator[Step]:
    """Renames in an order in which each finds its new name free. There are no circles (see moves.py)."""
    by_old = {dn_key(step.old_name): step for step in renames}
    done: set[str] = set()

    def visit(step: Step) -> Iterator[Step]:
        if step.old_name not in done:
            done.add(step.old_name)
            if (first := by_old.get(dn_key(step.name))) is not None:
                yield from visit(first)
            yield step

    for step in renames:
        yield from visit(step)


def _notes(step: Step) -> Iterator[Change]:
    """What a half-done entry must know: which addresses it lost, and that it is not as it will be."""
    yield from (change for change in step.writes if change.attribute == FORMER)
    yield Change(DIGEST, (), ())


def _guarded_changes(step: Step, guarded: Mapping[str, str]) -> Iterator[Change]:
    changes = step.changes if step.stays is None else step.stays
    return (change for change in changes if change.attribute in guarded)


def _label(step: Step) -> str:
    return step.label or step.name
