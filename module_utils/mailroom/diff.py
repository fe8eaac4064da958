# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare desired entries with live ones, attribute by attribute, and make the plan between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .dn import key as dn_key
from .plan import CREATE, DELETE, RENAME, UPDATE, Change, Drift, Entries, Entry, Plan, Refusal, Step


@dataclass(frozen=True)
class Rules:
    """Who owns what. Attribute names are compared without case.

    mark         (attribute, value) that every entry of the project carries; an entry without it is foreign.
                 None: every live entry is the project's.
    owned        attributes that the project decides, so a value that is not desired is removed.
                 None: all that are desired, and nothing else.
    at_least     attributes whose desired values are added while other values stay (objectClass).
    create_only  attributes that are set when an entry is made and belong to somebody else afterwards.
    silent       attributes that are neither compared nor shown.
    ordered      attributes whose order of values matters.
    secrets      attributes that are never shown.
    """

    mark: tuple[str, str] | None = None
    owned: Collection[str] | None = None
    at_least: Collection[str] = ("objectClass",)
    create_only: Collection[str] = ()
    silent: Collection[str] = ()
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


@dataclass(frozen=True)
class Pairing:
    """Desired and live entries side by side.

    `same` are (live DN, desired DN) of one object each, `new` and `gone` the DNs that have no counterpart.
    """

    same: list[tuple[str, str]]
    new: list[str]
    gone: list[str]


def pair(desired: Entries, live: Entries) -> Pairing:
    """Pair entries whose DNs are equal in any spelling. Nearly all are spelled alike, and cost next to nothing."""
    same = [(dn, dn) for dn in desired if dn in live]
    new = [dn for dn in desired if dn not in live]
    gone = [dn for dn in live if dn not in desired]
    if new and gone:
        by_key = {dn_key(dn): dn for dn in gone}
        respelled = {dn: by_key[dn_key(dn)] for dn in new if dn_key(dn) in by_key}
        same += [(there, dn) for dn, there in respelled.items()]
        found = set(respelled.values())
        new = [dn for dn in new if dn not in respelled]
        gone = [dn for dn in gone if dn not in found]
    return Pairing(same, new, gone)


