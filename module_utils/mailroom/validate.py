# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks across the whole model: addresses used twice, dead targets, loops, required addresses."""

from __future__ import annotations

from datetime import date

from . import model
from .account_set import Accounts
from .findings import ERROR, WARNING, Path
from .model import Alias, Domain, Group, Mailbox
from .routing import Thing, further_addresses, targets, things

# RFC 5321 demands the first; RFC 2142 asks for the second.
REQUIRED_LOCAL_PARTS = (("postmaster", ERROR), ("abuse", WARNING))


def validate(accounts: Accounts, today: date, *, others_unknown: bool = False) -> None:
    """Add findings on what is wrong between objects to `accounts.findings`.

    With `others_unknown`, some files could not be read, so what is missing here may be there.
    """
    _Validation(accounts, others_unknown).run()


class _Validation:
    def __init__(self, accounts: Accounts, others_unknown: bool) -> None:
        self.accounts = accounts
        self.others_unknown = others_unknown
        self.domains = accounts.domains
        self.owners: dict[str, Thing] = {}

    def run(self) -> None:
        # Own addresses first, so that the finding is on the alias that wants somebody's address, in whatever file.
        everything = [thing for domain in self.domains.values() for thing in things(domain)]
        for thing in everything:
            self._claim(thing, thing.address, ())
        for thing in everything:
            for address in further_addresses(thing):
                self._claim(thing, address, ("aliases",))
        for domain in self.domains.values():
            for thing in things(domain):
                for address, below in targets(thing):
                    self._target(thing, address, below)
            self._required(domain)
        self._loops()

    def _claim(self, thing: Thing, address: str, below: Path) -> None:
        """Note the owner of an address, or report that it has one."""
        host = address.rpartition("@")[2]
        if host not in self.domains:
            if self.others_unknown:
                return
            hint = "an alias must be in a domain of these files; mail to other addresses goes elsewhere"
            self.accounts.report(thing, below, f"{address} is in no hosted domain", hint)
            return
        owner = self.owners.setdefault(address, thing)
        if owner is thing:
            return
        message = f"{address} is already used by {_name(owner)} ({self.accounts.place(owner)})"
        hint = "give it to one of them"
        if isinstance(owner, Mailbox) and owner.state == model.ABSENT:
            message = f"{address} is reserved: its mailbox was removed ({self.accounts.place(owner)})"
            hint = "delete the removed mailbox's lines if the address may be used again"
        self.accounts.report(thing, below, message, hint)

    def _target(self, thing: Thing, address: str, below: Path) -> None:
        host = address.rpartition("@")[2]
        domain = self.domains.get(host)
        if domain is None or domain.incomplete:
            return
        owner = self.owner(address)
        if owner is None:
            hint = "correct the target, or add it as a mailbox or alias"
            self.accounts.report(thing, below, f"{address} does not exist", hint)
        elif owner is thing and isinstance(thing, Mailbox):
            self.accounts.report(thing, below, f"{address} is the mailbox itself", "use keep_copy for a local copy")
        elif isinstance(owner, Mailbox) and owner.state == model.ABSENT:
            place = self.accounts.place(owner)
            self.accounts.report(thing, below, f"{address} was removed ({place})", "send the mail elsewhere")

    def owner(self, address: str) -> Thing | None:
        """The object that receives for an address, with or without an extension (alice+shop)."""
        local, _at, host = address.lower().rpartition("@")
        return self.owners.get(f"{local}@{host}") or self.owners.get(f"{local.partition('+')[0]}@{host}")

    def _required(self, domain: Domain) -> None:
        if domain.incomplete or domain.state != model.ACTIVE:
            return
        for local, severity in REQUIRED_LOCAL_PARTS:
            owner = self.owners.get(f"{local}@{domain.name}")
            if owner is None or (isinstance(owner, Mailbox) and owner.state == model.ABSENT):
                message = f"{local}@{domain.name} leads nowhere"
                hint = f"add {local} under aliases: with somebody who reads its mail"
                self.accounts.report(domain, ("domain",), message, hint, severity)
            elif not any(self._is_read(end) for end in self._ends(owner)):
                message = f"nobody reads {owner.address}: it ends in disabled mailboxes only"
                self.accounts.report(owner, (), message, "add somebody who does", WARNING)

    def _is_read(self, end: Thing | None) -> bool:
        return not (isinstance(end, Mailbox) and end.state == model.DISABLED)

    def _ends(self, start: Thing) -> set[Thing | None]:
        """Where mail for an object ends: mailboxes, and None for any address outside."""
        ends: set[Thing | None] = set()
        seen, queue = {id(start)}, [start]
        while queue:
            thing = queue.pop()
            if isinstance(thing, Mailbox) and thing.address in thing.delivery:
                ends.add(thing)
            for address, _below in targets(thing):
                owner = self.owner(address)
                if owner is None:
                    ends.add(None)
                elif id(owner) not in seen:
                    seen.add(id(owner))
                    queue.append(owner)
        return ends

    def _loops(self) -> None:
        """Report each circle of objects that only hand mail on; a mailbox that keeps a copy ends it."""
        state: dict[int, int] = {}
        for start in list(self.owners.values()):
            if id(start) in state:
                continue
            trail = [start]
            branches = [iter(self._next(start))]
            state[id(start)] = 1
            while branches:
                thing = next(branches[-1], None)
                if thing is None:
                    branches.pop()
                    state[id(trail.pop())] = 2
                elif state.get(id(thing)) == 1:
                    self._report_loop(trail[[id(item) for item in trail].index(id(thing)) :])
                elif id(thing) not in state:
                    state[id(thing)] = 1
                    trail.append(thing)
                    branches.append(iter(self._next(thing)))

    def _next(self, thing: Thing) -> list[Thing]:
        if isinstance(thing, Mailbox) and thing.address in thing.delivery:
            return []
        owners = (self.owner(address) for address, _below in targets(thing))
        return [owner for owner in owners if owner is not None]

    def _report_loop(self, circle: list[Thing]) -> None:
        if len(circle) == 1 and isinstance(circle[0], Mailbox):
            return  # reported as a forward to the mailbox itself
        first = min(range(len(circle)), key=lambda position: circle[position].address)
        ordered = circle[first:] + circle[: first + 1]
        way = " -> ".join(thing.address for thing in ordered)
        self.accounts.report(ordered[0], (), f"mail runs in a circle: {way}", "let one of them lead elsewhere")


def _name(thing: Thing) -> str:
    kinds = {Mailbox: "mailbox", Group: "group", Alias: "alias"}
    return f"{kinds[type(thing)]} {thing.address}"
