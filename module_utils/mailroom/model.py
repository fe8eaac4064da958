# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains, mailboxes, groups and aliases in their normal form: what the directory is made from.

Addresses are canonical (see addresses.py), sizes are bytes, defaults are applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .addresses import domain_to_unicode
from .findings import Path

ACTIVE, DISABLED, QUARANTINED, ABSENT = "active", "disabled", "quarantined", "absent"
SERVICES = ("antispam", "antivirus", "imap", "pop3", "sieve", "submission")
# What a login is for; nobody logs in to a shared mailbox, and the others do not need all of these.
READING, SENDING = frozenset({"imap", "pop3", "sieve"}), frozenset({"submission"})
PERSON, SHARED, SEND_ONLY, RECEIVE_ONLY = "person", "shared", "send_only", "receive_only"
# What an agent of a shared mailbox may do; each right includes those before it.
READ, EDIT, SEND = "read", "edit", "send"
# Who may post to a group: one of these words, or LISTED with the addresses.
ANYONE, INTERNAL, MEMBERS, LISTED = "anyone", "internal", "members", "listed"
ANY_NAME, FIRSTNAME_LASTNAME = "any", "firstname.lastname"
# `identity` of a mailbox that sends under its own address whatever its domain says.
OWN = "own"


class Addressed:
    """What objects with a local part in a domain share."""

    local: str
    domain: str
    path: Path
    source: int

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"


@dataclass(eq=False)
class Mailbox(Addressed):
    """A mailbox of a person, a service or several people.

    `quota` None is unlimited; `aliases`, `forwards`, `send_as` are addresses; `password` is a hash or "".
    `identity` is the address that mail to the outside leaves under, "" for its own. `expires` is a date
    (YYYY-MM-DD) or "": `state` is DISABLED from that date on; `contact` is the address of who is asked about it.
    `hold` is the reason of a legal hold or "". `renamed_from` is the address that it had before, or "". `agents`
    are rights by address (shared mailboxes).
    """

    local: str
    domain: str
    name: str
    kind: str = PERSON
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
    send_as: tuple[str, ...] = ()
    identity: str = ""
    agents: Mapping[str, str] = field(default_factory=dict)
    expires: str = ""
    contact: str = ""
    hold: str = ""
    renamed_from: str = ""
    password: str = ""
    path: Path = ()
    source: int = 0

    @property
    def receives(self) -> bool:
        """Whether mail for it is taken."""
        return self.kind != SEND_ONLY and self.state in (ACTIVE, DISABLED)

    @property
    def delivery(self) -> tuple[str, ...]:
        """Where mail for the mailbox goes."""
        own = (self.address,) if self.keep_copy or not self.forwards else ()
        return own + self.forwards


@dataclass(eq=False)
class Alias(Addressed):
    """An address without a mailbox. The catch-all of a domain is an alias with an empty local part."""

    local: str
    domain: str
    targets: tuple[str, ...]
    path: Path = ()
    source: int = 0


@dataclass(eq=False)
class Group(Addressed):
    """A distribution list. `post` is one of ANYONE, INTERNAL, MEMBERS, LISTED (then `posters` has the addresses)."""

    local: str
    domain: str
    name: str
    members: tuple[str, ...]
    post: str = ANYONE
    posters: tuple[str, ...] = ()
    path: Path = ()
    source: int = 0


@dataclass(eq=False)
class Domain:
    """A domain with all in it. `name` is in A-labels; `quota` and `services` are defaults for mailboxes.

    `alias_names` are further names (A-labels) under which every address exists too. `max_mailboxes` and
    `max_quota` (bytes for all mailboxes) None mean no limit.
    """

    name: str
    customer: str = ""
    state: str = ACTIVE
    quota: int | None = None
    services: frozenset[str] = frozenset(SERVICES)
    alias_names: tuple[str, ...] = ()
    max_mailboxes: int | None = None
    max_quota: int | None = None
    administrators: tuple[str, ...] = ()
    naming: str = ANY_NAME
    identity: str = ""
    reserved: tuple[str, ...] = ()
    mailboxes: list[Mailbox] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    source: int = 0
    # Which document says a field of the domain itself, where it has several.
    sources: dict[str, int] = field(default_factory=dict)
    # Some of the domain's objects could not be read, so what seems to be missing may only be unread.
    incomplete: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All spellings of all names: the name in A-labels first, then U-labels where they differ, then alias names."""
        found = [spelling for name in (self.name, *self.alias_names) for spelling in (name, domain_to_unicode(name))]
        return tuple(dict.fromkeys(found))


def name_parts(name: str, given_name: str = "", surname: str = "") -> tuple[str, str]:
    """Return (given name, surname); where not given, the last word of the name is the surname."""
    given, _space, last = name.rpartition(" ")
    return given_name or given, surname or last


def services_of_kind(kind: str, services: frozenset[str]) -> frozenset[str]:
    """Return the services that a mailbox of a kind can have out of those that it was given."""
    without = {SEND_ONLY: READING, RECEIVE_ONLY: SENDING, SHARED: READING | SENDING}
    return services - without.get(kind, frozenset())


def services_with(base: frozenset[str], flags: Mapping[str, bool]) -> frozenset[str]:
    """Return the services that are on after flags were applied to those before. Raises ValueError."""
    if unknown := sorted(set(flags) - set(SERVICES)):
        raise ValueError(f"unknown services: {', '.join(unknown)}; known are {', '.join(SERVICES)}")
    on = {name for name, flag in flags.items() if flag}
    return frozenset((base | on) - {name for name, flag in flags.items() if not flag})
