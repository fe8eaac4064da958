# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare desired entries with live ones, attribute by attribute, and make the plan between them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from .dn import key as dn_key
from .plan import CREATE, DELETE, UPDATE, Change, Entries, Entry, Plan, Refusal, Step


@dataclass(frozen=True)
class Rules:
    """Who owns what. Attribute names are compared without case.

    mark         (attribute, value) that every entry of the project carries; an entry without it is foreign.
                 None: every live entry is the project's.
    owned        attributes that the project decides, so a value that is not desired is removed.
                 None: all that are desired, and nothing else.
    at_least     attributes whose desired values are added while other values stay (objectClass).
    create_only  attributes that are set when an entry is made and belong to somebody else afterwards.
    ordered      attributes whose order of values matters.
    secrets      attributes that are never shown.
    """

    mark: tuple[str, str] | None = None
    owned: Collection[str] | None = None
    at_least: Collection[str] = ("objectClass",)
    create_only: Collection[str] = ()
    ordered: Collection[str] = ()
    secrets: Collection[str] = field(default=("userPassword",))


@dataclass(frozen=True)
class Description:
    """How an entry is shown in a plan; see `Step`."""

    group: str = ""
    kind: str = ""
    label: str = ""


def describe_nothing(dn: str, entry: Entry) -> Description:
    """The default description: just the DN."""
    return Description()


class Differ:
    """One comparison by one set of rules."""

    def __init__(self, rules: Rules, describe: Callable[[str, Entry], Description] = describe_nothing) -> None:
        self.rules = rules
        self.describe = describe
        self._owned = None if rules.owned is None else _lower(rules.owned)
        self._at_least = _lower(rules.at_least)
        self._create_only = _lower(rules.create_only)
        self._ordered = _lower(rules.ordered)

    def plan(self, desired: Entries, live: Entries, *, remove: bool = True) -> Plan:
        """Return the plan from `live` to `desired` (DN to entry, in any spelling of the DN).

        With `remove` false, live entries that are not desired are left out (single objects are managed so).
        A desired entry that exists without the mark is a refusal, never an update.
        """
        live_by_key = {dn_key(dn): (dn, entry) for dn, entry in live.items()}
        steps: list[Step] = []
        refusals: list[Refusal] = []
        wanted = set()
        for dn, entry in desired.items():
            key = dn_key(dn)
            wanted.add(key)
            if key not in live_by_key:
                steps.append(self._step(CREATE, dn, entry, self._creation(entry)))
                continue
            live_dn, live_entry = live_by_key[key]
            if not self.ours(live_entry):
                refusals.append(self._not_ours(live_dn))
            elif changes := self.changes(live_entry, entry):
                steps.append(self._step(UPDATE, live_dn, entry, changes))
        foreign = [dn for dn, entry in live.items() if not self.ours(entry)]
        for key, (dn, entry) in live_by_key.items():
            if remove and key not in wanted and self.ours(entry):
                steps.append(self._step(DELETE, dn, entry, _removal(entry)))
        return Plan(
            steps=tuple(steps),
            existing=len(live) - len(foreign),
            foreign=tuple(foreign),
            refusals=tuple(sorted(refusals, key=str)),
            secrets=frozenset(self.rules.secrets),
        )

    def ours(self, entry: Entry) -> bool:
        """Whether an entry carries the mark."""
        if self.rules.mark is None:
            return True
        attribute, value = self.rules.mark
        return value in _fold(entry).get(attribute.lower(), ())

    def changes(self, live: Entry, desired: Entry) -> tuple[Change, ...]:
        """Return what must change in a live entry, sorted by attribute."""
        have = _fold(live)
        want = {name: values for name, values in desired.items() if name.lower() not in self._create_only}
        found = []
        for name, values in want.items():
            old, new = self._order(name, have.get(name.lower(), ())), self._order(name, values)
            if name.lower() in self._at_least:
                known = {value.lower() for value in old}
                new = old + tuple(value for value in new if value.lower() not in known)
            if old != new:
                found.append(Change(name, old, new))
        wanted = _lower(want)
        for name, values in live.items():
            if self._owned and name.lower() in self._owned - wanted - self._create_only and values:
                found.append(Change(name, self._order(name, values), ()))
        return tuple(sorted(found, key=lambda change: change.attribute))

    def _order(self, name: str, values: Collection[str]) -> tuple[str, ...]:
        return tuple(values) if name.lower() in self._ordered else tuple(sorted(values))

    def _creation(self, entry: Entry) -> tuple[Change, ...]:
        return tuple(Change(name, (), self._order(name, values)) for name, values in sorted(entry.items()) if values)

    def _step(self, action: str, dn: str, entry: Entry, changes: tuple[Change, ...]) -> Step:
        shown = self.describe(dn, entry)
        return Step(action, dn, changes, group=shown.group, kind=shown.kind, label=shown.label)

    def _not_ours(self, dn: str) -> Refusal:
        attribute, value = self.rules.mark or ("", "")
        return Refusal(
            f"{dn} exists without {attribute}: {value}, so it belongs to somebody else.",
            f"Remove it, leave it out, or adopt it by setting {attribute} to {value} on it.",
        )


def _removal(entry: Entry) -> tuple[Change, ...]:
    return tuple(Change(name, tuple(sorted(values)), ()) for name, values in sorted(entry.items()))


def _fold(entry: Entry) -> dict[str, tuple[str, ...]]:
    return {name.lower(): tuple(values) for name, values in entry.items()}


def _lower(names_: Collection[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names_)
