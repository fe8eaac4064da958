# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains, mailboxes and aliases in their normal form: what the directory is made from.

Addresses are canonical (see addresses.py), sizes are bytes, defaults are applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .addresses import domain_to_unicode
from .findings import Path

ACTIVE, DISABLED, ABSENT = "active", "disabled", "absent"
SERVICES = ("antispam", "antivirus", "imap", "pop3", "sieve", "submission")


@dataclass(eq=False)
class Mailbox:
    """A mailbox. `quota` None is unlimited; `aliases`, `forwards` are addresses; `password` a hash or ""."""

    local: str
    domain: str
    name: str
    display_name: str = ""
    given_name: str = ""
    surname: str = ""
    title: str = ""
    department: str = ""
    phone: str = ""
    state: str = ACTIVE
    quota: int | None = None
    services: frozenset[str] = frozenset(SERVICES)
    aliases: tuple[str, ...] = ()
    forwards: tuple[str, ...] = ()
    keep_copy: bool = True
    password: str = ""
    path: Path = ()
    source: int = 0

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def delivery(self) -> tuple[str, ...]:
        """Where mail for the mailbox goes."""
        own = (self.address,) if self.keep_copy or not self.forwards else ()
        return own + self.forwards


@dataclass(eq=False)
class Alias:
    """An address without a mailbox."""

    local: str
    domain: str
    targets: tuple[str, ...]
    path: Path = ()
    source: int = 0

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"


@dataclass(eq=False)
class Domain:
    """A domain with all in it. `name` is in A-labels; `quota` and `services` are defaults for mailboxes."""

    name: str
    customer: str = ""
    state: str = ACTIVE
    quota: int | None = None
    services: frozenset[str] = frozenset(SERVICES)
    mailboxes: list[Mailbox] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    source: int = 0
    # Some of the domain's objects could not be read, so what seems to be missing may only be unread.
    incomplete: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All spellings of the name: A-labels, and U-labels if they differ."""
        return tuple(dict.fromkeys((self.name, domain_to_unicode(self.name))))


def name_parts(name: str, given_name: str = "", surname: str = "") -> tuple[str, str]:
    """Return (given name, surname); where not given, the last word of the name is the surname."""
    given, _space, last = name.rpartition(" ")
    return given_name or given, surname or last


def services_with(base: frozenset[str], flags: Mapping[str, bool]) -> frozenset[str]:
    """Return the services that are on after flags were applied to those before. Raises ValueError."""
    if unknown := sorted(set(flags) - set(SERVICES)):
        raise ValueError(f"unknown services: {', '.join(unknown)}; known are {', '.join(SERVICES)}")
    on = {name for name, flag in flags.items() if flag}
    return frozenset((base | on) - {name for name, flag in flags.items() if not flag})