class Differ:
    """One comparison by one set of rules."""

    def __init__(self, rules: Rules, describe: Callable[[str, Entry], Description] = describe_nothing) -> None:
        self.rules = rules
        self.describe = describe
        self._owned = _lower(rules.owned or ())
        self._at_least = _lower(rules.at_least)
        self._silent = _lower(rules.silent)
        self._kept = self._silent | _lower(rules.create_only)
        self._ordered = _lower(rules.ordered)
        self._removable = self._owned - self._kept
        # Attribute names of live entries, as spelled there, that need not be looked at when nobody desires them.
        self._others: set[str] = set()

    def plan(self, desired: Entries, live: Entries, *, remove: bool = True) -> Plan:
        """Return the plan from `live` to `desired` (DN to entry, in any spelling of the DN).

        With `remove` false, live entries that are not desired are left out (single objects are managed so).
        A desired entry that exists without the mark is a refusal, never an update.
        """
        pairs = pair(desired, live)
        steps = [self.create(dn, desired[dn]) for dn in pairs.new]
        refusals: list[Refusal] = []
        for live_dn, dn in pairs.same:
            if not self.ours(live[live_dn]):
                refusals.append(self.not_ours(live_dn))
            elif changes := self.changes(live[live_dn], desired[dn]):
                steps.append(self.step(UPDATE, live_dn, desired[dn], changes))
        steps += [self.delete(dn, live[dn]) for dn in pairs.gone if remove and self.ours(live[dn])]
        foreign = [dn for dn, entry in live.items() if not self.ours(entry)]
        return Plan(
            steps=tuple(steps),
            existing=len(live) - len(foreign),
            drift=tuple(Drift(dn) for dn in foreign),
            refusals=tuple(sorted(refusals, key=str)),
            secrets=frozenset(self.rules.secrets),
        )

    def ours(self, entry: Entry) -> bool:
        """Whether an entry carries the mark."""
        if self.rules.mark is None:
            return True
        attribute, value = self.rules.mark
        return value in (entry.get(attribute) or _fold(entry).get(attribute.lower(), ()))

    def changes(self, live: Entry, desired: Entry) -> tuple[Change, ...]:
        """Return what must change in a live entry, sorted by attribute."""
        return () if self._equal(live, desired) else tuple(sorted(self._compare(live, desired)))

    def create(self, dn: str, entry: Entry) -> Step:
        """The step that makes an entry."""
        changes = [Change(name, (), self._order(name, values)) for name, values in self._shown(entry)]
        return self.step(CREATE, dn, entry, tuple(changes))

    def rename(self, dn: str, entry: Entry, old_dn: str, changes: tuple[Change, ...]) -> Step:
        """The step that gives an entry another DN, and then changes it."""
        old, new = self.describe(old_dn, entry), self.describe(dn, entry)
        return Step(RENAME, dn, changes, new.group, new.kind, new.label, old_dn, old.label)

    def delete(self, dn: str, entry: Entry) -> Step:
        """The step that removes an entry."""
        changes = [Change(name, self._order(name, values), ()) for name, values in self._shown(entry)]
        return self.step(DELETE, dn, entry, tuple(changes))

    def step(self, action: str, dn: str, entry: Entry, changes: tuple[Change, ...]) -> Step:
        """A step with the description of its entry."""
        shown = self.describe(dn, entry)
        return Step(action, dn, changes, group=shown.group, kind=shown.kind, label=shown.label)

    def not_ours(self, dn: str) -> Refusal:
        """Why an entry without the mark is not touched."""
        attribute, value = self.rules.mark or ("", "")
        return Refusal(
            f"{dn} exists without {attribute}: {value}, so it belongs to somebody else.",
            f"Remove it, leave it out, or adopt it by setting {attribute} to {value} on it.",
        )

    def _shown(self, entry: Entry) -> list[tuple[str, Sequence[str]]]:
        silent = self._silent
        return sorted([item for item in entry.items() if item[1] and item[0].lower() not in silent])

    def _equal(self, live: Entry, desired: Entry) -> bool:
        """Whether entries are the same at first sight, as nearly all of 50,000 are. False may be wrong."""
        for name, values in desired.items():
            have = live.get(name)
            if have != values and not self._same_values(name, have, values):
                return False
        for name in live.keys() - desired.keys() - self._others:
            if name.lower() in self._removable:
                return False
            self._others.add(name)
        return True

    def _same_values(self, name: str, have: Sequence[str] | None, want: Sequence[str]) -> bool:
        if name.lower() in self._kept:
            return True
        return have is not None and self._order(name, have) == self._order(name, want)

    def _compare(self, live: Entry, desired: Entry) -> Iterator[Change]:
        have = _fold(live)
        want = {name: values for name, values in desired.items() if name.lower() not in self._kept}
        for name, values in want.items():
            old, new = self._order(name, have.get(name.lower(), ())), self._order(name, values)
            if name.lower() in self._at_least:
                known = {value.lower() for value in old}
                new = old + tuple(value for value in new if value.lower() not in known)
            if old != new:
                yield Change(name, old, new)
        wanted = _lower(want)
        for name, values in live.items():
            if name.lower() in self._removable - wanted and values:
                yield Change(name, self._order(name, values), ())

    def _order(self, name: str, values: Sequence[str]) -> tuple[str, ...]:
        if len(values) < 2 or name.lower() in self._ordered:
            return tuple(values)
        return tuple(sorted(values))


def changed(entry: Entry, changes: Iterable[Change]) -> dict[str, Sequence[str]]:
    """Return an entry after changes, without empty attributes. Names are taken as they are spelled."""
    after = {**entry, **{change.attribute: change.new for change in changes}}
    return {name: values for name, values in after.items() if values}


def _fold(entry: Entry) -> dict[str, tuple[str, ...]]:
    return {name.lower(): tuple(values) for name, values in entry.items()}


def _lower(names: Collection[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)
