# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a plan into LDAP operations in an order that the server's guards accept at every single step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from .directory import ADDRESS, DIGEST, FORMER, USER
from .dn import key as dn_key
from .lifecycle import PLACEHOLDER_DOMAIN
from .operation import ADD, MODIFY, MODRDN, REMOVE, Operation
from .plan import CREATE, DELETE, Change, Plan, Step
from .reuse import DOMAIN_NAME

# Attributes of which no two entries may have the same value (the server's overlay unique), each with what an entry
# gets that must have one while its own moves on; "" where it may do without.
GUARDED = {
    ADDRESS: f"%s@{PLACEHOLDER_DOMAIN}",
    USER: f"%s@{PLACEHOLDER_DOMAIN}",
    DOMAIN_NAME: f"%s.{PLACEHOLDER_DOMAIN}",
    "mail": "",
}


def operations(plan: Plan, guarded: Mapping[str, str] = GUARDED) -> list[Operation]:
    """Return the writes of a plan, so that a run that stops anywhere is completed by another.

    Units follow each other, parents (domains) first. In each, entries get their new DNs first: daemons go by
    attributes, so that alone changes nothing for anybody. Then come modifications that free values of guarded
    attributes for others, then everything else, so values may move between entries, or be swapped. Removals come
    last of all, children before parents, so that nothing is removed unless all the rest went well.
    """
    steps = plan.steps
    movement = _Movement(steps, guarded)
    units: dict[int, list[int]] = {}
    for index in range(len(steps)):
        units.setdefault(movement.unit_of(index), []).append(index)
    # A parent's DN has fewer commas than a child's.
    ranked = sorted(units.values(), key=lambda unit: (min(steps[index].after.count(",") for index in unit), unit[0]))
    found: list[Operation] = []
    removals: list[Operation] = []
    for number, unit in enumerate(ranked):
        members = [steps[index] for index in unit]
        written = (*_moves(members), *movement.frees(unit), *_changes(members))
        found += [replace(operation, unit=number) for operation in written]
        removals += [replace(operation, unit=number) for operation in _removals(members)]
    removals.sort(key=lambda operation: (-operation.dn.count(","), operation.dn))
    return found + removals


def batches(todo: Iterable[Operation], size: int) -> Iterator[list[Operation]]:
    """Yield operations in their order in batches of up to `size`, no unit in two of them but for its removals.

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
                yield Operation(MODIFY, step.after, (*changes, *_notes(step)), _label(step))

    def _free(self, step: Step, change: Change, freed: set[tuple[str, str]]) -> Change:
        kept = tuple(value for value in change.old if (change.attribute, value.lower()) not in freed)
        if not kept and change.old and self._guarded[change.attribute]:
            kept = (self._guarded[change.attribute] % hashlib.sha256(step.after.encode()).hexdigest()[:16],)
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
        for index, step in enumerate(self._steps if leaving else ()):
            before = leaving.get(dn_key(step.after), index)
            if before != index:
                self._join(index, before)

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self.unit_of(one), self.unit_of(other)))
        self._unit[second] = first


def _changes(steps: Iterable[Step]) -> Iterator[Operation]:
    """Creations and changes of attributes."""
    for step in steps:
        if step.writes:
            yield Operation(ADD if step.action == CREATE else MODIFY, step.after, step.writes, _label(step))


def _removals(steps: Iterable[Step]) -> Iterator[Operation]:
    return (
        Operation(REMOVE, step.after, label=_label(step))
        for step in steps
        if step.action == DELETE and step.stays is None
    )


def _moves(steps: Iterable[Step]) -> Iterator[Operation]:
    moving = [step for step in steps if step.after != step.before]
    return (Operation(MODRDN, step.before, label=_label(step), new_dn=step.after) for step in _in_turn(moving))


def _in_turn(moving: Sequence[Step]) -> Iterator[Step]:
    """Steps in an order in which each finds its new name free. There are no circles (see moves.py)."""
    by_old = {dn_key(step.before): step for step in moving}
    done: set[str] = set()
    for step in moving:
        chain: list[Step] = []
        follower: Step | None = step
        while follower is not None and follower.before not in done:
            done.add(follower.before)
            chain.append(follower)
            follower = by_old.get(dn_key(follower.after))
        yield from reversed(chain)


def _notes(step: Step) -> Iterator[Change]:
    """What a half-done entry must know: which addresses it lost, and that it is not as it will be."""
    yield from (change for change in step.writes if change.attribute == FORMER)
    yield Change(DIGEST, (), ())


def _guarded_changes(step: Step, guarded: Mapping[str, str]) -> Iterator[Change]:
    changes = step.changes if step.stays is None else step.stays
    return (change for change in changes if change.attribute in guarded)


def _label(step: Step) -> str:
    return step.label or step.name
