# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a mailbox: where its mail lies, what a removal leaves, how long an address stays with its person."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from datetime import date, timedelta
from functools import lru_cache

from .addresses import domain_to_ascii
from .diff import changed
from .directory import ADDRESS, DELIVERY, DIGEST, FORMER, HOLD, PURGE, REMOVED, STATE, STORE, USER, digest
from .dn import join as dn_join
from .dn import key as dn_key
from .dn import parent as dn_parent
from .dn import split as dn_split
from .limits import Limits
from .model import QUARANTINED
from .plan import Change, Entry

# What entries have for a moment while an address moves on; nobody can receive mail in .invalid (RFC 6761).
PLACEHOLDER_DOMAIN = "removed.invalid"


def is_mailbox(dn: str) -> bool:
    """Whether an entry below the domains is a mailbox."""
    return dn[:4].lower() == "uid="


def own_address(dn: str) -> str:
    """The address (domain in A-labels) that a mailbox has by its DN."""
    rdns = dn_split(dn)
    return f"{rdns[0][1]}@{rdns[1][1]}"


@lru_cache(maxsize=8192)
def _host(domain: str) -> str:
    try:
        return domain_to_ascii(domain)
    except ValueError:
        return domain.lower()


def canonical(address: str) -> str:
    """The one spelling of a hosted address by which others are compared."""
    local, _at, domain = address.rpartition("@")
    return f"{local.lower()}@{_host(domain)}"


def retired(entry: Entry) -> bool:
    """Whether an entry was removed, and is only there to keep its addresses and its mail for a while."""
    return REMOVED in entry


def same_person(entry: Entry, desired: Entry) -> bool:
    """Whether a mailbox that comes back belongs to whom it belonged before, as far as names tell."""
    return list(entry.get("cn", ())) == list(desired.get("cn", ()))


def store_path(dn: str, taken: Container[str]) -> str:
    """Return where the mail of a new mailbox lies: DOMAIN/LOCAL, or the first of ~2, ~3 ... that nobody has.

    `taken` has the paths in use, in lower case.
    """
    local, _at, domain = own_address(dn).rpartition("@")
    path, number = f"{domain}/{local}", 1
    while path.lower() in taken:
        number += 1
        path = f"{domain}/{local}~{number}"
    return path


def aside(dn: str, mark: str, taken: Container[str]) -> str:
    """Return the DN to which an entry moves so that another can have its name: LOCAL~MARK, made unique.

    No address has a ~ in its local part, so nothing else is ever called so. `taken` has DNs as of dn.key().
    """
    attribute, local = dn_split(dn)[0]
    found, number = dn_join(attribute, f"{local}~{mark}", dn_parent(dn)), 1
    while dn_key(found) in taken:
        number += 1
        found = dn_join(attribute, f"{local}~{mark}~{number}", dn_parent(dn))
    return found


def is_aside(dn: str) -> bool:
    """Whether an entry has moved aside."""
    return "~" in dn_split(dn)[0][1]


def without_addresses(entry: Entry, taken: Collection[str]) -> tuple[Change, ...]:
    """The change of a removed mailbox that gives up some of its further addresses (as spelled there)."""
    addresses = tuple(entry.get(ADDRESS, ()))
    kept = tuple(sorted(value for value in addresses if value not in taken))
    return (Change(ADDRESS, tuple(sorted(addresses)), kept),) if len(kept) < len(addresses) else ()


def renamed_aside(entry: Entry, dn: str, new_dn: str, taken: Collection[str]) -> tuple[Change, ...]:
    """The changes of a removed mailbox that gives up its own address and is called as in `new_dn` from now on."""
    old, new = canonical(next(iter(entry.get(USER, ())), own_address(dn))), own_address(new_dn)
    kept = [value for value in entry.get(ADDRESS, ()) if value not in taken and not _passes(value, old, new)]
    delivery = [new if canonical(value) == old else value for value in entry.get(DELIVERY, ())]
    wanted = {ADDRESS: [new, *kept], DELIVERY: delivery, USER: [new], "mail": []}
    found = (Change(name, tuple(sorted(entry.get(name, ()))), tuple(sorted(new))) for name, new in wanted.items())
    return tuple(sorted(change for change in found if change.old != change.new))


