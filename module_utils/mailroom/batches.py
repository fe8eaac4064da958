# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut the writes of a plan into transactions, and set aside what slapd cannot do within one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .dn import key as dn_key
from .dn import parent as dn_parent
from .operation import ADD, MODRDN, REMOVE, Operation
from .operations import batches

# Up to so many writes are one transaction, and so happen whole or not at all.
WHOLE = 2000
# Beyond, transactions of this size: one of 50,000 took longer than 50,000 single writes.
SIZE = 1000


@dataclass(frozen=True)
class Work:
    """The writes of a plan in order: `before` and `after` one by one, each of `together` in a transaction."""

    before: list[Operation]
    together: list[list[Operation]]
    after: list[Operation]


def divide(todo: Sequence[Operation], children: Mapping[str, int]) -> Work:
    """Return how to do the operations. `children` counts the live entries right below each DN (by dn.key()).

    Two kinds are not for transactions of slapd 2.6.10: moves to another parent (it crashes when the transaction
    fails later on), and removals that leave the entry above without children (ITS#10304, fixed in 2.6.11).
    Moves come first, with what belongs to them; such removals come last.
    """
    moving = {operation.unit for operation in todo if is_move(operation)}
    parents = {dn_key(dn_parent(operation.new_dn)) for operation in todo if is_move(operation)}
    lonely = _lonely(todo, children)
    before: list[Operation] = []
    rest: list[Operation] = []
    after: list[Operation] = []
    for operation in todo:
        if operation.action == REMOVE:
            (after if dn_key(operation.dn) in lonely else rest).append(operation)
        elif operation.unit in moving or (operation.action == ADD and dn_key(operation.dn) in parents):
            before.append(operation)
        else:
            rest.append(operation)
    return Work(before, list(batches(rest, WHOLE if len(rest) <= WHOLE else SIZE)), after)


def is_move(operation: Operation) -> bool:
    """Whether an operation puts an entry below another parent."""
    return operation.action == MODRDN and dn_key(dn_parent(operation.dn)) != dn_key(dn_parent(operation.new_dn))


def _lonely(todo: Sequence[Operation], children: Mapping[str, int]) -> set[str]:
    """The DNs of removals that leave the entry above without children, or are of entries that have or had some."""
    removals = {
        dn_key(operation.dn): dn_key(dn_parent(operation.dn)) for operation in todo if operation.action == REMOVE
    }
    going = Counter(removals.values())
    going.update(dn_key(dn_parent(operation.dn)) for operation in todo if is_move(operation))
    return {name for name, above in removals.items() if children.get(name) or children.get(above, 0) <= going[above]}
