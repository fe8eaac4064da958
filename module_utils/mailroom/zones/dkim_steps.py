# SPDX-License-Identifier: GPL-3.0-or-later
"""Roll-over of DKIM keys in steps: publish, wait, switch, retire. A pure function of keys and day.

A new key signs only when the whole internet has had time to see it, and an old one stays in DNS while mail that it
signed may still be under way (RFC 6376, 3.6.1 and 6.1.2). At most two selectors are there at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from .dkim import ACTIVE, PUBLISHED, RETIRED, Key

PUBLISH, SWITCH, REMOVE = "publish", "switch", "remove"


@dataclass(frozen=True)
class Pace:
    """How long each state lasts, in days.

    `wait` covers TTLs and secondaries; `use` is the life of a key, 0 for no roll-over by itself; `keep` outlasts
    the queues of others, which hold mail for five days (RFC 5321, 4.5.4.1).
    """

    wait: int = 2
    use: int = 180
    keep: int = 7


@dataclass(frozen=True)
class Step:
    """What to do next: the action, the selector that it is about ("" for a key still to be made), the day."""

    action: str
    selector: str
    on: date


def next_step(keys: Collection[Key], today: date, pace: Pace | None = None, *, now: bool = False) -> Step | None:
    """Return the next step of a domain's keys and the day on which it is due; None where nothing will be.

    `now` asks for a roll-over before its time. A step is due if its day is not after `today`. Raises ValueError for
    keys that no sequence of steps leads to.
    """
    pace = pace or Pace()
    published, active, retired = (_one(keys, state) for state in (PUBLISHED, ACTIVE, RETIRED))
    if retired:
        return Step(REMOVE, retired.selector, _after(retired, pace.keep))
    if published:
        return Step(SWITCH, published.selector, _after(published, pace.wait))
    if active is None or now:
        return Step(PUBLISH, "", today)
    return Step(PUBLISH, "", _after(active, pace.use)) if pace.use else None


def due(keys: Collection[Key], today: date, pace: Pace | None = None, *, now: bool = False) -> Step | None:
    """Return the step that is due today, if one is. Raises ValueError like next_step()."""
    step = next_step(keys, today, pace, now=now)
    return step if step and step.on <= today else None


def advance(keys: Sequence[Key], step: Step, today: date, new: Key | None = None) -> tuple[Key, ...]:
    """Return the keys after a step. PUBLISH takes the `new` key. Raises ValueError if the step does not fit."""
    if step.action == PUBLISH:
        if new is None or new.selector in {key.selector for key in keys}:
            raise ValueError("a new key with a selector of its own is needed")
        return (*keys, replace(new, state=PUBLISHED, since=today))
    if step.selector not in {key.selector for key in keys}:
        raise ValueError(f"there is no selector {step.selector}")
    if step.action == REMOVE:
        return tuple(key for key in keys if key.selector != step.selector)
    return tuple(_switched(key, step.selector, today) for key in keys)


def signing(keys: Collection[Key]) -> Key | None:
    """Return the key that signs. Raises ValueError if there are several."""
    return _one(keys, ACTIVE)


def new_selector(today: date, taken: Collection[str]) -> str:
    """Return a selector that tells its day (m20261121) and was not used before.

    A name is never used again: with another key under it, mail signed before would look forged (RFC 6376, 3.1).
    """
    first = f"m{today:%Y%m%d}"
    number, selector = 1, first
    while selector in taken:
        number += 1
        selector = f"{first}-{number}"
    return selector


def _one(keys: Collection[Key], state: str) -> Key | None:
    found = [key for key in keys if key.state == state]
    if len(found) > 1:
        raise ValueError(
            f"{len(found)} keys are {state} ({', '.join(key.selector for key in found)}), at most one can be"
        )
    return found[0] if found else None


def _after(key: Key, days: int) -> date:
    return key.since + timedelta(days=days)


def _switched(key: Key, selector: str, today: date) -> Key:
    if key.selector == selector:
        return replace(key, state=ACTIVE, since=today)
    return replace(key, state=RETIRED, since=today) if key.state == ACTIVE else key