def _passes(address: str, old: str, new: str) -> bool:
    """Whether an entry that is called `new` instead of `old` loses an address by that."""
    return canonical(address) in (old, new) or address.endswith(f"@{PLACEHOLDER_DOMAIN}")


class Life:
    """What the day decides."""

    def __init__(self, today: date, limits: Limits) -> None:
        self.today, self.limits = today, limits

    @property
    def purge_date(self) -> str:
        """From when on the mail of what is removed today may be deleted."""
        return str(self.today + timedelta(self.limits.quarantine_days))

    def retire(self, entry: Entry, more: Iterable[Change] = (), *, purge: bool = True) -> tuple[Change, ...]:
        """The changes that remove a mailbox or domain but keep its entry."""
        wanted = {STATE: QUARANTINED, REMOVED: str(self.today), **({PURGE: self.purge_date} if purge else {})}
        found = [Change(name, tuple(entry.get(name, ())), (value,)) for name, value in wanted.items()]
        return self.noted(entry, [*(change for change in found if change.old != change.new), *more])

    def released(self, entry: Entry) -> bool:
        """Whether nothing of a removed mailbox need be kept any longer. What cannot be read is kept."""
        if HOLD in entry or not (until := self.reserved_until(entry)):
            return False
        purge = entry.get(PURGE, ())
        # The timer that deletes the mail needs the entry on the day of the purge.
        return self.today >= until and all((day := _day(text)) and self.today > day for text in purge)

    def reserved_until(self, entry: Entry) -> date | None:
        """The day on which the addresses of a removed mailbox become free; None if that cannot be told."""
        removed = _day(next(iter(entry.get(REMOVED, ())), str(self.today)))
        return removed + timedelta(self.limits.reserve_days) if removed else None

    def former(self, entry: Entry) -> list[tuple[date, str]]:
        """Addresses (canonical) lost so short a time ago that nobody else may have them, each with the day."""
        found = []
        for text in entry.get(FORMER, ()):
            day, _space, address = text.partition(" ")
            if (lost := _day(day)) and self.today < lost + timedelta(self.limits.reserve_days):
                found.append((lost, canonical(address)))
        return sorted(found)

    def noted(self, entry: Entry, changes: Iterable[Change]) -> tuple[Change, ...]:
        """Changes of a live mailbox with what is to be remembered of them: addresses that it loses, and the digest."""
        changes = (*changes, *self._forgone(entry, changes))
        return (*changes, *_new_digest(entry, changes))

    def unseen(self, entry: Entry, desired: Entry, changes: Iterable[Change]) -> tuple[Change, ...]:
        """What else to write to an entry that is to be as desired: no removal, lost addresses, the digest."""
        back = [Change(name, tuple(entry[name]), ()) for name in (REMOVED, PURGE) if name in entry]
        wanted = tuple(desired.get(DIGEST) or [digest(desired)])
        old = tuple(entry.get(DIGEST, ()))
        written = [Change(DIGEST, old, wanted)] if old != wanted else []
        return (*back, *self._forgone(entry, changes), *written)

    def _forgone(self, entry: Entry, changes: Iterable[Change]) -> tuple[Change, ...]:
        """The change of FORMER that goes with a change of a mailbox's addresses."""
        change = next((change for change in changes if change.attribute == ADDRESS), None)
        if change is None or USER not in entry:
            return ()
        new = {canonical(value) for value in change.new}
        lost = {canonical(value) for value in change.old if not value.endswith(f"@{PLACEHOLDER_DOMAIN}")} - new
        dates = {address: day for day, address in self.former(entry)} | dict.fromkeys(lost, self.today)
        kept = tuple(sorted(f"{day} {address}" for address, day in dates.items() if address not in new))
        old = tuple(sorted(entry.get(FORMER, ())))
        return (Change(FORMER, old, kept),) if kept != old else ()


def created(dn: str, entry: Entry, stores: set[str]) -> dict[str, list[str]]:
    """Return a new entry with all that the plan adds; its store path is noted in `stores`."""
    found = {name: list(values) for name, values in entry.items()}
    if is_mailbox(dn):
        path = store_path(dn, stores)
        stores.add(path.lower())
        found[STORE] = [path]
    return found


def _new_digest(entry: Entry, changes: Iterable[Change]) -> tuple[Change, ...]:
    old, new = tuple(entry.get(DIGEST, ())), (digest(changed(entry, changes)),)
    return (Change(DIGEST, old, new),) if old != new else ()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
