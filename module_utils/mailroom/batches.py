# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut the writes of a plan into transactions, and set aside what slapd cannot do within one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .dn import key as dn_key
from .dn import parent as dn_parent
from .operations import ADD, MODIFY, REMOVE, RENAME, Operation

# Up to so many writes are one transaction, and so happen whole or not at all.
WHOLE = 2000
# Beyond, transactions of this size: one of 50,000 took longer than 50,000 single writes.
SIZE = 1000


@dataclass(frozen=True)
class Work:
    """The writes of a plan in order: `before` and `after` one by one, each of `batches` in a transaction."""

    before: list[Operation]
    batches: list[list[Operation]]
    after: list[Operation]


def divide(todo: Sequence[Operation], children: Mapping[str, int], unique: str = "") -> Work:
    """Return how to do the operations. `children` counts the live entries right below each DN (by dn.key()).

    Two kinds are not for transactions of slapd 2.6.10: moves to another parent (it crashes when the transaction
    fails later on), and removals that leave the entry above without children (ITS#10304, fixed in 2.6.11).
    Moves come first, with what they need; such removals come last.
    """
    moves = _moves(todo)
    before = [operation for operation in todo if id(operation) in moves]
    lonely = _lonely(todo, children)
    after = [operation for operation in todo if id(operation) in lonely]
    rest = [operation for operation in todo if id(operation) not in moves | lonely]
    return Work(before, list(batches(rest, unique)), after)


def is_move(operation: Operation) -> bool:
    """Whether an operation puts an entry below another parent."""
    return operation.action == RENAME and dn_key(dn_parent(operation.dn)) != dn_key(dn_parent(operation.new_dn))


def _moves(todo: Sequence[Operation]) -> set[int]:
    """The operations (by id) to do before all others: renames if one of them is a move, and what these need."""
    if not any(is_move(operation) for operation in todo):
        return set()
    renames = [operation for operation in todo if operation.action == RENAME]
    parents = {dn_key(dn_parent(operation.new_dn)) for operation in renames}
    olds = {dn_key(operation.dn) for operation in renames}
    needed = [
        operation
        for operation in todo
        if dn_key(operation.dn) in (parents if operation.action == ADD else olds if operation.action == MODIFY else ())
    ]
    return {id(operation) for operation in needed + renames}


def _lonely(todo: Sequence[Operation], children: Mapping[str, int]) -> set[int]:
    """The removals (by id) of entries that have or are the only children."""
    removals = [operation for operation in todo if operation.action == REMOVE]
    going = Counter(dn_key(dn_parent(operation.dn)) for operation in removals)
    going.update(dn_key(dn_parent(operation.dn)) for operation in todo if is_move(operation))
    return {
        id(operation)
        for operation in removals
        if children.get(dn_key(operation.dn), 0)
        or children.get(above := dn_key(dn_parent(operation.dn)), 0) <= going[above]
    }


def batches(todo: Sequence[Operation], unique: str = "") -> Iterable[list[Operation]]:
    """Yield the operations in batches of WHOLE, or of about SIZE if they are more.

    What belongs together stays together: the writes of one entry, and those of entries that hand each other a
    value of the `unique` attribute. New entries that hold others come first, removals last.
    """
    if len(todo) <= WHOLE:
        if todo:
            yield list(todo)
        return
    batch: list[int] = []
    for group in _groups(todo, unique):
        if batch and len(batch) + len(group) > SIZE:
            yield [todo[number] for number in sorted(batch)]
            batch = []
        batch += group
    yield [todo[number] for number in sorted(batch)]


def _groups(todo: Sequence[Operation], unique: str) -> list[list[int]]:
    """Positions of operations that belong together, in the order in which they may be done."""
    leader = list(range(len(todo)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    first: dict[str, int] = {}
    handed = _handed_over(todo, unique)
    for number, operation in enumerate(todo):
        for key in (*_names(operation), *(handed & _values(operation, unique, gone=True, come=True))):
            leader[find(number)] = find(first.setdefault(key, number))
    parents = {dn_key(dn_parent(operation.dn)) for operation in todo if operation.action == ADD}
    members: dict[int, list[int]] = {}
    holding, removing = set(), set()
    for number, operation in enumerate(todo):
        group = find(number)
        members.setdefault(group, []).append(number)
        if operation.action == ADD and dn_key(operation.dn) in parents:
            holding.add(group)
        elif operation.action == REMOVE:
            removing.add(group)
    return [members[group] for group in sorted(members, key=lambda group: (group not in holding, group in removing))]


def _names(operation: Operation) -> list[str]:
    return [dn_key(dn) for dn in (operation.dn, operation.new_dn) if dn]


def _handed_over(todo: Sequence[Operation], unique: str) -> set[str]:
    gone: set[str] = set()
    come: set[str] = set()
    for operation in todo:
        gone |= _values(operation, unique, gone=True)
        come |= _values(operation, unique, come=True)
    return gone & come


def _values(operation: Operation, unique: str, *, gone: bool = False, come: bool = False) -> set[str]:
    found: set[str] = set()
    for change in operation.changes:
        if unique and change.attribute.lower() == unique.lower():
            found |= {value.lower() for value in change.removed} if gone else set()
            found |= {value.lower() for value in change.added} if come else set()
    return found


def undone(operation: Operation) -> Operation:
    """Return the operation that takes back an add, a modification or a rename."""
    if operation.action == ADD:
        return replace(operation, action=REMOVE, changes=())
    if operation.action == RENAME:
        return replace(operation, dn=operation.new_dn, new_dn=operation.dn)
    back = tuple(replace(change, old=change.new, new=change.old) for change in operation.changes)
    return replace(operation, changes=back)
