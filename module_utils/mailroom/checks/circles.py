# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail that runs in circles: aliases, groups, catch-alls and forwards without a copy that lead to one another."""

from __future__ import annotations

from ..model import Mailbox
from ..routing import Thing, is_catch_all, targets, things
from .context import Context

_OPEN, _DONE = 1, 2


def check(context: Context) -> None:
    """Report each circle of objects that only hand mail on; a mailbox that keeps a copy ends it."""
    state: dict[int, int] = {}
    for domain in context.domains.values():
        for start in things(domain):
            if id(start) not in state and _next(context, start):
                _walk(context, start, state)


def _walk(context: Context, start: Thing, state: dict[int, int]) -> None:
    """Follow mail from one object, depth first and without recursion: a chain may be as long as a file."""
    trail = [start]
    branches = [iter(_next(context, start))]
    state[id(start)] = _OPEN
    while branches:
        thing = next(branches[-1], None)
        if thing is None:
            branches.pop()
            state[id(trail.pop())] = _DONE
        elif state.get(id(thing)) == _OPEN:
            _report(context, trail[[id(item) for item in trail].index(id(thing)) :])
        elif id(thing) not in state:
            state[id(thing)] = _OPEN
            trail.append(thing)
            branches.append(iter(_next(context, thing)))


def _next(context: Context, thing: Thing) -> list[Thing]:
    if isinstance(thing, Mailbox) and thing.address in thing.delivery:
        return []
    owners = (context.routing.receiver(address) for address, _field in targets(thing))
    return [owner for owner in owners if owner is not None]


def _report(context: Context, circle: list[Thing]) -> None:
    if len(circle) == 1 and (isinstance(circle[0], Mailbox) or is_catch_all(circle[0])):
        return  # reported as a forward to the mailbox itself, or as a target that does not exist
    first = min(range(len(circle)), key=lambda position: circle[position].address)
    ordered = circle[first:] + circle[: first + 1]
    way = " -> ".join(thing.address for thing in ordered)
    context.error(ordered[0], (), f"mail runs in a circle: {way}", "let one of them lead elsewhere")
