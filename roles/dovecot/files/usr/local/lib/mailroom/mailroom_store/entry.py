# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox as the directory describes it, and when its mail may be deleted. Pure: no directory, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from .settings import StoreError

ACTIVE, DISABLED, QUARANTINED = "active", "disabled", "quarantined"
# What keeps the entries of the account files.
ACCOUNTS = "accounts"
ATTRIBUTES = (
    "entryUUID",
    "entryCSN",
    "mailroomUser",
    "mailroomStore",
    "mailroomState",
    "mailroomRemoved",
    "mailroomPurge",
    "mailroomHold",
    "mailroomManagedBy",
    "displayName",
    "cn",
)


@dataclass(frozen=True)
class Entry:
    """Dates are YYYY-MM-DD or ""; `mark` says what keeps the entry ("" for one that was made by hand).

    `changed` is the number of its last change, which begins with the time in UTC.
    """

    dn: str
    uuid: str
    address: str
    name: str
    store: str
    state: str
    removed: str = ""
    purge: str = ""
    hold: str = ""
    mark: str = ""
    changed: str = ""


def from_ldap(dn: str, attributes: Mapping[str, Sequence[str]]) -> Entry:
    """Make an entry from what the directory answered for ATTRIBUTES."""

    def one(name: str) -> str:
        return next(iter(attributes.get(name, ())), "")

    return Entry(
        dn=dn,
        uuid=one("entryUUID"),
        address=one("mailroomUser"),
        name=one("displayName") or one("cn"),
        store=one("mailroomStore"),
        state=one("mailroomState"),
        removed=one("mailroomRemoved"),
        purge=one("mailroomPurge"),
        hold=one("mailroomHold"),
        mark=one("mailroomManagedBy"),
        changed=one("entryCSN"),
    )


def home(mail_root: Path, entry: Entry) -> Path:
    """Return the mailbox's folder. Raises StoreError unless the path is DOMAIN/LOCAL: nothing else is ever touched."""
    parts = entry.store.split("/")
    if len(parts) != 2 or any(not part or part.startswith(".") or not part.isprintable() for part in parts):
        raise StoreError(f"{entry.address}: store path {entry.store!r} is not DOMAIN/LOCAL; see {entry.dn}")
    return mail_root.joinpath(*parts)


def day(text: str) -> date:
    """Read a date of the directory. Raises StoreError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise StoreError(f"{text!r} is not a date (YYYY-MM-DD)") from None


def why_kept(entry: Entry, today: date) -> str:
    """Return why the mailbox's mail stays; "" if its entry says in every respect that it is to go."""
    if entry.state != QUARANTINED:
        return f"it is {entry.state or 'without a state'}, not quarantined"
    if entry.hold:
        return f"legal hold: {entry.hold}"
    if not entry.mark:
        return "the entry was made by hand (no mailroomManagedBy)"
    if not entry.removed or not entry.purge:
        return "it has no date of removal" if entry.purge else "it has no purge date"
    try:
        day(entry.removed)
        due = day(entry.purge)
    except StoreError as error:
        return str(error)
    return "" if due <= today else f"its purge date is {entry.purge}"


def due(entries: Iterable[Entry], today: date) -> list[Entry]:
    """Return the entries whose mail is to go today, by address. A store path that two entries share keeps both."""
    everyone = list(entries)
    owners = Counter(entry.store for entry in everyone)
    found = [entry for entry in everyone if not why_kept(entry, today) and owners[entry.store] == 1]
    return sorted(found, key=lambda entry: entry.address)
