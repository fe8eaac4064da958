# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets an address that is, or was until recently, somebody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from .directory import ADDRESS, FORMER
from .dn import key as dn_key
from .lifecycle import Life, canonical, is_mailbox, own_address, retired
from .plan import CREATE, Entries, Entry, Refusal, Step

DOMAIN_NAME = "mailroomDomainName"


@dataclass(frozen=True)
class Taking:
    """A canonical address that would go from the mailbox `holder` (live DN) to the object of the step `taker`.

    `why` says whose it is, for people.
    """

    address: str
    holder: str
    taker: Step
    why: str


@dataclass
class Takings:
    """What is taken from whom: findings for the gate, values (as spelled) by removed holder, and what is impossible."""

    found: list[Taking] = field(default_factory=list)
    from_removed: dict[str, list[str]] = field(default_factory=dict)
    conflicts: list[Refusal] = field(default_factory=list)


def takings(made: Iterable[Step], live: Entries, gone: Collection[str], life: Life) -> Takings:
    """Return what the steps that make, change or rename objects take from others.

    `gone` has the DNs of live entries of the project that are not desired. An address that stays with another
    entry is a conflict: the server would refuse it as well (overlay unique), with less to say.
    """
    made = list(made)
    finder = _Finder(made, live, gone, life)
    if finder.gained:
        finder.look_through()
    return finder.takings


class _Finder:
    def __init__(self, made: list[Step], live: Entries, gone: Collection[str], life: Life) -> None:
        self._live, self._gone, self._life = live, gone, life
        self.takings = Takings()
        self.gained, self._lost = _movements(made, ADDRESS)
        self._canonical = {canonical(value): step for value, step in self.gained.items()} if live else {}
        self._seen: set[tuple[str, str]] = set()

    def look_through(self) -> None:
        """Look at every live entry."""
        for dn, entry in self._live.items():
            for value in entry.get(ADDRESS, ()):
                taker = self.gained.get(value.lower())
                if taker and not _is_own(taker, dn):
                    self._held(dn, entry, value, taker)
            if FORMER in entry:
                self._former(dn, entry)

    def _held(self, dn: str, entry: Entry, value: str, taker: Step) -> None:
        if dn in self._gone:
            if is_mailbox(dn) and not self._life.released(entry):
                self.takings.from_removed.setdefault(dn, []).append(value)
                self._add(canonical(value), dn, taker, self._kept_for(entry))
        elif (dn_key(dn), value.lower()) not in self._lost:
            self._conflict(dn, entry, value, taker)
        elif is_mailbox(dn):
            self._add(canonical(value), dn, taker, f"belongs to mailbox {own_address(dn)}")

    def _former(self, dn: str, entry: Entry) -> None:
        for lost, address in self._life.former(entry):
            taker = self._canonical.get(address)
            if taker and not _is_own(taker, dn):
                self._add(address, dn, taker, f"belonged to mailbox {own_address(dn)} until {lost}")

    def _add(self, address: str, holder: str, taker: Step, why: str) -> None:
        if (address, holder) not in self._seen:
            self._seen.add((address, holder))
            self.takings.found.append(Taking(address, holder, taker, why))

    def _kept_for(self, entry: Entry) -> str:
        until: date | str = self._life.reserved_until(entry) or "somebody looks at its date of removal"
        return f"is kept for {next(iter(entry.get('cn', ())), '?')} until {until}"

    def _conflict(self, dn: str, entry: Entry, value: str, taker: Step) -> None:
        message = f"{value} for {taker.kind} {taker.label} is already an address of {dn}"
        if retired(entry):
            hint = "Choose another, or wait."
            self.takings.conflicts.append(Refusal(f"{message}, where it {self._kept_for(entry)}.", hint))
        else:
            self.takings.conflicts.append(Refusal(f"{message}.", "Take it from there first, or choose another."))


def _movements(made: Iterable[Step], attribute: str) -> tuple[dict[str, Step], set[tuple[str, str]]]:
    """Values (lower case) that steps gain, with the step, and values that steps lose as (key of DN before, value)."""
    gained: dict[str, Step] = {}
    lost: set[tuple[str, str]] = set()
    for step in made:
        for change in step.changes:
            if change.attribute == attribute:
                gained.update({value.lower(): step for value in (change.added if change.old else change.new)})
                lost.update((dn_key(step.before), value.lower()) for value in change.removed)
    return gained, lost


def _is_own(taker: Step, dn: str) -> bool:
    return taker.action != CREATE and dn_key(taker.before) == dn_key(dn)


def name_conflicts(made: Iterable[Step], live: Entries, deleted: Collection[str]) -> Iterator[Refusal]:
    """Yield where a domain would get a name that stays with another; `deleted` has keys of DNs that go for good."""
    gained, lost = _movements(made, DOMAIN_NAME)
    for dn, entry in live.items() if gained else ():
        for value in entry.get(DOMAIN_NAME, ()):
            taker, key = gained.get(value.lower()), dn_key(dn)
            if not taker or _is_own(taker, dn) or (key, value.lower()) in lost or key in deleted:
                continue
            yield Refusal(
                f"{value} for {taker.kind} {taker.label} is already a name of {dn}.",
                "Take it from there first. A removed domain keeps its names as long as it keeps mailboxes: move those "
                "with renamed_from before you remove it, or wait for the end of their reservations.",
            )


def grouped(found: Iterable[Taking], allowed: Collection[str]) -> Mapping[tuple[str, str], list[Taking]]:
    """Takings that nobody allowed, by holder and taker."""
    named = {canonical(address) for address in allowed}
    groups: dict[tuple[str, str], list[Taking]] = {}
    for taking in found:
        if taking.address not in named:
            groups.setdefault((taking.holder, taking.taker.name), []).append(taking)
    return groups
