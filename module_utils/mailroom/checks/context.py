# SPDX-License-Identifier: GPL-3.0-or-later
"""What every check has at hand: the accounts, who has which address, the day, and a way to report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ..account_set import Accounts
from ..findings import ERROR, WARNING, Path
from ..model import ABSENT, Alias, Domain, Group, Mailbox
from ..routing import Routing, Thing

_KINDS = {Mailbox: "mailbox", Group: "group", Alias: "alias"}


@dataclass
class Context:
    """One validation. With `others_unknown` some files could not be read, so what is missing may be in them."""

    accounts: Accounts
    today: date
    others_unknown: bool

    def __post_init__(self) -> None:
        self.domains = self.accounts.domains
        self.routing = Routing(self.domains)

    def mailboxes(self) -> Iterator[Mailbox]:
        """All mailboxes that are not removed."""
        for domain in self.domains.values():
            yield from (box for box in domain.mailboxes if box.state != ABSENT)

    def error(self, thing: Domain | Thing, field: Path, message: str, hint: str) -> None:
        self.accounts.report(thing, field, message, hint, ERROR)

    def warn(self, thing: Domain | Thing, field: Path, message: str, hint: str) -> None:
        self.accounts.report(thing, field, message, hint, WARNING)

    def place(self, thing: Domain | Thing, field: Path = ()) -> str:
        """file:line of an object or of a field of it."""
        return self.accounts.place(thing, field)

    def domain_of(self, address: str) -> Domain | None:
        """The hosted domain of an address."""
        return self.domains.get(address.rpartition("@")[2])


def name(thing: Thing) -> str:
    """An object as messages call it."""
    if isinstance(thing, Alias) and not thing.local:
        return f"the catch-all of {thing.domain}"
    return f"{_KINDS[type(thing)]} {thing.address}"


def removed(thing: Thing | None) -> bool:
    """Whether it is a mailbox with `state: absent`."""
    return isinstance(thing, Mailbox) and thing.state == ABSENT
