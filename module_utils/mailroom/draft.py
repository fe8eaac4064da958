# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps from live accounts to desired ones, whatever the gates will say about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .diff import Differ, pair
from .directory import ADDRESS, DIGEST, DOMAIN, PURGE, REMOVED, STORE, digest
from .dn import key as dn_key
from .dn import parent as dn_parent
from .lifecycle import (
    Life,
    aside,
    canonical,
    created,
    is_aside,
    is_mailbox,
    own_address,
    renamed_aside,
    retired,
    same_person,
    without_addresses,
)
from .moves import Moves
from .plan import DELETE, RESERVATION, UPDATE, Change, Entries, Entry, Refusal, Step
from .reuse import Takings, name_conflicts, takings

_GROUP = "mailroomgroup"


class Draft:
    """Compares, and keeps what it finds.

    `steps` and `refusals` are as in a plan, `takings` are addresses that go to somebody else, `gone` the DNs of the
    project's live entries that are not desired (only those for which `removable` holds).
    """

    def __init__(
        self,
        desired: Entries,
        live: Entries,
        differ: Differ,
        life: Life,
        moves: Moves | None = None,
        removable: Callable[[str], bool] = lambda dn: True,
    ) -> None:
        self._desired, self._live, self._differ, self._life = desired, live, differ, life
        self._moves = moves or Moves()
        self._sources = set(self._moves.pending.values())
        # Live entries whose name is to be another object's.
        self._replaced: set[str] = set()
        # Live entries of the project that are not desired any more.
        self.gone: set[str] = set()
        self._keys: frozenset[str] | None = None
        self.refusals: list[Refusal] = list(self._moves.refusals)
        self.steps: list[Step] = []
        self._compare(removable)
        self.takings: Takings = takings(self.steps, live, self.gone, life)
        made = list(self.steps)
        self._remove()
        self.refusals += self.takings.conflicts
        self.refusals += self._blocked()
        self.refusals += name_conflicts(made, live, self._deleted())

    # what is desired

    def _compare(self, removable: Callable[[str], bool]) -> None:
        pairs = pair(self._desired, self._live)
        new = pairs.new
        for live_dn, dn in pairs.same:
            entry, wanted = self._live[live_dn], self._desired[dn]
            if not self._differ.ours(entry):
                self.refusals.append(self._differ.not_ours(live_dn))
            elif live_dn in self._sources or dn in self._moves.pending or _is_another(live_dn, entry, wanted):
                self._replaced.add(live_dn)
                new.append(dn)
            else:
                self._update(live_dn, entry, wanted)
        self._create(new)
        gone = {dn for dn in pairs.gone if self._differ.ours(self._live[dn]) and removable(dn)}
        self.gone = (gone | self._replaced) - self._sources

    def _update(self, dn: str, entry: Entry, wanted: Entry) -> None:
        changes = self._differ.changes(entry, wanted)
        if changes or REMOVED in entry or PURGE in entry or entry.get(DIGEST) != wanted.get(DIGEST):
            unseen = self._life.unseen(entry, wanted, changes)
            if changes or unseen:
                self.steps.append(replace(self._differ.step(UPDATE, dn, wanted, changes), unseen=unseen))

    def _create(self, new: list[str]) -> None:
        used = {value.lower() for entry in self._live.values() for value in entry.get(STORE, ())} if new else set()
        for dn in sorted(new):
            if dn in self._moves.pending:
                self._rename(dn, self._moves.pending[dn])
            else:
                entry = created(dn, self._desired[dn], used)
                value = self._desired[dn].get(DIGEST) or [digest(entry)]
                step = self._differ.create(dn, entry)
                self.steps.append(replace(step, unseen=(Change(DIGEST, (), tuple(value)),)))

    def _rename(self, dn: str, old_dn: str) -> None:
        entry, wanted = self._live[old_dn], self._desired[dn]
        if not self._differ.ours(entry):
            self.refusals.append(self._differ.not_ours(old_dn))
            return
        # The directory changes the attribute in the name by itself.
        changes = tuple(change for change in self._differ.changes(entry, wanted) if change.attribute.lower() != "uid")
        unseen = self._life.unseen(entry, wanted, changes)
        self.steps.append(replace(self._differ.rename(dn, wanted, old_dn, changes), unseen=unseen))

    # what is not desired any more

    def _remove(self) -> None:
        domains = []
        for dn in sorted(self.gone):
            entry = self._live[dn]
            if is_mailbox(dn):
                self.steps += self._mailbox_goes(dn, entry)
            elif self._differ.describe(dn, entry).kind == DOMAIN:
                domains.append(dn)
            else:
                place = self._aside(dn, "old") if dn in self._replaced else ""
                self.steps.append(replace(self._differ.delete(dn, entry), aside=place))
        if domains:
            self.steps += self._domains_go(domains)

    def _mailbox_goes(self, dn: str, entry: Entry) -> Iterator[Step]:
        if self._life.released(entry):
            place = self._aside(dn, self._day(entry)) if dn in self._replaced else ""
            yield replace(self._differ.delete(dn, entry), kind=RESERVATION, aside=place)
            return
        place, room = self._room(dn, entry)
        if not retired(entry):
            stays, purge = self._life.retire(entry, room), self._life.purge_date
            yield replace(self._differ.delete(dn, entry), stays=stays, aside=place, purge=purge)
        elif place or room:
            step = self._differ.rename(place, entry, dn, room) if place else self._differ.step(UPDATE, dn, entry, room)
            yield replace(step, kind=RESERVATION, unseen=self._life.noted(entry, room)[len(room) :])

    def _room(self, dn: str, entry: Entry) -> tuple[str, tuple[Change, ...]]:
        """Where a removed mailbox moves so that others get what they take from it ("": it stays), and its changes."""
        taken = self.takings.from_removed.get(dn, [])
        if is_aside(dn):
            return "", renamed_aside(entry, dn, dn, taken)
        own = canonical(own_address(dn))
        # Without its own address it was on its way when a run stopped.
        if dn in self._replaced or own in map(canonical, taken) or own not in map(canonical, entry.get(ADDRESS, ())):
            place = self._aside(dn, self._day(entry))
            return place, renamed_aside(entry, dn, place, taken)
        return "", without_addresses(entry, taken)

    def _aside(self, dn: str, mark: str) -> str:
        if self._keys is None:
            self._keys = frozenset(map(dn_key, self._live))
        return aside(dn, mark, self._keys)

    def _day(self, entry: Entry) -> str:
        return next(iter(entry.get(REMOVED, ())), str(self._life.today))

    def _domains_go(self, domains: list[str]) -> Iterator[Step]:
        """A domain stays, and refuses mail, as long as something is below it."""
        left = dict(self._staying({dn_key(dn) for dn in domains}))
        for dn in domains:
            entry, kept = self._live[dn], dn_key(dn) in left
            step = self._differ.delete(dn, entry)
            if not kept:
                yield replace(step, kind=RESERVATION) if retired(entry) else step
            elif not retired(entry):
                yield replace(step, stays=self._life.retire(entry, purge=False))

    def _staying(self, parents: set[str]) -> Iterator[tuple[str, str]]:
        """(key of the parent, DN) of live entries that are there after the run below one of some parents."""
        away = self._deleted() | {dn_key(dn) for dn in self._sources}
        for dn in self._live:
            above = dn_key(dn_parent(dn))
            if above in parents and dn_key(dn) not in away:
                yield above, dn

    # what stands in the way

    def _deleted(self) -> set[str]:
        """Keys of the live entries that go for good."""
        return {dn_key(step.name) for step in self.steps if step.action == DELETE and step.stays is None}

    def _blocked(self) -> Iterator[Refusal]:
        """Entries in use below others that go, or that stop working with them."""
        removed = {dn_key(step.name): step for step in self.steps if step.action == DELETE}
        going = {key for key, step in removed.items() if step.stays is None or step.kind == DOMAIN}
        for _above, dn in self._staying(going) if going else ():
            if not retired(self._live[dn]) and dn_key(dn) not in removed:
                message = f"{dn_parent(dn)} cannot be removed: {dn} is below it."
                yield Refusal(message, "Remove or move that entry first.")


def _is_another(dn: str, entry: Entry, wanted: Entry) -> bool:
    """Whether an entry that has the name of a desired one is no earlier state of it."""
    if is_mailbox(dn):
        return retired(entry) and not same_person(entry, wanted)
    # A group cannot become an alias, nor an alias a group: their classes are structural (X.501, 13.3.2).
    return dn[:3].lower() == "cn=" and _is_group(entry) != _is_group(wanted)


def _is_group(entry: Entry) -> bool:
    return any(value.lower() == _GROUP for value in entry.get("objectClass", ()))
